"""Numbered versions of a dataset's labels: made from the changes since the last, told, and put back.

A version is no copy: the dataset holds the latest, the journal the way to every other.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd

from core.data.dataset import SPLITS, Dataset
from core.data.editing.editing import edited, replace_text
from core.data.objects import format_labels
from core.data.reading.skeletons import mirror_order
from core.data.writing import class_folder, free_stem, save_table
from core.errors import InputError
from core.labelling.journal import Journal
from core.labelling.label import Label, State, to_dataset
from core.labelling.labelling import Labelling, Picture, open_labelling
from core.labelling.lock import as_it_is_now, labelling_lock
from core.labelling.settings import LabellingSettings, forget_used
from core.labelling.waiting import read_waiting, save_waiting, waiting_path
from core.tasks import TASKS
from core.words import count


@dataclass(frozen=True)
class Version:
    """A version of the labels, as it is listed."""

    number: int
    at: str
    by: str
    changed: int
    """pictures whose label differs from the version before"""
    note: str


def list_versions(journal: Journal) -> list[Version]:
    """Return the versions there are, the first one first; what was imported is not among them."""
    versions = []
    start = 0
    for mark in journal.marks:
        changed = _differing(journal, start, mark.number)
        versions.append(Version(mark.version, mark.at, mark.by, changed, mark.note))
        start = mark.number
    return versions


def _differing(journal: Journal, after: int, until: int) -> int:
    first: dict[str, Label] = {}
    last: dict[str, Label] = {}
    for change in journal.changes:
        if after < change.number <= until:
            first.setdefault(change.picture, change.before)
            last[change.picture] = change.after
    return sum(first[picture] != last[picture] for picture in first)


def make_version(dataset: Dataset, *, by: str = "", note: str = "") -> Dataset:
    """Bring the changes since the last version into the dataset, as the next version; return it as it is then.

    Pictures that are labelled, or have nothing in them, are what a training reads from then on. The others of a set
    that began without labels wait apart, as do those somebody is unsure of. Each stays in the part it was put into at
    import. Raises InputError when nothing was changed, or nothing would be left to learn from.
    """
    with labelling_lock(dataset):
        dataset = as_it_is_now(dataset)
        work = open_labelling(dataset)
        changed = work.changed()
        if not changed:
            raise InputError(f"No label of {dataset.name} was changed since version {dataset.labels_version}.")
        number = dataset.labels_version + 1
        said = note or f"{count(len(changed), 'picture')} changed"
        with edited(dataset, f"Labels, version {number}: {said}") as twin:
            _settle(twin, work, {picture.id for picture in changed})
            twin.labels_version = number
            forget_used(twin)
        work.journal.mark(number, by, note)
    return twin


def restore_version(dataset: Dataset, number: int, *, by: str = "") -> Dataset:
    """Put the labels of an earlier version back, as a new version; 0 is what they were before the first one.

    Raises InputError when there is no such version or the labels are those of it already.
    """
    with labelling_lock(dataset):
        return _restore(as_it_is_now(dataset), number, by)


def _restore(dataset: Dataset, number: int, by: str) -> Dataset:
    work = open_labelling(dataset)
    journal = work.journal
    marks = {0: 0} | {mark.version: mark.number for mark in journal.marks}
    if number not in marks:
        raise InputError(f"{dataset.name} has no version {number} of its labels; it has {max(marks)}.")
    earlier: dict[str, Label] = {}
    for change in journal.changes:
        if change.number > marks[number]:
            earlier.setdefault(change.picture, change.before)
    for picture_id, label in earlier.items():
        if picture_id in work.pictures:
            now = work.label(work.pictures[picture_id])
            if now != label:
                journal.change(picture_id, now, label, by)
    return make_version(dataset, by=by, note=f"version {number} again")


def _settle(twin: Dataset, work: Labelling, changed: set[str]) -> None:
    """Put every picture of the twin where its label says, with what a training reads of it."""
    old_task, settings = twin.task, work.settings
    labels = {picture.id: work.label(picture) for picture in work.pictures.values() if picture.id in changed}
    states = work.states()
    twin.classes = _classes(twin, settings, labels)
    twin.task = settings.task
    if TASKS[twin.task].has_keypoints and twin.keypoint_shape is None:
        twin.keypoint_shape = (len(settings.keypoints), 3)
        twin.flip_idx = mirror_order(settings.keypoints)
    table, waiting = twin.image_table(), read_waiting(twin)
    table["waits"], waiting["waits"] = False, True
    rows = pd.concat([table, waiting], ignore_index=True) if len(waiting) else table
    taken: dict[str, Counter[str]] = {}
    targets: list[tuple[str, bool]] = []
    still = _still(rows, states, settings, work, changed, class_changed=old_task != twin.task)
    for row, stays in zip(rows.to_dict("records"), still, strict=True):
        if stays:
            folder, _, name = str(row["file"]).rpartition("/")
            taken.setdefault(_home(folder, bool(row["waits"])), Counter())[_stem(name)] += 1
    for row, stays in zip(rows.to_dict("records"), still, strict=True):
        if stays:
            targets.append((str(row["file"]), bool(row["waits"])))
            continue
        picture = work.pictures[str(row["sha256"])]
        waits = not _belongs(picture, states[picture.id], settings)
        folder = str(row["split"])
        if not waits and TASKS[twin.task].has_class_folders:
            folder += f"/{class_folder(labels[picture.id].name)}"
        name = PurePosixPath(str(row["file"])).name
        stem = free_stem(name, 0, taken.setdefault(_home(folder, waits), Counter()))
        targets.append((f"{folder}/{stem}{PurePosixPath(name).suffix}", waits))
    _move(twin, rows, targets, old_has_labels=TASKS[old_task].has_label_files)
    rows["file"], rows["waits"] = [file for file, _ in targets], [waits for _, waits in targets]
    rows["objects"] = _write_labels(twin, rows, labels, work)
    save_waiting(twin, rows[rows["waits"]].drop(columns="waits"))
    kept = rows[~rows["waits"]].drop(columns="waits")
    if not len(kept):
        raise InputError(f"Not one picture of {twin.name} is labelled yet.")
    save_table(twin, kept)
    _class_folders(twin, {str(split) for split in kept["split"]})


def _classes(twin: Dataset, settings: LabellingSettings, labels: dict[str, Label]) -> list[str]:
    """Return the dataset's classes with those that were drawn; one that was named and never used is not among them."""
    own = list(twin.classes) if sum(twin.instances.values()) else []
    used = set().union(*(label.classes for label in labels.values())) | set(own)
    order = [name for name in settings.classes if name in used]
    classes = [*order, *sorted(used.difference(order))]  # an earlier version may name one that was renamed since
    return sorted(classes) if TASKS[settings.task].has_class_folders else classes


def _belongs(picture: Picture, state: State, settings: LabellingSettings) -> bool:
    """Say whether a training gets the picture."""
    if state.learned_from:
        return True
    return state is State.OPEN and not settings.began_without_labels and not picture.waits


def _still(
    rows: pd.DataFrame,
    states: dict[str, State],
    settings: LabellingSettings,
    work: Labelling,
    changed: set[str],
    *,
    class_changed: bool,
) -> list[bool]:
    """Return for each row whether its picture lies where it should, under the name it should have."""
    by_class = TASKS[settings.task].has_class_folders
    result = []
    for digest, waits in zip(rows["sha256"].astype(str), rows["waits"], strict=True):
        belongs = _belongs(work.pictures[digest], states[digest], settings)
        moves_class = by_class and belongs and (digest in changed or class_changed)
        result.append(bool(belongs != waits) and not moves_class)
    return result


def _home(folder: str, waits: bool) -> str:
    return f"waiting/{folder}" if waits else f"images/{folder}"


def _stem(name: str) -> str:
    return PurePosixPath(name).stem.casefold()


def _move(twin: Dataset, rows: pd.DataFrame, targets: list[tuple[str, bool]], *, old_has_labels: bool) -> None:
    """Move pictures, with their label files; by way of a place of their own, as one may take another's name."""
    parked = []
    for number, (row, (file, waits)) in enumerate(zip(rows.to_dict("records"), targets, strict=True)):
        old, waited = str(row["file"]), bool(row["waits"])
        if (old, waited) == (file, waits):
            continue
        source = waiting_path(twin, old) if waited else twin.image_path(old)
        between = twin.root / f".moving{number}"
        source.rename(between)
        parked.append((between, waiting_path(twin, file) if waits else twin.image_path(file)))
        if old_has_labels and not waited:
            (twin.root / "labels" / old).with_suffix(".txt").unlink(missing_ok=True)
    for between, target in parked:
        target.parent.mkdir(parents=True, exist_ok=True)
        between.rename(target)


def _write_labels(twin: Dataset, rows: pd.DataFrame, labels: dict[str, Label], work: Labelling) -> list[int]:
    """Write the label files of changed pictures; return how many objects each row has."""
    counts = []
    for row in rows.to_dict("records"):
        label = labels.get(str(row["sha256"]))
        if TASKS[twin.task].has_class_folders:
            counts.append(0 if row["waits"] else 1)
        elif row["waits"]:
            counts.append(0)
        elif label is None:
            counts.append(int(row["objects"]))
        elif label.state.learned_from:
            picture = work.pictures[str(row["sha256"])]
            objects = to_dataset(label, picture.size, twin.classes)
            text = format_labels(objects, twin.task, twin.keypoint_shape)
            replace_text(twin.label_path(str(row["file"])), text)
            counts.append(len(objects))
        else:
            twin.label_path(str(row["file"])).unlink(missing_ok=True)
            counts.append(0)
    return counts


def _class_folders(twin: Dataset, present: set[str]) -> None:
    """Make the folders a training reads: of every part that holds pictures, for classify one per class in each."""
    for split in SPLITS:
        if split not in present:
            continue
        folder = twin.root / "images" / split
        if not TASKS[twin.task].has_class_folders:
            (twin.root / "labels" / split).mkdir(parents=True, exist_ok=True)
            continue
        for name in twin.classes:
            (folder / class_folder(name)).mkdir(parents=True, exist_ok=True)
