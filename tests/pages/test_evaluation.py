"""The evaluation page over stored predictions; what the model sees is written by hand, so no torch."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.evaluation.evaluation import evaluate_run
from core.evaluation.figures.operating_point import load_operating_point
from core.evaluation.predict.predictions import predictions_path
from core.labelling.label import Label, State
from core.labelling.labelling import open_labelling
from core.labelling.settings import begin
from core.workspace import Workspace
from tests.evaluation.stored_runs import detector_run, store, trained
from tests.pages.conftest import open_alone, text_of
from tests.tiny import write_class_folders


@pytest.mark.parametrize("file", ["evaluation.py", "compare.py"])
def test_an_empty_workspace_says_what_to_do(workspace: Workspace, file: str) -> None:
    page = open_alone(file)
    assert not page.exception
    assert page.button


def test_the_verdict_comes_first_and_follows_the_line(workspace: Workspace, shapes: Dataset) -> None:
    run = detector_run(workspace, shapes, "run-a", 1.0)
    page = open_alone("evaluation.py", run=run.id)
    assert not page.exception
    assert page.markdown[0].value.startswith("### Finds 16 of 16 objects")
    slider = next(item for item in page.slider if item.label.startswith("Confidence"))
    slider.set_value(1.0).run()
    assert not page.exception
    assert "Finds 0 of 16 objects" in page.markdown[0].value
    assert next(item for item in page.metric if item.label.startswith("Found")).value == "0 %"


def test_the_line_is_kept_with_the_model(workspace: Workspace, shapes: Dataset) -> None:
    run = detector_run(workspace, shapes, "run-a", 1.0)
    page = open_alone("evaluation.py", run=run.id)
    next(item for item in page.slider if item.label.startswith("Confidence")).set_value(0.75).run()
    next(item for item in page.button if item.label == "Keep this line for the model").click().run()
    assert not page.exception
    stored = load_operating_point(workspace.run(run.id))
    assert stored is not None
    assert (stored.confidence, stored.iou) == (0.75, 0.5)
    again = open_alone("evaluation.py", run=run.id)
    assert next(item for item in again.slider if item.label.startswith("Confidence")).value == 0.75


def test_no_prediction_at_all_is_a_sentence(workspace: Workspace, shapes: Dataset) -> None:
    detector_run(workspace, shapes, "run-a", 1.0)
    path = predictions_path(workspace.run("run-a"), "val")
    pd.read_parquet(path).iloc[:0].to_parquet(path)
    page = open_alone("evaluation.py", run="run-a")
    assert not page.exception
    assert "Finds none of 16 objects" in text_of(page)


def test_a_dataset_that_is_gone_leaves_the_figures(workspace: Workspace, shapes: Dataset) -> None:
    detector_run(workspace, shapes, "run-a", 1.0)
    shutil.rmtree(shapes.root)
    page = open_alone("evaluation.py", run="run-a")
    assert not page.exception
    assert page.markdown[0].value.startswith("### Finds 16 of 16 objects")
    assert "pictures can’t be shown" in text_of(page)


@pytest.fixture
def colours(workspace: Workspace, tmp_path: Path) -> int:
    """Two classifiers: "colour-run" takes one picture for the other class, "sure-run" none; the number of pictures."""
    dataset = import_dataset(workspace, write_class_folders(tmp_path / "colours", count=20))
    table = dataset.image_table()
    files = table[table["split"] == "val"]["file"].tolist()
    truth = pd.DataFrame({"file": files, "class_id": [dataset.classes.index(Path(file).parent.name) for file in files]})
    for run_id, mistakes in (("colour-run", 1), ("sure-run", 0)):
        said = truth["class_id"].to_numpy().copy()
        said[:mistakes] = 1 - said[:mistakes]
        scores = np.where(np.arange(2)[None, :] == said[:, None], 0.9, 0.1)
        predictions = pd.DataFrame({"file": files, "class_id": said, "confidence": 0.9, "p0": scores[:, 0],
                                    "p1": scores[:, 1]})  # fmt: skip
        trained(workspace, dataset, run_id)
        store(workspace, dataset, run_id, predictions, truth)
    return len(files)


def test_classification_shows_what_is_wrong(workspace: Workspace, colours: int) -> None:
    page = open_alone("evaluation.py", run="colour-run")
    assert not page.exception
    assert f"Names {colours - 1} of {colours} pictures rightly" in page.markdown[0].value
    assert not [item for item in page.slider if item.label.startswith("Confidence")]


def test_without_a_detector_mistakes_have_no_cost_and_pictures_open_whole(workspace: Workspace, colours: int) -> None:
    page = open_alone("evaluation.py", run="colour-run")
    assert "What do the mistakes cost?" not in [item.value for item in page.header]
    next(item for item in page.button if item.label == "Full view").click().run()
    assert not page.exception
    assert "1 of 1" in text_of(page)
    page = open_alone("evaluation.py", run="colour-run")
    next(item for item in page.toggle if item.label.startswith("Look for labels")).set_value(True).run()
    assert not page.exception
    assert next(item for item in page.button_group if item.label == "Sign").value == "other-class"
    page.selectbox(key="matrix_cell").select_index(0).run()
    assert not page.exception


def test_the_line_of_two_classes_is_drawn_once_it_is_known_which_is_looked_for(
    workspace: Workspace, colours: int
) -> None:
    page = open_alone("evaluation.py", run="colour-run")
    assert "which class means that nothing is wrong" in text_of(page)
    page.selectbox(key="decision_good_colour-run").set_value("blue").run()
    assert f"Names {colours - 1} of {colours} pictures rightly" in page.markdown[0].value
    assert "No line is kept" in text_of(page)
    line = next(item for item in page.slider if item.label.startswith("Confidence"))
    assert line.value == 0.5
    line.set_value(0.05).run()
    reds = sum("red" in name for name in evaluate_run(workspace, "colour-run").pictures["truth"])
    assert f"Names {reds} of {colours} pictures rightly" in page.markdown[0].value, "all are called red"
    next(item for item in page.button if item.label == "Keep this line for the model").click().run()
    assert not page.exception
    stored = load_operating_point(workspace.run("colour-run"))
    assert stored is not None
    assert (stored.confidence, stored.positive) == (0.05, "red")
    again = open_alone("evaluation.py", run="colour-run")
    assert next(item for item in again.slider if item.label.startswith("Confidence")).value == 0.05
    assert f"Names {reds} of {colours} pictures rightly" in again.markdown[0].value
    assert not [item for item in again.selectbox if item.key == "decision_good_colour-run"], "the line tells it"


def test_classifiers_are_compared_picture_by_picture(workspace: Workspace, colours: int) -> None:
    page = open_alone("compare.py", run="colour-run")
    assert not page.exception
    assert (
        "sure-run does better (1)" in next(item for item in page.button_group if item.label == "Pictures where").options
    )


def test_labels_that_were_changed_since_are_told(workspace: Workspace, shapes: Dataset) -> None:
    detector_run(workspace, shapes, "run-a", 0.8)
    before = open_alone("evaluation.py", run="run-a")
    assert not before.exception
    assert not before.info
    begin(shapes)
    work = open_labelling(shapes)
    seen = next(picture for picture in work.pictures.values() if picture.split == "val")
    work.set(seen.id, Label(state=State.NOTHING), since=0)
    after = open_alone("evaluation.py", run="run-a")
    assert not after.exception
    assert "1 picture here" in after.info[0].value
    learned = next(picture for picture in work.pictures.values() if picture.split == "train")
    work.set(learned.id, Label(state=State.NOTHING), since=0)
    assert open_alone("evaluation.py", run="run-a").info[0].value == after.info[0].value, "those are not judged on"
