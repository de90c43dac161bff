"""Does "80 % sure" mean right in 80 of 100? Reliability curve, expected calibration error and temperature scaling.

Temperature scaling (Guo et al. 2017, "On Calibration of Modern Neural Networks") divides the logits by one number,
fitted on the validation part. It changes how sure the model says it is, never what it finds or in which order. It is
stored with the run only when the user asks for it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.figures.figure import UNKNOWN, Figure
from core.evaluation.figures.intervals import Weights
from core.workspace import write_json_atomic

BINS = 10
DETECTIONS_FROM = 0.05
"""Findings below this confidence are left out: thousands of them would hide the rest."""
FEWEST = 20
"""Answers a temperature can be fitted on at least."""
_EDGE = 1e-6


@dataclass(frozen=True)
class Bin:
    """Answers of about the same stated confidence."""

    confidence: float
    """their mean stated confidence, 0 to 1"""
    correct: float
    """share of them that is right, 0 to 1"""
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
    temperature: float | None = None
    """what the confidences were divided by, None for those the model states by itself"""
    scaled: Calibration | None = None
    """the same after temperature scaling, None while none is stored with the model"""

    def as_dict(self) -> dict[str, Any]:
        """Return {"ece", "low", "high", "count", "bins"} and what else is known."""
        result: dict[str, Any] = {} if self.temperature is None else {"temperature": self.temperature}
        result |= {"ece": self.error.value, "low": self.error.low, "high": self.error.high, "count": self.count}
        result["bins"] = [asdict(item) for item in self.bins]
        if self.from_confidence is not None:
            result["from_confidence"] = self.from_confidence
        return result if self.scaled is None else result | {"scaled": self.scaled.as_dict()}

    def with_scaled(self, temperature: float, after: Calibration) -> Calibration:
        """Return this beside how it is `after` temperature scaling."""
        return replace(self, scaled=replace(after, temperature=temperature))


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


def scaled(confidence: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Return confidences (0 to 1) of findings after temperature scaling; the order stays."""
    kept = np.clip(confidence, _EDGE, 1 - _EDGE)
    logits = np.log(kept / (1 - kept))
    return np.asarray(1 / (1 + np.exp(-logits / temperature)))


def scaled_probabilities(probabilities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Return (pictures, classes) probabilities after temperature scaling; rows still add up to one."""
    logits = np.log(np.clip(probabilities, _EDGE, 1)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def fit_temperature(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> float | None:
    """Return the temperature that makes the answers likeliest, 0.05 to 20; None with too few, or only right or wrong.

    Above 1 the model is too sure of itself, below 1 not sure enough.
    """
    if len(confidence) < FEWEST or correct.all() or not correct.any():
        return None

    def loss(logarithm: float) -> float:
        said = np.clip(scaled(confidence, float(np.exp(logarithm))), _EDGE, 1 - _EDGE)
        return float(-np.log(np.where(correct, said, 1 - said)).mean())

    return _best_temperature(loss)


def fit_class_temperature(probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> float | None:
    """Return the temperature for a classifier's (pictures, classes) probabilities; None as in `fit_temperature`."""
    right = probabilities.argmax(axis=1) == truth if len(truth) else np.zeros(0, dtype=bool)
    if len(truth) < FEWEST or right.all() or not right.any():
        return None
    rows = np.arange(len(truth))

    def loss(logarithm: float) -> float:
        said = scaled_probabilities(probabilities, float(np.exp(logarithm)))[rows, truth]
        return float(-np.log(np.clip(said, _EDGE, 1)).mean())

    return _best_temperature(loss)


def _best_temperature(loss: Callable[[float], float]) -> float:
    """Return the temperature, 0.05 to 20, of the least `loss` of its logarithm."""
    from scipy.optimize import minimize_scalar  # takes a while to import, and few ask for it

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.05), np.log(20.0)), method="bounded").x))


def save_temperature(run_folder: Path, temperature: float, weights_sha256: str) -> Path:
    """Store the temperature with the model, with when and on what it was fitted. Returns the file."""
    path = run_folder / "calibration.json"
    now = datetime.now(UTC).isoformat(timespec="seconds")
    content = {"temperature": temperature, "fitted_on": "val", "weights_sha256": weights_sha256, "stored": now}
    write_json_atomic(path, content)
    return path


def load_temperature(run_folder: Path, weights_sha256: str | None = None) -> float | None:
    """Return the stored temperature, None when none was asked for or it belongs to other weights."""
    path = run_folder / "calibration.json"
    if not path.is_file():
        return None
    stored = json.loads(path.read_text(encoding="utf-8"))
    if weights_sha256 is not None and stored.get("weights_sha256") != weights_sha256:
        return None
    return float(stored["temperature"])


def drop_temperature(run_folder: Path) -> None:
    """Go back to the confidences the model gives by itself."""
    (run_folder / "calibration.json").unlink(missing_ok=True)
