"""What is worked out about one split at one operating point: the models behind the evaluation's answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from core.evaluation.figures.calibration import Calibration
from core.evaluation.figures.error_budget import ErrorCost
from core.evaluation.figures.figure import Figure
from core.evaluation.figures.operating_point import OperatingPoint
from core.evaluation.figures.slices import Slice


@dataclass(frozen=True)
class ClassFigures:
    """The figures of one class by their names, and the counts behind them."""

    figures: dict[str, Figure] = field(default_factory=dict)
    objects: int = 0
    """labelled objects, or pictures of a classifier"""
    found: int = 0
    false_alarms: int | None = None
    """None for a classifier"""

    def as_dict(self) -> dict[str, Any]:
        """Return each figure under its name, then the counts."""
        counts = {"objects": self.objects, "found": self.found}
        if self.false_alarms is not None:
            counts["false_alarms"] = self.false_alarms
        return {name: item.as_dict() for name, item in self.figures.items()} | counts


@dataclass(frozen=True)
class FiguresWithoutTwins:
    """The headline without the pictures that have a near twin in train."""

    twins: int
    images: int
    """pictures that are left"""
    metrics: dict[str, Figure] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return {"twins", "images", "metrics"}."""
        metrics = {name: item.as_dict() for name, item in self.metrics.items()}
        return {"twins": self.twins, "images": self.images, "metrics": metrics}


@dataclass(frozen=True)
class PictureMark:
    """A label, or a finding that counts, to draw on its picture."""

    kind: Literal["truth", "prediction"]
    class_name: str
    box: tuple[float, ...]
    """x1, y1, x2, y2 in pixels of the picture"""
    confidence: float
    """0 to 1; NaN for labels"""
    verdict: str
    """found or missed for labels; hit, or a kind of `error_kinds.KINDS`, for findings"""
    row: int
    """its row of the labels, or of the stored predictions"""


NO_OBJECT = "(nothing)"
"""The row of false alarms on nothing and the column of missed objects in a detector's confusion matrix."""


@dataclass(frozen=True, kw_only=True)
class SplitFigures:
    """All figures, tables and sentences of one split at one operating point."""

    operating_point: OperatingPoint
    metrics: dict[str, Figure]
    """shares from 0 to 1 by name"""
    per_class: dict[str, ClassFigures]
    errors: dict[str, ErrorCost]
    """by kind of `error_kinds.KINDS`; empty for classification"""
    calibration: Calibration
    slices: list[Slice]
    confusion: pd.DataFrame
    """counts, labelled classes down, predicted ones across; of detectors NO_OBJECT last"""
    curves: dict[str, pd.DataFrame]
    pictures: pd.DataFrame
    """one row per picture, the worst first"""
    leak_aware: FiguresWithoutTwins | None = None
    """None where no picture has a near twin in train"""
    sentences: list[str] = field(default_factory=list)
    """the verdict first, then what to do next"""
    next_steps: list[str] = field(default_factory=list)
    """those of the sentences that say what to do, each with the figure it rests on"""
