"""The compare page over stored predictions: which run is better, and how sure that is."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from core.data.dataset import Dataset
from core.evaluation.evaluation import evaluate_run
from core.training.runs import edit_run, list_runs
from core.words import percent
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
    told = evaluate_run(workspace, "good-run").told("recall")
    assert told is not None
    assert told.figure.value > 0.9
    assert f"{found_by(open_alone('compare.py'))} %" == percent(told.figure.value)
    next(item for item in page.slider if item.label.startswith("Confidence")).set_value(1.0).run()
    next(item for item in page.button if item.label == "Keep this line for the model").click().run()
    assert not page.exception
    assert found_by(open_alone("compare.py")) == "0"


def test_compare_tells_the_figures_of_the_evaluation_page_by_the_same_word(
    workspace: Workspace, shapes: Dataset
) -> None:
    for run_id, found in (("half-run", 0.6), ("poor-run", 0.1)):
        detector_run(workspace, shapes, run_id, found)
    figure = evaluate_run(workspace, "half-run").told("recall")
    assert figure is not None
    assert figure.word == "expected"
    assert figure.figure != evaluate_run(workspace, "half-run").metrics["recall"]  # else nothing is tried here
    page = open_alone("evaluation.py", run="half-run")
    shown = next(item for item in page.metric if item.label == "Found, expected")
    assert shown.value == percent(figure.figure.value)
    table = next(item.value for item in open_alone("compare.py").dataframe if "half-run" in item.value.columns)
    assert str(table.loc["Found (recall), expected", "half-run"]).startswith(percent(figure.figure.value))
    assert "Exact fit (mAP50-95), counted" in table.index


def test_long_names_are_said_once(workspace: Workspace, shapes: Dataset) -> None:
    for run_id, found in (("first-run", 1.0), ("other-run", 0.1)):
        detector_run(workspace, shapes, run_id, found)
        edit_run(workspace, run_id, name=f"The {run_id} on all the pictures of the second line")
    page = open_alone("compare.py")
    assert not page.exception
    words = text_of(page)
    for letter, run_id in zip("AB", [item.id for item in list_runs(workspace)], strict=True):
        assert words.count(run_id.split("-")[0] + "\\-run on all") == 1
        assert f"**{letter}** is The {run_id.split('-')[0]}" in words
    assert {"A", "B"} == set(next(item.value for item in page.dataframe if "A" in item.value.columns).columns)


def found_by(page: AppTest) -> str:
    """The recall of the run "good-run" in the table of figures, in percent."""
    assert not page.exception
    table = next(item.value for item in page.dataframe if "good-run" in item.value.columns)
    row = next(name for name in table.index if name.startswith("Found (recall)"))
    return str(table.loc[row, "good-run"]).split()[0]
