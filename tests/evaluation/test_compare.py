"""Comparing runs: two detectors made of numbers, judged on the same pictures."""

import json

import numpy as np
import pandas as pd
import pytest

from core.errors import InputError
from core.evaluation.compare import compare_evaluations
from core.evaluation.detection import Detector
from core.evaluation.evaluation import Evaluation
from core.evaluation.figures.figure import Difference

PICTURES = 60


def made_run(name: str, found: float, seed: int, files: list[str] | None = None) -> Evaluation:
    """An evaluation in which each picture's one object is found with the chance `found`."""
    random = np.random.default_rng(seed)
    files = files or [f"val/{index}.jpg" for index in range(PICTURES)]
    truth = pd.DataFrame(
        {"file": files, "object": 0, "class_id": 0, "x1": 0.0, "y1": 0.0, "x2": 50.0, "y2": 50.0}
    )  # fmt: skip
    hit = random.random(len(files)) < found
    predictions = truth.drop(columns="object").assign(
        confidence=random.uniform(0.5, 1, len(files)), tp=np.where(hit, 1023, 0), task_tp=np.where(hit, 1023, 0),
        truth=np.where(hit, 0, -1), same_truth=np.where(hit, 0, -1), same_iou=np.where(hit, 1.0, 0.0),
        other_truth=-1, other_iou=0.0,
    )  # fmt: skip
    images = [{"file": file, "width": 100, "height": 100} for file in files]
    detector = Detector(predictions, truth, {"task": "detect", "classes": ["pit"], "images": images})
    return Evaluation(
        run=name, split="val", task="detect", classes=["pit"], images=len(files), truth=truth,
        predictions=detector.predictions, detector=detector, **vars(detector.at(0.25)),
    )  # fmt: skip


def test_a_clear_difference_is_said_with_its_interval() -> None:
    comparison = compare_evaluations(made_run("old", 0.4, 1), made_run("new", 0.95, 2))
    item = comparison.metrics["mAP50-95"]
    assert item.verdict == "b"
    assert 0 < item.difference.low < item.difference.value < item.difference.high
    assert comparison.sentences[0].startswith("new is better than old by ")


def test_better_is_never_said_when_the_interval_holds_zero() -> None:
    comparison = compare_evaluations(made_run("old", 0.7, 1), made_run("new", 0.7, 2))
    item = comparison.metrics["mAP50-95"]
    assert item.difference.low <= 0 <= item.difference.high
    assert item.verdict == "undecided"
    assert "better" not in comparison.sentences[0]


def test_other_settings_stand_in_the_first_sentence() -> None:
    made = made_run("old", 0.4, 1), made_run("new", 0.95, 2)
    plain, told = compare_evaluations(*made), compare_evaluations(*made, {"epochs": (3, 9)})
    assert told.judgement == plain.judgement == "b"
    assert "epochs 3 and 9" in told.sentences[0]
    assert "differently" not in plain.sentences[0]
    start = {"transfer": ({}, {"origin": "a file of your own"}), "strategy": ("scratch", "fine-tune")}
    told = compare_evaluations(*made, start)
    assert "scratch and fine-tune" in told.sentences[0]
    assert "file" not in told.sentences[0], "the one from scratch began from none"


def test_a_run_and_its_twin_differ_by_nothing() -> None:
    twin = compare_evaluations(made_run("a", 0.7, 1), made_run("b", 0.7, 1)).metrics["recall"]
    assert (twin.difference, twin.verdict) == (Difference(0, 0, 0), "undecided")


def test_difference_equals_what_each_run_says_of_itself() -> None:
    first, second = made_run("old", 0.5, 1), made_run("new", 0.8, 2)
    comparison = compare_evaluations(first, second)
    for name in ("mAP50", "mAP50-95", "mAP75", "recall", "precision", "F1"):
        assert comparison.metrics[name].a == pytest.approx(first.metrics[name].value, abs=1e-6)
        assert comparison.metrics[name].b == pytest.approx(second.metrics[name].value, abs=1e-6)


def test_pictures_they_disagree_on_are_listed() -> None:
    comparison = compare_evaluations(made_run("old", 0.0, 1), made_run("new", 1.0, 2))
    assert (comparison.pictures["a"] > comparison.pictures["b"]).all()
    assert comparison.summary()["better_in_b"] == PICTURES
    json.dumps(comparison.summary(), allow_nan=False)


def test_other_pictures_can_not_be_compared() -> None:
    with pytest.raises(InputError, match="not judged on the same pictures"):
        compare_evaluations(made_run("old", 0.5, 1), made_run("new", 0.5, 1, ["val/x.jpg", "val/y.jpg"]))
