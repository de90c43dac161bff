"""How stated confidence could be corrected, offered only where that helps on pictures it was not fitted on.

Two forms are tried for findings: one number (temperature scaling, Guo et al. 2017, "On Calibration of Modern Neural
Networks") and two numbers (Platt scaling, 1999: a temperature and a bias). Both keep the order of the findings, so
what a model finds stays as it is. A classifier gets the temperature alone: a bias per class would change its answers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.evaluation.crossfit.folds import draw_folds
from core.evaluation.figures.calibration import calibration
from core.workspace import write_json_atomic

FEWEST = 20
"""Answers a correction can be fitted on at least."""
FOLDS = 5
"""Parts the pictures are dealt into; each is corrected by what the other four say."""
_EDGE = 1e-6

Sure = NDArray[np.float64]
Right = NDArray[np.bool_]


@dataclass(frozen=True)
class Correction:
    """What is done to the logit of a confidence: divided by `temperature`, then `bias` is added."""

    temperature: float
    bias: float = 0.0

    @property
    def words(self) -> str:
        """The numbers, for people who know them."""
        return f"temperature {self.temperature:.2f}" + (f", bias {self.bias:.2f}" if self.bias else "")

    def of(self, confidence: Sure) -> Sure:
        """Return confidences (0 to 1) of findings, corrected; the order stays."""
        kept = np.clip(confidence, _EDGE, 1 - _EDGE)
        logits = np.log(kept / (1 - kept)) / self.temperature + self.bias
        return np.asarray(1 / (1 + np.exp(-logits)))

    def of_classes(self, probabilities: Sure) -> Sure:
        """Return (pictures, classes) probabilities, corrected; rows still add up to one."""
        logits = np.log(np.clip(probabilities, _EDGE, 1)) / self.temperature
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class OfferedCorrection:
    """A correction that helps, with calibration errors (0 to 1) on pictures it was not fitted on."""

    correction: Correction
    before: float
    after: float
    sure_before: float
    """of the answers that count: at and above the operating point"""
    sure_after: float


def fit_temperature(confidence: Sure, correct: Right) -> Correction | None:
    """Return the temperature that makes findings likeliest, .05 to 20; None with too few, or only right or wrong."""
    if _too_few(correct):
        return None

    def loss(values: NDArray[np.float64]) -> float:
        return _surprise(Correction(float(np.exp(values[0]))).of(confidence), correct)

    return Correction(float(np.exp(_least(loss, [0.0])[0])))


def fit_temperature_and_bias(confidence: Sure, correct: Right) -> Correction | None:
    """Return the temperature (.05 to 20) and the bias (-10 to 10) that make findings likeliest; None as above."""
    if _too_few(correct):
        return None

    def loss(values: NDArray[np.float64]) -> float:
        return _surprise(Correction(float(np.exp(values[0])), float(values[1])).of(confidence), correct)

    found = _least(loss, [0.0, 0.0])
    return Correction(float(np.exp(found[0])), float(found[1]))


def fit_class_temperature(probabilities: Sure, truth: NDArray[np.int64]) -> Correction | None:
    """Return the temperature for a classifier's (pictures, classes) probabilities; None as in `fit_temperature`."""
    if _too_few(probabilities.argmax(axis=1) == truth if len(truth) else np.zeros(0, dtype=bool)):
        return None
    rows = np.arange(len(truth))

    def loss(values: NDArray[np.float64]) -> float:
        said = Correction(float(np.exp(values[0]))).of_classes(probabilities)[rows, truth]
        return float(-np.log(np.clip(said, _EDGE, 1)).mean())

    return Correction(float(np.exp(_least(loss, [0.0])[0])))


@dataclass(frozen=True)
class TriedCorrection:
    """A form fitted on all answers, and what it makes of each when that answer's fold had no say."""

    correction: Correction
    plain: Sure
    """how sure the model says it is of each answer"""
    corrected: Sure

    def offered(self, correct: Right, sure: Right) -> OfferedCorrection | None:
        """Return it where it lowers the calibration error of all answers and of the `sure` ones, else None."""
        every = np.ones(len(correct), dtype=bool)
        before, after, sure_before, sure_after = (
            calibration(said[chosen], correct[chosen]).error.value
            for chosen in (every, sure)
            for said in (self.plain, self.corrected)
        )
        if not (after < before and sure_after < sure_before):
            return None
        return OfferedCorrection(self.correction, before, after, sure_before, sure_after)


def try_corrections(confidence: Sure, correct: Right, unit: NDArray[np.int64]) -> list[TriedCorrection]:
    """Return both forms tried on findings, whatever the line; none where they can't be fitted.

    `unit` is the picture or group of each finding, dealt into folds as a whole.
    """
    fits = fit_temperature, fit_temperature_and_bias
    return [tried for fit in fits if (tried := _tried(fit, Correction.of, confidence, correct, unit))]


def best_offered(tried: list[TriedCorrection], correct: Right, sure: Right) -> OfferedCorrection | None:
    """Return the form that helps most, None where none helps; `sure` are the findings at and above the line."""
    offered = [item.offered(correct, sure) for item in tried]
    return min((item for item in offered if item), key=lambda item: item.after, default=None)


def best_class_correction(
    probabilities: Sure, truth: NDArray[np.int64], unit: NDArray[np.int64]
) -> OfferedCorrection | None:
    """Return the temperature where it helps a classifier; every answer counts."""

    def said(correction: Correction, rows: Sure) -> Sure:
        return np.asarray(correction.of_classes(rows).max(axis=1))

    correct = probabilities.argmax(axis=1) == truth if len(truth) else np.zeros(0, dtype=bool)
    tried = _tried(fit_class_temperature, said, probabilities, truth, unit)
    return tried.offered(correct, np.ones(len(truth), dtype=bool)) if tried else None


def _tried(
    fit: Callable[..., Correction | None],
    apply: Callable[[Correction, Sure], Sure],
    answers: Sure,
    target: NDArray[Any],
    unit: NDArray[np.int64],
) -> TriedCorrection | None:
    """Return a form with what it makes of each answer out of its fold, None where it can't be fitted."""
    whole = fit(answers, target)
    if whole is None:
        return None
    fold = draw_folds(unit, FOLDS, repeats=1)[0]
    corrected = np.zeros(len(target))
    for part in range(int(fold.max()) + 1):
        inside = fold == part
        fitted = fit(answers[~inside], target[~inside])
        if fitted is None:
            return None
        corrected[inside] = apply(fitted, answers[inside])
    return TriedCorrection(whole, apply(Correction(1.0), answers), corrected)


def _too_few(correct: Right) -> bool:
    return len(correct) < FEWEST or bool(correct.all()) or not correct.any()


def _surprise(said: Sure, correct: Right) -> float:
    """Return the mean negative log likelihood of what turned out right and wrong."""
    said = np.clip(said, _EDGE, 1 - _EDGE)
    return float(-np.log(np.where(correct, said, 1 - said)).mean())


def _least(loss: Callable[[NDArray[np.float64]], float], start: list[float]) -> NDArray[np.float64]:
    """Return where `loss` is least: the logarithm of the temperature, and the bias where there is one."""
    from scipy.optimize import minimize  # takes a while to import, and few ask for it

    bounds = [(np.log(0.05), np.log(20.0)), (-10.0, 10.0)][: len(start)]
    return np.asarray(minimize(loss, start, method="L-BFGS-B", bounds=bounds).x)


def save_correction(run_folder: Path, correction: Correction, weights_sha256: str) -> Path:
    """Store the correction with the model, with when and on what it was fitted. Returns the file."""
    path = run_folder / "calibration.json"
    now = datetime.now(UTC).isoformat(timespec="seconds")
    numbers = {"temperature": correction.temperature, "bias": correction.bias}
    write_json_atomic(path, {**numbers, "fitted_on": "val", "weights_sha256": weights_sha256, "stored": now})
    return path


def load_correction(run_folder: Path, weights_sha256: str | None = None) -> Correction | None:
    """Return the stored correction, None when none was asked for or it belongs to other weights.

    Raises InputError for a damaged file.
    """
    path = run_folder / "calibration.json"
    if not path.is_file():
        return None
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if weights_sha256 is not None and stored.get("weights_sha256") != weights_sha256:
            return None
        return Correction(float(stored["temperature"]), float(stored.get("bias", 0.0)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}, the correction of this model's confidences, is damaged: bring it back from a copy of the "
            "workspace, or delete it and ask for the correction again."
        ) from error


def drop_correction(run_folder: Path) -> None:
    """Go back to the confidences the model gives by itself."""
    (run_folder / "calibration.json").unlink(missing_ok=True)
