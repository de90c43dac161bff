"""Imports, downloads and starts of runs as several pages show them, with progress that survives a rerun."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from core.data.importing.job import job_folder, read_import
from core.errors import GraftError
from core.files.fetching import Unreachable
from core.jobs import JobState, remove_job
from core.models.catalog import STARTER, Model
from core.models.starter.checkpoint import CHECKPOINT, STARTER_WORDS
from core.models.weights import download
from core.spec import TrainingSpec
from core.training.runs import start_run
from core.words import megabytes, thousands, time_left
from core.workspace import Workspace
from pages._ui.common.formatting import plain
from pages._ui.common.frame import go_to, has_page, page_path


def show_import(workspace: Workspace, job_id: str, done: Callable[[str], None], ended: Callable[[], None]) -> None:
    """Show an import's bar until it ends; then call `done` with the dataset's id, or say what went wrong.

    `ended` forgets the job (it is called when it failed and the user has read why, and on cancel).
    """
    folder = job_folder(workspace, job_id)
    if folder is None:
        st.warning("This import is no longer there: the server was started again meanwhile. Please start it again.")
        st.button("Start again", key="import_gone", on_click=ended)
        return
    state = read_import(folder)
    if state.running:
        _moving(folder, ended)
    elif not state.error and "dataset" in state.result:
        remove_job(folder)
        done(state.result["dataset"])
    else:
        st.error(plain(state.error or "The import ended without a result."), title="Nothing was imported")
        st.button("Try another", key="import_failed", on_click=_end, args=(folder, ended))


@st.fragment(run_every=0.7)
def _moving(folder: Path, ended: Callable[[], None]) -> None:
    state = read_import(folder)
    if not state.running:
        st.rerun()
    st.progress(state.fraction, text=import_words(state))
    st.button("Cancel the import", key="import_cancel", on_click=_end, args=(folder, ended))


def _end(folder: Path, ended: Callable[[], None]) -> None:
    remove_job(folder)
    ended()


def import_words(state: JobState) -> str:
    """Say in a clause what an import is doing and how long it will take."""
    parts = [state.stage[:1].upper() + state.stage[1:]]
    if state.total:
        sizes = state.stage == "Unpacking"  # counts bytes, every other stage pictures
        shown = (megabytes(number) if sizes else thousands(number) for number in (state.done, state.total))
        parts.append(" of ".join(shown))
        if state.seconds_left is not None:
            parts.append(time_left(state.seconds_left))
    return ", ".join(parts)


def show_download(workspace: Workspace, model: Model) -> bool:
    """Download a model's official weights with a bar; say whether they are there now."""
    bar = st.progress(0.0, text=f"Asking for {model.file} …")

    def moved(done: int, total: int) -> None:
        whole = total or model.download_bytes
        bar.progress(min(1.0, done / whole), text=f"{model.file}: {megabytes(done)} of {megabytes(whole)}")

    try:
        download(workspace, model, moved)
    except GraftError as error:
        bar.empty()
        st.error(plain(str(error)), title="The download did not work")
        if isinstance(error, Unreachable):
            _without_network(model)
        return False
    bar.empty()
    return True


def _without_network(model: Model) -> None:
    """Say what can be done where the download site can't be reached."""
    lines = [f"Fetch {model.file} on another machine, put it on a USB stick, and bring it in on the Library page."]
    if model.task == STARTER.task and CHECKPOINT.is_file():
        lines.append(f"Or begin with the starter that ships with Graft ({STARTER_WORDS}).")
    lines.append("Or train from scratch (strategy “Forget everything”): slower, and it ends less well.")
    lines.append("Behind a company’s proxy, start Graft with HTTPS_PROXY set, and try again.")
    st.markdown("\n".join(f"- {line}" for line in lines))
    if has_page("library.py"):
        st.page_link(page_path("library.py"), label="Bring in weights on the Library page")


def begin_run(workspace: Workspace, spec: TrainingSpec) -> None:
    """Start a run and open its page; says in place why it can't start."""
    try:
        run = start_run(workspace, spec)
    except GraftError as error:
        st.error(plain(str(error)), title="This can’t start yet")
        return
    go_to("training.py", run=run.id)
