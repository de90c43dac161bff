"""One pass of a run's best model over one part of its dataset, stored so that everything else is derived from it.

In `runs/<id>/evaluation/`, for a split:

    predictions_<split>.parquet   PREDICTION_COLUMNS, one row per prediction; classify: one row per picture, see below
    truth_<split>.parquet         TRUTH_COLUMNS, one row per labelled object
    shapes_<split>.parquet        SHAPE_COLUMNS, one row per prediction that is drawn as more than a box
    meta_<split>.json             task, classes, pictures, weights digest, size, limit of findings

    predicted/<picture>.png       semantic: the answer, a class id per pixel, at the size of the picture

Semantic stores `file`, `true_class`, `class_id`, `pixels`: one row per pair of classes that occurs in a picture.
Classification stores `file`, `class_id` (the likeliest), `confidence` and `p0`, `p1`, ... (one probability per class).
The pass is the one way of looking (`predictor`), so that its figures are those of the model in use: Ultralytics' own
validator pads pictures by what else is in their batch. Stored ones that were made by it, before WAY, are made anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NotRequired, TypedDict

from core.data.dataset import Dataset, load_dataset
from core.errors import InputError
from core.files.digests import file_sha256
from core.spec import read_spec
from core.workspace import Workspace

PREDICTION_COLUMNS = {
    "file": "the picture, as in the dataset's image table",
    "class_id": "predicted class",
    "confidence": "0 to 1",
    "x1": "pixels of the picture; for segment, pose and obb the enclosing box",
    "y1": "pixels",
    "x2": "pixels",
    "y2": "pixels",
    "tp": "right at the ten box IoU thresholds, as bits, lowest threshold lowest (obb: rotated boxes)",
    "task_tp": "the same by the task's own measure: mask IoU, keypoint similarity, rotated IoU",
    "truth": "object it was matched to at 0.5 by the task's own measure: its `object` number in the picture, or -1",
    "same_truth": "object of its own class it overlaps most, -1 for none",
    "same_iou": "how much",
    "other_truth": "object of another class it overlaps most, -1 for none",
    "other_iou": "how much",
    "small_tp": "right among COCO's small objects at the ten thresholds, as bits; so for medium and large",
    "small_ignored": "passed over there: of another size, or matched to an object of another size",
    "medium_tp": "see small_tp",
    "medium_ignored": "see small_ignored",
    "large_tp": "see small_tp",
    "large_ignored": "see small_ignored",
}
TRUTH_COLUMNS = {
    "file": "the picture",
    "object": "number within the picture, from 0",
    "class_id": "labelled class",
    "x1": "pixels",
    "y1": "pixels",
    "x2": "pixels",
    "y2": "pixels",
    "area": "square pixels: of the mask (segment), else of the box",
}
SHAPE_COLUMNS = {
    "file": "the picture",
    "row": "row of the predictions",
    "points": "x, y, x, y, ... in pixels: the outline (segment), four corners (obb), the points it is sure of (pose)",
}
MIN_CONFIDENCE = 0.001
NMS_IOU = 0.7
"""Ultralytics' own defaults of validation: mAP needs the predictions of low confidence, too."""
WAY = 2
"""How pictures are looked at, by number: what was stored another way is not up to date."""


class PictureMeta(TypedDict):
    """One picture a model looked at, as the dataset's image table had it."""

    file: str
    width: int
    height: int
    source: NotRequired[str | None]
    group: NotRequired[str | None]
    brightness: NotRequired[float | None]


class PredictionMeta(TypedDict):
    """The conditions of a prediction pass: the content of `meta_<split>.json`."""

    task: str
    classes: list[str]
    split: NotRequired[str]
    imgsz: NotRequired[int]
    confidence: NotRequired[float]
    nms_iou: NotRequired[float]
    weights_sha256: NotRequired[str]
    dataset_checksum: NotRequired[str]
    max_det: NotRequired[int]
    """findings kept per picture, at most"""
    way: NotRequired[int]
    """WAY at the time"""
    images: list[PictureMeta]


def predictions_path(run_folder: Path, split: str) -> Path:
    """Return where the predictions of a run on a split are stored."""
    return run_folder / "evaluation" / f"predictions_{split}.parquet"


def truth_path(run_folder: Path, split: str) -> Path:
    """Return where the labels of a split, as the validator saw them, are stored."""
    return run_folder / "evaluation" / f"truth_{split}.parquet"


def mask_path(run_folder: Path, file: str) -> Path:
    """Return where the mask predicted for a picture, named as in the image table, is stored."""
    return (run_folder / "evaluation" / "predicted" / file).with_suffix(".png")


def meta_path(run_folder: Path, split: str) -> Path:
    """Return where the conditions of a prediction pass are stored."""
    return run_folder / "evaluation" / f"meta_{split}.json"


def read_meta(run_folder: Path, split: str) -> PredictionMeta:
    """Return the conditions of the stored prediction pass. Raises OSError when there was none."""
    meta: PredictionMeta = json.loads(meta_path(run_folder, split).read_text(encoding="utf-8"))
    return meta


def shapes_path(run_folder: Path, split: str) -> Path:
    """Return where the outlines, corners or key points of predictions are stored (segment, obb, pose)."""
    return run_folder / "evaluation" / f"shapes_{split}.parquet"


def cached_figures_path(run_folder: Path, split: str) -> Path:
    """Return where the figures that take long are stored."""
    return run_folder / "evaluation" / f"derived_{split}.json"


def best_weights(run_folder: Path) -> Path:
    """Return the run's best checkpoint. Raises InputError when there is none yet."""
    path = run_folder / "train" / "weights" / "best.pt"
    if not path.is_file():
        raise InputError(f"The run {run_folder.name} has no trained model yet; evaluate it when its training is done.")
    return path


def run_dataset(run_folder: Path) -> Dataset:
    """Return the dataset of a run. Raises InputError when it is gone."""
    name = read_spec(run_folder).dataset
    workspace = Workspace(run_folder.resolve().parents[1])
    if not (workspace.dataset(name) / "dataset.json").is_file():
        raise InputError(f"The dataset {name} of run {run_folder.name} is not in this workspace any more.")
    return load_dataset(workspace, name)


def present_dataset(run_folder: Path) -> Dataset | None:
    """Return the dataset of a run, None when it was deleted: what was seen of it stays true."""
    try:
        return run_dataset(run_folder)
    except InputError:
        return None


def are_fresh(run_folder: Path, split: str, dataset: Dataset | None) -> bool:
    """Say whether stored predictions are there and come from the present weights and dataset (None: it is gone)."""
    paths = (predictions_path(run_folder, split), truth_path(run_folder, split), meta_path(run_folder, split))
    if not all(path.is_file() for path in paths):
        return False
    meta = read_meta(run_folder, split)
    if meta["weights_sha256"] != file_sha256(best_weights(run_folder)):
        return False
    if dataset is None:
        return True
    if split != "test" and meta.get("way") != WAY:  # a locked test part is not opened once more for it
        return False
    return bool(meta["dataset_checksum"] == dataset.checksum and len(meta["images"]) == dataset.images.get(split, 0))
