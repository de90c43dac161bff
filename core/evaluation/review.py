"""What lies behind the counts: every hit, miss and false alarm at one confidence, and the matrix made of them.

Works on the tables of `predictions.py`; the kinds of mistakes are those of `errors.py`, so that counts, matrix and
gallery can't disagree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.errors import error_kinds
from core.evaluation.intervals import wilson

NOTHING = -1
"""Stands for no object (a false alarm) or no prediction (a miss) where a class id is expected."""


def find_cases(predictions: pd.DataFrame, truth: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return one row a prediction at or above `confidence`, and one a labelled object nothing explains.

    Columns: file; kind ("hit", "missed" or a kind of `errors.KINDS`); true_class and predicted_class (NOTHING where
    there is none); confidence (of a miss: the best prediction of it that was too unsure, 0 when there is none); iou;
    x1, y1, x2, y2 in pixels; object (number of the labelled object in its picture, NOTHING for none).
    """
    keys = pd.MultiIndex.from_arrays([truth["file"], truth["object"].astype(int)])
    classes = truth["class_id"].to_numpy(dtype=int)
    shown = predictions[predictions["confidence"] >= confidence]
    shown = shown.sort_values("confidence", ascending=False, kind="stable")
    kinds = error_kinds(shown).to_numpy()
    hit_at = _places(keys, shown, "truth")
    other_at = np.where(kinds == "class", _places(keys, shown, "other_truth"), NOTHING)
    found = np.zeros(len(truth), dtype=bool)
    found[hit_at[hit_at >= 0]] = True
    free = np.flatnonzero((other_at >= 0) & ~found[other_at]) if len(truth) else np.zeros(0, dtype=int)
    first = free[np.unique(other_at[free], return_index=True)[1]]  # the surest of several wrong names for one object
    mistaken = np.full(len(shown), NOTHING)
    mistaken[first] = other_at[first]
    place = np.where(hit_at >= 0, hit_at, mistaken)
    table = shown[["file", "confidence", "x1", "y1", "x2", "y2"]].copy()
    table["kind"] = kinds
    table["predicted_class"] = shown["class_id"].to_numpy(dtype=int)
    table["true_class"] = np.where(place >= 0, classes[place] if len(classes) else NOTHING, NOTHING)
    table["object"] = np.where(place >= 0, truth["object"].to_numpy(dtype=int)[place] if len(truth) else 0, NOTHING)
    table["iou"] = np.maximum(shown["same_iou"].to_numpy(), shown["other_iou"].to_numpy())
    explained = found.copy()
    explained[place[place >= 0]] = True
    missed = truth.loc[~explained, ["file", "object", "x1", "y1", "x2", "y2"]].copy()
    missed["kind"] = "missed"
    missed["true_class"] = classes[~explained]
    missed["predicted_class"] = NOTHING
    missed["confidence"] = _best_unsure(keys, predictions, confidence, len(truth))[~explained]
    missed["iou"] = 0.0
    return pd.concat([table, missed], ignore_index=True) if len(missed) else table.reset_index(drop=True)


def _places(keys: pd.MultiIndex, predictions: pd.DataFrame, column: str) -> NDArray[np.int64]:
    """Return the row of the truth table each prediction's object has, -1 for none."""
    if len(keys) == 0 or predictions.empty:
        return np.full(len(predictions), NOTHING, dtype=np.int64)
    wanted = pd.MultiIndex.from_arrays([predictions["file"], predictions[column].astype(int)])
    result: NDArray[np.int64] = keys.get_indexer(wanted)
    return result


def _best_unsure(
    keys: pd.MultiIndex, predictions: pd.DataFrame, confidence: float, objects: int
) -> NDArray[np.float64]:
    """Return for each object the highest confidence below the threshold with which it was found, 0 for none."""
    best = np.zeros(objects)
    unsure = predictions[(predictions["confidence"] < confidence) & (predictions["truth"] >= 0)]
    place = _places(keys, unsure, "truth")
    np.maximum.at(best, place[place >= 0], unsure["confidence"].to_numpy(dtype=float)[place >= 0])
    return best


def worst_first(cases: pd.DataFrame) -> pd.DataFrame:
    """Return mistakes in the order to look at them: sure false answers first, then misses the model had no idea of."""
    cost = np.where(cases["kind"] == "missed", 1 - cases["confidence"], cases["confidence"])
    return cases.iloc[np.argsort(-cost, kind="stable")]


def confusion(cases: pd.DataFrame, classes: int) -> NDArray[np.int64]:
    """Return (classes + 1, classes + 1) counts: rows labelled, columns predicted, the last of each is nothing."""
    matrix = np.zeros((classes + 1, classes + 1), dtype=np.int64)
    rows = cases["true_class"].to_numpy(dtype=int)
    columns = cases["predicted_class"].to_numpy(dtype=int)
    np.add.at(matrix, (np.where(rows < 0, classes, rows), np.where(columns < 0, classes, columns)), 1)
    return matrix


@dataclass(frozen=True)
class PictureVerdict:
    """Whether pictures with something in them are told from empty ones: counts and Wilson's 95 % intervals."""

    with_objects: int
    flagged_with: int
    empty: int
    flagged_empty: int

    @property
    def sensitivity(self) -> float:
        """Share of the pictures with objects in which anything is found, NaN without such pictures."""
        return self.flagged_with / self.with_objects if self.with_objects else float("nan")

    @property
    def specificity(self) -> float:
        """Share of the empty pictures in which nothing is found, NaN without such pictures."""
        return 1 - self.flagged_empty / self.empty if self.empty else float("nan")

    @property
    def sensitivity_interval(self) -> tuple[float, float]:
        """95 % interval of the sensitivity."""
        return wilson(self.flagged_with, self.with_objects)

    @property
    def specificity_interval(self) -> tuple[float, float]:
        """95 % interval of the specificity."""
        return wilson(self.empty - self.flagged_empty, self.empty)


def picture_verdict(
    predictions: pd.DataFrame, truth: pd.DataFrame, files: list[str], confidence: float
) -> PictureVerdict:
    """Judge each picture by one question: is anything found in it at this confidence?"""
    labelled = set(truth["file"])
    flagged = set(predictions.loc[predictions["confidence"] >= confidence, "file"])
    full = [file for file in files if file in labelled]
    empty = [file for file in files if file not in labelled]
    return PictureVerdict(len(full), len(flagged & set(full)), len(empty), len(flagged & set(empty)))
