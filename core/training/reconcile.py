"""Keep the states of runs true: they follow the workers and their final events, and what waits starts in its turn."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from core.training.executors.executor import TryLater
from core.training.executors.present import executor_for, present_executor
from core.training.records.database import NotWritten
from core.training.records.events import Event, final_event, last_attempt
from core.training.records.progress import read_progress, read_turns
from core.training.records.rebuilding import keep_backup
from core.training.store import WITH_PROCESS, Run, RunStore, State
from core.workspace import Workspace

START_GRACE = 60.0
"""Seconds after which a claimed run without a process is put back into the queue."""
END_GRACE = 20.0
"""Seconds a worker may take to leave after its final event before it is ended."""


def refresh_runs(workspace: Workspace) -> list[Run]:
    """Bring the states in line with the processes, start what can start; return all runs as they truly are.

    What a full or read-only disk doesn't let the database take is told all the same, and written the next time.
    """
    store, unwritten = RunStore(workspace), {}
    active = store.active()
    for run in active:
        values = reconciled(run) if run.state in WITH_PROCESS or run.submitted else {}
        try:
            if values and store.change(run.id, (run.state,), of_attempt=run.attempt, use_reserve=False, **values):
                keep_backup(workspace)
        except NotWritten:
            unwritten[run.id] = values
    if any(run.state is State.QUEUED and not run.submitted for run in active):
        with suppress(NotWritten):  # what waits goes on waiting until it can be written: it could not work now
            _start_waiting(store)
    return [run.model_copy(update=unwritten[run.id]) if run.id in unwritten else run for run in store.all()]


def _start_waiting(store: RunStore) -> None:
    executor = present_executor()
    if executor.ready():
        return  # why is told on the page of the run; it waits
    while (claimed := store.claim_next(one_a_device=executor.one_a_device)) is not None:
        try:
            job = executor.submit(claimed)
        except TryLater as error:
            store.change(claimed.id, (State.STARTING,), state=State.QUEUED, cause=str(error))
            return
        except OSError as error:
            cause = f"The training process could not be started ({error.strerror or error})."
            store.change(claimed.id, state=State.FAILED, cause=cause, next_step="Try again.", ended=datetime.now(UTC))
            continue
        store.change(claimed.id, WITH_PROCESS, of_attempt=claimed.attempt, pid=job.pid, identity=job.identity)
        keep_backup(store.workspace)


def reconciled(run: Run) -> dict[str, Any]:
    """Return what of a run with a worker has to be changed to be true: nothing, or its new state with its figures."""
    events = attempt_events(run)
    started = next((event for event in events if event["kind"] == "started"), {})
    # the worker names itself too, should the database not have taken its name
    known = run.identity or started.get("identity"), run.pid or started.get("pid")
    if known == (None, None):
        if not run.started or abs((datetime.now(UTC) - run.started).total_seconds()) <= START_GRACE:
            return {}
        if run.state is State.STARTING:
            return {"state": State.QUEUED}
        # asked to end before there was a process: there is nothing to wait for
        return {"state": State.CANCELLED if run.request == "cancel" else State.INTERRUPTED, "ended": datetime.now(UTC)}
    worker = run.model_copy(update={"identity": known[0], "pid": known[1]})
    executor = executor_for(worker)
    final = final_event(events)
    state = executor.state(worker)
    if run.request == "cancel" and state in ("waiting", "alive"):
        executor.kill(worker)  # whoever wanted to end it was gone before it could
        state = executor.state(worker)
    if state == "waiting":
        return {"state": State.QUEUED} if run.state is State.STARTING else {}
    if state == "alive" or (state == "unknown" and final is None):
        if state == "alive" and final is not None and abs(time.time() - final["time"]) > END_GRACE:
            executor.kill(worker)
        values: dict[str, Any] = {} if run.identity else {"identity": known[0], "pid": known[1]}
        if final is None and run.state in (State.STARTING, State.QUEUED):
            begun = State.RUNNING if events else State.STARTING
            if begun is not run.state and not (state == "unknown" and not events):
                values["state"] = begun
        return values
    return _ended(run, final)


def _ended(run: Run, final: Event | None) -> dict[str, Any]:
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
    """Return how the run's present attempt began, and how it ended where it has; empty until it has started."""
    events = last_attempt(read_turns(run))
    return events if events and events[0].get("attempt") == run.attempt else []


def _figures(run: Run) -> dict[str, Any]:
    progress = read_progress(run)
    return {
        "metrics": progress.metrics,
        "best_epoch": progress.best_epoch,
        "epochs_done": progress.epochs_done,
        "seconds": progress.seconds,
    }
