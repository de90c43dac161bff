"""Does "80 % sure" mean right in 80 of 100? Reliability curve, expected calibration error, and its direction."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.figures.figure import UNKNOWN, Difference, Figure
from core.evaluation.figures.intervals import Weights, interval, wilson

BINS = 10
DETECTIONS_FROM = 0.05
"""Findings below this confidence are left out: thousands of them would hide the rest."""


@dataclass(frozen=True)
class Bin:
    """Answers of about the same stated confidence."""

    confidence: float
    """their mean stated confidence, 0 to 1"""
    correct: float
    """share of them that is right, 0 to 1"""
    count: int


@dataclass(frozen=True)
class SureAnswers:
    """The answers at and above the operating point: what they say on average, and how often they are right."""

    confidence: float
    """their mean stated confidence, 0 to 1"""
    correct: float
    """share of them that is right, 0 to 1"""
    gap: Difference
    """the first less the second: above 0 the model is too sure of itself, below 0 not sure enough"""
    count: int


@dataclass(frozen=True)
class Calibration:
    """How far stated confidence is from how often it is right."""

    error: Figure = UNKNOWN
    """expected calibration error, 0 to 1"""
    count: int = 0
    """answers it rests on"""
    bins: tuple[Bin, ...] = ()
    from_confidence: float | None = None
    """findings below it are left out; None for a classifier"""
    sure: SureAnswers | None = None
    """those that count: at and above the operating point; None for a correction"""
    temperature: float | None = None
    """what the logits were divided by, None for the confidences the model states by itself"""
    bias: float = 0.0
    """what was added to them after that"""
    scaled: Calibration | None = None
    """the same after the correction, None while none is stored with the model"""

    def as_dict(self) -> dict[str, Any]:
        """Return {"ece", "low", "high", "count", "bins"} and what else is known."""
        result: dict[str, Any] = {} if self.temperature is None else {"temperature": self.temperature}
        if self.bias:
            result["bias"] = self.bias
        result |= {"ece": self.error.value, "low": self.error.low, "high": self.error.high, "count": self.count}
        result["bins"] = [asdict(item) for item in self.bins]
        if self.from_confidence is not None:
            result["from_confidence"] = self.from_confidence
        if self.sure is not None:
            result["sure"] = asdict(self.sure)
        return result if self.scaled is None else result | {"scaled": self.scaled.as_dict()}

    def with_scaled(self, temperature: float, bias: float, after: Calibration) -> Calibration:
        """Return this beside how it is `after` the correction."""
        return replace(self, scaled=replace(after, temperature=temperature, bias=bias))


def read_calibration(stored: dict[str, Any]) -> Calibration:
    """Return what `as_dict` gave, of confidences the model states by itself."""
    return Calibration(
        Figure(stored["ece"], stored["low"], stored["high"]),
        stored["count"],
        tuple(Bin(**item) for item in stored["bins"]),
        stored.get("from_confidence"),
    )


def calibration(
    confidence: NDArray[np.float64],
    correct: NDArray[np.bool_],
    picture: NDArray[np.int64] | None = None,
    weights: Weights | None = None,
) -> Calibration:
    """Return how far confidences are from how often they are right, over ten equal bins.

    ECE is the mean distance between stated confidence and share of right answers (Naeini et al. 2015), 0 to 1. Its
    interval is that of the draws, moved by their bias: a resampled set always looks less calibrated. NaN without
    `weights`.
    """
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    counts = np.bincount(place, minlength=BINS)
    said, right = (np.bincount(place, weights=value, minlength=BINS) for value in (confidence, correct.astype(float)))
    if not len(confidence):
        return Calibration()
    bins = tuple(
        Bin(float(said[index] / counts[index]), float(right[index] / counts[index]), int(counts[index]))
        for index in np.flatnonzero(counts)
    )
    error, ends = float(np.abs(said - right).sum() / len(confidence)), (math.nan, math.nan)
    if picture is not None and weights is not None and weights.shape[1]:
        ends = _interval(error, confidence - correct, place, picture, weights)
    return Calibration(Figure(error, *ends), len(confidence), bins)


def sure_answers(
    confidence: NDArray[np.float64],
    correct: NDArray[np.bool_],
    picture: NDArray[np.int64],
    weights: Weights,
    units: int,
) -> SureAnswers | None:
    """Return how far the answers given are from how often they are right, with its sign; None where there are none.

    The interval is that of the draws of pictures, and no narrower than Wilson's for the share that is right.
    """
    if not len(confidence):
        return None
    size, difference = weights.shape[1], confidence - correct
    gaps = np.bincount(picture, weights=difference, minlength=size).astype(np.float32)
    totals = np.bincount(picture, minlength=size).astype(np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = interval((weights @ gaps) / (weights @ totals), units)
    said, right = float(confidence.mean()), float(correct.mean())
    least, most = wilson(int(correct.sum()), len(correct))
    gap = Difference(said - right, float(np.fmin(low, said - most)), float(np.fmax(high, said - least)))
    return SureAnswers(said, right, gap, len(confidence))


def _interval(
    value: float, gap: NDArray[np.float64], place: NDArray[np.int64], picture: NDArray[np.int64], weights: Weights
) -> tuple[float, float]:
    shape = weights.shape[1], BINS
    flat = picture * BINS + place
    gaps = np.bincount(flat, weights=gap, minlength=shape[0] * BINS).reshape(shape).astype(np.float32)
    totals = np.bincount(picture, minlength=shape[0]).astype(np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        draws = np.abs(weights @ gaps).sum(axis=1) / (weights @ totals)
    draws = draws[np.isfinite(draws)]
    if not len(draws):
        return float("nan"), float("nan")
    low, high = np.percentile(draws, [2.5, 97.5]) - (draws.mean() - value)
    return max(0.0, float(low)), min(1.0, float(high))
