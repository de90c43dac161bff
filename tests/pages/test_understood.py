"""The Dataset page shows what it understood before anything is written, and asks where several readings fit."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.data.dataset import list_datasets
from core.workspace import Workspace
from tests.data.writers import picture, put
from tests.pages.conftest import button, open_page, texts
from tests.tiny import write_yolo_folder

pytestmark = pytest.mark.slow


def look_at(folder: Path) -> AppTest:
    """Name a folder on the page, and wait until it has been looked at."""
    app = open_page("dataset.py")
    app.segmented_control(key="bring_way").set_value("A place on this machine").run()
    app.text_input(key="bring_place").set_value(str(folder)).run()
    return looked(app)


def looked(app: AppTest, words: str = "Read as") -> AppTest:
    deadline = time.monotonic() + 60
    while words not in texts(app) and not app.error and time.monotonic() < deadline:
        time.sleep(0.3)
        app.run()
        assert not app.exception, app.exception
    assert words in texts(app)
    return app


def test_what_was_understood_is_shown_and_nothing_is_written(workspace: Workspace, tmp_path: Path) -> None:
    app = look_at(write_yolo_folder(tmp_path / "set"))
    assert "12 pictures" in texts(app)
    assert not list_datasets(workspace)
    assert not button(app, "Import").disabled
    del app.query_params["import"]  # as it comes with a click in the moment in which the look began
    app.run()
    assert "Read as" in texts(app)
    button(app, "Other pictures").click().run()
    assert not app.exception, app.exception
    assert button(app, "Import").disabled, "the field must be empty, or the same place is looked at again"
    assert not list(workspace.staging_root.glob("import_*"))


def test_an_unclear_sheet_is_asked_about_and_the_answer_is_looked_at_anew(workspace: Workspace, tmp_path: Path) -> None:
    for number in range(8):
        picture(tmp_path / "cells" / f"c{number}.png", number)
    rows = [f"c{number}.png,{number % 4 / 3:.3f},{'mono' if number % 2 else 'poly'}" for number in range(8)]
    put(tmp_path / "cells" / "labels.csv", "\n".join(["path,probability,type", *rows]))
    app = look_at(tmp_path / "cells")
    assert button(app, "Import").disabled
    assert app.dataframe[0].value.shape == (5, 3), "the first rows are shown"
    app.radio[0].set_value("type").run()
    looked(app, "mono")
    assert not button(app, "Import").disabled
    app.radio[0].set_value("probability").run()
    looked(app, "They are few")
    button(app, "Import").click().run()
    deadline = time.monotonic() + 60
    while not list_datasets(workspace) and time.monotonic() < deadline:
        time.sleep(0.3)
        app.run()
        assert not app.exception, app.exception
    assert list_datasets(workspace)[0].classes == ["0", "0.333", "0.667", "1"]


def test_a_setting_that_cannot_be_met_is_said_before_the_import(workspace: Workspace, tmp_path: Path) -> None:
    app = look_at(write_yolo_folder(tmp_path / "set"))
    app.selectbox(key="bring_task").set_value("classify").run()
    deadline = time.monotonic() + 60
    while not app.error and time.monotonic() < deadline:
        time.sleep(0.3)
        app.run()
    assert "can't be read as classify" in app.error[0].value
    assert button(app, "Import").disabled
    app.selectbox(key="bring_task").set_value(None).run()
    looked(app)
    assert not button(app, "Import").disabled
    assert not list_datasets(workspace)
