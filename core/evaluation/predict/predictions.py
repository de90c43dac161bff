"""One pass of a run's best model over one part of its dataset, stored so that everything else is derived from it.

In `runs/<id>/evaluation/`, for a split:

    predictions_<split>.parquet   PREDICTION_COLUMNS, a row a prediction; classify: a row a picture, see below
    truth_<split>.parquet         TRUTH_COLUMNS, a row a labelled object as the validator saw it
    shapes_<split>.parquet        SHAPE_COLUMNS, a row a prediction that is drawn as more than a box
    meta_<split>.json             task, classes, pictures, weights digest, Ultralytics' own results

Classification stores `file`, `class_id` (the likeliest), `confidence` and `p0`, `p1`, ... (a probability a class).
The pass is Ultralytics' own validation, so that the figures agree with it; torch is imported in the child only.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from core.data.dataset import SPLITS, Dataset, write_data_yaml
from core.digests import file_sha256
from core.errors import GraftError, InputError
from core.isolation import enter_isolation, isolated_environment
from core.jobs import Progress, Report
from core.models.cores import use_cores
from core.processes import PROJECT
from core.workspace import Workspace, write_json_atomic

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


def predictions_path(run_folder: Path, split: str) -> Path:
    """Return where the predictions of a run on a split are stored."""
    return run_folder / "evaluation" / f"predictions_{split}.parquet"


def truth_path(run_folder: Path, split: str) -> Path:
    """Return where the labels of a split, as the validator saw them, are stored."""
    return run_folder / "evaluation" / f"truth_{split}.parquet"


def meta_path(run_folder: Path, split: str) -> Path:
    """Return where the conditions of a prediction pass are stored."""
    return run_folder / "evaluation" / f"meta_{split}.json"


def shapes_path(run_folder: Path, split: str) -> Path:
    """Return where the outlines, corners or key points of predictions are stored (segment, obb, pose)."""
    return run_folder / "evaluation" / f"shapes_{split}.parquet"


def derived_path(run_folder: Path, split: str) -> Path:
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
    spec = json.loads((run_folder / "spec.json").read_text(encoding="utf-8"))
    root = run_folder.resolve().parents[1] / "datasets" / spec["dataset"]
    path = root / "dataset.json"
    if not path.is_file():
        raise InputError(f"The dataset {spec['dataset']} of run {run_folder.name} is not in this workspace any more.")
    dataset = Dataset.model_validate_json(path.read_text(encoding="utf-8"))
    dataset._root = root
    return dataset


def are_fresh(run_folder: Path, split: str) -> bool:
    """Say whether stored predictions are there and come from the present weights and dataset."""
    paths = (predictions_path(run_folder, split), truth_path(run_folder, split), meta_path(run_folder, split))
    if not all(path.is_file() for path in paths):
        return False
    meta = json.loads(paths[2].read_text(encoding="utf-8"))
    if meta["weights_sha256"] != file_sha256(best_weights(run_folder)):
        return False
    try:
        dataset = run_dataset(run_folder)
    except InputError:
        return True  # the dataset is gone: what was seen of it stays true
    return bool(meta["dataset_checksum"] == dataset.checksum and len(meta["images"]) == dataset.images.get(split, 0))


def predict_split(workspace: Workspace, run_id: str, split: str, progress: Report | None = None) -> Path:
    """Predict on one split of a run's dataset in a child process; return the path of the stored predictions.

    Raises InputError for an unknown split, a split without pictures or a run without a model, GraftError with the
    child's reason when it ended early.
    """
    folder = workspace.run(run_id)
    _check(folder, split)
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        child = subprocess.Popen(
            [sys.executable, "-m", "core.evaluation.predict.predictions", str(folder), split],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            errors="replace",
            env=isolated_environment(),
            cwd=PROJECT,
        )
        assert child.stdout is not None
        try:
            for line in child.stdout:
                words = line.split()
                if progress is not None and len(words) == 3 and words[0] == "graft-progress":
                    progress(Progress("Looking at the pictures", int(words[1]), int(words[2])))
            code = child.wait()
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
        if code != 0:
            errors.seek(0)
            reason = (errors.read().strip().splitlines() or ["no reason given"])[-1]
            raise GraftError(f"Predicting on the {split} pictures of {run_id} ended early: {reason}")
    return predictions_path(folder, split)


def predict_in_process(run_folder: Path, split: str, say: Callable[[int, int], None] | None = None) -> Path:
    """Predict on one split in this process (the training worker or the child); return the stored path."""
    enter_isolation()
    import torch
    from ultralytics import YOLO

    from core.evaluation.evaluation import prepare
    from core.evaluation.predict.capture import classify_validator, detect_validator, make_tables

    _check(run_folder, split)
    dataset, weights = run_dataset(run_folder), best_weights(run_folder)
    spec = json.loads((run_folder / "spec.json").read_text(encoding="utf-8"))
    if dataset.task != "classify":
        write_data_yaml(dataset)
    device = str(spec.get("device", "auto")) if torch.cuda.is_available() else "cpu"
    classification = dataset.task == "classify"
    captured: list[dict[str, Any]] = []
    validator = (classify_validator if classification else detect_validator)(dataset, captured, say)
    with tempfile.TemporaryDirectory(prefix="graft-val-") as scratch:
        model = YOLO(str(weights), task=dataset.task)
        model.add_callback("on_val_start", use_cores)
        metrics = model.val(
            validator=validator,
            data=str(dataset.train_data),
            split=split,
            imgsz=int(spec.get("imgsz", 640)),
            batch=16,
            conf=MIN_CONFIDENCE,
            iou=NMS_IOU,
            workers=0,
            plots=False,
            verbose=False,
            device="" if device == "auto" else device,
            project=scratch,
            name="val",
        )
    table = dataset.image_table()
    table = table[table["split"] == split]
    predictions, truth, shapes = make_tables(captured, classification, len(dataset.classes))
    folder = run_folder / "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    _write(predictions, predictions_path(run_folder, split))
    _write(truth, truth_path(run_folder, split))
    if dataset.task in ("segment", "pose", "obb"):
        _write(shapes, shapes_path(run_folder, split))
    keep = [name for name in ("file", "source", "width", "height", "group", "brightness") if name in table]
    write_json_atomic(
        meta_path(run_folder, split),
        {
            "task": dataset.task,
            "classes": dataset.classes,
            "split": split,
            "imgsz": int(spec.get("imgsz", 640)),
            "confidence": MIN_CONFIDENCE,
            "nms_iou": NMS_IOU,
            "weights_sha256": file_sha256(weights),
            "dataset_checksum": dataset.checksum,
            "results": {key: _finite(value) for key, value in metrics.results_dict.items()},
            "images": json.loads(table[keep].to_json(orient="records")),
        },
    )
    prepare(run_folder, split)
    return predictions_path(run_folder, split)


def _check(run_folder: Path, split: str) -> None:
    if split not in SPLITS:
        raise InputError(f"There is no part “{split}”: use train, val or test.")
    if not (run_folder / "spec.json").is_file():
        raise InputError(f"There is no run “{run_folder.name}” in this workspace; `python -m core runs` lists them.")
    dataset = run_dataset(run_folder)
    if not dataset.images.get(split):
        raise InputError(f"“{dataset.name}” has no pictures in its {split} part; choose another part or split it anew.")
    best_weights(run_folder)


def _write(table: pd.DataFrame, path: Path) -> None:
    temporary = path.with_name(f".{path.name}.part")
    table.to_parquet(temporary, index=False, row_group_size=20_000)  # one picture's rows are read without the rest
    temporary.replace(path)


def _finite(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


def _main(arguments: list[str]) -> int:
    folder, split = arguments
    predict_in_process(Path(folder), split, lambda done, total: print(f"graft-progress {done} {total}", flush=True))
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
