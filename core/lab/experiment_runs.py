"""What every experiment's driver does: start runs through the ordinary queue, wait for them, keep what is known.

Everything can be done twice: a driver that vanished is started again and finds its runs by their names. Runs are
ordinary runs, so they queue, survive, resume and show on the Runs page, tagged with the experiment.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from core.data.dataset import Dataset, load_dataset
from core.errors import GraftError, InputError
from core.lab.experiment import Experiment, LabState, Status
from core.metric_words import metric_words
from core.spec import SPEC_FILE, TrainingSpec
from core.strategies import Strategy
from core.training.records.progress import read_progress
from core.training.runs import edit_run, get_run, list_runs, resume_run, start_run, stop_run
from core.training.store import Run, State
from core.workspace import Workspace

CHECK_EVERY = 1.0
"""Seconds between two checks of the runs."""
PAUSED = "Waiting for what you paused:"
ATTEMPTS = 3
"""How often a run whose process vanished is taken up again."""


@dataclass(frozen=True)
class Part:
    """One training an experiment wants: its name within it, what to start from, how long."""

    key: str
    model: str
    strategy: Strategy
    epochs: int
    """epochs it must have been planned for; a finished run of fewer goes on"""
    seed: int = 0
    dataset: str = ""
    """another dataset than the experiment's own"""
    settings: dict[str, Any] = field(default_factory=dict)
    """what differs from the experiment's settings: imgsz, batch, extra (merged)"""


class ExperimentRuns:
    """The runs of one experiment: starts them, waits for them, keeps its status; made by the driver process."""

    def __init__(self, workspace: Workspace, experiment: Experiment) -> None:
        """Take the experiment up where its status says it is."""
        self.workspace, self.experiment = workspace, experiment
        self.status: Status = experiment.status
        self.dataset: Dataset = load_dataset(workspace, experiment.dataset)
        if self.status.started is None:
            self.status.started = datetime.now(UTC)
        self.status.state = LabState.STOPPING if self.stopping else LabState.RUNNING
        self.status.refused = {}
        self.save()

    @property
    def stopping(self) -> bool:
        """True once the user has asked to stop."""
        return (self.experiment.folder / "request").exists()

    @property
    def metric_words(self) -> str:
        """The figure all is judged by, in words."""
        return metric_words(self.experiment.metric)

    @property
    def validation_pictures(self) -> int:
        """How many pictures the contenders are judged on."""
        return self.dataset.images.get("val", 0)

    def save(self) -> None:
        """Write what is known."""
        self.experiment.write_status(self.status)

    def say(self, message: str) -> None:
        """Say what is being done."""
        self.status.message = message
        self.save()

    def run(self, run_id: str) -> Run:
        """Return one run as it is now."""
        return get_run(self.workspace, run_id)

    def nothing_trained(self) -> GraftError:
        """Return the error for an experiment none of whose trainings worked."""
        if self.stopping:
            return GraftError("It was stopped before anything was trained.")
        reason = next(iter(self.status.refused.values()), "")
        return GraftError(f"None of the trainings worked. {reason}".strip())

    def name_of(self, key: str) -> str:
        """Return the name of the run that is the part `key`; no other run is called so."""
        return f"{key} ({self.experiment.settings.kind} {self.experiment.short})"[:120]

    def find(self, key: str) -> Run | None:
        """Return the run that is the part `key`, None when it was not started yet or was deleted."""
        name = self.name_of(key)
        for run in list_runs(self.workspace):
            if run.id == self.status.runs.get(key) or run.name == name:
                return run
        return None

    def spec(self, part: Part) -> TrainingSpec:
        """Return the specification of one part."""
        settings = self.experiment.settings
        values: dict[str, Any] = {"imgsz": settings.imgsz, "batch": settings.batch, **part.settings}
        values["extra"] = {**settings.extra, **part.settings.get("extra", {})}
        return TrainingSpec(
            dataset=part.dataset or self.experiment.dataset,
            task=self.experiment.task,
            model=part.model,
            strategy=part.strategy,
            epochs=part.epochs,
            seed=part.seed,
            device=settings.device,
            patience=0,  # all train the same time: who stops early can't be compared
            name=self.name_of(part.key),
            **values,
        )

    def train(self, parts: list[Part], on_wait: Callable[[], None] | None = None) -> dict[str, Run]:
        """Train all parts and wait; return those that have a model now. What went wrong is in `status.refused`.

        `on_wait` is called about once a second. On a stop the active ones end and keep their best.
        """
        for part in parts:
            if not self.stopping:
                self._begin(part)
        asked: set[str] = set()
        before = self.status.message
        while True:
            runs = {part.key: run for part in parts if (run := self._present(part.key)) is not None}
            if self.stopping:
                self._end(list(runs.values()), asked)
            else:
                self._take_up(runs)
            if on_wait is not None:
                on_wait()
            waiting = [run for run in runs.values() if run.active or (run.state is State.PAUSED and not self.stopping)]
            if not waiting:
                break
            words = before
            if all(run.state is State.PAUSED for run in waiting):
                words = f"{PAUSED} {', '.join(run.name for run in waiting)}. Resume it on the Runs page."
            if words != self.status.message and not self.stopping:
                self.say(words)
            time.sleep(CHECK_EVERY)
        for key, run in runs.items():
            kept = run.state in (State.FINISHED, State.STOPPED) or (self.stopping and run.state is State.CANCELLED)
            if run.best_weights is None or not kept:
                self.status.refused[key] = run.cause or f"The training was {run.state}."
        return {key: run for key, run in runs.items() if key not in self.status.refused}

    def _begin(self, part: Part) -> None:
        run = self.find(part.key)
        try:
            if run is None:
                run = start_run(self.workspace, self.spec(part))
            if self.experiment.id not in run.tags:  # also where a driver was killed between the start and the tag
                edit_run(self.workspace, run.id, tags=[*run.tags, self.experiment.id])
            if run.state is State.FINISHED and (missing := part.epochs - run.spec.epochs - run.more_epochs) > 0:
                resume_run(self.workspace, run.id, more_epochs=missing)
        except InputError as error:
            self.status.refused[part.key] = str(error)
            if run is None:
                return
        self.status.runs[part.key] = run.id
        self.save()

    def _present(self, key: str) -> Run | None:
        run_id = self.status.runs.get(key)
        if run_id is None or (key in self.status.refused and not (self.workspace.run(run_id) / SPEC_FILE).exists()):
            return None
        try:
            return get_run(self.workspace, run_id)
        except InputError:
            self.status.refused[key] = "The run was deleted."
            return None

    def _end(self, runs: list[Run], asked: set[str]) -> None:
        if self.status.state is not LabState.STOPPING:
            self.status.state = LabState.STOPPING
            self.say("Stopping; the best of what was trained so far is kept.")
        for run in runs:
            if run.active and run.id not in asked:
                asked.add(run.id)
                stop_run(self.workspace, run.id, keep_best=True)

    def _take_up(self, runs: dict[str, Run]) -> None:
        for key, run in runs.items():
            if run.state is State.INTERRUPTED and run.attempt < ATTEMPTS:
                resume_run(self.workspace, run.id)
                runs[key] = get_run(self.workspace, run.id)


def run_seconds(run: Run) -> float:
    """Return the seconds a run spent in its epochs, start-up not counted."""
    table = read_progress(run).curves
    return float(table["seconds"].fillna(0).sum()) if "seconds" in table else 0.0
