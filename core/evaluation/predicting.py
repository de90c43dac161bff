"""Let a run's best model look at one part of its dataset, in a child process or in the training worker."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from core.data.dataset import SPLITS, write_data_yaml
from core.errors import InputError
from core.evaluation.loading import prepare
from core.evaluation.predict.predictions import (
    MIN_CONFIDENCE,
    NMS_IOU,
    PredictionMeta,
    best_weights,
    meta_path,
    predictions_path,
    run_dataset,
    shapes_path,
    truth_path,
)
from core.files.digests import file_sha256
from core.jobs import Progress, Report
from core.processes.children import answer, run_child
from core.processes.cores import use_cores
from core.processes.isolation import enter_isolation
from core.spec import read_spec
from core.tasks import TASKS
from core.workspace import Workspace, write_json_atomic

SILENCE_SECONDS = 900
"""Each batch of 16 pictures is a sign of life. Nothing is reported while labels are read before the first, and figures
prepared after the last, which for a large set takes a while."""


def predict_split(workspace: Workspace, run_id: str, split: str, progress: Report | None = None) -> Path:
    """Predict on one split of a run's dataset in a child process; return the path of the stored predictions.

    Raises InputError for an unknown split, a split without pictures or a run without a model, GraftError with the
    child's reason when it ended early or said nothing for SILENCE_SECONDS.
    """
    folder = workspace.run(run_id)
    _check(folder, split)
    run_child(
        "core.evaluation.predicting",
        {"run": str(folder), "split": split},
        timeout=SILENCE_SECONDS,
        failure=f"Predicting on the {split} pictures of {run_id} ended early",
        progress=progress,
    )
    return predictions_path(folder, split)


def predict_in_process(run_folder: Path, split: str, say: Callable[[int, int], None] | None = None) -> Path:
    """Predict on one split in this process (the training worker or the child); return the stored path."""
    enter_isolation()
    import torch
    from ultralytics import YOLO

    from core.evaluation.predict.capture import (
        classify_validator,
        detect_validator,
        make_tables,
        pixel_tables,
        pixel_validator,
    )

    _check(run_folder, split)
    dataset, weights = run_dataset(run_folder), best_weights(run_folder)
    spec, task = read_spec(run_folder), TASKS[dataset.task]
    if task.has_label_files:
        write_data_yaml(dataset)
    device = spec.device if torch.cuda.is_available() else "cpu"
    captured: list[dict[str, Any]] = []
    if task.names_pixels:
        validator = pixel_validator(dataset, captured, say, run_folder)
    else:
        validator = (classify_validator if task.names_pictures else detect_validator)(dataset, captured, say)
    with tempfile.TemporaryDirectory(prefix="graft-val-") as scratch:
        model = YOLO(str(weights), task=dataset.task)
        model.add_callback("on_val_start", use_cores)
        metrics = model.val(
            validator=validator,
            data=str(dataset.train_data),
            split=split,
            imgsz=spec.imgsz,
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
    if task.names_pixels:
        predictions, truth = pixel_tables(captured)
    else:
        predictions, truth, shapes = make_tables(captured, task.names_pictures, len(dataset.classes))
    folder = run_folder / "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    _write(predictions, predictions_path(run_folder, split))
    _write(truth, truth_path(run_folder, split))
    if task.has_shapes:
        _write(shapes, shapes_path(run_folder, split))
    keep = [name for name in ("file", "source", "width", "height", "group", "brightness") if name in table]
    meta: PredictionMeta = {
        "task": dataset.task,
        "classes": dataset.classes,
        "split": split,
        "imgsz": spec.imgsz,
        "confidence": MIN_CONFIDENCE,
        "nms_iou": NMS_IOU,
        "weights_sha256": file_sha256(weights),
        "dataset_checksum": dataset.checksum,
        "results": {key: _finite(value) for key, value in metrics.results_dict.items()},
        "images": json.loads(table[keep].to_json(orient="records")),
    }
    write_json_atomic(meta_path(run_folder, split), meta)
    prepare(run_folder, split)
    return predictions_path(run_folder, split)


def _check(run_folder: Path, split: str) -> None:
    if split not in SPLITS:
        raise InputError(f"There is no part “{split}”: use train, val or test.")
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


def _work(request: dict[str, Any], report: Report) -> dict[str, Any]:
    def say(done: int, total: int) -> None:
        report(Progress("Looking at the pictures", done, total))

    predict_in_process(Path(request["run"]), request["split"], say)
    return {}


if __name__ == "__main__":
    answer(_work)
