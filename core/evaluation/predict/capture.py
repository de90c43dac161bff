"""What validators hand over of each picture, matched and laid out as tables: runs in the child only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.data.dataset import Dataset, write_mask
from core.evaluation.predict.matching import IOU_THRESHOLDS, SIZES, match, match_in_range, nearest, to_bits
from core.evaluation.predict.predictions import PREDICTION_COLUMNS, SHAPE_COLUMNS, mask_path
from core.ultralytics.validators import (
    SeenObjects,
    SeenPicture,
    SeenPixels,
    validator_of_objects,
    validator_of_pictures,
    validator_of_pixels,
)


def detect_validator(
    dataset: Dataset, captured: list[dict[str, Any]], say: Callable[[int, int], None] | None
) -> Callable[..., Any]:
    """Return the validator of the dataset's task that appends one dictionary per picture to `captured`."""
    images = (dataset.root / "images").resolve()

    def keep(seen: SeenObjects) -> None:
        true_classes, classes = seen.true_classes, seen.classes
        same, same_iou = nearest(seen.overlaps, true_classes, classes, same=True)
        other, other_iou = nearest(seen.overlaps, true_classes, classes, same=False)
        captured.append(
            {
                "file": seen.file.resolve().relative_to(images).as_posix(),
                "true_classes": true_classes,
                "true_boxes": seen.true_boxes,
                "area": seen.true_areas,
                "class_id": classes,
                "confidence": seen.confidence,
                "boxes": seen.boxes,
                "shapes": seen.shapes,
                **by_size(seen.overlaps, true_classes, classes, seen.true_areas, seen.areas),
                "tp": to_bits(seen.right),
                "task_tp": to_bits(seen.right_by_task),
                "truth": match(seen.overlaps, true_classes, classes, np.array([0.5]))[:, 0],
                "same_truth": same,
                "same_iou": same_iou,
                "other_truth": other,
                "other_iou": other_iou,
            }
        )

    return validator_of_objects(dataset.task, keep, say)


def classify_validator(
    dataset: Dataset, captured: list[dict[str, Any]], say: Callable[[int, int], None] | None
) -> Callable[..., Any]:
    """Return the classification validator that appends one dictionary per picture to `captured`."""
    images = (dataset.root / "images").resolve()

    def keep(seen: SeenPicture) -> None:
        file = seen.file.resolve().relative_to(images).as_posix()
        columns = [dataset.classes.index(seen.names[index]) for index in range(len(seen.names))]
        probabilities = np.zeros(len(dataset.classes))
        probabilities[columns] = seen.probabilities
        truth = dataset.classes.index(Path(file).parent.name)
        captured.append({"file": file, "probabilities": probabilities, "truth": truth})

    return validator_of_pictures(keep, say)


def pixel_validator(
    dataset: Dataset, captured: list[dict[str, Any]], say: Callable[[int, int], None] | None, run_folder: Path
) -> Callable[..., Any]:
    """Return the validator that counts pixels by class and answer per picture, and stores the masks it predicts."""
    images, classes = (dataset.root / "images").resolve(), len(dataset.classes)

    def keep(seen: SeenPixels) -> None:
        file = seen.file.resolve().relative_to(images).as_posix()
        judged = (seen.truth >= 0) & (seen.truth < classes) & (seen.said < classes)  # as Ultralytics counts
        pairs = seen.truth[judged] * classes + seen.said[judged]
        counts = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
        captured.append({"file": file, "counts": counts})
        write_mask(mask_path(run_folder, file), seen.answer)

    return validator_of_pixels(dataset.task, keep, say)


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
