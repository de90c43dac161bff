"""How the figures move with the confidence: one table for the threshold slider, the F1 curve and FROC; PR by class."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.figures.metrics import precision_recall
from core.evaluation.figures.operating_point import line_through
from core.evaluation.predict.prediction_arrays import PredictionArrays

POINTS = 400
"""Rows a curve is thinned to at most: more than a screen has pixels for."""

Aim = Literal["balanced", "recall", "precision", "cost"]
AIMS: tuple[Aim, ...] = get_args(Aim)


def threshold_curve(
    confidence: NDArray[np.float64], hit: NDArray[np.bool_], objects: int, pictures: int
) -> pd.DataFrame:
    """Return one row per confidence, falling: precision, recall, F1 (0 to 1), found, missed and false_alarms (counts),
    false_alarms_per_picture. Empty when there are no predictions. FROC is recall over false_alarms_per_picture
    (Bunch et al. 1978). Predictions come in order of falling confidence.
    """
    hits, count = np.cumsum(hit), np.arange(1, len(confidence) + 1)
    last = np.append(confidence[1:] < confidence[:-1], True) if len(confidence) else np.zeros(0, dtype=bool)
    hits, count, confidence = hits[last], count[last], confidence[last]
    return pd.DataFrame(
        {
            "confidence": confidence,
            "precision": hits / count,
            "recall": hits / objects if objects else np.full(len(hits), np.nan),
            "F1": 2 * hits / (count + objects),
            "found": hits,
            "missed": objects - hits,
            "false_alarms": count - hits,
            "false_alarms_per_picture": (count - hits) / max(pictures, 1),
        }
    )


def thinned(table: pd.DataFrame, points: int = POINTS) -> pd.DataFrame:
    """Return at most `points` rows of a curve, first and last kept, the gaps growing by the same factor.

    Most findings are many times less sure than any line that is ever drawn: evenly spread rows would show only them.
    """
    if len(table) <= points:
        return table
    return table.iloc[np.unique(np.geomspace(1, len(table), points).round().astype(int)) - 1]


def confidence_for(
    curve: pd.DataFrame, aim: Aim, *, at_least: float = 0.9, miss_cost: float = 5.0, alarm_cost: float = 1.0
) -> float | None:
    """Return the confidence that serves an aim, None when no confidence does.

    "balanced": highest F1. "recall": the highest confidence that finds at least `at_least` of the objects.
    "precision": the lowest confidence with at least `at_least` of the findings right. "cost": the least of
    misses x `miss_cost` + false alarms x `alarm_cost`. Rounded as `thresholds.rounded_between` does.
    """
    if curve.empty or curve["recall"].isna().all():
        return None
    if aim == "balanced":
        row = int(curve["F1"].to_numpy().argmax())
    elif aim == "cost":
        row = int((curve["missed"] * miss_cost + curve["false_alarms"] * alarm_cost).to_numpy().argmin())
    else:
        fits = np.flatnonzero(curve[aim].to_numpy() >= at_least)
        if len(fits) == 0:
            return None
        row = int(fits[0] if aim == "recall" else fits[-1])
    values = curve["confidence"].to_numpy()
    return line_through(values, row)


def precision_recall_curves(arrays: PredictionArrays) -> dict[int, pd.DataFrame]:
    """Return {class id: recall, precision, confidence} for the classes with labelled objects, at an overlap of 0.5."""
    curves = {}
    for class_id, objects in zip(*np.unique(arrays.true_class, return_counts=True), strict=True):
        mine = arrays.said == class_id
        recall, precision = precision_recall(arrays.hit[mine], int(objects))
        table = pd.DataFrame({"recall": recall, "precision": precision, "confidence": arrays.confidence[mine]})
        curves[int(class_id)] = thinned(table, POINTS if len(arrays.classes) <= 10 else POINTS // 4)
    return curves
