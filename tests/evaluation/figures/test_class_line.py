"""The line of a classifier of two classes, against counting by hand."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pandas as pd
import pytest

from core.evaluation.figures.class_line import ClassAim, ClassLine, class_line_for, line_of, named_by, roc_curve
from core.evaluation.figures.operating_point import StoredPoint

LIKELY = np.array([0.05, 0.2, 0.2, 0.4, 0.6, 0.8, 0.95])
POSITIVE = np.array([False, True, False, False, True, False, True])


def counted(line: float, likely: np.ndarray = LIKELY, positive: np.ndarray = POSITIVE) -> tuple[float, float]:
    """Return sensitivity and specificity by counting."""
    said = likely >= line
    return float(said[positive].mean()), float((~said)[~positive].mean())


def test_the_curve_is_what_counting_gives() -> None:
    curve = roc_curve(LIKELY, POSITIVE)
    assert curve["confidence"].tolist() == [0.95, 0.8, 0.6, 0.4, 0.2, 0.05]
    for row in curve.itertuples():
        assert (row.sensitivity, row.specificity) == pytest.approx(counted(row.confidence))
    assert (curve["missed"].iloc[0], curve["false_alarms"].iloc[-1]) == (2, 4)


@pytest.mark.parametrize("seed", range(20))
def test_each_aim_is_served_as_well_as_any_line_could(seed: int) -> None:
    random = np.random.default_rng(seed)
    positive = random.random(40) < 0.4
    likely = np.clip(random.normal(0.4 + 0.2 * positive, 0.2), 0, 1).round(2)
    curve = roc_curve(likely, positive)
    every = [counted(line, likely, positive) for line in [*np.arange(0.001, 1.0, 0.001), 1.0]]

    def at(aim: ClassAim, **options: float) -> tuple[float, float]:
        line = class_line_for(curve, aim, **options)
        assert line is not None
        return counted(line, likely, positive)

    assert sum(at("balanced")) == pytest.approx(max(map(sum, every)))
    found, alone = at("sensitivity", at_least=0.9)
    assert found >= 0.9
    assert (alone, found) == pytest.approx(max((b, a) for a, b in every if a >= 0.9))
    found, alone = at("specificity", at_least=0.8)
    assert (found, alone) == pytest.approx(max((a, b) for a, b in every if b >= 0.8))
    bad, good = int(positive.sum()), int((~positive).sum())
    costs = [10 * bad * (1 - a) + good * (1 - b) for a, b in every]
    found, alone = at("cost", miss_cost=10, alarm_cost=1)
    assert 10 * bad * (1 - found) + good * (1 - alone) == pytest.approx(min(costs))


def test_without_both_kinds_no_line_serves_an_aim() -> None:
    for aim in get_args(ClassAim):
        assert class_line_for(roc_curve(LIKELY, np.ones(7, dtype=bool)), aim) is None
        assert class_line_for(roc_curve(np.zeros(0), np.zeros(0, dtype=bool)), aim) is None
    assert class_line_for(roc_curve(np.ones(4), np.array([True, True, False, False])), "specificity") is None


def test_the_named_class_goes_by_the_line_and_its_confidence_with_it() -> None:
    stored = pd.DataFrame({"class_id": [0, 1, 0], "confidence": [0.8, 0.7, np.nan], "p0": [0.8, 0.3, np.nan],
                           "p1": [0.2, 0.7, np.nan]})  # fmt: skip
    named = named_by(stored, ClassLine(1, 0.2))
    assert named["class_id"].tolist() == [1, 1, 0], "what is not a number stays as it was"
    assert named["confidence"].tolist()[:2] == [0.2, 0.7]
    assert named_by(stored, ClassLine(0, 0.9))["class_id"].tolist()[:2] == [1, 1]
    assert named_by(stored, None) is stored


def test_a_line_is_that_of_one_of_two_classes() -> None:
    point = StoredPoint(confidence=0.3, positive="ill")
    assert line_of(point, ["well", "ill"]) == ClassLine(1, 0.3)
    assert line_of(point, ["well", "other"]) is None
    assert line_of(point, ["well", "ill", "other"]) is None
    assert line_of(StoredPoint(confidence=0.3), ["well", "ill"]) is None
