"""Start, list, stop, wait for and delete experiments: what the page and the command line call.

Every reading makes sure that the driver of an experiment that has not ended is there: one that vanished (a restart of
the machine) is started again and goes on.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from core.data.dataset import load_dataset
from core.errors import InputError
from core.lab.experiment import (
    ENDED,
    KIND_WORDS,
    Experiment,
    LabState,
    ProductSettings,
    RaceSettings,
    Settings,
    Status,
    TransferSettings,
    check_extra,
    read_experiment,
    read_experiments,
    save_experiment,
)
from core.lab.kinds import product
from core.models.catalog import model_for_task
from core.models.weights import missing_words
from core.processes.lifetime import is_alive, start_child
from core.strategies import Strategy
from core.strategies.scratch import SCRATCH
from core.tasks import Task
from core.training.runs import delete_run, list_runs
from core.training.starting_points import locate
from core.words import SPLIT_WORDS
from core.workspace import Workspace, folder_bytes, new_id, write_text_atomic

STARTS, STARTS_WITHIN = 5, 1800.0
"""A driver that was started so often within so many seconds and is gone again: the experiment counts as failed."""
START_GRACE = 20.0
"""Seconds a driver that was started may take to say that it is there."""


def start_experiment(workspace: Workspace, dataset_id: str, settings: Settings, *, name: str = "") -> Experiment:
    """Check what is asked, write it down and start its driver.

    Raises InputError for an unknown dataset or one with blocking errors, and for weights that are not there: all of
    a race's contenders must be able to start.
    """
    workspace.check_writable()
    dataset = load_dataset(workspace, dataset_id)
    if dataset.errors:
        raise InputError(f"“{dataset.name}” can't be trained on yet: {dataset.errors[0].message}")
    for split in ("train", "val"):
        if not dataset.images.get(split):
            raise InputError(
                f"“{dataset.name}” has no {SPLIT_WORDS[split]} pictures; split it again on the Dataset page."
            )
    check_extra(settings.extra)
    if isinstance(settings, RaceSettings):
        if len({item.label for item in settings.contenders}) < len(settings.contenders):
            raise InputError("A contender is in the race twice; to train each more often, ask for more seeds.")
        for item in settings.contenders:
            check_model(workspace, item.model, item.strategy, dataset.task)
    elif isinstance(settings, TransferSettings):
        if not settings.strategy.reuses:
            raise InputError("From scratch is what transfer is compared with: choose another strategy for it.")
        check_model(workspace, settings.model, SCRATCH, dataset.task)  # it needs an architecture we know
        check_model(workspace, settings.model, settings.strategy, dataset.task)
    elif isinstance(settings, ProductSettings):
        product.check(workspace, dataset, settings)
    else:
        check_model(workspace, settings.model, settings.strategy, dataset.task)
    experiment = Experiment(
        id=new_id(f"{dataset.name[:24]}-{settings.kind}"),
        name=name or f"{KIND_WORDS[settings.kind]} {dataset.name}",
        dataset=dataset.id,
        dataset_name=dataset.name,
        task=dataset.task,
        settings=settings,
    )
    save_experiment(workspace, experiment)
    _start_driver(experiment)
    return experiment


def check_model(workspace: Workspace, model: str, strategy: Strategy, task: Task) -> None:
    """Raise InputError when a training could not start from this model."""
    if not strategy.reuses:
        model_for_task(model, task)
    elif locate(workspace, model, task) is None:
        raise InputError(missing_words(model_for_task(model, task)))


def list_experiments(workspace: Workspace) -> list[Experiment]:
    """Return all experiments, newest first, each with its driver at work when it has not ended."""
    found = read_experiments(workspace)
    for experiment in found:
        _keep_at_work(experiment)
    return found


def get_experiment(workspace: Workspace, experiment_id: str) -> Experiment:
    """Return one experiment with its driver at work when it has not ended. Raises InputError when there is none."""
    experiment = read_experiment(workspace, experiment_id)
    _keep_at_work(experiment)
    return experiment


def stop_experiment(workspace: Workspace, experiment_id: str) -> Experiment:
    """Ask an experiment to stop: what trains ends and keeps its best, and what is known is summed up."""
    experiment = read_experiment(workspace, experiment_id)
    if experiment.status.state not in ENDED:
        write_text_atomic(experiment.folder / "request", "stop")
        _revive_driver(experiment)
    return experiment


def wait_experiment(
    workspace: Workspace,
    experiment_id: str,
    timeout: float | None = None,
    on_status: Callable[[Status], None] | None = None,
) -> Experiment:
    """Wait until an experiment has ended; `on_status` is called about once a second."""
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        experiment = get_experiment(workspace, experiment_id)
        status = experiment.status
        if on_status is not None:
            on_status(status)
        if status.state in ENDED or (deadline is not None and time.monotonic() > deadline):
            return experiment
        time.sleep(1.0)


def delete_experiment(workspace: Workspace, experiment_id: str, *, with_runs: bool = False) -> int:
    """Remove an experiment that has ended, and with `with_runs` its runs; return the bytes freed."""
    experiment = read_experiment(workspace, experiment_id)
    if experiment.status.state not in ENDED:
        raise InputError(f"The experiment {experiment.id} is at work; stop it before deleting it.")
    freed = 0
    if with_runs:
        freed += sum(delete_run(workspace, run.id) for run in list_runs(workspace, tag=experiment.id))
    freed += folder_bytes(experiment.folder)
    grave = workspace.staging_root / f"deleted-{experiment.id}"
    os.replace(experiment.folder, grave)
    shutil.rmtree(grave)
    return freed


def driver_alive(folder: Path) -> bool:
    """Say whether the driver of the experiment in `folder` is at work, or was started a moment ago."""
    try:
        known = json.loads((folder / "driver.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        known = {}
    if is_alive(known.get("pid"), known.get("identity")):
        return True
    return any(abs(time.time() - moment) < START_GRACE for moment in _starts(folder)[-1:])


def _starts(folder: Path) -> list[float]:
    """Return when drivers were started, in seconds since 1970."""
    log = folder / "starts"
    lines = log.read_text().splitlines() if log.exists() else []
    return [float(line) for line in lines if re.fullmatch(r"\d{10}\.\d", line)]  # a full disk may have torn one


def _keep_at_work(experiment: Experiment) -> None:
    """Start an experiment's driver again where it is gone; on a full or read-only disk it is only looked at."""
    with suppress(OSError):
        _revive_driver(experiment)


def _revive_driver(experiment: Experiment) -> None:
    if experiment.status.state in ENDED or driver_alive(experiment.folder):
        return
    status = experiment.status
    if status.state in ENDED:
        return  # it ended in between
    lately = [moment for moment in _starts(experiment.folder) if time.time() - moment < STARTS_WITHIN]
    if len(lately) >= STARTS:
        status.state = LabState.FAILED
        status.cause = (
            f"Its driver ended {STARTS} times without a word (out of memory?). The runs it made are on the Runs page."
        )
        experiment.write_status(status)
        return
    _start_driver(experiment)


def _start_driver(experiment: Experiment) -> None:
    folder = experiment.folder
    with (folder / "starts").open("a") as file:
        file.write(f"{time.time():.1f}\n")
    start_child("core.lab.experiment_worker", str(folder), log=folder / "driver.log")
