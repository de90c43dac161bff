"""The versions of a dataset's labels on the Label page: told, put back, and taken to another tool."""

from __future__ import annotations

import streamlit as st

from core.data.dataset import Dataset
from core.data.label_export import LAYOUTS
from core.errors import InputError
from core.labelling.journal import open_journal
from core.labelling.labelling import open_labelling
from core.labelling.readers import for_second_reader
from core.labelling.versions import list_versions, make_version, restore_version
from core.words import count
from core.workspace import Workspace
from pages._ui.common import frame
from pages._ui.common.formatting import plain
from pages._ui.label.routes import PREFIX

LAYOUT_NAMES = {"yolo": "YOLO", "coco": "COCO", "voc": "Pascal VOC", "cvat": "CVAT", "labelme": "LabelMe"}


def versions_cell(workspace: Workspace, dataset: Dataset, by: str) -> None:
    """List the versions of the labels; an earlier one can be put back."""
    take_out(dataset.id, by)
    second_reader(workspace, dataset)
    versions = list_versions(open_journal(dataset))
    if not versions:
        st.markdown("None yet: one is made when you train.")
        return
    st.dataframe(
        {
            "version": [item.number for item in versions],
            "made": [item.at.replace("T", " ")[:16] for item in versions],
            "by": [item.by for item in versions],
            "pictures changed": [item.changed for item in versions],
            "note": [item.note for item in versions],
        },
        hide_index=True,
        alt="The versions of the labels",
    )
    earlier = [0, *(item.number for item in versions[:-1])]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = st.selectbox("Put back", earlier, index=None, key="label_restore", width=260,
                              placeholder="An earlier version",
                              format_func=lambda n: f"version {n}" if n else "as it was imported")  # fmt: skip
        if st.button("Put it back as a new version", key="label_restore_now", disabled=number is None):
            assert number is not None
            try:
                restore_version(dataset, number, by=by)
            except InputError as error:
                st.error(plain(str(error)))
                return
            st.rerun()


def second_reader(workspace: Workspace, dataset: Dataset) -> None:
    """Let a second person label the same pictures without seeing these labels."""
    with st.expander("A second reader", key="label_second", type="compact"):
        st.markdown(
            "Somebody else labels the same pictures without seeing these labels; the evaluation of a model then says "
            "how far the two agree, and opens the pictures on which they differ."
        )
        if st.button("Give them the pictures", key="label_second_now"):
            with st.spinner("Copying the pictures"):
                other = for_second_reader(workspace, dataset)
            frame.go_to("label.py", dataset=other.id)


@st.fragment(run_every=3)
def take_out(dataset_id: str, by: str) -> None:
    """Link to the latest version in the layouts that can hold it, and say what was changed since and is not in it."""
    dataset = frame.current_dataset()
    if dataset is None or dataset.id != dataset_id:
        return
    changed, version = len(open_labelling(dataset).changed()), dataset.labels_version
    if sum(dataset.instances.values()):
        fitting = [layout for layout, (_, tasks) in LAYOUTS.items() if dataset.task in tasks]
        links = [f"[{LAYOUT_NAMES[layout]}]({PREFIX}/{dataset.id}/export/{layout})" for layout in fitting]
        state = f"version {version}" if version else "the labels as they were imported"
        st.markdown(f"Pictures and labels as a zip for another tool, {state}: {', '.join(links)}.")
    if not changed:
        return
    are = "is" if changed == 1 else "are"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{count(changed, 'picture')} changed since {are} in no version yet, and in no zip.")
        if st.button(f"Make version {version + 1} now", key="label_version_now"):
            try:
                make_version(dataset, by=by)
            except InputError as error:
                st.error(plain(str(error)))
                return
            st.rerun()
