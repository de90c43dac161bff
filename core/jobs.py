"""Work in a child process that a rerun, a reload or a closed tab doesn't end, and what can be seen of it from outside.

A job is a folder; wherever it lies (imports in staging, `predictions/<id>/`, `runs/<id>/exports/.jobs/<what>/`), it has

    job.json       what to do, written once          process.json   which process does it
    progress.json  rewritten by the child            result.json    what came out, or why not, written once
    job.log        what the child printed

The child is `python -m MODULE FOLDER`; its module ends in `sys.exit(run_job(Path(sys.argv[1]), work))`. A question
whose answer is waited for is no job: see core.processes.children.
"""

from __future__ import annotations

import shutil
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict, cast

from core.errors import GraftError, InputError, of_the_system
from core.files.answering import watching
from core.processes.lifetime import end_process_tree, is_alive, process_identity, start_child
from core.workspace import read_json, write_json_atomic

REPORT_EVERY = 0.3
"""Seconds between two rewritings of progress.json."""
ESTIMATE_AFTER = 0.5
"""Seconds a stage must have lasted before its pace says how long it will take."""
NO_ROOM_BYTES = 65_536
"""Free bytes under which a job that left no word is taken to have met a full disk."""
START_GRACE = 60.0
"""Seconds after which a job whose process nobody recorded counts as lost."""


@dataclass(frozen=True)
class Progress:
    """How far some work is, for a bar: the stage in words, done of total, seconds left when they can be told."""

    stage: str
    done: int
    total: int
    """0 while it is not known"""
    seconds_left: float | None = None


Report = Callable[[Progress], None]


class ProcessRecord(TypedDict, total=False):
    """Which process does a job: the content of process.json."""

    pid: int
    identity: str | None
    started: float
    """seconds since 1970"""


class StoredProgress(TypedDict, total=False):
    """How far it says it is: the content of progress.json."""

    stage: str
    done: int
    total: int
    seconds_left: float | None


@dataclass(frozen=True)
class JobState:
    """How far a job is; one that was never started is neither running nor lost."""

    running: bool = False
    lost: bool = False
    """its process has gone without a result"""
    stage: str = "Starting"
    done: int = 0
    total: int = 0
    """0 while it is not known"""
    seconds_left: float | None = None
    seconds: float = 0.0
    """since it was started"""
    result: dict[str, Any] = field(default_factory=dict)
    error: str = ""

    @property
    def fraction(self) -> float:
        """Share of the present stage that is done, 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0


def run_job_folder(run_folder: Path, what: str) -> Path:
    """Return the folder of a job that makes something (`report`, `bundle`, `export-onnx` ...) of a run."""
    return run_folder / "exports" / ".jobs" / what


def start_job(folder: Path, module: str, job: dict[str, Any], *, own_session: bool = True) -> Path:
    """Start the child that does `job`; return the job's folder, which may hold files the child is to find.

    `own_session` as in `start_child`. Raises InputError when the job of this folder runs already.
    """
    if read_job(folder).running:
        raise InputError("This is being made already; wait until it is done or cancel it.")
    write_json_atomic(folder / "job.json", job)
    for earlier in ("process.json", "result.json", "progress.json", "job.log"):
        (folder / earlier).unlink(missing_ok=True)
    pid = start_child(module, str(folder), log=folder / "job.log", own_session=own_session)
    process: ProcessRecord = {"pid": pid, "identity": process_identity(pid), "started": time.time()}
    write_json_atomic(folder / "process.json", process)
    return folder


def read_job(folder: Path, what: str = "It") -> JobState:
    """Look how far a job is; `what` is how the sentence begins that says that its child went without a result."""
    process = _process(folder)
    alive = is_alive(process.get("pid"), process.get("identity"))  # before the result: it is written before the end
    result = read_json(folder / "result.json")
    progress = cast(StoredProgress, read_json(folder / "progress.json"))
    done, total = progress.get("done") or 0, progress.get("total") or 0
    seconds = time.time() - process["started"] if "started" in process else 0.0
    if result:
        return JobState(
            False, False, "Done", done, total, None, seconds, result=result, error=result.get("error") or ""
        )
    if alive or (not process and _just_asked(folder)):
        stage = progress.get("stage") or "Starting"
        return JobState(True, False, stage, done, total, progress.get("seconds_left"), seconds)
    if not process and not (folder / "job.json").exists():
        return JobState()
    last = "the disk is full" if shutil.disk_usage(folder).free < NO_ROOM_BYTES else last_words(folder)
    reason = f" ({last})" if last else ""
    error = f"{what} ended before it was done{reason}. Nothing was kept; try again."
    return JobState(lost=True, done=done, total=total, error=error)


def last_words(folder: Path) -> str:
    """Return the last line of a job's log, at most 300 characters, empty when there is none."""
    log = folder / "job.log"
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1].strip()[:300] if lines else ""


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
    """End a job's child and all it started, if it still runs; what it has written stays."""
    process = _process(folder)
    if identity := process.get("identity"):
        end_process_tree(process["pid"], identity, grace=3)


def remove_job(folder: Path) -> None:
    """End a job's child if it still runs, and remove the job's folder."""
    end_job(folder)
    shutil.rmtree(folder, ignore_errors=True)


def run_job(folder: Path, work: Callable[[dict[str, Any], Report], dict[str, Any]]) -> int:
    """Child: do the work of job.json, write progress and result; return the exit code (0, 1, 2).

    While a drive it works on doesn't answer, that is its stage.
    """
    job, progress, before = read_json(folder / "job.json"), folder / "progress.json", {}

    def silent(words: str) -> None:
        before.update(read_json(progress))
        write_json_atomic(progress, {"stage": words, "done": 0, "total": 0, "seconds_left": None}, durable=False)

    def back() -> None:
        write_json_atomic(progress, before or {"stage": "Starting"}, durable=False)

    try:
        with watching(_places(job), silent, back, waits=lambda: None):
            result = work(job, _reporter(folder))
    except GraftError as error:
        refused = isinstance(error, InputError)
        write_json_atomic(folder / "result.json", {"error": str(error), "input": refused})
        return 2 if refused else 1
    except (OSError, MemoryError) as error:
        told = of_the_system(error)
        if told is None:
            raise
        traceback.print_exc()
        write_json_atomic(folder / "result.json", {"error": str(told), "input": False})
        return 1
    write_json_atomic(folder / "result.json", result)
    return 0


def _places(job: dict[str, Any]) -> list[str]:
    """Return the files and folders a job names."""
    given = [item for value in job.values() for item in (value if isinstance(value, list) else [value])]
    return [item for item in given if isinstance(item, str) and Path(item).is_absolute()]


def _reporter(folder: Path) -> Report:
    """Return what rewrites progress.json now and then; where no time left is given, the stage's own pace tells it."""
    stage: str | None = None
    first, began, last = 0, 0.0, 0.0

    def report(progress: Progress) -> None:
        nonlocal stage, first, began, last
        now = time.monotonic()
        if progress.stage != stage:
            stage, first, began = progress.stage, progress.done, now
        elif now - last < REPORT_EVERY and progress.done != progress.total:
            return
        last = now
        left = progress.seconds_left
        if left is None and first < progress.done < progress.total and now - began > ESTIMATE_AFTER:
            left = (now - began) / (progress.done - first) * (progress.total - progress.done)
        shown: StoredProgress = {
            "stage": progress.stage,
            "done": progress.done,
            "total": progress.total,
            "seconds_left": left,
        }
        write_json_atomic(folder / "progress.json", shown, durable=False)

    return report


def _process(folder: Path) -> ProcessRecord:
    """Return which process does a job, empty while nobody has recorded one."""
    return cast(ProcessRecord, read_json(folder / "process.json"))


def _just_asked(folder: Path) -> bool:
    """Say whether a job was written down a moment ago: its process is being started."""
    try:
        return abs(time.time() - (folder / "job.json").stat().st_mtime) < START_GRACE
    except FileNotFoundError:
        return False
