"""What a training can start from, by the text that names it.

A model of the catalogue (`yolo26n`), `starter`, the path of a .pt file, `run:<id>` for the best model of a run,
`library:<id>` for one the user kept.
"""

from __future__ import annotations

import os
from pathlib import Path

from core.errors import InputError
from core.files.digests import file_sha256
from core.models.catalog import STARTER, find_model, model_for_task
from core.models.library import get_model
from core.models.starter.checkpoint import CHECKPOINT, STARTER_WORDS
from core.models.weights import WeightsFile, describe_weights, described_file
from core.tasks import Task
from core.training.store import RunStore
from core.workspace import Workspace, read_json, write_json_atomic

CHECKED = "checked.json"
"""In the workspace's weights folder: tasks of the files that were loaded safely once, by digest."""


def locate(workspace: Workspace, model: str, task: Task) -> WeightsFile | None:
    """Find the weights a model text names, in the variant for `task`; None when a catalogue model's are not here yet.

    Raises InputError when `model` names nothing there is, or something for another task.
    """
    if model.startswith("run:"):
        return _of_run(workspace, model.removeprefix("run:"), task)
    if model.startswith("library:"):
        kept = get_model(workspace, model.removeprefix("library:"))
        _check_task(f"“{kept.name}”", kept.task, task)
        return WeightsFile(kept.path, kept.sha256, f"“{kept.name}” of your model library, {kept.origin}")
    if model == STARTER.name:
        model_for_task(model, task)
        return WeightsFile(CHECKPOINT, file_sha256(CHECKPOINT), STARTER_WORDS) if CHECKPOINT.is_file() else None
    path = Path(model).expanduser()
    if model.endswith(".pt") and path.is_file():
        return described_file(workspace, path.resolve())
    if find_model(model) is None and (workspace.weights / f"{Path(model).stem}.pt").is_file():
        return described_file(workspace, workspace.weights / f"{Path(model).stem}.pt")
    if find_model(model) is None and (model.endswith(".pt") or os.sep in model):
        raise InputError(f"There is no weights file {model}; give the path of a .pt file or a name like yolo26n.")
    path = workspace.weights / model_for_task(model, task).file
    return described_file(workspace, path) if path.is_file() else None


def _of_run(workspace: Workspace, run_id: str, task: Task) -> WeightsFile:
    run = RunStore(workspace).get(run_id)
    if run.best_weights is None:
        raise InputError(f"The run {run.id} has no trained model to start from (it is {run.state}).")
    _check_task(f"The run {run.id}", run.task, task)
    return WeightsFile(run.best_weights, file_sha256(run.best_weights), f"the best model of your run “{run.name}”")


def _check_task(what: str, has: str, wanted: str) -> None:
    if has != wanted:
        raise InputError(f"{what} is for the task {has}, not {wanted}; choose another.")


def check_start(workspace: Workspace, found: WeightsFile, task: Task) -> None:
    """Make sure, before a run is made, that weights of unknown digest load safely and are for `task`; once per digest.

    What is known is not loaded again: official files, the starter, the library's and those a run of Graft wrote.
    Raises InputError when the file is refused or is for another task.
    """
    if found.official or found.path == CHECKPOINT or found.path.is_relative_to(workspace.root / "library"):
        return
    if found.path.is_relative_to(workspace.runs):
        return
    record = workspace.weights / CHECKED
    checked = read_json(record)  # empty: nothing looked at yet
    if found.sha256 not in checked:
        checked[found.sha256] = describe_weights(found.path)["task"]
        write_json_atomic(record, checked)
    _check_task(found.path.name, checked[found.sha256], task)


def model_name(workspace: Workspace, model: str) -> str:
    """Return a model text as people call it: the name of a kept model or of a run instead of `library:` and an id."""
    kind, _, identifier = model.partition(":")
    try:
        if kind == "library":
            return get_model(workspace, identifier).name
        if kind == "run":
            return RunStore(workspace).get(identifier).name
    except InputError:
        return model  # deleted meanwhile
    return model
