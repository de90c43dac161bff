"""Setting up an experiment: who takes part, how long, what it will cost."""

from __future__ import annotations

from typing import Any

import streamlit as st
from pydantic import BaseModel, ValidationError

from core.data.dataset import Dataset
from core.errors import InputError
from core.lab.cost import estimate
from core.lab.experiment import (
    KIND_WORDS,
    Contender,
    CurveSettings,
    ProductSettings,
    RaceSettings,
    TransferSettings,
    TuneSettings,
)
from core.lab.jobs import start_experiment
from core.lab.suggest import models_here, suggest_contenders, suggest_settings
from core.models.catalog import STARTER, models_for
from core.models.library import list_models
from core.models.starter.checkpoint import STARTER_WORDS
from core.strategies import STRATEGIES
from core.strategies.fine_tune import FINE_TUNE
from core.strategies.scratch import SCRATCH
from core.training.runs import list_runs
from core.words import count, megabytes
from core.workspace import Workspace
from pages._ui.common.cells import next_step, python_fold
from pages._ui.common.formatting import plain
from pages._ui.common.frame import go_to
from pages._ui.common.running import show_download
from pages._ui.common.settings import default_of, field_widget, problems

MODELS: dict[str, type[BaseModel]] = {
    "race": RaceSettings,
    "transfer": TransferSettings,
    "curve": CurveSettings,
    "product": ProductSettings,
    "tune": TuneSettings,
}
EXPLAINED = {
    "race": "Several models learn from the same pictures; the slower half stops early. Ends with a recommendation.",
    "transfer": "The same training twice: with what the model knows already, and from nothing.",
    "curve": "The same training on parts of your pictures, and what twice as many pictures would bring.",
    "product": "A model of yours learns new pictures or classes: what it gains on the new, what it loses on the old.",
    "tune": "Tries a few settings (learning rate, strategy, size, augmentation) within the time you give it.",
}
FIRST = {
    "race": ("epochs", "imgsz", "seeds"),
    "transfer": ("epochs", "imgsz", "patience_with_scratch", "seeds"),
    "curve": ("epochs", "imgsz", "parts", "seeds"),
    "product": ("epochs", "imgsz"),
    "tune": ("minutes", "tries", "epochs", "imgsz"),
}
"""The settings that are asked for; the others stand in the fold below."""
SEARCHED = {
    "lr0": "learning rate",
    "strategy": "strategy (how much is kept)",
    "imgsz": "picture size",
    "augmentation": "how much pictures are varied (augmentation)",
}
"""What tuning may change, in words."""
OFFERED = 2
"""Official weights offered for download where a race finds none."""


def choose_kind() -> str:
    """Ask which question it is."""
    kinds = list(MODELS)
    return st.radio("Question", kinds, key="lab_kind", format_func=lambda kind: KIND_WORDS[kind],
                    captions=[EXPLAINED[kind] for kind in kinds], persist_state="session",
                    label_visibility="collapsed")  # fmt: skip


def ask_settings(workspace: Workspace, dataset: Dataset, kind: str) -> dict[str, Any]:
    """Show the settings of a kind of experiment; return what is set."""
    model = MODELS[kind]
    start = suggest_settings(workspace, dataset, model)
    values: dict[str, Any] = {}
    asks = {"race": _ask_race, "product": _ask_product}
    values |= asks.get(kind, _ask_model)(workspace, dataset, kind)

    def ask(names: list[str]) -> None:
        with st.grid(3, min_column_width=200, gap="medium"):
            for name in names:
                values[name] = field_widget(model, name, key=f"lab_{dataset.id}_{kind}_{name}", value=start.get(name))

    ask(list(FIRST[kind]))
    asked = {*FIRST[kind], *values, "kind", "extra", "search", "run"}
    rest = [name for name in model.model_fields if name not in asked]
    if kind == "tune":
        options = list(default_of(model.model_fields["search"]))
        values["search"] = st.multiselect(
            "What may change", list(SEARCHED), key=f"lab_{dataset.id}_search", format_func=SEARCHED.__getitem__,
            default=options, help=model.model_fields["search"].description,
        )  # fmt: skip
    with st.expander("More settings", key=f"lab_more_{kind}"):
        ask(rest)
    return values


def _ask_race(workspace: Workspace, dataset: Dataset, kind: str) -> dict[str, Any]:
    here = models_here(workspace, dataset.task)
    suggested = suggest_contenders(workspace, dataset.task)
    names = here or [model.name for model in models_for(dataset.task) if model.size == "n"]
    kept = {f"library:{item.id}": item.name for item in list_models(workspace, task=dataset.task)}
    key = f"lab_{dataset.id}_{kind}{'' if here or kept else '_bare'}"  # fetched weights come with choices of their own
    _offer_weights(workspace, dataset, here, few=OFFERED, kept=bool(kept))
    names = [*names, *kept]
    models = st.multiselect("Models", names, key=f"{key}_models", format_func=lambda name: kept.get(name, name),
                            default=[name for name in names if name in {item.model for item in suggested}],
                            help="Those whose weights are on this machine, and those of your library.")  # fmt: skip
    options = list(STRATEGIES) if here or kept else [SCRATCH]
    strategies = st.pills("Each with", options, key=f"{key}_strategies", selection_mode="multi",
                          default=list(dict.fromkeys(item.strategy for item in suggested)),
                          format_func=str, wrap=True,
                          help="How much of what the model knows is kept.")  # fmt: skip
    for item in strategies or []:
        st.caption(f"**{item}**: {plain(item.words)}.")
    contenders = [
        Contender(model=model, strategy=strategy, name=kept.get(model, ""))
        for strategy in strategies or []
        for model in models
    ]
    st.caption(f"{count(len(contenders), 'contender')}: " + plain("; ".join(item.label for item in contenders)) + ".")
    return {"contenders": contenders}


def _ask_model(workspace: Workspace, dataset: Dataset, kind: str) -> dict[str, Any]:
    here = models_here(workspace, dataset.task)
    names = here or [model.name for model in models_for(dataset.task) if model.size == "n"]
    _offer_weights(workspace, dataset, here)
    with st.grid(2, min_column_width=200, gap="medium"):
        model = st.selectbox("Pre-trained model", names, key=f"lab_{dataset.id}_{kind}_model", persist_state="session")
        options = [item for item in STRATEGIES if here or not item.reuses]
        if kind == "transfer":
            options = [item for item in STRATEGIES if item.reuses]
        strategy = st.selectbox("Strategy", options, key=f"lab_{dataset.id}_{kind}_strategy", format_func=str,
                                persist_state="session", help=FINE_TUNE.title)  # fmt: skip
    return {"model": model, "strategy": strategy}


def _offer_weights(
    workspace: Workspace, dataset: Dataset, here: list[str], *, few: int = 1, kept: bool = False
) -> None:
    """Say plainly that pre-trained weights are missing, and offer to fetch the smallest ones."""
    official = [name for name in here if name != STARTER.name]
    if official or kept:
        return
    smallest = [model for model in models_for(dataset.task) if model.size == "n"][:few]
    if here:
        st.markdown(
            "No official pre-trained weights for this task are on this machine, only the starter that ships with Graft "
            f"({STARTER_WORDS}). With official ones the answer is worth more."
        )
    else:
        st.warning(
            "No pre-trained weights for this task are on this machine: all would start from random numbers, which "
            "takes many times the pictures and epochs, and says nothing about what transfer would bring. Fetch some "
            "first.",
            icon=":material/download:",
        )
    with st.container(horizontal=True):
        wanted = [
            model
            for model in smallest
            if st.button(f"Download {model.file} ({megabytes(model.download_bytes)})", key=f"lab_get_{model.name}")
        ]
    if wanted and show_download(workspace, wanted[0]):
        st.rerun()


def _ask_product(workspace: Workspace, dataset: Dataset, _kind: str) -> dict[str, Any]:
    runs = [
        run
        for run in list_runs(workspace)
        if run.task == dataset.task and run.best_weights is not None and run.dataset != dataset.id and not run.active
    ]
    if not runs:
        st.markdown(
            f"None of your models was trained on another dataset than {plain(dataset.name)}: train one on the old "
            "product’s pictures first."
        )
        next_step("Train on another dataset", "dataset.py", key="lab_product_train")
        return {"run": ""}
    names = {run.id: f"{run.name} ({run.dataset_name})" for run in runs}
    run = st.selectbox("Your model", list(names), key=f"lab_{dataset.id}_run", format_func=names.__getitem__,
                       help=f"It goes on learning on {dataset.name}.")  # fmt: skip
    keep = field_widget(ProductSettings, "keep_old", key=f"lab_{dataset.id}_keep_old")
    return {"run": run, "keep_old": keep, "strategy": FINE_TUNE, "seeds": 1}


def show_cost(workspace: Workspace, dataset: Dataset, kind: str, values: dict[str, Any]) -> None:
    """Say what it will cost, and start it."""
    try:
        settings: Any = MODELS[kind].model_validate(values)
        cost = estimate(workspace, dataset, settings)
    except ValidationError as error:
        for sentence in problems(error, MODELS[kind]):
            st.markdown(plain(sentence))
        return
    except InputError as error:
        st.markdown(plain(str(error)) if values.get("run") else "Choose one of your models first.")
        return
    st.markdown(f"**{cost.words}** It goes on when you close this page, and can be stopped at any time.")
    if st.button("Start", key="lab_start", type="primary", icon=":material/play_arrow:"):
        try:
            experiment = start_experiment(workspace, dataset.id, settings)
        except InputError as error:
            st.error(plain(str(error)), title="This can’t start yet")
            return
        go_to("lab.py", experiment=experiment.id)
    python_fold(_code(dataset, settings), key="lab_start")


def _code(dataset: Dataset, settings: BaseModel) -> str:
    given = settings.model_dump(mode="json", exclude_defaults=True)
    arguments = "\n".join(f"    {name}={value!r}," for name, value in given.items())
    kind = type(settings).__name__
    return (
        f"from core.lab.experiment import {kind}\n"
        "from core.lab.jobs import start_experiment, wait_experiment\n"
        "from core.workspace import Workspace\n\n"
        f"workspace = Workspace.current()\nsettings = {kind}(\n{arguments}\n)\n"
        f"experiment = start_experiment(workspace, {dataset.id!r}, settings)\n"
        "print(*wait_experiment(workspace, experiment.id).status.sentences, sep='\\n')"
    )
