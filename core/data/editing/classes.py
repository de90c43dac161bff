"""Rename, merge, drop and reorder the classes of an imported copy."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import PurePosixPath

from core.data.dataset import SPLITS, Dataset
from core.data.editing.editing import edited, move_pictures, remove_pictures
from core.data.writing import class_folder, free_stem, relabel, save_table
from core.errors import InputError
from core.tasks import TASKS


def edit_classes(dataset: Dataset, mapping: dict[str, str | None], order: list[str] | None = None) -> Dataset:
    """Give classes new names on the imported copy and return the dataset as it is then.

    `mapping` is old name -> new name; two old names with one new name are merged, None drops the class (its objects
    go, for classify its pictures too). Classes that are not named stay. `order` lists the new names in their new
    order (class ids; for classify the order is always alphabetical, as the training reads folders). Raises
    InputError for unknown names, an empty name, or when no class would be left.
    """
    unknown = [name for name in mapping if name not in dataset.classes]
    if unknown:
        raise InputError(f"{dataset.name} has no class “{unknown[0]}”; it has {', '.join(dataset.classes)}.")
    renamed: dict[str, str | None] = {}
    for name in dataset.classes:
        new = mapping.get(name, name)
        renamed[name] = None if new is None else " ".join(new.split())
        if renamed[name] == "":
            raise InputError(f"The class “{name}” needs a name; to drop it, choose drop.")
    kept = list(dict.fromkeys(name for name in renamed.values() if name is not None))
    if not kept:
        raise InputError("At least one class must be left.")
    if len(kept) < 2 and TASKS[dataset.task].names_pixels:
        raise InputError("At least two classes must be left: a pixel has to be told from others.")
    if order is not None:
        if sorted(order) != sorted(kept):
            raise InputError(f"The order must name each class once: {', '.join(kept)}.")
        kept = list(order)
    if TASKS[dataset.task].has_class_folders:
        kept = sorted(class_folder(name) for name in kept)
    if kept == dataset.classes and all(old == new for old, new in renamed.items()):
        return dataset
    with edited(dataset, _note(dataset.classes, renamed, kept)) as twin:
        if TASKS[dataset.task].has_class_folders:
            _move_class_folders(twin, renamed, kept)
        else:
            _rewrite_labels(twin, renamed, kept)
        old_ids = dict(enumerate(dataset.classes))
        twin.classes = kept
        twin.source_mapping = {
            source: kept.index(new)
            for source, number in dataset.source_mapping.items()
            if (new := renamed[old_ids[number]]) is not None
        }
    return twin


def _note(before: list[str], renamed: dict[str, str | None], after: list[str]) -> str:
    changes = []
    for old, new in renamed.items():
        if new is None:
            changes.append(f"dropped {old}")
        elif new != old:
            changes.append(f"{old} -> {new}")
    if [new for new in dict.fromkeys(renamed[name] for name in before) if new] != after:
        changes.append("reordered to " + ", ".join(after))
    text = "; ".join(changes)
    return f"Classes: {text if len(text) < 400 else text[:400] + ' ...'}"


def _rewrite_labels(twin: Dataset, renamed: dict[str, str | None], kept: list[str]) -> None:
    new_id = {
        number: None if renamed[name] is None else kept.index(str(renamed[name]))
        for number, name in enumerate(twin.classes)
    }
    table = twin.image_table()
    counts = []
    for file in table["file"]:
        path = twin.label_path(file)
        counts.append(relabel(path, path, new_id) if path.exists() else 0)
    table["objects"] = counts
    save_table(twin, table)


def _move_class_folders(twin: Dataset, renamed: dict[str, str | None], kept: list[str]) -> None:
    """Move pictures into the folders of their new classes; names that clash are numbered."""
    table = twin.image_table()
    remove_pictures(twin, {file for file in table["file"] if renamed[file.split("/")[1]] is None})
    taken: dict[str, Counter[str]] = {}
    targets: dict[str, str] = {}
    files = [file for file in table["file"] if renamed[file.split("/")[1]] is not None]
    for file in sorted(files, key=lambda file: (renamed[file.split("/")[1]] != file.split("/")[1], file)):
        split, old, name = file.split("/", 2)
        new = str(renamed[old])
        stem = free_stem(f"{old}/{name}", 0, taken.setdefault(new, Counter()))
        targets[file] = f"{split}/{new}/{stem}{PurePosixPath(name).suffix}"
    move_pictures(twin, targets)
    for split in SPLITS:
        folder = twin.root / "images" / split
        if not folder.is_dir():
            continue
        for path in folder.iterdir():
            if path.name not in kept:
                shutil.rmtree(path)
        for name in kept:
            (folder / name).mkdir(exist_ok=True)
