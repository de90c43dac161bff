"""The pictures behind the figures: labels drawn solid, answers dashed, misses and false alarms with their signs."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.data.dataset import Dataset
from core.data.images.thumbnails import Mark, truth_marks
from core.data.objects import LabelledImage, LabelledObject
from core.data.palette import class_colour
from core.evaluation.evaluation import Evaluation
from core.evaluation.figures.results import PictureMark
from core.evaluation.predict.outlines import labelled_shapes, predicted_shapes
from core.evaluation.predict.predictions import mask_path
from core.evaluation.verdict import MENTIONED
from core.tasks import TASKS
from core.words import percent
from pages._ui.common.formatting import plain
from pages._ui.common.gallery import class_legend, show_gallery
from pages._ui.common.pictures import Tile

MOST_DRAWN = 12
"""Answers drawn on a picture where two models are laid side by side."""
KINDS = {
    "missed": "Missed",
    "background": "Nothing there",
    "class": "Wrong class",
    "place": "Badly placed",
    "duplicate": "Found twice",
    "both": "Wrong and badly placed",
    "hit": "Found",
}


def show_cases(evaluation: Evaluation, dataset: Dataset | None, cases: pd.DataFrame, *, key: str) -> None:
    """Show the pictures of these cases in their order, a picture once."""
    if dataset is None:
        st.caption("The dataset is not in this workspace any more, so its pictures can’t be shown. The figures stay.")
        return
    _show(evaluation, dataset, cases, _tile, key, "None: nothing of this kind happened on these pictures.")


def _show(
    evaluation: Evaluation,
    dataset: Dataset,
    cases: pd.DataFrame,
    make: Callable[[Evaluation, Dataset, str, pd.DataFrame], Tile],
    key: str,
    nothing: str = "",
) -> None:
    """Show the gallery and, on a click, the large view that zooms on the first case of each picture."""
    numbers, names = pd.factorize(cases["file"])  # in the order of first appearance
    files = [str(name) for name in names]
    place_of = {file: number for number, file in enumerate(files)}

    def part(file: str) -> pd.DataFrame:
        return cases.iloc[np.flatnonzero(numbers == place_of[file])]

    def large(file: str) -> tuple[Tile, tuple[float, float]]:
        return make(evaluation, dataset, file, part(file)), _middle(evaluation, file, part(file).iloc[0])

    show_gallery(files, lambda file: make(evaluation, dataset, file, part(file)), key=key, nothing=nothing,
                 large=large)  # fmt: skip


def _middle(evaluation: Evaluation, file: str, case: pd.Series) -> tuple[float, float]:
    """Return the middle of a case's box (0 to 1), that of the picture where nothing is boxed."""
    if evaluation.detector is None:
        return 0.5, 0.5
    width, height = evaluation.detector.arrays.size_of(file)
    return float((case["x1"] + case["x2"]) / 2 / width), float((case["y1"] + case["y2"]) / 2 / height)


def _tile(evaluation: Evaluation, dataset: Dataset, file: str, cases: pd.DataFrame) -> Tile:
    words = [case_words(row, evaluation.classes) for row in cases.head(3).to_dict("records")]
    if len(cases) > 3:
        words.append(f"and {len(cases) - 3} more")
    caption = "; ".join(words)
    details = [f"`{file}`", "Solid: your label. Dashed: the model’s answer. ✕ missed, ▲ false alarm."]
    return Tile(dataset.image_path(file), picture_marks(evaluation, file, dataset), plain(caption),
                f"Picture {Path(file).name}: {caption}", details)  # fmt: skip


def show_doubtful(evaluation: Evaluation, dataset: Dataset | None, doubtful: pd.DataFrame, *, key: str) -> None:
    """Show the pictures of doubtful labels, a picture once, in the order given."""
    if dataset is None:
        st.caption("The dataset is not in this workspace any more, so its pictures can’t be shown. The figures stay.")
        return
    _show(evaluation, dataset, doubtful, _doubt, key)


def _doubt(evaluation: Evaluation, dataset: Dataset, file: str, rows: pd.DataFrame) -> Tile:
    words = [doubt_words(row) for row in rows.head(3).to_dict("records")]
    caption = "; ".join(words) + (f"; and {len(rows) - 3} more" if len(rows) > 3 else "")
    return Tile(dataset.image_path(file), picture_marks(evaluation, file, dataset), plain(caption),
                f"Picture {Path(file).name}: {caption}", [f"`{file}`"])  # fmt: skip


def doubt_words(row: Mapping[Hashable, Any]) -> str:
    """Say in a few words what is doubtful."""
    if row["sign"] == "unlabelled":
        return f"{row['predicted']}, {percent(row['confidence'])} sure, not labelled"
    if row["sign"] == "other-class":
        return f"labelled {row['labelled']}, looks like {row['predicted']} ({percent(row['confidence'])} sure)"
    return f"{row['labelled']} that no run finds"


def case_words(row: Mapping[Hashable, Any], classes: list[str]) -> str:
    """Say in a few words what happened."""
    true = classes[row["true_class"]] if row["true_class"] >= 0 else ""
    said = classes[row["predicted_class"]] if row["predicted_class"] >= 0 else ""
    sure = percent(row["confidence"])
    match row["kind"]:
        case "missed":
            return f"{true} missed" + (f" (nearly found, {sure} sure)" if row["confidence"] >= MENTIONED else "")
        case "hit":
            return f"{said} found, {sure} sure"
        case "class":
            return f"{true} taken for {said}, {sure} sure" if true else f"also called {said}, {sure} sure"
        case "place":
            return f"{said} badly placed, {sure} sure"
        case "both":
            return f"{said} on something else, and badly placed, {sure} sure"
        case "duplicate":
            return f"{said} found twice, {sure} sure"
        case _:
            return f"{said} where none is labelled, {sure} sure"


def picture_marks(evaluation: Evaluation, file: str, dataset: Dataset) -> tuple[Mark, ...]:
    """Return what to draw on a picture: labels and the answers that count at the operating point."""
    if evaluation.detector is None:
        return ()
    width, height = evaluation.detector.arrays.size_of(file)
    items = evaluation.marks(file)
    labels = [item for item in items if item.kind == "truth"]
    known: list[LabelledObject | None] = [None] * len(labels)
    drawn: dict[int, np.ndarray] = {}
    if TASKS[evaluation.task].has_shapes:
        known = labelled_shapes(dataset, file, width, height, np.array([item.box for item in labels]).reshape(-1, 4))
        drawn = predicted_shapes(workspace_run(dataset, evaluation.run), evaluation.split, file)
    marks = []
    for item, label in zip(labels, known, strict=True):
        missed = item.verdict == "missed"
        mark = Mark(_box_outline(item.box, width, height), (), _colour(evaluation, item),
                    item.class_name if missed else "", sign="miss" if missed else "")  # fmt: skip
        if label is not None:
            shape = truth_marks(LabelledImage(file, width, height, [label]), evaluation.classes)[0]
            mark = replace(mark, outline=shape.outline, points=shape.points)
        marks.append(mark)
    for item in items[len(labels) :]:
        name = f"{item.class_name} {percent(item.confidence)}"
        mark = Mark(_box_outline(item.box, width, height), (), _colour(evaluation, item), name, dashed=True,
                    sign="" if item.verdict == "hit" else "false-alarm")  # fmt: skip
        points = drawn.get(item.row)
        if points is not None and len(points):
            shape_points = tuple((float(x) / width, float(y) / height) for x, y in points)
            keypoints = TASKS[evaluation.task].has_keypoints
            mark = replace(mark, points=shape_points) if keypoints else replace(mark, outline=shape_points)
        marks.append(mark)
    return tuple(marks)


def surest_marks(marks: tuple[Mark, ...]) -> tuple[Mark, ...]:
    """Return the marks of all labels and of the answers a model is surest of, so that the picture is still seen."""
    labels, answers = [mark for mark in marks if not mark.dashed], [mark for mark in marks if mark.dashed]
    return (*labels, *answers[:MOST_DRAWN])  # the surest come first


def _colour(evaluation: Evaluation, item: PictureMark) -> str:
    return class_colour(evaluation.classes.index(item.class_name))


def _box_outline(box: tuple[float, ...], width: int, height: int) -> tuple[tuple[float, float], ...]:
    left, top, right, bottom = box[0] / width, box[1] / height, box[2] / width, box[3] / height
    return (left, top), (right, top), (right, bottom), (left, bottom)


def workspace_run(dataset: Dataset, run_id: str) -> Path:
    """Return the folder of a run in the workspace the dataset lies in."""
    return dataset.root.parents[1] / "runs" / run_id


def classified_tile(dataset: Dataset, row: Mapping[Hashable, Any]) -> Tile:
    """Return the tile of a classified picture: what it is, what the model said."""
    right = row["truth"] == row["prediction"]
    sure = percent(row["confidence"])
    words = f"{row['prediction']}, {sure} sure" if right else f"is {row['truth']}, said {row['prediction']} ({sure})"
    return Tile(dataset.image_path(row["file"]), (), plain(words), f"Picture {Path(row['file']).name}: {words}",
                [f"`{row['file']}`"])  # fmt: skip


def show_masks(evaluation: Evaluation, dataset: Dataset | None, *, key: str) -> None:
    """Show the pictures under the model's masks or under the labelled ones, those with the most wrong pixels first."""
    if dataset is None:
        st.caption("The dataset is not in this workspace any more, so its pictures can’t be shown. The figures stay.")
        return
    kinds = ["The model’s answer", "Your labels"]
    chosen = st.segmented_control("Show", kinds, default=kinds[0], key=f"{key}_kind", required=True, wrap=True)
    class_legend(evaluation.classes)
    rows = {row["file"]: row for row in evaluation.pictures.to_dict("records")}

    def tile(file: str) -> Tile:
        path = (
            dataset.label_path(file) if chosen == kinds[1] else mask_path(workspace_run(dataset, evaluation.run), file)
        )
        words = f"{percent(rows[file]['right'])} of the pixels right"
        marks = (Mark(mask=path),) if path.is_file() else ()
        return Tile(dataset.image_path(file), marks, words, f"Picture {Path(file).name}: {words}", [f"`{file}`"])

    show_gallery(list(rows), tile, key=key)


def show_classified(dataset: Dataset | None, pictures: pd.DataFrame, *, key: str) -> None:
    """Show classified pictures in the order given."""
    if dataset is None:
        st.caption("The dataset is not in this workspace any more, so its pictures can’t be shown. The figures stay.")
        return
    rows = {row["file"]: row for row in pictures.to_dict("records")}
    show_gallery(list(rows), lambda file: classified_tile(dataset, rows[file]), key=key,
                 nothing="None: nothing of this kind happened on these pictures.")  # fmt: skip
