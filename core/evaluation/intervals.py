"""How sure a figure is: 95 % intervals by bootstrap over pictures, or over groups of pictures that belong together.

The percentile bootstrap of Efron and Tibshirani (1993): draw as many pictures as there are, with replacement, 1,000
times, and take the middle 95 % of the figure. All draws are computed at once as a matrix of weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Weights = NDArray[np.float32]
RESAMPLES = 1000
_BINS = 512
_RECALLS = np.linspace(0, 1, 101)


def draw(pictures: int, groups: Sequence[str] | None = None, resamples: int = RESAMPLES, seed: int = 0) -> Weights:
    """Return (resamples, pictures): how often each picture is in each draw.

    `groups` names each picture's patient or part; pictures of one group are drawn together, an empty name is a
    group of its own.
    """
    if pictures == 0:
        return np.zeros((resamples, 0), dtype=np.float32)
    names = [name or f"\0{index}" for index, name in enumerate(groups or [""] * pictures)]
    _, member = np.unique(np.array(names, dtype=object).astype(str), return_inverse=True)
    count = int(member.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    return drawn.astype(np.float32)[:, member]


def interval(values: NDArray[np.floating]) -> tuple[float, float]:
    """Return the middle 95 % of a figure's draws, leaving out draws that don't define it; NaN when none does."""
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        return float("nan"), float("nan")
    low, high = np.percentile(finite, [2.5, 97.5])
    return float(low), float(high)


def wilson(hits: float, total: float) -> tuple[float, float]:
    """Return Wilson's 95 % score interval of a proportion (Wilson 1927), NaN for nothing counted."""
    if total <= 0:
        return float("nan"), float("nan")
    z, share = 1.959964, hits / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return max(0.0, centre - half), min(1.0, centre + half)


def share_interval(weights: Weights, hits: NDArray[np.floating], totals: NDArray[np.floating]) -> tuple[float, float]:
    """Return the interval of sum(hits) / sum(totals), both one number a picture.

    Draws from a picture set without a single miss (or hit) never vary, which would claim certainty: Wilson's
    interval is given then.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = interval((weights @ hits.astype(np.float32)) / (weights @ totals.astype(np.float32)))
    if not low < high:
        return wilson(float(hits.sum()), float(totals.sum()))
    return low, high


def ap_draws(
    weights: Weights,
    correct: NDArray[np.bool_],
    confidence: NDArray[np.float64],
    picture: NDArray[np.int64],
    objects: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return (resamples, thresholds): average precision of one class in every draw, NaN where it has no objects.

    `correct` is (predictions, thresholds), `picture` the index of each prediction's picture, `objects` the labelled
    objects a picture. Predictions are gathered in up to 512 steps that end at a correct one or just before one, where
    the precision envelope can turn: exact up to 256 correct predictions, finer than the 101 recall values beyond.
    """
    resamples, thresholds = len(weights), correct.shape[1]
    total = weights @ objects
    if len(confidence) == 0:
        return np.where(total[:, None] > 0, 0.0, np.nan).astype(np.float32).repeat(thresholds, axis=1)
    order = np.argsort(-confidence)
    correct, picture = correct[order], picture[order]
    turns = np.append(correct.any(axis=1), False)
    ends = np.flatnonzero(turns[:-1] | turns[1:])  # the one before a correct one: there recall's flat part ends
    if len(ends) == 0:
        return np.where(total[:, None] > 0, 0.0, np.nan).astype(np.float32).repeat(thresholds, axis=1)
    if len(ends) > _BINS:
        ends = ends[np.unique(np.linspace(0, len(ends) - 1, _BINS).astype(int))]
    kept = ends[-1] + 1  # wrong predictions below the last correct one don't change the envelope
    steps = np.searchsorted(ends, np.arange(kept))
    shape = (len(ends), weights.shape[1])
    columns = np.ascontiguousarray(weights.T)

    def totals(chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        ones = np.ones(len(chosen), dtype=np.float32)
        gathered = csr_matrix((ones, (steps[chosen], picture[chosen])), shape=shape)
        result: NDArray[np.float32] = np.cumsum(gathered @ columns, axis=0).T
        return result

    found = totals(np.arange(kept))
    result = np.empty((resamples, thresholds), dtype=np.float32)
    for index in range(thresholds):
        hits = totals(np.flatnonzero(correct[:kept, index]))
        with np.errstate(invalid="ignore", divide="ignore"):
            recall = np.nan_to_num(hits / total[:, None].astype(float))  # exact where it meets one of the 101 values
            precision = np.nan_to_num(hits / found)
        result[:, index] = _areas(recall, precision)
    result[total == 0] = np.nan
    return result


def _areas(recall: NDArray[np.float64], precision: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the area of each row as `metrics.average_precision` does, in one interpolation over all rows."""
    rows = len(recall)
    start, end = np.zeros((rows, 1)), np.ones((rows, 1))
    recalls = np.hstack([start, recall, recall[:, -1:], end])
    values = np.hstack([end, precision, start, start])
    envelope = np.maximum.accumulate(values[:, ::-1], axis=1)[:, ::-1]
    offset = 2.0 * np.arange(rows)[:, None]  # rows end to end on one axis
    read = np.interp((offset + _RECALLS).ravel(), (offset + recalls).ravel(), envelope.ravel()).reshape(rows, -1)
    result: NDArray[np.float64] = ((read[:, 1:] + read[:, :-1]) / 2).sum(axis=1) / 100
    return result
