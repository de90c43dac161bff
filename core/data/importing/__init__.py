"""From an upload, or a public set, to a dataset on disk: read, prepared, divided, written, moved into place at once."""

from core.data.importing.from_upload import import_dataset, import_sample
from core.data.importing.settings import ImportSettings

__all__ = ["ImportSettings", "import_dataset", "import_sample"]
