"""A run as one zip: packed when asked for, and brought in from another machine."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.errors import GraftError
from core.training.records.archive import archive_run, import_run_archive
from core.training.store import Run
from core.words import megabytes
from core.workspace import Workspace
from pages._ui.common.formatting import plain
from pages._ui.common.frame import go_to
from pages._ui.common.upload import MAX_MEGABYTES, bump_key, fresh_key, save_uploads


def offer_archive(workspace: Workspace, run: Run) -> None:
    """Offer a run as a zip; it is packed on the first click and saved on the second."""
    ready: Path | None = st.session_state.get(f"archive_{run.id}")
    if ready is not None and ready.exists():
        with ready.open("rb") as file:
            st.download_button(f"Save the zip ({megabytes(ready.stat().st_size)})", file, ready.name, "application/zip",
                               key=f"archived_{run.id}", on_click="ignore")  # fmt: skip
        return
    if st.button("Archive as a zip", key=f"archive_make_{run.id}", disabled=run.active,
                 help="Settings, results, log and weights, to be brought in on another machine"):  # fmt: skip
        try:
            with st.spinner("Packing …"):
                folder = workspace.lasting_staging("archive", scratch=True)
                packed = archive_run(workspace, run.id, folder / f"{run.id}.zip")
        except GraftError as error:
            st.error(plain(str(error)))
            return
        st.session_state[f"archive_{run.id}"] = packed
        st.rerun()


def bring_in_run(workspace: Workspace) -> None:
    """Take in the zip of a run that was archived elsewhere, and open it."""
    uploaded = st.file_uploader("Archive of a run (.zip)", type=["zip"], key=fresh_key("run_archive"),
                                max_upload_size=MAX_MEGABYTES)  # fmt: skip
    if uploaded is None:
        return
    with workspace.staging("run-archive") as folder:
        try:
            run = import_run_archive(workspace, save_uploads([uploaded], folder)[0])
        except GraftError as error:
            st.error(plain(str(error)), title="This archive was not taken")
            return
    bump_key("run_archive")
    go_to("training.py", run=run.id)
