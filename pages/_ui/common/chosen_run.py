"""The run a page is about."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.data.dataset import list_datasets
from core.lab.experiment import runs_apart
from core.training.runs import get_run, list_runs
from core.training.store import Run
from core.workspace import Workspace
from pages._ui.common.cells import Notebook, empty, next_step
from pages._ui.common.formatting import plain
from pages._ui.common.frame import current_id, set_current


def chosen_run(workspace: Workspace, title: str, about: str, *, nothing: str, soon: str, key: str) -> Run:
    """Return the run a page on trained models is about: the address's, else the newest with a model of one's own.

    Ends the page with an empty state where there is none: under `title`, `about` and the sentence `nothing` when no
    run has a model, the sentence `soon` when the chosen one has none yet. `key` begins the keys of the widgets.
    """
    everything = list_runs(workspace)
    runs = [run for run in everything if run.best_weights is not None]
    if not runs:
        page = Notebook(title, about)
        with page.cell("Nothing here yet"):
            _lead_on(workspace, everything, nothing, soon, key)
        st.stop()
    identifier = current_id("run")
    # The frame has seen that an address is known. The runs of an experiment are there to be compared.
    run = get_run(workspace, identifier) if identifier else (runs_apart(workspace, runs) or runs)[0]
    if run.best_weights is None:
        page = Notebook(title, f"{run.name} has no trained model yet.")
        with page.cell("Nothing here yet"):
            empty(soon, "Watch it", "training.py", key=f"{key}_wait")
    set_current("run", run.id)
    return run


def _lead_on(workspace: Workspace, runs: Sequence[Run], nothing: str, soon: str, key: str) -> None:
    """Show the one step that leads to a first model: bring pictures, watch what trains, or train."""
    active = next((run for run in runs if run.active), None)
    if active is not None:
        st.markdown(f"{nothing} {plain(active.name)} is on its way. {soon}")
        next_step("Watch it", "training.py", key=f"{key}_empty", run=active.id)
    elif not list_datasets(workspace):
        st.markdown(f"{nothing} It begins with pictures.")
        next_step("Bring in your pictures", "dataset.py", key=f"{key}_empty")
    else:
        st.markdown(nothing)
        next_step("Train one", "training.py", key=f"{key}_empty")
