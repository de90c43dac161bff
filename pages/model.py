"""Model: which pre-trained model, how much of it is kept, how long it learns; experts find every argument."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from core.data.dataset import list_datasets
from core.errors import InputError
from core.evaluation.doubtful_labels import doubtful_labels
from core.models.catalog import STARTER, Model, find_model
from core.models.library import list_models
from core.models.starter.checkpoint import STARTER_WORDS
from core.models.weights import OWN_FILE as BROUGHT
from core.models.weights import import_file, is_here, missing_words, models_to_choose
from core.planning.rules import worth_tiles
from core.processes.starting import prepare
from core.spec import TrainingSpec
from core.tasks import TASKS
from core.training.arguments import Argument, parse_setting, training_arguments
from core.training.runs import list_runs
from core.training.starting_points import locate
from core.words import megabytes, millions
from pages._ui.common import frame
from pages._ui.common.cells import Notebook, empty, next_step, python_fold
from pages._ui.common.draft import (
    OWN_MODEL,
    default_values,
    draft_for,
    keep_draft,
    note_choice,
    plan_words,
    recall_typed,
    spec_code,
)
from pages._ui.common.facts import facts_of
from pages._ui.common.formatting import plain
from pages._ui.common.running import show_download
from pages._ui.common.settings import field_widget
from pages._ui.common.upload import MAX_MEGABYTES, bump_key, fresh_key, save_uploads
from pages._ui.model.plan_cell import choose_mirror, choose_time, fields_by_hand, plan_for, show_plan, show_reasons
from pages._ui.model.strategy_cell import strategy_cell
from pages._ui.model.views_cell import views_fold
from pages._ui.training.start import show_start

CATALOGUE, OWN_FILE, OWN_RUN = "A well-known model", "A file of my own (.pt)", OWN_MODEL
SIZE_ADVICE = {
    "n": "fastest first try",
    "s": "a little better",
    "m": "wants a GPU",
    "l": "slow on a CPU",
    "x": "for large sets",
}

page = Notebook("Model", "Say how much time there is, and start. The rest is planned for your pictures.")
workspace = frame.workspace()
datasets = list_datasets(workspace)
if not datasets:
    empty("A model is chosen for a dataset, and there is none yet.", "Bring in your pictures", "dataset.py",
          key="model_empty")  # fmt: skip
dataset = frame.current_dataset() or datasets[0]
frame.set_current("dataset", dataset.id)
prepare()
recall_typed(workspace, dataset.id)
draft = draft_for(workspace, dataset)
start_values = default_values(workspace, dataset)


def key(name: str) -> str:
    """Return the key of a setting's widget: each dataset keeps its own."""
    return f"spec_{dataset.id}_{name}"


def choose_dataset() -> None:
    """Ask which dataset this is about."""
    ids = [item.id for item in datasets]
    names = {item.id: item.name for item in datasets}
    st.session_state["model_dataset"] = dataset.id

    def changed() -> None:
        frame.set_current("dataset", st.session_state["model_dataset"])

    st.selectbox(
        "Dataset", ids, format_func=lambda item: names[item], key="model_dataset", on_change=changed, width=260
    )


def choose_size(chosen: str) -> None:
    """Take the model of a card."""
    st.session_state[key("model")] = chosen
    note_choice(dataset.id)


def card(model: Model, chosen: bool) -> None:
    """Show one model as a card with its figures and a button."""
    with st.container(border=True, key=f"card_{'chosen_' if chosen else ''}{model.name}", gap="xsmall"):
        st.markdown(f"**{model.size_words.capitalize()}**  \n:small[{SIZE_ADVICE[model.size]}]")
        st.caption(
            f"{millions(model.parameters)} parameters  \n{model.gflops:.1f} GFLOPs  \n"
            + ("on this machine" if is_here(workspace, model) else f"{megabytes(model.download_bytes)} download")
        )
        st.button("Chosen" if chosen else "Choose", key=f"choose_{model.name}", help=f"Train {model.name}",
                  type="primary" if chosen else "secondary", width="stretch", on_click=choose_size,
                  args=(model.name,))  # fmt: skip


def choose_from_catalogue() -> str:
    """Show families and sizes as cards; return the chosen model's name."""
    models = models_to_choose(dataset.task)
    families = list(dict.fromkeys(model.family for model in models))
    known = find_model(draft.model) or find_model(start_values["model"])
    st.session_state.setdefault(key("model"), known.name if known else models[0].name)
    chosen = find_model(st.session_state[key("model")]) or models[0]
    st.session_state.setdefault(key("family"), chosen.family)
    family = st.segmented_control(
        "Family",
        families,
        key=key("family"),
        required=True,
        wrap=True,
        persist_state="session",
        help="YOLO26 is the newest. YOLO11 often does better on small sets.",
    )
    if chosen.family != family:
        of_family = [model for model in models if model.family == family]
        chosen = next((model for model in of_family if model.size == chosen.size), of_family[0])
        st.session_state[key("model")] = chosen.name
    with st.grid(5, min_column_width=125, gap="small"):
        for model in models:
            if model.family == family:
                card(model, model.name == chosen.name)
    source = STARTER_WORDS if chosen is STARTER else f"Pre-trained on {TASKS[dataset.task].pretrained_on}"
    brought = locate(workspace, chosen.name, dataset.task)
    if brought is not None and brought.origin == BROUGHT:
        source += ", if the file that was brought in is what its name says"
    st.caption(f"Parameters and GFLOPs at {TASKS[dataset.task].usual_size} pixels. {source}.")
    weights_of(chosen)
    return chosen.name


def weights_of(model: Model) -> None:
    """Say where a model's weights come from, with a download button when they aren't here."""
    if is_here(workspace, model):
        st.markdown(f":material/check: The weights of {model.name} are on this machine.")
        return
    st.markdown(plain(missing_words(model)))
    if st.button(f"Download {model.file} ({megabytes(model.download_bytes)})", key=f"download_{model.name}") and (
        show_download(workspace, model)
    ):
        st.rerun()


def choose_own_file() -> str:
    """Take a checkpoint of the user's in safely; return its name."""
    files = sorted(path.stem for path in workspace.weights.glob("*.pt") if find_model(path.stem) is None)
    uploaded = st.file_uploader("Weights file (.pt)", type=["pt"], key=fresh_key("own_weights"),
                                max_upload_size=MAX_MEGABYTES)  # fmt: skip
    st.caption(
        "It is opened in a closed-off process that reads numbers only; a file that wants to run code is refused."
    )
    if uploaded is not None:
        with workspace.staging("weights") as folder, st.spinner("Checking the file …"):
            try:
                taken = import_file(workspace, save_uploads([uploaded], folder)[0])
            except InputError as error:
                st.error(plain(str(error)), title="This file was not taken")
                return files[0] if files else ""
        st.session_state[key("own_file")] = taken.path.stem
        bump_key("own_weights")
        st.rerun()
    if not files:
        return ""
    if st.session_state.get(key("own_file")) not in files:
        st.session_state.pop(key("own_file"), None)  # deleted since it was chosen
    return st.selectbox("Which file", files, key=key("own_file"), persist_state="session")


def choose_own_run() -> str:
    """Let the user go on from a kept model or the best one of a run; return `library:<id>` or `run:<id>`."""
    names = {f"library:{item.id}": f"{item.name} (library)" for item in list_models(workspace, task=dataset.task)}
    for run in list_runs(workspace):
        if run.task == dataset.task and run.best_weights is not None:
            names[f"run:{run.id}"] = f"{run.name} ({run.model}, {run.dataset_name})"
    if not names:
        st.markdown("No run for this task has weights yet, and the library has none for it.")
        return ""
    if st.session_state.get(key("own_run")) not in names:
        st.session_state.pop(key("own_run"), None)  # deleted since it was chosen
    return st.selectbox("Which model", list(names), format_func=names.__getitem__, key=key("own_run"),
                        persist_state="session")  # fmt: skip


def expert_settings() -> dict[str, Any]:
    """Let experts set any Ultralytics training argument; return those that were set."""
    arguments = {item.name: item for item in training_arguments()}
    fold = st.expander(f"All {len(arguments)} Ultralytics training arguments", key="expert_fold", on_change="rerun")
    with fold:
        start = [name for name in draft.extra if name not in draft.reasons and name != "freeze"]
        first: dict[str, Any] = {} if key("extra") in st.session_state else {"default": start}
        names = st.multiselect("Arguments to set", list(arguments), key=key("extra"), persist_state="session",
                               help="Type a part of a name, such as lr or mosaic.", **first)  # fmt: skip
        values = {name: value for name in names if (value := expert_value(arguments[name])) is not _NOTHING}
        if fold.open:
            rows = [{"argument": item.name, "default": str(item.default), "what it does": item.help,
                     "group": item.group} for item in arguments.values()]  # fmt: skip
            st.dataframe(rows, hide_index=True, height=320, key="expert_table",
                         alt="Every Ultralytics training argument with its default and what it does")  # fmt: skip
    return values


_NOTHING = object()


def expert_value(argument: Argument) -> Any:
    """Ask for one argument's value, written as in Ultralytics' default.yaml."""
    name = key(f"extra_{argument.name}")
    value = draft.extra.get(argument.name, argument.default)
    start = "none" if value is None else str(value)
    first: dict[str, Any] = {} if name in st.session_state else {"value": start}
    typed = st.text_input(argument.name, key=name, help=argument.help, persist_state="session", **first)
    try:
        return parse_setting(f"{argument.name}={typed}")[1]
    except InputError as error:
        st.error(plain(str(error)))
        return _NOTHING


with page.cell("What will it do?"):
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if len(datasets) > 1:
            choose_dataset()
        minutes = choose_time(dataset, draft)
    head = st.container()

with page.cell("Change something, if you know better", "Everything has a default that suits your pictures."):
    with st.expander("Which model starts with what knowledge?", key="fold_model"):
        sources: dict[str, Callable[[], str]] = {
            CATALOGUE: choose_from_catalogue,
            OWN_FILE: choose_own_file,
            OWN_RUN: choose_own_run,
        }
        st.session_state.setdefault(key("source"), CATALOGUE)
        source = st.segmented_control(
            "Start from", list(sources), key=key("source"), required=True, wrap=True, persist_state="session"
        )
        model_name = sources[source or CATALOGUE]()
    with st.expander("How much of that knowledge is kept?", key="fold_strategy"):
        strategy, teacher, freeze = strategy_cell(workspace, dataset, draft, model_name)
    with st.expander("Every setting, with its reason", key="fold_settings"):
        mirror = choose_mirror(dataset)
        shown, by_hand = st.container(), st.container()
        extra = freeze | expert_settings()
    values: dict[str, Any] = {"model": model_name or draft.model, "strategy": strategy, "teacher": teacher}
    planned = plan_for(workspace, dataset, draft, values | {"budget": minutes, "extra": extra}, mirror)
    if planned is not None:
        plan, spec = planned
        with shown:
            show_reasons(workspace, plan, spec)
        with by_hand:
            own = fields_by_hand(dataset, spec)
            own["name"] = field_widget(TrainingSpec, "name", key=key("name"), value=draft.name)
        spec = spec.model_copy(update=own)

with head:
    if not model_name:
        st.markdown("Choose a model first, below.")
    elif planned is not None:
        keep_draft(workspace, spec)
        show_plan(plan, plan_words(spec, dataset))
        if (doubtful := doubtful_labels(workspace, dataset)) and doubtful.worth_saying:
            st.markdown(plain(doubtful.words(dataset.task)))
            next_step("Look at these labels", "evaluation.py", key="to_doubtful", main=False, run=doubtful.run)
        if worth_tiles(facts_of(dataset), spec.imgsz):
            next_step("Cut the pictures into tiles first", "dataset.py", key="to_tiles", main=False, dataset=dataset.id)
        show_start(workspace, dataset, spec)
        views_fold(workspace, dataset, spec)
        python_fold(spec_code(spec), key="spec")
