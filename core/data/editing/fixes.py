"""The one-click fixes of findings, on the imported copy; each is recorded in dataset.json."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from core.data.checks.examined import Examined, copies_by_row
from core.data.checks.labels import alike, is_tiny
from core.data.checks.splits import GROUP_PATTERN, copy_sets, kept_of, said_of
from core.data.dataset import SPLITS, Dataset
from core.data.editing.classes import edit_classes
from core.data.editing.editing import edited, move_pictures, remove_pictures, replace_text
from core.data.editing.resplitting import resplit
from core.data.findings.problems import KINDS
from core.data.labels import read_labels
from core.data.splits import DEFAULT_RATIO, ratio_text
from core.data.writing import free_stem, save_table
from core.errors import InputError
from core.words import count

Fix = Callable[[Dataset], Dataset]


def apply_fix(dataset: Dataset, code: str) -> Dataset:
    """Apply the fix of a finding to the imported copy and return the dataset as it is then, checked anew.

    Raises InputError when there is no such finding in this dataset or no fix for it.
    """
    if code not in FIXES:
        known = code in KINDS
        reason = "it can't be fixed by a click" if known else "there is no such finding"
        raise InputError(f"“{code}”: {reason}. Fixes exist for {', '.join(sorted(FIXES))}.")
    if code not in {finding.code for finding in dataset.findings}:
        raise InputError(f"{dataset.name} has no finding “{code}”; `python -m core check {dataset.id}` lists them.")
    return FIXES[code](dataset)


def _examined(dataset: Dataset) -> Examined:
    table = dataset.image_table()
    return Examined(dataset, table, read_labels(dataset, table), copies_by_row(dataset, table))


def _drop_unlabelled(dataset: Dataset) -> Dataset:
    examined = _examined(dataset)
    files = {str(examined.table["file"].iloc[row]) for row in np.flatnonzero(~examined.labels.has_file)}
    with edited(dataset, f"Took out {count(len(files), 'picture')} without a label file") as twin:
        remove_pictures(twin, files)
    return twin


def _drop_rows(dataset: Dataset, drop: np.ndarray, examined: Examined, note: str) -> Dataset:
    """Rewrite the labels without the objects marked in `drop`."""
    with edited(dataset, note) as twin:
        kept: dict[int, list[str]] = {int(row): [] for row in examined.labels.row[drop]}
        for row, text, gone in zip(examined.labels.row.tolist(), examined.labels.text, drop.tolist(), strict=True):
            if row in kept and not gone:
                kept[row].append(text + "\n")
        table = twin.image_table()
        counts = table["objects"].tolist()
        for row, lines in kept.items():
            replace_text(twin.label_path(str(table["file"].iloc[row])), "".join(lines))
            counts[row] = len(lines)
        table["objects"] = counts
        save_table(twin, table)
    return twin


def _drop_doubled(dataset: Dataset) -> Dataset:
    examined = _examined(dataset)
    seen: set[tuple[int, str]] = set()
    drop = []
    for key in zip(examined.labels.row.tolist(), examined.labels.text, strict=True):
        drop.append(key in seen)
        seen.add(key)
    return _drop_rows(dataset, np.array(drop), examined, f"Removed {count(sum(drop), 'doubled label')}")


def _drop_tiny(dataset: Dataset) -> Dataset:
    examined = _examined(dataset)
    drop = is_tiny(examined)
    return _drop_rows(dataset, drop, examined, f"Removed {count(int(drop.sum()), 'object')} under 4 pixels")


def _merge_alike(dataset: Dataset) -> Dataset:
    return edit_classes(dataset, {other: one for one, other in alike(dataset.classes)})


def _drop_unused(dataset: Dataset) -> Dataset:
    return edit_classes(dataset, {name: None for name, count in dataset.instances.items() if not count})


def _keep_one(dataset: Dataset) -> Dataset:
    examined = _examined(dataset)
    splits, files = examined.table["split"].tolist(), examined.table["file"].tolist()
    sets = copy_sets(examined)
    said = said_of([row for rows in sets for row in rows], examined)
    gone: set[str] = set()
    for rows in sets:
        for split in SPLITS:
            same = [row for row in rows if splits[row] == split]
            gone |= {files[row] for row, kept in kept_of(same, said) if row != kept}
    with edited(
        dataset, f"Took out {count(len(gone), 'copy', 'copies')} of pictures within one part of the split"
    ) as twin:
        remove_pictures(twin, gone)
    return twin


def _copies_to_train(dataset: Dataset) -> Dataset:
    if dataset.test_locked:
        raise InputError(f"The test part of {dataset.name} is locked: unlock it or import again with a split.")
    examined = _examined(dataset)
    splits, files = examined.table["split"].tolist(), examined.table["file"].tolist()
    targets = {}
    taken = Counter(_key(file) for file, split in zip(files, splits, strict=True) if split == "train")
    for rows in copy_sets(examined):
        if len({splits[row] for row in rows}) == 1:
            continue
        for row in rows:
            if splits[row] != "train":
                folder, name = files[row].split("/", 1)[1].rpartition("/")[::2]
                stem = name.rpartition(".")[0]
                if taken[_key(files[row])]:
                    stem = free_stem(f"{splits[row]}/{name}", 0, Counter({stem.casefold(): 1}))
                suffix = "." + name.rpartition(".")[2]
                targets[files[row]] = "/".join(part for part in ("train", folder, stem + suffix) if part)
    with edited(dataset, f"Moved {count(len(targets), 'copy', 'copies')} from val and test to train") as twin:
        move_pictures(twin, targets)
    return twin


def _key(file: str) -> str:
    """Return what must be unique within a part: the stem, for classify within its class."""
    return file.split("/", 1)[1].rpartition(".")[0].casefold()


def _split_anew(dataset: Dataset) -> Dataset:
    return resplit(dataset, _own_ratio(dataset), keep_test=dataset.test_locked)


def _split_by_names(dataset: Dataset) -> Dataset:
    return resplit(dataset, _own_ratio(dataset), group_by=GROUP_PATTERN, keep_test=dataset.test_locked)


def _own_ratio(dataset: Dataset) -> str:
    """Return the dataset's present shares when they make sense, else 80/20."""
    total = sum(dataset.images.values())
    shares = [dataset.images.get(split, 0) / total for split in ("train", "val", "test")] if total else [0, 0, 0]
    if shares[0] < 0.3 or shares[1] < 0.05:
        return ratio_text(DEFAULT_RATIO)
    return ratio_text((shares[0], shares[1], shares[2]))


FIXES: dict[str, Fix] = {
    "missing-label": _drop_unlabelled,
    "duplicate-box": _drop_doubled,
    "tiny-object": _drop_tiny,
    "tiny-in-picture": _drop_tiny,
    "class-names-alike": _merge_alike,
    "unused-class": _drop_unused,
    "duplicate-image": _keep_one,
    "near-duplicate-image": _keep_one,
    "leak-across-splits": _copies_to_train,
    "leak-val-test": _copies_to_train,
    "class-missing-in-train": _split_anew,
    "class-missing-in-val": _split_anew,
    "empty-split": _split_anew,
    "group-across-splits": _split_anew,
    "group-in-names": _split_by_names,
}
