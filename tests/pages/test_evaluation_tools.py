"""What the evaluation page lets one do beyond reading: look closer, correct the confidence, review labels."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.data.dataset import Dataset
from core.data.images.thumbnails import Mark
from core.data.importing.from_upload import import_dataset
from core.delivery.predict.model.chosen_model import choose_model
from core.evaluation.crossfit.correction import load_correction
from core.evaluation.evaluation import evaluate_run
from core.evaluation.figures.operating_point import load_operating_point
from core.evaluation.predict.predictions import predictions_path, shapes_path
from core.workspace import Workspace
from pages._ui.common.viewer import render_part
from pages._ui.evaluation.gallery import picture_marks
from pages._ui.evaluation.mistakes import row_words, sum_words
from tests.evaluation.stored_runs import detector_run
from tests.pages.conftest import open_alone, text_of
from tests.tiny import write_yolo_folder


@pytest.fixture
def shapes(workspace: Workspace, tmp_path: Path) -> Dataset:
    return import_dataset(workspace, write_yolo_folder(tmp_path / "shapes", train=4, val=12))


def press(page: AppTest, label: str) -> AppTest:
    page = next(item for item in page.button if item.label == label).click().run()
    assert not page.exception
    return page


def test_pictures_are_looked_through_one_after_the_other(workspace: Workspace, shapes: Dataset) -> None:
    detector_run(workspace, shapes, "run-a", 0.4)
    page = press(open_alone("evaluation.py", run="run-a"), "Full view")
    total = next(item.value for item in page.caption if item.value.startswith("1 of "))
    assert int(total.split()[-1]) > 1
    page = press(page, "Next")  # the browser stays in the dialog, this test runs the whole page again
    assert page.session_state["viewer_place"] == 1


def test_the_correction_is_stored_on_a_click_only(workspace: Workspace, shapes: Dataset) -> None:
    detector_run(workspace, shapes, "run-a", 0.7)
    page = open_alone("evaluation.py", run="run-a")
    assert load_correction(workspace.run("run-a")) is None
    page = press(page, "Store the correction with the model")
    stored = load_correction(workspace.run("run-a"))
    assert stored is not None
    found = evaluate_run(workspace, "run-a").calibration
    assert (found.scaled.temperature, found.scaled.bias) == (stored.temperature, stored.bias)
    again = open_alone("evaluation.py", run="run-a")
    assert stored.words in text_of(again)
    assert "Try it and what you take away keep the confidence the model states by itself" in text_of(again)
    assert choose_model(workspace, "run-a").confidence == load_operating_point(workspace.run("run-a")).confidence
    press(again, "Drop the correction")
    assert load_correction(workspace.run("run-a")) is None


def test_doubtful_labels_are_listed_when_asked_for(workspace: Workspace, shapes: Dataset) -> None:
    detector_run(workspace, shapes, "run-a", 1.0)
    path = predictions_path(workspace.run("run-a"), "val")
    table = pd.read_parquet(path)
    table["confidence"] = np.where(table["truth"] >= 0, 0.95, 0.1)
    wrong = np.flatnonzero(table["truth"] < 0)[0]
    table.loc[wrong, "confidence"] = 0.97
    table.to_parquet(path)
    page = open_alone("evaluation.py", run="run-a")
    assert "not labelled" not in text_of(page)
    page = next(item for item in page.toggle if item.label.startswith("Look for labels")).set_value(True).run()
    assert not page.exception
    assert next(item for item in page.button_group if item.label == "Sign").value == "unlabelled"
    assert any(item.label == "Take the list along (CSV)" for item in page.get("download_button"))


def test_predicted_outlines_are_drawn_where_they_are_known(workspace: Workspace, shapes: Dataset) -> None:
    detector_run(workspace, shapes, "run-a", 1.0)
    evaluation = evaluate_run(workspace, "run-a")
    file = str(evaluation.predictions["file"].iloc[0])
    item = next(item for item in evaluation.marks(file) if item.kind == "prediction")
    points = np.array([[10, 10], [30, 12], [20, 30]], dtype=np.float32)
    drawn = pd.DataFrame([{"file": file, "row": item.row, "points": points.ravel()}])
    drawn.to_parquet(shapes_path(workspace.run("run-a"), "val"))
    evaluation = evaluation.__class__(**{**evaluation.__dict__, "task": "segment"})
    object.__setattr__(shapes, "task", "detect")
    marks = picture_marks(evaluation, file, shapes)
    dashed = [mark for mark in marks if mark.dashed]
    assert any(mark.outline == tuple((float(x) / 64, float(y) / 64) for x, y in points) for mark in dashed)


def test_zoom_shows_the_part_around_the_point(tmp_path: Path) -> None:
    pixels = np.zeros((100, 200, 3), dtype=np.uint8)
    pixels[:50, :100] = (250, 0, 0)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    mark = Mark(((0.05, 0.1), (0.2, 0.1), (0.2, 0.4), (0.05, 0.4)), (), "#00FF00")
    corner = Image.open(io.BytesIO(render_part(tmp_path / "a.png", [mark], (0.0, 0.0), 2, longest=400)))
    assert corner.size == (400, 200)
    assert corner.getpixel((390, 190))[0] > 200  # red to its very edge: nothing but the corner is shown
    assert corner.getpixel((int(0.05 * 2 * 400), 40))[1] > 100  # the mark moved along
    other = Image.open(io.BytesIO(render_part(tmp_path / "a.png", [mark], (1.0, 1.0), 2, longest=400)))
    assert max(other.getpixel((200, 100))) < 20


def test_the_matrix_adds_up_to_the_figures_of_the_verdict(workspace: Workspace, shapes: Dataset) -> None:
    detector_run(workspace, shapes, "run-a", 0.6)
    evaluation = evaluate_run(workspace, "run-a").at(0.2)
    alarms, objects = int(evaluation.pictures["false_alarms"].sum()), len(evaluation.truth)
    assert alarms > 12
    assert [int(word) for word in re.findall(r"\d+", row_words(evaluation.confusion.to_numpy()))] == [objects, alarms]


def test_the_kinds_of_mistakes_add_up_in_words() -> None:
    counts = {"missed": 16, "background": 1, "class": 3, "place": 4, "duplicate": 1, "both": 0, "hit": 32}
    words = sum_words(counts, 49, 15)
    assert words.startswith("The 9 false alarms are: 1 nothing there, 3 wrong class, 4 badly placed, 1 found twice.")
    assert "Of the 17 objects not found, 1 was" in words
    assert words.endswith("Of the 16 missed, 1 has a badly placed finding on it; 15 were missed outright.")
    assert sum_words({"missed": 2, "background": 1, "class": 0, "hit": 3}, 5, 2) == ""
    assert sum_words({"missed": 1, "hit": 3}, 4, 0) == "The missed object has a badly placed finding on it."
