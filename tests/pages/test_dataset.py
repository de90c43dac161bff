"""The dataset page: pictures go in, classes and parts are changed, what a locked test part hides."""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd
import pytest

from core.data.dataset import Dataset, list_datasets, load_dataset
from core.data.importing.from_upload import import_dataset
from core.data.importing.settings import ImportSettings
from core.workspace import Workspace
from pages._ui.dataset.views import find_files
from tests.data.writers import WRITERS, picture, truth
from tests.pages.conftest import Filled, button, open_page, texts
from tests.tiny import write_yolo_folder


def splits_offered(dataset: Dataset) -> list[str]:
    app = open_page("dataset.py", dataset=dataset.id)
    assert not app.exception, app.exception
    return list(app.selectbox(key=f"gallery_{dataset.id}_split").options)


def test_a_locked_test_part_is_not_in_the_gallery(workspace: Workspace, tmp_path: Path) -> None:
    WRITERS["coco"](tmp_path / "set", truth(12))
    locked = import_dataset(workspace, tmp_path / "set", settings=ImportSettings(split="50/25/25", lock_test=True))
    assert splits_offered(locked) == ["all parts", "training", "validation"]
    assert "The test part is locked: its 3 pictures" in texts(open_page("dataset.py", dataset=locked.id))
    dataset = load_dataset(workspace, locked.id)
    dataset.test_openings.append(dataset.created)
    dataset.save()
    assert splits_offered(dataset) == ["all parts", "training", "validation", "test"]


def test_pictures_without_labels_promise_no_model(workspace: Workspace, tmp_path: Path) -> None:
    for number in range(4):
        picture(tmp_path / "set" / f"{number}.png", number)
    dataset = import_dataset(workspace, tmp_path / "set")
    words = texts(open_page("dataset.py", dataset=dataset.id))
    assert "Nothing is labelled yet" in words
    assert "A model will learn" not in words
    assert "Are the classes what you want?" not in words


@pytest.mark.parametrize(
    ("example", "files"),
    [
        ("b/1.jpg (val) = a/1.jpg (train)", ["val/1.jpg", "train/1.jpg"]),
        ("a/1.jpg: RBC 504,337,504,337", ["train/1.jpg"]),
        ("a/1.jpg.png", ["train/2.png"]),
        ("gone.jpg = a/1.jpg", ["train/1.jpg"]),
        ("gone.jpg", []),
    ],
)
def test_an_example_names_its_pictures(example: str, files: list[str]) -> None:
    images = pd.DataFrame(
        {"source": ["a/1.jpg", "b/1.jpg", "a/1.jpg.png"], "file": ["train/1.jpg", "val/1.jpg", "train/2.png"]}
    )
    assert find_files(images, example) == files


@pytest.mark.slow
def test_a_folder_on_this_machine_goes_in(workspace: Workspace, tmp_path: Path) -> None:
    folder = write_yolo_folder(tmp_path / "My pictures")
    app = open_page("dataset.py")
    app.segmented_control(key="bring_way").set_value("A place on this machine").run()
    app.text_input(key="bring_place").set_value(str(folder)).run()
    button(app, "Import").click().run()
    deadline = time.monotonic() + 60
    while not list_datasets(workspace) and time.monotonic() < deadline:
        app.run()
        assert not app.exception, app.exception
        time.sleep(0.3)
    for _ in range(10):
        app.run()
        if "What was read?" in texts(app):
            break
        time.sleep(0.3)
    assert "12 pictures" in texts(app)
    assert not list(workspace.staging_root.glob("import_*")), "the job's folder is left behind"


def test_a_place_that_is_not_there_is_refused_in_a_sentence(workspace: Workspace) -> None:
    app = open_page("dataset.py")
    app.segmented_control(key="bring_way").set_value("A place on this machine").run()
    app.text_input(key="bring_place").set_value("/no/such/place").run()
    assert "There is no" in app.error[0].value
    assert not list_datasets(workspace)


@pytest.mark.slow
def test_classes_are_renamed_on_the_copy(filled: Filled) -> None:
    before = load_dataset(filled.workspace, filled.dataset_id).classes
    app = open_page("dataset.py", dataset=filled.dataset_id)
    table = f"classes_{filled.dataset_id}_0"
    app.session_state[table] = {"edited_rows": {0: {"New name": "box"}}, "added_rows": [], "deleted_rows": []}
    app.run()
    button(app, "Change the classes").click().run()
    assert not app.exception, app.exception
    assert load_dataset(filled.workspace, filled.dataset_id).classes == ["box", "disc"]
    app.button(key=f"undo_{filled.dataset_id}").click().run()
    assert not app.exception, app.exception
    assert load_dataset(filled.workspace, filled.dataset_id).classes == before


@pytest.mark.slow
def test_pictures_are_divided_anew(filled: Filled) -> None:
    app = open_page("dataset.py", dataset=filled.dataset_id)
    app.number_input(key=f"split_{filled.dataset_id}_train").set_value(50).run()
    app.number_input(key=f"split_{filled.dataset_id}_val").set_value(50).run()
    button(app, "Divide anew").click().run()
    assert not app.exception, app.exception
    assert load_dataset(filled.workspace, filled.dataset_id).images["train"] == 6
