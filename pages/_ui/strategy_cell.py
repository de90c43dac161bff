"""How much of the pre-trained knowledge is kept: strategies, a recommendation with its reason, the network drawn."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.data.dataset import Dataset
from core.errors import GraftError, InputError
from core.models.catalog import TASK_SUFFIX, find_model
from core.models.networks import network_parts
from core.models.plan_strategy import recommend
from core.models.source_distance import known_distance, measure_distance
from core.training.spec import STRATEGY_WORDS, Strategy, TrainingSpec
from core.workspace import Workspace
from pages._ui.formatting import plain
from pages._ui.frame import has_page, page_path
from pages._ui.network_drawing import network_svg, network_words, part_states
from pages._ui.plan_cell import facts_of


def strategy_cell(
    workspace: Workspace, dataset: Dataset, draft: TrainingSpec, model_name: str
) -> tuple[Strategy, dict[str, Any]]:
    """Ask how much is kept; return the strategy and `freeze` where its depth was set by hand."""
    strategy = _choose(dataset, draft)
    parts = network_parts(_catalogue_name(model_name, dataset))
    freeze: dict[str, Any] = {}
    if parts is not None:
        depth = None
        if strategy in (Strategy.FROZEN, Strategy.TWO_STAGE):
            most = parts["backbone"].layers
            name = f"spec_{dataset.id}_freeze"
            st.session_state.setdefault(name, min(most, int(draft.extra.get("freeze") or most)))
            st.session_state[name] = min(most, st.session_state[name])
            depth = st.slider(
                "Layers kept as they are", 1, most, key=name, persist_state="session",
                help=f"All {most} are the whole backbone. Fewer keep the early layers only: edges and textures.",
            )  # fmt: skip
            freeze = {} if depth == most else {"freeze": depth}
        states = part_states(parts, strategy, depth)
        ink = "#E9E7DF" if st.context.theme.type == "dark" else "#10140E"
        st.image(network_svg(parts, states, ink), alt=network_words(parts, states), width=400)
    _advice(workspace, dataset, model_name)
    return strategy, freeze


def _choose(dataset: Dataset, draft: TrainingSpec) -> Strategy:
    options, name = list(Strategy), f"spec_{dataset.id}_strategy"
    extra = {} if name in st.session_state else {"index": options.index(draft.strategy)}
    words = {item: STRATEGY_WORDS[item].rsplit(" (", 1) for item in options}
    return st.radio(
        TrainingSpec.model_fields["strategy"].title or "Strategy", options, key=name,
        format_func=lambda item: words[item][0], captions=[words[item][1].rstrip(")") for item in options],
        persist_state="session", help=TrainingSpec.model_fields["strategy"].description, **extra,
    )  # fmt: skip


def _advice(workspace: Workspace, dataset: Dataset, model_name: str) -> None:
    try:
        distance = known_distance(workspace, dataset, model_name) if model_name else None
    except InputError:
        distance = None  # weights that can't be found are said where they are chosen
    advice = recommend(facts_of(dataset), distance)
    title = STRATEGY_WORDS[advice.strategy].rsplit(" (", 1)[1].rstrip(")")
    st.markdown(f"**Recommended: {title}.** {plain(advice.reason)}")
    left, right = st.columns([1, 1])
    if distance is None and model_name and left.button(
        "Compare my pictures with what it has seen", key="measure_distance",
        help="Looks at up to 48 of your pictures with the model's own backbone, about ten seconds.",
    ):  # fmt: skip
        try:
            with st.spinner("Looking at your pictures with the model …"):
                measure_distance(workspace, dataset, model_name)
        except (GraftError, InputError) as error:
            st.error(plain(str(error)))
        else:
            st.rerun()
    if has_page("lab.py"):
        right.page_link(page_path("lab.py"), label="Measure instead of believe: race them in the Lab",
                        icon=":material/arrow_forward:")  # fmt: skip


def _catalogue_name(model_name: str, dataset: Dataset) -> str:
    """Return the catalogue model for the task that a name stands for; the name itself for a model of one's own."""
    model = find_model(model_name)
    if model is None or model.task == dataset.task:
        return model.architecture or model_name if model else model_name
    return f"{model.name.split('-')[0]}{TASK_SUFFIX[dataset.task]}"
