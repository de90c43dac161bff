"""Change an imported copy in one step: fixes, classes, the split."""
