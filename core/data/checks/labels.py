"""Checks of labels and classes; each notes at most one kind of finding, with the pictures it concerns."""

from __future__ import annotations

import re

import numpy as np

from core.data.checks.examined import Check, Examined
from core.data.findings.problems import MAX_FILES, Problems
from core.tasks import TASKS, Task
from core.words import thousands

TRAIN_SIZE = 640
TINY_PIXELS = 4.0
"""Half the stride of the finest head of YOLO (8 pixels): below it an object is less than half a cell."""
FEW_OBJECTS = 20
IMBALANCE = 20


def no_labels(examined: Examined, problems: Problems) -> None:
    """Note when there is not one object."""
    if TASKS[examined.dataset.task].has_label_files and not len(examined.labels.row):
        problems.note("no-labels", count=len(examined.table))


def classes(examined: Examined, problems: Problems) -> None:
    """Note what is odd about the classes and how often each occurs."""
    note_classes(examined.dataset.task, examined.dataset.instances, problems)


def note_classes(task: Task, instances: dict[str, int], problems: Problems) -> None:
    """Note one class alone, names that are alike, classes without an object, far rarer ones.

    `instances` are the labelled objects per class name, all classes in it.
    """
    held = {name: count for name, count in instances.items() if count}
    if TASKS[task].names_pictures and len(held) < 2:
        problems.note("single-class", ", ".join(instances))
    for one, other in alike(list(instances)):
        problems.note("class-names-alike", f"{one} / {other}")
    most = max(held.values(), default=0)
    for name in instances:
        if held and name not in held:
            problems.note("unused-class", name)
        elif held and held[name] * IMBALANCE < most:
            problems.note("class-imbalance", f"{name}: {thousands(held[name])} (most frequent: {thousands(most)})")


def missing_labels(examined: Examined, problems: Problems) -> None:
    """Note pictures without any label file; where nothing at all is labelled, `no_labels` has said so."""
    if not len(examined.labels.row):
        return
    for row in np.flatnonzero(~examined.labels.has_file):
        problems.note("missing-label", str(examined.table["source"].iloc[row]))


def empty_labels(examined: Examined, problems: Problems) -> None:
    """Note background pictures, and a set that is mostly background."""
    if not TASKS[examined.dataset.task].has_label_files or not len(examined.labels.row):
        return
    counts = np.bincount(examined.labels.row, minlength=len(examined.table))
    empty = np.flatnonzero((counts == 0) & examined.labels.has_file)
    for row in empty:
        problems.note("empty-label", str(examined.table["source"].iloc[row]))
    if (counts == 0).sum() * 2 > len(counts) and not examined.dataset.tile:  # most tiles of large pictures are empty
        problems.note("mostly-background", count=int((counts == 0).sum()))


def duplicate_boxes(examined: Examined, problems: Problems) -> None:
    """Note objects labelled twice: same picture, same class, same row of numbers."""
    if not TASKS[examined.dataset.task].finds_objects:
        return
    for row, text in doubled(examined):
        problems.note("duplicate-box", f"{examined.table['source'].iloc[row]}: {text[:80]}")


def doubled(examined: Examined) -> list[tuple[int, str]]:
    """Return (row of the table, label row) for each label row after the first of its kind."""
    seen: set[tuple[int, str]] = set()
    found = []
    for row, text in zip(examined.labels.row.tolist(), examined.labels.text, strict=True):
        if (row, text) in seen:
            found.append((row, text))
        seen.add((row, text))
    return found


def tiny_objects(examined: Examined, problems: Problems) -> None:
    """Note objects that are under 4 pixels once their picture is scaled to 640 pixels (longer side), or as they are."""
    if not TASKS[examined.dataset.task].finds_objects or not len(examined.labels.row):
        return
    sizes = examined.table[["width", "height"]].to_numpy(dtype=float)
    for number in np.flatnonzero(is_tiny(examined)):
        row = int(examined.labels.row[number])
        in_picture = (examined.labels.box[number, 2:] * sizes[row]).min() < TINY_PIXELS
        code, example = "tiny-in-picture" if in_picture else "tiny-object", ""
        if problems.counts[code] < MAX_FILES:
            name = examined.dataset.classes[int(examined.labels.class_id[number])]
            example = f"{examined.table['source'].iloc[row]}: {name}"
        problems.note(code, example, more=f"{TRAIN_SIZE} pixels")


def is_tiny(examined: Examined) -> np.ndarray:
    """Return for every object whether a side is under TINY_PIXELS at TRAIN_SIZE."""
    size = examined.table[["width", "height"]].to_numpy(dtype=float)
    sides = examined.labels.box[:, 2:] * size[examined.labels.row]
    scale = np.minimum(1.0, TRAIN_SIZE / size.max(axis=1))[examined.labels.row]
    return np.asarray(sides.min(axis=1) * scale < TINY_PIXELS)


def whole_image_boxes(examined: Examined, problems: Problems) -> None:
    """Note objects that cover the whole picture."""
    if not TASKS[examined.dataset.task].finds_objects or not len(examined.labels.row):
        return
    for number in np.flatnonzero((examined.labels.box[:, 2:] > 0.99).all(axis=1)):
        problems.note("whole-image-box", str(examined.table["source"].iloc[int(examined.labels.row[number])]))


def identical_boxes(examined: Examined, problems: Problems) -> None:
    """Note when (nearly) all objects, ten at least, have one and the same box."""
    if not TASKS[examined.dataset.task].finds_objects or len(examined.labels.row) < 10:
        return
    rounded = np.round(examined.labels.box, 4)
    _, counts = np.unique(rounded, axis=0, return_counts=True)
    if counts.max() >= 0.95 * len(rounded) and counts.max() >= 10:
        problems.note("identical-boxes", count=int(counts.max()))


def alike(names: list[str]) -> list[tuple[str, str]]:
    """Return pairs of names (first, later) that read the same without case, spacing, hyphens and plural s."""
    seen: dict[str, str] = {}
    pairs = []
    for name in names:
        plain = re.sub(r"[\s_\-]+", "", name.casefold())
        singular = _singular(plain)
        if singular in seen:
            pairs.append((seen[singular], name))
        else:
            seen[singular] = name
    return pairs


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ches", "shes", "xes", "sses")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def few_objects(examined: Examined, problems: Problems) -> None:
    """Note classes with too few objects in train."""
    if TASKS[examined.dataset.task].names_pixels:
        return  # there are no objects; a class is learned from thousands of pixels of a single picture
    train = examined.dataset.instances_by_split.get("train", {})
    for name, count in train.items():
        if 0 < count < FEW_OBJECTS:
            problems.note("few-objects", f"{name}: {count}")


LABEL_CHECKS: tuple[Check, ...] = (
    no_labels,
    classes,
    missing_labels,
    empty_labels,
    duplicate_boxes,
    tiny_objects,
    whole_image_boxes,
    identical_boxes,
    few_objects,
)
