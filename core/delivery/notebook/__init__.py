"""The same training as a notebook with plain Ultralytics."""

from core.delivery.notebook.notebook import write_notebook

__all__ = ["write_notebook"]
