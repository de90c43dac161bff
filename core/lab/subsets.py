"""Parts of a dataset, and two datasets joined, as datasets of their own: hard links, so that they cost no space.

A part is drawn by halving: half of the training pictures, half of these, and so on. Each half is balanced by class,
with groups and copies kept together (`core.data.splits.divide`), so the sizes are nested and the same on any machine.
The validation pictures are the same in every part; originals are never touched.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from core.data.copies import read_copies
from core.data.dataset import Dataset, delete_dataset, list_datasets, write_data_yaml
from core.data.labels import read_labels
from core.data.leakage import together
from core.data.splits import Item, divide
from core.data.writing import class_folder, recount, relabel, save_table
from core.tasks import TASKS
from core.workspace import Workspace

FEWEST_PER_CLASS = 2
"""A part has at least so many pictures for each class of the dataset."""


def nested_subsets(dataset: Dataset, parts: int, seed: int = 0) -> list[list[str]]:
    """Return the training pictures of up to `parts` sizes, the largest (all) first, each within the one before."""
    table = dataset.image_table()
    keys = together(
        table["sha256"].astype(str).tolist(), table["group"].fillna("").astype(str).tolist(), read_copies(dataset)
    )
    labels = read_labels(dataset, table)
    classes: list[set[int]] = [set() for _ in range(len(table))]
    for row, class_id in zip(labels.row.tolist(), labels.class_id.tolist(), strict=True):
        classes[row].add(class_id)
    sources, files = table["source"].astype(str).tolist(), table["file"].astype(str).tolist()
    pool = [row for row, split in enumerate(table["split"]) if split == "train"]
    fewest = max(2, FEWEST_PER_CLASS * len(dataset.classes))
    found = [[files[row] for row in pool]]
    while len(found) < parts:
        items = [Item(sources[row], frozenset(classes[row]), keys[row]) for row in pool]
        places = divide(items, (0.5, 0.5, 0.0), seed * 1000 + len(found))
        half = [row for row, place in zip(pool, places, strict=True) if place == "train"]
        if len(half) < fewest or len(half) == len(pool):
            break
        pool = half
        found.append([files[row] for row in pool])
    return found


def make_subset(
    workspace: Workspace, dataset: Dataset, training: Sequence[str], part_id: str, name: str, made_for: str
) -> Dataset:
    """Make (or return, when it is there) the dataset with these training pictures and all validation pictures."""
    home = workspace.dataset(part_id)
    table = dataset.image_table()
    table = table[table["file"].isin(set(training)) | (table["split"] == "val")].reset_index(drop=True)
    return _made(workspace, dataset, home, name, made_for, [(dataset, table, "")])


def join(
    workspace: Workspace,
    old: Dataset,
    new: Dataset,
    classes: list[str],
    *,
    keep_old: bool,
    made_for: str,
    joined_id: str,
) -> Dataset:
    """Make (or return) the dataset of two: pictures get the prefix `old-` and `new-`, labels the ids of `classes`.

    Without `keep_old` the training pictures are those of the new dataset alone; the validation pictures are both's.
    """
    home = workspace.dataset(joined_id)
    tables = []
    for dataset, prefix in ((old, "old-"), (new, "new-")):
        table = dataset.image_table()
        wanted = ("train", "val") if prefix == "new-" or keep_old else ("val",)
        tables.append((dataset, table[table["split"].isin(wanted)].reset_index(drop=True), prefix))
    template = new.model_copy(deep=True, update={"classes": classes})
    template._root = new.root
    return _made(workspace, template, home, f"{old.name} and {new.name}", made_for, tables)


def _made(
    workspace: Workspace,
    template: Dataset,
    home: Path,
    name: str,
    made_for: str,
    tables: list[tuple[Dataset, pd.DataFrame, str]],
) -> Dataset:
    present = [item for item in list_datasets(workspace, with_parts=True) if item.id == home.name]
    if present:
        return present[0]
    update = {"id": home.name, "name": name, "made_for": made_for, "findings": [], "fixes": [], "test_locked": False}
    twin = template.model_copy(deep=True, update=update)
    with workspace.staging("part") as stage:
        twin._root = stage / "dataset"
        pieces = []
        for dataset, table, prefix in tables:
            renamed = [_renamed(str(file), prefix) for file in table["file"]]
            for file, target in zip(table["file"].astype(str), renamed, strict=True):
                _link(dataset.image_path(file), twin.image_path(target))
                if TASKS[twin.task].has_label_files and dataset.label_path(file).exists():
                    _label(dataset, dataset.label_path(file), twin.label_path(target), twin.classes)
            pieces.append(table.assign(file=renamed, source=[prefix + str(item) for item in table["source"]]))
        if TASKS[twin.task].has_class_folders:
            for split in ("train", "val"):
                for class_name in twin.classes:
                    (twin.root / "images" / split / class_folder(class_name)).mkdir(parents=True, exist_ok=True)
        save_table(twin, pd.concat(pieces, ignore_index=True))
        recount(twin)
        twin.save()
        write_data_yaml(twin)
        os.replace(twin.root, home)
    twin._root = home
    write_data_yaml(twin)
    return twin


def remove_subsets(workspace: Workspace, made_for: str) -> int:
    """Remove the datasets an experiment made for itself; return how many."""
    mine = [item.id for item in list_datasets(workspace, with_parts=True) if item.made_for == made_for]
    for dataset_id in mine:
        delete_dataset(workspace, dataset_id)
    return len(mine)


def _renamed(file: str, prefix: str) -> str:
    folder, _, name = file.rpartition("/")
    return f"{folder}/{prefix}{name}"


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)  # a disk that knows no links


def _label(dataset: Dataset, source: Path, target: Path, classes: list[str]) -> None:
    if dataset.classes == classes:
        _link(source, target)
        return
    relabel(source, target, {number: classes.index(name) for number, name in enumerate(dataset.classes)})
