"""The model in other formats, each run and compared with the checkpoint before it is called verified."""

from core.delivery.export.exporting import export_run, list_exports

__all__ = ["export_run", "list_exports"]
