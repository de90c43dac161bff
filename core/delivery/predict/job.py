"""Looking at thousands of pictures, or a video, in a process of its own that outlives the tab and the server.

The job's folder (see core.jobs) is `predictions/<id>/` in the workspace. It stays, and holds besides

    given/         uploads, removed at the end       cancel         its presence asks the child to stop
    pictures.csv objects.csv coco.json               of pictures, see core.delivery.predict.results
    annotated.mp4 counts.csv                         of a video, see core.delivery.predict.video
"""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from core import jobs
from core.delivery.predict.entry import PicturesSummary, VideoSummary
from core.errors import GraftError, InputError
from core.files.answering import check_answers
from core.jobs import JobState, Progress, Report
from core.workspace import Workspace, new_id, read_json, write_json_atomic

GRACE = 8.0
"""Seconds a cancelled job has to close its files."""


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


@dataclass(frozen=True, kw_only=True)
class Job(JobState):
    """A job and how far it is."""

    folder: Path
    request: JobRequest
    state: Literal["running", "finished", "cancelled", "failed", "interrupted"]

    @property
    def id(self) -> str:
        """The name of its folder."""
        return self.folder.name


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
    from core.delivery.predict.model.chosen_model import choose_model

    choose_model(workspace, request.model)
    for source in request.sources:
        check_answers(source)
        if not Path(source).exists():
            raise InputError(f"There is no file or folder {source}.")
    folder = folder or new_job(workspace, request.name or request.kind)
    return read_job(jobs.start_job(folder, "core.delivery.predict.job", request.model_dump(mode="json")))


def list_jobs(workspace: Workspace) -> list[Job]:
    """Return all jobs, newest first."""
    jobs = []
    for path in jobs_root(workspace).glob("*/job.json"):
        try:
            jobs.append(read_job(path.parent))
        except ValidationError:
            continue  # half-deleted, or written by a newer version
    return sorted(jobs, key=lambda job: job.request.created, reverse=True)


def read_job(folder: Path) -> Job:
    """Look how far a job is; one whose process has gone without a result is interrupted."""
    request = JobRequest.model_validate(read_json(folder / "job.json"))
    seen = jobs.read_job(folder)
    state: Any = "running" if seen.running else "interrupted" if seen.lost else seen.result.get("state", "failed")
    error = jobs.last_words(folder) if seen.lost else seen.error  # what it wrote until then is kept
    return Job(**vars(seen) | {"error": error}, folder=folder, request=request, state=state)


def cancel_job(folder: Path) -> None:
    """Ask a job to stop and wait for it; what it has written so far stays. One that doesn't listen is ended."""
    (folder / "cancel").touch()
    deadline = time.monotonic() + GRACE
    while read_job(folder).state == "running" and time.monotonic() < deadline:
        time.sleep(0.1)
    jobs.end_job(folder)
    if not (folder / "result.json").exists():
        write_json_atomic(folder / "result.json", {"state": "cancelled"})


def predict_job(folder: Path, job: dict[str, Any], report: Report) -> dict[str, Any]:
    """Child: look at what the job names, write the tables or the video to `folder`; return the counts and the state."""
    from core.delivery.predict.batch import predict_batch
    from core.delivery.predict.model.chosen_model import choose_model
    from core.delivery.predict.model.unlike import TOO_LITTLE, kept_features
    from core.delivery.predict.video import annotate_video
    from core.evaluation.predict.pooled_features import learn_run
    from core.evaluation.predict.predictor import Predictor

    request, workspace = JobRequest.model_validate(job), Workspace.open(folder.parents[1])
    sources = [Path(source) for source in request.sources]
    cancel = folder / "cancel"
    began = time.monotonic()

    def tick(done: int, total: int | None) -> bool:
        report(Progress("Looking", done, total or 0))
        return not cancel.exists()

    def learning(done: int, total: int) -> None:
        report(Progress("Looking at the training pictures", done, total))

    result: PicturesSummary | VideoSummary
    try:
        model = choose_model(workspace, request.model)
        predictor = Predictor()
        predictor.load(str(model.weights))
        if request.kind == "video":
            result = annotate_video(
                predictor, sources[0], folder, model, request.confidence, every=request.every, tick=tick
            )
        else:
            known = kept_features(model.features, model.weights)
            not_compared = TOO_LITTLE
            try:
                if model.run_folder is not None:
                    known = learn_run(model.run_folder, predictor, learning)
            except GraftError as error:  # the answers are as good without
                not_compared = str(error)
            result = predict_batch(
                predictor, sources, folder, model, request.confidence, workspace.free_bytes(), tick,
                tiled=request.tiled, known=known,
            )  # fmt: skip
            if known is None:
                result["not_compared"] = not_compared
    finally:
        shutil.rmtree(folder / "given", ignore_errors=True)
        shutil.rmtree(folder / "unpacked", ignore_errors=True)
    state = "cancelled" if cancel.exists() else "finished"
    return {"state": state, "seconds": time.monotonic() - began, **result}


if __name__ == "__main__":
    place = Path(sys.argv[1])
    sys.exit(jobs.run_job(place, partial(predict_job, place)))
