"""Line and best epoch are chosen on the validation pictures: how far off are the figures counted on them?

    python bench/chosen_on_validation.py [SETS] [WORLD,WORLD,...]

Trainings of 15 epochs are made up whose true recall and F1 at every line are known (from 10,000 pictures). On small
validation sets the epoch is chosen by its average precision (a classifier's by its share right) and the line by F1, as
Graft does. Two ways of counting are compared with the truth of the model so chosen: on the pictures that chose
("as counted"), and cross-fitted (core/evaluation/crossfit). Bias in points of 100; the share of 95 % intervals that
hold the truth, which should lie between 92 and 98 %. Takes a few minutes on one core.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.evaluation.crossfit.counts import Counts, Findings, best_epochs, fixed, flattery, highest_f1
from core.evaluation.crossfit.folds import draw_folds
from core.evaluation.figures.figure import Figure
from core.evaluation.figures.intervals import (
    count_effective,
    count_units,
    draw,
    exact_ratio,
    group_members,
    ratio_interval,
)

EPOCHS, RUNS, PICTURES_OF_TRUTH = 15, 10, 10_000
SIZES = (20, 40, 80, 160)
Array = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """What is looked for, and how well a run comes to find it; all spreads are in logits."""

    title: str
    objects: float
    """labelled objects per picture, on average"""
    clumped: float = 0.0
    """how unevenly they are spread: 0 as chance does it, 1 as many again"""
    skill: float = 1.6
    alarms: float = 3.0
    """places per picture that may be taken for an object"""
    hardness: float = 0.8
    """how much pictures differ"""
    unrest: float = 0.7
    """how much the answer to one object moves from epoch to epoch"""
    group: int = 1
    """pictures that share their hardness: of one patient, one part"""
    classifier: bool = False


WORLDS = (
    World("detector, 4 objects per picture", objects=4),
    World("detector, clustered: half the pictures nearly empty, others full", objects=4, clumped=1.5, hardness=1.2),
    World("detector, 0.8 objects per picture", objects=0.8, alarms=1.0, skill=2.2),
    World("detector, good and restless", objects=3, skill=3.4, alarms=1.0, unrest=1.2),
    World("detector, poor", objects=5, skill=0.2, alarms=8.0),
    World("detector, four pictures per patient", objects=4, group=4),
    World("classifier, 85 % right", objects=1, skill=2.3, classifier=True),
    World("classifier, 97 % right", objects=1, skill=5.0, classifier=True),
)


@dataclass(frozen=True)
class Training:
    """The true level of each epoch of one run: of objects, and of what is none."""

    objects: Array
    nothing: Array


def train(world: World, random: np.random.Generator) -> Training:
    """Return a run: it climbs, levels out, and wavers from epoch to epoch."""
    course = 1.5 * np.exp(-np.arange(EPOCHS) / 3)
    return Training(
        world.skill - course + random.normal(0, 0.12, EPOCHS), -1.2 + course / 2 + random.normal(0, 0.12, EPOCHS)
    )


def look(world: World, run: Training, pictures: int, random: np.random.Generator) -> tuple[list[Findings], list[str]]:
    """Return what each epoch finds in a new set of pictures, and the pictures' groups."""
    owner = np.arange(pictures) // world.group
    hard = random.normal(0, world.hardness, owner[-1] + 1)[owner]
    rate = world.objects * (random.gamma(1 / world.clumped, world.clumped, pictures) if world.clumped else 1.0)
    objects = np.ones(pictures, dtype=int) if world.classifier else random.poisson(rate, pictures)
    places = random.poisson(0 if world.classifier else world.alarms, pictures)
    of_object, of_place = np.repeat(np.arange(pictures), objects), np.repeat(np.arange(pictures), places)
    object_level = random.normal(0, 1, len(of_object)) - hard[of_object]
    place_level = random.normal(0, 1, len(of_place)) + hard[of_place] / 2
    badly_placed = random.random(len(of_object)) < 0.04
    picture = np.concatenate([of_object, of_place])
    found = []
    for epoch in range(EPOCHS):
        mood = random.normal(0, world.unrest / 3, owner[-1] + 1)[owner]
        sure = run.objects[epoch] + object_level + mood[of_object] + random.normal(0, world.unrest, len(of_object))
        taken = run.nothing[epoch] + place_level - mood[of_place] + random.normal(0, world.unrest, len(of_place))
        logit = np.concatenate([sure, taken])
        misplaced = np.concatenate([badly_placed, np.ones(len(of_place), dtype=bool)])
        hit = logit > 0 if world.classifier else ~misplaced
        confidence = 1 / (1 + np.exp(-logit))
        seen = np.ones(len(logit), dtype=bool) if world.classifier else confidence > 0.01
        found.append(Findings(confidence[seen], hit[seen], picture[seen], objects.astype(float)))
    return found, [str(name) for name in owner] if world.group > 1 else []


class Truth:
    """Recall and F1 of each epoch at any line, by counting in very many pictures."""

    def __init__(self, epochs: list[Findings]) -> None:
        """Sort each epoch's findings once."""
        self.objects = epochs[0].objects.sum()
        self.sorted = []
        for findings in epochs:
            order = np.argsort(-findings.confidence)
            self.sorted.append((-findings.confidence[order], np.cumsum(findings.hit[order])))

    def at(self, epoch: int, line: float) -> tuple[float, float]:
        """Return recall and F1 of an epoch at a line."""
        confidence, hits = self.sorted[epoch]
        count = int(np.searchsorted(confidence, -line, side="right"))
        right = float(hits[count - 1]) if count else 0.0
        return right / self.objects, 2 * right / (count + self.objects)


def figures(
    counts: Counts, objects: Array, weights: NDArray[np.float32], units: int, exactly: bool
) -> tuple[Figure, Figure]:
    """Return recall and F1 with their intervals, as the evaluation works them out."""
    hits, named, labelled = counts.hits.sum(), counts.findings.sum(), objects.sum()
    drawn = [weights @ table.astype(np.float32) for table in (counts.hits, counts.findings, objects)]
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = ratio_interval(drawn[0] / drawn[2], hits, labelled, min(units, count_effective(objects)))
        score = ratio_interval(2 * drawn[0] / (drawn[1] + drawn[2]), hits, (named + labelled) / 2, units)
    if exactly:  # a classifier's answers, corrected
        recall = score = exact_ratio(drawn[0] / drawn[2], hits, labelled, units)
    return Figure(hits / labelled, *recall), Figure(2 * hits / (named + labelled), *score)


def fitness_of(world: World, epochs: list[Findings], masks: NDArray[np.bool_]) -> Array:
    """Return (masks, epochs) by what the epoch is chosen over each mask: average precision, or the share right."""
    table = np.empty((len(masks), len(epochs)))
    for place, findings in enumerate(epochs):
        order = np.argsort(-findings.confidence, kind="stable")
        held = masks[:, findings.picture[order]]
        right = held & findings.hit[order]
        if world.classifier:
            table[:, place] = right.sum(axis=1) / held.sum(axis=1)
            continue
        precision = np.cumsum(right, axis=1) / np.maximum(np.cumsum(held, axis=1), 1)
        table[:, place] = (precision * right).sum(axis=1) / np.maximum(masks @ findings.objects, 1)
    return table


def main() -> None:
    """Print one row per world and size, then the worst of all."""
    sets = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    chosen = [int(number) for number in sys.argv[2].split(",")] if len(sys.argv) > 2 else range(len(WORLDS))
    begun = time.perf_counter()
    print(f"{sets} sets each; bias in points, then the share of 95 % intervals that hold the truth")
    print(f"{'':<66}{'as counted':^34}{'cross-fitted':^34}")
    heads = "".join(f"{name:>17}" for name in ("recall", "F1", "recall", "F1"))
    print(f"{'world, pictures':<66}{heads}")
    for number in chosen:
        world = WORLDS[number]
        for pictures in SIZES:
            random = np.random.default_rng([number, pictures])
            wrong: list[list[float]] = [[] for _ in range(4)]
            held: list[list[bool]] = [[] for _ in range(4)]
            for one in range(sets):
                if one % -(-sets // RUNS) == 0:
                    run = train(world, random)
                    truth = Truth(look(world, run, PICTURES_OF_TRUTH, random)[0])
                epochs, groups = look(world, run, pictures, random)
                everything = np.ones(pictures, dtype=bool)
                objects = epochs[0].objects
                if not objects.sum():
                    continue
                folds = draw_folds(group_members(pictures, groups or None), seed=one)
                masks = np.array([row != fold for row in folds for fold in range(int(row.max()) + 1)])
                table = fitness_of(world, epochs, np.vstack([everything, masks]))
                kept = int(np.argmax(table[0]))
                rule = fixed(0.0) if world.classifier else highest_f1
                line = rule(epochs[kept], everything)
                counted = epochs[kept].counts(line, everything)
                numbers = [kept, *range(kept), *range(kept + 1, EPOCHS)]
                first = [epochs[number] for number in numbers]
                known = {mask.tobytes(): values[numbers] for mask, values in zip(masks, table[1:], strict=True)}
                best = best_epochs(lambda epoch, mask, known=known: known[mask.tobytes()][epoch], numbers, folds)
                fitted = counted - flattery(epochs[kept], folds, rule, first, best)
                weights, units = draw(pictures, groups or None, seed=one), count_units(pictures, groups or None)
                told = [
                    *figures(counted, objects, weights, units, False),
                    *figures(fitted, objects, weights, units, world.classifier),
                ]
                for place, (figure, true) in enumerate(zip(told, truth.at(kept, line) * 2, strict=True)):
                    wrong[place].append(100 * (figure.value - true))
                    held[place].append(figure.low <= true <= figure.high)
            cells = "".join(f"{np.mean(w):>+8.1f}{100 * np.mean(h):>7.1f} %" for w, h in zip(wrong, held, strict=True))
            print(f"{world.title + ', ' + str(pictures):<66}{cells}", flush=True)
    print(f"{time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
