"""How the figures move with the confidence: one table for the threshold slider, the F1 curve and FROC; PR by class."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from core.evaluation.metrics import precision_recall

POINTS = 400
"""Rows a curve is thinned to: more than a screen has pixels for."""

Aim = Literal["balanced", "recall", "precision", "cost"]


def threshold_curve(predictions: pd.DataFrame, objects: int, pictures: int) -> pd.DataFrame:
    """Return one row a confidence, falling: precision, recall, F1 (0 to 1), false_alarms and missed (counts),
    false_alarms_per_picture. Empty when there are no predictions. FROC is recall over false_alarms_per_picture
    (Bunch et al. 1978).
    """
    ordered = predictions[["confidence", "truth"]].sort_values("confidence", ascending=False, kind="stable")
    confidence = ordered["confidence"].to_numpy(dtype=float)
    hits = np.cumsum(ordered["truth"].to_numpy() >= 0)
    count = np.arange(1, len(ordered) + 1)
    last = np.append(confidence[1:] < confidence[:-1], True) if len(ordered) else np.zeros(0, dtype=bool)
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
    """Return at most `points` rows of a curve, evenly spread, first and last kept."""
    if len(table) <= points:
        return table
    return table.iloc[np.unique(np.linspace(0, len(table) - 1, points).astype(int))]


def confidence_for(
    curve: pd.DataFrame, aim: Aim, *, at_least: float = 0.9, miss_cost: float = 5.0, alarm_cost: float = 1.0
) -> float | None:
    """Return the confidence that serves an aim, None when no confidence does.

    "balanced": highest F1. "recall": the highest confidence that finds at least `at_least` of the objects.
    "precision": the lowest confidence with at least `at_least` of the findings right. "cost": the least of
    misses x `miss_cost` + false alarms x `alarm_cost`. The value lies halfway to the next lower confidence, so that
    rounding can't drop the last finding.
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
    return float((values[row] + (values[row + 1] if row + 1 < len(values) else 0.0)) / 2)


def precision_recall_curves(predictions: pd.DataFrame, truth: pd.DataFrame) -> dict[int, pd.DataFrame]:
    """Return {class id: recall, precision, confidence} for the classes with labelled objects, at an overlap of 0.5."""
    ordered = predictions.sort_values("confidence", ascending=False, kind="stable")
    curves = {}
    for class_id, objects in zip(*np.unique(truth["class_id"].to_numpy(dtype=int), return_counts=True), strict=True):
        mine = ordered[ordered["class_id"] == class_id]
        recall, precision = precision_recall((mine["truth"] >= 0).to_numpy(), int(objects))
        table = pd.DataFrame({"recall": recall, "precision": precision, "confidence": mine["confidence"].to_numpy()})
        curves[int(class_id)] = thinned(table)
    return curves
