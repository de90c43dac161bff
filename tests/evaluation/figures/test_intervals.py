"""Intervals: as wide as theory says, narrower with more pictures, wider when pictures hang together."""

from __future__ import annotations

import time

import numpy as np
import pytest

from bench.interval_coverage import World, coverage, false_alarms
from core.evaluation.figures.intervals import ap_draws, draw, interval, share_interval, wilson
from core.evaluation.figures.metrics import ap_by_class


def test_the_draws_hold_as_many_pictures_as_there_are() -> None:
    assert (draw(7).sum(axis=1) == 7).all()


def test_pictures_of_a_group_are_drawn_together() -> None:
    weights = draw(4, ["a", "a", "b", "b"])
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 2] == weights[:, 3]).all()
    assert not (weights[:, 0] == weights[:, 2]).all()


def test_a_share_has_the_interval_of_the_normal_approximation() -> None:
    hits = np.array([1.0] * 80 + [0.0] * 20, dtype=np.float32)
    low, high = share_interval(draw(100), hits, np.ones(100, dtype=np.float32))
    assert low == pytest.approx(0.8 - 1.96 * 0.04, abs=0.02)
    assert high == pytest.approx(0.8 + 1.96 * 0.04, abs=0.02)


def test_a_perfect_score_is_not_certain() -> None:
    ones = np.ones(10, dtype=np.float32)
    low, high = share_interval(draw(10), ones, ones)
    assert (low, high) == pytest.approx(wilson(10, 10))
    assert 0.69 < low < 0.73


def test_nothing_counted_gives_no_interval() -> None:
    assert np.isnan(share_interval(draw(3), np.zeros(3), np.zeros(3))).all()


def _simulated(pictures: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    picture = np.repeat(np.arange(pictures), 10)
    quality = random.random(pictures * 10)
    correct = random.random(pictures * 10)[:, None] < quality[:, None] * np.linspace(0.9, 0.3, 10)
    return correct, quality + random.random(pictures * 10) / 2, picture, np.full(pictures, 10, dtype=np.float32)


def test_the_set_as_it_is_gives_nearly_the_exact_average_precision() -> None:
    correct, confidence, picture, objects = _simulated(40)
    classes = np.zeros(400, dtype=int)
    exact = ap_by_class(correct, confidence, classes, classes)[0]
    assert ap_draws(np.ones((1, 40), dtype=np.float32), correct, confidence, picture, objects)[0] == pytest.approx(
        exact, abs=5e-3
    )


def test_more_pictures_narrow_the_interval() -> None:
    widths = []
    for pictures in (25, 400):
        low, high = interval(ap_draws(draw(pictures), *_simulated(pictures)).mean(axis=1))
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


@pytest.mark.slow
def test_five_thousand_pictures_take_seconds() -> None:
    weights, simulated = draw(5000), _simulated(5000)
    begun = time.perf_counter()
    ap_draws(weights, *simulated)
    assert time.perf_counter() - begun < 20  # five on an idle machine; loose, for a busy one


@pytest.mark.parametrize(
    ("name", "pictures", "grouped"), [("recall", 20, False), ("mAP50", 20, False), ("accuracy", 50, True)]
)
def test_nominal_intervals_hold_the_truth_as_often_as_they_say(name: str, pictures: int, grouped: bool) -> None:
    held = coverage(World(0.9), pictures, sets=150, grouped=grouped, figures=(name,))[name][0]
    assert 0.9 <= held <= 1.0  # 92 to 98 %, and what chance does to 150 sets; bench/interval_coverage.py has more


def test_equal_runs_are_seldom_called_different() -> None:
    assert false_alarms(30, sets=150)["recall"] < 0.105  # 5 %, and what chance does to 150 sets
