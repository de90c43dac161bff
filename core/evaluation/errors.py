"""What kinds of mistakes a detector makes and what each kind costs: the six kinds of TIDE.

Source: Bolya et al., "TIDE: A General Toolbox for Identifying Object Detection Errors", ECCV 2020: overlaps of 0.5
count as found, overlaps of 0.1 as near. Kinds are counted at the operating point; the cost of a kind is what mAP50
gains, at all confidences, when an oracle repairs that kind only.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.metrics import ap_by_class

FOUND, NEAR = 0.5, 0.1
KINDS = {
    "class": "right place, wrong class",
    "place": "right class, badly placed",
    "both": "near an object, wrong class and badly placed",
    "duplicate": "one object found twice",
    "background": "a finding where nothing is labelled",
    "missed": "a labelled object nothing came near",
}


def error_kinds(predictions: pd.DataFrame) -> pd.Series:
    """Return each prediction's kind: "hit" or one of KINDS but "missed"."""
    hit, same, other = predictions["truth"] >= 0, predictions["same_iou"], predictions["other_iou"]
    kinds = np.select(
        [hit, same >= FOUND, other >= FOUND, same >= NEAR, other >= NEAR],
        ["hit", "duplicate", "class", "place", "both"],
        "background",
    )
    return pd.Series(kinds, index=predictions.index, dtype=object)


def missed_objects(predictions: pd.DataFrame, truth: pd.DataFrame, *, excuse_near: bool) -> NDArray[np.bool_]:
    """Return for each labelled object whether no prediction was matched to it.

    `excuse_near` leaves out, as TIDE does, those explained by a class or place mistake.
    """
    columns = [predictions.loc[predictions["truth"] >= 0, ["file", "truth"]]]
    if excuse_near:
        kinds = error_kinds(predictions)
        columns.append(predictions.loc[kinds == "class", ["file", "other_truth"]])
        columns.append(predictions.loc[kinds == "place", ["file", "same_truth"]])
    files = pd.concat([truth["file"], *[table.iloc[:, 0] for table in columns]], ignore_index=True)
    objects = np.concatenate([truth["object"].to_numpy(), *[table.iloc[:, 1].to_numpy() for table in columns]])
    keys = pd.factorize(files)[0].astype(np.int64) * (1 << 32) + objects.astype(np.int64)
    result: NDArray[np.bool_] = ~np.isin(keys[: len(truth)], keys[len(truth) :])
    return result


def error_budget(
    predictions: pd.DataFrame, truth: pd.DataFrame, confidence: float, costs: dict[str, float]
) -> dict[str, dict[str, float]]:
    """Return {kind: {"count", "cost"}}; `costs` are those of `error_costs`: mAP50, NaN without labelled objects."""
    shown = predictions[predictions["confidence"] >= confidence]
    counts = error_kinds(shown).value_counts()
    budget = {kind: {"count": int(counts.get(kind, 0)), "cost": costs[kind]} for kind in KINDS}
    budget["missed"]["count"] = int(missed_objects(shown, truth, excuse_near=True).sum())
    return budget


def error_costs(predictions: pd.DataFrame, truth: pd.DataFrame) -> dict[str, float]:
    """Return what mAP50 gains when each kind alone is repaired."""
    if truth.empty:
        return {kind: float("nan") for kind in KINDS}
    ordered = predictions.sort_values("confidence", ascending=False, kind="stable")
    kinds = error_kinds(ordered).to_numpy()
    base = _map50(ordered["truth"].to_numpy() >= 0, ordered, ordered["class_id"].to_numpy(), truth)
    costs = {}
    for kind in ("both", "duplicate", "background"):
        keep = kinds != kind
        costs[kind] = _map50(ordered["truth"].to_numpy()[keep] >= 0, ordered[keep], None, truth) - base
    for kind, target in (("class", "other_truth"), ("place", "same_truth")):
        costs[kind] = _repaired(ordered, kinds == kind, target, truth) - base
    left = ~missed_objects(ordered, truth, excuse_near=True)
    costs["missed"] = _map50(ordered["truth"].to_numpy() >= 0, ordered, None, truth[left]) - base
    return {kind: max(0.0, costs[kind]) for kind in KINDS}


def _repaired(ordered: pd.DataFrame, wrong: NDArray[np.bool_], target: str, truth: pd.DataFrame) -> float:
    """Return mAP50 with each wrong prediction made right, or dropped when its object is found already."""
    classes_of = dict(zip(zip(truth["file"], truth["object"], strict=True), truth["class_id"], strict=True))
    files, targets = ordered["file"].to_numpy(), ordered[target].to_numpy()
    hits = ordered["truth"].to_numpy() >= 0
    taken = set(zip(files[hits], ordered["truth"].to_numpy()[hits], strict=True))
    correct, classes, keep = hits.copy(), ordered["class_id"].to_numpy().copy(), np.ones(len(ordered), dtype=bool)
    for index in np.flatnonzero(wrong):
        key = (files[index], targets[index])
        if key in taken:
            keep[index] = False
        else:
            taken.add(key)
            correct[index], classes[index] = True, classes_of[key]
    return _map50(correct[keep], ordered[keep], classes[keep], truth)


def _map50(
    correct: NDArray[np.bool_], predictions: pd.DataFrame, classes: NDArray[np.int64] | None, truth: pd.DataFrame
) -> float:
    if truth.empty:
        return 0.0
    chosen = predictions["class_id"].to_numpy() if classes is None else classes
    confidence = predictions["confidence"].to_numpy()
    areas = ap_by_class(correct[:, None], confidence, chosen, truth["class_id"].to_numpy())
    return float(np.mean([values[0] for values in areas.values()]))
