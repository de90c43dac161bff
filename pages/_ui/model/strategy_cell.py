"""How much of the pre-trained knowledge is kept: strategies, a recommendation, the network drawn, a teacher."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.data.dataset import Dataset
from core.errors import GraftError, InputError
from core.models.catalog import find_model, models_for
from core.models.library import list_models
from core.models.networks import network_parts
from core.models.weights import is_here
from core.planning.source_distance import known_distance, measure_distance
from core.planning.strategy import recommend
from core.spec import TrainingSpec
from core.strategies import STRATEGIES, Strategy
from core.tasks import TASKS
from core.training.runs import list_runs
from core.training.starting_points import locate
from core.training.store import State
from core.words import millions
from core.workspace import Workspace
from pages._ui.common.cells import show_drawing
from pages._ui.common.facts import facts_of
from pages._ui.common.formatting import plain
from pages._ui.common.frame import has_page, page_path
from pages._ui.model.network_drawing import network_svg, network_words, part_states


def strategy_cell(
    workspace: Workspace, dataset: Dataset, draft: TrainingSpec, model_name: str
) -> tuple[Strategy, str, dict[str, Any]]:
    """Ask how much is kept; return the strategy, the teacher ("": none), and `freeze` if its depth was set by hand."""
    strategy = _choose(dataset, draft)
    parts = network_parts(_catalogue_name(model_name, dataset))
    freeze: dict[str, Any] = {}
    if parts is not None:
        depth = None
        if strategy.freezes:
            most = parts["backbone"].layers
            name = f"spec_{dataset.id}_freeze"
            st.session_state.setdefault(name, min(most, int(draft.extra.get("freeze") or most)))
            if st.session_state[name] > most:  # of a deeper model; else it is not touched while it is being dragged
                st.session_state[name] = most
            depth = st.slider(
                "Layers kept as they are", 1, most, key=name, persist_state="session",
                help=f"All {most} are the whole backbone. Fewer keep the early layers only: edges and textures.",
            )  # fmt: skip
            freeze = {} if depth == most else {"freeze": depth}
        states = part_states(parts, strategy, depth)
        show_drawing(network_svg(parts, states, "currentColor"), network_words(parts, states), 400)
    _advice(workspace, dataset, model_name)
    return strategy, _choose_teacher(workspace, dataset, draft, model_name), freeze


def _choose(dataset: Dataset, draft: TrainingSpec) -> Strategy:
    options, name = list(STRATEGIES), f"spec_{dataset.id}_strategy"
    extra: dict[str, Any] = {} if name in st.session_state else {"index": options.index(draft.strategy)}
    chosen: Strategy = st.radio(
        TrainingSpec.model_fields["strategy"].title or "Strategy", options, key=name,
        format_func=lambda item: item.words, captions=[item.term for item in options],
        persist_state="session", help=TrainingSpec.model_fields["strategy"].description, **extra,
    )  # fmt: skip
    return chosen


def _advice(workspace: Workspace, dataset: Dataset, model_name: str) -> None:
    try:
        weights = locate(workspace, model_name, dataset.task) if model_name else None
    except InputError:
        weights = None  # weights that can't be found are said where they are chosen
    distance = known_distance(dataset, weights)
    advice = recommend(facts_of(dataset), distance)
    st.markdown(f"**Recommended: {advice.strategy.term}.** {plain(advice.reason)}")
    left, right = st.columns([1, 1])
    if distance is None and model_name and left.button(
        "Compare my pictures with what it has seen", key="measure_distance",
        help="Looks at up to 48 of your pictures with the model's own backbone, about ten seconds.",
    ):  # fmt: skip
        try:
            with st.spinner("Looking at your pictures with the model …"):
                measure_distance(dataset, weights, model_name)
        except (GraftError, InputError) as error:
            st.error(plain(str(error)))
        else:
            st.rerun()
    if has_page("lab.py"):
        right.page_link(page_path("lab.py"), label="Measure instead of believe: race them in the Lab",
                        icon=":material/arrow_forward:")  # fmt: skip


def _choose_teacher(workspace: Workspace, dataset: Dataset, draft: TrainingSpec, model_name: str) -> str:
    """Offer a second model to learn from; none unless one is chosen."""
    if not TASKS[dataset.task].fits_teacher:
        return ""
    names = {"": "No, from my labels alone"} | _teachers(workspace, dataset, model_name)
    if draft.teacher and draft.teacher != model_name:
        names.setdefault(draft.teacher, draft.teacher)
    key = f"spec_{dataset.id}_teacher"
    if st.session_state.get(key, "") not in names:
        del st.session_state[key]  # it was deleted, or is the model to start from by now
    start = list(names).index(draft.teacher) if draft.teacher in names else 0
    first: dict[str, Any] = {} if key in st.session_state else {"index": start}
    chosen = st.selectbox(
        "Learn from a larger model as well (distillation)", list(names), format_func=names.__getitem__, key=key,
        persist_state="session", help=TrainingSpec.model_fields["teacher"].description, **first,
    )  # fmt: skip
    if len(names) == 1:
        st.caption("There is no second model for this yet: train a larger one on these pictures first.")
    else:
        st.caption(
            "Each step also runs the teacher, so it takes longer. It pays when the teacher is a larger model trained "
            "on these pictures."
        )
    return chosen or ""


def _teachers(workspace: Workspace, dataset: Dataset, model_name: str) -> dict[str, str]:
    """Return what can teach, by its name for a specification: the user's own models, then larger ones that are here."""
    names = {
        f"library:{item.id}": f"{item.name} (library, {millions(item.parameters)} parameters)"
        for item in list_models(workspace, task=dataset.task)
    }
    for run in list_runs(workspace, states={State.FINISHED, State.STOPPED}):
        if run.task == dataset.task and run.best_weights is not None:
            names[f"run:{run.id}"] = f"{run.name} ({run.model}, {run.dataset_name})"
    student = find_model(_catalogue_name(model_name, dataset))
    for model in models_for(dataset.task):
        if is_here(workspace, model) and (student is None or model.parameters > student.parameters):
            names[model.name] = f"{model.name} ({millions(model.parameters)} parameters, knows other classes)"
    names.pop(model_name, None)
    return names


def _catalogue_name(model_name: str, dataset: Dataset) -> str:
    """Return the catalogue model for the task that a name stands for; the name itself for a model of one's own."""
    model = find_model(model_name)
    if model is None or model.task == dataset.task:
        return model.architecture or model_name if model else model_name
    return f"{model.name.split('-')[0]}{TASKS[dataset.task].suffix}"
