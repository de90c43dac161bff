"""An address keeps what its page shows, and nothing that another page left in it."""

from __future__ import annotations

from core.workspace import Workspace
from pages._ui.evaluation.gallery import case_words
from tests.pages.conftest import open_page


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
