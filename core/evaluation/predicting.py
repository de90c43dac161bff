"""Let a run's best model look at one part of its dataset, in a child process or in the training worker."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.data.dataset import SPLITS
from core.errors import InputError
from core.evaluation.loading import prepare
from core.evaluation.predict.predictions import (
    MIN_CONFIDENCE,
    NMS_IOU,
    WAY,
    PredictionMeta,
    best_weights,
    meta_path,
    predictions_path,
    run_dataset,
    shapes_path,
    truth_path,
)
from core.files.digests import file_sha256
from core.files.whole_files import write_parquet
from core.jobs import Progress, Report
from core.processes.children import answer, run_child
from core.spec import read_spec
from core.tasks import TASKS
from core.ultralytics.offline import enter_isolation
from core.workspace import Workspace, write_json_atomic

if TYPE_CHECKING:
    from core.evaluation.predict.predictor import Predictor

SILENCE_SECONDS = 900
"""Each picture is a sign of life. Nothing is reported while figures are prepared after the last one, which for a large
set takes a while."""


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


def predict_in_process(
    run_folder: Path,
    split: str,
    say: Callable[[int, int], None] | None = None,
    *,
    predictor: Predictor | None = None,
    looked_at: Callable[[str, NDArray[np.uint8]], None] | None = None,
) -> Path:
    """Predict on one split in this process (the training worker or the child); return the stored path.

    `predictor` is one that is at hand; it holds the run's model afterwards. `looked_at` is told each picture's file and
    pixels (h, w, 3) right after the model has looked at it.
    """
    enter_isolation()
    import torch

    from core.evaluation.predict.capture import judged_class, judged_mask, judged_objects, make_tables, pixel_tables
    from core.evaluation.predict.predictor import Predictor, pictures_in

    _check(run_folder, split)
    dataset, weights = run_dataset(run_folder), best_weights(run_folder)
    spec, task = read_spec(run_folder), TASKS[dataset.task]
    if predictor is None:
        predictor = Predictor(spec.device if torch.cuda.is_available() else "cpu")
    predictor.load(str(weights))
    if len(predictor.classes) > len(dataset.classes):  # another model's file in the place of this run's
        raise InputError(
            f"{weights.name} of this run tells {len(predictor.classes)} classes apart, “{dataset.name}” has "
            f"{len(dataset.classes)}: it is not the model this run trained. Put its own file back, or train again."
        )
    table = dataset.image_table()
    table = table[table["split"] == split]
    captured: list[dict[str, Any]] = []
    for image in dataset.labelled(split):
        pixels = next(pictures_in(dataset.image_path(image.file)))
        result = predictor.result(pixels, spec.imgsz, MIN_CONFIDENCE, spec.max_det)
        if looked_at is not None:
            looked_at(image.file, pixels)
        if task.names_pixels:
            captured.append(judged_mask(dataset, image.file, result, run_folder))
        elif task.names_pictures:
            captured.append(judged_class(dataset, image.file, result))
        else:
            captured.append(judged_objects(image, result, dataset.task))
        if say is not None:
            say(len(captured), len(table))
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
        "max_det": spec.max_det,
        "way": WAY,
        "weights_sha256": file_sha256(weights),
        "dataset_checksum": dataset.checksum,
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
    write_parquet(table, path, row_group_size=20_000)  # one picture's rows are read without the rest


def _work(request: dict[str, Any], report: Report) -> dict[str, Any]:
    def say(done: int, total: int) -> None:
        report(Progress("Looking at the pictures", done, total))

    predict_in_process(Path(request["run"]), request["split"], say)
    return {}


if __name__ == "__main__":
    answer(_work)
