"""Run a checkpoint and what was exported from it on the same pictures, and measure how far their answers are apart.

Imported in the export's child process only; torch and Ultralytics are imported inside the functions.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

import numpy as np
import yaml
from numpy.typing import NDArray

from core.data.dataset import Dataset
from core.delivery.export.record import ExportCheck, Milliseconds
from core.evaluation.predict.predictions import MIN_CONFIDENCE, NMS_IOU
from core.jobs import Progress, Report
from core.tasks import TASKS

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
    """Copies of the pictures of a check, so that nothing is written into the dataset."""

    data: Path
    files: list[Path]
    part: str
    task: str
    labels: list[int]
    """classify: the class of each picture"""


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


def pictures_for_check(dataset: Dataset, folder: Path) -> Pictures:
    """Copy evenly spaced pictures of the validation part (the training part where there is none) with their labels."""
    part = "val" if dataset.images.get("val") else "train"
    table = dataset.image_table()
    names = table.loc[table["split"] == part, "file"].tolist()
    chosen = [names[index] for index in np.unique(np.linspace(0, len(names) - 1, min(SCORED, len(names))).astype(int))]
    files, labels = [], []
    for number, name in enumerate(chosen):
        source = dataset.image_path(name)
        copy = folder / "images" / "val" / f"{number:04d}{source.suffix}"
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
        files.append(copy)
        if TASKS[dataset.task].has_class_folders:
            labels.append(dataset.classes.index(Path(name).parent.name))
        elif (text := dataset.label_path(name)).is_file():
            target = folder / text.relative_to(dataset.root).parts[0] / "val" / f"{number:04d}{text.suffix}"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(text, target)
    content: dict[str, Any] = {"path": str(folder), "train": "images/val", "val": "images/val"}
    content["names"] = dict(enumerate(dataset.classes))
    if TASKS[dataset.task].has_masks:
        content["masks_dir"] = "masks"
    if dataset.keypoint_shape:
        content["kpt_shape"] = list(dataset.keypoint_shape)
        if dataset.flip_idx:
            content["flip_idx"] = dataset.flip_idx
    data = folder / "data.yaml"
    data.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return Pictures(data, files, "validation" if part == "val" else "training", dataset.task, labels)


def compare(
    checkpoint: Path,
    exported: Path,
    pictures: Pictures,
    *,
    imgsz: int,
    rect: bool,
    nms_free: bool,
    half: bool,
    report: Report,
) -> ExportCheck:
    """Run both models; return the figures of the check.

    `rect` is true for an export that takes pictures of any shape; else both get square ones.
    """
    same = {"imgsz": imgsz, "rect": rect, "nms": False if nms_free else None, "quantize": 16 if half else None}
    classify = TASKS[pictures.task].names_pictures
    files = pictures.files if classify else pictures.files[:: max(1, len(pictures.files) // COMPARED)]
    answers = _answers([(checkpoint, {**same, "quantize": None}), (exported, same)], files, pictures.task, report)
    distances: list[float] = []
    alone = 0
    if classify:
        scores = [_top1(answer, pictures.labels) for answer in answers]
    else:
        scores = [
            _score(checkpoint, pictures, {**same, "quantize": None}, "Scoring the checkpoint", report),
            _score(exported, pictures, same, "Scoring the exported file", report),
        ]
        distances, alone = box_distances(*answers)
    cost = None
    if nms_free:
        usual = _score(checkpoint, pictures, {**same, "nms": None, "quantize": None}, "Scoring the usual head", report)
        cost = round(usual - scores[0], 5)
    return ExportCheck(
        pictures=len(pictures.files),
        part=pictures.part,
        compared=len(files),
        metric=METRICS[TASKS[pictures.task].judges],
        checkpoint=round(scores[0], 5),
        exported=round(scores[1], 5),
        difference=round(scores[1] - scores[0], 5),
        head_cost=cost,
        box_difference=round(max(distances), 4) if distances else None,
        typical_box_difference=round(median(distances), 4) if distances else None,
        boxes=len(distances),
        boxes_without_partner=alone,
        pixels_apart=pixels_apart(*answers),
        confidence_difference=confidence_difference(*answers),
        milliseconds=Milliseconds(
            checkpoint=_milliseconds(answers[0]),
            exported=_milliseconds(answers[1]),
        ),
    )


def _answers(
    models: list[tuple[Path, dict[str, Any]]], files: list[Path], task: str, report: Report
) -> list[list[Answer]]:
    """Ask the models in turn, picture by picture, so that another program slows them alike."""
    from ultralytics import YOLO

    loaded: list[Any] = [YOLO(str(path), task=task) for path, _ in models]
    found: list[list[Answer]] = [[] for _ in models]
    for number, file in enumerate(files):
        report(Progress("Comparing answers", number, len(files)))
        for model, (path, options), answers in zip(loaded, models, found, strict=True):
            result = model.predict(
                str(file), conf=CONFIDENCE / 2, iou=NMS_IOU, device="cpu" if path.suffix != ".engine" else 0,
                verbose=False, **options,
            )[0]  # fmt: skip
            answers.append(_answer(result))
    return found


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
    return Answer(
        corners, boxes.cls.cpu().numpy().astype(int), boxes.conf.cpu().numpy().astype(float), None, milliseconds
    )


def _score(path: Path, pictures: Pictures, options: dict[str, Any], words: str, report: Report) -> float:
    from ultralytics import YOLO

    model: Any = YOLO(str(path), task=pictures.task)
    seen = 0

    def step(validator: Any) -> None:
        nonlocal seen
        seen += 1
        report(Progress(words, min(seen * validator.dataloader.batch_size, len(pictures.files)), len(pictures.files)))

    model.add_callback("on_val_batch_end", step)
    report(Progress(words, 0, len(pictures.files)))
    result = model.val(
        data=str(pictures.data), split="val", batch=1, conf=MIN_CONFIDENCE, iou=NMS_IOU, workers=0, plots=False,
        verbose=False,
        device="cpu" if path.suffix != ".engine" else 0, project=str(pictures.data.parent / "val"), exist_ok=True,
        **options,
    )  # fmt: skip
    part = TASKS[pictures.task].metrics_part
    return float(getattr(result, part).map if part else result.fitness)


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


def _top1(answers: list[Answer], labels: list[int]) -> float:
    right = [int(np.argmax(answer.probabilities)) == label for answer, label in zip(answers, labels, strict=True)]  # type: ignore[arg-type]
    return float(np.mean(right))


def _milliseconds(answers: list[Answer]) -> float:
    times = [answer.milliseconds for answer in answers]
    return round(median(times[WARM_UP:] or times), 2)
