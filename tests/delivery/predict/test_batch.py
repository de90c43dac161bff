"""A job in the background: one line per picture, a life of its own, an end when asked."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from core.delivery.predict.job import Job, JobRequest, cancel_job, list_jobs, read_job, start_job
from core.errors import InputError
from core.jobs import remove_job
from tests.delivery.trained_run import Trained

ROOT = Path(__file__).resolve().parents[3]


def write_pictures(folder: Path, number: int, broken: int = 0) -> Path:
    folder.mkdir()
    random = np.random.default_rng(3)
    for index in range(number):
        size = (64, 64, 3) if index % 5 else (80, 70, 3)
        Image.fromarray(random.integers(0, 255, size, dtype=np.uint8)).save(folder / f"{index:05d}.png")
    for index in range(broken):
        (folder / f"broken{index}.jpg").write_bytes(b"no picture")
    return folder


def wait(job: Job, seconds: float = 120) -> Job:
    deadline = time.monotonic() + seconds
    while job.state == "running" and time.monotonic() < deadline:
        time.sleep(0.1)
        job = read_job(job.folder)
    return job


def rows_of(job: Job, name: str = "pictures.csv") -> list[dict[str, str]]:
    with (job.folder / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


START = """
import sys
from core.delivery.predict.job import JobRequest, start_job
from core.workspace import Workspace
request = JobRequest(kind="pictures", model=sys.argv[2], sources=[sys.argv[3]], confidence=0.001, name="many")
print(start_job(Workspace.open(sys.argv[1]), request).id)
"""


@pytest.mark.slow
def test_a_job_outlives_who_started_it_and_has_a_line_for_every_picture(trained_copy: Trained, tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "many", 60, broken=2)
    started = subprocess.run(
        [sys.executable, "-c", START, str(trained_copy.workspace.root), trained_copy.run_id, str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    job = wait(next(job for job in list_jobs(trained_copy.workspace) if job.id == started.stdout.strip()))
    assert job.state == "finished", job.error
    rows = rows_of(job)
    assert [row["file"] for row in rows] == sorted(path.name for path in folder.iterdir())
    assert [row["file"] for row in rows if row["error"]] == ["broken0.jpg", "broken1.jpg"]
    assert all(row["error"].startswith("can't be read: cannot identify") for row in rows if row["error"])
    assert (job.result["pictures"], job.result["unreadable"]) == (62, 2)
    coco = json.loads((job.folder / "coco.json").read_text(encoding="utf-8"))
    assert len(coco["images"]) == 60
    assert len(coco["annotations"]) == sum(int(row["found"] or 0) for row in rows) == len(rows_of(job, "objects.csv"))
    assert job.fraction == 1.0
    remove_job(job.folder)
    assert list_jobs(trained_copy.workspace) == []
    assert len(list(folder.iterdir())) == 62, "the user's own pictures are gone"


@pytest.mark.slow
def test_a_cancelled_job_keeps_what_it_wrote_and_leaves_no_process(trained_copy: Trained, tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "many", 600)
    request = JobRequest(kind="pictures", model=trained_copy.run_id, sources=[str(folder)], confidence=0.5)
    job = start_job(trained_copy.workspace, request)
    pid = json.loads((job.folder / "process.json").read_text())["pid"]
    deadline = time.monotonic() + 60
    while read_job(job.folder).done < 8 and time.monotonic() < deadline:
        time.sleep(0.05)
    cancel_job(job.folder)
    job = read_job(job.folder)
    assert job.state == "cancelled"
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    rows = rows_of(job)
    assert 8 <= len(rows) < 600
    assert json.loads((job.folder / "coco.json").read_text())["images"]


@pytest.mark.slow
def test_a_vanished_process_is_told_apart_from_a_running_one(trained_copy: Trained, tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "many", 400)
    request = JobRequest(kind="pictures", model=trained_copy.run_id, sources=[str(folder)], confidence=0.5)
    job = start_job(trained_copy.workspace, request)
    assert job.state == "running"
    os.kill(json.loads((job.folder / "process.json").read_text())["pid"], 9)
    assert wait(job, 10).state == "interrupted"


def test_a_job_without_its_source_is_refused_before_it_starts(trained_copy: Trained, tmp_path: Path) -> None:
    request = JobRequest(kind="pictures", model=trained_copy.run_id, sources=[str(tmp_path / "gone")], confidence=0.5)
    with pytest.raises(InputError, match="no file or folder"):
        start_job(trained_copy.workspace, request)
    assert list_jobs(trained_copy.workspace) == []
