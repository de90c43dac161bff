"""The compare page over stored predictions: which run is better, and how sure that is."""

from __future__ import annotations

from core.data.dataset import Dataset
from core.workspace import Workspace
from tests.evaluation.stored_runs import detector_run
from tests.pages.conftest import open_alone, text_of


def test_compare_says_which_is_better_and_how_sure(workspace: Workspace, shapes: Dataset) -> None:
    detector_run(workspace, shapes, "good-run", 1.0)
    detector_run(workspace, shapes, "poor-run", 0.1)
    page = open_alone("compare.py")
    assert not page.exception
    assert page.markdown[0].value.replace("\\", "").startswith("#### good-run is better than poor-run by")


def test_compare_needs_two_runs_of_one_dataset(workspace: Workspace, shapes: Dataset) -> None:
    detector_run(workspace, shapes, "good-run", 1.0)
    page = open_alone("compare.py")
    assert not page.exception
    assert "two trained runs" in text_of(page)
