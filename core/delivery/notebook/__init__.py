"""The same training as a notebook with plain Ultralytics."""
