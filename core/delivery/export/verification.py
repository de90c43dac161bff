"""Run a checkpoint and what was exported from it on the same pictures, and measure how far their answers are apart.

Imported in the export's child process only; torch and Ultralytics are imported inside the functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.data.dataset import Dataset
from core.data.objects import LabelledImage
from core.delivery.export.record import ExportCheck, Milliseconds
from core.evaluation.classification import classified
from core.evaluation.detection import Detector
from core.evaluation.pixels import judged_pixels
from core.evaluation.predict.capture import judged_class, judged_objects, judged_pixel_counts, make_tables, pixel_tables
from core.evaluation.predict.predictions import MIN_CONFIDENCE, PredictionMeta
from core.evaluation.predict.predictor import look, pictures_in
from core.jobs import Progress, Report
from core.tasks import TASKS
from core.ultralytics.networks import input_channels

SCORED = 200
"""Pictures, at most, on which mAP is compared."""
COMPARED = 40
"""Pictures, at most, on which boxes and speed are compared one by one."""
CONFIDENCE = 0.25
"""Boxes at least this sure are compared."""
TOLERANCE = 0.005
"""Largest difference in the compared figure (METRICS) at which an exported file counts as verified."""
WARM_UP = 3
"""Pictures whose time does not count: the first ones pay for preparations."""


METRICS: dict[str, Literal["mAP50-95", "top-1", "mIoU"]] = {
    "objects": "mAP50-95",
    "pictures": "top-1",
    "pixels": "mIoU",
}
"""What models are compared by, by what gets a class."""


@dataclass(frozen=True)
class Pictures:
    """The pictures of a check with their labels."""

    dataset: Dataset
    images: list[LabelledImage]
    part: str


@dataclass(frozen=True)
class Answer:
    """What a model says about one picture."""

    boxes: NDArray[np.float64]
    """(n, 4) x1, y1, x2, y2 in pixels"""
    classes: NDArray[np.int64]
    confidence: NDArray[np.float64]
    probabilities: NDArray[np.float64] | None
    milliseconds: float
    pixels: NDArray[np.uint8] | None = None
    """(height, width) class ids, where every pixel has a class"""


def pictures_for_check(dataset: Dataset) -> Pictures:
    """Return evenly spaced pictures of the validation part (the training part where there is none)."""
    part = "val" if dataset.images.get("val") else "train"
    images = list(dataset.labelled(part))
    chosen = np.unique(np.linspace(0, len(images) - 1, min(SCORED, len(images))).astype(int))
    return Pictures(dataset, [images[index] for index in chosen], "validation" if part == "val" else "training")


def compare(
    checkpoint: Path,
    exported: Path,
    pictures: Pictures,
    *,
    imgsz: int,
    max_det: int,
    rect: bool,
    nms_free: bool,
    half: bool,
    report: Report,
) -> ExportCheck:
    """Run both models as evaluation and prediction do; return the figures of the check.

    `rect` is true for an export that takes pictures of any shape; else both get square ones.
    """
    same = {"rect": rect, "nms": False if nms_free else None, "quantize": 16 if half else None}
    asked = [(checkpoint, {**same, "quantize": None}), (exported, same)]
    if nms_free:
        asked.append((checkpoint, {**same, "nms": None, "quantize": None}))
    answers, scores = _ask(asked, pictures, imgsz, max_det, report)
    task = TASKS[pictures.dataset.task]
    compared = slice(None, None, 1 if task.names_pictures else max(1, len(pictures.images) // COMPARED))
    one, other = answers[0][compared], answers[1][compared]
    distances, alone = box_distances(one, other)
    return ExportCheck(
        pictures=len(pictures.images),
        part=pictures.part,
        compared=len(one),
        metric=METRICS[task.judges],
        checkpoint=round(scores[0], 5),
        exported=round(scores[1], 5),
        difference=round(scores[1] - scores[0], 5),
        head_cost=round(scores[2] - scores[0], 5) if nms_free else None,
        box_difference=round(max(distances), 4) if distances else None,
        typical_box_difference=round(median(distances), 4) if distances else None,
        boxes=len(distances),
        boxes_without_partner=alone,
        pixels_apart=pixels_apart(one, other),
        confidence_difference=confidence_difference(one, other),
        milliseconds=Milliseconds(
            checkpoint=_milliseconds(answers[0]),
            exported=_milliseconds(answers[1]),
        ),
    )


def _ask(
    asked: list[tuple[Path, dict[str, Any]]], pictures: Pictures, imgsz: int, max_det: int, report: Report
) -> tuple[list[list[Answer]], list[float]]:
    """Ask the models in turn, picture by picture, so that another program slows them alike; return answers, scores."""
    from ultralytics import YOLO

    dataset = pictures.dataset
    loaded: list[Any] = [YOLO(str(path), task=dataset.task) for path, _ in asked]
    grey = input_channels(loaded[0].model) == 1
    found: list[list[Answer]] = [[] for _ in asked]
    judged: list[list[dict[str, Any]]] = [[] for _ in asked]
    for number, image in enumerate(pictures.images):
        report(Progress("Comparing answers", number, len(pictures.images)))
        pixels = next(pictures_in(dataset.image_path(image.file)))
        for model, (path, options), answers, rows in zip(loaded, asked, found, judged, strict=True):
            device = "cpu" if path.suffix != ".engine" else 0
            result = look(model, pixels, imgsz, MIN_CONFIDENCE, max_det, grey=grey, device=device, **options)
            answers.append(_answer(result))
            rows.append(_judged(dataset, image, result))
    return found, [_score(dataset, pictures.images, rows) for rows in judged]


def _judged(dataset: Dataset, image: LabelledImage, result: Any) -> dict[str, Any]:
    if TASKS[dataset.task].names_pixels:
        return judged_pixel_counts(dataset, image.file, result)
    if TASKS[dataset.task].names_pictures:
        return judged_class(dataset, image.file, result)
    return judged_objects(image, result, dataset.task)


def _score(dataset: Dataset, images: list[LabelledImage], judged: list[dict[str, Any]]) -> float:
    """Return the compared figure (METRICS) as the evaluation counts it."""
    meta: PredictionMeta = {
        "task": dataset.task,
        "classes": dataset.classes,
        "images": [{"file": image.file, "width": image.width, "height": image.height} for image in images],
    }
    if TASKS[dataset.task].names_pixels:
        return judged_pixels(*pixel_tables(judged), meta, []).metrics["mIoU"].value
    predictions, truth, _ = make_tables(judged, TASKS[dataset.task].names_pictures, len(dataset.classes))
    if TASKS[dataset.task].names_pictures:
        return classified(predictions, truth, meta, []).metrics["top1"].value
    figure = Detector(predictions, truth, meta).cached.overall["mAP50-95"]
    return figure.value if figure.is_known else 0.0


def _answer(result: Any) -> Answer:
    milliseconds = float(result.speed["inference"])
    if result.probs is not None:
        probabilities = result.probs.data.cpu().numpy().astype(float)
        return Answer(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0), probabilities, milliseconds)
    if result.semantic_mask is not None:
        pixels = result.semantic_mask.data.cpu().numpy().astype(np.uint8)
        return Answer(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0), None, milliseconds, pixels)
    boxes = result.obb if result.obb is not None else result.boxes
    corners = boxes.xyxy.cpu().numpy().astype(float).reshape(-1, 4)
    confidence = boxes.conf.cpu().numpy().astype(float)
    kept = confidence > CONFIDENCE / 2
    return Answer(corners[kept], boxes.cls.cpu().numpy().astype(int)[kept], confidence[kept], None, milliseconds)


def box_distances(one: list[Answer], other: list[Answer]) -> tuple[list[float], int]:
    """Return how far boxes that belong together are apart (their farthest edges, pixels), and how many are alone.

    Boxes of at least CONFIDENCE on either side are looked for on the other among those half as sure: a partner has the
    same class and overlaps by half or more.
    """
    distances, alone = [], 0
    for mine, theirs in zip(one, other, strict=True):
        for asked, looked in ((mine, theirs), (theirs, mine)):
            for box, class_id, confidence in zip(asked.boxes, asked.classes, asked.confidence, strict=True):
                if confidence < CONFIDENCE:
                    continue
                candidates = looked.boxes[looked.classes == class_id]
                overlaps = _overlap(box, candidates)
                if not len(overlaps) or overlaps.max() < 0.5:
                    alone += 1
                    continue
                distances.append(float(np.abs(candidates[overlaps.argmax()] - box).max()))
    return distances, alone


def pixels_apart(one: list[Answer], other: list[Answer]) -> float | None:
    """Return the share of pixels to which two models give another class, None where pixels have none."""
    pairs = [(mine.pixels, theirs.pixels) for mine, theirs in zip(one, other, strict=True)]
    apart = [float((mine != theirs).mean()) for mine, theirs in pairs if mine is not None and theirs is not None]
    return round(float(np.mean(apart)), 6) if apart else None


def confidence_difference(one: list[Answer], other: list[Answer]) -> float | None:
    """Return the largest difference of confidence (classify: of probability) of answers that belong together."""
    largest = None
    for mine, theirs in zip(one, other, strict=True):
        if mine.probabilities is not None and theirs.probabilities is not None:
            apart = float(np.abs(mine.probabilities - theirs.probabilities).max())
            largest = apart if largest is None else max(largest, apart)
            continue
        for box, class_id, confidence in zip(mine.boxes, mine.classes, mine.confidence, strict=True):
            same = theirs.classes == class_id
            overlaps = _overlap(box, theirs.boxes[same])
            if confidence < CONFIDENCE or not len(overlaps) or overlaps.max() < 0.5:
                continue
            apart = abs(float(theirs.confidence[same][overlaps.argmax()]) - float(confidence))
            largest = apart if largest is None else max(largest, apart)
    return None if largest is None else round(largest, 6)


def _overlap(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    if not len(others):
        return np.zeros(0)
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    areas = (box[2] - box[0]) * (box[3] - box[1]) + (others[:, 2:] - others[:, :2]).prod(axis=1)
    return np.asarray(shared / np.maximum(areas - shared, 1e-9))


def _milliseconds(answers: list[Answer]) -> float:
    times = [answer.milliseconds for answer in answers]
    return round(median(times[WARM_UP:] or times), 2)
