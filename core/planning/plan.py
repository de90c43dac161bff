"""Plan a fine-tune: settings for this data on this machine in the time there is, each with its reason.

Ultralytics' defaults are made for 100 epochs of COCO (118,000 pictures) at 640 px. On a few hundred pictures they step
the optimizer three or four times per epoch, spend the first epochs warming up, and take most of an hour on a CPU.

    plan = plan_training(workspace, dataset, budget="balanced")
    spec = plan.apply(TrainingSpec(dataset=dataset.id, task=dataset.task))

`make_plan` is pure: the same facts, model and budget give the same plan. `apply` fills in only what the user left open.
"""

from __future__ import annotations

import math
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from core.data.dataset import Dataset
from core.errors import InputError
from core.models.catalog import find_model, models_for
from core.planning import rules
from core.planning import time as plan_time
from core.planning.facts import DatasetFacts, MachineFacts, dataset_facts, machine_facts
from core.planning.rules import Level
from core.spec import TrainingSpec
from core.strategies import Strategy
from core.words import about, count, duration
from core.workspace import Workspace

FIELDS = ("epochs", "imgsz", "batch", "patience", "max_det")
"""Planned settings that are fields of TrainingSpec; the others are Ultralytics arguments in `extra`."""
FEWEST_EPOCHS = 3
"""With fewer epochs than this a smaller image size serves better."""


class PlannedSetting(BaseModel):
    """One setting of a plan."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="field of TrainingSpec or Ultralytics argument")
    value: Any
    reason: str = Field(description="one sentence in the user's words")


class Plan(BaseModel):
    """Settings with their reasons, and how long they will take."""

    budget: str = Field(description="quick, balanced, thorough or minutes")
    model: str
    strategy: Strategy
    settings: list[PlannedSetting]
    seconds: float = Field(description="expected time of the whole run, start and final check included")
    least_seconds: float = Field(description="nine of ten runs take at least so long, unless they end early ...")
    most_seconds: float = Field(description="... and at most so long")
    measured: bool = Field(description="the time rests on steps measured on this machine")
    learnt_from: int = Field(default=0, description="trainings of this machine whose time it was learnt from")
    busy_cores: int = Field(default=0, description="of the processor, with other programs; counted in")
    notes: list[str] = Field(default_factory=list, description="what no setting can mend, one sentence each")

    def value(self, name: str) -> Any:
        """Return a setting's value, None when the plan leaves it as Ultralytics has it."""
        return next((item.value for item in self.settings if item.name == name), None)

    @property
    def reasons(self) -> dict[str, str]:
        """The reason of every setting by its name."""
        return {item.name: item.reason for item in self.settings}

    @property
    def time_words(self) -> str:
        """The expected time in words, with its range."""
        low, high = duration(self.least_seconds), duration(self.most_seconds)
        return f"{about(self.seconds)}, between {low} and {high}" if low != high else about(self.seconds)

    @property
    def time_source(self) -> str:
        """What the time rests on, in a clause."""
        parts = ["from steps timed on this machine" if self.measured else "a rough guess"]
        if self.learnt_from:
            trainings = count(self.learnt_from, "training")
            parts = [f"{parts[0]} and {trainings}" if self.measured else f"learnt from {trainings} on this machine"]
        if self.busy_cores:
            parts.append(f"{count(self.busy_cores, 'core')} busy with other programs")
        return ", ".join(parts)

    def beside_others(self, free: int, cores: int) -> Plan:
        """Return the plan with the time it takes on `free` of the processor's cores: at least as long as on all."""
        slower = plan_time.slowdown(free, cores)
        if slower == 1:
            return self
        times = {"seconds": self.seconds * slower, "most_seconds": self.most_seconds * slower}
        return self.model_copy(update={**times, "busy_cores": cores - free})

    def apply(self, spec: TrainingSpec) -> TrainingSpec:
        """Return the specification with the plan's values where the user set none, and their reasons."""
        fields = {name: self.value(name) for name in FIELDS if name not in spec.model_fields_set}
        fields = {name: value for name, value in fields.items() if value is not None}
        planned = {item.name: item.value for item in self.settings if item.name not in FIELDS}
        extra = {**{name: value for name, value in planned.items() if name not in spec.extra}, **spec.extra}
        reasons = {
            item.name: item.reason
            for item in self.settings
            if (fields.get(item.name, getattr(spec, item.name)) if item.name in FIELDS else extra[item.name])
            == item.value
        }
        return spec.model_copy(update={**fields, "extra": extra, "reasons": {**reasons, **spec.reasons}})


def parse_budget(text: str | float) -> Level | float:
    """Read a budget: quick, balanced, thorough, or a number of minutes. Raises InputError for anything else."""
    cleaned = str(text).strip().lower()
    if cleaned in list(Level):
        return Level(cleaned)
    try:
        minutes = float(cleaned.removesuffix("min").removesuffix("m").strip())
    except ValueError:
        minutes = math.nan
    if not (0 < minutes <= 100_000):
        raise InputError(f"“{text}” is no budget: say quick, balanced, thorough, or a number of minutes such as 20.")
    return minutes


def plan_training(
    workspace: Workspace, dataset: Dataset, spec: TrainingSpec | None = None, *, mirror: bool | None = None
) -> Plan:
    """Gather the facts and plan a training of `dataset`; what `spec` sets by hand is planned around.

    Raises InputError for a budget that is none.
    """
    spec = spec or TrainingSpec(dataset=dataset.id, task=dataset.task)
    facts, machine = dataset_facts(dataset), machine_facts(workspace, spec.device)
    return make_plan(facts, machine, spec, mirror=mirror)


def make_plan(facts: DatasetFacts, machine: MachineFacts, spec: TrainingSpec, *, mirror: bool | None = None) -> Plan:
    """Plan from facts alone; what the user set in `spec` (`model_fields_set`, `extra`) is kept and planned around."""
    budget = parse_budget(spec.budget)
    level = budget if isinstance(budget, Level) else Level.BALANCED
    plan = _plan_level(facts, machine, spec, level, mirror)
    if isinstance(budget, Level):
        return plan
    return _fit_minutes(facts, machine, spec, budget, mirror)


def complete_spec(workspace: Workspace, dataset: Dataset, spec: TrainingSpec) -> TrainingSpec:
    """Return the specification as it will be trained: the plan where the user set nothing."""
    return plan_training(workspace, dataset, spec).apply(spec)


def _plan_level(
    facts: DatasetFacts,
    machine: MachineFacts,
    spec: TrainingSpec,
    level: Level,
    mirror: bool | None,
    size: int | None = None,
    many: int | None = None,
) -> Plan:
    def chosen(name: str, setting: rules.Setting) -> Any:
        return getattr(spec, name) if name in spec.model_fields_set else setting.value

    gflops = _gflops(spec, facts.task)
    image, notes = rules.image_size(facts, machine, level)
    if size is not None and size < image.value:
        image, notes = rules.Setting(size, f"{size} pixels, smaller than best, so that it fits into the time."), notes
    notes = [*notes, *rules.scarce_classes(facts)]
    settings = {"imgsz": image}
    imgsz = chosen("imgsz", image)
    settings |= rules.batch_size(facts, machine, imgsz, gflops)
    batch = chosen("batch", settings["batch"])
    if batch != settings["batch"].value:
        settings["nbs"] = rules.Setting(batch, f"The model is adjusted after every {batch} pictures, as the batch is.")
    settings |= rules.epochs(facts, level, batch, spec.strategy)
    if many is not None:
        settings["epochs"] = rules.Setting(many, f"{many} rounds over all pictures are what fits into the time.")
        settings["patience"] = rules.patience(many, 0.5)
    rounds = chosen("epochs", settings["epochs"])
    settings |= rules.learning_rate_settings(facts, batch, rounds)
    settings |= rules.augmentation(facts, rounds, mirror=mirror)
    settings |= rules.weighting(facts)
    settings |= rules.most_findings(facts)
    settings |= rules.machinery(facts, machine, imgsz, rounds)
    trained = spec.model_copy(update={"task": facts.task, "imgsz": imgsz, "batch": batch, "epochs": rounds})
    ratios = machine.ratios.get(facts.task, ())
    time = plan_time.likely_seconds(
        expected_seconds(machine, trained, train=facts.train, val=facts.val), ratios, measured=machine.speed is not None
    )
    return Plan(
        budget=spec.budget,
        model=spec.model,
        strategy=spec.strategy,
        settings=[PlannedSetting(name=name, value=item.value, reason=item.reason) for name, item in settings.items()],
        seconds=time.value,
        least_seconds=time.low,
        most_seconds=time.high,
        measured=machine.speed is not None,
        learnt_from=len(ratios),
        notes=notes,
    )


def _fit_minutes(
    facts: DatasetFacts, machine: MachineFacts, spec: TrainingSpec, minutes: float, mirror: bool | None
) -> Plan:
    """Fit a plan into minutes: the level that fits, its epochs stretched or cut; a smaller size when that is short."""
    allowed = minutes * 60
    ratios = machine.ratios.get(facts.task, ())
    learnt = plan_time.likely_seconds(1.0, ratios, measured=machine.speed is not None).value
    most = rules.EFFORT[Level.THOROUGH].epochs[1]
    size: int | None = None
    while True:
        best: Plan | None = None
        for level in (Level.THOROUGH, Level.BALANCED, Level.QUICK):
            plan = _plan_level(facts, machine, spec, level, mirror, size)
            best = plan
            if plan.seconds <= allowed:
                break
        assert best is not None
        level_epochs = spec.epochs if "epochs" in spec.model_fields_set else best.value("epochs")
        fixed = plan_time.run_seconds(0, 0.0) * learnt
        each = (best.seconds - fixed) / max(1, level_epochs)
        fit = int((allowed - fixed) / each)
        imgsz = best.value("imgsz")
        if fit >= FEWEST_EPOCHS or imgsz <= 160 or "imgsz" in spec.model_fields_set:
            break
        size = imgsz - rules.STRIDE
    many = max(1, min(most, fit))
    fitted = _plan_level(facts, machine, spec, level, mirror, size, many)
    if fitted.seconds > allowed * 1.05:
        fitted.notes.append(
            f"{duration(60 * minutes)} are short for this set and machine: this plan takes {fitted.time_words}."
        )
    return fitted


def expected_seconds(machine: MachineFacts, spec: TrainingSpec, *, train: int, val: int) -> float:
    """Return the seconds of the whole run by the work of its steps alone, not by what earlier trainings took.

    `spec` is complete; `train` and `val` count pictures.
    """
    one = plan_time.epoch_seconds(
        machine, task=spec.task, gflops=_gflops(spec, spec.task), imgsz=spec.imgsz, batch=spec.batch, train=train,
        val=val, frozen=spec.strategy.frozen_share == 1, teacher_gflops=_teacher_gflops(spec),
    )  # fmt: skip
    return plan_time.run_seconds(spec.epochs, one)


def _teacher_gflops(spec: TrainingSpec) -> float:
    """Return the work of a run's teacher, 0 without one; one of the user's own counts as the newest family's size s."""
    if not spec.teacher:
        return 0.0
    unknown = next(item.name for item in models_for(spec.task) if item.size == "s")
    teacher = spec.teacher if find_model(spec.teacher) else unknown
    return _gflops(spec.model_copy(update={"model": teacher}), spec.task)


def _gflops(spec: TrainingSpec, task: str) -> float:
    model = find_model(spec.model)
    candidates = models_for(task)
    if model is not None and model.task != task:
        model = next((item for item in candidates if item.family == model.family and item.size == model.size), None)
    return model.gflops if model else candidates[0].gflops
