"""What takes long to work out about stored predictions and doesn't depend on the operating point, kept beside them.

`runs/<id>/evaluation/derived_<split>.json` holds the average precisions with their intervals, the costs of mistakes,
the curves and the calibration, under the digest of the tables they come from: it is made anew when one of them changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.figures.average_precision import average_precision_by_size, average_precisions
from core.evaluation.figures.calibration import DETECTIONS_FROM, Calibration, calibration, read_calibration
from core.evaluation.figures.curves import precision_recall_curves, thinned, threshold_curve
from core.evaluation.figures.error_budget import error_costs
from core.evaluation.figures.figure import Figure
from core.evaluation.figures.intervals import Weights, count_units, draw
from core.evaluation.predict.prediction_arrays import PredictionArrays
from core.evaluation.predict.predictions import PictureMeta, PredictionMeta
from core.tasks import TASKS
from core.workspace import write_json_atomic

VERSION = 4
"""Counts up when the figures are worked out in another way."""


@dataclass
class CachedFigures:
    """Everything about a detector that holds at every operating point."""

    overall: dict[str, Figure]
    per_class: dict[str, dict[str, Figure]]
    draws: dict[str, NDArray[np.float32]]
    costs: dict[str, float]
    calibration: Calibration
    curves: dict[str, pd.DataFrame]
    twins: list[str]
    """pictures with a near twin in train"""
    without_twins: dict[str, Figure]
    """average precisions over the other pictures; empty without twins"""


def work_out_figures(arrays: PredictionArrays, weights: Weights, twins: Sequence[str] = ()) -> CachedFigures:
    """Work everything out: seconds for 50,000 objects."""
    units = count_units(len(arrays.images), arrays.groups)
    measured = average_precisions(arrays, weights, units)
    overall = dict(measured.overall)
    task, measure = TASKS[arrays.task], TASKS[arrays.task].measure
    if measure:
        overall |= {f"{measure} {name}": measured.overall[name] for name in ("mAP50", "mAP50-95")}
    if measure and not task.is_rotated:  # upright boxes are measured as well
        boxes = average_precisions(arrays, weights, units, "tp").overall
        overall |= {f"box {name}": boxes[name] for name in ("mAP50", "mAP50-95")}
    overall |= average_precision_by_size(arrays, weights, units)
    kept = arrays.confidence >= DETECTIONS_FROM
    return CachedFigures(
        overall=overall,
        per_class={arrays.classes[index]: figures for index, figures in measured.per_class.items()},
        draws=measured.draws,
        costs=error_costs(arrays),
        calibration=replace(
            calibration(arrays.confidence[kept], arrays.hit[kept], arrays.picture[kept], weights),
            from_confidence=DETECTIONS_FROM,
        ),
        curves=_curves(arrays),
        twins=list(twins),
        without_twins=_without(arrays, twins) if twins else {},
    )


def _curves(arrays: PredictionArrays) -> dict[str, pd.DataFrame]:
    """Return the curves: "precision_recall" with a column class, and "confidence" (F1, FROC) over all findings."""
    by_class = precision_recall_curves(arrays)
    tables = [table.assign(**{"class": arrays.classes[class_id]}) for class_id, table in by_class.items()]
    columns = ["class", "recall", "precision", "confidence"]
    precision_recall = pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)
    confidence = threshold_curve(arrays.confidence, arrays.hit, len(arrays.truth), len(arrays.images))
    return {"precision_recall": precision_recall, "confidence": thinned(confidence)}


def _without(arrays: PredictionArrays, twins: Sequence[str]) -> dict[str, Figure]:
    """Return the average precisions over the pictures that have no twin."""
    images = arrays.images[~arrays.images["file"].isin(set(twins))]
    if images.empty:
        return {}
    files = set(images["file"])
    kept = cast(list[PictureMeta], images.to_dict("records"))
    meta: PredictionMeta = {"task": arrays.task, "classes": arrays.classes, "images": kept}
    left = PredictionArrays(
        arrays.predictions[arrays.predictions["file"].isin(files)].reset_index(drop=True),
        arrays.truth[arrays.truth["file"].isin(files)].reset_index(drop=True),
        meta,
    )
    units = count_units(len(left.images), left.groups)
    return average_precisions(left, draw(len(left.images), left.groups), units).overall


def digest_of(*paths: Path, twins: Sequence[str] = ()) -> str:
    """Return the digest of files and of the list of twins, with the version of the way figures are made."""
    total = hashlib.sha256(f"{VERSION} {'|'.join(twins)}".encode())
    for path in paths:
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def save_cached_figures(path: Path, cached: CachedFigures, digest: str) -> None:
    """Store what was worked out; NaN stays NaN (Python's own JSON dialect, read by `load_cached_figures` only)."""
    write_json_atomic(
        path,
        {
            "digest": digest,
            "overall": _stored(cached.overall),
            "per_class": {name: _stored(figures) for name, figures in cached.per_class.items()},
            "draws": {name: np.round(values.astype(float), 6).tolist() for name, values in cached.draws.items()},
            "costs": cached.costs,
            "calibration": cached.calibration.as_dict(),
            "curves": {name: table.to_dict("list") for name, table in cached.curves.items()},
            "twins": cached.twins,
            "without_twins": _stored(cached.without_twins),
        },
    )


def _stored(figures: dict[str, Figure]) -> dict[str, dict[str, float]]:
    return {name: item.as_dict() for name, item in figures.items()}


def _read(stored: dict[str, Any]) -> dict[str, Figure]:
    return {name: Figure(**item) for name, item in stored.items()}


def load_cached_figures(path: Path, digest: str) -> CachedFigures | None:
    """Return what was stored for these very tables, None when there is nothing, or it is of others."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored.pop("digest") != digest:
            return None
        return CachedFigures(
            overall=_read(stored["overall"]),
            per_class={name: _read(figures) for name, figures in stored["per_class"].items()},
            draws={name: np.array(values, dtype=np.float32) for name, values in stored["draws"].items()},
            costs=stored["costs"],
            calibration=read_calibration(stored["calibration"]),
            curves={name: pd.DataFrame(table) for name, table in stored["curves"].items()},
            twins=stored["twins"],
            without_twins=_read(stored["without_twins"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None  # absent, cut off or of another version: it is worked out anew
