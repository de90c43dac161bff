"""The line of a classifier of two classes: from how likely on a picture gets the class that is looked for (positive).

Without a line each picture gets the likelier class, which is a line of one half. A lower one misses fewer and gives
more false alarms: sensitivity is traded against specificity, along the ROC curve.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.figures.curves import threshold_curve
from core.evaluation.figures.operating_point import StoredPoint, line_through

ClassAim = Literal["balanced", "sensitivity", "specificity", "cost"]
CLASS_AIMS: tuple[ClassAim, ...] = get_args(ClassAim)


class ClassLine(NamedTuple):
    """Where the line stands, and for which class."""

    positive: int
    """class id"""
    confidence: float
    """0 to 1"""


def line_of(point: StoredPoint | None, classes: list[str]) -> ClassLine | None:
    """Return the line that is stored with a classifier; None without one, and for other than two classes."""
    if point is None or len(classes) != 2 or point.positive not in classes:
        return None
    return ClassLine(classes.index(point.positive), point.confidence)


def named_by(predictions: pd.DataFrame, line: ClassLine | None) -> pd.DataFrame:
    """Return a classifier's stored predictions with `class_id` and `confidence` of what the line names.

    `confidence` is how likely the model holds the class that is named: below the line's own it may be under one half.
    """
    if line is None:
        return predictions
    likely = predictions[f"p{line.positive}"].to_numpy(dtype=float)
    said = np.where(likely >= line.confidence, line.positive, 1 - line.positive)
    other = predictions[f"p{1 - line.positive}"].to_numpy(dtype=float)
    usable = np.isfinite(likely)
    return predictions.assign(
        class_id=np.where(usable, said, predictions["class_id"]),
        confidence=np.where(usable, np.where(said == line.positive, likely, other), predictions["confidence"]),
    )


def roc_curve(likely: NDArray[np.float64], positive: NDArray[np.bool_]) -> pd.DataFrame:
    """Return a `threshold_curve` of pictures, recall as sensitivity, with their specificity (0 to 1).

    `likely` is how likely each picture holds the positive class, `positive` whether it does. Empty without pictures.
    """
    order = np.argsort(-likely, kind="stable")
    good = int((~positive).sum())
    curve = threshold_curve(likely[order], positive[order], int(positive.sum()), len(likely))
    alone = 1 - curve["false_alarms"] / good if good else np.full(len(curve), np.nan)
    return curve.rename(columns={"recall": "sensitivity"}).assign(specificity=alone)


def class_line_for(
    curve: pd.DataFrame,
    aim: ClassAim,
    *,
    at_least: float = 0.9,
    miss_cost: float = 5.0,
    alarm_cost: float = 1.0,
) -> float | None:
    """Return the line that serves an aim on a `roc_curve`, None when none does.

    "balanced": the highest sum of sensitivity and specificity (Youden 1950, Cancer 3: 32-35). "sensitivity": of the
    lines that find at least `at_least` of the positive pictures, the one that leaves most of the others alone, and of
    several such the one that finds most. "specificity": the same the other way round. "cost": the least of misses x
    `miss_cost` + false alarms x `alarm_cost`.
    Rounded as `operating_point.rounded_between` does.
    """
    if curve.empty or curve[["sensitivity", "specificity"]].isna().any(axis=None):
        return None
    if aim == "balanced":
        row = int((curve["sensitivity"] + curve["specificity"]).to_numpy().argmax())
    elif aim == "cost":
        row = int((curve["missed"] * miss_cost + curve["false_alarms"] * alarm_cost).to_numpy().argmin())
    else:
        other = "specificity" if aim == "sensitivity" else "sensitivity"
        fits = curve[curve[aim] >= at_least]
        if fits.empty:
            return None
        row = int(fits.sort_values([other, aim], kind="stable").index[-1])
    values = curve["confidence"].to_numpy()
    return line_through(values, row)
