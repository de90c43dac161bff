"""Before another training: how many labels the last model contradicts, and what mending them would bring."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.cli import main
from core.data.dataset import Dataset, load_dataset
from core.data.importing.from_upload import import_dataset
from core.evaluation.doubtful_labels import doubtful_labels
from core.evaluation.evaluation import evaluate_run
from core.evaluation.predict.predictions import predictions_path, truth_path
from core.workspace import Workspace
from tests.evaluation.stored_runs import detector_run
from tests.pages.conftest import open_page, texts
from tests.tiny import write_yolo_folder

NOT_HIT = {"truth": -1, "same_truth": -1, "same_iou": 0.0, "other_truth": -1, "other_iou": 0.0, "tp": 0, "task_tp": 0}


@pytest.fixture
def shapes(workspace: Workspace, tmp_path: Path) -> Dataset:
    """Squares and discs, eight pictures of them to judge on."""
    return import_dataset(workspace, write_yolo_folder(tmp_path / "shapes", train=4, val=8))


def contradicted(workspace: Workspace, shapes: Dataset, run: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Store a run that is sure of three things nobody labelled and never finds one object; return its tables."""
    detector_run(workspace, shapes, run, 1.0)
    places = predictions_path(workspace.run(run), "val"), truth_path(workspace.run(run), "val")
    table, truth = (pd.read_parquet(place) for place in places)
    right = np.flatnonzero(table["truth"] >= 0)
    table.loc[right, "confidence"] = 0.95
    table.loc[right[0], [*NOT_HIT, "confidence"]] = [*NOT_HIT.values(), 0.02]
    wrong = np.flatnonzero(table["truth"] < 0)
    table.loc[wrong[-3:], ["confidence", "same_iou", "other_iou"]] = [0.97, 0.0, 0.0]
    table.to_parquet(places[0])
    return table, truth


def test_what_mending_would_bring_is_what_it_brings(workspace: Workspace, shapes: Dataset) -> None:
    table, truth = contradicted(workspace, shapes, "run-a")
    found = doubtful_labels(workspace, shapes)
    assert found is not None
    assert (found.run, found.labels, found.pictures, found.training) == ("run-a", 4, 8, 4)
    assert found.worth_saying
    evaluation = evaluate_run(workspace, "run-a")
    assert found.now == pytest.approx(evaluation.metrics["F1"].value)

    sure = np.flatnonzero(table["confidence"] == 0.97)  # now with the labels mended
    lost = table.iloc[np.flatnonzero(table["confidence"] == 0.02)[0]]
    gone = (truth["file"] == lost["file"]) & np.isclose(truth["x1"], lost["x1"]) & np.isclose(truth["y1"], lost["y1"])
    assert gone.sum() == 1
    boxes = ["file", "class_id", "x1", "y1", "x2", "y2"]
    added = table.iloc[sure][boxes].assign(object=[90, 91, 92])
    detector_run(workspace, shapes, "mended", 1.0)
    pd.concat([truth[~gone], added], ignore_index=True).to_parquet(truth_path(workspace.run("mended"), "val"))
    table.loc[sure, ["truth", "same_truth"]] = np.array([[90, 91, 92]] * 2).T
    table.loc[sure, ["same_iou", "tp", "task_tp"]] = [1.0, 1023, 1023]
    table.to_parquet(predictions_path(workspace.run("mended"), "val"))
    mended = evaluate_run(workspace, "mended").at(evaluation.operating_point.threshold)
    assert found.mended == pytest.approx(mended.metrics["F1"].value)


def test_it_is_told_with_the_plan_and_not_once_the_labels_have_changed(
    workspace: Workspace, shapes: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    contradicted(workspace, shapes, "run-a")
    page = open_page("model.py", dataset=shapes.id)
    assert "look wrong" in texts(page)
    assert [item for item in page.button if item.key == "to_doubtful"]
    assert main(["plan", shapes.id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["doubtful_labels"]["labels"] == 4
    shapes.checksum = "other labels"
    shapes.save()
    assert doubtful_labels(workspace, load_dataset(workspace, shapes.id)) is None


def test_a_damaged_run_hides_nothing_else(workspace: Workspace, shapes: Dataset) -> None:
    contradicted(workspace, shapes, "run-a")
    contradicted(workspace, shapes, "run-bb")
    path: Path = predictions_path(workspace.run("run-bb"), "val")
    path.write_bytes(path.read_bytes()[:100])
    found = doubtful_labels(workspace, shapes)
    assert found is not None
    assert found.run == "run-a"
