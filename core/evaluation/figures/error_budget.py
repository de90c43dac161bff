"""What each kind of mistake costs: the error budget of TIDE (Bolya et al., ECCV 2020).

Kinds are counted at the operating point; the cost of a kind is what mAP50 gains, at all confidences, when an oracle
repairs that kind only.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.figures.metrics import ap_by_class
from core.evaluation.predict.error_kinds import KINDS, KINDS_OF_FINDINGS
from core.evaluation.predict.prediction_arrays import PredictionArrays


@dataclass(frozen=True)
class ErrorCost:
    """How often one kind of mistake is made, and what repairing it alone would gain."""

    count: int
    cost: float
    """of mAP50, 0 to 1; NaN without labelled objects"""

    def as_dict(self) -> dict[str, float]:
        """Return {"count", "cost"}."""
        return asdict(self)


def error_budget(arrays: PredictionArrays, confidence: float, costs: dict[str, float]) -> dict[str, ErrorCost]:
    """Return each kind's count at this confidence with its cost; `costs` are those of `error_costs`.

    Missed are, as in TIDE, the objects that no finding explains: not found, not misnamed, not badly placed.
    """
    counts = np.bincount(arrays.kind[: arrays.shown(confidence)], minlength=len(KINDS))
    budget = {kind: ErrorCost(int(counts[1 + index]), costs[kind]) for index, kind in enumerate(KINDS_OF_FINDINGS)}
    missed = int((arrays.explained_at < confidence).sum())
    return {**budget, "missed": ErrorCost(missed, costs["missed"])}


def missed_below_the_line(arrays: PredictionArrays, confidence: float, least: float = 0.0) -> int:
    """Return how many of the objects that no finding of this confidence explains are found rightly at a lower one.

    Findings below `least` (0 to 1) don't count.
    """
    return int(((arrays.found_at >= least) & (arrays.explained_at < confidence)).sum())


def error_costs(arrays: PredictionArrays) -> dict[str, float]:
    """Return what mAP50 gains when each kind alone is repaired, NaN without labelled objects."""
    if arrays.truth.empty:
        return {kind: float("nan") for kind in KINDS}
    everything, all_objects = np.ones(len(arrays.confidence), dtype=bool), np.ones(len(arrays.truth), dtype=bool)
    base = _map50(arrays, arrays.hit, arrays.said, everything, all_objects)
    costs = {}
    for kind in ("both", "duplicate", "background"):
        costs[kind] = _map50(arrays, arrays.hit, arrays.said, arrays.kind != _code(kind), all_objects) - base
    for kind, target in (("class", arrays.other_row), ("place", arrays.same_row)):
        correct, classes, keep = _repaired(arrays, arrays.kind == _code(kind), target)
        costs[kind] = _map50(arrays, correct, classes, keep, all_objects) - base
    costs["missed"] = _map50(arrays, arrays.hit, arrays.said, everything, arrays.explained_at >= 0) - base
    return {kind: max(0.0, costs[kind]) for kind in KINDS}


def _code(kind: str) -> int:
    return 1 + KINDS_OF_FINDINGS.index(kind)


def _repaired(
    arrays: PredictionArrays, wrong: NDArray[np.bool_], target: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.bool_]]:
    """Return which predictions are right, of which class and kept, when each wrong one is made right.

    The surest of several for one object is made right; those whose object is found already are dropped.
    """
    free = np.flatnonzero(wrong & (target >= 0) & (arrays.found_at[target] < 0))
    mended = free[np.unique(target[free], return_index=True)[1]]
    correct, classes, keep = arrays.hit.copy(), arrays.said.copy(), ~wrong
    correct[mended], keep[mended] = True, True
    classes[mended] = arrays.true_class[target[mended]]
    return correct, classes, keep


def _map50(
    arrays: PredictionArrays,
    correct: NDArray[np.bool_],
    classes: NDArray[np.int64],
    keep: NDArray[np.bool_],
    objects: NDArray[np.bool_],
) -> float:
    if not objects.any():
        return 0.0
    areas = ap_by_class(correct[keep][:, None], arrays.confidence[keep], classes[keep], arrays.true_class[objects])
    return float(np.mean([values[0] for values in areas.values()]))
