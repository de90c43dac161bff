"""Read stored predictions into a detector, with what takes long read from disk, or worked out and stored."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import cast

import pandas as pd

from core.data.attributes import read_attributes
from core.data.dataset import Dataset
from core.evaluation.crossfit.epochs import epochs_folder, read_epochs
from core.evaluation.crossfit.expected import Choosing
from core.evaluation.detection import Detector
from core.evaluation.figures.cached_figures import digest_of, load_cached_figures, save_cached_figures
from core.evaluation.figures.slices import ATTRIBUTE
from core.evaluation.near_twins import twins_in_train
from core.evaluation.predict.predictions import (
    PictureMeta,
    PredictionMeta,
    cached_figures_path,
    meta_path,
    predictions_path,
    present_dataset,
    read_meta,
    truth_path,
)
from core.tasks import TASKS
from core.workspace import write_json_atomic

CHOICE = 3
"""Counts up when the epochs that folds choose are worked out in another way."""


def load_detector(
    folder: Path,
    split: str,
    dataset: Dataset | None,
    predictions: pd.DataFrame,
    truth: pd.DataFrame,
    meta: PredictionMeta,
) -> Detector:
    """Return the detector of stored tables, with what takes long read from disk, or worked out and stored.

    `dataset` is the run's, None when it was deleted.
    """
    path, twins = cached_figures_path(folder, split), known_twins(dataset, split)
    tables = predictions_path(folder, split), truth_path(folder, split), meta_path(folder, split)
    digest = digest_of(*tables, twins=twins)
    detector = Detector(predictions, truth, meta, load_cached_figures(path, digest), twins)
    if not path.is_file() or detector.figures_are_new:
        with suppress(OSError):  # a full or read-only disk: it is worked out again the next time
            save_cached_figures(path, detector.cached, digest)
    return detector


def with_attributes(meta: PredictionMeta, dataset: Dataset | None) -> PredictionMeta:
    """Return the conditions of a pass with site, device or date of each picture, as columns to divide by."""
    if dataset is None or not (dataset.root / "images.parquet").is_file():
        return meta
    known = read_attributes(dataset)
    if known.columns.empty:
        return meta
    rows = known.rename(columns=lambda name: f"{ATTRIBUTE}{name}").to_dict("index")
    images = [{**item, **rows.get(item["file"], {})} for item in meta["images"]]
    return {**meta, "images": cast(list[PictureMeta], images)}


def load_choosing(folder: Path, split: str, meta: PredictionMeta) -> Choosing | None:
    """Return who chose line and epoch on a part's pictures; None where nobody did: in other parts than validation.

    Which epochs the folds choose takes seconds to work out, so it is stored.
    """
    if split != "val" or TASKS[meta["task"]].names_pixels or not meta["images"]:
        return None
    files = [item["file"] for item in meta["images"]]
    names = [item.get("group") or "" for item in meta["images"]]
    groups = names if any(names) else None
    epochs, best, index = read_epochs(folder), None, epochs_folder(folder) / "epochs.json"
    path = folder / "evaluation" / "chosen_epochs.json"
    digest = f"{CHOICE} {digest_of(meta_path(folder, split), index)}" if epochs else ""
    if epochs and path.is_file():
        stored = json.loads(path.read_text(encoding="utf-8"))
        best = stored["best"] if stored.get("digest") == digest else None
    choosing = Choosing(files, groups, epochs, meta["task"], best)
    if choosing.best is not None and best is None:
        with suppress(OSError):
            write_json_atomic(path, {"digest": digest, "best": choosing.best.tolist()})
    return choosing


def prepare(folder: Path, split: str) -> None:
    """Work out and store what takes long about a run's stored predictions, so that the page opens at once."""
    meta = read_meta(folder, split)
    load_choosing(folder, split, meta)
    if TASKS[meta["task"]].finds_objects:
        tables = pd.read_parquet(predictions_path(folder, split)), pd.read_parquet(truth_path(folder, split))
        load_detector(folder, split, present_dataset(folder), *tables, meta)


def known_twins(dataset: Dataset | None, split: str) -> list[str]:
    """Return the pictures of a split that have a near twin in train; none can be known of a deleted dataset."""
    return [] if dataset is None else twins_in_train(dataset, split)
