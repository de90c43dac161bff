"""What an experiment starts with when nothing is said: contenders and settings that suit the dataset."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from core.data.dataset import Dataset, Task
from core.lab.experiment import Contender
from core.models.catalog import models_for
from core.models.plan import plan_training
from core.training.spec import Strategy, TrainingSpec
from core.workspace import Workspace

MOST = 4
"""Contenders suggested: a race of four is over soon and still has two families and two strategies."""


def models_here(workspace: Workspace, task: Task) -> list[str]:
    """Return the catalogue's models whose weights are in the workspace, the smallest first."""
    here = [model for model in models_for(task) if (workspace.weights / model.file).is_file()]
    return [model.name for model in sorted(here, key=lambda model: "nsmlx".index(model.size))]


def suggest_contenders(workspace: Workspace, task: Task) -> list[Contender]:
    """Return up to four contenders: two models at hand, each fine-tuned and two-stage; from scratch without weights."""
    here = models_here(workspace, task)
    if not here:
        smallest = [model.name for model in models_for(task) if model.size == "n"]
        return [Contender(model=name, strategy=Strategy.SCRATCH) for name in smallest[:MOST]]
    strategies = (Strategy.FINE_TUNE, Strategy.TWO_STAGE)
    if len(here) == 1:
        strategies = (*strategies, Strategy.FROZEN, Strategy.SCRATCH)  # type: ignore[assignment]
    return [Contender(model=name, strategy=strategy) for strategy in strategies for name in here[:2]][:MOST]


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
