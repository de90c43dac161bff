"""Pictures that another page sends to the editor: labels that look wrong, misses and false alarms."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from core.data.dataset import Dataset
from core.labelling.settings import DRAWN_TASKS, begin
from core.words import count
from pages._ui.common.frame import go_to

_KEY = "label_review"


def mend_button(dataset: Dataset | None, files: Iterable[str], *, key: str) -> None:
    """Show the button that opens these pictures, as the table names them, in the editor, one after the other."""
    wanted = list(dict.fromkeys(files))
    if dataset is None or not wanted or dataset.task not in DRAWN_TASKS:
        return
    if st.button(f"Mend the labels of {count(len(wanted), 'picture')}", key=key, icon=":material/edit:"):
        begin(dataset)
        st.session_state[_KEY] = (dataset.id, wanted)
        go_to("label.py", dataset=dataset.id)


def to_review(dataset: Dataset) -> list[str]:
    """Return the ids of the pictures that were sent here, in their order; [] when there are none of this dataset."""
    owner, files = st.session_state.get(_KEY, ("", []))
    if owner != dataset.id:
        return []
    table = dataset.image_table()
    digests = dict(zip(table["file"].astype(str), table["sha256"].astype(str), strict=True))
    return [digests[file] for file in files if file in digests]
