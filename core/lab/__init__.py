"""Experiments: several runs that answer one question together, with what was measured and how sure it is."""
