"""What lies behind the counts: every hit, miss and false alarm at one confidence, and the matrix made of them.

Works on the arrays of `core/evaluation/predict/prediction_arrays.py` and the kinds of mistakes of
`core/evaluation/predict/error_kinds.py`, so that counts, matrix and gallery can't disagree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.predict.prediction_arrays import CODES, Ints, PredictionArrays

NOTHING = -1
"""Stands for no object (a false alarm) or no prediction (a miss) where a class id is expected."""


def find_cases(arrays: PredictionArrays, confidence: float) -> pd.DataFrame:
    """Return one row per prediction at or above `confidence`, and one per labelled object nothing explains.

    Columns: file; kind ("hit", "missed" or a kind of `error_kinds.KINDS`); true_class and predicted_class (NOTHING
    where there is none); confidence (of a miss: the best prediction of it that was too unsure, 0 when there is none);
    iou; x1, y1, x2, y2 in pixels; object (number of the labelled object in its picture, NOTHING for none).
    """
    place, missed = explained_rows(arrays, confidence)
    shown = arrays.predictions.iloc[: len(place)]
    numbers = arrays.truth["object"].to_numpy(dtype=np.int64)
    table = shown[["file", "confidence", "x1", "y1", "x2", "y2"]].copy()
    table["kind"] = np.array(CODES, dtype=object)[arrays.kind[: len(place)]]
    table["predicted_class"] = arrays.said[: len(place)]
    table["true_class"] = _named(arrays.true_class, place)
    table["object"] = _named(numbers, place)
    table["iou"] = np.maximum(shown["same_iou"].to_numpy(), shown["other_iou"].to_numpy())
    lost = arrays.truth.loc[missed, ["file", "object", "x1", "y1", "x2", "y2"]].copy()
    lost["kind"] = "missed"
    lost["true_class"] = arrays.true_class[missed]
    lost["predicted_class"] = NOTHING
    lost["confidence"] = np.maximum(arrays.found_at[missed], 0.0)
    lost["iou"] = 0.0
    return pd.concat([table, lost], ignore_index=True) if len(lost) else table.reset_index(drop=True)


def explained_rows(arrays: PredictionArrays, confidence: float) -> tuple[Ints, NDArray[np.bool_]]:
    """Return which labelled object each finding accounts for (NOTHING for none), and which objects none accounts for.

    A wrong name accounts for an object that is not found besides; of several the surest does.
    """
    count = arrays.shown(confidence)
    place = arrays.hit_row[:count].copy()
    other = arrays.other_row[:count]
    wrong = (arrays.kind[:count] == CODES.index("class")) & (other >= 0)
    free = (
        np.flatnonzero(wrong & (arrays.found_at[other] < confidence)) if len(arrays.truth) else np.zeros(0, dtype=int)
    )
    first = free[np.unique(other[free], return_index=True)[1]]
    place[first] = other[first]
    missed = np.ones(len(arrays.truth), dtype=bool)
    missed[place[place >= 0]] = False
    return place, missed


def _named(values: Ints, place: Ints) -> Ints:
    return np.where(place >= 0, values[place], NOTHING) if len(values) else np.full(len(place), NOTHING)


def worst_first(cases: pd.DataFrame) -> pd.DataFrame:
    """Return mistakes in the order to look at them: sure false answers first, then misses the model had no idea of."""
    cost = np.where(cases["kind"] == "missed", 1 - cases["confidence"], cases["confidence"])
    return cases.iloc[np.argsort(-cost, kind="stable")]


def confusion(arrays: PredictionArrays, confidence: float) -> Ints:
    """Return (classes + 1, classes + 1) counts: rows labelled, columns predicted, the last of each is nothing."""
    place, missed = explained_rows(arrays, confidence)
    size = len(arrays.classes) + 1
    rows = (
        np.where(place >= 0, arrays.true_class[place], size - 1) if len(arrays.truth) else np.full(len(place), size - 1)
    )
    flat = np.bincount(rows * size + arrays.said[: len(place)], minlength=size * size)
    flat = flat + np.bincount(arrays.true_class[missed] * size + size - 1, minlength=size * size)
    return flat.reshape(size, size).astype(np.int64)


@dataclass(frozen=True)
class PictureVerdict:
    """Whether pictures with something in them are told from empty ones, counted."""

    with_objects: int
    flagged_with: int
    empty: int
    flagged_empty: int


def picture_verdict(arrays: PredictionArrays, confidence: float) -> PictureVerdict:
    """Judge each picture by one question: is anything found in it at this confidence?"""
    full = arrays.by_picture(arrays.true_picture) > 0
    flagged = arrays.by_picture(arrays.picture[: arrays.shown(confidence)]) > 0
    return PictureVerdict(
        int(full.sum()), int((full & flagged).sum()), int((~full).sum()), int((~full & flagged).sum())
    )
