"""Child process: train one run and report it in events; nobody else writes into the run's folder.

    python -m core.training.worker RUN_FOLDER ATTEMPT

Started detached by an executor. It looks for a `request` file (stop, pause) between batches, keeps a resume point of
its own after every whole epoch, and ends with exactly one final event.
"""

from __future__ import annotations

import os
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.errors import GraftError
from core.files.safe_files import keep_reserve, release_reserve
from core.processes.lifetime import process_identity
from core.training.failures import explain_failure
from core.training.on_end import begin_on_end
from core.training.records.database import DiskFull, on_node
from core.training.records.events import EventWriter
from core.training.several_gpus import SilentEvents, free_port, gpu_count, launch_command, rank, train_on_several
from core.training.store import WITH_PROCESS, Run, RunStore
from core.training.worker.training import PauseRequested, Training
from core.workspace import Workspace


def main(folder: Path, attempt: int) -> int:
    """Train the run in `folder`; return the exit code."""
    workspace = Workspace.open(folder.parents[1])
    taken = _take_over(workspace, folder, attempt)
    if taken is None:
        return 0  # this attempt was given up or taken over meanwhile
    run, spec = taken, taken.spec
    if gpu_count(run.device) > 1 and rank() < 0:
        command = launch_command(folder, attempt, gpu_count(run.device), free_port())
        return train_on_several(folder, run.events_path, spec, command)
    events: Any = EventWriter(run.events_path) if rank() <= 0 else SilentEvents()
    events.write("started", pid=run.pid, identity=run.identity, attempt=attempt, device=run.device)
    events.write("phase", phase="checking", message="Checking the pictures and the model")
    training = Training(workspace, run, spec, events)
    try:
        keep_reserve(run.folder)
        training.run()
    except PauseRequested:
        events.write("paused", epoch=training.whole_epochs)
        return 0 if rank() < 0 else 1  # then the launcher ends the other ranks
    except Exception as error:  # the one place where a failure of whatever kind becomes words for the user
        release_reserve(run.folder)  # on a full disk the last words need room
        traceback.print_exc()
        cause, next_step, suggestion = explain_failure(f"{type(error).__name__}: {error}", spec)
        if isinstance(error, GraftError):
            cause, next_step = str(error), ""
        detail = traceback.format_exc()[-4000:]
        events.write("failed", cause=cause, next_step=next_step, suggestion=suggestion, detail=detail)
        return 1
    finally:
        events.close()
        release_reserve(run.folder)
        if rank() <= 0:
            begin_on_end(workspace, run)
    return 0


def _take_over(workspace: Workspace, folder: Path, attempt: int) -> Run | None:
    """Return the run this worker is to train, None when somebody else has it or it was given up."""
    if on_node():
        run = Run.model_validate_json((folder / "order.json").read_text(encoding="utf-8"))
        run._folder = folder
        return run if (run.attempt, run.identity) == (attempt, os.environ["GRAFT_RUN_IDENTITY"]) else None
    store = RunStore(workspace)
    run = store.get(folder.name)
    if run.attempt != attempt or run.request == "cancel":
        return None
    if rank() >= 0:
        return run  # the process that started this one has taken it over
    run.pid, run.identity = os.getpid(), process_identity(os.getpid())
    with suppress(DiskFull):  # then its first event alone says which process this is
        if not store.change(run.id, WITH_PROCESS, of_attempt=attempt, pid=run.pid, identity=run.identity):
            return None
    return run
