"""A table that says where, with what or when each picture was taken, so that figures can be divided by it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st

from core.data.attributes import add_attributes, read_attributes, told
from core.data.dataset import Dataset
from core.errors import InputError
from pages._ui.common.formatting import plain


def ask_attributes(dataset: Dataset) -> None:
    """Offer to bring a table of site, device or date, and say what is known by now."""
    with st.expander("Divide them by site, device or day", key="attributes", type="compact"):
        known = {str(name): int((column != "").sum()) for name, column in read_attributes(dataset).items()}
        if known:
            st.caption(plain(told(known, dataset)) + "\\.")
        st.markdown(
            "A CSV table with a column that names the pictures, and one for each thing to divide by: site, device, "
            "date, lot. Dates in file names are read by themselves."
        )
        sheet = st.file_uploader("The table (CSV)", type=["csv", "tsv", "txt"], key=f"attributes_{dataset.id}")
        if sheet is None or not st.button("Use this table", key="use_attributes"):
            return
        with tempfile.TemporaryDirectory(prefix="graft-table-") as folder:
            path = Path(folder) / Path(sheet.name).name
            path.write_bytes(sheet.getvalue())
            try:
                add_attributes(dataset, path)
            except InputError as error:
                st.error(plain(str(error)), icon=":material/error:")
                return
        st.rerun(scope="app")
