"""A second reader's labels of the same pictures: how far the two agree, where they differ, the model against both."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.data.dataset import Dataset, list_datasets
from core.errors import InputError
from core.evaluation.decisions.readers import Readers, compare_readers
from core.evaluation.evaluation import Evaluation
from core.words import count, value_from_to
from core.workspace import Workspace
from pages._ui.common.formatting import plain
from pages._ui.label.review import mend_button


def show_second_reader(workspace: Workspace, evaluation: Evaluation, dataset: Dataset | None) -> None:
    """Offer the other datasets of the same task as a second reading, and show the agreement."""
    if dataset is None:
        return
    others = [item for item in list_datasets(workspace) if item.task == dataset.task and item.id != dataset.id]
    with st.expander("Compare with a second reader", key="second_reader", type="compact"):
        st.markdown(
            "Let someone else label the same pictures (Label page, “A second reader”), or import their labels as a "
            "dataset of their own, then choose it here."
        )
        if not others:
            return
        second = st.selectbox(
            "The second reading", others, index=None, format_func=lambda item: item.name, key=f"second_{dataset.id}"
        )
        if second is None:
            return
        try:
            read = compare_readers(evaluation, dataset, second)
        except InputError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return
        for sentence in read.sentences:
            st.markdown(plain(sentence))
        st.dataframe(_by_class(read), hide_index=True, placeholder="–")
        if read.differing:
            st.caption(f"Where the readers differ: {count(len(read.differing), 'picture')}, the most first")
            st.dataframe(pd.DataFrame(read.differing), hide_index=True)
            mend_button(dataset, [str(item["file"]) for item in read.differing], key="mend_differing")


def _by_class(read: Readers) -> pd.DataFrame:
    pairs = {"readers": read.readers, "model and first": read.model_first, "model and second": read.model_second}
    names = dict.fromkeys(name for pair in pairs.values() for name in pair.per_class)
    return pd.DataFrame(
        [{"in common": name, **{
            title: value_from_to(pair.per_class[name]) if name in pair.per_class else None
            for title, pair in pairs.items()
        }} for name in names]
    )  # fmt: skip
