"""The button that starts a planned training, and what stands in its way."""

from __future__ import annotations

import streamlit as st

from core.data.dataset import Dataset
from core.models.catalog import find_model
from core.models.weights import is_here, missing_words
from core.spec import TrainingSpec
from core.strategies.scratch import SCRATCH
from core.training.runs import list_runs
from core.words import count, megabytes
from core.workspace import Workspace
from pages._ui.common.cells import next_step
from pages._ui.common.formatting import plain
from pages._ui.common.frame import go_to
from pages._ui.common.running import begin_run, show_download
from pages._ui.dataset.findings import show_findings


def _choose_scratch(dataset_id: str) -> None:
    """Let the Model page of a dataset have the strategy that needs no weights."""
    st.session_state[f"spec_{dataset_id}_strategy"] = SCRATCH


def show_start(workspace: Workspace, dataset: Dataset, spec: TrainingSpec) -> None:
    """Show Start, with what must be done first: problems of the dataset, weights to fetch, runs before it."""
    ready = True
    if dataset.errors:
        ready = False
        st.markdown(f"{count(len(dataset.errors), 'problem')} of the dataset must be solved first.")
        show_findings(dataset.errors, key="blocking")
        if sum(dataset.instances.values()):
            next_step("Solve them on the Dataset page", "dataset.py", key="solve", dataset=dataset.id)
        else:
            next_step("Label the pictures", "label.py", key="solve", dataset=dataset.id)
    model = find_model(spec.model)
    missing = model is not None and not is_here(workspace, model)
    if model is not None and missing and spec.strategy.reuses:
        ready = False
        st.markdown(plain(missing_words(model)))
        if st.button(f"Download {model.file} ({megabytes(model.download_bytes)})", key="plan_download") and (
            show_download(workspace, model)
        ):
            st.rerun()
        if st.button("Train without it, from scratch", key="plan_scratch", on_click=_choose_scratch,
                     args=(dataset.id,), help="Needs nothing, learns more slowly and ends less well."):  # fmt: skip
            go_to("model.py", dataset=dataset.id)
    ahead = [run for run in list_runs(workspace) if run.active]
    if ahead:
        st.markdown(
            f"{count(len(ahead), 'run')} {'is' if len(ahead) == 1 else 'are'} training or waiting already; this "
            "one joins the queue and starts by itself."
        )
    if st.button("Start training", key="start", type="primary", icon=":material/play_arrow:", disabled=not ready):
        begin_run(workspace, spec)
