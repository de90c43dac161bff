"""More pictures on the Label page: files, archives or a folder's place, added to what is open."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.data.dataset import Dataset
from core.errors import InputError
from core.files.answering import check_answers
from core.labelling.adding import add_pictures
from core.words import count
from core.workspace import Workspace
from pages._ui.common.formatting import plain
from pages._ui.common.upload import MAX_MEGABYTES, bump_key, fresh_key, save_uploads


def add_more(workspace: Workspace, dataset: Dataset) -> None:
    """Take more pictures in a fold; they are open until somebody labels them."""
    if said := st.session_state.pop("label_added", ""):
        st.success(said)
    with st.expander("Add pictures", key="label_add", type="compact"):
        files = st.file_uploader("Pictures or archives", accept_multiple_files=True, key=fresh_key("label_files"),
                                 max_upload_size=MAX_MEGABYTES)  # fmt: skip
        place = st.text_input("Or a folder or archive on this machine", key="label_place", placeholder="the whole path")
        if not st.button("Add them", key="label_add_now", disabled=not files and not place):
            return
        try:
            with st.spinner("Reading the pictures"), workspace.staging("given") as stage:
                sources = save_uploads(files, stage) if files else [Path((place or "").strip()).expanduser()]
                for source in sources:
                    check_answers(source)
                new, known = add_pictures(workspace, dataset, sources)
        except InputError as error:
            st.error(plain(str(error)))
            return
        bump_key("label_files")
        there = f"; {known} were there already" if known else ""
        st.session_state["label_added"] = f"{count(new, 'picture')} added{there}."
        st.rerun()
