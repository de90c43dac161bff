"""The compare page over stored predictions: which run is better, and how sure that is."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from core.data.dataset import Dataset
from core.workspace import Workspace
from tests.evaluation.stored_runs import detector_run
from tests.pages.conftest import open_alone, text_of


def test_compare_says_which_is_better_and_how_sure(workspace: Workspace, shapes: Dataset) -> None:
    detector_run(workspace, shapes, "good-run", 1.0)
    detector_run(workspace, shapes, "poor-run", 0.1)
    page = open_alone("compare.py")
    assert not page.exception
    assert page.markdown[0].value.replace("\\", "").startswith("### good-run is better than poor-run by")


def test_compare_needs_two_runs_of_one_dataset(workspace: Workspace, shapes: Dataset) -> None:
    detector_run(workspace, shapes, "good-run", 1.0)
    page = open_alone("compare.py")
    assert not page.exception
    assert "two trained runs" in text_of(page)


def test_compare_judges_at_the_line_that_is_kept_now(workspace: Workspace, shapes: Dataset) -> None:
    for run_id, found in (("good-run", 1.0), ("poor-run", 0.1)):
        detector_run(workspace, shapes, run_id, found)
    page = open_alone("evaluation.py", run="good-run")
    assert page.markdown[0].value.startswith("### Finds 16 of 16 objects")
    assert found_by(open_alone("compare.py")) == "100"
    next(item for item in page.slider if item.label.startswith("Confidence")).set_value(1.0).run()
    next(item for item in page.button if item.label == "Keep this line for the model").click().run()
    assert not page.exception
    assert found_by(open_alone("compare.py")) == "0"


def found_by(page: AppTest) -> str:
    """The recall of the run "good-run" in the table of figures, in percent."""
    assert not page.exception
    table = next(item.value for item in page.dataframe if "good-run" in item.value.columns)
    return str(table.loc["Found (recall)", "good-run"]).split()[0]
