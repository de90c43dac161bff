"""What an experiment will cost before it is started: how many trainings, how long."""

from __future__ import annotations

from dataclasses import dataclass

from core.data.dataset import Dataset, load_dataset
from core.lab.experiment import (
    CurveSettings,
    ProductSettings,
    RaceSettings,
    Settings,
    TransferSettings,
    TuneSettings,
)
from core.lab.kinds.curve import subset_epochs
from core.lab.kinds.halving import FINALISTS, rungs
from core.planning.facts import dataset_facts, machine_facts
from core.planning.plan import make_plan
from core.planning.time import START_SECONDS
from core.spec import TrainingSpec
from core.strategies import Strategy
from core.strategies.scratch import SCRATCH
from core.training.runs import get_run
from core.words import about, count
from core.workspace import Workspace


@dataclass(frozen=True)
class Cost:
    """Trainings and seconds; `measured` when the machine's speed was timed, else the time is a rough guess."""

    trainings: int
    seconds: float
    measured: bool

    @property
    def words(self) -> str:
        """One sentence."""
        rough = "" if self.measured else " That is a rough guess: this machine’s steps were not timed (Model page)."
        return f"{count(self.trainings, 'training')}, {about(self.seconds)} in all.{rough}"


def estimate(workspace: Workspace, dataset: Dataset, settings: Settings) -> Cost:
    """Return what an experiment on a dataset will cost."""
    facts, machine = dataset_facts(dataset), machine_facts(workspace, settings.device)

    def seconds(model: str, strategy: Strategy, epochs: int, pictures: int = facts.train) -> float:
        spec = TrainingSpec(
            dataset=dataset.id,
            task=dataset.task,
            model=model,
            strategy=strategy,
            epochs=max(1, epochs),
            imgsz=settings.imgsz,
            batch=settings.batch,
        )
        return make_plan(facts.model_copy(update={"train": pictures}), machine, spec).seconds

    trainings, total = 0, 0.0
    if isinstance(settings, RaceSettings):
        field, before = len(settings.contenders), 0
        trainings = field
        for rung in rungs(settings.epochs, field, halving=settings.halving):
            each = [seconds(item.model, item.strategy, rung - before) for item in settings.contenders]
            total += field * sum(each) / len(each)
            field, before = max(FINALISTS, -(-field // 2)), rung
    elif isinstance(settings, TransferSettings):
        trainings = 2
        total = seconds(settings.model, settings.strategy, settings.epochs)
        total += seconds(settings.model, SCRATCH, round(settings.epochs * settings.patience_with_scratch))
    elif isinstance(settings, CurveSettings):
        for level in range(settings.parts):
            pictures = max(1, facts.train >> level)
            many = subset_epochs(settings.epochs, facts.train, pictures, same_steps=settings.same_steps)
            total += seconds(settings.model, settings.strategy, many, pictures)
            trainings += 1
    elif isinstance(settings, ProductSettings):
        run = get_run(workspace, settings.run)
        old = load_dataset(workspace, run.dataset).images.get("train", 0) if settings.keep_old else 0
        trainings, total = 1, seconds(run.model, settings.strategy, settings.epochs, facts.train + old)
    elif isinstance(settings, TuneSettings):
        one = seconds(settings.model, settings.strategy, settings.epochs)
        trainings = max(2, min(settings.tries, int(settings.minutes * 60 // max(1.0, one * settings.seeds))))
        total = trainings * one
    return Cost(trainings * settings.seeds, total * settings.seeds + START_SECONDS / 3, machine.speed is not None)
