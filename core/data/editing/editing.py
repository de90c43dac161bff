"""Change an imported copy in one step: work on a twin beside it, then swap the folders; the source is never touched.

A twin is made of hard links, so that it costs no space and a crash half-way leaves the dataset as it was.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.data.checks.checking import check_dataset
from core.data.dataset import Dataset, write_data_yaml
from core.data.editing.undoing import BEFORE, RECORD, keep_before
from core.data.writing import recount, save_table
from core.errors import InputError
from core.tasks import TASKS
from core.workspace import Workspace


@contextmanager
def edited(dataset: Dataset, note: str) -> Iterator[Dataset]:
    """Give a twin of the dataset to change; at the end it takes the dataset's place with `note` added to its fixes.

    What the dataset was is kept for one `undo`. The twin has its own folder as `root`; counts, checksum and findings
    are made anew from what lies in it. Files must be replaced, never written in place: both folders share them.
    """
    home = dataset.root
    workspace = Workspace(home.parent.parent)
    with workspace.staging("edit") as stage:
        twin = dataset.model_copy(deep=True)
        twin._root = stage / "dataset"

        def not_earlier(folder: str, names: list[str]) -> set[str]:
            return {BEFORE, RECORD} & set(names) if Path(folder) == home else set()  # a class may have that name

        shutil.copytree(home, twin.root, copy_function=_link, ignore=not_earlier)
        yield twin
        if not len(twin.image_table()):
            raise InputError("Nothing would be left of the dataset: it was not changed.")
        recount(twin)
        twin.fixes = [*dataset.fixes, note]
        twin.findings = check_dataset(twin)
        twin.save()
        write_data_yaml(twin)
        home.rename(stage / "before")
        try:
            twin.root.rename(home)
        except OSError:
            (stage / "before").rename(home)
            raise
        twin._root = home
        write_data_yaml(twin)
        keep_before(twin, stage / "before", note)


def _link(source: str, target: str) -> None:
    """Hard-link a file; copy it where the disk knows no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def replace_text(path: Path, text: str) -> None:
    """Write a file anew instead of in place, so that a hard link to the old one keeps the old text."""
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)


def remove_pictures(dataset: Dataset, files: set[str]) -> None:
    """Take pictures with their labels out of a twin and its table."""
    table = dataset.image_table()
    for file in files:
        dataset.image_path(file).unlink()
        if TASKS[dataset.task].has_label_files:
            dataset.label_path(file).unlink(missing_ok=True)
    save_table(dataset, table[~table["file"].isin(files)])


def move_pictures(dataset: Dataset, targets: dict[str, str]) -> None:
    """Rename pictures with their labels in a twin: old file -> new file as in the table (its split is read off)."""
    table = dataset.image_table()
    moves = {old: new for old, new in targets.items() if old != new}
    for place in ("images", "labels"):
        if place == "labels" and not TASKS[dataset.task].has_label_files:
            continue
        parked: list[tuple[Path, Path]] = []
        for number, (old, new) in enumerate(moves.items()):
            source, target = (
                (dataset.image_path(old), dataset.image_path(new))
                if place == "images"
                else (dataset.label_path(old), dataset.label_path(new))
            )
            if source.exists():
                waiting = dataset.root / f".moving{number}"
                source.rename(waiting)
                parked.append((waiting, target))
        for waiting, target in parked:
            target.parent.mkdir(parents=True, exist_ok=True)
            waiting.rename(target)
    table["file"] = [moves.get(file, file) for file in table["file"]]
    table["split"] = [file.split("/", 1)[0] for file in table["file"]]
    save_table(dataset, table)
