"""The pictures of the report: which ones speak for the model and which against it, drawn without their names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.data.dataset import Dataset
from core.data.images.thumbnails import Mark, Point, render, truth_marks
from core.data.objects import LabelledImage, LabelledObject
from core.data.palette import class_colour
from core.evaluation.evaluation import Evaluation
from core.evaluation.figures.results import PictureMark
from core.evaluation.predict.outlines import labelled_shapes, predicted_shapes
from core.evaluation.predict.predictions import mask_path
from core.tasks import TASKS
from core.words import count, out_of, percent

EACH = 6
"""Pictures per gallery, at most."""
CROWDED = 12
"""From so many marks on, a picture gets no words, only signs: one should still see the picture."""
GALLERIES = {
    "missed": "Missed objects",
    "alarms": "False alarms and wrong classes",
    "hits": "Found as labelled",
    "wrong": "Named wrongly, the surest first",
    "unsure": "Named rightly, the least sure first",
    "right": "Named rightly",
    "most": "Most pixels right",
    "fewest": "Fewest pixels right",
}


@dataclass(frozen=True)
class Example:
    """A picture of a gallery with its words; `file` never reaches the report."""

    file: str
    gallery: str
    words: str


def choose_examples(evaluation: Evaluation, dataset: Dataset) -> list[Example]:
    """Return the pictures to show: mistakes as the evaluation ranks them, and as many without any."""
    table = dataset.image_table()
    part = table[table["split"] == evaluation.split]
    numbers = {str(file): place for place, file in enumerate(part["file"], start=1)}
    if TASKS[evaluation.task].names_pixels:
        return _of_pixels(evaluation, numbers)
    if TASKS[evaluation.task].names_pictures:
        return _classified(evaluation, numbers)
    pictures = evaluation.pictures
    seen: set[str] = set()
    galleries = (
        ("hits", pictures[(pictures["hits"] > 0) & (pictures["misses"] + pictures["false_alarms"] == 0)]
         .sort_values("hits", ascending=False)),
        ("missed", pictures[pictures["misses"] > 0]),
        ("alarms", pictures[pictures["false_alarms"] > 0].sort_values("false_alarms", ascending=False)),
    )  # fmt: skip
    if galleries[0][1].empty:
        galleries = (("hits", pictures[pictures["hits"] > 0].sort_values("badness")), *galleries[1:])
    found = []
    for kind, rows in galleries:
        for row in rows[~rows["file"].isin(seen)].head(EACH).to_dict("records"):
            seen.add(row["file"])
            said = f"{out_of(row['hits'], row['objects'])} found"
            alarms = row["false_alarms"]
            said += f", {count(int(alarms), 'false alarm')}" if alarms else ", no false alarm"
            found.append(Example(str(row["file"]), GALLERIES[kind], f"Picture {numbers[str(row['file'])]}: {said}"))
    return found


def _of_pixels(evaluation: Evaluation, numbers: dict[str, int]) -> list[Example]:
    pictures = evaluation.pictures.dropna(subset=["right"])
    fewest = pictures.sort_values("right", kind="stable").head(min(EACH, len(pictures) // 2))
    most = pictures.sort_values("right", ascending=False, kind="stable").head(min(EACH, len(pictures) - len(fewest)))
    return [
        Example(
            str(row["file"]), GALLERIES[kind],
            f"Picture {numbers[str(row['file'])]}: {percent(row['right'])} of the pixels right",
        )
        for kind, rows in (("most", most), ("fewest", fewest))
        for row in rows.to_dict("records")
    ]  # fmt: skip


def _classified(evaluation: Evaluation, numbers: dict[str, int]) -> list[Example]:
    pictures = evaluation.pictures
    right = pictures[pictures["hits"] > 0]
    galleries = (
        ("right", right.sort_values("confidence", ascending=False)),
        ("wrong", pictures[pictures["misses"] > 0].sort_values("confidence", ascending=False)),
        ("unsure", right.sort_values("confidence")),
    )
    found: list[Example] = []
    seen: set[str] = set()
    for kind, rows in galleries:
        for row in rows[~rows["file"].isin(seen)].head(EACH).to_dict("records"):
            seen.add(row["file"])
            said = f"{row['prediction']}, {percent(row['confidence'])} sure"
            said += "" if row["truth"] == row["prediction"] else f"; labelled {row['truth']}"
            found.append(Example(str(row["file"]), GALLERIES[kind], f"Picture {numbers[str(row['file'])]}: {said}"))
    return found


def jpeg_of(example: Example, evaluation: Evaluation, dataset: Dataset, longest: int, quality: int) -> bytes | None:
    """Return the picture with labels solid and answers dashed, newly encoded; None when it is no longer readable."""
    path = dataset.image_path(example.file)
    try:
        return render(path, _marks(example.file, evaluation, dataset), longest, quality)
    except (OSError, ValueError):
        return None


def _marks(file: str, evaluation: Evaluation, dataset: Dataset) -> list[Mark]:
    if TASKS[evaluation.task].names_pixels:
        answer = mask_path(dataset.root.parents[1] / "runs" / evaluation.run, file)
        return [Mark(mask=answer)] if answer.is_file() else []
    drawn = evaluation.marks(Path(file).as_posix())
    if not drawn:
        return []
    table = dataset.image_table()
    row = table[table["file"] == file].iloc[0]
    width, height = max(1, int(row["width"])), max(1, int(row["height"]))
    labels = [item for item in drawn if item.kind == "truth"]
    known: list[LabelledObject | None] = [None] * len(labels)
    answered: dict[int, NDArray[np.float64]] = {}
    if TASKS[evaluation.task].has_shapes:
        boxes = np.array([item.box for item in labels], dtype=float).reshape(-1, 4)
        known = labelled_shapes(dataset, file, width, height, boxes)
        run_folder = dataset.root.parents[1] / "runs" / evaluation.run
        answered = predicted_shapes(run_folder, evaluation.split, file)
    crowded = len(drawn) > CROWDED
    marks = []
    for item, label in zip(labels, known, strict=True):
        missed = item.verdict == "missed"
        name = item.class_name if missed and not crowded else ""
        mark = Mark(_outline(item.box, width, height), (), _colour(evaluation, item), name,
                    sign="miss" if missed else "")  # fmt: skip
        if label is not None:
            shape = truth_marks(LabelledImage(file, width, height, [label]), evaluation.classes)[0]
            mark = replace(mark, outline=shape.outline, points=shape.points)
        marks.append(mark)
    for item in drawn[len(labels) :]:
        name = "" if crowded else f"{item.class_name} {percent(item.confidence)}"
        mark = Mark(_outline(item.box, width, height), (), _colour(evaluation, item), name, dashed=True,
                    sign="" if item.verdict == "hit" else "false-alarm")  # fmt: skip
        points = answered.get(item.row)
        if points is not None and len(points):
            shares = tuple((float(x) / width, float(y) / height) for x, y in points)
            keypoints = TASKS[evaluation.task].has_keypoints
            mark = replace(mark, points=shares) if keypoints else replace(mark, outline=shares)
        marks.append(mark)
    return marks


def _colour(evaluation: Evaluation, item: PictureMark) -> str:
    return class_colour(evaluation.classes.index(item.class_name))


def _outline(box: tuple[float, ...], width: int, height: int) -> tuple[Point, ...]:
    left, right = (min(max(x / width, 0.0), 1.0) for x in (box[0], box[2]))
    top, bottom = (min(max(y / height, 0.0), 1.0) for y in (box[1], box[3]))
    return (left, top), (right, top), (right, bottom), (left, bottom)
