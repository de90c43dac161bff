"""Which prediction belongs to which labelled object: one matcher for metrics, counts, errors and the gallery.

The rule is the one of Ultralytics' validator (8.4.190, `engine/validator.py`, `match_predictions`): predictions take
their turn in order of falling confidence, each takes the free object of its own class it overlaps most, if they
overlap at least as much as the threshold. Leaving out predictions of low confidence therefore never changes the
match of the others: one matching serves every operating point.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IOU_THRESHOLDS: NDArray[np.float64] = np.linspace(0.5, 0.95, 10)
"""The ten thresholds of mAP50-95."""


def box_iou(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (m, n) overlaps (intersection over union) of (m, 4) and (n, 4) boxes x1, y1, x2, y2."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1][None, :] - shared
    result: NDArray[np.float64] = shared / np.maximum(union, 1e-9)
    return result


def match(
    overlaps: NDArray[np.float64],
    true_classes: NDArray[np.int64],
    predicted_classes: NDArray[np.int64],
    thresholds: NDArray[np.float64] = IOU_THRESHOLDS,
) -> NDArray[np.int64]:
    """Return for each prediction and threshold the index of its object, -1 for none, shape (n, thresholds).

    `overlaps` is (objects, predictions), 0 to 1, predictions in order of falling confidence.
    """
    matched = np.full((len(predicted_classes), len(thresholds)), -1, dtype=np.int64)
    if overlaps.size == 0:
        return matched
    same = np.where(true_classes[:, None] == predicted_classes[None, :], overlaps, 0.0)
    taken = np.zeros((len(true_classes), len(thresholds)), dtype=bool)
    columns = np.arange(len(thresholds))
    for index in np.flatnonzero((same >= thresholds.min()).any(axis=0)):
        free = np.where(taken, 0.0, same[:, index, None])
        best = free.argmax(axis=0)
        good = free[best, columns] >= thresholds
        matched[index, good] = best[good]
        taken[best[good], columns[good]] = True
    return matched


def match_in_range(
    overlaps: NDArray[np.float64],
    true_classes: NDArray[np.int64],
    predicted_classes: NDArray[np.int64],
    apart: NDArray[np.bool_],
    thresholds: NDArray[np.float64] = IOU_THRESHOLDS,
) -> NDArray[np.int64]:
    """Return what `match` does when the objects marked `apart` are taken only where no other one fits, as COCO does."""
    matched = np.full((len(predicted_classes), len(thresholds)), -1, dtype=np.int64)
    if overlaps.size == 0:
        return matched
    same = np.where(true_classes[:, None] == predicted_classes[None, :], overlaps, 0.0)
    taken = np.zeros((len(true_classes), len(thresholds)), dtype=bool)
    columns = np.arange(len(thresholds))
    for index in np.flatnonzero((same >= thresholds.min()).any(axis=0)):
        for left_out in (apart, ~apart):
            open_columns = matched[index] < 0
            free = np.where(taken | left_out[:, None], 0.0, same[:, index, None])
            best = free.argmax(axis=0)
            good = open_columns & (free[best, columns] >= thresholds)
            matched[index, good] = best[good]
            taken[best[good], columns[good]] = True
    return matched


def nearest(
    overlaps: NDArray[np.float64], true_classes: NDArray[np.int64], predicted_classes: NDArray[np.int64], *, same: bool
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return for each prediction the object it overlaps most (-1: none) and how much, of its own class or of others."""
    count = len(predicted_classes)
    if overlaps.size == 0:
        return np.full(count, -1, dtype=np.int64), np.zeros(count)
    equal = true_classes[:, None] == predicted_classes[None, :]
    allowed = np.where(equal if same else ~equal, overlaps, 0.0)
    best, value = allowed.argmax(axis=0), allowed.max(axis=0)
    return np.where(value > 0, best, -1), value


def to_bits(correct: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Pack (n, 10) correctness at the ten thresholds into one integer each, lowest threshold in the lowest bit."""
    weights = 1 << np.arange(correct.shape[1], dtype=np.int64)
    result: NDArray[np.int64] = (correct.astype(np.int64) * weights).sum(axis=1)
    return result


def from_bits(bits: NDArray[np.int64], count: int = len(IOU_THRESHOLDS)) -> NDArray[np.bool_]:
    """Unpack what `to_bits` packed."""
    result: NDArray[np.bool_] = (bits[:, None] >> np.arange(count)) & 1 == 1
    return result


SIZES = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
"""COCO's ranges of object areas, in square pixels of the picture, both ends included."""
