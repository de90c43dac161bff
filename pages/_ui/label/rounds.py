"""What each round of labelling brought, on the Label page: a curve, and a sentence whether more labels still pay."""

from __future__ import annotations

import streamlit as st

from core.data.dataset import Dataset
from core.errors import GraftError
from core.evaluation.compare import Comparison, compare_evaluations
from core.evaluation.evaluation import Evaluation
from core.lab.results import CurveResult, SizePoint
from core.lab.rounds import Rounds, find_rounds
from core.labelling.settings import read_settings
from core.metric_words import metric_title
from core.training.runs import get_run, list_runs
from core.training.store import Run
from core.words import count
from core.workspace import Workspace
from pages._ui.common import charts
from pages._ui.common.cells import Notebook, python_fold
from pages._ui.common.formatting import plain
from pages._ui.evaluation.evaluations import evaluation_of, is_ready, stamp_of
from pages._ui.evaluation.predicting import predict_with_bar
from pages._ui.lab.charts import set_sizes


@st.cache_data(max_entries=20, show_spinner=False)
def _compared(key: tuple[object, ...], _first: Evaluation, _second: Evaluation) -> Comparison:  # noqa: ARG001
    return compare_evaluations(_first, _second)


def rounds_of(workspace: Workspace, dataset: Dataset) -> Rounds:
    """Return the rounds; figures and comparisons are kept until a run or its predictions change."""

    def compare(first: Evaluation, second: Evaluation) -> Comparison:
        runs = [get_run(workspace, item.run) for item in (first, second)]
        key = [(run.id, stamp_of(run, "val"), is_ready(run, "val")) for run in runs]
        return _compared((str(workspace.root), *key), first, second)

    def evaluate(run: Run) -> Evaluation:
        return evaluation_of(workspace, run, "val")

    return find_rounds(workspace, dataset, evaluate=evaluate, compare=compare)


def rounds_cell(page: Notebook, workspace: Workspace, dataset: Dataset) -> None:
    """Show the rounds there are; nothing before a run has learned from a version of these labels."""
    if read_settings(dataset) is None or not any(run.dataset == dataset.id for run in list_runs(workspace)):
        return
    try:
        rounds = rounds_of(workspace, dataset)
    except GraftError as error:
        st.error(plain(str(error)))
        return
    if not rounds.rounds:
        return
    with page.cell("What did the rounds bring?"):
        _show(workspace, dataset, rounds)
        python_fold(rounds_code(dataset.id), key="rounds")


def rounds_code(dataset_id: str) -> str:
    """Return the Python that compares the rounds."""
    return f"""
from core.data.dataset import load_dataset
from core.lab.rounds import find_rounds
from core.workspace import Workspace

workspace = Workspace.current()
rounds = find_rounds(workspace, load_dataset(workspace, {dataset_id!r}), judge=True)
for item in rounds.rounds:
    print(item.version, item.run, item.pictures, item.figure)
print(rounds.sentence)
"""


def _show(workspace: Workspace, dataset: Dataset, rounds: Rounds) -> None:
    if rounds.sentence:
        st.markdown(plain(rounds.sentence))
    shown = rounds.comparable
    if shown:
        points = [SizePoint(pictures=item.pictures, run=item.run, figure=item.figure) for item in shown]
        charts.show(set_sizes(CurveResult(points=points), metric_title(rounds.metric)),
                    "The figure of each round against its labelled training pictures", key="label_rounds")  # fmt: skip
        st.caption(
            f"Judged on the same {count(dataset.images['val'], 'validation picture')}, with 95 % intervals; one "
            "training for each round, so chance in the training is not in them."
        )
    left = [item for item in rounds.rounds if item.why]
    for why in dict.fromkeys(item.why for item in left):
        versions = ", ".join(str(item.version) for item in left if item.why == why)
        st.markdown(f"Version {versions}: {why}, so it is not drawn.")
    if rounds.to_judge and st.button(
        f"Judge {count(len(rounds.to_judge), 'round')} on the pictures there are now", key="label_judge"
    ):
        try:
            for item in rounds.to_judge:
                predict_with_bar(workspace, get_run(workspace, item.run), "val", who=f"Version {item.version}: ")
        except GraftError as error:
            st.error(plain(str(error)))
            return
        st.rerun()
