"""What an experiment is on disk: `lab/<id>/` of a workspace, with what was asked and what is known so far.

experiment.json   this module's `Experiment`: the question and its settings, written once
status.json       this module's `Status`: rewritten by the experiment's driver alone, atomically
driver.json       pid and identity of the driver, and how often one was started
driver.lock       held by the living driver, so that there is never a second one
request           "stop", when the user asked for it
driver.log        the driver's output
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from core.errors import InputError
from core.spec import OWN_ARGUMENTS, TrainingSpec, own_words
from core.strategies import Strategy
from core.strategies.fine_tune import FINE_TUNE
from core.strategies.strategy import strategy_named
from core.tasks import TASKS, Task
from core.training.store import Run
from core.workspace import ID_PATTERN, Workspace, write_text_atomic

_FIELDS = TrainingSpec.model_fields
LONGEST = 48
"""Letters of a model's name on the leaderboard; the middle of a longer one is left out, as ids end in what tells."""


class Contender(BaseModel):
    """One entry of a race: a pre-trained model and how it is used."""

    model_config = ConfigDict(frozen=True)

    model: str
    strategy: Strategy = FINE_TUNE
    name: str = Field(default="", description="what to call the model, when its id says little")

    @property
    def label(self) -> str:
        """Its name on the leaderboard: `yolo11n, two-stage`."""
        model = self.name or self.model
        short = model if len(model) <= LONGEST else f"{model[: LONGEST // 2]}…{model[-LONGEST // 2 + 1 :]}"
        return f"{short}, {self.strategy}"


def parse_contender(text: str) -> Contender:
    """Read `yolo11n:two-stage` or `yolo11n` (fine-tune); the model may be run:ID or library:ID.

    Raises InputError for a strategy there is none of.
    """
    model, _, strategy = text.strip().rpartition(":")
    if strategy in Strategy.known:
        return Contender(model=model, strategy=strategy_named(strategy))
    if model and model not in ("run", "library"):
        known = ", ".join(Strategy.known)
        raise InputError(f"“{strategy}” is not a strategy ({text}): write MODEL:STRATEGY with one of {known}.")
    return Contender(model=text.strip())


class _CommonSettings(BaseModel):
    """What every experiment's trainings have in common."""

    model_config = ConfigDict(extra="forbid")

    epochs: int = Field(
        default=9, ge=1, le=10_000, title=_FIELDS["epochs"].title, description=_FIELDS["epochs"].description
    )
    imgsz: int = Field(
        default=320, ge=32, le=4096, title=_FIELDS["imgsz"].title, description=_FIELDS["imgsz"].description
    )
    batch: int = Field(default=8, ge=1, le=1024, title=_FIELDS["batch"].title, description=_FIELDS["batch"].description)
    device: str = Field(default="auto", title=_FIELDS["device"].title, description=_FIELDS["device"].description)
    extra: dict[str, Any] = Field(
        default_factory=dict, title=_FIELDS["extra"].title, description=_FIELDS["extra"].description
    )
    seeds: int = Field(
        default=1,
        ge=1,
        le=10,
        title="Trainings each (seeds)",
        description="How often each one is trained, each time with other random numbers. With one, luck between "
        "trainings stays unknown; three show it.",
    )


class RaceSettings(_CommonSettings):
    """Which model should I use?"""

    kind: Literal["race"] = "race"
    contenders: list[Contender] = Field(
        min_length=2,
        max_length=32,
        title="Contenders",
        description="Models and strategies that race: MODEL or MODEL:STRATEGY.",
    )
    halving: bool = Field(
        default=True,
        title="Stop the hopeless ones early",
        description="All train a little, the better half goes on, and so forth (successive halving). Saves more than "
        "half of the time; a slow starter may be stopped too soon, so what is stopped is said with its interval.",
    )


class TransferSettings(_CommonSettings):
    """What did transfer buy?"""

    kind: Literal["transfer"] = "transfer"
    model: str = Field(default="yolo26n", title=_FIELDS["model"].title, description=_FIELDS["model"].description)
    strategy: Strategy = Field(
        default=FINE_TUNE, title=_FIELDS["strategy"].title, description=_FIELDS["strategy"].description
    )
    patience_with_scratch: float = Field(
        default=3.0,
        ge=1,
        le=50,
        title="From scratch: how many times the epochs",
        description="It starts from random numbers and needs longer: this many times the epochs.",
    )


class CurveSettings(_CommonSettings):
    """How many pictures do I need?"""

    kind: Literal["curve"] = "curve"
    model: str = Field(default="yolo26n", title=_FIELDS["model"].title, description=_FIELDS["model"].description)
    strategy: Strategy = Field(
        default=FINE_TUNE, title=_FIELDS["strategy"].title, description=_FIELDS["strategy"].description
    )
    parts: int = Field(
        default=4,
        ge=2,
        le=7,
        title="Set sizes",
        description="All training pictures, half of them, a quarter, and so on: how many such sizes.",
    )
    seeds: int = Field(
        default=2,
        ge=1,
        le=10,
        title="Trainings per size (seeds)",
        description="How often each size is tried, each time with other pictures and random numbers.",
    )
    same_steps: bool = Field(
        default=True,
        title="Give small sets as much training",
        description="A set of half the size is shown twice as often, so that only the pictures differ, not the "
        "amount of training. Up to eight times as often.",
    )


class ProductSettings(_CommonSettings):
    """A new product on the line."""

    kind: Literal["product"] = "product"
    run: str = Field(title="Your model", description="The id of the run whose model goes on learning.")
    strategy: Strategy = Field(
        default=FINE_TUNE, title=_FIELDS["strategy"].title, description=_FIELDS["strategy"].description
    )
    keep_old: bool = Field(
        default=True,
        title="Keep showing it the old pictures",
        description="Trains on the old and the new pictures together. Without, it learns from the new ones alone and "
        "is likely to forget the old.",
    )


class TuneSettings(_CommonSettings):
    """Tune a few settings."""

    kind: Literal["tune"] = "tune"
    model: str = Field(default="yolo26n", title=_FIELDS["model"].title, description=_FIELDS["model"].description)
    strategy: Strategy = Field(
        default=FINE_TUNE, title=_FIELDS["strategy"].title, description=_FIELDS["strategy"].description
    )
    minutes: float = Field(
        default=20,
        gt=0,
        le=10_000,
        title="Time for it (minutes)",
        description="No new try is begun that would not end within this time; two are made in any case.",
    )
    tries: int = Field(
        default=12, ge=2, le=500, title="Tries at most", description="How many trainings at most, the first as planned."
    )
    search: list[Literal["lr0", "strategy", "imgsz", "augmentation"]] = Field(
        default_factory=lambda: ["lr0", "strategy", "augmentation"],  # type: ignore[arg-type]
        min_length=1,
        title="What may change",
        description="The learning rate (lr0), how much is kept (strategy), the picture size (imgsz), how much the "
        "pictures are varied (augmentation).",
    )


Settings = Annotated[
    RaceSettings | TransferSettings | CurveSettings | ProductSettings | TuneSettings, Field(discriminator="kind")
]

KIND_WORDS = {
    "race": "Which model should I use?",
    "transfer": "What did transfer buy?",
    "curve": "How many pictures do I need?",
    "product": "A new product on the line",
    "tune": "Can the settings be better?",
}
"""The question each kind of experiment answers."""
DRIVES = {kind: f"core.lab.kinds.{kind}" for kind in KIND_WORDS}
"""The module whose `drive` answers each kind; the driver imports it when it is needed."""


class LabState(StrEnum):
    """Where an experiment is."""

    WAITING = "waiting"
    RUNNING = "running"
    STOPPING = "stopping"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"


ENDED = (LabState.FINISHED, LabState.STOPPED, LabState.FAILED)


class Status(BaseModel):
    """What is known of an experiment so far; written by its driver only."""

    model_config = ConfigDict(extra="ignore")

    state: LabState = LabState.WAITING
    message: str = Field(default="", description="what it is doing, a sentence")
    cause: str = Field(default="", description="why it failed, a sentence")
    runs: dict[str, str] = Field(default_factory=dict, description="run ids by their part in the experiment")
    refused: dict[str, str] = Field(default_factory=dict, description="parts that could not be trained, and why")
    sentences: list[str] = Field(default_factory=list, description="the answer, the recommendation first")
    result: dict[str, Any] = Field(default_factory=dict, description="figures behind the answer")
    started: datetime | None = None
    ended: datetime | None = None


class Experiment(BaseModel):
    """An experiment; the content of its `experiment.json`."""

    model_config = ConfigDict(extra="forbid")

    id: str
    name: str
    dataset: str
    dataset_name: str
    task: Task
    created: datetime = Field(default_factory=lambda: datetime.now(UTC))
    settings: Settings

    _folder: Path = PrivateAttr(default_factory=Path)

    @property
    def folder(self) -> Path:
        """The experiment's folder."""
        return self._folder

    @property
    def question(self) -> str:
        """What it answers."""
        return KIND_WORDS[self.settings.kind]

    @property
    def short(self) -> str:
        """The end of its id, which tells its runs from those of other experiments."""
        return self.id[-6:]

    @property
    def metric(self) -> str:
        """The figure everything is judged by: top-1 for classification, else mAP50-95 of the task's own measure."""
        return TASKS[self.task].headline

    @property
    def status(self) -> Status:
        """What is known so far, as the driver wrote it last."""
        try:
            return Status.model_validate_json((self.folder / "status.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Status()
        except (ValidationError, ValueError):
            cause = (
                f"{self.folder / 'status.json'} is damaged, so its answer is lost. Bring the file back from a copy, or "
                "ask the question again; the runs it made are on the Runs page."
            )
            return Status(state=LabState.FAILED, cause=cause)

    def write_status(self, status: Status) -> None:
        """Write what is known; for the driver."""
        write_text_atomic(self.folder / "status.json", status.model_dump_json(indent=1) + "\n")


def lab_root(workspace: Workspace) -> Path:
    """Return the folder of all experiments of a workspace."""
    return workspace.root / "lab"


def save_experiment(workspace: Workspace, experiment: Experiment) -> Experiment:
    """Make the experiment's folder with its experiment.json."""
    experiment._folder = lab_root(workspace) / experiment.id
    try:
        experiment.folder.mkdir(parents=True)
        write_text_atomic(experiment.folder / "experiment.json", experiment.model_dump_json(indent=2) + "\n")
    except OSError:  # full or read only: no folder of a question that nobody asked
        shutil.rmtree(experiment.folder, ignore_errors=True)
        raise
    return experiment


def read_experiment(workspace: Workspace, experiment_id: str) -> Experiment:
    """Return an experiment by its id. Raises InputError when there is none."""
    path = lab_root(workspace) / experiment_id / "experiment.json"
    if not ID_PATTERN.match(experiment_id) or not path.is_file():
        raise InputError(f"There is no experiment “{experiment_id}” in this workspace; the Lab page lists them.")
    try:
        experiment = Experiment.model_validate_json(path.read_text(encoding="utf-8"))
    except ValueError as error:  # a ValidationError is one
        raise InputError(
            f"The experiment “{experiment_id}” can't be shown: {path} is damaged or of a newer version. Bring it back "
            "from a copy of the workspace, or ask the question again."
        ) from error
    experiment._folder = path.parent
    return experiment


def read_experiments(workspace: Workspace) -> list[Experiment]:
    """Return all experiments, newest first; `damaged_experiments` names those that can't be read."""
    found = []
    for path in lab_root(workspace).glob("*/experiment.json"):
        try:
            found.append(read_experiment(workspace, path.parent.name))
        except (InputError, OSError):
            continue  # damaged, or being deleted
    return sorted(found, key=lambda item: item.created, reverse=True)


def runs_apart(workspace: Workspace, runs: Iterable[Run]) -> list[Run]:
    """Return the runs, in their order, that no experiment has started: those of one are there to be compared."""
    experiments = {item.id for item in read_experiments(workspace)}
    return [run for run in runs if not experiments & set(run.tags)]


def damaged_experiments(workspace: Workspace) -> list[str]:
    """Return a sentence for each experiment that can't be read, with the file and the way out."""
    said = []
    for path in sorted(lab_root(workspace).glob("*/experiment.json")):
        try:
            read_experiment(workspace, path.parent.name)
        except InputError as error:
            if path.is_file():
                said.append(str(error))
        except OSError:
            continue  # being deleted
    return said


def check_extra(extra: dict[str, Any]) -> None:
    """Raise InputError for expert settings that Graft sets itself."""
    taken = sorted(OWN_ARGUMENTS & extra.keys())
    if taken:
        raise InputError(f"{own_words(taken)}.")
