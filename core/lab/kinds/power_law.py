"""What more pictures would bring: a falling power of the number of pictures, fitted with its band.

score(n) = a - b * n^-c, the usual law of learning curves (Hestness et al. 2017, arXiv 1712.00409; Rosenfeld et al.
2020, arXiv 1909.12673). For each power c of a grid, a and b follow by least squares; the c with the least error wins.
The band comes from fitting again for each draw of pictures and seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.figures.figure import Difference
from core.words import points, signed, span, thousands

Numbers = NDArray[np.float64]
POWERS: Numbers = np.geomspace(0.05, 2.0, 30)
TRUSTED = 0.7
"""Share of the variation between sizes that the curve must explain before it is used to extrapolate."""


@dataclass(frozen=True)
class Fit:
    """One fitted curve per row of draws; row 0 is the fit to the figures as they are."""

    a: Numbers
    b: Numbers
    c: Numbers
    explained: float
    """share of the variation between the sizes' means that the first row's curve explains, at most 1"""

    def at(self, pictures: Sequence[float] | Numbers) -> Numbers:
        """Return (draws, pictures): the score at each number of pictures, between 0 and 1."""
        n = np.asarray(pictures, dtype=float)[None, :]
        curve: Numbers = self.a[:, None] - self.b[:, None] * n ** -self.c[:, None]
        return np.clip(curve, 0.0, 1.0)

    def gain(self, now: float, then: float) -> Difference:
        """Return what going from `now` to `then` pictures brings, with its 95 % interval."""
        both = self.at([now, then])
        change = both[:, 1] - both[:, 0]
        low, high = np.percentile(change[1:], [2.5, 97.5]) if len(change) > 1 else (np.nan, np.nan)
        return Difference(float(change[0]), float(low), float(high))


def fit_curve(pictures: Sequence[float], draws: Numbers) -> Fit:
    """Fit every row of `draws`, (draws, trainings), against the pictures of each training.

    Raises ValueError for fewer than three different sizes: nothing could contradict the curve.
    """
    n = np.asarray(pictures, dtype=float)
    if len(set(n.tolist())) < 3:
        raise ValueError("a curve needs three different set sizes")
    best_error = np.full(len(draws), np.inf)
    a, b, c = np.zeros(len(draws)), np.zeros(len(draws)), np.full(len(draws), POWERS[0])
    for power in POWERS:
        x = n**-power
        centred = x - x.mean()
        slope = -(draws @ centred) / (centred @ centred)
        top = draws.mean(axis=1) + slope * x.mean()
        over = top > 1.0  # no score is above 1: hold a there and fit b alone
        slope = np.where(over, ((1.0 - draws) @ x) / (x @ x), slope)
        top = np.where(over, 1.0, top)
        error = ((draws - (top[:, None] - slope[:, None] * x[None, :])) ** 2).sum(axis=1)
        better = error < best_error - 1e-12
        a, b = np.where(better, top, a), np.where(better, slope, b)
        c, best_error = np.where(better, power, c), np.minimum(error, best_error)
    return Fit(a, b, c, _explained(n, draws[0], a[0], b[0], c[0]))


def _explained(n: Numbers, scores: Numbers, a: float, b: float, c: float) -> float:
    sizes = np.unique(n)
    means = np.array([scores[n == size].mean() for size in sizes])
    spread = ((means - means.mean()) ** 2).sum()
    left = ((means - (a - b * sizes**-c)) ** 2).sum()
    return float(1 - left / spread) if spread > 0 else 0.0


def can_extrapolate(fit: Fit | None, pictures: int) -> bool:
    """Say whether a curve is fit to tell what more than `pictures` would bring: it rises, and the figures follow it."""
    return fit is not None and _rises(fit, pictures) and fit.explained >= TRUSTED


def _rises(fit: Fit, pictures: int) -> bool:
    half, whole = fit.at([pictures / 2, pictures])[0]
    return bool(whole >= half)


def curve_sentences(fit: Fit | None, pictures: int, metric: str, trainings: int = 2) -> list[str]:
    """Say what twice as many pictures would bring, or why that can't be said.

    With one training per size no interval is given: in simulations (four sizes, trainings that vary by 3 points) it
    held the truth in half of the cases only, with two trainings per size in nine of ten.
    """
    if fit is None:
        return [
            "Fewer than three set sizes could be trained: that is no curve, so nothing is said about more pictures."
        ]
    gain = fit.gain(pictures, 2 * pictures)
    if not _rises(fit, pictures):
        return [
            "More pictures did not do better here: the trainings are too short, or chance is larger than what the "
            "number of pictures changes. Train longer (epochs) and each size more often (seeds), then ask again."
        ]
    if not can_extrapolate(fit, pictures):
        return [
            "The figures don’t follow a curve: chance is larger than what the number of pictures changes here. What "
            "more pictures would bring can’t be said from this; train each size more often (seeds)."
        ]
    interval = span(gain.low, gain.high)
    ahead = f"Twice as many pictures ({thousands(2 * pictures)} instead of {thousands(pictures)})"
    if trainings < 2:
        return [
            f"{ahead}: about {signed(gain.value)} points of {metric} by the curve. Each size was trained once, so "
            "how sure that is can’t be said: train each size twice or more (seeds)."
        ]
    if not gain.decided:
        return [f"{ahead}: about {points(gain.value)} points of {metric} more, {interval}, so perhaps nothing."]
    said = [f"{ahead}: about {signed(gain.value)} points of {metric}, {interval}."]
    if gain.high < 0.02:
        said.append("More pictures of the same kind would bring little; look at the labels and at what is missed.")
    return said
