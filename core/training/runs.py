"""Start, list, stop, pause, resume and delete runs: what the pages and the command line call.

Every reading first reconciles: states follow the worker processes and their final events, and what is queued starts as
soon as its device is free. So the states are true whoever reads them, and no server has to keep running for that.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from core.data.dataset import Dataset, load_dataset
from core.errors import GraftError, InputError
from core.models.catalog import model_for_task
from core.models.weights import missing_words
from core.planning.plan import complete_spec
from core.settings import load_settings
from core.spec import TrainingSpec
from core.tasks import TASKS
from core.training.arguments import check_argument, check_value
from core.training.distillation import check_teacher
from core.training.executors.executor import ask
from core.training.executors.present import executor_for, present_executor
from core.training.reconcile import refresh_runs
from core.training.records.archive import archive_run, import_run_archive
from core.training.records.progress import RunProgress, read_progress
from core.training.several_gpus import missing_device, refusal
from core.training.starting_points import check_start, locate, model_name
from core.training.store import WITH_PROCESS, Run, RunStore, State, find_run
from core.words import megabytes
from core.workspace import Workspace, folder_bytes, new_id, write_text_atomic

__all__ = [
    "advance",
    "archive_run",
    "delete_run",
    "edit_run",
    "get_run",
    "import_run_archive",
    "list_runs",
    "move_run",
    "pause_run",
    "resume_run",
    "start_run",
    "stop_run",
    "wait_run",
]

SPACE_NEEDED = 300_000_000
"""Free bytes a run needs for its checkpoints and pictures; less is refused before it starts."""


def start_run(workspace: Workspace, spec: TrainingSpec) -> Run:
    """Check a specification, make its run and queue it; it starts at once when its device is free.

    Raises InputError for a dataset that is unknown or has blocking errors, for weights that are not there (a teacher's
    too), for an unknown expert setting, for too little disk space: everything that can be known before the first epoch.
    """
    workspace.check_writable()
    dataset = load_dataset(workspace, spec.dataset)
    if dataset.errors:
        raise InputError(f"“{dataset.name}” can't be trained on yet: {dataset.errors[0].message}")
    if not dataset.images.get("train"):
        raise InputError(f"“{dataset.name}” has no training pictures; split it again on the Dataset page.")
    if spec.task != dataset.task:
        raise InputError(f"“{dataset.name}” is for the task {dataset.task}, not {spec.task}.")
    for name, value in spec.extra.items():
        check_argument(name)
        check_value(name, value)
    _check_labels(dataset)
    transfer = {}
    if not spec.strategy.reuses:
        built_as = model_for_task(spec.model, spec.task).architecture  # without its weights the starter is a yolo26n
        spec = spec.model_copy(update={"model": built_as or spec.model})
    else:
        found = locate(workspace, spec.model, spec.task)
        if found is None:
            raise InputError(missing_words(model_for_task(spec.model, spec.task)))
        check_start(workspace, found, spec.task)
        transfer = found.record(spec.model)
    teacher_weights = check_teacher(workspace, spec)
    if workspace.free_bytes() < SPACE_NEEDED:
        raise InputError(
            f"Only {megabytes(workspace.free_bytes())} are free on the workspace's disk; a run needs about "
            f"{megabytes(SPACE_NEEDED)}. Delete old runs on the Runs page."
        )
    found_out = {"transfer": transfer, "teacher_weights": teacher_weights, "labels_version": dataset.labels_version}
    spec = complete_spec(workspace, dataset, spec).model_copy(update=found_out)
    wanted = spec.device if spec.device != "auto" else load_settings(workspace).device
    device = wanted if wanted != "auto" else present_executor().best_device()
    if refused := refusal(spec, device) or missing_device(device, present_executor().devices()):
        raise InputError(refused)
    store = RunStore(workspace)  # before there is a folder: a folder without a list means that the list was lost
    name = spec.name or _own_name(f"{dataset.name}, {model_name(workspace, spec.model)}", store)
    run = Run(
        id=new_id(f"{dataset.name}-{spec.model.rpartition(':')[2]}"[:40]),
        name=name,
        state=State.QUEUED,
        dataset=dataset.id,
        dataset_name=dataset.name,
        task=spec.task,
        model=spec.model,
        strategy=str(spec.strategy),
        device=device,
        created=datetime.now(UTC),
        queued=time.time(),
    )
    run._folder = workspace.run(run.id)
    try:
        run.folder.mkdir(parents=True)
        write_text_atomic(run.folder / "spec.json", spec.model_dump_json(indent=2) + "\n")
        store.add(run)
    except (OSError, GraftError):  # a full or read-only disk: no folder of a run that nobody lists
        shutil.rmtree(run.folder, ignore_errors=True)
        raise
    return get_run(workspace, run.id)


def _own_name(name: str, store: RunStore) -> str:
    """Return a name for a run that nobody named, numbered where others are called so: lists show names alone."""
    taken, number = {run.name for run in store.all()}, 1
    while (own := name if number == 1 else f"{name} ({number})") in taken:
        number += 1
    return own


def _check_labels(dataset: Dataset) -> None:
    """Raise InputError where nothing is labelled in a part that the training needs.

    Pictures without objects are welcome beside others; alone they teach nothing, and by them no epoch is the best.
    """
    if TASKS[dataset.task].has_class_folders:
        return
    table = dataset.image_table()
    labelled = table[table["objects"] > 0]["split"]
    for part, pictures, why in (
        ("train", "training", "there is nothing to learn from"),
        ("val", "validation", "the best epoch can't be told by them, nor how good it is"),
    ):
        if dataset.images.get(part) and not (labelled == part).any():
            raise InputError(
                f"No object is labelled in the {pictures} pictures of “{dataset.name}”: {why}. Divide the pictures "
                "anew on the Dataset page, or label some and import them again."
            )


def advance(workspace: Workspace) -> None:
    """Bring the states in line with the workers, and start what can start."""
    refresh_runs(workspace)


def list_runs(
    workspace: Workspace, *, query: str = "", states: set[State] | None = None, tag: str | None = None
) -> list[Run]:
    """Return the runs, newest first; `query` looks in names, ids, datasets, models, tags and notes."""
    words = query.lower().split()
    found = []
    for run in refresh_runs(workspace):
        text = " ".join([run.name, run.id, run.dataset_name, run.model, run.notes, *run.tags]).lower()
        if all(word in text for word in words) and (not states or run.state in states) and (not tag or tag in run.tags):
            found.append(run)
    return found


def get_run(workspace: Workspace, run_id: str) -> Run:
    """Return one run with its true state. Raises InputError when there is none."""
    return find_run(refresh_runs(workspace), run_id)


def stop_run(workspace: Workspace, run_id: str, *, keep_best: bool = True) -> Run:
    """Stop a run: keep the best model so far (it ends as `stopped`), or cancel it. A run that rests stays as it is."""
    store, run = RunStore(workspace), get_run(workspace, run_id)
    _take_back(run)
    if store.change(
        run.id, (State.QUEUED, State.PAUSED), state=State.CANCELLED, ended=datetime.now(UTC), identity=None
    ):
        return store.get(run.id)
    if not keep_best:
        if store.change(run.id, WITH_PROCESS, request="cancel", state=State.STOPPING):
            run = store.get(run.id)
            if run.identity is not None:
                _reached(executor_for(run).kill, run)
        return get_run(workspace, run.id)
    _request(store, run, "stop")
    return store.get(run.id)


def pause_run(workspace: Workspace, run_id: str) -> Run:
    """Pause a run after its last whole epoch; the device is freed. A queued run rests at once."""
    store, run = RunStore(workspace), get_run(workspace, run_id)
    _take_back(run)
    if not store.change(run.id, (State.QUEUED,), state=State.PAUSED, identity=None):
        _request(store, run, "pause")
    return store.get(run.id)


def _take_back(run: Run) -> None:
    """Take a run that waits in the executor's own queue out of it."""
    if run.submitted:
        _reached(executor_for(run).kill, run)


def _reached(action: Callable[[Run], None], run: Run) -> None:
    try:
        action(run)
    except OSError as error:
        raise GraftError(f"The cluster that has the run {run.id} does not answer ({error}); try again.") from error


def _request(store: RunStore, run: Run, what: str) -> None:
    if store.change(run.id, WITH_PROCESS, request=what, state=State.STOPPING):
        ask(run.folder, what)
    elif not run.resumable:
        raise InputError(f"The run {run.id} is {run.state}: there is nothing to {what}.")


def resume_run(workspace: Workspace, run_id: str, *, more_epochs: int = 0) -> Run:
    """Queue a resting run again; it goes on after its last whole epoch.

    A finished run trains `more_epochs` from where it ended, an early end included, and all of them; one that was broken
    off goes on as long as was planned, and `more_epochs` longer.
    Raises InputError for a run that is active or was discarded, and for a finished one without more epochs.
    """
    store, run = RunStore(workspace), get_run(workspace, run_id)
    if run.active:
        raise InputError(f"The run {run.id} is {run.state} already.")
    if not run.resumable:
        raise InputError(f"The run {run.id} is {run.state}: there is nothing to go on from. Start a new one.")
    if run.state is State.FINISHED and more_epochs < 1:
        raise InputError(f"The run {run.id} is finished; say how many more epochs it should train (--more-epochs 20).")
    load_dataset(workspace, run.dataset)
    (run.folder / "request").unlink(missing_ok=True)
    further = run.more_epochs + max(more_epochs, 0)
    if run.state is State.FINISHED and run.epochs_done:
        further = run.epochs_done + more_epochs - run.spec.epochs
    resting = (State.PAUSED, State.STOPPED, State.FAILED, State.INTERRUPTED, State.FINISHED)
    store.change(
        run.id,
        resting,
        state=State.QUEUED,
        queued=time.time(),
        more_epochs=further,
        pid=None,
        identity=None,
    )
    return get_run(workspace, run.id)


def move_run(workspace: Workspace, run_id: str, places: int) -> Run:
    """Move a queued run by `places` in the queue of its device; negative moves it forward."""
    store, run = RunStore(workspace), get_run(workspace, run_id)
    if run.submitted:
        raise InputError(f"The run {run.id} waits in the cluster's own queue, which can't be reordered from here.")
    queue = sorted(
        (item for item in store.all() if item.state is State.QUEUED and item.device == run.device),
        key=lambda item: item.queued,
    )
    order = [item for item in queue if item.id != run.id]
    order.insert(max(0, (run.position or 1) - 1 + places), run)
    for item, moment in zip(order, sorted(item.queued for item in queue), strict=False):
        store.change(item.id, (State.QUEUED,), queued=moment)
    return store.get(run.id)


def edit_run(
    workspace: Workspace,
    run_id: str,
    *,
    name: str | None = None,
    notes: str | None = None,
    tags: list[str] | None = None,
) -> Run:
    """Rename, annotate or tag a run."""
    store, run = RunStore(workspace), get_run(workspace, run_id)
    values = {"name": name, "notes": notes, "tags": tags}
    given: dict[str, Any] = {key: value for key, value in values.items() if value is not None}
    if given:
        store.change(run.id, None, **given)
    return store.get(run.id)


def delete_run(workspace: Workspace, run_id: str) -> int:
    """Remove a resting run and its folder; return the bytes freed. Raises InputError while it is active."""
    store, run = RunStore(workspace), get_run(workspace, run_id)
    if run.active:
        raise InputError(f"The run {run.id} is {run.state}; stop it before deleting it.")
    freed = folder_bytes(run.folder)
    grave = workspace.staging_root / f"deleted-{run.id}"
    store.remove(run.id)
    if run.folder.exists():
        os.replace(run.folder, grave)
        shutil.rmtree(grave)
    return freed


def wait_run(
    workspace: Workspace,
    run_id: str,
    timeout: float | None = None,
    on_progress: Callable[[RunProgress], None] | None = None,
) -> Run:
    """Wait until a run is at rest; `on_progress` is called about twice a second. Returns it as it then is."""
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        run = get_run(workspace, run_id)
        if on_progress is not None:
            on_progress(read_progress(run))
        if not run.active or (deadline is not None and time.monotonic() > deadline):
            return run
        time.sleep(0.5)
