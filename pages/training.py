"""Training: the plan and Start; then, at an address of its own, how a run is doing, live."""

import streamlit as st

from core.data.dataset import list_datasets
from core.models.catalog import find_model
from core.models.weights import is_here, missing_words
from core.training.runs import get_run, list_runs
from core.training.store import Run
from core.words import count, megabytes
from pages._ui.common import frame
from pages._ui.common.cells import Notebook, empty, next_step, python_fold
from pages._ui.common.draft import draft_for, plan_words, spec_code
from pages._ui.common.formatting import plain
from pages._ui.common.running import begin_run, show_download
from pages._ui.dataset.findings import show_findings
from pages._ui.training.run_progress import show_curves, show_log, show_pictures, show_state

workspace = frame.workspace()


def wanted_run() -> Run | None:
    """Return the run the page is about, None when a new one is being planned."""
    if "plan" in st.query_params:
        return None
    identifier = frame.current_id("run")
    return get_run(workspace, identifier) if identifier else None


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
        ready = True
        if dataset.errors:
            ready = False
            st.markdown(f"{count(len(dataset.errors), 'problem')} of the dataset must be solved first.")
            show_findings(dataset.errors, key="blocking")
            next_step("Solve them on the Dataset page", "dataset.py", key="solve", dataset=dataset.id)
        model = find_model(spec.model)
        missing = model is not None and not is_here(workspace, model)
        if model is not None and missing and spec.strategy.reuses:
            ready = False
            st.markdown(plain(missing_words(model)))
            if st.button(f"Download {model.file} ({megabytes(model.download_bytes)})", key="plan_download") and (
                show_download(workspace, model)
            ):
                st.rerun()
        ahead = [run for run in list_runs(workspace) if run.active]
        if ahead:
            st.markdown(
                f"{count(len(ahead), 'run')} {'is' if len(ahead) == 1 else 'are'} training or waiting already; this "
                "one joins the queue and starts by itself."
            )
        if st.button("Start training", key="start", type="primary", icon=":material/play_arrow:", disabled=not ready):
            begin_run(workspace, spec)


def show_run(run: Run) -> None:
    """Show how a run is doing; live while it is active."""
    st.session_state["current_dataset"] = run.dataset
    page = Notebook(plain(run.name), f"{run.model} on {run.dataset_name}")
    with page.cell("How is it going?"):
        show_state(workspace, run.id, run.active)
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
