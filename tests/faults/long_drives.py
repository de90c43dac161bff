"""A network drive that hangs under the workspace or under what is brought in, tried with a FUSE drive that is stopped.

`make faults` tries them, the suite does not; bindfs (a package of that name) shows one folder as a drive.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.data.importing.from_upload import import_dataset
from core.data.importing.job import new_job, read_import, start_import
from core.errors import InputError
from core.files.answering import FRESH, PATIENCE, check_answers, silent_for
from core.jobs import remove_job, wait_job
from core.training.runs import get_run, start_run, stop_run, wait_run
from core.training.store import State
from core.workspace import Workspace
from tests.e2e.conftest import Server
from tests.faults.long_processes import ENOUGH, answers, wait_for
from tests.faults.place import RUNS, make_place
from tests.pages.conftest import open_page
from tests.tiny import write_yolo_folder
from tests.training.test_faults import said
from tests.training.test_runs import spec_for, wait_until

ROOT = Path(__file__).resolve().parents[2]
SOON = PATIENCE + 7
"""Seconds within which something is said; with the start of a process on a busy machine."""
HANGS = "has not answered for"
pytestmark = pytest.mark.xdist_group("long faults")


@dataclass
class Drive:
    """A folder shown as a drive of its own, which hangs on demand."""

    folder: Path
    process: subprocess.Popen[bytes]

    def hang(self) -> None:
        """Let nothing on it be answered from now on."""
        self.process.send_signal(signal.SIGSTOP)
        time.sleep(FRESH)  # an answer of just now holds no more

    def come_back(self) -> None:
        """Answer what was asked meanwhile, and all that comes."""
        self.process.send_signal(signal.SIGCONT)


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[Drive]:
    if not shutil.which("bindfs") or not os.access("/dev/fuse", os.W_OK):
        pytest.skip("bindfs makes the drive, and it, or the right to mount one, is not here")
    behind, folder = tmp_path / "server", tmp_path / "drive"
    behind.mkdir()
    folder.mkdir()
    process = subprocess.Popen(["bindfs", "-f", str(behind), str(folder)])
    wait_for(lambda: os.path.ismount(folder), 20)
    made = Drive(folder, process)
    yield made
    made.come_back()
    subprocess.run(["umount", "-l", str(folder)], check=False)
    process.kill()
    process.wait(10)


def verb(drive: Drive, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "core", *words], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "GRAFT_WORKSPACE": str(drive.folder / "workspace")},
    )  # fmt: skip


def first_words(program: subprocess.Popen[str]) -> str:
    assert program.stderr is not None
    began = time.monotonic()
    words = program.stderr.readline()
    assert time.monotonic() - began < SOON
    return words


def test_a_verb_says_what_it_waits_for_goes_on_and_can_be_stopped(drive: Drive) -> None:
    make_place(drive.folder)
    drive.hang()
    stopped, waiting = verb(drive, "runs"), verb(drive, "runs", "--json")
    for program in (stopped, waiting):
        words = first_words(program)
        assert HANGS in words
        assert str(drive.folder) in words
    stopped.send_signal(signal.SIGINT)
    assert stopped.wait(10) == 1
    drive.come_back()
    out, told = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, told
    assert {run["id"] for run in json.loads(out)["runs"]} >= set(RUNS)


def test_an_import_from_a_drive_that_hangs_says_so_and_can_be_cancelled_or_goes_on(
    drive: Drive, tmp_path: Path
) -> None:
    workspace = Workspace.open(tmp_path / "workspace")
    given = write_yolo_folder(drive.folder / "many", train=60)
    for cancelled in (True, False):
        folder = new_job(workspace)
        drive.hang()
        with pytest.raises(InputError, match=HANGS):
            check_answers(given)  # what the page asks before it begins
        start_import(workspace, folder, [given], settings={})
        wait_for(lambda folder=folder: HANGS in read_import(folder).stage, 60)  # type: ignore[misc]
        if cancelled:
            began = time.monotonic()
            remove_job(folder)
            assert time.monotonic() - began < 6
            assert list(workspace.datasets.iterdir()) == []
        drive.come_back()
    assert wait_job(folder)["dataset"]
    assert len(list(workspace.datasets.iterdir())) == 1


def test_pages_of_a_workspace_that_hangs_say_so_and_come_back(
    drive: Drive, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    there = tmp_path / "workspace"
    there.symlink_to(make_place(drive.folder).workspace.root)
    monkeypatch.setenv("GRAFT_WORKSPACE", str(there))
    server = Server(there)  # its log lies beside the link, not on the drive
    server.start()
    try:
        assert len(open_page("runs.py").title) == 1
        drive.hang()
        for name in ("home.py", "runs.py"):
            began = time.monotonic()
            app = open_page(name)
            assert time.monotonic() - began < SOON
            assert [HANGS in item.value for item in app.warning] == [True]
            assert not app.title
        wait_for(lambda: answers(server, 2.0), 20)
        drive.come_back()
        wait_for(lambda: not silent_for(there), 20)
        app = open_page("runs.py")
        assert len(app.title) == 1
        assert not app.warning
    finally:
        server.kill()


def test_a_drive_that_is_pulled_out_is_named(drive: Drive, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRAFT_WORKSPACE", str(make_place(drive.folder).workspace.root))
    drive.process.kill()
    drive.process.wait(10)
    program = verb(drive, "runs")
    told = program.communicate(timeout=60)[1]
    assert program.returncode == 2
    assert "does not answer" in told
    assert str(drive.folder) in told
    page = open_page("runs.py")
    assert [str(drive.folder) in item.value for item in page.error] == [True]
    workspace = Workspace.open(tmp_path / "workspace")
    with pytest.raises(OSError, match=str(drive.folder)):
        import_dataset(workspace, drive.folder / "given")
    assert list(workspace.datasets.iterdir()) == []


def test_a_training_goes_on_once_the_drive_answers(drive: Drive, tmp_path: Path) -> None:
    workspace = Workspace.open(drive.folder / "workspace")
    run = start_run(workspace, spec_for(import_dataset(workspace, write_yolo_folder(tmp_path / "squares")), epochs=8))
    try:
        wait_until(workspace, run, said("epoch", epoch=1))
        drive.hang()
        time.sleep(8)
        drive.come_back()
        done = wait_run(workspace, run.id, ENOUGH)
        assert done.state is State.FINISHED, done.cause
        epochs = [json.loads(line) for line in done.events_path.read_text().splitlines()]
        assert [item["epoch"] for item in epochs if item["kind"] == "epoch"] == list(range(1, 9))
    finally:
        drive.come_back()
        if get_run(workspace, run.id).active:
            stop_run(workspace, run.id, keep_best=False)
