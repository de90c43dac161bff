"""Work on a run that goes on when the tab, or the server, is closed: a child process and files in the run's folder.

A job's folder `runs/<id>/exports/.jobs/<what>/` holds `job.json` (what to do), `process.json`, `progress.json`
(rewritten by the child), `result.json` (written once) and `job.log`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.data.importing import Progress
from core.errors import GraftError, InputError
from core.models.isolation import isolated_environment
from core.processes import end_process_tree, is_alive, process_identity
from core.workspace import read_json, write_json_atomic

Report = Callable[[Progress], None]
_REPORT_EVERY = 0.3
"""Seconds between two rewritings of progress.json."""


@dataclass(frozen=True)
class JobState:
    """How far a job is."""

    running: bool = False
    stage: str = "Starting"
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    seconds: float = 0.0
    """since it was started"""
    result: dict[str, Any] = field(default_factory=dict)
    error: str = ""

    @property
    def fraction(self) -> float:
        """Share of the present stage that is done, 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0


def job_folder(run_folder: Path, what: str) -> Path:
    """Return the folder of a run's job."""
    return run_folder / "exports" / ".jobs" / what


def start_job(run_folder: Path, what: str, module: str, job: dict[str, Any]) -> Path:
    """Start `python -m module FOLDER` in a session of its own; return the job's folder.

    Raises InputError when the same job runs already.
    """
    folder = job_folder(run_folder, what)
    if read_job(folder).running:
        raise InputError("This is being made already; wait until it is done or cancel it.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_json_atomic(folder / "job.json", job)
    with (folder / "job.log").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", module, str(folder)],
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=isolated_environment(),
            start_new_session=True,
        )
    identity = process_identity(child.pid)
    write_json_atomic(folder / "process.json", {"pid": child.pid, "identity": identity, "started": time.time()})
    return folder


def read_job(folder: Path) -> JobState:
    """Look how far a job is; a child that has gone without a result is an error with the end of its log."""
    process = read_json(folder / "process.json")
    if not process:
        return JobState()
    alive = is_alive(
        process["pid"], process["identity"]
    )  # before the result: a child that ends between the two looks has written it
    result, progress = read_json(folder / "result.json"), read_json(folder / "progress.json")
    seconds = time.time() - process["started"]
    if result:
        return JobState(stage="Done", seconds=seconds, result=result, error=result.get("error", ""))
    if not alive:
        log = folder / "job.log"
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
        reason = f" ({lines[-1].strip()})" if lines else ""
        return JobState(error=f"It ended before it was done{reason}. Nothing was kept; try again.")
    return JobState(
        True,
        progress.get("stage", "Starting"),
        progress.get("done", 0),
        progress.get("total", 0),
        progress.get("seconds_left"),
        seconds,
    )


def wait_job(folder: Path, progress: Report | None = None) -> dict[str, Any]:
    """Wait for a job's end and return its result. Raises InputError or GraftError with its reason when it failed."""
    while (state := read_job(folder)).running:
        if progress is not None:
            progress(Progress(state.stage, state.done, state.total, state.seconds_left))
        time.sleep(0.2)
    if state.error:
        raise InputError(state.error) if state.result.get("input") else GraftError(state.error)
    return state.result


def end_job(folder: Path) -> None:
    """End a job's child if it still runs, and remove the job's own files."""
    process = read_json(folder / "process.json")
    if process:
        end_process_tree(process["pid"], process["identity"])
    shutil.rmtree(folder, ignore_errors=True)


def run_job(folder: Path, work: Callable[[dict[str, Any], Report], dict[str, Any]]) -> int:
    """Child: do the work of `job.json`, write progress and result; return the exit code (0, 1, 2)."""
    job, last = read_json(folder / "job.json"), 0.0
    stage, began = "", time.monotonic()

    def report(progress: Progress) -> None:
        nonlocal last, stage, began
        now = time.monotonic()
        if progress.stage != stage:
            stage, began = progress.stage, now
        elif now - last < _REPORT_EVERY:
            return
        last = now
        left = progress.seconds_left
        if left is None and 0 < progress.done < progress.total:
            left = (now - began) / progress.done * (progress.total - progress.done)
        write_json_atomic(
            folder / "progress.json",
            {"stage": stage, "done": progress.done, "total": progress.total, "seconds_left": left},
        )

    try:
        write_json_atomic(folder / "result.json", work(job, report))
    except GraftError as error:
        refused = isinstance(error, InputError)
        write_json_atomic(folder / "result.json", {"error": str(error), "input": refused})
        return 2 if refused else 1
    return 0
