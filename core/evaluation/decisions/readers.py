"""Two readers of the same pictures, and the model against both: how far they agree, and where they differ.

The second reading is a dataset of its own in the workspace: the same pictures with the labels of someone else. Pictures
are matched by their bytes, else by their names. Two objects are the same when they have one class and their boxes
overlap by half (IoU 0.5). Of objects, agreement is positive agreement, 2 x common / (all of one + all of the other):
kappa needs things that both leave alone, which can't be counted for boxes (Hripcsak and Rothschild 2005, JAMIA 12:
296-298). Of pictures, whether there is anything in them, or their class, it is Cohen's kappa (1960) as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.dataset import Dataset
from core.errors import InputError
from core.evaluation.evaluation import Evaluation
from core.evaluation.figures.figure import Figure
from core.evaluation.figures.intervals import Weights, count_units, draw, interval, ratio_interval
from core.evaluation.figures.metrics import ratio
from core.evaluation.figures.operating_point import IOU
from core.evaluation.predict.matching import box_iou, match
from core.tasks import TASKS
from core.words import count, out_of, percent, value_from_to

Objects = tuple[NDArray[np.int64], NDArray[np.float64]]
"""The objects of one picture: (n,) class ids and (n, 4) boxes x1, y1, x2, y2; of a classifier one class and no box."""
Reading = dict[str, Objects]
WORDS = ((0.8, "almost perfect"), (0.6, "substantial"), (0.4, "moderate"), (0.2, "fair"), (-2.0, "slight"))
"""What a kappa from there on is called (Landis and Koch 1977, Biometrics 33: 159-174)."""


@dataclass(frozen=True)
class Agreement:
    """How far two of reader, reader and model agree over the same pictures."""

    kappa: Figure
    """of pictures: anything in them or not; a classifier's: the class"""
    same: Figure
    """share of the pictures judged alike"""
    objects: Figure
    """positive agreement over all objects; unknown for a classifier"""
    per_class: dict[str, Figure]
    """positive agreement by class"""

    def as_dict(self) -> dict[str, Any]:
        """Return its figures as values with intervals."""
        by_class = {name: item.as_dict() for name, item in self.per_class.items()}
        return {
            "kappa": self.kappa.as_dict(), "same": self.same.as_dict(), "objects": self.objects.as_dict(),
            "per_class": by_class,
        }  # fmt: skip


@dataclass(frozen=True)
class Readers:
    """Both readers and the model, each pair compared."""

    second: str
    """the name of the second reading"""
    pictures: int
    """that both have"""
    missing: int
    """pictures of the part that the second reading lacks"""
    readers: Agreement
    model_first: Agreement
    model_second: Agreement
    differing: list[dict[str, Any]]
    """pictures on which the readers differ, the most first: file, first, second, only_first, only_second"""
    sentences: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Return its fields, each agreement under its pair."""
        return {
            "second": self.second, "pictures": self.pictures, "missing": self.missing,
            "readers": self.readers.as_dict(), "model_first": self.model_first.as_dict(),
            "model_second": self.model_second.as_dict(), "differing": self.differing, "sentences": self.sentences,
        }  # fmt: skip


def compare_readers(evaluation: Evaluation, dataset: Dataset, second: Dataset) -> Readers:
    """Compare the labels of an evaluation's pictures with a second reading, and the model at its line with both.

    Raises InputError where the tasks differ, pixels are named, or the readings have no picture or no class in common.
    """
    if second.task != dataset.task or TASKS[dataset.task].names_pixels:
        raise InputError(f"“{second.name}” can't be a second reading: it is of another task ({second.task}).")
    common = [name for name in dataset.classes if name in second.classes]
    if not common:
        raise InputError(f"“{second.name}” has none of the classes of “{dataset.name}”: rename them first.")
    files = [str(file) for file in evaluation.pictures["file"]]
    twins = _same_pictures(dataset, second, files)
    known = [file for file in files if file in twins]
    if not known:
        raise InputError(f"“{second.name}” has none of the {evaluation.split} pictures of “{dataset.name}”.")
    first = _labels(dataset, {file: file for file in known}, dataset.classes)
    other = _labels(second, {file: twins[file] for file in known}, dataset.classes)
    model = _answers(evaluation, known)
    names = [evaluation.groups.get(file, "") for file in known]
    groups = names if any(names) else None
    pairs = [
        _agreement(one, two, known, dataset.classes, groups)
        for one, two in ((first, other), (first, model), (other, model))
    ]
    differing = _differing(first, other, known, dataset.classes)
    missing = len(files) - len(known)
    return Readers(
        second=second.name,
        pictures=len(known),
        missing=missing,
        readers=pairs[0],
        model_first=pairs[1],
        model_second=pairs[2],
        differing=differing,
        sentences=_sentences(pairs, differing, len(known), missing),
    )


def _same_pictures(dataset: Dataset, second: Dataset, files: Sequence[str]) -> dict[str, str]:
    """Return {file: file of the second reading} by bytes, else by the name it was brought in by."""
    mine, other = dataset.image_table(), second.image_table()
    by_bytes = dict(zip(other["sha256"].astype(str), other["file"].astype(str), strict=True))
    by_name: dict[str, list[str]] = {}
    for file, source in zip(other["file"].astype(str), other["source"].fillna("").astype(str), strict=True):
        by_name.setdefault(PurePosixPath(source or file).name, []).append(file)
    found, wanted = {}, set(files)
    for file, digest, source in zip(mine["file"].astype(str), mine["sha256"].astype(str),
                                    mine["source"].fillna("").astype(str), strict=True):  # fmt: skip
        if file not in wanted:
            continue
        named = by_name.get(PurePosixPath(source or file).name, [])
        twin = by_bytes.get(digest) or (named[0] if len(named) == 1 else None)
        if twin:
            found[file] = twin
    return found


def _labels(dataset: Dataset, files: dict[str, str], classes: list[str]) -> Reading:
    """Return the labels of pictures, under the names in `files`; classes by their number in `classes`."""
    wanted = {twin: file for file, twin in files.items()}
    number = {index: classes.index(name) for index, name in enumerate(dataset.classes) if name in classes}
    found: Reading = {}
    for picture in dataset.labelled():
        if picture.file not in wanted:
            continue
        objects = [item for item in picture.objects if item.class_id in number]
        boxes = np.array([item.box or (0, 0, 0, 0) for item in objects], dtype=float).reshape(-1, 4)
        centre, size = boxes[:, :2], boxes[:, 2:]
        corners = np.hstack([centre - size / 2, centre + size / 2]) * np.tile([picture.width, picture.height], 2)
        found[wanted[picture.file]] = np.array([number[item.class_id] for item in objects], dtype=np.int64), corners
    return found


def _answers(evaluation: Evaluation, files: Sequence[str]) -> Reading:
    """Return what the model finds at the line, the surest first."""
    table = evaluation.predictions
    if evaluation.detector is not None:
        table = table[table["confidence"] >= evaluation.operating_point.threshold]
        columns = ["x1", "y1", "x2", "y2"]
    else:
        columns = []
    wanted = set(files)
    table = table[table["file"].isin(wanted)].sort_values("confidence", ascending=False, kind="stable")
    nothing: Objects = np.zeros(0, dtype=np.int64), np.zeros((0, 4))
    found: Reading = dict.fromkeys(files, nothing)
    for file, rows in table.groupby("file"):
        boxes = rows[columns].to_numpy(dtype=float) if columns else np.zeros((len(rows), 4))
        found[str(file)] = rows["class_id"].to_numpy(dtype=np.int64), boxes
    return found


def _common(one: Objects, two: Objects, whole: bool) -> NDArray[np.int64]:
    """Return for each object of `two` the one of `one` it is the same as, -1 for none."""
    if whole or not len(one[0]) or not len(two[0]):
        same = len(one[0]) and len(two[0]) and one[0][0] == two[0][0]
        return np.where(whole and same, 0, -1) * np.ones(len(two[0]), dtype=np.int64)
    return match(box_iou(one[1], two[1]), one[0], two[0], np.array([IOU]))[:, 0]


def _agreement(
    one: Reading, two: Reading, files: Sequence[str], classes: list[str], groups: Sequence[str] | None
) -> Agreement:
    size = len(files), len(classes)
    whole = _is_whole(one)
    shared, mine, theirs = (np.zeros(size, dtype=np.float32) for _ in range(3))
    for place, file in enumerate(files):
        np.add.at(mine[place], one[file][0], 1)
        np.add.at(theirs[place], two[file][0], 1)
        np.add.at(shared[place], two[file][0][_common(one[file], two[file], whole) >= 0], 1)
    weights, units = draw(len(files), groups), count_units(len(files), groups)
    judged = [_judged(table, whole) for table in (mine, theirs)]
    alike = (judged[0] == judged[1]).astype(np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        draws = (weights @ alike) / weights.sum(axis=1)
    same = Figure(float(alike.mean()), *ratio_interval(draws, float(alike.sum()), len(files), units))
    nothing = np.zeros(size, dtype=np.float32)
    objects = _shared(*((nothing,) * 3 if whole else (shared, mine, theirs)), weights, units)
    return Agreement(
        cohens_kappa(judged[0], judged[1], weights, units), same, objects,
        {name: _shared(shared[:, [k]], mine[:, [k]], theirs[:, [k]], weights, units)
         for k, name in enumerate(classes) if mine[:, k].any() or theirs[:, k].any()},
    )  # fmt: skip


def _is_whole(reading: Reading) -> bool:
    """Say whether pictures are named, not objects in them: one class each, without a box."""
    return all(len(classes) == 1 and not boxes.any() for classes, boxes in reading.values())


def _judged(table: NDArray[np.float32], whole: bool) -> NDArray[np.int64]:
    """Return what is said of each picture: its class, or whether anything is in it."""
    return np.asarray(table.argmax(axis=1) if whole else table.sum(axis=1) > 0, dtype=np.int64)


def _shared(
    shared: NDArray[np.float32], mine: NDArray[np.float32], theirs: NDArray[np.float32], weights: Weights, units: int
) -> Figure:
    """Return positive agreement with its interval; unknown where nobody found anything."""
    common, middle = shared.sum(axis=1), (mine.sum(axis=1) + theirs.sum(axis=1)) / 2
    total, held = float(middle.sum()), int((middle > 0).sum())
    with np.errstate(invalid="ignore", divide="ignore"):
        draws = (weights @ common) / (weights @ middle)
    hits = float(common.sum())
    return Figure(ratio(hits, total), *ratio_interval(draws, hits, total, max(1, min(units, held))))


def cohens_kappa(one: NDArray[np.int64], two: NDArray[np.int64], weights: Weights, units: int) -> Figure:
    """Return Cohen's kappa with its interval by bootstrap; unknown where all is one class to either."""
    kinds = np.unique(np.concatenate([one, two]))
    if min(len(np.unique(one)), len(np.unique(two))) < 2:
        return Figure()
    everything = np.vstack([np.ones((1, len(one)), dtype=np.float32), weights]).astype(np.float64)
    total = everything.sum(axis=1)
    seen = everything @ (one == two) / total
    chance = sum((everything @ (one == kind)) * (everything @ (two == kind)) for kind in kinds) / total**2
    with np.errstate(invalid="ignore", divide="ignore"):
        values = (seen - chance) / (1 - chance)
    low, high = interval(values[1:], units)
    value = float(values[0])
    return Figure(value, min(low, value), max(high, value)) if math.isfinite(low) else Figure(value)


def _differing(one: Reading, two: Reading, files: Sequence[str], classes: list[str]) -> list[dict[str, Any]]:
    rows, whole = [], _is_whole(one)
    for file in files:
        common = int((_common(one[file], two[file], whole) >= 0).sum())
        mine, theirs = len(one[file][0]), len(two[file][0])
        if common == mine == theirs:
            continue
        rows.append({"file": file, "first": mine, "second": theirs,
                     "only_first": mine - common, "only_second": theirs - common})  # fmt: skip
        if whole:
            rows[-1] |= {"first": classes[one[file][0][0]], "second": classes[two[file][0][0]]}
    return sorted(rows, key=lambda row: -(int(row["only_first"]) + int(row["only_second"])))


def _sentences(pairs: list[Agreement], differing: list[dict[str, Any]], pictures: int, missing: int) -> list[str]:
    readers = pairs[0]
    by_object = readers.objects.is_known
    lines = [
        f"The two readers label {out_of(pictures - len(differing), pictures, 'picture')} alike, object by object."
        if differing and by_object
        else f"The two readers label {out_of(pictures - len(differing), pictures, 'picture')} alike."
    ]
    if readers.kappa.is_known:
        words = next(word for limit, word in WORDS if readers.kappa.value >= limit)
        what = "whether anything is in a picture" if by_object else "the class of a picture"
        ends = f"{readers.kappa.value:.2f} ({readers.kappa.low:.2f} to {readers.kappa.high:.2f})"
        lines.append(f"On {what} their agreement is {words}: kappa {ends}.")
    shared = "of their objects" if by_object else "of the pictures"
    figures = [pair.objects if by_object else pair.same for pair in pairs]
    lines.append(
        f"They share {value_from_to(figures[0])} {shared}; the model shares {value_from_to(figures[1])} with the "
        f"first and {value_from_to(figures[2])} with the second."
    )
    if min(figures[1].high, figures[2].high) < figures[0].low:
        lines.append("The model agrees less with a reader than the readers with each other: there is room to learn.")
    elif figures[0].is_known and min(figures[1].value, figures[2].value) >= figures[0].value:
        lines.append("The model agrees with each reader as well as they do with each other.")
    if missing:
        lines.append(f"{count(missing, 'picture')} of this part were not read a second time and are left out.")
    worst = min(readers.per_class.items(), key=lambda item: item[1].value, default=None)
    if worst is not None and len(readers.per_class) > 1 and worst[1].value < 0.8:
        lines.append(f"They differ most on “{worst[0]}”: {percent(worst[1].value)} in common.")
    return lines
