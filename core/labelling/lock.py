"""One hand at a time on the labels of a dataset, whichever server or command line it belongs to."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from core.data.dataset import Dataset, load_dataset
from core.files.file_lock import FileLock
from core.workspace import Workspace


def labelling_lock(dataset: Dataset) -> FileLock:
    """Return the lock that is held by who changes labels, classes, or the pictures that there are."""
    return _of(dataset.root)


@lru_cache(maxsize=64)
def _of(root: Path) -> FileLock:
    # Not in the dataset's own folder: that gives its place to another when a version is made.
    return FileLock(root.parent.parent / "locks" / f"{root.name}.lock")


def as_it_is_now(dataset: Dataset) -> Dataset:
    """Return a dataset as it lies on the disk, where another process may have made a version since it was loaded."""
    return load_dataset(Workspace(dataset.root.parent.parent), dataset.root.name)
