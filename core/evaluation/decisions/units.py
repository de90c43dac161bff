"""Decisions about whole units: which are bad, which would be rejected, and how often that is wrong on new ones.

A unit is rejected when something is found in one of its pictures (a classifier: when one is given another class than
the good one), and bad when something is labelled in one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.evaluation.crossfit.counts import Findings, LineRule, Units, fixed, flattery
from core.evaluation.crossfit.rules import rule_of
from core.evaluation.decisions.settings import GOOD_NAMES, DecisionSettings
from core.evaluation.evaluation import Evaluation
from core.evaluation.figures.intervals import group_members

Mask = NDArray[np.bool_]
_NEGATIONS = {"not", "no", "non"}


@dataclass(frozen=True)
class UnitCounts:
    """The units of a part: what is wrong with them, and what would be done with them at the line."""

    files: list[str]
    """the pictures"""
    of_picture: NDArray[np.int64]
    """(pictures,) the number of each picture's unit"""
    bad: Mask
    """(units,)"""
    rejected: Mask
    """(units,)"""
    escapes: float
    """bad units that would be passed, corrected for what was chosen on these pictures"""
    overkilled: float
    """good units that would be rejected, corrected likewise"""
    line_chosen: bool
    """whether the line was chosen on these pictures, and they are corrected for it"""
    epoch_chosen: bool
    """likewise of the epoch"""
    for_a_reason: int | None = None
    """bad units rejected in which something labelled is found, not only a false alarm; None of a classifier"""
    good: str = ""
    """the class that means that nothing is wrong, of a classifier"""
    alarms_per_picture: float | None = None
    """false alarms per picture at the line; None of a classifier"""
    has_line: bool = True
    """whether there is a line that can be moved: not of a classifier of more than two classes"""


def good_class(classes: list[str], settings: DecisionSettings) -> int | None:
    """Return the class id that means that nothing is wrong: the stated one, else the only one so named; else None."""
    if settings.good:
        return classes.index(settings.good) if settings.good in classes else None
    words = [set(name.lower().replace("-", " ").replace("_", " ").split()) for name in classes]
    named = [index for index, parts in enumerate(words) if parts & GOOD_NAMES and not parts & _NEGATIONS]
    return named[0] if len(named) == 1 else None


def count_units(evaluation: Evaluation, settings: DecisionSettings) -> UnitCounts | None:
    """Return the units of an evaluation at its line; None where nothing says what a bad one is.

    That is where pixels are named, and for a classifier without a class that means that nothing is wrong.
    """
    if evaluation.detector is not None:
        return _of_detector(evaluation)
    if "p0" not in evaluation.predictions:
        return None
    positive = evaluation.operating_point.positive
    if positive is not None and settings.good == positive:
        raise InputError(
            f"“{positive}” is what this model’s line looks for: it can’t be the class that means that nothing is wrong "
            "as well. Choose the line anew on the Evaluation page."
        )
    good = good_class(evaluation.classes, settings)
    if positive is not None:
        good = 1 - evaluation.classes.index(positive)
    return None if good is None else _of_classifier(evaluation, good)


def _of_detector(evaluation: Evaluation) -> UnitCounts:
    detector, line = evaluation.detector, evaluation.operating_point.threshold
    assert detector is not None
    arrays, findings = detector.arrays, detector.findings
    member = group_members(len(arrays.images), arrays.groups)
    units = Units(member, np.bincount(member, weights=findings.objects) > 0)
    files = arrays.images["file"].astype(str).tolist()
    epochs = evaluation.choosing.epochs if evaluation.choosing is not None else []
    rule = rule_of(evaluation.point, line)
    counted = _counted(evaluation, files, units, findings, epochs, rule, line)
    found = member[findings.picture[findings.hit & (findings.confidence >= line)]]
    alarms = int((~findings.hit & (findings.confidence >= line)).sum()) / max(len(files), 1)
    return replace(counted, for_a_reason=len(np.unique(found)), alarms_per_picture=alarms)


def _of_classifier(evaluation: Evaluation, good: int) -> UnitCounts:
    predictions, choosing = evaluation.predictions.set_index("file", drop=False), evaluation.choosing
    truth = evaluation.truth.set_index("file")
    if choosing is not None and set(choosing.files) == set(predictions.index):
        predictions = predictions.loc[choosing.files]  # their folds are numbered in this order
    files = predictions["file"].astype(str).tolist()
    names = [evaluation.groups.get(file, "") for file in files]
    member = group_members(len(files), names if any(names) else None)
    line = evaluation.operating_point.confidence
    likely = (predictions["class_id"].to_numpy(dtype=int) != good).astype(float)
    if line is not None:
        likely = np.nan_to_num(predictions[f"p{1 - good}"].to_numpy(dtype=float))
    true = truth.loc[files, "class_id"].to_numpy(dtype=int) != good
    units = Units(member, np.bincount(member, weights=true) > 0)
    findings = Findings(likely, true, np.arange(len(files)), true.astype(float))
    epochs: list[Findings] = []
    if choosing is not None and choosing.files == files:
        epochs = [
            Findings((item.classes != good).astype(float), item.right[:, 0], choosing.place, findings.objects)
            for item in choosing.answers
        ]
    rule = None if line is None else rule_of(evaluation.point, line)
    counted = _counted(evaluation, files, units, findings, epochs, rule, 0.5 if line is None else line)
    return replace(counted, good=evaluation.classes[good], has_line=len(evaluation.classes) == 2)


def _counted(
    evaluation: Evaluation,
    files: list[str],
    units: Units,
    findings: Findings,
    epochs: list[Findings],
    rule: LineRule | None,
    line: float,
) -> UnitCounts:
    rejected = np.zeros(len(units.bad), dtype=bool)
    told = findings.of_units(units)
    rejected[told.picture[told.confidence >= line]] = True
    escapes, overkilled = float((units.bad & ~rejected).sum()), float((~units.bad & rejected).sum())
    choosing, line_chosen, epoch_chosen = evaluation.choosing, False, False
    if choosing is not None and choosing.files == files and (rule is not None or epochs):
        best = choosing.best if epochs else None
        if evaluation.classifier is None:
            lost = flattery(findings, choosing.folds, rule or fixed(line), epochs, best, units)
        else:  # of its other epochs it is known which class they named, not how likely they held it
            lost = flattery(findings, choosing.folds, rule or fixed(line), units=units)
            if best is not None:
                lost = lost + flattery(epochs[0], choosing.folds, fixed(0.5), epochs, best, units)
        hits, all_rejected = float(lost.hits.sum()), float(lost.findings.sum())
        escapes = min(max(escapes + hits, 0.0), float(units.bad.sum()))
        overkilled = min(max(overkilled - (all_rejected - hits), 0.0), float((~units.bad).sum()))
        line_chosen, epoch_chosen = rule is not None, best is not None
    return UnitCounts(files, units.of_picture, units.bad, rejected, escapes, overkilled, line_chosen, epoch_chosen)
