"""Divide an imported copy anew."""

from __future__ import annotations

import pandas as pd

from core.data.copies import read_copies
from core.data.dataset import SPLITS, Dataset
from core.data.editing.editing import edited, move_pictures
from core.data.labels import read_labels
from core.data.leakage import together
from core.data.splits import DEFAULT_RATIO, Item, divide, group_of, parse_ratio, ratio_words
from core.data.writing import class_folder, save_table
from core.errors import InputError
from core.tasks import TASKS


def resplit(
    dataset: Dataset,
    split: str = "80/20",
    *,
    group_by: str | None = None,
    seed: int = 0,
    keep_test: bool = False,
    lock_test: bool | None = None,
) -> Dataset:
    """Divide the imported copy anew, balanced by class, copies and groups kept together; return it as it is then.

    `split` as in "70/20/10"; `group_by` a pattern on the names in the upload (None: the groups found at import);
    `keep_test` leaves test as it is and divides the rest. A locked test part can't be dissolved unless it is kept:
    InputError.
    """
    ratio = parse_ratio(split) if split else DEFAULT_RATIO
    if dataset.test_locked and not keep_test:
        raise InputError(
            f"The test part of {dataset.name} is locked: keep it as it is and divide the rest, or import again."
        )
    table = dataset.image_table()
    groups = [group_of(name, group_by) if group_by else str(old) for name, old in _names(table)]
    keys = together(table["sha256"].tolist(), groups, read_copies(dataset))
    labels = read_labels(dataset, table)
    classes: list[set[int]] = [set() for _ in range(len(table))]
    for row, class_id in zip(labels.row.tolist(), labels.class_id.tolist(), strict=True):
        classes[row].add(class_id)
    sources, files, old_splits = table["source"].tolist(), table["file"].tolist(), table["split"].tolist()
    pool = [row for row in range(len(table)) if not (keep_test and old_splits[row] == "test")]
    if keep_test:
        ratio = (ratio[0] / (ratio[0] + ratio[1]), ratio[1] / (ratio[0] + ratio[1]), 0.0)
    places = divide([Item(sources[row], frozenset(classes[row]), keys[row]) for row in pool], ratio, seed)
    new_split = dict(zip(pool, places, strict=True))
    targets = {files[row]: f"{new_split.get(row, 'test')}/{files[row].split('/', 1)[1]}" for row in range(len(table))}
    words = f"{ratio_words(ratio)}{', test kept' if keep_test else ''} (balanced by class, seed {seed})"
    with edited(dataset, f"Split anew: {words}") as twin:
        if group_by:
            table["group"] = groups
            save_table(twin, table)
        move_pictures(twin, targets)
        _make_class_folders(twin, {target.split("/", 1)[0] for target in targets.values()})
        twin.split_note = f"{words[0].upper()}{words[1:]}, made by Graft after the import."
        if lock_test is not None:
            twin.test_locked = lock_test and "test" in {target.split("/", 1)[0] for target in targets.values()}
    return twin


def _names(table: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(table["source"].astype(str), table["group"].astype(str), strict=True))


def _make_class_folders(twin: Dataset, present: set[str]) -> None:
    """Every class folder in every split that holds pictures; none in the others."""
    import shutil

    for split in SPLITS:
        folder = twin.root / "images" / split
        if split not in present:
            shutil.rmtree(folder, ignore_errors=True)
            continue
        if TASKS[twin.task].has_class_folders:
            for name in twin.classes:
                (folder / class_folder(name)).mkdir(parents=True, exist_ok=True)
