"""Labels that are likely wrong, as a list for a person to look through; nothing is changed.

Three signs: the model is sure of something where nothing is labelled, sure of another class than the label's, or no run
on this dataset ever finds a labelled object, however unsure. Northcutt et al. 2021 ("Confident learning") and the
practice of Schubert et al. 2024 ("Identifying label errors in object detection datasets by loss inspection") rest on
the same observation: confident disagreement is more often the label's fault than chance.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.evaluation import Evaluation
from core.evaluation.predict.prediction_arrays import CODES, PredictionArrays
from core.evaluation.predict.predictions import meta_path, predictions_path, read_meta
from core.tasks import TASKS
from core.workspace import Workspace

SURE = 0.6
"""Confidence from which a finding without a label counts as a sign; at least the operating point."""
TRUSTED = 0.8
"""Share of a model's findings that must be right before the others are held against the labels."""
OFTEN = 0.5
"""Share of a class that must be found before a single object of it that isn't found is held against its label."""
SURE_CLASS = 0.8
"""The same for a classifier's answer."""
EVER = 0.05
"""Confidence below which an object counts as not found at all."""
MOST_RUNS = 10
COLUMNS = ["file", "sign", "labelled", "predicted", "confidence", "object", "x1", "y1", "x2", "y2"]
SIGNS = {
    "unlabelled": "sure of something where nothing is labelled",
    "other-class": "sure of another class than the label",
    "never-found": "labelled, but no run ever finds it",
}


def find_label_errors(workspace: Workspace, evaluation: Evaluation) -> pd.DataFrame:
    """Return one row per doubtful label, the surest first, with COLUMNS.

    `sign` is one of SIGNS, boxes are in pixels (classify: NaN). `labelled` or `predicted` is empty where there
    is none, `object` -1.
    """
    if TASKS[evaluation.task].names_pixels:
        return pd.DataFrame(columns=COLUMNS)  # a pixel's class carries no confidence to hold against its label
    if evaluation.detector is None:
        return _of_classes(evaluation)
    arrays = evaluation.detector.arrays
    count, names = _trusted(arrays, evaluation), np.array(arrays.classes, dtype=object)
    line = arrays.confidence[count - 1] if count else 1.0
    kind, other = arrays.kind[:count], arrays.other_row[:count]
    unlabelled = np.flatnonzero(kind == CODES.index("background"))
    named = (kind == CODES.index("class")) & (other >= 0)
    wrong = np.flatnonzero(named & (arrays.found_at[other] < line)) if len(arrays.truth) else np.zeros(0, dtype=int)
    wrong = wrong[np.unique(other[wrong], return_index=True)[1]]
    lost = _never_found(_ever_found(workspace, evaluation, arrays), arrays)
    boxes = ["file", "x1", "y1", "x2", "y2"]
    parts = []
    for sign, rows in (("unlabelled", unlabelled), ("other-class", wrong)):
        part = arrays.predictions.iloc[rows][[*boxes, "confidence"]].assign(
            sign=sign, predicted=names[arrays.said[rows]]
        )
        labelled = sign == "other-class"
        part["labelled"] = names[arrays.true_class[other[rows]]] if labelled else ""
        part["object"] = arrays.truth["object"].to_numpy()[other[rows]] if labelled else -1
        parts.append(part.sort_values("confidence", ascending=False, kind="stable"))
    part = arrays.truth.iloc[lost][[*boxes, "object"]].assign(sign="never-found", predicted="", confidence=0.0)
    part["labelled"] = names[arrays.true_class[lost]]
    parts.append(part)
    return pd.concat(parts, ignore_index=True)[COLUMNS]


def _trusted(arrays: PredictionArrays, evaluation: Evaluation) -> int:
    """Return how many of the surest predictions are right often enough to be believed where they contradict a label."""
    sure = arrays.shown(max(SURE, evaluation.operating_point.threshold))
    right = np.cumsum(arrays.hit[:sure]) / np.arange(1, sure + 1)
    good = np.flatnonzero(right >= TRUSTED)
    return int(good[-1]) + 1 if len(good) else 0


def _never_found(best: NDArray[np.float64], arrays: PredictionArrays) -> NDArray[np.int64]:
    """Return the objects never found, of the classes that are found as a rule."""
    found = best >= EVER
    counts = np.bincount(arrays.true_class, minlength=len(arrays.classes))
    share = np.bincount(arrays.true_class[found], minlength=len(arrays.classes)) / np.maximum(counts, 1)
    return np.flatnonzero(~found & (share[arrays.true_class] >= OFTEN))


def _of_classes(evaluation: Evaluation) -> pd.DataFrame:
    table = evaluation.pictures
    table = table[(table["misses"] > 0) & (table["confidence"] >= SURE_CLASS)].sort_values(
        "confidence", ascending=False, kind="stable"
    )
    found = table[["file", "confidence"]].assign(sign="other-class", labelled=table["truth"])
    found = found.assign(predicted=table["prediction"], object=-1, x1=np.nan, y1=np.nan, x2=np.nan, y2=np.nan)
    return found[COLUMNS].reset_index(drop=True)


def _ever_found(workspace: Workspace, evaluation: Evaluation, arrays: PredictionArrays) -> NDArray[np.float64]:
    """Return for each labelled object the highest confidence with which any run on the same pictures finds it."""
    best = arrays.found_at.copy()
    places = pd.MultiIndex.from_arrays([arrays.truth["file"].astype(str), arrays.truth["object"].astype(int)])
    for folder in _runs_on_the_same(workspace, evaluation):
        try:
            table = pd.read_parquet(predictions_path(folder, evaluation.split), columns=["file", "truth", "confidence"])
        except (OSError, ValueError):
            continue  # damaged: it says nothing here, and its own page says why
        table = table[table["truth"] >= 0]
        rows = places.get_indexer(pd.MultiIndex.from_arrays([table["file"].astype(str), table["truth"].astype(int)]))
        np.maximum.at(best, rows[rows >= 0], table["confidence"].to_numpy(dtype=float)[rows >= 0])
    return best


def _runs_on_the_same(workspace: Workspace, evaluation: Evaluation) -> list[Path]:
    """Return the folders of other runs with predictions on the same state of the same dataset, the newest first."""
    here = workspace.run(evaluation.run)
    own = read_meta(here, evaluation.split)
    found = []
    for folder in here.parent.iterdir():
        path = meta_path(folder, evaluation.split)
        if folder != here and path.is_file() and predictions_path(folder, evaluation.split).is_file():
            found.append((path.stat().st_mtime_ns, folder))
    same = []
    for _, folder in sorted(found, reverse=True):
        meta = read_meta(folder, evaluation.split)
        if meta["dataset_checksum"] == own["dataset_checksum"] and meta["classes"] == own["classes"]:
            same.append(folder)
    return same[:MOST_RUNS]
