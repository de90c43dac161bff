"""More pictures on the Label page: files, archives, videos, the camera or a folder's place, added to what is open."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.data.dataset import Dataset
from core.data.images.video import is_video
from core.data.importing.settings import ImportSettings
from core.errors import InputError
from core.files.answering import check_answers
from core.jobs import read_job, remove_job
from core.labelling.adding import new_adding, start_adding
from core.words import count
from core.workspace import Workspace
from pages._ui.common.formatting import plain
from pages._ui.common.running import import_words
from pages._ui.common.settings import field_widget
from pages._ui.common.snapshots import save_snapshots, snapshots
from pages._ui.common.upload import MAX_MEGABYTES, bump_key, fresh_key, save_uploads

FILES, CAMERA, PLACE = "Pictures, archives or videos", "The camera", "A place on this machine"
_JOB = "label_adding"


def add_more(workspace: Workspace, dataset: Dataset) -> None:
    """Take more pictures in a fold; they are open until somebody labels them."""
    if said := st.session_state.pop("label_added", ""):
        st.success(said)
    owner, folder = st.session_state.get(_JOB, ("", None))
    if folder is not None and owner == dataset.id:
        _moving(folder)
        return
    with st.expander("Add pictures", key="label_add", type="compact"):
        way = st.segmented_control("From where?", [FILES, CAMERA, PLACE], default=FILES, required=True,
                                   key="label_add_way", label_visibility="collapsed", wrap=True)  # fmt: skip
        files, place, shots = [], "", 0
        if way == FILES:
            files = st.file_uploader(FILES, accept_multiple_files=True, key=fresh_key("label_files"),
                                     max_upload_size=MAX_MEGABYTES)  # fmt: skip
        elif way == CAMERA:
            shots = snapshots("label_camera")
        else:
            place = st.text_input("A folder, archive or video on this machine", key="label_place",
                                  placeholder="the whole path").strip()  # fmt: skip
        settings = ImportSettings()
        if any(is_video(name) for name in [*(file.name for file in files), place]):
            with st.grid(2, min_column_width=240, gap="medium"):
                chosen = {
                    name: field_widget(ImportSettings, name, key=f"label_{name}")
                    for name in ("frame_seconds", "most_frames")
                }
            settings = ImportSettings(**{name: value for name, value in chosen.items() if value is not None})
        if not st.button("Add them", key="label_add_now", disabled=not (files or place or shots)):
            return
        folder = new_adding(workspace)
        try:
            sources = [Path(place).expanduser()]
            if files:
                sources = save_uploads(files, folder / "upload")
            elif shots:
                save_snapshots("label_camera", folder / "upload")
                sources = [folder / "upload"]
            for source in sources:
                check_answers(source)
            start_adding(workspace, folder, dataset, sources, settings)
        except InputError as error:
            remove_job(folder)
            st.error(plain(str(error)))
            return
        bump_key("label_files")
        st.session_state[_JOB] = (dataset.id, folder)
        st.rerun()


@st.fragment(run_every=0.7)
def _moving(folder: Path) -> None:
    """Show how far the reading is; it goes on when the tab is closed."""
    state = read_job(folder, "The reading")
    if state.running:
        st.progress(state.fraction, text=import_words(state))
        st.button("Cancel", key="label_add_cancel", on_click=_forget, args=(folder,))
        return
    if state.error:
        st.error(plain(state.error), title="Nothing was added")
        st.button("Try another", key="label_add_failed", on_click=_forget, args=(folder,))
        return
    new, known = state.result.get("new", 0), state.result.get("known", 0)
    st.session_state["label_added"] = (
        f"{count(new, 'picture')} added{f'; {known} were there already' if known else ''}."
    )
    _forget(folder)
    st.rerun()


def _forget(folder: Path) -> None:
    remove_job(folder)
    st.session_state.pop(_JOB, None)
