"""What more training would bring, read from the curve of the run itself. Pure functions of its figures so far.

The error of a network falls as a power of the work done (Hestness et al. 2017, arXiv 1712.00409; fitted to the curve of
one run as in Domhan et al. 2015, IJCAI): figure = a - b · work^-c. Every exponent of a grid is fitted by least squares
and counts by how well it fits; what the fits leave open, and the scatter around them, make the interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from core.evaluation.figures.figure import Figure

EXPONENTS = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
DRAWS = 400
"""Curves drawn per exponent."""
LEAST_EPOCHS = 4
"""Fewer points say nothing about a curve with three unknowns."""
SCATTER = 0.004
"""Standard deviation of a figure from epoch to epoch that is assumed at least: a few epochs may lie on a line by
chance."""
WIDER = 1.7
"""The fits know nothing of jumps: so many times their interval held in nine of ten looks ahead at 34 recorded runs
(BCCD, DeepPCB, drawn sets; bench/more_time.py). Fitted on the others: .92 on BCCD, .78 on DeepPCB, .92 on the drawn."""
RISES = 0.05
"""Share of the curves that fit which must rise for a rise to be expected at all."""
COVERED = 0.9
"""Share of runs in which the interval is to hold."""


def scatter_of_counts(share: float, pictures: int) -> float:
    """Return the standard deviation, by chance, of a share counted on so many pictures: of so few, never near 0."""
    return math.sqrt((share * (1 - share) + 1 / (4 * pictures)) / pictures)


def more_brings(
    figures: Sequence[float], work: Sequence[float], more: float, *, scatter: float = SCATTER
) -> Figure | None:
    """Return how much a figure would rise in `more` work, with the interval that holds in nine of ten runs.

    `figures`: per epoch, 0 to 1; `work`: what had been done by then, in any unit (epochs, seconds), rising from above
    0; `scatter`: standard deviation of a figure from epoch to epoch that is assumed at least. None with fewer than
    LEAST_EPOCHS.
    """
    return _fitted(tuple(figures), tuple(work), more, scatter) if len(figures) >= LEAST_EPOCHS else None


@lru_cache(maxsize=64)  # a page that is drawn every second asks the same until the next epoch
def _fitted(figures: tuple[float, ...], work: tuple[float, ...], more: float, scatter: float) -> Figure:
    y, t = np.asarray(figures, dtype=float), np.asarray(work, dtype=float)
    t, end = t / t[-1], 1 + more / float(t[-1])
    weight = t  # the beginning, with its warm-up, is the least like what comes
    random = np.random.default_rng(0)
    gains, likely, fitting = [], [], 0.0
    for exponent in EXPONENTS:
        bend = t**-exponent
        design = np.stack([np.ones_like(t), -bend], axis=1)
        inverse = np.linalg.inv((design * weight[:, None] ** 2).T @ design + 1e-9 * np.eye(2))
        best = inverse @ ((design * weight[:, None] ** 2).T @ y)
        left = float(((y - design @ best) ** 2 * weight**2).sum())
        spread = max(scatter**2, left / max(1.0, float((weight**2).sum()) - 2))
        drawn = random.multivariate_normal(best, spread * inverse, DRAWS, check_valid="ignore")
        a, b = drawn[:, 0], drawn[:, 1]
        gain = b * (1 - end**-exponent)
        possible = (b >= 0) & (a - b * end**-exponent <= 1)
        noise = random.normal(0, np.sqrt(2 * spread), DRAWS)
        gains.append(gain + noise)
        how_well = float(np.exp(-left / (2 * spread)) * (spread / scatter**2) ** (-len(y) / 2))
        likely.append(np.where(possible, how_well, 0.0))
        fitting += how_well * DRAWS
    gain, chance = np.concatenate(gains), np.concatenate(likely)
    if chance.sum() < RISES * fitting:  # the curves that fit fall: nothing is to be expected
        away = WIDER * 1.645 * math.sqrt(2) * scatter  # nine in ten differences of two figures, as the rest
        return Figure(value=0.0, low=-away, high=away)
    order = np.argsort(gain)
    share = np.cumsum(chance[order]) / chance.sum()
    low, middle, high = (float(gain[order][np.searchsorted(share, at)]) for at in
                         ((1 - COVERED) / 2, 0.5, (1 + COVERED) / 2))  # fmt: skip
    back = max(1, len(y) // 3)
    straight = max(0.0, float(y[-1] - y[-1 - back])) / float(t[-1] - t[-1 - back]) * (end - 1)
    middle = min(max(0.0, middle), straight)  # a curve that flattens rises no faster than it did
    low, high = middle + WIDER * min(0.0, low - middle), middle + WIDER * max(0.0, high - middle)
    return Figure(value=middle, low=low, high=high)
