"""How sure a figure is: 95 % intervals by bootstrap over pictures, or over groups of pictures that belong together.

As many pictures (or groups) as there are, are drawn with replacement 1,000 times (Efron and Tibshirani 1993); all draws
are one matrix of weights. The middle 95 % of the draws promises too much on small sets and near 0 or 100 %: there it
held the truth in 80 to 93 of 100 sets of 20 pictures. So the draws give the spread, and the interval is Wilson's score
interval with the effective sample size that this spread implies (Dean and Pagano 2015, J. Survey Statistics and
Methodology 3: 484-503) and Student's t for the number of pictures or groups (Korn and Graubard 1998, Survey
Methodology 24: 193-201). bench/interval_coverage.py checks it by simulation; with fewer than ten groups it is still
a little short. Differences of two runs have no such bounds: theirs are expanded percentiles (`interval`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.special import betaincinv, ndtr, stdtrit  # scipy.stats takes half a second to import

Weights = NDArray[np.float32]
Draws = NDArray[np.float64]
"""One figure in every draw of the pictures."""
RESAMPLES = 1000
Z = 1.959964


def draw(pictures: int, groups: Sequence[str] | None = None, resamples: int = RESAMPLES, seed: int = 0) -> Weights:
    """Return (resamples, pictures): how often each picture is in each draw.

    `groups` names each picture's patient or part; pictures of one group are drawn together, an empty name is a
    group of its own.
    """
    if pictures == 0:
        return np.zeros((resamples, 0), dtype=np.float32)
    member = group_members(pictures, groups)
    count = int(member.max()) + 1
    random = np.random.default_rng(seed)
    drawn = np.empty((resamples, count), dtype=np.float32)
    for start in range(0, resamples, 100):
        rows = min(100, resamples - start)
        places = random.integers(0, count, (rows, count)) + count * np.arange(rows)[:, None]
        drawn[start : start + rows] = np.bincount(places.ravel(), minlength=rows * count).reshape(rows, count)
    return drawn if groups is None else drawn[:, member]


def group_members(pictures: int, groups: Sequence[str] | None) -> NDArray[np.int64]:
    """Return the number of the group each picture belongs to; without a name it is a group of its own."""
    if groups is None:
        return np.arange(pictures)
    names = [name or f"\0{index}" for index, name in enumerate(groups)]
    _, member = np.unique(np.array(names, dtype=object).astype(str), return_inverse=True)
    return member.astype(np.int64)


def count_units(pictures: int, groups: Sequence[str] | None) -> int:
    """Return how many independent things there are: groups, or pictures without groups."""
    return len(np.unique(group_members(pictures, groups))) if pictures else 0


def count_effective(totals: NDArray[np.floating]) -> int:
    """Return how many pictures of equal weight would say as much as these, whose `totals` (objects) differ.

    Kish's (sum)^2 / sum of squares: where a few pictures hold most objects, a share over all objects rests on those few
    (Carter, Schnepel and Steigerwald 2017, Review of Economics and Statistics 99: 698-709).
    """
    squares = float((totals.astype(float) ** 2).sum())
    return max(1, round(float(totals.sum()) ** 2 / squares)) if squares else 0


def interval(values: NDArray[np.floating], units: int | None = None) -> tuple[float, float]:
    """Return the middle 95 % of a figure's draws, leaving out draws that don't define it; NaN when none does.

    With `units`, the number of pictures or groups drawn from, the tails are widened as Student's t asks for so few:
    the expanded percentile interval of Hesterberg (2015, The American Statistician 69: 371-386).
    """
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        return float("nan"), float("nan")
    tail = 0.025
    if units is not None and units > 1:
        tail = float(ndtr(-math.sqrt(units / (units - 1)) * stdtrit(units - 1, 0.975)))
    low, high = np.quantile(finite, [tail, 1 - tail])
    return float(low), float(high)


def wilson(hits: float, total: float, z: float = Z) -> tuple[float, float]:
    """Return Wilson's 95 % score interval of a proportion (Wilson 1927), NaN for nothing counted."""
    if total <= 0:
        return float("nan"), float("nan")
    share = min(max(hits / total, 0.0), 1.0)
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return 0.0 if share == 0 else low, 1.0 if share == 1 else high


def ratio_interval(draws: NDArray[np.floating], hits: float, total: float, units: int) -> tuple[float, float]:
    """Return the 95 % interval of the share hits / total whose `draws` were made from `units` pictures or groups.

    Wilson's interval with the effective sample size p (1 - p) / variance of the draws; at most `total`, and `total`
    where no draw differs (a share of 0 or 1).
    """
    if total <= 0:
        return float("nan"), float("nan")
    return _score_interval(draws, hits / total, total, units, total)


def _score_interval(
    draws: NDArray[np.floating], value: float, objects: float, units: int, most: float
) -> tuple[float, float]:
    value = min(max(value, 0.0), 1.0)
    finite = draws[np.isfinite(draws)]
    variance = float(np.var(finite, dtype=np.float64)) if len(finite) else 0.0
    if variance <= 0 or not 0 < value < 1:
        return wilson(value * objects, objects)
    variance *= units / max(units - 1, 1)
    size = min(most, value * (1 - value) / variance)
    z = float(stdtrit(units - 1, 0.975)) if units > 1 else Z
    return wilson(value * size, size, min(z, 12.7))


def exact(hits: float, total: float) -> tuple[float, float]:
    """Return the 95 % interval of a proportion by Clopper and Pearson (1934, Biometrika 26: 404-413), NaN for nothing.

    `hits` may be corrected, and so not a whole number.
    """
    if total <= 0:
        return float("nan"), float("nan")
    hits = min(max(hits, 0.0), total)
    low = 0.0 if hits <= 0 else float(betaincinv(hits, total - hits + 1, 0.025))
    return low, 1.0 if hits >= total else float(betaincinv(hits + 1, total - hits, 0.975))


def exact_ratio(draws: NDArray[np.floating], hits: float, total: float, units: int) -> tuple[float, float]:
    """Return Clopper and Pearson's interval of hits / total with the effective sample size that the draws imply.

    Near 0 and 1 Wilson's interval holds the truth in too few sets: of 20 answers 19 right leave out 99.3 %, which is no
    rare thing. At most `total` counts, as in `ratio_interval`.
    """
    value = hits / total if total > 0 else float("nan")
    finite = draws[np.isfinite(draws)]
    variance = float(np.var(finite, dtype=np.float64)) * units / max(units - 1, 1) if len(finite) else 0.0
    size = min(total, value * (1 - value) / variance) if variance > 0 and 0 < value < 1 else total
    return exact(value * size, size)


def share_interval(
    weights: Weights, hits: NDArray[np.floating], totals: NDArray[np.floating], units: int | None = None
) -> tuple[float, float]:
    """Return the interval of sum(hits) / sum(totals), both one number per picture; `units` as in `ratio_interval`."""
    with np.errstate(invalid="ignore", divide="ignore"):
        draws = (weights @ hits.astype(np.float32)) / (weights @ totals.astype(np.float32))
    known = int((totals > 0).sum())
    return ratio_interval(draws, float(hits.sum()), float(totals.sum()), min(units or known, known))


def area_interval(value: float, draws: NDArray[np.floating], objects: int, units: int) -> tuple[float, float]:
    """Return the 95 % interval of an average precision (or AUROC) from its draws, as `ratio_interval` does a share's.

    Where no draw differs, as at 0 or 1, Wilson's interval over the objects.
    """
    if not math.isfinite(value):
        return float("nan"), float("nan")
    return _score_interval(draws, value, objects, units, math.inf)


def ap_draws(
    weights: Weights,
    correct: NDArray[np.bool_],
    confidence: NDArray[np.float64],
    picture: NDArray[np.int64],
    objects: NDArray[np.float32],
    counted: NDArray[np.bool_] | None = None,
    most_steps: int = 256,
) -> NDArray[np.float32]:
    """Return (resamples, thresholds): average precision of one class in every draw, NaN where it has no objects.

    `correct` is (predictions, thresholds), `picture` the index of each prediction's picture, `objects` the labelled
    objects per picture. The area under the precision envelope is integrated from hit to hit rather than read at 101
    recall values: nearly the same, and many times quicker; the figure itself is `metrics.average_precision`.
    Predictions are gathered in up to `most_steps` steps that end at a correct one or just before one, where the
    envelope can turn. With `counted`, (predictions, thresholds), the others are passed over and the steps are COCO's,
    flat ones.
    """
    resamples, thresholds = len(weights), correct.shape[1]
    total = weights @ objects
    nothing = np.where(total[:, None] > 0, 0.0, np.nan).astype(np.float32).repeat(thresholds, axis=1)
    if len(confidence) == 0:
        return nothing
    order = np.argsort(-confidence, kind="stable")
    correct, picture = correct[order], picture[order]
    if counted is not None:
        counted = counted[order]
    turns = np.append(correct.any(axis=1), False)
    ends = np.flatnonzero(turns[:-1] | turns[1:])  # the one before a correct one: there recall's flat part ends
    if len(ends) == 0:
        return nothing
    if len(ends) > most_steps:
        ends = ends[np.unique(np.linspace(0, len(ends) - 1, most_steps).astype(int))]
    kept = ends[-1] + 1  # wrong predictions below the last correct one don't change the envelope
    steps = np.searchsorted(ends, np.arange(kept))
    used, column = np.unique(picture[:kept], return_inverse=True)  # rare classes lie in few pictures
    columns = np.ascontiguousarray(weights[:, used].T)
    shape = (len(ends), len(used))

    def gathered(chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return how many of the chosen predictions each step holds in each draw, (steps, resamples)."""
        ones = np.ones(len(chosen), dtype=np.float32)
        result: NDArray[np.float32] = csr_matrix((ones, (steps[chosen], column[chosen])), shape=shape) @ columns
        return result

    # divisors of at least one: where nothing was found or labelled the dividend is nothing, too
    if counted is None:
        share = 1 / np.maximum(np.cumsum(gathered(np.arange(kept)), axis=0), 1)
    result = np.empty((resamples, thresholds), dtype=np.float32)
    for index in range(thresholds):
        if counted is not None:
            share = 1 / np.maximum(np.cumsum(gathered(np.flatnonzero(counted[:kept, index])), axis=0), 1)
        hits = gathered(np.flatnonzero(correct[:kept, index]))
        envelope = np.cumsum(hits, axis=0)
        envelope *= share
        np.maximum.accumulate(envelope[::-1], axis=0, out=envelope[::-1])
        if counted is None:  # Ultralytics draws straight lines between the points, from a precision of one
            before = np.vstack([np.ones((1, resamples), dtype=np.float32), envelope[:-1]])
            envelope += before
            envelope /= 2
        result[:, index] = np.einsum("kr,kr->r", hits, envelope) / np.maximum(total, 1)
    result[total == 0] = np.nan
    return result
