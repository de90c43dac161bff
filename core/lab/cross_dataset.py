"""Judge a model on pictures of another dataset than its own: classes are matched by name, figures are paired draws.

For detectors the figure is mAP50-95 of the boxes (outlines and turned boxes count as their enclosing box), for
classifiers the share of right first guesses among the classes in question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.data.dataset import Dataset
from core.evaluation.figures.intervals import Draws, ap_draws, draw
from core.evaluation.predict.matching import box_iou, match
from core.lab.experiment_runs import ExperimentRuns
from core.lab.paired_figures import difference, figure
from core.lab.results import ZeroShot
from core.processes.children import run_child
from core.tasks import TASKS
from core.training.starting_points import locate
from core.training.store import Run
from core.words import score

SILENCE_SECONDS = 300
"""Each picture is a sign of life; the first comes after the model is loaded."""


@dataclass(frozen=True)
class Predicted:
    """What a model found: see core.lab.predict_child."""

    task: str
    known: dict[str, str]
    pictures: dict[str, Any]


def predict_files(weights: Path, dataset: Dataset, files: Sequence[str], *, imgsz: int, device: str) -> Predicted:
    """Let a checkpoint predict on pictures of a dataset, in a child process. Raises GraftError when that ends early."""
    request = {
        "weights": str(weights),
        "imgsz": imgsz,
        "device": device,
        "classes": dataset.classes,
        "pictures": {file: str(dataset.image_path(file)) for file in files},
    }
    failure = f"Looking at the pictures with {weights.name} ended early"
    return Predicted(**run_child("core.lab.predict_child", request, timeout=SILENCE_SECONDS, failure=failure))


def figures(predicted: Predicted, dataset: Dataset, files: Sequence[str], classes: Sequence[str]) -> Draws:
    """Return the figure over these pictures and classes as it is (row 0) and in 1,000 draws of the pictures.

    Two models on the same pictures get the same draws, so their rows may be subtracted.
    """
    table = dataset.image_table().set_index("file")
    groups = table["group"].reindex(list(files)).fillna("").astype(str).tolist()
    weights = np.vstack([np.ones((1, len(files)), dtype=np.float32), draw(len(files), groups, seed=1)])
    if TASKS[dataset.task].names_pictures:
        return _accuracy(predicted, files, list(classes), weights)
    return _average_precision(predicted, dataset, files, list(classes), weights)


def _accuracy(predicted: Predicted, files: Sequence[str], classes: list[str], weights: Any) -> Draws:
    right = np.zeros(len(files), dtype=np.float32)
    counted = np.zeros(len(files), dtype=np.float32)
    for number, file in enumerate(files):
        truth = file.split("/")[-2]
        scores = {name: score for name, score in predicted.pictures.get(file, {}).items() if name in classes}
        counted[number] = truth in classes
        right[number] = bool(scores) and truth in classes and max(scores, key=scores.__getitem__) == truth
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Draws = ((weights @ right) / (weights @ counted)).astype(float)
    return result


def _average_precision(
    predicted: Predicted, dataset: Dataset, files: Sequence[str], classes: list[str], weights: Any
) -> Draws:
    table = dataset.image_table()
    sizes = dict(zip(table["file"], zip(table["width"].tolist(), table["height"].tolist(), strict=True), strict=True))
    areas = []
    for name in classes:
        class_id = dataset.classes.index(name)
        objects = np.zeros(len(files), dtype=np.float32)
        sure: list[float] = []
        where: list[int] = []
        correct = []
        for number, file in enumerate(files):
            width, height = sizes[file]
            labels = [item for item in dataset.labelled_image(file, width, height).objects
                      if item.class_id == class_id]  # fmt: skip
            truth = np.array([_corners(item.box, width, height) for item in labels]).reshape(-1, 4)
            found = sorted((row for row in predicted.pictures.get(file, []) if row[0] == name), key=lambda row: -row[1])
            boxes = np.array([row[2:] for row in found], dtype=float).reshape(-1, 4)
            zeros = np.zeros(len(truth), dtype=np.int64), np.zeros(len(boxes), dtype=np.int64)
            correct.append(match(box_iou(truth, boxes), *zeros) >= 0)
            objects[number] = len(truth)
            sure += [float(row[1]) for row in found]
            where += [number] * len(found)
        if objects.sum():
            areas.append(
                ap_draws(
                    weights, np.vstack(correct), np.array(sure), np.array(where, dtype=np.int64), objects
                ).mean(axis=1)
            )  # fmt: skip
    if not areas:
        return np.full(len(weights), np.nan)
    stacked = np.array(areas, dtype=float)
    known = np.isfinite(stacked)
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Draws = np.where(known, stacked, 0).sum(axis=0) / known.sum(axis=0)
    return result


def _corners(box: tuple[float, float, float, float] | None, width: float, height: float) -> list[float]:
    assert box is not None
    x, y, w, h = box
    return [(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height]


def zero_shot(own_runs: ExperimentRuns, trained: Run) -> ZeroShot | None:
    """Return how the pre-trained model does as it comes, beside the trained one, on the classes it knows by name.

    None when it knows none of them, when its weights are a run's or are gone, and where pixels have the classes.
    """
    settings, dataset = own_runs.experiment.settings, own_runs.dataset
    model = trained.model
    weights = None if model.startswith("run:") else locate(own_runs.workspace, model, dataset.task)
    if weights is None or trained.best_weights is None or TASKS[dataset.task].names_pixels:
        return None
    table = dataset.image_table()
    files = table[table["split"] == "val"]["file"].astype(str).tolist()
    before = predict_files(weights.path, dataset, files, imgsz=settings.imgsz, device=settings.device)
    classes = list(before.known)
    if not classes or (TASKS[dataset.task].names_pictures and len(classes) < 2):
        return None
    after = predict_files(trained.best_weights, dataset, files, imgsz=settings.imgsz, device=settings.device)
    drawn = [figures(predicted, dataset, files, classes) for predicted in (before, after)]
    known, gain = figure(drawn[0]), difference(drawn[1], drawn[0])
    return ZeroShot(
        classes=before.known,
        figure=known,
        trained=figure(drawn[1]).value,
        gain=gain,
        sentence=zero_shot_sentence(before.known, len(dataset.classes), known.value, float(drawn[1][0])),
    )


def zero_shot_sentence(known: dict[str, str], classes: int, before: float, after: float) -> str:
    """Say what the pre-trained model could do without any training."""
    names = ", ".join(known)
    which = "all your classes" if len(known) == classes else f"{len(known)} of your {classes} classes ({names})"
    return (
        f"It knew {which} by name before any training: used as it comes (zero-shot) it reaches {score(before)} on "
        f"these, after training {score(after)}."
    )
