"""Take the last change of an imported copy back: what it was before lies beside it, made of hard links.

One step only, and only while nothing else was changed since: labels drawn or pictures added later are never lost.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from core.data.dataset import Dataset, load_dataset, write_data_yaml
from core.errors import InputError
from core.workspace import Workspace, read_json, write_json_atomic

BEFORE = "before"
"""The folder of a dataset that holds what it was before its last change."""
RECORD = "undo.json"
BY_THE_USER = ("name", "licence", "notes", "test_openings")
"""What is said of a dataset, and not changed with it: an opening of the test part stays counted."""


def keep_before(dataset: Dataset, earlier: Path, note: str) -> None:
    """Keep the folder `earlier` as what the dataset was before the change that `note` tells."""
    shutil.rmtree(earlier / BEFORE, ignore_errors=True)
    (earlier / RECORD).unlink(missing_ok=True)
    earlier.rename(dataset.root / BEFORE)
    write_json_atomic(dataset.root / RECORD, {"note": note, "state": _state(dataset)})


def last_change(dataset: Dataset) -> str:
    """Return what the last change was, '' where there is none that can be taken back."""
    record = _record(dataset)
    possible = (dataset.root / BEFORE / "dataset.json").is_file() and record.get("state") == _state(dataset)
    return str(record.get("note", "")) if possible else ""


def undo(dataset: Dataset) -> Dataset:
    """Make a dataset what it was before its last change, and return it.

    Raises InputError where nothing can be taken back: nothing was changed, or something else was changed since.
    """
    if not last_change(dataset):
        raise InputError(f"{dataset.name} has no change that can be taken back: something else was changed since.")
    home = dataset.root
    with Workspace(home.parent.parent).staging("undo") as stage:
        (home / BEFORE).rename(stage / BEFORE)
        home.rename(stage / "after")
        try:
            (stage / BEFORE).rename(home)
        except OSError:
            (stage / "after").rename(home)
            raise
    restored = load_dataset(Workspace(home.parent.parent), dataset.id)
    for name in BY_THE_USER:
        setattr(restored, name, getattr(dataset, name))
    restored.save()
    write_data_yaml(restored)
    return restored


def _record(dataset: Dataset) -> dict[str, Any]:
    try:
        return read_json(dataset.root / RECORD)
    except FileNotFoundError:
        return {}


def _state(dataset: Dataset) -> dict[str, Any]:
    """Return what differs as soon as anything but the dataset's card was changed."""
    tables = [*dataset.root.glob("*.parquet"), *dataset.root.glob("labelling/journal.jsonl")]
    sizes = {path.name: [path.stat().st_size, path.stat().st_mtime_ns] for path in tables}
    return {"checksum": dataset.checksum, "fixes": list(dataset.fixes), "tables": sizes}
