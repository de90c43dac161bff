"""What is shown when an address names a dataset, run or experiment that isn't there: it says so and offers the list."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import streamlit as st

from core.data.dataset import damaged_datasets, list_datasets, load_dataset
from core.errors import InputError
from core.training.runs import list_runs
from core.training.store import RunStore
from core.workspace import Workspace
from pages._ui.common.cells import Notebook, next_step
from pages._ui.common.formatting import plain
from pages._ui.common.frame import Step


def _lab() -> ModuleType:
    """Return what knows experiments; it brings half of the house with it, and most addresses name none."""
    from core.lab import jobs

    return jobs


_CHECKS: dict[str, Callable[[Workspace, str], object]] = {
    "dataset": load_dataset,
    "run": lambda workspace, identifier: RunStore(workspace).get(identifier),  # its state does not matter here
    "experiment": lambda workspace, identifier: _lab().get_experiment(workspace, identifier),
}
_LISTS: dict[str, Callable[[Workspace], dict[str, str]]] = {
    "dataset": lambda workspace: {item.id: item.name for item in list_datasets(workspace)},
    "run": lambda workspace: {item.id: f"{item.name} ({item.model}, {item.id})" for item in list_runs(workspace)},
    "experiment": lambda workspace: {
        item.id: f"{item.question} {item.dataset_name}" for item in _lab().list_experiments(workspace)
    },
}


def unknown_in_address(workspace: Workspace, step: Step) -> tuple[str, str] | None:
    """Return what the address of a page names and isn't there, such as ("run", its id); None when all is there."""
    for kind in ("experiment", *step.address):
        identifier = st.query_params.get(kind)
        if identifier is None:
            continue
        try:
            _CHECKS[kind](workspace, identifier)
        except InputError:
            return kind, identifier
    return None


def show_unknown(workspace: Workspace, step: Step, kind: str, identifier: str) -> None:
    """Show that nothing of this name is there, and what is; what is chosen opens on the same page."""
    for name in (f"current_{kind}", kind):
        st.session_state.pop(name, None)
    page = Notebook(step.title, f"There is no such {kind} here.")
    with page.cell("Where did it go?"):
        damaged = damaged_datasets(workspace).get(identifier, "") if kind == "dataset" else ""
        st.error(
            plain(damaged)
            or plain(
                f"There is no {kind} “{identifier[:80]}” in this workspace: it was deleted, or the address is wrong."
            ),
            icon=":material/link_off:",
        )
        there = _LISTS[kind](workspace)
        if not there:
            next_step("Go to Home", "home.py", key="unknown_home")
            return
        chosen = st.selectbox(
            f"Open another {kind}", list(there), index=None, format_func=there.__getitem__,
            placeholder=f"{len(there)} in this workspace, newest first", key=f"unknown_{kind}",
        )  # fmt: skip
        if chosen:
            st.query_params[kind] = chosen
            st.rerun()
