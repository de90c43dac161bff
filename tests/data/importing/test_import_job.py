"""An import in a child process: it ends with a dataset or with a reason, and leaves nothing behind."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from core.data.dataset import list_datasets
from core.data.importing.job import job_folder, new_job, read_import, start_import
from core.jobs import JobState, remove_job
from core.workspace import Workspace
from tests.tiny import write_yolo_folder


def wait(folder: Path, seconds: float = 60) -> JobState:
    deadline = time.monotonic() + seconds
    while (state := read_import(folder)).running and time.monotonic() < deadline:
        time.sleep(0.05)
    return state


@pytest.mark.slow
def test_import_ends_with_a_dataset_and_leaves_no_job(workspace: Workspace, tmp_path: Path) -> None:
    folder = new_job(workspace)
    job = start_import(workspace, folder, [write_yolo_folder(tmp_path / "set")], settings={"split": "50/50"}, name="N")
    assert job_folder(workspace, job) == folder
    assert workspace.sweep_staging() == 0, "a job under way was swept"
    state = wait(folder)
    assert state.result["dataset"] == list_datasets(workspace)[0].id
    assert list_datasets(workspace)[0].name == "N"
    remove_job(folder)
    assert not folder.exists()
    assert len(list_datasets(workspace)) == 1


@pytest.mark.slow
def test_refused_import_says_why(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no pictures here")
    folder = new_job(workspace)
    start_import(workspace, folder, [tmp_path / "notes.txt"])
    state = wait(folder)
    assert state.error
    assert "Traceback" not in state.error
    assert list_datasets(workspace) == []


@pytest.mark.slow
def test_killed_import_is_seen_and_keeps_nothing(workspace: Workspace, tmp_path: Path) -> None:
    folder = new_job(workspace)
    start_import(workspace, folder, [write_yolo_folder(tmp_path / "set", train=200)])
    child = next(item for item in psutil.Process().children() if str(folder) in " ".join(item.cmdline()))
    child.kill()
    state = wait(folder, 10)
    assert not state.running
    assert "ended before it was done" in state.error
    assert list_datasets(workspace) == []


@pytest.mark.slow
def test_cancelled_import_leaves_no_process(workspace: Workspace, tmp_path: Path) -> None:
    folder = new_job(workspace)
    start_import(workspace, folder, [write_yolo_folder(tmp_path / "set", train=200)])
    remove_job(folder)
    assert not folder.exists()
    assert not [item for item in psutil.Process().children() if item.status() != psutil.STATUS_ZOMBIE and str(folder)
                in " ".join(item.cmdline())]  # fmt: skip


@pytest.mark.parametrize("name", ["../..", "import_1_2_zzzzzzzz", "import_1_2_0123abcd", ""])
def test_address_that_names_no_job_finds_none(workspace: Workspace, name: str) -> None:
    assert job_folder(workspace, name) is None
