"""Start, list, stop, pause, resume and delete runs: what the pages and the command line call.

Every look first reconciles: states follow the worker processes and their final events, and what is queued starts as
soon as its device is free. So the states are true whoever looks, and no server has to keep running for that.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from core.data.dataset import load_dataset
from core.errors import InputError
from core.models.arguments import check_argument
from core.models.catalog import model_for_task
from core.models.library import model_name
from core.models.machine import describe_machine
from core.models.plan import complete_spec
from core.models.weights import locate, missing_words
from core.training.archive import archive_run, import_run_archive
from core.training.database import DiskFull
from core.training.events import FINAL_KINDS, Event, read_events
from core.training.executors.local import start_worker
from core.training.processes import end_process_tree, is_alive, process_identity
from core.training.progress import RunProgress, read_progress
from core.training.spec import Strategy, TrainingSpec
from core.training.store import WITH_PROCESS, Run, RunStore, State, find_run
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
START_GRACE = 60.0
"""Seconds after which a claimed run without a process is put back into the queue."""
END_GRACE = 20.0
"""Seconds a worker may take to leave after its final event before it is ended."""


def start_run(workspace: Workspace, spec: TrainingSpec) -> Run:
    """Check a specification, make its run and queue it; it starts at once when its device is free.

    Raises InputError for a dataset that is unknown or has blocking errors, for weights that are not there, for an
    unknown expert setting, for too little disk space: everything that can be known before the first epoch.
    """
    dataset = load_dataset(workspace, spec.dataset)
    if dataset.errors:
        raise InputError(f"“{dataset.name}” can't be trained on yet: {dataset.errors[0].message}")
    if not dataset.images.get("train"):
        raise InputError(f"“{dataset.name}” has no training pictures; split it again on the Dataset page.")
    if spec.task != dataset.task:
        raise InputError(f"“{dataset.name}” is for the task {dataset.task}, not {spec.task}.")
    for name in spec.extra:
        check_argument(name)
    transfer = {}
    if spec.strategy is Strategy.SCRATCH:
        built_as = model_for_task(spec.model, spec.task).architecture  # without its weights the starter is a yolo26n
        spec = spec.model_copy(update={"model": built_as or spec.model})
    else:
        found = locate(workspace, spec.model, spec.task)
        if found is None:
            raise InputError(missing_words(model_for_task(spec.model, spec.task)))
        transfer = found.record(spec.model)
    if workspace.free_bytes() < SPACE_NEEDED:
        raise InputError(
            f"Only {workspace.free_bytes() / 1e6:.0f} MB are free on the workspace's disk; a run needs about "
            f"{SPACE_NEEDED / 1e6:.0f} MB. Delete old runs on the Runs page."
        )
    spec = complete_spec(workspace, dataset, spec).model_copy(update={"transfer": transfer})
    device = spec.device if spec.device != "auto" else describe_machine(workspace.root).devices[0]
    name = spec.name or f"{dataset.name}, {model_name(workspace, spec.model)}"
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
    run.folder.mkdir(parents=True)
    write_text_atomic(run.folder / "spec.json", spec.model_dump_json(indent=2) + "\n")
    RunStore(workspace).add(run)
    return get_run(workspace, run.id)


def advance(workspace: Workspace) -> None:
    """Bring the states in line with the processes, and start what can start."""
    _look(workspace)


def _look(workspace: Workspace) -> list[Run]:
    """Bring the states in line with the processes, start what can start; return all runs as they truly are.

    What a full disk doesn't let the database take is told all the same, and written at a later look.
    """
    store, unwritten = RunStore(workspace), {}
    for run in store.all():
        values = _reconciled(run) if run.state in WITH_PROCESS else {}
        try:
            if values:
                store.change(run.id, (run.state,), of_attempt=run.attempt, use_reserve=False, **values)
        except DiskFull:
            unwritten[run.id] = values
    with suppress(DiskFull):  # what waits goes on waiting until there is room: it could not work now
        _start_waiting(store)
    return [run.model_copy(update=unwritten.get(run.id, {})) for run in store.all()]


def _start_waiting(store: RunStore) -> None:
    while (claimed := store.claim_next()) is not None:
        try:
            pid = start_worker(claimed.folder, claimed.attempt)
        except OSError as error:
            cause = f"The training process could not be started ({error.strerror})."
            store.change(claimed.id, state=State.FAILED, cause=cause, next_step="Try again.", ended=datetime.now(UTC))
            continue
        store.change(claimed.id, WITH_PROCESS, of_attempt=claimed.attempt, pid=pid, identity=process_identity(pid))


def _reconciled(run: Run) -> dict[str, Any]:
    """Return what of a run with a process has to be changed to be true: nothing, or its new state with its figures."""
    events = attempt_events(run)
    started = next((event for event in events if event["kind"] == "started"), {})
    # the worker names itself too, should the database not have taken its name
    pid, identity = run.pid or started.get("pid"), run.identity or started.get("identity")
    if pid is None:
        if not run.started or (datetime.now(UTC) - run.started).total_seconds() <= START_GRACE:
            return {}
        if run.state is State.STARTING:
            return {"state": State.QUEUED}
        # asked to end before there was a process: there is nothing to wait for
        return {"state": State.CANCELLED if run.request == "cancel" else State.INTERRUPTED, "ended": datetime.now(UTC)}
    final = next((event for event in reversed(events) if event["kind"] in FINAL_KINDS), None)
    if is_alive(pid, identity):
        if final is not None and time.time() - final["time"] > END_GRACE and identity:
            end_process_tree(pid, identity)
        named = {} if run.pid else {"pid": pid, "identity": identity}
        begun = events and final is None and run.state is State.STARTING
        return {**named, "state": State.RUNNING} if begun else named
    ended = {"ended": datetime.now(UTC), "pid": None, "identity": None}
    if run.request == "cancel":
        return {"state": State.CANCELLED, **ended}
    if final is None:
        return {
            "state": State.INTERRUPTED,
            "cause": "The training process vanished: ended from outside, out of memory, or the machine stopped.",
            "next_step": "Resume it: it goes on after its last whole epoch.",
            **ended,
            **_figures(run),
        }
    values = {key: final[key] for key in ("cause", "next_step", "suggestion") if final.get(key)}
    return {"state": State(final["kind"]), **ended, **values, **_figures(run)}


def attempt_events(run: Run) -> list[Event]:
    """Return what the worker of the run's present attempt has said; empty until it has started."""
    events, _ = read_events(run.events_path)
    for index in range(len(events) - 1, -1, -1):
        if events[index]["kind"] == "started":
            return events[index:] if events[index].get("attempt") == run.attempt else []
    return []


def _figures(run: Run) -> dict[str, Any]:
    progress = read_progress(run)
    return {
        "metrics": progress.metrics,
        "best_epoch": progress.best_epoch,
        "epochs_done": progress.epochs_done,
        "seconds": progress.seconds,
    }


def list_runs(
    workspace: Workspace, *, query: str = "", states: set[State] | None = None, tag: str | None = None
) -> list[Run]:
    """Return the runs, newest first; `query` looks in names, ids, datasets, models, tags and notes."""
    words = query.lower().split()
    found = []
    for run in _look(workspace):
        text = " ".join([run.name, run.id, run.dataset_name, run.model, run.notes, *run.tags]).lower()
        if all(word in text for word in words) and (not states or run.state in states) and (not tag or tag in run.tags):
            found.append(run)
    return found


def get_run(workspace: Workspace, run_id: str) -> Run:
    """Return one run with its true state. Raises InputError when there is none."""
    return find_run(_look(workspace), run_id)


def stop_run(workspace: Workspace, run_id: str, *, keep_best: bool = True) -> Run:
    """Stop a run: keep the best model so far (it ends as `stopped`), or cancel it. A run that rests stays as it is."""
    store, run = RunStore(workspace), get_run(workspace, run_id)
    if store.change(run.id, (State.QUEUED, State.PAUSED), state=State.CANCELLED, ended=datetime.now(UTC)):
        return store.get(run.id)
    if not keep_best:
        if store.change(run.id, WITH_PROCESS, request="cancel", state=State.STOPPING):
            run = store.get(run.id)
            if run.pid is not None and run.identity is not None:
                end_process_tree(run.pid, run.identity)
        return get_run(workspace, run.id)
    _request(store, run, "stop")
    return store.get(run.id)


def pause_run(workspace: Workspace, run_id: str) -> Run:
    """Pause a run after its last whole epoch; the device is freed. A queued run rests at once."""
    store, run = RunStore(workspace), get_run(workspace, run_id)
    if not store.change(run.id, (State.QUEUED,), state=State.PAUSED):
        _request(store, run, "pause")
    return store.get(run.id)


def _request(store: RunStore, run: Run, what: str) -> None:
    if store.change(run.id, WITH_PROCESS, request=what, state=State.STOPPING):
        write_text_atomic(run.folder / "request", what)
    elif not run.resumable:
        raise InputError(f"The run {run.id} is {run.state}: there is nothing to {what}.")


def resume_run(workspace: Workspace, run_id: str, *, more_epochs: int = 0) -> Run:
    """Queue a resting run again; it goes on after its last whole epoch, `more_epochs` longer than planned.

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
    resting = (State.PAUSED, State.STOPPED, State.FAILED, State.INTERRUPTED, State.FINISHED)
    store.change(
        run.id, resting, state=State.QUEUED, queued=time.time(), more_epochs=run.more_epochs + max(more_epochs, 0)
    )
    return get_run(workspace, run.id)


def move_run(workspace: Workspace, run_id: str, places: int) -> Run:
    """Move a queued run by `places` in the queue of its device; negative moves it forward."""
    store, run = RunStore(workspace), get_run(workspace, run_id)
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
