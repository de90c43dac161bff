"""An address keeps what its page shows, and nothing that another page left in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.data.importing.from_upload import import_dataset
from core.workspace import Workspace
from pages._ui.evaluation.gallery import case_words
from tests.pages.conftest import Filled, open_page
from tests.tiny import write_yolo_folder


def test_what_another_page_asked_for_does_not_stay_in_the_address(workspace: Workspace) -> None:
    app = open_page("home.py", new="1", plan="1")
    assert not {"new", "plan"} & set(app.query_params)
    app = open_page("dataset.py", new="1")
    assert "new" in app.query_params


def test_a_finding_on_an_object_of_another_class_is_not_said_to_be_on_nothing() -> None:
    row = {"true_class": -1, "predicted_class": 0, "confidence": 0.5, "kind": "both"}
    nothing = case_words(row | {"kind": "background"}, ["dent"])
    assert case_words(row, ["dent"]) != nothing
    assert "none is labelled" not in case_words(row, ["dent"])


@pytest.mark.slow
def test_the_sidebar_shows_a_dataset_and_a_run_that_belong_together(filled: Filled, tmp_path: Path) -> None:
    def beside(app: AppTest) -> str:
        return "\n".join(item.value for item in app.sidebar.markdown)

    app = open_page("evaluation.py", run=filled.run_id)  # nothing said which dataset
    assert "Tiny set" in beside(app)
    assert "tiny" in beside(app).partition("Run")[2]
    other = import_dataset(filled.workspace, write_yolo_folder(tmp_path / "other"), name="Other set")
    app.query_params["dataset"] = other.id
    app.switch_page("dataset.py").run()
    assert "Other set" in beside(app)
    assert "Run" not in beside(app)
    app.query_params.clear()
    app.query_params["run"] = filled.run_id
    app.switch_page("evaluation.py").run()
    assert "Tiny set" in beside(app)
    assert app.session_state["current_dataset"] == filled.dataset_id
    assert open_page("lab.py", run=filled.run_id).session_state["current_dataset"] == filled.dataset_id
