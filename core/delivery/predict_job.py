"""Looking at thousands of pictures, or a video, in a process of its own that outlives the tab and the server.

A job is a folder `predictions/<id>/` in the workspace:

    job.json       what to do, written once          process.json   which process does it
    progress.json  rewritten by the child            result.json    how it ended, written once
    given/         uploads, removed at the end       cancel         its presence asks the child to stop
    pictures.csv objects.csv coco.json               of pictures, see core.delivery.predict_results
    annotated.mp4 counts.csv                         of a video, see core.delivery.video

    python -m core.delivery.predict_job FOLDER       (started by `start_job`)
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from core.errors import GraftError, InputError
from core.models.isolation import isolated_environment
from core.processes import end_process_tree, is_alive, process_identity
from core.workspace import ID_PATTERN, Workspace, new_id, read_json, write_json_atomic

REPORT_EVERY = 0.4
"""Seconds between two rewritings of progress.json."""
GRACE = 8.0
"""Seconds a cancelled job has to close its files."""

Tick = Callable[[int, int | None], bool]
"""Takes how many are done of how many (None: not known); returns whether to go on."""


class JobRequest(BaseModel):
    """What a job does; the content of job.json."""

    kind: Literal["pictures", "video"]
    model: str = Field(description="id of a run, or path of a .pt file")
    sources: list[str] = Field(description="pictures, folders, archives; or one video")
    confidence: float = Field(ge=0, le=1, title="Confidence a finding must reach")
    name: str = Field(default="", description="how the job is called on the page")
    tiled: bool = Field(default=False, description="look at big pictures in tiles")
    every: int = Field(
        default=1, ge=1, le=100, title="Look at every n-th frame", description="the frames between keep its answer"
    )
    created: datetime = Field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True)
class Job:
    """A job and how far it is."""

    id: str
    folder: Path
    request: JobRequest
    state: Literal["running", "finished", "cancelled", "failed", "interrupted"]
    done: int = 0
    total: int | None = None
    seconds_left: float | None = None
    error: str = ""
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def fraction(self) -> float:
        """Share that is done, 0 to 1; 0 while the total is not known."""
        return min(1.0, self.done / self.total) if self.total else 0.0


def jobs_root(workspace: Workspace) -> Path:
    """Return the folder the jobs lie in."""
    return workspace.root / "predictions"


def new_job(workspace: Workspace, name: str) -> Path:
    """Make the folder of a new job; uploads are put into its `given/`."""
    folder = jobs_root(workspace) / new_id(name)
    (folder / "given").mkdir(parents=True)
    return folder


def start_job(workspace: Workspace, request: JobRequest, folder: Path | None = None) -> Job:
    """Start the process that does the job; return it. Raises InputError for an unknown model or missing sources."""
    from core.delivery.predict_model import choose_model

    choose_model(workspace, request.model)
    for source in request.sources:
        if not Path(source).exists():
            raise InputError(f"There is no file or folder {source}.")
    folder = folder or new_job(workspace, request.name or request.kind)
    write_json_atomic(folder / "job.json", request.model_dump(mode="json"))
    with (folder / "job.log").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "core.delivery.predict_job", str(folder), str(workspace.root)],
            cwd=Path(__file__).resolve().parents[2],
            env=isolated_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a stopped server doesn't take it along
        )
    write_json_atomic(folder / "process.json", {"pid": child.pid, "identity": process_identity(child.pid)})
    return read_job(folder)


def list_jobs(workspace: Workspace) -> list[Job]:
    """Return all jobs, newest first."""
    jobs = []
    for path in jobs_root(workspace).glob("*/job.json"):
        try:
            jobs.append(read_job(path.parent))
        except ValidationError:
            continue  # half-deleted, or written by a newer version
    return sorted(jobs, key=lambda job: job.request.created, reverse=True)


def get_job(workspace: Workspace, job_id: str) -> Job:
    """Return one job. Raises InputError when there is none of that id."""
    folder = jobs_root(workspace) / job_id
    if not ID_PATTERN.match(job_id) or not (folder / "job.json").is_file():
        raise InputError(f"There is no job “{job_id}” in this workspace.")
    return read_job(folder)


def read_job(folder: Path) -> Job:
    """Look how far a job is; one whose process has gone without a result is interrupted."""
    request = JobRequest.model_validate(read_json(folder / "job.json"))
    process = read_json(folder / "process.json")
    alive = is_alive(process.get("pid"), process.get("identity"))  # before the result: it is written before the end
    result, progress = read_json(folder / "result.json"), read_json(folder / "progress.json")
    done, total = progress.get("done", 0), progress.get("total")
    if result:
        return Job(folder.name, folder, request, result["state"], done, total, None, result.get("error", ""), result)
    new = datetime.now(UTC) - request.created < timedelta(minutes=1)  # its process is being started
    if not alive and (process or not new):
        return Job(folder.name, folder, request, "interrupted", done, total, None, _last_line(folder / "job.log"))
    return Job(folder.name, folder, request, "running", done, total, progress.get("seconds_left"))


def cancel_job(folder: Path) -> None:
    """Ask a job to stop and wait for it; what it has written so far stays. One that doesn't listen is ended."""
    (folder / "cancel").touch()
    deadline = time.monotonic() + GRACE
    while read_job(folder).state == "running" and time.monotonic() < deadline:
        time.sleep(0.1)
    process = read_json(folder / "process.json")
    if process.get("identity"):
        end_process_tree(process["pid"], process["identity"])
    if not (folder / "result.json").exists():
        write_json_atomic(folder / "result.json", {"state": "cancelled"})


def delete_job(folder: Path) -> None:
    """Remove a job with its results, ending it first if it still runs."""
    if read_job(folder).state == "running":
        cancel_job(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1][:300] if lines else ""


class _Meter:
    """Writes progress.json now and then, with the time left, and says whether the job is to go on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.began: float | None = None
        self.last = 0.0

    def __call__(self, done: int, total: int | None) -> bool:
        now = time.monotonic()
        if self.began is None:
            self.began, self.first = now, done
        if now - self.last < REPORT_EVERY and done != total:
            return True
        self.last = now
        pace = (now - self.began) / (done - self.first) if done > self.first else None
        left = pace * (total - done) if pace is not None and total is not None else None
        write_json_atomic(
            self.folder / "progress.json", {"done": done, "total": total, "seconds_left": left}, durable=False
        )
        return not (self.folder / "cancel").exists()


def main(folder: Path, workspace: Workspace) -> int:
    """Do the job a folder describes; write its progress and its result there."""
    from core.delivery.batch import look_at_all
    from core.delivery.predict_model import choose_model
    from core.delivery.predictor import Predictor
    from core.delivery.video import annotate_video

    request = JobRequest.model_validate(read_json(folder / "job.json"))
    meter = _Meter(folder)
    sources = [Path(source) for source in request.sources]
    began = time.monotonic()
    try:
        model = choose_model(workspace, request.model)
        predictor = Predictor()
        predictor.load(str(model.weights))
        if request.kind == "video":
            result = annotate_video(
                predictor, sources[0], folder, model.imgsz, request.confidence, every=request.every, tick=meter
            )
        else:
            result = look_at_all(
                predictor, sources, folder, model, request.confidence, workspace.free_bytes(), meter,
                tiled=request.tiled,
            )  # fmt: skip
    except GraftError as error:
        write_json_atomic(folder / "result.json", {"state": "failed", "error": str(error)})
        return 2 if isinstance(error, InputError) else 1
    finally:
        shutil.rmtree(folder / "given", ignore_errors=True)
        shutil.rmtree(folder / "unpacked", ignore_errors=True)
    state = "cancelled" if (folder / "cancel").exists() else "finished"
    write_json_atomic(folder / "result.json", {"state": state, "seconds": time.monotonic() - began, **result})
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Workspace.open(sys.argv[2])))
