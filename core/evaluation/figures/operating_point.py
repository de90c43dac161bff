"""The operating point: the one confidence above which a prediction counts as a finding, everywhere in Graft."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from core.errors import InputError
from core.files.digests import file_sha256
from core.workspace import write_json_atomic

IOU = 0.5
"""A finding is right when it overlaps an object of its class at least this much (mAP50's threshold)."""
FALLBACK_CONFIDENCE = 0.25
"""Ultralytics' own default for prediction; used when there is nothing to choose by."""


@dataclass(frozen=True)
class OperatingPoint:
    """What counts as a finding, and as a right one; all None for a classifier that names the likeliest class."""

    confidence: float | None = None
    iou: float | None = None
    positive: str | None = None
    """the class that a classifier of two names from `confidence` on; None without such a line"""

    @property
    def threshold(self) -> float:
        """The confidence a finding must reach, 0 where there is none."""
        return self.confidence or 0.0

    def as_dict(self) -> dict[str, float | str | None]:
        """Return {"confidence", "iou"} and, of a classifier with a line, "positive"."""
        return {name: value for name, value in asdict(self).items() if name != "positive" or value is not None}


class StoredPoint(BaseModel):
    """The operating point stored with a model: the content of `operating_point.json`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    confidence: float
    iou: float = IOU
    chosen_on: str = ""
    """the split it was chosen on"""
    rule: str = ""
    """how it was chosen"""
    weights_sha256: str = ""
    """the weights it was chosen for, "" where that was not recorded"""
    aim: str = ""
    """what it was chosen for (`curves.Aim`, `class_line.ClassAim`), "" where drawn by hand or by the evaluation"""
    options: dict[str, float] = {}
    """the numbers of that aim, as `curves.confidence_for` or `class_line.class_line_for` takes them"""
    positive: str = ""
    """of a classifier of two classes, the one it names from `confidence` on"""

    def suits(self, weights_sha256: str) -> bool:
        """Say whether it was chosen for these weights, or for nobody knows which."""
        return self.weights_sha256 in ("", weights_sha256)


def best_f1_confidence(confidence: NDArray[np.float64], correct: NDArray[np.bool_], objects: int) -> float:
    """Return the confidence at which F1 over all findings is highest (0 to 1), the fallback when nothing is found.

    It is rounded as `rounded_between` does, so that the page, the command line and the record hold the same number.
    """
    if objects == 0 or not correct.any():
        return FALLBACK_CONFIDENCE
    order = np.argsort(-confidence, kind="stable")
    sorted_confidence = confidence[order]
    score = 2 * np.cumsum(correct[order]) / (np.arange(1, len(order) + 1) + objects)
    return line_at_highest(sorted_confidence, score)[0]


def line_at_highest(confidence: NDArray[np.float64], score: NDArray[Any]) -> tuple[float, float]:
    """Return the line (0 to 1, as `rounded_between` rounds) that passes the findings of the highest score, and that.

    `confidence` falls, and is not empty; `score` is what passing all findings down to each one is worth.
    """
    ends = np.append(confidence[1:] < confidence[:-1], True)  # equal confidences pass together
    index = int(np.where(ends, score, -np.inf).argmax())
    return line_through(confidence, index), float(score[index])


def line_through(confidence: NDArray[np.float64], row: int) -> float:
    """Return the line, as `rounded_between` rounds, that passes falling confidences down to `row` and no further."""
    following = float(confidence[row + 1]) if row + 1 < len(confidence) else 0.0
    return rounded_between(following, float(confidence[row]))


def rounded_between(below: float, at_most: float) -> float:
    """Return the roundest confidence above `below` and not above `at_most`: two decimals, or three.

    Where no such number lies between, `at_most` rounded down to three decimals (at least 0.001).
    """
    for digits in (100, 1000):
        value = math.floor(at_most * digits + 1e-9) / digits
        if below < value <= at_most:
            return value
    return max(0.001, math.floor(at_most * 1000) / 1000)


def operating_point_path(run_folder: Path) -> Path:
    """Return where a run keeps its operating point."""
    return run_folder / "operating_point.json"


def save_operating_point(
    run_folder: Path,
    confidence: float,
    *,
    chosen_on: str = "",
    rule: str = "",
    weights_sha256: str = "",
    aim: str = "",
    options: dict[str, float] | None = None,
    positive: str = "",
) -> Path:
    """Store the operating point with the model, and how it was chosen. Returns the file."""
    path = operating_point_path(run_folder)
    point = StoredPoint(
        confidence=float(confidence), chosen_on=chosen_on, rule=rule, weights_sha256=weights_sha256, aim=aim,
        options=options or {}, positive=positive,
    )  # fmt: skip
    write_json_atomic(path, {key: value for key, value in point.model_dump().items() if value not in ("", {})})
    return path


def load_line_of(run_folder: Path, weights: Path) -> StoredPoint | None:
    """Return the operating point a run's weights are used at, None without one.

    The line of a classifier is somebody's choice, and holds for the weights it was chosen for: a detector's is chosen
    anew by the evaluation that ends a training.
    """
    point = load_operating_point(run_folder)
    return None if point is not None and point.positive and not point.suits(file_sha256(weights)) else point


def load_operating_point(run_folder: Path) -> StoredPoint | None:
    """Return the stored operating point, None when none was chosen yet. Raises InputError for a damaged file."""
    path = operating_point_path(run_folder)
    if not path.is_file():
        return None
    try:
        return StoredPoint.model_validate_json(path.read_text(encoding="utf-8"))
    except ValueError as error:  # a ValidationError is one
        raise InputError(
            f"{path}, the line this model is used at, is damaged: bring it back from a copy of the workspace, or "
            "delete it and choose the line again."
        ) from error
