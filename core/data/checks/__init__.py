"""The doctor: what is wrong, or may be, with an imported copy."""
