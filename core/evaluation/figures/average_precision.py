"""Areas under the precision-recall curve with their intervals: mAP50, mAP50-95, mAP75, by class and by object size.

mAP is read as Ultralytics reads it. AP by size is COCO's: objects and findings of other sizes are passed over, at most
100 findings per class and picture count, and the curve is read at 101 recall values as COCO does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.evaluation.figures.figure import Figure
from core.evaluation.figures.intervals import Weights, ap_draws, area_interval
from core.evaluation.figures.metrics import ap_by_class, coco_average_precision
from core.evaluation.predict.matching import IOU_THRESHOLDS, SIZES, from_bits
from core.evaluation.predict.prediction_arrays import PredictionArrays

PARTS = {"mAP50": [0], "mAP50-95": list(range(10)), "mAP75": [5]}
COCO_MOST = 100
"""Findings per class and picture COCO looks at."""


@dataclass
class AveragePrecisions:
    """Figures by name, overall and by class id, and the draws of the overall ones."""

    overall: dict[str, Figure] = field(default_factory=dict)
    per_class: dict[int, dict[str, Figure]] = field(default_factory=dict)
    draws: dict[str, NDArray[np.float32]] = field(default_factory=dict)


def average_precisions(
    arrays: PredictionArrays, weights: Weights, units: int, column: str = "task_tp"
) -> AveragePrecisions:
    """Return the average precisions by one measure of overlap: `task_tp` (the task's own) or `tp` (boxes)."""
    correct = from_bits(arrays.predictions[column].to_numpy(dtype=np.int64), len(IOU_THRESHOLDS))
    values = ap_by_class(correct, arrays.confidence, arrays.said, arrays.true_class)
    draws = {}
    for class_id in values:
        mine = arrays.said == class_id
        objects = arrays.by_picture(arrays.true_picture[arrays.true_class == class_id])
        draws[class_id] = ap_draws(
            weights, correct[mine], arrays.confidence[mine], arrays.picture[mine], objects,
            most_steps=256 if len(values) <= 20 else 128,
        )  # fmt: skip
    measured = AveragePrecisions(per_class={class_id: {} for class_id in values})
    counts = np.bincount(arrays.true_class, minlength=len(arrays.classes))
    for name, columns in PARTS.items():
        for class_id, item in values.items():
            value, drawn = float(item[columns].mean()), draws[class_id][:, columns].mean(axis=1)
            measured.per_class[class_id][name] = figure(value, drawn, int(counts[class_id]), units)
        means = mean_known([item[:, columns].mean(axis=1) for item in draws.values()], len(weights))
        measured.draws[name] = means.astype(np.float32)
        value = float(np.mean([item[columns].mean() for item in values.values()])) if values else float("nan")
        measured.overall[name] = figure(value, means, len(arrays.truth), units)
    return measured


def average_precision_by_size(arrays: PredictionArrays, weights: Weights, units: int) -> dict[str, Figure]:
    """Return {"AP small", "AP medium", "AP large"} over IoU 0.5 to 0.95, NaN for a size that isn't labelled.

    Empty when the predictions were stored without their matches by size.
    """
    if "small_tp" not in arrays.predictions or "area" not in arrays.truth:
        return {}
    near = _first_per_picture(arrays)
    area, figures = arrays.truth["area"].to_numpy(dtype=float), {}
    for name, (low, high) in SIZES.items():
        fits = (area >= low) & (area <= high)
        correct = from_bits(arrays.predictions[f"{name}_tp"].to_numpy(dtype=np.int64))
        counted = ~from_bits(arrays.predictions[f"{name}_ignored"].to_numpy(dtype=np.int64)) & near[:, None]
        values, drawn = [], []
        for class_id in np.unique(arrays.true_class[fits]):
            mine = (arrays.said == class_id) & counted.any(axis=1)
            objects = arrays.by_picture(arrays.true_picture[fits & (arrays.true_class == class_id)])
            values.append(_coco(correct[mine], counted[mine], float(objects.sum())))
            draws = ap_draws(
                weights, correct[mine] & counted[mine], arrays.confidence[mine], arrays.picture[mine], objects,
                counted[mine], most_steps=128,
            )  # fmt: skip
            drawn.append(draws.mean(axis=1))
        means = mean_known(drawn, len(weights))
        value = float(np.mean(values)) if values else float("nan")
        figures[f"AP {name}"] = figure(value, means, int(fits.sum()), units)
    return figures


def _coco(correct: NDArray[np.bool_], counted: NDArray[np.bool_], objects: float) -> float:
    """Return the mean over thresholds of one class's average precision; predictions by falling confidence."""
    precisions = []
    for index in range(correct.shape[1]):
        mine = correct[counted[:, index], index]
        hits = np.cumsum(mine)
        precisions.append(coco_average_precision(hits / objects, hits / np.arange(1, len(mine) + 1)))
    return float(np.mean(precisions))


def _first_per_picture(arrays: PredictionArrays) -> NDArray[np.bool_]:
    """Return which predictions are among the 100 surest of their class in their picture."""
    key = arrays.picture * len(arrays.classes) + arrays.said
    order = np.argsort(key, kind="stable")
    starts = np.searchsorted(key[order], key[order], side="left")
    rank = np.empty(len(key), dtype=np.int64)
    rank[order] = np.arange(len(key)) - starts
    return rank < COCO_MOST


def figure(value: float, draws: NDArray[np.floating], objects: int, units: int) -> Figure:
    """Return an average precision with its interval."""
    return Figure(value, *area_interval(value, draws, objects, units))


def mean_known(draws: Sequence[NDArray[np.floating]], rows: int) -> NDArray[np.float64]:
    """Return the mean over the classes a draw holds, NaN where it holds none."""
    if not draws:
        return np.full(rows, np.nan)
    table = np.array(draws, dtype=float)
    known = np.isfinite(table)
    with np.errstate(invalid="ignore", divide="ignore"):
        result: NDArray[np.float64] = np.where(known, table, 0).sum(axis=0) / known.sum(axis=0)
    return result
