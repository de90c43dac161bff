"""Sets at the edge: each is judged with a sentence, on the page and at the command line, never with a traceback."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from core.cli import main
from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.evaluation.evaluation import evaluate_run
from core.evaluation.figures.operating_point import load_operating_point
from core.evaluation.predict.predictions import predictions_path, truth_path
from core.workspace import Workspace
from tests.evaluation.stored_runs import detector_run, store, trained
from tests.pages.conftest import open_alone, text_of
from tests.tiny import write_class_folders, write_yolo_folder

CASES = {
    "one image": "One picture says nothing about others",
    "no objects": "No object is labelled in these pictures",
    "a class never in the split": "Finds 8 of 8 objects",
    "no predictions": "the model gives no findings at all",
    "3,000 objects in one image": "2,000 of 3,000 objects",
    "scores that are not numbers": "had no usable confidence",
}


def tables(case: str, workspace: Workspace, dataset: Dataset) -> None:
    """Store a run whose tables are those of a case."""
    detector_run(workspace, dataset, "edge", 1.0)
    paths = predictions_path(workspace.run("edge"), "val"), truth_path(workspace.run("edge"), "val")
    predictions, truth = (pd.read_parquet(path) for path in paths)
    if case == "no objects":
        truth = truth.iloc[:0]
        predictions = predictions.assign(truth=-1, tp=0, task_tp=0, same_truth=-1, same_iou=0.0)
    elif case == "a class never in the split":
        truth, predictions = truth[truth["class_id"] == 0], predictions[predictions["class_id"] == 0]
        keep = predictions["truth"].isin([-1, *truth["object"]])
        predictions = predictions[keep]
    elif case == "no predictions":
        predictions = predictions.iloc[:0]
    elif case == "3,000 objects in one image":
        first = truth.iloc[[0] * 3000].assign(object=range(3000))
        found = predictions.iloc[[0] * 3000].assign(truth=range(3000), same_truth=range(3000),
                                                    confidence=np.linspace(0.3, 0.99, 3000))  # fmt: skip
        truth, predictions = first, found.iloc[:2000]
    elif case == "scores that are not numbers":
        predictions = predictions.assign(confidence=np.where(np.arange(len(predictions)) % 2, np.nan, np.inf))
    predictions.to_parquet(paths[0])
    truth.to_parquet(paths[1])


@pytest.mark.parametrize("case", CASES)
def test_a_sentence_and_no_traceback(
    case: str, workspace: Workspace, tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_yolo_folder(tmp_path / "shapes", train=4, val=1 if case == "one image" else 8)
    tables(case, workspace, import_dataset(workspace, folder))
    assert main(["evaluate", "edge", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert any(CASES[case] in sentence for sentence in answer["sentences"]), answer["sentences"]
    page = open_alone("evaluation.py", run="edge")
    assert not page.exception
    assert CASES[case].split()[0] in text_of(page)
    assert case != "no predictions" or "Nothing stands out" not in text_of(page)


def test_the_json_has_the_keys_that_are_promised(
    workspace: Workspace, tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "shapes", train=4, val=8))
    detector_run(workspace, dataset, "run-a", 0.5)
    assert main(["evaluate", "run-a", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert list(answer)[:9] == ["run", "split", "images", "operating_point", "metrics", "per_class", "errors",
                                "calibration", "slices"]  # fmt: skip
    assert set(answer["operating_point"]) == {"confidence", "iou"}
    assert all(set(figure) == {"value", "low", "high"} for figure in answer["metrics"].values())
    assert answer["per_class"].keys() == {"square", "disc"}
    assert isinstance(answer["slices"], list)
    assert {"ece", "bins"} <= answer["calibration"].keys()
    assert {"class", "place", "both", "duplicate", "background", "missed"} == answer["errors"].keys()


def test_page_command_line_and_record_hold_the_same_line(
    workspace: Workspace, tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "shapes", train=4, val=8))
    detector_run(workspace, dataset, "run-a", 0.7)
    page = open_alone("evaluation.py", run="run-a")
    shown = next(item for item in page.slider if item.label.startswith("Confidence")).value
    assert main(["evaluate", "run-a", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    stored = load_operating_point(workspace.run("run-a"))
    assert stored is not None
    assert shown == answer["operating_point"]["confidence"] == stored.confidence
    counted, expected = (answer[part] for part in ("metrics", "expected"))
    told = f"{expected['metrics']['recall']['value'] * 100:.0f} %"
    assert next(item for item in page.metric if item.label == "Found, expected").value == told
    here = f"counted here {counted['recall']['value'] * 100:.0f} %"
    assert any("(recall)" in item.value and here in item.value for item in page.caption)


def test_each_opening_of_the_test_part_is_counted(
    workspace: Workspace, tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "shapes", train=4, val=8))
    dataset.test_locked, dataset.images = True, {**dataset.images, "test": 8}
    dataset.save()
    detector_run(workspace, dataset, "run-a", 0.7)
    folder = workspace.run("run-a") / "evaluation"
    for path in list(folder.iterdir()):
        path.with_name(path.name.replace("val", "test")).write_bytes(path.read_bytes())
    for times in (1, 2):
        assert main(["evaluate", "run-a", "--split", "test", "--json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert (answer["split"], answer["test_openings"]) == ("test", times)
    on_val = evaluate_run(workspace, "run-a").operating_point.confidence
    assert answer["operating_point"]["confidence"] == on_val
    page = open_alone("evaluation.py", run="run-a")
    next(item for item in page.button_group if "Judged" in item.label).set_value("test").run()
    assert "It was opened 2 times so far" in text_of(page)
    assert not page.metric


def test_a_classifier_with_answers_that_are_not_numbers(workspace: Workspace, tmp_path) -> None:

    dataset = import_dataset(workspace, write_class_folders(tmp_path / "colours", count=20))
    table = dataset.image_table()
    files = table[table["split"] == "val"]["file"].tolist()
    truth = pd.DataFrame({"file": files, "class_id": 0})
    predictions = pd.DataFrame({"file": files, "class_id": 0, "confidence": 0.9, "p0": 0.9, "p1": 0.1})
    predictions.loc[0, ["p0", "p1"]] = np.nan
    trained(workspace, dataset, "colour-run")
    store(workspace, dataset, "colour-run", predictions, truth)
    sentences = evaluate_run(workspace, "colour-run").sentences
    assert any("no usable answer" in sentence for sentence in sentences)
