"""The kinds of experiments, one module each, and the arithmetic that only they need."""
