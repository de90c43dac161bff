"""Masks: which picture each belongs to, what its values are, and what they are called."""
