"""What an experiment starts with when nothing is said: contenders and settings that suit the dataset."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from core.data.dataset import Dataset
from core.lab.experiment import Contender
from core.models.catalog import STARTER, models_for
from core.models.weights import is_here, models_to_choose
from core.planning.plan import plan_training
from core.spec import TrainingSpec
from core.strategies.fine_tune import FINE_TUNE
from core.strategies.frozen import FROZEN
from core.strategies.scratch import SCRATCH
from core.strategies.two_stage import TWO_STAGE
from core.tasks import Task
from core.workspace import Workspace

MOST = 4
"""Contenders suggested: a race of four is over soon and still has two families and two strategies."""


def models_here(workspace: Workspace, task: Task) -> list[str]:
    """Return the pre-trained models whose weights are on this machine, the smallest first, the starter last."""
    here = [model for model in models_to_choose(task) if is_here(workspace, model)]
    here.sort(key=lambda model: (model is STARTER, "nsmlx".index(model.size)))
    return [model.name for model in here]


def suggest_contenders(workspace: Workspace, task: Task) -> list[Contender]:
    """Return up to four contenders: two models at hand, each fine-tuned and two-stage; from scratch without weights.

    Where there is only one model it races with itself in three strategies, and with its like from scratch.
    """
    here = models_here(workspace, task)
    if not here:
        smallest = [model.name for model in models_for(task) if model.size == "n"]
        return [Contender(model=name, strategy=SCRATCH) for name in smallest[:MOST]]
    both = (FINE_TUNE, TWO_STAGE)
    if len(here) == 1:
        like = models_for(task)[0].name if here[0] == STARTER.name else here[0]
        alone = [Contender(model=here[0], strategy=strategy) for strategy in (*both, FROZEN)]
        return [*alone, Contender(model=like, strategy=SCRATCH)]
    return [Contender(model=name, strategy=strategy) for strategy in both for name in here[:2]][:MOST]


def suggest_settings(workspace: Workspace, dataset: Dataset, model: type[BaseModel]) -> dict[str, Any]:
    """Return the settings in which an experiment on this dataset should differ from its model's defaults.

    Epochs, picture size and batch are those of the quick plan: an experiment is many trainings.
    """
    start = (models_here(workspace, dataset.task) or [models_for(dataset.task)[0].name])[0]
    plan = plan_training(
        workspace, dataset, TrainingSpec(dataset=dataset.id, task=dataset.task, model=start, budget="quick")
    )
    values = {name: value for name in ("epochs", "imgsz", "batch") if (value := plan.value(name)) is not None}
    if "model" in model.model_fields:
        values["model"] = start
    return values
