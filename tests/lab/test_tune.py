"""What a search tries, when it ends, and what it says."""

from __future__ import annotations

import optuna
import pytest

from core.evaluation.figures.figure import Difference, Figure
from core.lab.experiment import TuneSettings
from core.lab.kinds.product import product_sentences
from core.lab.kinds.tune import first_values, part_settings, sizes, suggest, tune_sentences, wanted
from core.lab.results import Try

PLANNED = {"lr0": 0.001, "optimizer": "AdamW", "mosaic": 1.0, "scale": 0.5, "hsv_h": 0.0, "erasing": 0.4, "fliplr": 0.5}


def one(name: str, value: float, wall: float = 60.0) -> Try:
    figure = Figure(value, value - 0.05, value + 0.05)
    return Try(name=name, settings={"lr0": 0.002}, runs=["x"], figure=figure, seconds=50.0, wall=wall)


@pytest.mark.parametrize(
    ("tries", "spent", "failed", "expected"),
    [
        (0, 0, 0, True),
        (1, 700, 0, True),  # two in any case
        (2, 120, 0, True),
        (2, 550, 0, False),  # the third would end after ten minutes
        (5, 300, 0, False),  # as many as were asked for
        (0, 10, 3, False),  # nothing works
    ],
)
def test_when_another_try_is_begun(tries: int, spent: float, failed: int, expected: bool) -> None:
    settings = TuneSettings(minutes=10, tries=5)
    assert wanted(settings, [one("t", 0.1)] * tries, spent, failed) is expected


def test_the_first_try_changes_nothing_of_the_plan() -> None:
    settings = TuneSettings(search=["lr0", "strategy", "imgsz", "augmentation"])
    values = first_values(settings, PLANNED)
    assert part_settings(values, PLANNED) == {"extra": {"lr0": 0.001, "optimizer": "AdamW"}, "imgsz": 320}


def test_augmentation_is_scaled_within_its_bounds_and_mirroring_left_alone() -> None:
    extra = part_settings({"augmentation": 1.5}, PLANNED)["extra"]
    assert extra == {"mosaic": 1.0, "scale": 0.75, "erasing": 0.6}
    assert part_settings({"augmentation": 0.0}, PLANNED)["extra"]["mosaic"] == 0.0


def test_the_search_stays_near_the_plan() -> None:
    settings = TuneSettings(search=["lr0", "strategy", "imgsz", "augmentation"])
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(20):
        values = suggest(study.ask(), settings, PLANNED)
        assert 0.0002 <= values["lr0"] <= 0.005
        assert values["imgsz"] in sizes(320)
        assert values["strategy"] != "scratch"
    assert sizes(320) == [224, 256, 320, 480] or sizes(320) == [256, 320, 480]


@pytest.mark.parametrize(
    ("gain", "start"),
    [
        (None, "Keep the settings as planned: the other try"),
        (Difference(0.03, -0.01, 0.07), "Keep the settings as planned: the best try is 3.0 points higher"),
        (Difference(0.09, 0.04, 0.14), "Take try 2 (learning rate 0.002): better than the plan by 9.0 points"),
    ],
)
def test_only_what_is_decided_is_recommended(gain: Difference | None, start: str) -> None:
    tries = [one("as planned", 0.4), one("try 2", 0.4 + (gain.value if gain else -0.1))]
    said = tune_sentences(tries, gain, "mAP50-95")
    assert said[0].startswith(start)
    assert (len(said) == 3) == bool(gain and gain.decided), "a winner picked among many is flattered"


UP, DOWN, OPEN = Difference(0.2, 0.1, 0.3), Difference(-0.1, -0.15, -0.02), Difference(-0.01, -0.05, 0.03)


@pytest.mark.parametrize(
    ("gained", "lost", "keep_old", "expected"),
    [
        (UP, OPEN, True, "no loss on the old one can be seen"),
        (UP, DOWN, False, "forgot some of the old: 10 points"),
        (OPEN, DOWN, True, "keep the model you have"),
        (OPEN, OPEN, True, "don’t show a gain"),
    ],
)
def test_a_new_product_in_words(gained: Difference, lost: Difference, keep_old: bool, expected: str) -> None:
    said = product_sentences(gained, lost, keep_old=keep_old)
    assert expected in said[0]
    assert any("saw none of the old" in sentence for sentence in said) == (lost is DOWN and not keep_old)
