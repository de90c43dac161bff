"""Work in the background on a run, as the Take it away page shows it: a bar, what is being done, how long."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from core.jobs import JobState, read_job, remove_job
from core.words import duration, megabytes, out_of, time_left
from pages._ui.common.formatting import plain


def job_words(state: JobState) -> str:
    """Say in a clause what a job is doing, how far it is and how long it will take."""
    if state.total:
        left = f", {time_left(state.seconds_left)}" if state.seconds_left is not None else ""
        return f"{state.stage}: {out_of(state.done, state.total)}{left}"
    return f"{state.stage}, {duration(state.seconds)} so far"


def show_job(folder: Path, key: str, cancel: Callable[[], None] | None = None) -> bool:
    """Show a job's bar while it runs, or why it failed; say whether it runs. It goes on when the tab is closed."""
    state = read_job(folder)
    if state.running:
        _moving(folder, key, cancel or (lambda: remove_job(folder)))
        return True
    if state.error:
        st.error(plain(state.error), icon=":material/error:")
    return False


@st.fragment(run_every=0.7)
def _moving(folder: Path, key: str, cancel: Callable[[], None]) -> None:
    state = read_job(folder)
    if not state.running:
        st.rerun()
    st.progress(state.fraction, text=job_words(state))
    if st.button("Cancel", key=f"cancel_{key}"):
        cancel()
        st.rerun()
    st.caption("You can close this page meanwhile; it goes on by itself.")


def offer_file(path: Path, label: str, kind: str, key: str, name: str = "") -> None:
    """Offer a file for download; it is read only when asked for."""
    st.download_button(
        f"{label} ({megabytes(path.stat().st_size)})", lambda: path.read_bytes(), name or path.name, kind,
        key=key, on_click="ignore", icon=":material/download:",
    )  # fmt: skip
