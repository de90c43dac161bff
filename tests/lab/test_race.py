"""Who trains on, what is recommended, and in which words."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.errors import InputError
from core.evaluation.figures.figure import Difference, Figure
from core.lab.experiment import Contender, parse_contender
from core.lab.kinds.halving import rungs, survivors
from core.lab.kinds.race import cut_off_words, recommend, remarks, stopped_words
from core.lab.paired_figures import difference, figure, over_seeds
from core.lab.results import Row
from core.strategies.frozen import FROZEN
from core.strategies.two_stage import TWO_STAGE


@pytest.mark.parametrize(
    ("epochs", "contenders", "halving", "expected"),
    [
        (9, 4, True, [3, 9]),
        (27, 8, True, [3, 9, 27]),
        (27, 5, True, [3, 9, 27]),
        (9, 2, True, [9]),  # two are the finalists already
        (9, 4, False, [9]),
        (2, 8, True, [1, 2]),  # too short for three different rungs
        (1, 4, True, [1]),
    ],
)
def test_rungs(epochs: int, contenders: int, halving: bool, expected: list[int]) -> None:
    assert rungs(epochs, contenders, halving=halving) == expected


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({"a": 0.1, "b": 0.4, "c": 0.3, "d": 0.2}, ["b", "c"]),
        ({"a": 0.1, "b": 0.4, "c": 0.3}, ["b", "c"]),
        ({"a": math.nan, "b": 0.0, "c": 0.3}, ["c", "b"]),
        ({"a": 0.1}, ["a"]),
        ({"a": 0.5, "b": 0.4, "c": 0.3, "d": 0.2, "e": 0.1}, ["a", "b", "c"]),
    ],
)
def test_survivors(scores: dict[str, float], expected: list[str]) -> None:
    assert survivors(scores) == expected


def test_nobody_leaves_after_the_last_rung() -> None:
    assert survivors({"a": 0.1, "b": 0.4, "c": 0.3}, last=True) == ["b", "c", "a"]


def row(label: str, value: float, seconds: float) -> Row:
    figure = Figure(value, value - 0.05, value + 0.05)
    return Row(label=label, model=label, strategy="fine-tune", runs=["x"], epochs=9, figure=figure, seconds=seconds,
               state="finished")  # fmt: skip


TIE, CLEAR = Difference(-0.02, -0.06, 0.03), Difference(-0.1, -0.15, -0.05)


@pytest.mark.parametrize(
    ("rows", "behind", "start"),
    [
        (
            [row("A", 0.5, 100), row("B", 0.48, 40)],
            {"B": TIE},
            "B: as good as the best within the noise, and the fastest (40 s against 100 s → 1 min 40 s)",
        ),
        ([row("A", 0.5, 40), row("B", 0.48, 100)], {"B": TIE}, "A: nothing is better beyond the noise"),
        ([row("A", 0.5, 100), row("B", 0.48, 98)], {"B": TIE}, "A, or B: they can’t be told apart"),
        (
            [row("A", 0.5, 100), row("B", 0.4, 40)],
            {"B": CLEAR},
            "A: better than B by 10 points (between 5.0 and 15).",
        ),
        (
            [row("A", 0.5, 30), row("B", 0.4, 90)],
            {"B": CLEAR},
            "A: better than B by 10 points (between 5.0 and 15), and the fastest.",
        ),
        ([row("A", 0.5, 30)], {}, "A: the only one"),
        ([row("A", 0.004, 30), row("B", 0.0, 90)], {"B": TIE}, "None of them has learned"),
    ],
)
def test_recommendation(rows: list[Row], behind: dict[str, Difference], start: str) -> None:
    start = start.replace("100 s → ", "")
    assert recommend(rows, behind, "mAP50-95", seeds=3)[0].startswith(start)


def test_a_lead_of_one_training_is_called_that() -> None:
    said = recommend([row("A", 0.5, 100), row("B", 0.4, 40)], {"B": CLEAR}, "mAP50-95", seeds=1)[0]
    assert said == "A: better than B by 10 points in one training each (between 5.0 and 15)."


def test_never_better_when_the_interval_holds_zero() -> None:
    for seconds in (10, 100, 1000):
        said = recommend(
            [row("A", 0.6, 100), row("B", 0.5, seconds)], {"B": Difference(-0.1, -0.21, 0.001)}, "mAP50-95"
        )
        assert "better than" not in " ".join(said)


def test_an_early_stop_says_whether_it_was_safe() -> None:
    assert "caught up" not in stopped_words(3, "A", Difference(0.1, 0.05, 0.15))
    doubtful = stopped_words(1, "A", Difference(0.02, -0.03, 0.06))
    assert doubtful == "Stopped after 1 epoch: 2.0 points behind A (between −3.0 and 6.0), so it might have caught up."
    stopped = Row(label="B", model="B", strategy="fine-tune", runs=["x"], state="stopped", note=doubtful)
    said = " ".join(remarks(1, [stopped], 20))
    assert "B" in said
    assert "once" in said
    assert "20 validation pictures" in said


def test_seeds_widen_the_interval() -> None:
    random = np.random.default_rng(0)
    noise = random.normal(0, 0.01, 1001)
    runs = np.array([0.4 + noise, 0.6 + noise])
    both = figure(over_seeds(runs))
    assert both.value == pytest.approx(0.5, abs=0.02)
    assert both.high - both.low > 3 * (figure(runs[0]).high - figure(runs[0]).low)


@pytest.mark.parametrize(("trainings", "least"), [(2, 0.88), (3, 0.89), (5, 0.93)])
def test_equal_contenders_are_rarely_told_apart(trainings: int, least: float) -> None:
    random = np.random.default_rng(5)
    zero_inside = 0
    for _ in range(400):
        pictures = random.normal(0, 0.02, 501)  # what is hard for one is hard for the other
        tables = [
            random.normal(0.5, 0.03, (trainings, 1)) + pictures + random.normal(0, 0.01, (trainings, 501))
            for _ in range(2)
        ]
        apart = difference(over_seeds(tables[0], 0), over_seeds(tables[1], 1))
        zero_inside += not apart.decided
    assert zero_inside / 400 >= least


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yolo11n", Contender(model="yolo11n")),
        ("yolo11n:two-stage", Contender(model="yolo11n", strategy=TWO_STAGE)),
        ("run:my-run-1a2b3c", Contender(model="run:my-run-1a2b3c")),
        ("library:mine-1a2b3c", Contender(model="library:mine-1a2b3c")),
        ("run:my-run-1a2b3c:frozen", Contender(model="run:my-run-1a2b3c", strategy=FROZEN)),
    ],
)
def test_contenders_are_read(text: str, expected: Contender) -> None:
    assert parse_contender(text) == expected


def test_an_unknown_strategy_is_named() -> None:
    with pytest.raises(InputError, match="quickly"):
        parse_contender("yolo11n:quickly")


def test_long_names_keep_what_tells_them_apart() -> None:
    labels = {Contender(model=f"run:{'a' * 70}-{end}").label for end in ("1a2b3c", "4d5e6f")}
    assert len(labels) == 2
    assert max(map(len, labels)) < 65


def test_a_race_cut_off_recommends_nothing() -> None:
    rows = [row("A", 0.5, 100), row("B", 0.6, 40), Row(label="C", model="C", strategy="frozen")]
    said = cut_off_words(rows, 1, 2)
    assert "nothing is recommended" in said[0]
    assert said[1] == "After round 1 B was ahead with 0.600 (0.550 to 0.650)."
    assert len(cut_off_words(rows, 0, 1)) == 1
