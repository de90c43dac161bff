"""A model's proposals on the Label page: which model is asked, how far it is, what came of it."""

from __future__ import annotations

import streamlit as st

from core.data.dataset import Dataset
from core.delivery.propose.proposing import read_proposing, start_proposing
from core.errors import InputError
from core.labelling.labelling import open_labelling
from core.labelling.proposals import read_proposals
from core.labelling.waiting import read_waiting
from core.models.library import list_models
from core.training.runs import list_runs
from core.training.store import Run
from core.words import count, percent
from core.workspace import Workspace
from pages._ui.common.formatting import plain
from pages._ui.common.frame import current_dataset, go_to


def propose_cell(workspace: Workspace, dataset: Dataset) -> None:
    """Let a model of the same task propose labels for what is open."""
    task = open_labelling(dataset).settings.task
    models = {run.id: run.name for run in list_runs(workspace) if run.task == task and run.best_weights}
    models |= {f"library:{model.id}": model.name for model in list_models(workspace) if model.task == task}
    if not models:
        st.markdown(
            "Once a first part of the pictures is labelled, train; the model then proposes labels for the others, and "
            "says which of them would teach it most. Twenty are a start; of fewer pictures, half."
        )
        return
    own = next((run.id for run in list_runs(workspace) if run.id in models and run.dataset == dataset.id), None)
    names = list(models)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Model", names, index=names.index(own) if own else 0, key="label_model",
                            format_func=lambda item: models[item])  # fmt: skip
        if st.button("Propose labels", key="label_propose"):
            try:
                start_proposing(workspace, dataset, name)
            except InputError as error:
                st.error(plain(str(error)))
    running = read_proposing(workspace, dataset.id).running
    st.fragment(_moving, run_every=1 if running else 5)(workspace, dataset.id)


def label_more(workspace: Workspace, run: Run, dataset: Dataset | None) -> None:
    """Offer the next round where pictures of the dataset still wait: the run proposes, and the editor opens."""
    waiting = 0 if dataset is None else len(read_waiting(dataset))
    if dataset is None or not waiting or not run.best_weights:
        return
    if st.button(f"Label more: {count(waiting, 'picture')} waiting, this model proposes", key="label_more",
                 icon=":material/edit:"):  # fmt: skip
        try:
            start_proposing(workspace, dataset, run.id)
        except InputError as error:
            st.error(plain(str(error)))
            return
        go_to("label.py", dataset=dataset.id)


def _moving(workspace: Workspace, dataset_id: str) -> None:
    """Show how far a model is with its proposals, and what came of it."""
    state = read_proposing(workspace, dataset_id)
    if state.running:
        st.session_state["label_proposing"] = True
        st.progress(state.fraction, text=state.stage)
        return
    if st.session_state.pop("label_proposing", False):
        st.rerun()
    if state.error:
        st.error(plain(state.error))
    dataset, proposals = current_dataset(), None
    if dataset is not None and dataset.id == dataset_id and state.result:
        proposals = read_proposals(dataset)
    if dataset is None or proposals is None:
        return
    states = open_labelling(dataset).states()
    left = [item for item in proposals.pictures if item in states and not states[item].learned_from]
    if not left:
        st.markdown("Every picture that had proposals is labelled.")
        return
    sure = sum(len(proposals.sure(item)) for item in left)
    st.markdown(
        f"{count(sure, 'proposal')} for {count(len(left), 'open picture')}, at {percent(proposals.line)} confidence or "
        "more, drawn dashed: Enter takes one over, “Accept all above” all that are shown; what is less sure is seen "
        "when the slider is moved down."
    )
