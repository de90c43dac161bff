"""Runs whose stored predictions are written by hand, so that no network is needed to evaluate them."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from core.data.dataset import Dataset
from core.evaluation.predict.predictions import WAY, meta_path, predictions_path, truth_path
from core.spec import TrainingSpec
from core.training.store import Run, RunStore, State
from core.workspace import Workspace


def trained(workspace: Workspace, dataset: Dataset, run_id: str) -> Run:
    spec = TrainingSpec(dataset=dataset.id, task=dataset.task, model="yolo11n")
    run = Run(
        id=run_id, name=run_id, state=State.FINISHED, dataset=dataset.id, dataset_name=dataset.name,
        task=dataset.task, model="yolo11n", strategy="fine-tune", device="cpu", created=datetime.now(UTC),
    )  # fmt: skip
    folder = workspace.run(run_id)
    weights = folder / "train" / "weights" / "best.pt"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(run_id.encode())
    (folder / "spec.json").write_text(spec.model_dump_json())
    RunStore(workspace).add(run)
    return run


def store(workspace: Workspace, dataset: Dataset, run_id: str, predictions: pd.DataFrame, truth: pd.DataFrame) -> None:
    folder = workspace.run(run_id)
    (folder / "evaluation").mkdir()
    predictions.to_parquet(predictions_path(folder, "val"))
    truth.to_parquet(truth_path(folder, "val"))
    table = dataset.image_table()
    table = table[table["split"] == "val"][["file", "source", "width", "height", "group", "brightness"]]
    meta = {
        "task": dataset.task, "classes": dataset.classes, "split": "val", "imgsz": 64,
        "weights_sha256": hashlib.sha256(run_id.encode()).hexdigest(), "dataset_checksum": dataset.checksum,
        "way": WAY, "images": json.loads(table.to_json(orient="records")),
    }  # fmt: skip
    meta_path(folder, "val").write_text(json.dumps(meta))


def detector_run(workspace: Workspace, dataset: Dataset, run_id: str, found: float) -> Run:
    """A run that finds each square and disc with the chance `found`, and raises a false alarm in each picture."""
    random = np.random.default_rng(len(run_id))
    truth, rows = [], []
    for image in dataset.labelled("val"):
        for number, item in enumerate(image.objects):
            x, y, w, h = (value * 64 for value in item.box)
            box = {"x1": x - w / 2, "y1": y - h / 2, "x2": x + w / 2, "y2": y + h / 2}
            truth.append({"file": image.file, "object": number, "class_id": item.class_id, **box})
            hit = random.random() < found
            rows.append({"file": image.file, "class_id": item.class_id, "confidence": random.uniform(0.4, 1), **box,
                         "tp": 1023 * hit, "task_tp": 1023 * hit, "truth": number if hit else -1,
                         "same_truth": number if hit else -1, "same_iou": float(hit), "other_truth": -1,
                         "other_iou": 0.0})  # fmt: skip
        rows.append({**rows[-1], "confidence": 0.3, "tp": 0, "task_tp": 0, "truth": -1, "same_truth": -1,
                     "same_iou": 0.0})  # fmt: skip
    run = trained(workspace, dataset, run_id)
    store(workspace, dataset, run_id, pd.DataFrame(rows), pd.DataFrame(truth))
    return run
