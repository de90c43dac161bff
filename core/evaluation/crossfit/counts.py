"""Cross-fitted counts: the line, and the epoch, are chosen on some of the pictures and counted on the others.

Both are chosen where a figure comes out highest, so on the pictures they were chosen on it is too high (the winner's
curse; Varma and Simon 2006, BMC Bioinformatics 7: 91). A picture that had no say in the choice doesn't flatter it.
bench/chosen_on_validation.py shows by simulation how far off either way is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.figures.operating_point import best_f1_confidence

Mask = NDArray[np.bool_]
LineRule = Callable[["Findings", Mask], float]
"""Returns the line that a rule chooses by the pictures of a mask."""


@dataclass(frozen=True)
class Findings:
    """What a model finds in the pictures of a part, flat, and what is labelled in each picture."""

    confidence: NDArray[np.float64]
    """(n,) 0 to 1"""
    hit: Mask
    """(n,) whether it is right"""
    picture: NDArray[np.int64]
    """(n,) the number of its picture"""
    objects: NDArray[np.float64]
    """(pictures,) labelled objects"""

    def chosen(self, pictures: Mask) -> Findings:
        """Return those in the pictures of a mask; the pictures keep their numbers."""
        kept = pictures[self.picture]
        return Findings(self.confidence[kept], self.hit[kept], self.picture[kept], np.where(pictures, self.objects, 0))

    def counts(self, line: float, pictures: Mask) -> Counts:
        """Return what counts at a line in the pictures of a mask, nothing in the others."""
        shown = (self.confidence >= line) & pictures[self.picture]
        size = len(self.objects)
        return Counts(
            np.bincount(self.picture[shown & self.hit], minlength=size).astype(float),
            np.bincount(self.picture[shown], minlength=size).astype(float),
        )

    def of_units(self, units: Units) -> Findings:
        """Return one finding for each unit with any, as sure as its surest; right where the unit is bad."""
        surest = np.zeros(len(units.bad))
        np.maximum.at(surest, units.of_picture[self.picture], self.confidence)
        flagged = np.flatnonzero(surest > 0)
        return Findings(surest[flagged], units.bad[flagged], flagged, units.bad.astype(float))


@dataclass(frozen=True)
class Units:
    """What is decided about: parts, patients or single pictures."""

    of_picture: NDArray[np.int64]
    """(pictures,) the number of each picture's unit"""
    bad: Mask
    """(units,) whether something is labelled in one of its pictures"""


@dataclass(frozen=True)
class Counts:
    """Right findings and all findings, one number per picture each; means over repeats, so not whole."""

    hits: NDArray[np.float64]
    findings: NDArray[np.float64]

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.hits + other.hits, self.findings + other.findings)

    def __sub__(self, other: Counts) -> Counts:
        return Counts(self.hits - other.hits, self.findings - other.findings)

    def times(self, weights: float | NDArray[np.float64]) -> Counts:
        """Return them times a number, or times one per picture."""
        return Counts(self.hits * weights, self.findings * weights)


def highest_f1(findings: Findings, pictures: Mask) -> float:
    """Return the line of the highest F1 over the pictures of a mask."""
    mine = findings.chosen(pictures)
    return best_f1_confidence(mine.confidence, mine.hit, int(mine.objects.sum()))


def fixed(line: float) -> LineRule:
    """Return the rule of a line that these pictures did not choose."""
    return lambda _findings, _pictures: line


def flattery(
    kept: Findings,
    folds: NDArray[np.int64],
    rule: LineRule,
    epochs: Sequence[Findings] = (),
    best: NDArray[np.int64] | None = None,
    units: Units | None = None,
) -> Counts:
    """Return by how much each picture's counts are too high because line and epoch were chosen on all of them.

    `kept` is what the kept model finds, `folds` is (repeats, pictures). `epochs` are what the epochs found, the kept
    one first, and `best` (repeats, folds) says which of them each fold's other pictures choose (`best_epochs`); without
    them the epoch counts as given. With `units` they are counted in place of pictures; the folds
    must not divide one.

    What is measured holds for the choosers of one division, fewer than all. The luck of a best epoch, the highest of
    several means, falls with the square root of their number n; that of a best line with n to the power of 2/3 for a
    curve of steps (Kim and Pollard 1990, Annals of Statistics 18: 191-219) to 1 for a smooth one: halfway is taken.
    """
    parts = int(folds.max()) + 1 if folds.size else 1
    share = 1 - 1 / parts
    total = _had_a_say([kept], folds, rule, None, units).times(share ** (5 / 6))
    if best is None:
        return total
    of_epoch = _had_a_say(epochs, folds, rule, best, units) - _had_a_say(epochs[:1], folds, rule, None, units)
    return total + of_epoch.times(math.sqrt(share))


def _had_a_say(
    epochs: Sequence[Findings],
    folds: NDArray[np.int64],
    rule: LineRule,
    best: NDArray[np.int64] | None,
    units: Units | None,
) -> Counts:
    """Return by how much each picture's counts are higher where it had a say in the choice; mean over the repeats.

    Each fold's other pictures choose an epoch (without `best` the first) and a line. A picture's counts at the choice
    it had no say in are taken from the mean of those at the choices it had a say in. So what all choices share cancels
    out, and the difference is that between choosing and being counted, whatever line came out (Efron 1983, JASA 78:
    316-331, calls it optimism).
    """
    size = folds.shape[1] if units is None else len(units.bad)
    everything = np.ones(size, dtype=bool)
    total = Counts(np.zeros(size), np.zeros(size))
    first = np.arange(size) if units is None else np.unique(units.of_picture, return_index=True)[1]
    for repeat, row in enumerate(folds):
        count = int(row.max()) + 1 if size else 0
        if count < 2:
            continue  # one picture, or one group: nobody is left to choose
        for fold in range(count):
            mine = row == fold
            findings = epochs[0 if best is None else int(best[repeat, fold])]
            line = rule(findings, ~mine)
            told = findings if units is None else findings.of_units(units)
            total = total + told.counts(line, everything).times(np.where(mine[first], -1.0, 1 / (count - 1)))
    return total.times(1 / max(len(folds), 1))


def best_epochs(
    fitness: Callable[[int, Mask], float], epochs: Sequence[int], folds: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return (repeats, folds): the place in `epochs` of the one that does best on the other folds.

    `epochs` are their numbers: of equals the latest is taken, as in training, wherever it stands among them.
    `fitness` takes the place of an epoch and a mask of pictures.
    """
    count = int(folds.max()) + 1 if folds.size else 0
    late_first = np.argsort(epochs, kind="stable")[::-1]
    chosen = np.zeros((len(folds), count), dtype=np.int64)
    for repeat, row in enumerate(folds):
        for fold in range(count):
            others = row != fold
            values = [fitness(int(epoch), others if others.any() else ~others) for epoch in late_first]
            chosen[repeat, fold] = late_first[int(np.argmax(np.nan_to_num(values, nan=-1.0)))]
    return chosen
