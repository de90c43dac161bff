"""Page, command line, report and record tell one expectation, and the line stays the one chosen on all pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.cli import main
from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.delivery.report import write_report
from core.evaluation.crossfit.epochs import keep_epoch
from core.evaluation.evaluation import evaluate_run
from core.evaluation.figures.operating_point import load_operating_point
from core.training.runs import get_run
from core.ultralytics.trainers.epoch_answers import EpochAnswers
from core.words import value_from_to
from core.workspace import Workspace
from tests.evaluation.stored_runs import detector_run
from tests.pages.conftest import open_alone, text_of
from tests.tiny import write_yolo_folder


@pytest.fixture
def shapes(workspace: Workspace, tmp_path: Path) -> Dataset:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "shapes", train=4, val=12))
    detector_run(workspace, dataset, "run-a", 0.7)
    return dataset


def answers(dataset: Dataset, seed: int) -> EpochAnswers:
    """Answers of an epoch that finds each of two objects by chance, and is wrong as often."""
    random = np.random.default_rng(seed)
    files = [image.file for image in dataset.labelled("val")]
    right = np.repeat(random.random(2 * len(files)) < 0.6, 10).reshape(-1, 10)
    two = np.full(len(files), 2)
    return EpochAnswers(files, two, two, np.tile([0, 1], len(files)), np.tile([0, 1], len(files)),
                        random.uniform(0.2, 1, 2 * len(files)), right, right)  # fmt: skip


def test_all_doors_tell_the_same(
    workspace: Workspace, shapes: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for epoch in range(1, 9):
        keep_epoch(workspace.run("run-a"), epoch, epoch / 10, answers(shapes, epoch))
    assert main(["evaluate", "run-a", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    expected = told["expected"]
    assert (expected["line"], expected["epoch"], expected["folds"]) == (True, True, 3)
    assert set(expected["metrics"]) == {"recall", "precision", "F1"}
    assert expected["metrics"]["F1"]["value"] < told["metrics"]["F1"]["value"]
    assert main(["show", "run-a", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["evaluation"]
    assert shown["expected"] == expected
    assert shown["sentences"] == told["sentences"]
    evaluation = evaluate_run(workspace, "run-a")
    assert evaluation.expected is not None
    words = value_from_to(evaluation.expected.metrics["recall"])
    assert words.split(" (")[0] in evaluation.sentences[0]
    html = write_report(workspace, get_run(workspace, "run-a").id, tmp_path / "report.html").read_text()
    assert evaluation.sentences[0] in html
    page = text_of(open_alone("evaluation.py", run="run-a"))
    assert words.replace("(", "\\(").split(" ")[0] in page
    assert expected["sentence"][:20] in page
    stored = load_operating_point(workspace.run("run-a"))
    assert stored is not None
    assert evaluation.detector is not None
    assert stored.confidence == evaluation.detector.best_confidence()


def test_a_line_drawn_by_hand_is_counted_where_it_stands(workspace: Workspace, shapes: Dataset) -> None:
    assert shapes.images["val"] == 12
    evaluation = evaluate_run(workspace, "run-a")
    moved = evaluation.at(0.6)
    assert evaluation.expected is not None
    assert evaluation.expected.line
    assert moved.expected is not None
    assert not moved.expected.line
    assert moved.expected.metrics["recall"].value == pytest.approx(moved.metrics["recall"].value)


def test_other_parts_had_no_say(workspace: Workspace, shapes: Dataset) -> None:
    folder = workspace.run("run-a") / "evaluation"
    shapes.images = {**shapes.images, "test": 12}
    shapes.save()
    evaluate_run(workspace, "run-a")
    for path in [path for path in folder.iterdir() if path.is_file() and "val" in path.name]:
        path.with_name(path.name.replace("val", "test")).write_bytes(path.read_bytes())
    test = evaluate_run(workspace, "run-a", "test")
    assert test.expected is None
    assert "expect" not in test.sentences[0]
