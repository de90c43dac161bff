"""The evaluation and compare pages over stored predictions; what the model sees is written by hand, so no torch."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.evaluation.figures.operating_point import load_operating_point
from core.evaluation.predict.predictions import meta_path, predictions_path, truth_path
from core.spec import TrainingSpec
from core.training.store import Run, RunStore, State
from core.workspace import Workspace
from tests.tiny import write_class_folders, write_yolo_folder

PAGES = Path(__file__).resolve().parents[2] / "pages"


def open_page(file: str, **address: str) -> AppTest:
    page = AppTest.from_file(str(PAGES / file), default_timeout=60)
    page.session_state["frame_ready"] = True
    for key, value in address.items():
        page.query_params[key] = value
    return page.run()


def text_of(page: AppTest) -> str:
    return "\n".join(item.value for item in [*page.markdown, *page.caption, *page.error])


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
        "results": {}, "images": json.loads(table.to_json(orient="records")),
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


@pytest.fixture
def shapes(workspace: Workspace, tmp_path: Path) -> Dataset:
    return import_dataset(workspace, write_yolo_folder(tmp_path / "shapes", train=4, val=8))


@pytest.mark.parametrize("file", ["evaluation.py", "compare.py"])
def test_an_empty_workspace_says_what_to_do(workspace: Workspace, file: str) -> None:
    page = open_page(file)
    assert not page.exception
    assert page.button


def test_the_verdict_comes_first_and_follows_the_line(workspace: Workspace, shapes: Dataset) -> None:
    run = detector_run(workspace, shapes, "run-a", 1.0)
    page = open_page("evaluation.py", run=run.id)
    assert not page.exception
    assert page.markdown[0].value.startswith("#### Finds 16 of 16 objects")
    slider = next(item for item in page.slider if item.label.startswith("Confidence"))
    slider.set_value(1.0).run()
    assert not page.exception
    assert "Finds 0 of 16 objects" in page.markdown[0].value
    assert next(item for item in page.metric if item.label == "Found").value == "0 %"


def test_the_line_is_kept_with_the_model(workspace: Workspace, shapes: Dataset) -> None:
    run = detector_run(workspace, shapes, "run-a", 1.0)
    page = open_page("evaluation.py", run=run.id)
    next(item for item in page.slider if item.label.startswith("Confidence")).set_value(0.75).run()
    next(item for item in page.button if item.label == "Keep this line for the model").click().run()
    assert not page.exception
    stored = load_operating_point(workspace.run(run.id))
    assert stored is not None
    assert (stored["confidence"], stored["iou"]) == (0.75, 0.5)
    again = open_page("evaluation.py", run=run.id)
    assert next(item for item in again.slider if item.label.startswith("Confidence")).value == 0.75


def test_no_prediction_at_all_is_a_sentence(workspace: Workspace, shapes: Dataset) -> None:
    detector_run(workspace, shapes, "run-a", 1.0)
    path = predictions_path(workspace.run("run-a"), "val")
    pd.read_parquet(path).iloc[:0].to_parquet(path)
    page = open_page("evaluation.py", run="run-a")
    assert not page.exception
    assert "Finds none of 16 objects" in text_of(page)


def test_a_dataset_that_is_gone_leaves_the_figures(workspace: Workspace, shapes: Dataset) -> None:
    detector_run(workspace, shapes, "run-a", 1.0)
    shutil.rmtree(shapes.root)
    page = open_page("evaluation.py", run="run-a")
    assert not page.exception
    assert page.markdown[0].value.startswith("#### Finds 16 of 16 objects")
    assert "pictures can’t be shown" in text_of(page)


def test_classification_shows_what_is_wrong(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, write_class_folders(tmp_path / "colours", count=20))
    table = dataset.image_table()
    files = table[table["split"] == "val"]["file"].tolist()
    truth = pd.DataFrame({"file": files, "class_id": [dataset.classes.index(Path(file).parent.name) for file in files]})
    wrong = truth["class_id"].to_numpy().copy()
    wrong[0] = 1 - wrong[0]
    scores = np.where(np.arange(2)[None, :] == wrong[:, None], 0.9, 0.1)
    predictions = pd.DataFrame({"file": files, "class_id": wrong, "confidence": 0.9, "p0": scores[:, 0],
                                "p1": scores[:, 1]})  # fmt: skip
    trained(workspace, dataset, "colour-run")
    store(workspace, dataset, "colour-run", predictions, truth)
    page = open_page("evaluation.py", run="colour-run")
    assert not page.exception
    assert f"Names {len(files) - 1} of {len(files)} pictures rightly" in page.markdown[0].value
    assert not [item for item in page.slider if item.label.startswith("Confidence")]


def test_compare_says_which_is_better_and_how_sure(workspace: Workspace, shapes: Dataset) -> None:
    detector_run(workspace, shapes, "good-run", 1.0)
    detector_run(workspace, shapes, "poor-run", 0.1)
    page = open_page("compare.py")
    assert not page.exception
    assert page.markdown[0].value.replace("\\", "").startswith("#### good-run is better than poor-run by")


def test_compare_needs_two_runs_of_one_dataset(workspace: Workspace, shapes: Dataset) -> None:
    detector_run(workspace, shapes, "good-run", 1.0)
    page = open_page("compare.py")
    assert not page.exception
    assert "two trained runs" in text_of(page)
