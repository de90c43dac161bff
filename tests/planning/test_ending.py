"""When a training ends: by its plan, by what more of it would bring, by the minutes there are."""

from __future__ import annotations

import numpy as np
import pytest

from core.planning.ending import wanted_epochs
from core.planning.learning_curve import COVERED, more_brings
from core.ultralytics.trainers.schedule import falling_epochs

RISING = [0.20, 0.31, 0.38, 0.43, 0.47, 0.50, 0.525, 0.545, 0.562]
LEVEL = [0.20, 0.45, 0.55, 0.58, 0.59, 0.594, 0.596, 0.597, 0.5975]


def test_a_training_with_a_given_number_of_epochs_ends_there() -> None:
    assert wanted_epochs(9, 13, RISING, seconds_per_epoch=10) == 13


def test_one_that_pays_goes_on_and_one_that_has_levelled_out_ends() -> None:
    assert wanted_epochs(9, 13, RISING, seconds_per_epoch=10, pays=0.01, most=52) > 13
    assert wanted_epochs(9, 13, LEVEL, seconds_per_epoch=10, pays=0.01, most=52) == 13


def test_the_same_rise_pays_where_epochs_are_short_and_not_where_they_are_long() -> None:
    assert wanted_epochs(9, 13, RISING, seconds_per_epoch=10, pays=0.01, most=52) > 13
    assert wanted_epochs(9, 13, RISING, seconds_per_epoch=600, pays=0.01, most=52) == 13


def test_it_never_goes_beyond_the_most_and_is_cut_where_the_time_is_short() -> None:
    assert wanted_epochs(9, 13, RISING, seconds_per_epoch=10, pays=0.01, most=14) == 14
    assert wanted_epochs(5, 13, RISING[:5], seconds_per_epoch=10, pays=0.01, most=8) == 8
    assert wanted_epochs(5, 13, RISING[:5], most=3) == 6, "one epoch is left for the fall of the rate"


def test_without_a_new_best_for_its_patience_it_begins_to_end() -> None:
    fallen = [0.5, 0.4, 0.4, 0.4]
    assert wanted_epochs(4, 40, fallen, patience=3) == 4 + falling_epochs(4)
    assert wanted_epochs(4, 40, fallen, patience=4) == 40
    assert wanted_epochs(4, 40, fallen, patience=0) == 40


def test_what_more_brings_is_nothing_on_a_level_curve_and_much_on_a_steep_one() -> None:
    steep, level = more_brings(RISING, range(1, 10), 9), more_brings(LEVEL, range(1, 10), 9)
    assert steep is not None
    assert level is not None
    assert steep.value > 0.03 > 0.01 > level.value
    assert steep.low is not None
    assert steep.high is not None
    assert steep.low < steep.value < steep.high


def test_too_few_epochs_promise_nothing_and_a_falling_curve_promises_no_rise() -> None:
    assert more_brings(RISING[:3], range(1, 4), 3) is None
    falling = more_brings([0.6, 0.55, 0.5, 0.45, 0.4], range(1, 6), 5)
    assert falling is not None
    assert falling.value == 0


@pytest.mark.parametrize("scatter", [0.004, 0.015])
def test_the_interval_covers_curves_that_were_never_seen(scatter: float) -> None:
    random = np.random.default_rng(3)
    held, tried = 0, 200
    for _ in range(tried):
        end, height, bend = random.uniform(0.4, 0.8), random.uniform(0.1, 0.6), random.uniform(0.3, 1.5)
        epochs = np.arange(1, 21)
        curve = end - height * epochs**-bend + random.normal(0, scatter, 20)
        told = more_brings(list(curve[:10]), list(epochs[:10]), 5)
        assert told is not None
        assert told.low is not None
        assert told.high is not None
        held += told.low <= curve[14] - curve[9] <= told.high
    assert held / tried >= COVERED - 0.05
