"""The facts of a dataset that plans are made from, gathered once for all pages."""

from __future__ import annotations

import streamlit as st

from core.data.dataset import Dataset
from core.planning.facts import DatasetFacts, dataset_facts


@st.cache_data(show_spinner=False, max_entries=50)
def _facts(_dataset: Dataset, *_state: object) -> DatasetFacts:
    return dataset_facts(_dataset)


def facts_of(dataset: Dataset) -> DatasetFacts:
    """Return the facts of a dataset, gathered once."""
    return _facts(dataset, dataset.id, dataset.checksum, len(dataset.fixes), tuple(dataset.images.values()))
