"""Jobs in child processes: what is seen of them as they run, when they end and when they vanish; old ones included."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from core import jobs
from core.data.importing.job import read_import
from core.delivery.predict import job as predict_job
from core.errors import GraftError, InputError
from core.jobs import JobState, Progress, Report, end_job, read_job, remove_job, run_job, start_job, wait_job


def work(job: dict[str, Any], report: Report) -> dict[str, Any]:
    """Child: count to ten, then do as the job says."""
    for number in range(11):
        report(Progress("Counting", number, 10))
        time.sleep(job.get("pause", 0.0))
    if job.get("refuse"):
        raise InputError("There is nothing to count.")
    print("the last word")
    if job.get("crash"):
        raise KeyError("gone")
    return {"counted": 10}


def pid_of(folder: Path) -> int:
    return int(json.loads((folder / "process.json").read_text())["pid"])


def until(folder: Path, done: int) -> JobState:
    deadline = time.monotonic() + 60
    while (state := read_job(folder)).done < done and state.running and time.monotonic() < deadline:
        time.sleep(0.05)
    return state


def test_a_job_ends_with_its_result(tmp_path: Path) -> None:
    folder = start_job(tmp_path / "job", "tests.test_jobs", {"pause": 0.1})
    with pytest.raises(InputError, match="already"):
        start_job(folder, "tests.test_jobs", {})
    told: list[Progress] = []
    assert wait_job(folder, told.append) == {"counted": 10}
    assert {step.stage for step in told} <= {"Starting", "Counting"}
    state = read_job(folder)
    assert (state.running, state.lost, state.fraction, state.error) == (False, False, 1.0, "")
    start_job(folder, "tests.test_jobs", {"refuse": True})  # once it has ended the folder serves again
    with pytest.raises(InputError, match="nothing to count"):
        wait_job(folder)
    remove_job(folder)
    assert read_job(folder) == JobState()


def test_a_job_that_crashed_or_was_killed_is_lost_and_says_so(tmp_path: Path) -> None:
    crashed = start_job(tmp_path / "crashed", "tests.test_jobs", {"crash": True})
    killed = start_job(tmp_path / "killed", "tests.test_jobs", {"pause": 1.0})
    assert until(killed, 1).running
    os.kill(pid_of(killed), 9)
    with pytest.raises(GraftError, match=r"It ended before it was done \(KeyError: 'gone'\)"):
        wait_job(crashed)
    with pytest.raises(GraftError, match="ended before it was done"):
        wait_job(killed)
    assert read_job(killed).lost
    assert read_job(killed, "The import").error == "The import ended before it was done. Nothing was kept; try again."


def test_an_ended_job_leaves_no_process_and_keeps_its_files(tmp_path: Path) -> None:
    folder = start_job(tmp_path / "job", "tests.test_jobs", {"pause": 1.0})
    pid = pid_of(folder)
    assert os.getsid(pid) != os.getsid(0)
    assert until(folder, 1).running
    end_job(folder)
    assert not psutil.pid_exists(pid)
    assert read_job(folder).done >= 1


def test_progress_tells_the_time_left_by_the_pace_of_its_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "REPORT_EVERY", 0.0)

    def count(_job: dict[str, Any], report: Report) -> dict[str, Any]:
        report(Progress("Going on", 50, 100))
        time.sleep(0.6)
        report(Progress("Going on", 60, 100))
        return {}

    run_job(tmp_path, count)
    left = json.loads((tmp_path / "progress.json").read_text())["seconds_left"]
    assert 2.3 < left < 10, "ten took .6 s, forty are left; the first fifty don't count"


def test_a_job_written_down_but_not_yet_recorded_is_running_for_a_minute_only(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text("{}")
    assert read_job(tmp_path).running
    os.utime(tmp_path / "job.json", (0, time.time() - 120))
    assert read_job(tmp_path).lost


REQUEST = {"kind": "video", "model": "m", "sources": ["v.mp4"], "confidence": 0.5, "created": "2026-01-01T00:00:00Z"}
GONE = {"pid": 2**22 + 7, "identity": "gone"}
OLD = [
    ({"job": REQUEST, "process": GONE, "result": {"state": "failed", "error": "No."}}, "failed"),
    ({"job": REQUEST, "process": GONE, "result": {"state": "cancelled"}}, "cancelled"),
    ({"job": REQUEST, "process": GONE, "progress": {"done": 3, "total": None, "seconds_left": None}}, "interrupted"),
    ({"job": REQUEST, "process": {"pid": None, "identity": None}}, "interrupted"),
]


@pytest.mark.parametrize(("files", "state"), OLD, ids=range(len(OLD)))
def test_jobs_of_an_earlier_version_are_read(files: dict[str, Any], state: str, tmp_path: Path) -> None:
    for name, content in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    assert predict_job.read_job(tmp_path).state == state
    assert not read_import(tmp_path).running
    assert not read_job(tmp_path).running


if __name__ == "__main__":
    sys.exit(run_job(Path(sys.argv[1]), work))
