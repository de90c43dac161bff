"""Figures kept on disk, the headline without twins of training pictures, and labels that are likely wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.evaluation.evaluation import evaluate_run
from core.evaluation.label_errors import find_label_errors
from core.evaluation.near_twins import twins_in_train
from core.evaluation.predict.predictions import cached_figures_path, meta_path, predictions_path
from core.workspace import Workspace
from tests.evaluation.stored_runs import detector_run
from tests.tiny import write_yolo_folder


@pytest.fixture
def shapes(workspace: Workspace, tmp_path: Path) -> Dataset:
    return import_dataset(workspace, write_yolo_folder(tmp_path / "shapes", train=4, val=8))


def test_a_second_look_reads_what_the_first_worked_out(workspace: Workspace, shapes: Dataset) -> None:
    detector_run(workspace, shapes, "run-a", 0.7)
    first = evaluate_run(workspace, "run-a")
    path = cached_figures_path(workspace.run("run-a"), "val")
    stamp = path.stat().st_mtime_ns
    second = evaluate_run(workspace, "run-a")
    assert path.stat().st_mtime_ns == stamp
    assert second.curves["confidence"].equals(first.curves["confidence"])
    assert second.summary() == first.summary()


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b'{"digest": "old"}'])
def test_a_damaged_or_old_file_is_made_anew(workspace: Workspace, shapes: Dataset, content: bytes) -> None:
    detector_run(workspace, shapes, "run-a", 0.7)
    first = evaluate_run(workspace, "run-a").summary()
    path = cached_figures_path(workspace.run("run-a"), "val")
    path.write_bytes(content)
    assert evaluate_run(workspace, "run-a").summary() == first
    assert len(path.read_bytes()) > 100


def test_other_predictions_make_other_figures(workspace: Workspace, shapes: Dataset) -> None:
    detector_run(workspace, shapes, "run-a", 1.0)
    before = evaluate_run(workspace, "run-a").metrics["mAP50"].value
    path = predictions_path(workspace.run("run-a"), "val")
    pd.read_parquet(path).assign(tp=0, task_tp=0, truth=-1).to_parquet(path)
    assert evaluate_run(workspace, "run-a").metrics["mAP50"].value < before


def test_the_headline_stands_again_without_twins_of_training_pictures(workspace: Workspace, tmp_path: Path) -> None:
    folder = write_yolo_folder(tmp_path / "shapes", train=4, val=8)
    picture = sorted((folder / "images" / "train").iterdir())[0]
    shutil.copy(picture, folder / "images" / "val" / f"twin{picture.suffix}")
    label = folder / "labels" / "train" / f"{picture.stem}.txt"
    shutil.copy(label, folder / "labels" / "val" / "twin.txt")
    dataset = import_dataset(workspace, folder)
    twins = twins_in_train(dataset, "val")
    assert len(twins) == 1
    assert twins_in_train(dataset, "train") == []
    detector_run(workspace, dataset, "run-a", 1.0)
    path = predictions_path(workspace.run("run-a"), "val")
    table = pd.read_parquet(path)
    table.loc[table["file"] != twins[0], ["truth", "tp", "task_tp"]] = [-1, 0, 0]
    table.to_parquet(path)
    evaluation = evaluate_run(workspace, "run-a")
    assert evaluation.leak_aware.twins == 1
    assert evaluation.leak_aware.images == evaluation.images - 1
    assert evaluation.metrics["recall"].value > 0
    assert evaluation.leak_aware.metrics["recall"].value == 0
    assert evaluation.leak_aware.metrics["mAP50"].value == 0
    assert evaluation.summary()["leak_aware"]["twins"] == 1


def test_no_twins_no_second_headline(workspace: Workspace, shapes: Dataset) -> None:
    if twins_in_train(shapes, "val"):
        pytest.skip("the made-up pictures are twins themselves")
    detector_run(workspace, shapes, "run-a", 1.0)
    assert evaluate_run(workspace, "run-a").leak_aware is None


def test_labels_that_are_likely_wrong_are_listed(workspace: Workspace, shapes: Dataset) -> None:
    detector_run(workspace, shapes, "run-a", 1.0)
    detector_run(workspace, shapes, "run-bb", 1.0)
    for run in ("run-a", "run-bb"):
        path = predictions_path(workspace.run(run), "val")
        table = pd.read_parquet(path)
        right = np.flatnonzero(table["truth"] >= 0)
        table.loc[right, "confidence"] = 0.95
        table.loc[right[0], ["truth", "same_truth", "same_iou", "tp", "task_tp", "confidence"]] = [
            -1,
            -1,
            0.0,
            0,
            0,
            0.02,
        ]
        wrong = np.flatnonzero(table["truth"] < 0)[1]
        table.loc[wrong, ["confidence", "same_iou", "other_iou"]] = [0.97, 0.0, 0.0]
        table.to_parquet(path)
    evaluation = evaluate_run(workspace, "run-a")
    found = find_label_errors(workspace, evaluation)
    assert found["sign"].tolist().count("unlabelled") == 1
    assert found["sign"].tolist().count("never-found") == 1
    path = predictions_path(workspace.run("run-bb"), "val")
    table = pd.read_parquet(path)
    lost = found[found["sign"] == "never-found"].iloc[0]
    row = table.index[(table["file"] == lost["file"])][0]
    table.loc[row, ["truth", "confidence"]] = [lost["object"], 0.4]
    table.to_parquet(path)
    again = find_label_errors(workspace, evaluation)
    assert "never-found" not in again["sign"].tolist()  # another run does find it


def test_the_digest_is_of_what_was_judged(workspace: Workspace, shapes: Dataset) -> None:
    detector_run(workspace, shapes, "run-a", 1.0)
    evaluation = evaluate_run(workspace, "run-a")
    assert evaluation.weights_sha256 in meta_path(workspace.run("run-a"), "val").read_text()
