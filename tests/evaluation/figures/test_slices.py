"""Parts that are clearly worse are named; parts that differ by chance are not."""

import numpy as np
import pandas as pd
import pytest

from core.evaluation.figures.intervals import draw
from core.evaluation.figures.slices import Slice, Slices, picture_cuts


def table(sources: list[str], groups: list[str] | None = None) -> pd.DataFrame:
    count = len(sources)
    brightness = np.linspace(10, 200, count)
    return pd.DataFrame({"source": sources, "group": groups or [""] * count, "brightness": brightness})


def measured(images: pd.DataFrame, good: np.ndarray) -> dict[tuple[str, str], Slice]:
    place = np.arange(len(images))
    cuts = picture_cuts(images, place)
    rows = Slices(cuts, place, draw(len(images)), len(images), "accuracy").measure(good)
    return {(row.by, row.name): row for row in rows}


def test_a_scanner_that_fails_is_named() -> None:
    images = table([f"shoot/train/{'old' if index % 4 == 0 else 'new'}/{index}.jpg" for index in range(120)])
    good = np.ones(120, dtype=bool)
    good[::4] = np.random.default_rng(0).random(30) < 0.4
    rows = measured(images, good)
    assert rows["source", "old"].worse
    assert not rows["source", "new"].worse
    assert rows["source", "old"].figure.low < rows["source", "old"].figure.value < rows["source", "old"].figure.high


def test_groups_are_parts_and_one_folder_is_none() -> None:
    images = table([f"all/{index}.jpg" for index in range(60)], [f"patient {index % 3}" for index in range(60)])
    rows = measured(images, np.arange(60) % 3 != 1)
    assert {name for by, name in rows if by == "group"} == {"patient 0", "patient 1", "patient 2"}
    assert not any(by == "source" for by, _ in rows)
    assert rows["group", "patient 1"].worse


def test_thirds_of_brightness_hold_every_picture_once() -> None:
    rows = measured(table([f"all/{index}.jpg" for index in range(60)]), np.ones(60, dtype=bool))
    thirds = [row.objects for (by, _), row in rows.items() if by == "brightness"]
    assert len(thirds) == 3
    assert sum(thirds) == 60


def test_chance_alone_seldom_makes_a_part_look_worse() -> None:
    random = np.random.default_rng(1)
    named = []
    for _ in range(100):
        images = table([f"site {random.integers(8)}/{index}.jpg" for index in range(160)])
        named.append(any(row.worse for row in measured(images, random.random(160) < 0.8).values()))
    assert np.mean(named) < 0.12


def test_nothing_to_divide_gives_no_parts() -> None:
    assert Slices({}, np.zeros(0, dtype=int), draw(0), 0, "recall").measure(np.zeros(0, dtype=bool)) == []
    assert picture_cuts(pd.DataFrame({"file": ["a"]}), np.array([0])) == {}


@pytest.mark.parametrize("good", [True, False])
def test_a_part_without_any_difference_keeps_an_honest_interval(good: bool) -> None:
    images = table([f"{'left' if index < 20 else 'right'}/{index}.jpg" for index in range(40)])
    row = measured(images, np.full(40, good))["source", "left"]
    assert not row.worse
    assert row.figure.high - row.figure.low > 0.1
