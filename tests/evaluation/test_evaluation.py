"""Whole evaluations: agreement with Ultralytics' own figures, one operating point everywhere, edge cases in words."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.data.dataset import load_dataset, write_data_yaml
from core.data.importing.from_upload import import_dataset
from core.data.importing.settings import ImportSettings
from core.errors import InputError
from core.evaluation.detection import Detector
from core.evaluation.evaluation import Evaluation, evaluate_run
from core.evaluation.figures.operating_point import load_operating_point
from core.evaluation.predict.matching import box_iou, from_bits, match
from core.evaluation.predict.predictions import predictions_path, truth_path
from core.workspace import Workspace
from tests.evaluation.conftest import make_run, square_source

Coco = tuple[Workspace, Path]


@pytest.fixture(scope="module")
def evaluation(coco_run: Coco) -> Evaluation:
    return evaluate_run(coco_run[0], coco_run[1].name)


def test_our_matcher_agrees_with_the_validators(coco_run: Coco) -> None:
    predictions = pd.read_parquet(predictions_path(coco_run[1], "val"))
    truth = pd.read_parquet(truth_path(coco_run[1], "val"))
    agreeing = []
    for file, mine in predictions.groupby("file"):
        labels, box = truth[truth["file"] == file], ["x1", "y1", "x2", "y2"]
        overlaps = box_iou(labels[box].to_numpy(), mine[box].to_numpy())
        found = match(overlaps, labels["class_id"].to_numpy(), mine["class_id"].to_numpy()) >= 0
        agreeing.append((found == from_bits(mine["tp"].to_numpy())).ravel())
    assert np.concatenate(agreeing).mean() > 0.999  # boxes cut at the border of the picture may differ by a hair


def test_every_number_shares_the_operating_point(coco_run: Coco, evaluation: Evaluation) -> None:
    stored = load_operating_point(coco_run[1])
    assert stored is not None
    assert stored.confidence == evaluation.operating_point.confidence
    found = int(evaluation.pictures["hits"].sum())
    assert f"Finds {found} of {len(evaluation.truth)} objects" in evaluation.sentences[0]
    assert evaluation.metrics["recall"].value == pytest.approx(found / len(evaluation.truth))
    assert np.trace(evaluation.confusion.to_numpy()) == found
    assert evaluation.confusion.iloc[:-1].to_numpy().sum() == len(evaluation.truth)
    marks = [mark for file in evaluation.pictures["file"] for mark in evaluation.marks(file)]
    assert sum(mark.verdict == "hit" for mark in marks) == found
    assert sum(mark.verdict == "found" for mark in marks) == found


def test_a_stricter_point_finds_no_more(evaluation: Evaluation) -> None:
    stricter = evaluation.at(0.8)
    assert stricter.operating_point.confidence == 0.8
    assert stricter.pictures["hits"].sum() < evaluation.pictures["hits"].sum()
    assert stricter.metrics["mAP50"] == evaluation.metrics["mAP50"]
    with pytest.raises(InputError, match="between 0 and 1"):
        evaluation.at(1.5)


def test_the_summary_is_json_without_nan(evaluation: Evaluation) -> None:
    summary = json.loads(json.dumps(evaluation.summary(), allow_nan=False))
    assert set(summary["metrics"]["mAP50"]) == {"value", "low", "high"}
    assert {"run", "split", "images", "operating_point", "per_class", "errors", "calibration", "slices"} <= set(summary)
    assert summary["metrics"]["picture specificity"]["value"] is None  # no picture is without objects


def test_stored_predictions_are_used_again(coco_run: Coco, evaluation: Evaluation) -> None:
    before = predictions_path(coco_run[1], "val").stat().st_mtime_ns
    evaluate_run(coco_run[0], coco_run[1].name)
    assert predictions_path(coco_run[1], "val").stat().st_mtime_ns == before


def test_unusable_requests_name_the_reason(coco_run: Coco) -> None:
    workspace, folder = coco_run
    with pytest.raises(InputError, match="no pictures in its test part"):
        evaluate_run(workspace, folder.name, "test")
    with pytest.raises(InputError, match="There is no run"):
        evaluate_run(workspace, "nobody")
    with pytest.raises(InputError, match="There is no part"):
        evaluate_run(workspace, folder.name, "all")


@pytest.mark.parametrize(
    ("weights", "data", "letter", "name", "apart"),
    [
        ("yolo11n.pt", "coco8", "B", "", 1e-3),
        # masks are compared at four times the resolution at which Ultralytics' validator does
        pytest.param("yolo11n-seg.pt", "coco8-seg", "M", "mask ", 0.02, marks=pytest.mark.slow),
        pytest.param("yolo11n-pose.pt", "coco8-pose", "P", "pose ", 1e-3, marks=pytest.mark.slow),
    ],
)
def test_figures_are_those_of_ultralytics_validator_where_it_pads_nothing(
    shared: Path, tmp_path: Path, weights: str, data: str, letter: str, name: str, apart: float
) -> None:
    workspace = Workspace.open(tmp_path)
    dataset = import_dataset(workspace, square_source(shared, data, tmp_path), settings=ImportSettings())
    folder = make_run(workspace, dataset.id, shared / "weights" / weights, 640)
    evaluation = evaluate_run(workspace, folder.name)
    write_data_yaml(dataset)
    from ultralytics import YOLO

    told = YOLO(shared / "weights" / weights).val(
        data=str(dataset.train_data), imgsz=640, batch=4, rect=False, plots=False, verbose=False, workers=0,
        device="cpu", project=str(tmp_path / "val"),
    ).results_dict  # fmt: skip
    assert told[f"metrics/mAP50-95({letter})"] > 0.2
    for area in ("mAP50", "mAP50-95"):
        figure = evaluation.metrics[f"{name}{area}"]
        assert figure.value == pytest.approx(told[f"metrics/{area}({letter})"], abs=apart)
        assert figure.low <= figure.high
        if name:
            assert evaluation.metrics[f"box {area}"].value == pytest.approx(told[f"metrics/{area}(B)"], abs=1e-3)


def test_a_locked_test_part_is_opened_by_a_recorded_act(coco_run: Coco) -> None:
    workspace, folder = coco_run
    dataset = load_dataset(workspace, json.loads((folder / "spec.json").read_text())["dataset"])
    saved = dataset.model_copy(deep=True)
    saved._root = dataset.root
    table = dataset.image_table()
    try:
        dataset.test_locked, dataset.images = True, {**dataset.images, "test": 4}
        dataset.save()
        with pytest.raises(InputError, match="is locked"):
            evaluate_run(workspace, folder.name, "test")
        assert load_dataset(workspace, dataset.id).test_openings == []
    finally:
        saved.save()
        table.to_parquet(dataset.root / "images.parquet")


COLUMNS = {"tp": 1023, "task_tp": 1023, "truth": 0, "same_truth": 0, "same_iou": 0.9, "other_truth": -1, "other_iou": 0}
BOX = {"x1": 10.0, "y1": 10.0, "x2": 50.0, "y2": 50.0}


def detector(predictions: int, objects: int, pictures: int, confidence: float = 0.9) -> Detector:
    """A perfect detector on pictures with one object each, cut off after some predictions and objects."""
    files = [f"val/{index}.jpg" for index in range(pictures)]
    rows = [{"file": name, "class_id": 0, "confidence": confidence, **BOX, **COLUMNS} for name in files[:predictions]]
    for row in rows[objects:]:
        row.update(tp=0, task_tp=0, truth=-1, same_truth=-1, same_iou=0.0)
    labels = [{"file": name, "object": 0, "class_id": 0, **BOX} for name in files[:objects]]
    columns = ["file", "class_id", "confidence", *BOX, *COLUMNS]
    images = [{"file": name, "width": 100, "height": 100, "group": "", "brightness": 9.0} for name in files]
    meta = {"task": "detect", "classes": ["scratch", "dent"], "images": images, "imgsz": 64}
    truth = pd.DataFrame(labels, columns=["file", "object", "class_id", *BOX])
    return Detector(pd.DataFrame(rows, columns=columns), truth, meta)


@pytest.mark.parametrize(
    ("predictions", "objects", "pictures", "words"),
    [
        (0, 3, 4, "Finds none of 3 objects in 4 pictures"),
        (0, 0, 4, "No object is labelled in these pictures"),
        (2, 0, 4, "2 false alarms in 4 pictures"),
        (1, 1, 1, "Finds 1 of 1 object (100 %"),
        (50, 46, 120, "Finds 46 of 46 objects (100 %, between 92 and 100 %), 4 false alarms in 120 pictures."),
    ],
)
def test_edge_cases_give_a_sentence(predictions: int, objects: int, pictures: int, words: str) -> None:
    subject = detector(predictions, objects, pictures)
    figures = subject.at(subject.best_confidence())
    assert words in figures.sentences[0]
    assert all(isinstance(sentence, str) for sentence in figures.sentences)


def test_scores_that_are_no_numbers_are_left_out_and_told() -> None:
    figures = detector(2, 2, 2, confidence=math.nan).at(0.25)
    assert any("no usable confidence" in sentence for sentence in figures.sentences)


def test_small_sets_are_told() -> None:
    assert any("would halve the interval" in sentence for sentence in detector(5, 5, 5).at(0.5).sentences)


def test_next_steps_name_what_most_misses_share() -> None:
    rows = []
    for number in range(30):
        tiny, name = number < 12, f"val/{number}.jpg"
        box = {"x1": 10.0, "y1": 10.0, "x2": 22.0 if tiny else 90.0, "y2": 22.0 if tiny else 90.0}
        rows.append({"file": name, "object": 0, "class_id": int(tiny), **box})
    truth = pd.DataFrame(rows)
    found = truth.drop(columns="object").assign(confidence=np.where(truth["class_id"] == 1, 0.2, 0.9), **COLUMNS)
    images = [{"file": row["file"], "width": 1200, "height": 900, "group": "", "brightness": 9.0} for row in rows]
    meta = {"task": "detect", "classes": ["scratch", "dent"], "images": images, "imgsz": 320}
    figures = Detector(found, truth, meta).at(0.5)
    steps = "\n".join(figures.next_steps)
    assert "Add pictures of “dent”: 12 of 12 misses are of this class." in steps
    assert (
        "12 of 12 misses are under 32 px: the pictures are up to 1200 px, the model sees them at 320: train at 640"
        in steps
    )
    assert "12 of 12 misses were seen" in steps
    assert "a line at 0.20 finds 12 more, for 0 more false alarms" in steps
    assert "None of the 30 pictures is empty" in steps
    assert set(figures.next_steps) < set(figures.sentences)
