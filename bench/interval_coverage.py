"""Do the 95 % intervals hold the truth in 95 of 100 sets, and does comparing two equal runs cry wolf in 5 of 100?

    python bench/interval_coverage.py [SETS]

Sets are made up from a world whose true figures are known: pictures differ in how hard they are (so their objects hang
together), groups of four pictures share their hardness where "grouped" is said. One row per figure and size of the set:
the share of SETS (500 by default) whose interval holds the truth, which should lie between 92 and 98 %.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.evaluation.compare import difference_of
from core.evaluation.figures.average_precision import figure
from core.evaluation.figures.intervals import ap_draws, count_units, draw, share_interval
from core.evaluation.figures.metrics import ap_by_class

LINE = 0.5
"""The operating point, fixed beforehand as it is on a test part."""
GROUP = 4


@dataclass
class World:
    """How good the made-up model is: the chance to find a middling picture's object, and false alarms per picture."""

    skill: float
    alarms: float = 0.8
    objects: float = 4.0
    spread: float = 0.8
    """standard deviation of the pictures' hardness, in logits"""


@dataclass
class Made:
    """A set: numbers per picture, and predictions as flat arrays."""

    objects: NDArray[np.float32]
    correct: NDArray[np.bool_]
    confidence: NDArray[np.float64]
    picture: NDArray[np.int64]
    groups: list[str] | None

    def count(self, chosen: NDArray[np.bool_]) -> NDArray[np.float32]:
        return np.bincount(self.picture[chosen], minlength=len(self.objects)).astype(np.float32)


def make(world: World, pictures: int, random: np.random.Generator, grouped: bool = False) -> Made:
    """Return a set of pictures drawn from the world."""
    owner = np.arange(pictures) // GROUP if grouped else np.arange(pictures)
    hardness = random.normal(0, world.spread, pictures)[owner]
    chance = 1 / (1 + np.exp(-(np.log(world.skill / (1 - world.skill)) + hardness)))
    objects = random.poisson(world.objects, pictures)
    found = random.binomial(objects, chance)
    alarms = random.poisson(world.alarms * np.exp(-hardness / 2))
    correct = np.repeat([True, False], [found.sum(), alarms.sum()])
    confidence = np.concatenate([random.beta(5, 2, found.sum()), random.beta(2, 4, alarms.sum())])
    picture = np.concatenate([np.repeat(np.arange(pictures), found), np.repeat(np.arange(pictures), alarms)])
    groups = [f"group {index}" for index in owner] if grouped else None
    return Made(objects.astype(np.float32), correct, confidence, picture, groups)


def recall(made: Made, weights: NDArray[np.float32]) -> tuple[float, float, float]:
    return _share(made, weights, made.count(made.correct & (made.confidence >= LINE)), made.objects)


def precision(made: Made, weights: NDArray[np.float32]) -> tuple[float, float, float]:
    shown = made.confidence >= LINE
    return _share(made, weights, made.count(made.correct & shown), made.count(shown))


def map50(made: Made, weights: NDArray[np.float32]) -> tuple[float, float, float]:
    zeros = np.zeros(len(made.confidence), dtype=int)
    labels = np.zeros(int(made.objects.sum()), dtype=int)
    areas = ap_by_class(made.correct[:, None], made.confidence, zeros, labels)
    value = float(areas[0][0]) if areas else float("nan")
    if weights is None:
        return value, 0.0, 0.0
    draws = ap_draws(weights, made.correct[:, None], made.confidence, made.picture, made.objects)[:, 0]
    found = figure(value, draws, int(made.objects.sum()), count_units(len(made.objects), made.groups))
    return value, found.low, found.high


def accuracy(made: Made, weights: NDArray[np.float32]) -> tuple[float, float, float]:
    """A classifier's: the share of pictures whose first object, or nothing, is told rightly."""
    right = (made.count(made.correct & (made.confidence >= LINE)) >= made.objects / 2).astype(np.float32)
    return _share(made, weights, right, np.ones_like(made.objects))


FIGURES: dict[str, Callable[..., tuple[float, float, float]]] = {
    "recall": recall, "precision": precision, "accuracy": accuracy, "mAP50": map50,
}  # fmt: skip


def _share(
    made: Made, weights: NDArray[np.float32], hits: NDArray[np.float32], totals: NDArray[np.float32]
) -> tuple[float, float, float]:
    value = float(hits.sum() / totals.sum()) if totals.sum() else float("nan")
    if weights is None:
        return value, 0.0, 0.0
    low, high = share_interval(weights, hits, totals, count_units(len(made.objects), made.groups))
    return value, low, high


def coverage(
    world: World, pictures: int, sets: int, grouped: bool, seed: int = 0, figures: tuple[str, ...] = tuple(FIGURES)
) -> dict[str, tuple[float, float]]:
    """Return {figure: (share of sets whose interval holds the truth, mean width)}."""
    asked = {name: FIGURES[name] for name in figures}
    truth: dict[str, list[float]] = {name: [] for name in asked}
    random = np.random.default_rng(seed)
    for _ in range(20):  # the truth of a figure is what endless pictures give
        large = make(world, 20_000, random, grouped)
        for name, measure in asked.items():
            truth[name].append(measure(large, None)[0])
    true = {name: float(np.mean(values)) for name, values in truth.items()}
    held: dict[str, list[bool]] = {name: [] for name in asked}
    widths: dict[str, list[float]] = {name: [] for name in asked}
    for number in range(sets):
        made = make(world, pictures, random, grouped)
        weights = draw(pictures, made.groups, seed=number)
        for name, measure in asked.items():
            value, low, high = measure(made, weights)
            if np.isfinite(value):
                held[name].append(low <= true[name] <= high)
                widths[name].append(high - low)
    return {name: (float(np.mean(held[name])), float(np.mean(widths[name]))) for name in asked}


def false_alarms(pictures: int, sets: int, seed: int = 0) -> dict[str, float]:
    """Return how often one of two equally good runs on the same pictures is called better, {figure: share}."""
    random = np.random.default_rng(seed)
    cried: dict[str, list[bool]] = {"recall": [], "mAP50": []}
    for number in range(sets):
        hardness = random.normal(0, 0.8, pictures)
        objects = random.poisson(4.0, pictures).astype(np.float32)
        weights = np.vstack([np.ones((1, pictures), dtype=np.float32), draw(pictures, seed=number)])
        draws: dict[str, list[NDArray[np.floating]]] = {"recall": [], "mAP50": []}
        for _ in range(2):
            found = random.binomial(objects.astype(int), 1 / (1 + np.exp(-(1.4 + hardness))))
            alarms = random.poisson(0.8, pictures)
            correct = np.repeat([True, False], [found.sum(), alarms.sum()])
            confidence = np.concatenate([random.beta(5, 2, found.sum()), random.beta(2, 4, alarms.sum())])
            picture = np.concatenate([np.repeat(np.arange(pictures), found), np.repeat(np.arange(pictures), alarms)])
            hits = np.bincount(picture[correct & (confidence >= LINE)], minlength=pictures).astype(np.float32)
            draws["recall"].append((weights @ hits) / (weights @ objects))
            draws["mAP50"].append(ap_draws(weights, correct[:, None], confidence, picture, objects)[:, 0])
        for name, (first, second) in draws.items():
            cried[name].append(difference_of(first, second, pictures).verdict != "undecided")
    return {name: float(np.mean(values)) for name, values in cried.items()}


def main() -> None:
    """Print one row per setting."""
    sets = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    begun = time.perf_counter()
    chance = 196 * (0.0475 / sets) ** 0.5
    print(f"{sets} sets each; nominal 95 %, allowed 92 to 98 % (chance alone moves a figure by {chance:.1f} points)")
    print(f"{'setting':<34}" + "".join(f"{name:>18}" for name in FIGURES))
    for title, world in (("middling (finds 80 %)", World(0.8)), ("good (finds 97 %)", World(0.97, alarms=0.2))):
        for pictures in (20, 50, 200):
            for grouped in (False, True):
                found = coverage(world, pictures, sets, grouped)
                row = f"{title}, {pictures}{' grouped' if grouped else ''}"
                cells = (f"{100 * held:>9.1f} % ±{width / 2:.3f}" for held, width in found.values())
                print(f"{row:<34}" + "".join(cells), flush=True)
    for pictures in (20, 50, 200):
        cried = false_alarms(pictures, sets)
        words = ", ".join(f"{name} {100 * share:.1f} %" for name, share in cried.items())
        print(f"two equal runs on {pictures} pictures, one called better: {words}", flush=True)
    print(f"{time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
