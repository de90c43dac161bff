"""What a model says of the pictures of a part, matched with their labels and laid out as tables: in the child only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.data.dataset import Dataset
from core.data.objects import NOT_JUDGED, LabelledImage, read_mask, write_mask
from core.evaluation.predict.matching import IOU_THRESHOLDS, SIZES, box_iou, match, match_in_range, nearest, to_bits
from core.evaluation.predict.objects import Objects, drawn_shapes, found_objects, labelled_objects, overlaps
from core.evaluation.predict.predictions import PREDICTION_COLUMNS, SHAPE_COLUMNS, mask_path
from core.tasks import TASKS


def judged_objects(image: LabelledImage, result: Any, task: str) -> dict[str, Any]:
    """Return the row of a picture with objects: an Ultralytics result beside the labels."""
    found = found_objects(result)
    fed = None if found.masks is None else found.masks.shape[1:]
    labels = labelled_objects(image, task, fed)
    shapes = drawn_shapes(found, (image.height, image.width)) if TASKS[task].has_shapes else []
    return {"file": image.file, **matched(labels, found, task), "shapes": shapes}


def matched(labels: Objects, found: Objects, task: str) -> dict[str, Any]:
    """Return the columns of PREDICTION_COLUMNS and TRUTH_COLUMNS for the findings and labels of one picture."""
    by_task = overlaps(labels, found, task)
    by_box = by_task if TASKS[task].is_rotated else box_iou(labels.boxes, found.boxes)
    same, same_iou = nearest(by_task, labels.classes, found.classes, same=True)
    other, other_iou = nearest(by_task, labels.classes, found.classes, same=False)
    right = match(by_task, labels.classes, found.classes)
    return {
        "true_classes": labels.classes,
        "true_boxes": labels.boxes,
        "area": labels.areas,
        "class_id": found.classes,
        "confidence": found.confidence,
        "boxes": found.boxes,
        **by_size(by_task, labels.classes, found.classes, labels.areas, found.areas),
        "tp": to_bits(match(by_box, labels.classes, found.classes) >= 0),
        "task_tp": to_bits(right >= 0),
        "truth": right[:, 0],
        "same_truth": same,
        "same_iou": same_iou,
        "other_truth": other,
        "other_iou": other_iou,
    }


def judged_class(dataset: Dataset, file: str, result: Any) -> dict[str, Any]:
    """Return the row of a classified picture: probabilities in the order of the dataset's classes."""
    columns = [dataset.classes.index(result.names[index]) for index in range(len(result.names))]
    probabilities = np.zeros(len(dataset.classes))
    probabilities[columns] = result.probs.data.float().cpu().numpy()
    return {"file": file, "probabilities": probabilities, "truth": dataset.classes.index(Path(file).parent.name)}


def judged_mask(dataset: Dataset, file: str, result: Any, run_folder: Path) -> dict[str, Any]:
    """Return the row of a picture whose every pixel has a class, and store the mask of the answer."""
    write_mask(mask_path(run_folder, file), _said(result))
    return judged_pixel_counts(dataset, file, result)


def judged_pixel_counts(dataset: Dataset, file: str, result: Any) -> dict[str, Any]:
    """Return the row of a picture whose every pixel has a class."""
    said = _said(result)
    path = dataset.label_path(file)
    truth = read_mask(path) if path.is_file() else np.full(said.shape, NOT_JUDGED, dtype=np.uint8)
    return {"file": file, "counts": pixel_counts(truth, said, len(dataset.classes))}


def _said(result: Any) -> NDArray[np.uint8]:
    said: NDArray[np.uint8] = result.semantic_mask.data.cpu().numpy().astype(np.uint8)
    return said


def pixel_counts(truth: NDArray[np.integer], said: NDArray[np.integer], classes: int) -> NDArray[np.int64]:
    """Return (classes, classes) pixels by labelled and said class; labels that are no class are not judged."""
    judged = (truth < classes) & (said < classes)
    pairs = truth[judged].astype(np.int64) * classes + said[judged]
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def pixel_tables(captured: list[dict[str, Any]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables of predictions and truth from the pixels counted picture by picture."""
    pairs, truth = [], []
    for item in sorted(captured, key=lambda item: item["file"]):
        true, said = np.nonzero(item["counts"])
        pairs += [
            (item["file"], int(row), int(column), int(item["counts"][row, column]))
            for row, column in zip(true, said, strict=True)
        ]
        truth += [(item["file"], index, int(count)) for index, count in enumerate(item["counts"].sum(axis=1))]
    predictions = pd.DataFrame(pairs, columns=["file", "true_class", "class_id", "pixels"])
    return predictions, pd.DataFrame(truth, columns=["file", "class_id", "pixels"])


def by_size(
    overlaps: NDArray[np.float64],
    true_classes: NDArray[np.int64],
    classes: NDArray[np.int64],
    true_areas: NDArray[np.float64],
    areas: NDArray[np.float64],
) -> dict[str, NDArray[np.int64]]:
    """Return, for each of COCO's sizes, which predictions are right and which are passed over, as bits.

    As in `COCOeval.evaluateImg`: objects of other sizes are there but don't count; a prediction is passed over when it
    is matched to one of them, or to nothing and is itself of another size.
    """
    result = {}
    for name, (low, high) in SIZES.items():
        other = (true_areas < low) | (true_areas > high)
        matched = match_in_range(overlaps, true_classes, classes, other, IOU_THRESHOLDS)
        other_size = ((areas < low) | (areas > high))[:, None]
        apart = other[matched] if len(other) else np.zeros(matched.shape, dtype=bool)
        result[f"{name}_tp"] = to_bits((matched >= 0) & ~apart)
        result[f"{name}_ignored"] = to_bits(np.where(matched >= 0, apart, other_size))
    return result


def make_tables(
    captured: list[dict[str, Any]], classification: bool, classes: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the tables of predictions, truth and shapes from what was captured picture by picture."""
    captured = sorted(captured, key=lambda item: item["file"])
    files = [item["file"] for item in captured]
    if classification:
        probabilities = np.array([item["probabilities"] for item in captured]).reshape(-1, classes)
        predictions = pd.DataFrame(probabilities, columns=[f"p{index}" for index in range(classes)])
        predictions.insert(0, "file", files)
        predictions.insert(1, "class_id", probabilities.argmax(axis=1))
        predictions.insert(2, "confidence", probabilities.max(axis=1))
        truth = pd.DataFrame({"file": files, "class_id": [item["truth"] for item in captured]})
        return predictions, truth, pd.DataFrame(columns=list(SHAPE_COLUMNS))
    counts = [len(item["class_id"]) for item in captured]
    boxes = np.vstack([item["boxes"] for item in captured] or [np.zeros((0, 4))])
    columns: dict[str, Any] = {"file": np.repeat(np.array(files, dtype=object), counts)}
    for name in PREDICTION_COLUMNS:
        if name in ("x1", "y1", "x2", "y2"):
            columns[name] = boxes[:, ("x1", "y1", "x2", "y2").index(name)]
        elif name != "file":
            columns[name] = np.concatenate([item[name] for item in captured] or [np.zeros(0)])
    true_counts = [len(item["true_classes"]) for item in captured]
    true_boxes = np.vstack([item["true_boxes"] for item in captured] or [np.zeros((0, 4))])
    truth = pd.DataFrame(
        {
            "file": np.repeat(np.array(files, dtype=object), true_counts),
            "object": np.concatenate([np.arange(count) for count in true_counts] or [np.zeros(0, dtype=int)]).astype(
                int
            ),
            "class_id": np.concatenate([item["true_classes"] for item in captured] or [np.zeros(0)]).astype(int),
            **{name: true_boxes[:, index] for index, name in enumerate(("x1", "y1", "x2", "y2"))},
            "area": np.concatenate([item["area"] for item in captured] or [np.zeros(0)]),
        }
    )
    starts = np.cumsum([0, *counts])
    drawn = [
        (item["file"], int(start) + number, points.ravel())
        for item, start in zip(captured, starts, strict=False)
        for number, points in enumerate(item["shapes"])
        if len(points)
    ]
    return pd.DataFrame(columns), truth, pd.DataFrame(drawn, columns=list(SHAPE_COLUMNS))
