"""The plan on the Model page: how much time there is, what that makes of every setting and why, and changes by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st
from pydantic import ValidationError

from core.data.dataset import Dataset
from core.errors import GraftError
from core.planning.facts import machine_facts
from core.planning.plan import FIELDS, Plan, make_plan
from core.planning.speed import measure_speed
from core.processes.cores import free_cores, usable_cores
from core.spec import TrainingSpec
from core.workspace import Workspace
from pages._ui.common.facts import facts_of
from pages._ui.common.formatting import plain
from pages._ui.common.settings import field_widget, problems

BUDGETS = {
    "quick": "A first answer",
    "balanced": "Balanced",
    "thorough": "Thorough",
    "minutes": "I have some minutes",
}
SETTING_WORDS = {
    "imgsz": "Image size",
    "batch": "Batch",
    "epochs": "Epochs",
    "patience": "Stops early after",
    "nbs": "Adjusts after",
    "optimizer": "Optimizer",
    "lr0": "Learning rate",
    "warmup_epochs": "Warm-up epochs",
    "close_mosaic": "Whole pictures at the end",
    "mosaic": "Collages (mosaic)",
    "untransformed": "Pictures left as they are",
    "fliplr": "Mirroring",
    "hsv_h": "Hue shifts",
    "hsv_s": "Saturation shifts",
    "auto_augment": "Random colour changes",
    "erasing": "Covering up",
    "cls_pw": "Weight of rare classes",
    "cache": "Cache",
    "workers": "Loaders",
    "channels_last": "Memory layout channels_last",
    "amp": "Number format",
    "max_det": "Most findings per picture",
}
LOAD_SECONDS = 20
"""Between two looks at what other programs do."""
FIRST = ("imgsz", "epochs", "batch")
"""Settings whose reasons stand on the page; the others are in a fold."""


def choose_time(dataset: Dataset, draft: TrainingSpec) -> str:
    """Ask how much time there is; return the budget of a specification."""
    budget_key, minutes_key = (f"spec_{dataset.id}_{name}" for name in ("budget", "minutes"))
    known = draft.budget in BUDGETS
    st.session_state.setdefault(budget_key, draft.budget if known else "minutes")
    chosen = st.segmented_control(
        "How much time is there?", list(BUDGETS), format_func=BUDGETS.__getitem__, key=budget_key, required=True,
        wrap=True, persist_state="session", help=TrainingSpec.model_fields["budget"].description,
    )  # fmt: skip
    if chosen == "minutes":
        st.session_state.setdefault(minutes_key, 20.0 if known else float(draft.budget))
        minutes = st.number_input(
            "Minutes", min_value=1.0, max_value=10_000.0, step=5.0, format="%.0f", key=minutes_key,
            persist_state="session",
        )  # fmt: skip
        return f"{minutes:g}"
    return chosen or "balanced"


def choose_mirror(dataset: Dataset) -> bool | None:
    """Ask whether pictures may be mirrored; return None where the plan may decide."""
    facts, mirror_key = facts_of(dataset), f"spec_{dataset.id}_sides"
    suggested = bool(facts.sides_matter) or not facts.flip_known
    st.session_state.setdefault(mirror_key, suggested)
    matter = st.checkbox(
        "Left and right matter: a mirrored picture would be wrong", key=mirror_key, persist_state="session",
        help="Training mirrors half of the pictures, which doubles what there is to learn from. Writing, or a left and "
        "a right hand as two classes, would become wrong by it.",
    )  # fmt: skip
    return None if matter == suggested else not matter


def plan_for(
    workspace: Workspace, dataset: Dataset, draft: TrainingSpec, values: dict[str, Any], mirror: bool | None
) -> tuple[Plan, TrainingSpec] | None:
    """Return the plan for what was chosen (`values`: budget, model, strategy, ...) and its specification.

    None, with the reason on the page, where they don't fit together. Fields that were changed by hand stay as they
    are, the others follow the plan.
    """
    device = st.session_state.get(f"spec_{dataset.id}_device", draft.device)
    try:
        spec = TrainingSpec(
            dataset=dataset.id, task=dataset.task, device=device, **values, **_by_hand(dataset, draft)
        )  # fmt: skip
    except ValidationError as error:
        for sentence in problems(error, TrainingSpec):
            st.error(plain(sentence))
        return None
    machine = machine_facts(workspace, spec.device)
    plan = make_plan(facts_of(dataset), machine, spec, mirror=mirror)
    shown = plan.beside_others(_free_cores(), usable_cores()) if machine.device == "cpu" else plan
    return shown, plan.apply(spec)


@st.cache_data(show_spinner=False, ttl=LOAD_SECONDS)
def _free_cores() -> int:
    return free_cores()


def _by_hand(dataset: Dataset, draft: TrainingSpec) -> dict[str, Any]:
    """Return the fields that were filled in by hand, on the page or earlier in the draft; an empty one is planned."""
    hand = {}
    for name in FIELDS:
        key = f"spec_{dataset.id}_{name}"
        if key not in st.session_state and name in draft.model_fields_set and name not in draft.reasons:
            st.session_state[key] = getattr(draft, name)
        if st.session_state.get(key) is not None:
            hand[name] = st.session_state[key]
    return hand


def show_plan(plan: Plan, sentences: Sequence[str]) -> None:
    """Say how long it will take, what will be done, and what speaks against it."""
    st.markdown(f"### {plan.time_words[0].upper()}{plan.time_words[1:]} :small[:gray[{plan.time_source}]]")
    st.markdown("  \n".join(sentences))
    for note in plan.notes:
        st.warning(plain(note))


def show_reasons(workspace: Workspace, plan: Plan, spec: TrainingSpec) -> None:
    """Show each planned setting with its reason; offer to time the machine where the time is a guess."""
    if (
        not plan.measured
        and machine_facts(workspace).device == "cpu"
        and st.button(
            "Time this machine", key="measure_machine", help="Tries a few real training steps, about 20 seconds."
        )
    ):
        try:
            with st.spinner("Timing a few training steps …"):
                measure_speed(workspace)
        except GraftError as error:
            st.error(plain(str(error)))
            return
        st.rerun()
    for name in FIRST:
        reason = spec.reasons.get(name, "Set by you.")
        st.markdown(f"**{SETTING_WORDS[name]} {getattr(spec, name)}.** :gray[{plain(reason)}]")
    others = [item for item in plan.settings if item.name not in FIRST]
    with st.expander(f"{len(others)} more settings, each with its reason", key="plan_more", type="compact"):
        for item in others:
            value = getattr(spec, item.name) if item.name in FIELDS else spec.extra[item.name]
            reason = item.reason if value == item.value else "Set by you."
            words = SETTING_WORDS.get(item.name, item.name)
            st.markdown(f"{words} `{item.name}={'none' if value is None else value}` :gray[{plain(reason)}]")


def fields_by_hand(dataset: Dataset, spec: TrainingSpec) -> dict[str, Any]:
    """Show the fields that can be changed by hand; return those the plan says nothing about.

    A planned field is empty and shows the plan's value in grey: the page never writes into it, so that nothing typed
    while the page is still at work can be overwritten.
    """
    values: dict[str, Any] = {}
    st.caption("A grey number is the plan's. Type your own over it; empty the field to go back to the plan.")
    with st.grid(3, min_column_width=200, gap="medium"):
        for name in ("epochs", "imgsz", "batch", "patience", "seed", "device", "goes_on"):
            key = f"spec_{dataset.id}_{name}"
            if name in FIELDS:
                field_widget(TrainingSpec, name, key=key, planned=getattr(spec, name))
            else:
                values[name] = field_widget(TrainingSpec, name, key=key, value=getattr(spec, name))
    if any(st.session_state.get(f"spec_{dataset.id}_{name}") is not None for name in FIELDS):
        st.button("Back to the plan", key="plan_reset", on_click=_forget, args=(dataset.id,))
    return values


def _forget(dataset_id: str) -> None:
    for name in FIELDS:
        st.session_state[f"spec_{dataset_id}_{name}"] = None
