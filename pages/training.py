"""Training: the plan and Start; then, at an address of its own, how a run is doing, live."""

import streamlit as st

from core.data.dataset import list_datasets
from core.training.store import Run
from pages._ui.common import frame
from pages._ui.common.cells import Notebook, empty, python_fold
from pages._ui.common.draft import draft_for, plan_words, spec_code
from pages._ui.common.formatting import plain
from pages._ui.common.looking import run_now
from pages._ui.training.run_progress import offer_message, show_curves, show_log, show_pictures, show_state
from pages._ui.training.start import show_start

workspace = frame.workspace()


def wanted_run() -> Run | None:
    """Return the run the page is about, None when a new one is being planned."""
    if "plan" in st.query_params:
        return None
    identifier = frame.current_id("run")
    return run_now(workspace, identifier) if identifier else None


def show_plan() -> None:
    """Show what is going to be trained, and Start."""
    page = Notebook("Training", "Look over the plan, then start. The training goes on when you close this page.")
    datasets = list_datasets(workspace)
    if not datasets:
        empty("There is nothing to train on yet.", "Bring in your pictures", "dataset.py", key="training_empty")
    dataset = frame.current_dataset() or datasets[0]
    frame.set_current("dataset", dataset.id)
    spec = draft_for(workspace, dataset)
    with page.cell("The plan"):
        for line in plan_words(spec, dataset):
            st.markdown(line)
        if st.button("Change the plan", key="change_plan"):
            frame.go_to("model.py", dataset=dataset.id)
        python_fold(spec_code(spec), key="plan")
    with page.cell("Start"):
        show_start(workspace, dataset, spec)


def show_run(run: Run) -> None:
    """Show how a run is doing; live while it is active."""
    page = Notebook(plain(run.name), f"{run.model} on {run.dataset_name}")
    with page.cell("How is it going?"):
        show_state(workspace, run.id, run.active)
        if run.active:
            offer_message()
    with page.cell("Is it learning?"):
        show_curves(workspace, run.id, run.active)
    with page.cell("What does it see?"):
        show_pictures(workspace, run.id, run.active)
    with page.cell("What was set, and what does it say?"):
        show_log(workspace, run.id, run.active)
        python_fold(spec_code(run.spec), key="run")
    if not run.active:
        with page.cell("Another one?"):
            st.caption("Change one thing at a time, so that you know what made the difference.")
            if st.button("Plan another training", key="plan_another"):
                frame.go_to("model.py", dataset=run.dataset)


current = wanted_run()
if current is None:
    show_plan()
else:
    show_run(current)
