"""Figures of a classification model, each with its 95 % interval by bootstrap over pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.intervals import Weights, interval, share_interval

Figure = dict[str, float]


def auroc_draws(weights: Weights, scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return a class's area under the ROC curve in every draw (ties count half), NaN without both kinds of pictures."""
    values, place = np.unique(scores, return_inverse=True)
    positives = np.zeros((len(weights), len(values)))
    negatives = np.zeros((len(weights), len(values)))
    rows = np.arange(len(weights))[:, None]
    for target, mask in ((positives, positive), (negatives, ~positive)):
        np.add.at(target, (rows, place[mask][None, :]), weights[:, mask])
    below = np.cumsum(negatives, axis=1) - negatives / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        result: NDArray[np.float64] = (positives * below).sum(axis=1) / (positives.sum(axis=1) * negatives.sum(axis=1))
    return result


def classification_metrics(
    probabilities: NDArray[np.float64], truth: NDArray[np.int64], weights: Weights, classes: list[str]
) -> tuple[dict[str, Figure], dict[str, dict[str, Any]]]:
    """Return the figures over all pictures and a class.

    `probabilities` is (pictures, classes). Over all: top1, top5, balanced_accuracy (mean recall of the classes that
    occur) and AUROC (one class against the rest, mean of those classes). A class: precision, recall, F1, AUROC.
    """
    count = len(truth)
    everything = np.vstack([np.ones((1, count), dtype=np.float32), weights])  # row 0 is the set as it is
    ranks = np.argsort(-probabilities, axis=1, kind="stable")
    answer = ranks[:, 0] if count else np.zeros(0, dtype=int)
    top5 = (ranks[:, :5] == truth[:, None]).any(axis=1)
    overall: dict[str, Figure] = {}
    for name, right in (("top1", answer == truth), ("top5", top5)):
        low, high = share_interval(weights, right.astype(np.float32), np.ones(count, dtype=np.float32))
        overall[name] = {"value": float(right.mean()) if count else float("nan"), "low": low, "high": high}
    per_class: dict[str, dict[str, Any]] = {}
    recalls: list[NDArray[np.floating]] = []
    areas: list[NDArray[np.floating]] = []
    for class_id, name in enumerate(classes):
        labelled, said = truth == class_id, answer == class_id
        hit = (labelled & said).astype(np.float32)
        hits = everything @ hit
        totals = everything @ labelled.astype(np.float32)
        named = everything @ said.astype(np.float32)
        with np.errstate(invalid="ignore", divide="ignore"):
            recall, precision, score = hits / totals, hits / named, 2 * hits / (totals + named)
        area = auroc_draws(everything, probabilities[:, class_id], labelled)
        if labelled.any():
            recalls.append(recall)
            areas.append(area)
        entry: dict[str, Any] = {"F1": _figure(score), "AUROC": _figure(area)}
        for key, draws, whole in (("precision", precision, said), ("recall", recall, labelled)):
            low, high = share_interval(weights, hit, whole.astype(np.float32))
            entry[key] = {"value": float(draws[0]), "low": low, "high": high}
        per_class[name] = {**entry, "objects": int(labelled.sum()), "found": int(hit.sum())}
    for name, draws in (("balanced_accuracy", recalls), ("AUROC", areas)):
        overall[name] = _figure(_mean(draws)) if draws else {key: float("nan") for key in ("value", "low", "high")}
    return overall, per_class


def _mean(draws: list[NDArray[np.floating]]) -> NDArray[np.float64]:
    """Return the mean over the classes that a draw holds."""
    table = np.array(draws, dtype=float)
    known = np.isfinite(table)
    with np.errstate(invalid="ignore", divide="ignore"):
        result: NDArray[np.float64] = np.where(known, table, 0).sum(axis=0) / known.sum(axis=0)
    return result


def _figure(draws: NDArray[np.floating]) -> Figure:
    low, high = interval(draws[1:])
    return {"value": float(draws[0]), "low": low, "high": high}
