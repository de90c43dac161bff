"""Take it away: a bundle for an engineer, a report for people who decide, exports, and the notebook."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import streamlit as st

from core.data.dataset import load_dataset
from core.delivery.bundle.bundle import NO_BUNDLE, bundle_path
from core.delivery.notebook.notebook import notebook_text, script_text, training_code
from core.delivery.outdated import OUTDATED, is_outdated
from core.delivery.report.report import ReportSettings, report_path
from core.errors import GraftError, InputError
from core.evaluation.decisions.settings import DecisionSettings
from core.evaluation.decisions.units import good_class
from core.evaluation.figures.operating_point import load_operating_point
from core.jobs import run_job_folder, start_job
from core.road import note
from core.tasks import TASKS
from core.training.store import Run
from core.words import ago
from pages._ui.common import frame
from pages._ui.common.cells import Notebook, next_step, python_fold
from pages._ui.common.chosen_run import chosen_run
from pages._ui.common.formatting import plain
from pages._ui.common.settings import field_widget
from pages._ui.deliver.checklists import show_checklists
from pages._ui.deliver.exports import show_exports
from pages._ui.deliver.jobs import offer_file, show_job
from pages._ui.evaluation.decisions import ask_decisions

workspace = frame.workspace()


def show_bundle(run: Run) -> None:
    """Show what a bundle holds, make it, and offer it."""
    if not TASKS[run.spec.task].fits_bundle:
        st.markdown(NO_BUNDLE)
        return
    st.markdown(
        "One zip with the weights, the class names, the operating point and how pictures are prepared; a short "
        "`predict.py` that needs only Ultralytics and a `predict_onnx.py` that needs only ONNX Runtime; a model card; "
        "and a digest of each file."
    )
    path, folder = bundle_path(run), run_job_folder(run.folder, "bundle")
    if show_job(folder, "bundle"):
        return
    if path.is_file():
        offer_file(path, "Save the bundle", "application/zip", "save_bundle")
        say_when_outdated(run, path)
    if st.button("Make it again" if path.is_file() else "Make the bundle", key="make_bundle"):
        begin("bundle", "core.delivery.bundle.bundle", run, {})
    python_fold(
        "from pathlib import Path\nfrom core.workspace import Workspace\n"
        "from core.delivery.bundle import make_bundle\n\n"
        f'make_bundle(Workspace.current(), "{run.id}", Path("bundle.zip"))',
        key="bundle",
    )


def say_when_outdated(run: Run, path: Path) -> None:
    """Say how old a file is that was made of a run, and whether it is no longer true of it."""
    if is_outdated(run, path):
        st.warning(OUTDATED, icon=":material/history:")
    else:
        st.caption(f"Made {ago(datetime.fromtimestamp(path.stat().st_mtime, UTC))}.")


def show_report(run: Run) -> None:
    """Show the settings of a report, make it, show and offer it."""
    st.markdown(
        "One file for a board, a hospital or a quality manager: two pages of summary, then everything behind them. It "
        "opens without a network and prints to A4. Names of your pictures never appear in it."
    )
    path, folder = report_path(run), run_job_folder(run.folder, "report")
    running = show_job(folder, "report")
    with st.expander("What should it say?", key="report_settings"):
        values = {
            name: field_widget(ReportSettings, name, key=f"report_{name}_{run.id}")
            for name in ("title", "author", "intended_use", "pictures", "signatures")
        }
        stated = ask_decisions(run, _classes_to_choose(run))
    values |= stated.model_dump() if stated is not None else {}
    made = path.is_file()
    if not running and st.button("Make it again" if made else "Make the report", key="make_report",
                                 disabled=stated is None, type="secondary" if made else "primary"):  # fmt: skip
        begin("report", "core.delivery.report.report", run, {"settings": values})
    if not running and path.is_file():
        offer_file(path, "Save the report", "text/html", "save_report", f"{run.id}-report.html")
        say_when_outdated(run, path)
        with st.expander("Look at it here", key="report_preview", on_change="rerun") as preview:
            if preview.open:
                st.iframe(path.read_text(encoding="utf-8"), height=720)
    python_fold(
        "from pathlib import Path\nfrom core.workspace import Workspace\n"
        "from core.delivery.report import write_report\n\n"
        f'write_report(Workspace.current(), "{run.id}", Path("report.html"))',
        key="report",
    )


def _classes_to_choose(run: Run) -> list[str]:
    """Return a classifier's classes where none says by its name that nothing is wrong."""
    point = load_operating_point(run.folder)
    if not TASKS[run.spec.task].names_pictures or (point is not None and point.positive):
        return []
    try:
        classes = load_dataset(workspace, run.dataset).classes
    except InputError:
        return []
    return [] if good_class(classes, DecisionSettings()) is not None else classes


def show_notebook(run: Run) -> None:
    """Offer the notebook and the script of the run."""
    st.markdown(
        "The same training step by step with plain Ultralytics, and why: what is reused, what is new, why these "
        "settings. It runs from top to bottom wherever the pictures and weights are."
    )
    try:
        notebook, script = notebook_text(workspace, run), script_text(workspace, run)
        code = training_code(workspace, run)
    except InputError as error:
        st.markdown(plain(str(error)))
        return
    with st.container(horizontal=True):
        st.download_button("Save the notebook (.ipynb)", notebook, f"{run.id}.ipynb", "application/x-ipynb+json",
                           key="save_notebook", on_click="ignore", icon=":material/download:")  # fmt: skip
        st.download_button("Save it as a script (.py)", script, f"{run.id}.py", "text/x-python",
                           key="save_script", on_click="ignore", icon=":material/download:")  # fmt: skip
    python_fold(code, key="notebook")


def begin(what: str, module: str, run: Run, job: dict[str, Any]) -> None:
    """Start a job in the background and show its bar."""
    try:
        start_job(run_job_folder(run.folder, what), module, {"workspace": str(workspace.root), "run": run.id, **job})
    except GraftError as error:
        st.error(plain(str(error)))
        return
    note(run.folder, "Use")
    st.rerun()


def show_page() -> None:
    """Show the page."""
    run = chosen_run(
        workspace,
        "Take it away",
        "A bundle, a report, an export or a notebook of a trained model.",
        nothing="There is no trained model to take away yet.",
        soon="It can be taken away as soon as it is trained.",
        key="deliver",
    )
    when = "in training" if run.active else f"trained {ago(run.ended)}"
    page = Notebook("Take it away", f"{run.name}: {run.model} on {run.dataset_name}, {when}")
    with page.cell("A report for people who decide"):
        show_report(run)
    with page.cell("A checklist and a model card"):
        show_checklists(workspace, run)
    with page.cell("A bundle for an engineer"):
        show_bundle(run)
    with page.cell("An export for another program", "Each exported file is run and compared with the model itself."):
        show_exports(workspace, run)
    with page.cell("A notebook to learn from"):
        show_notebook(run)
    with page.cell("What next?"):
        next_step("Try it on new pictures", "predict.py", key="deliver_to_predict", run=run.id)
        if frame.has_page("library.py"):
            st.page_link(frame.page_path("library.py"), label="Keep it in the library, and start again from it",
                         icon=":material/bookmark:")  # fmt: skip


show_page()
