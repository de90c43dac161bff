"""The training being planned: what the Model page sets and the Training page starts; a reload finds it again."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.data.dataset import Dataset
from core.models.catalog import STARTER
from core.models.starter.checkpoint import STARTER_WORDS
from core.models.weights import default_model
from core.planning.drafts import Draft, drop_draft, load_draft, save_draft
from core.planning.learning_curve import LEAST_EPOCHS
from core.planning.plan import FIELDS, complete_spec, parse_budget
from core.planning.rules import Level, most_epochs
from core.road import CHOSEN
from core.spec import TrainingSpec
from core.tasks import TASKS
from core.words import count, duration, thousands, times
from core.workspace import Workspace
from pages._ui.common.formatting import plain

OWN_MODEL = "One of my models"
"""What the Model page calls starting from a kept model or from a run."""


def default_values(workspace: Workspace, dataset: Dataset) -> dict[str, Any]:
    """Return the settings a dataset starts with, where they differ from those of TrainingSpec."""
    return {"model": default_model(workspace, dataset.task)}


def start_from(workspace: Workspace, dataset_id: str, model: str) -> None:
    """Let the Model page of a dataset open with one of the user's own models (`run:<id>` or `library:<id>`) chosen."""
    drop_draft(workspace, dataset_id)
    st.session_state[f"spec_{dataset_id}_source"] = OWN_MODEL
    st.session_state[f"spec_{dataset_id}_own_run"] = model
    note_choice(dataset_id)


def keep_draft(workspace: Workspace, spec: TrainingSpec) -> None:
    """Keep what is planned for its dataset, with what was chosen and typed for it on the Model page."""
    typed = {name: value for name, key in _typed(spec.dataset).items() if is_plain(value := st.session_state[key])}
    known = load_draft(workspace, spec.dataset)
    if known is not None and _was_chosen(known.typed, typed):
        note_choice(spec.dataset)
        typed[CHOSEN] = True
    save_draft(workspace, Draft(spec, typed))


def _was_chosen(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Say whether somebody has chosen or typed something: fields also get values by the page being opened."""
    changed = any(before[name] != value for name, value in now.items() if name in before)
    return changed or any(name in now for name in FIELDS)


def note_choice(dataset_id: str) -> None:
    """Note that somebody has chosen what to train on a dataset: only then the road calls the model done."""
    st.session_state[f"spec_{dataset_id}_{CHOSEN}"] = True


def recall_typed(workspace: Workspace, dataset_id: str) -> None:
    """Give the Model page's fields what was typed before a reload, or in another tab; what is set now stays."""
    draft = load_draft(workspace, dataset_id)
    if draft is not None and not _typed(dataset_id):
        for name, value in draft.typed.items():
            st.session_state[f"spec_{dataset_id}_{name}"] = value


def _typed(dataset_id: str) -> dict[str, str]:
    """Return the keys of the Model page's fields that have a value now, by the name of the setting."""
    start = f"spec_{dataset_id}_"
    return {str(key).removeprefix(start): str(key) for key in st.session_state if str(key).startswith(start)}


def is_plain(value: object) -> bool:
    """Say whether a field's value can be kept as JSON: a word, a number, a tick, or a list of them."""
    if isinstance(value, list):
        return all(is_plain(item) for item in value)
    return value is not None and type(value) in (str, int, float, bool)


def open_with(workspace: Workspace, spec: TrainingSpec) -> None:
    """Let the Model page of its dataset open with this plan, whatever was set there before."""
    for key in _typed(spec.dataset).values():
        del st.session_state[key]
    note_choice(spec.dataset)
    keep_draft(workspace, spec)


def draft_for(workspace: Workspace, dataset: Dataset) -> TrainingSpec:
    """Return what is planned for a dataset: what was set on the Model page, else the balanced plan."""
    kept = load_draft(workspace, dataset.id)
    if kept is not None and kept.spec.task == dataset.task:
        return kept.spec
    spec = TrainingSpec(dataset=dataset.id, task=dataset.task, **default_values(workspace, dataset))
    return complete_spec(workspace, dataset, spec)


def plan_words(spec: TrainingSpec, dataset: Dataset) -> list[str]:
    """Say in sentences what a training will do."""
    train, val = dataset.images.get("train", 0), dataset.images.get("val", 0)
    start = spec.strategy.title
    may_end_early = 0 < spec.patience < spec.epochs
    origin = f" ({STARTER_WORDS.removeprefix('starter, ')})" if spec.model == STARTER.name else ""
    often = times(1) if spec.epochs == 1 else f"up to {times(spec.epochs)}"
    usual, why = TASKS[spec.task].usual_size, spec.reasons.get("imgsz", "")
    odd = spec.imgsz != usual and why != ""
    size = "" if odd else f"at {spec.imgsz} pixels, "
    lines = [
        f"**{count(train, 'picture')}** of {plain(dataset.name)} to learn from, **{thousands(val)}** to check on after "
        "every epoch.",
        f"**{spec.model}**{origin}. {start[0].upper()}{start[1:]}.",
        f"**{count(spec.epochs, 'epoch')}**: every picture is seen {often}, {size}"
        f"{spec.batch} at a time."
        + (f" It ends early when {spec.patience} epochs bring nothing better." if may_end_early else ""),
    ]
    if spec.goes_on:
        most, budget = most_epochs(spec.epochs), parse_budget(spec.budget)
        until = (
            f"to {most} epochs at most: {round(most / spec.epochs)} times as long"
            if isinstance(budget, Level)
            else f"within the {duration(60 * budget)} that you have"
        )
        lines.append(
            f"After that it goes on while it pays, {until}."
            if spec.epochs >= LEAST_EPOCHS
            else f"Whether more pays can be told from {LEAST_EPOCHS} epochs on: with fewer it ends as planned."
        )
    if odd:
        lines.append(f"**{spec.imgsz} pixels**, where {usual} is usual. {plain(why)}")
    if spec.teacher:
        lines.append(f"It also learns from **{spec.teacher}** at every step (distillation).")
    typed = [name for name in FIELDS if spec.reasons and name in spec.model_fields_set and name not in spec.reasons]
    if typed:
        told = ", ".join(f"{TrainingSpec.model_fields[name].title} {getattr(spec, name)}" for name in typed)
        lines.append(f"Set by you, not by the plan: {told}.")
    by_hand = {name: value for name, value in spec.extra.items() if name not in spec.reasons}
    if by_hand:
        lines.append("Expert settings: " + ", ".join(f"`{name}={value}`" for name, value in by_hand.items()) + ".")
    return lines


def spec_code(spec: TrainingSpec) -> str:
    """Return the Python that starts the planned training."""
    found_out = {"reasons", "transfer", "teacher_weights", "labels_version"}
    given = spec.model_dump(mode="json", exclude_defaults=True, exclude=found_out)
    given |= {name: getattr(spec, name) for name in FIELDS}  # even where they are defaults: nothing is left to plan
    arguments = "\n".join(f"    {name}={value!r}," for name, value in given.items())
    return (
        "from core.training.runs import start_run, wait_run\n"
        "from core.spec import TrainingSpec\n"
        "from core.workspace import Workspace\n\n"
        "workspace = Workspace.current()\n"
        f"spec = TrainingSpec(\n{arguments}\n)\n"
        "run = wait_run(workspace, start_run(workspace, spec).id)\n"
        "print(run.state, run.metrics)"
    )
