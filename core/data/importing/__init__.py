"""From an upload, or a public set, to a dataset on disk: read, prepared, divided, written, moved into place at once.

The readers of all formats are loaded when an import is asked for, not with the few words that the pages need.
"""

from typing import TYPE_CHECKING, Any

from core.data.importing.settings import ImportSettings

if TYPE_CHECKING:
    from core.data.importing.from_upload import import_dataset, import_sample

__all__ = ["ImportSettings", "import_dataset", "import_sample"]


def __getattr__(name: str) -> Any:
    """Return what imports, loaded at its first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from core.data.importing import from_upload

    return getattr(from_upload, name)
