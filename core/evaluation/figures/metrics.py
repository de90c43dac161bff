"""Average precision and the counts behind precision and recall, computed as Ultralytics computes them.

Source: Ultralytics 8.4.190 `utils/metrics.py`, `compute_ap` and `ap_per_class`: the precision envelope, read at 101
recall values and integrated by the trapezoid rule; the mean is over the classes that have labelled objects.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_RECALLS = np.linspace(0, 1, 101)


def average_precision(recall: NDArray[np.float64], precision: NDArray[np.float64]) -> float:
    """Return the area under the precision envelope of one class at one overlap threshold, 0 to 1."""
    last = recall[-1] if len(recall) else 1.0
    recalls = np.concatenate(([0.0], recall, [last], [1.0]))
    envelope = np.maximum.accumulate(np.concatenate(([1.0], precision, [0.0], [0.0]))[::-1])[::-1]
    values = np.interp(_RECALLS, recalls, envelope)
    return float(((values[1:] + values[:-1]) / 2).sum() / 100)


def coco_average_precision(recall: NDArray[np.float64], precision: NDArray[np.float64]) -> float:
    """Return average precision as COCO defines it: the mean of the envelope at the first recall of at least each of
    101 values, 0 beyond the last. Source: faster-coco-eval 1.8 and pycocotools, `COCOeval.accumulate`.
    """
    envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    return float(envelope[np.searchsorted(recall, _RECALLS, side="left")].mean())


def precision_recall(correct: NDArray[np.bool_], objects: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return recall and precision after each prediction, in order of falling confidence."""
    hits = np.cumsum(correct)
    return hits / max(objects, 1), hits / np.arange(1, len(correct) + 1)


def ap_by_class(
    correct: NDArray[np.bool_],
    confidence: NDArray[np.float64],
    predicted_classes: NDArray[np.int64],
    true_classes: NDArray[np.int64],
) -> dict[int, NDArray[np.float64]]:
    """Return {class id: average precision at each threshold} for the classes with labelled objects.

    `correct` is (predictions, thresholds). A class that is never predicted has 0.
    """
    order = np.argsort(-confidence, kind="stable")
    correct, predicted_classes = correct[order], predicted_classes[order]
    result = {}
    for class_id, objects in zip(*np.unique(true_classes, return_counts=True), strict=True):
        mine = correct[predicted_classes == class_id]
        values = np.zeros(correct.shape[1])
        if len(mine):
            for index in range(correct.shape[1]):
                values[index] = average_precision(*precision_recall(mine[:, index], int(objects)))
        result[int(class_id)] = values
    return result


def ratio(part: float, whole: float) -> float:
    """Return part / whole, NaN when there is nothing to divide by."""
    return part / whole if whole else float("nan")


def f1(precision: float, recall: float) -> float:
    """Return the harmonic mean of precision and recall, 0 when both are."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
