"""The doctor: what is wrong, or may be, with an imported copy."""

from core.data.checks.checking import check_dataset

__all__ = ["check_dataset"]
