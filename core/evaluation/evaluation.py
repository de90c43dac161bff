"""How good a run is on a part of its dataset: the value the pages, the report and the command line read."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.data.importing import Progress
from core.errors import InputError
from core.evaluation.classification import classification_metrics
from core.evaluation.detection import Detector, calibration
from core.evaluation.errors import KINDS, error_kinds, missed_objects
from core.evaluation.intervals import draw
from core.evaluation.predictions import (
    are_fresh,
    meta_path,
    predict_split,
    predictions_path,
    run_dataset,
    truth_path,
)
from core.evaluation.thresholds import FALLBACK_CONFIDENCE, load_operating_point, save_operating_point
from core.evaluation.verdict import classification_sentences
from core.workspace import Workspace

Report = Callable[[Progress], None]


@dataclass(frozen=True)
class Evaluation:
    """One run on one split at one operating point; every figure, table and sentence shares that point."""

    run: str
    split: str
    task: str
    classes: list[str]
    images: int
    operating_point: dict[str, float | None]
    metrics: dict[str, dict[str, float]]
    """{name: {"value", "low", "high"}}, shares from 0 to 1, NaN when not defined"""
    per_class: dict[str, dict[str, Any]]
    errors: dict[str, dict[str, float]]
    """{kind of `errors.KINDS`: {"count", "cost" in mAP50}}; empty for classification"""
    calibration: dict[str, Any]
    slices: list[dict[str, Any]]
    confusion: pd.DataFrame
    """counts, labelled classes down, predicted ones across, "background" last (detectors)"""
    curves: dict[str, pd.DataFrame]
    pictures: pd.DataFrame
    """a row a picture, the worst first"""
    sentences: list[str]
    predictions: pd.DataFrame = field(repr=False)
    truth: pd.DataFrame = field(repr=False)
    cases: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    """every hit, mistake and miss behind the counts, `review.find_cases`, the worst first; empty for classification"""
    detector: Detector | None = field(default=None, repr=False)

    def at(self, confidence: float) -> Evaluation:
        """Return the evaluation at another operating point (0 to 1), without predicting again."""
        if self.detector is None:
            return self
        if not 0 <= confidence <= 1:
            raise InputError(f"The confidence {confidence} is not between 0 and 1.")
        return dataclasses.replace(self, **self.detector.at(confidence))

    def marks(self, file: str) -> list[dict[str, Any]]:
        """Return what to draw on a picture, boxes x1, y1, x2, y2 in its pixels: labels, then findings that count.

        Each has "kind" (truth or prediction), "class", "box", "confidence" (None for labels) and "verdict": found or
        missed for labels; hit, or a kind of `errors.KINDS`, for findings.
        """
        if self.detector is None:
            return []
        threshold = self.operating_point["confidence"] or 0.0
        mine = self.predictions[(self.predictions["file"] == file) & (self.predictions["confidence"] >= threshold)]
        labels = self.truth[self.truth["file"] == file]
        missed, kinds = missed_objects(mine, labels, excuse_near=False), error_kinds(mine)
        marks = [
            self._mark("truth", row, None, "missed" if lost else "found")
            for row, lost in zip(labels.to_dict("records"), missed, strict=True)
        ]
        return marks + [
            self._mark("prediction", row, float(row["confidence"]), kind)
            for row, kind in zip(mine.to_dict("records"), kinds, strict=True)
        ]

    def _mark(self, kind: str, row: dict[Any, Any], confidence: float | None, verdict: str) -> dict[str, Any]:
        box = tuple(float(row[name]) for name in ("x1", "y1", "x2", "y2"))
        name = self.classes[int(row["class_id"])]
        return {"kind": kind, "class": name, "box": box, "confidence": confidence, "verdict": verdict}

    def summary(self) -> dict[str, Any]:
        """Return the figures as plain JSON values, what is not defined as null."""
        names = ("run", "split", "images", "operating_point", "metrics", "per_class", "errors", "calibration", "slices")
        summary: dict[str, Any] = {name: _plain(getattr(self, name)) for name in names}
        return summary | {"sentences": list(self.sentences), "words": "\n".join(self.sentences)}


def evaluate_run(
    workspace: Workspace,
    run_id: str,
    split: str = "val",
    *,
    open_test: bool = False,
    progress: Report | None = None,
) -> Evaluation:
    """Evaluate a run's best model on one split, predicting first where that was not done yet.

    The operating point is the stored one; without one for these weights the confidence of the highest F1 on the
    validation part is chosen and stored. A locked test part is only looked at with `open_test`, and each opening is
    recorded in the dataset. Raises InputError for an unknown run or split, a split without pictures or a lock.
    """
    folder = workspace.run(run_id)
    if not (folder / "spec.json").is_file():
        raise InputError(f"There is no run “{run_id}” in this workspace; `python -m core runs` lists them.")
    if not predictions_path(folder, split).is_file() or not are_fresh(folder, split):
        if split == "test":
            _open_test(folder, open_test)
        predict_split(workspace, run_id, split, progress)
    meta = json.loads(meta_path(folder, split).read_text(encoding="utf-8"))
    predictions, truth = pd.read_parquet(predictions_path(folder, split)), pd.read_parquet(truth_path(folder, split))
    shared = {"run": run_id, "split": split, "task": meta["task"], "classes": meta["classes"]}
    shared |= {"images": len(meta["images"]), "truth": truth}
    if meta["task"] == "classify":
        return Evaluation(**shared, predictions=predictions, **_classification(predictions, truth, meta))
    detector = Detector(predictions, truth, meta)
    confidence = _operating_confidence(workspace, run_id, split, detector, meta["weights_sha256"], progress)
    return Evaluation(**shared, predictions=detector.predictions, detector=detector, **detector.at(confidence))


def _open_test(folder: Path, open_test: bool) -> None:
    dataset = run_dataset(folder)
    if not dataset.test_locked or not dataset.images.get("test"):
        return
    if not open_test:
        raise InputError(
            f"The test part of “{dataset.name}” is locked: open it on the evaluation page, once the model is chosen. "
            f"It was opened {len(dataset.test_openings)} times."
        )
    dataset.test_openings.append(datetime.now(UTC))
    dataset.save()


def _operating_confidence(
    workspace: Workspace, run_id: str, split: str, detector: Detector, weights: str, progress: Report | None
) -> float:
    folder = workspace.run(run_id)
    stored = load_operating_point(folder)
    if stored is not None and stored.get("weights_sha256", weights) == weights:
        return float(stored["confidence"])
    if split == "val":
        confidence = detector.best_confidence()
        save_operating_point(folder, confidence, chosen_on="val", rule="max F1", weights_sha256=weights)
        return confidence
    if not run_dataset(folder).images.get("val"):
        return FALLBACK_CONFIDENCE
    on_val = evaluate_run(workspace, run_id, "val", progress=progress).operating_point["confidence"]
    return FALLBACK_CONFIDENCE if on_val is None else on_val


def _classification(predictions: pd.DataFrame, truth: pd.DataFrame, meta: dict[str, Any]) -> dict[str, Any]:
    classes, images = meta["classes"], pd.DataFrame(meta["images"])
    probabilities = predictions[[f"p{index}" for index in range(len(classes))]].to_numpy(dtype=float)
    labelled, said = truth["class_id"].to_numpy(dtype=int), predictions["class_id"].to_numpy(dtype=int)
    images = images.set_index("file").reindex(predictions["file"])
    groups = images["group"].fillna("").astype(str).tolist() if "group" in images else None
    weights = draw(len(truth), groups)
    metrics, per_class = classification_metrics(probabilities, labelled, weights, classes)
    right = labelled == said
    matrix = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(matrix, (labelled, said), 1)
    confidence = predictions["confidence"].to_numpy(dtype=float)
    pictures = pd.DataFrame(
        {
            "file": predictions["file"],
            "truth": [classes[index] for index in labelled],
            "prediction": [classes[index] for index in said],
            "confidence": confidence,
            "hits": right.astype(int),
            "misses": (~right).astype(int),
            "badness": np.where(right, -confidence, confidence),
        }
    )
    return {
        "operating_point": {"confidence": None, "iou": None},
        "metrics": metrics,
        "per_class": per_class,
        "errors": {},
        "calibration": calibration(confidence, right),
        "slices": [],
        "confusion": pd.DataFrame(
            matrix, index=pd.Index(classes, name="truth"), columns=pd.Index(classes, name="prediction")
        ),
        "curves": {},
        "pictures": pictures.sort_values("badness", ascending=False, kind="stable").reset_index(drop=True),
        "sentences": classification_sentences(metrics, per_class, int(right.sum()), len(truth)),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


__all__ = ["KINDS", "Evaluation", "evaluate_run"]
