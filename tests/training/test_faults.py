"""What goes wrong with real processes: nothing is lost, nothing doubled, and the state is true within three seconds."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.errors import GraftError
from core.training.records.events import EventWriter, read_events
from core.training.records.progress import RunProgress, fold, read_progress
from core.training.runs import edit_run, get_run, list_runs, pause_run, resume_run, start_run, stop_run, wait_run
from core.training.store import Run, RunStore, State
from core.workspace import Workspace
from tests.tiny import write_class_folders, write_yolo_folder
from tests.training.test_runs import ENOUGH, assert_joined, assert_no_process_of, spec_for, wait_until, whole_epochs

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]
TRUE_WITHIN = 3.0


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace.open(tmp_path_factory.mktemp("faults") / "workspace")


@pytest.fixture(scope="module")
def squares(faulty: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return import_dataset(faulty, write_yolo_folder(tmp_path_factory.mktemp("tiny") / "squares", train=16))


@pytest.fixture(autouse=True)
def nothing_left_running(faulty: Workspace) -> Iterator[None]:
    yield
    cancel_all(faulty)


def cancel_all(workspace: Workspace) -> None:
    for run in RunStore(workspace).all():  # newest first: nothing queued starts meanwhile
        if run.active:
            stop_run(workspace, run.id, keep_best=False)


def said(kind: str, **fields: object) -> Callable[[Run], bool]:
    def look(run: Run) -> bool:
        events, _ = read_events(run.events_path)
        return any(event["kind"] == kind and fields.items() <= event.items() for event in events)

    return look


def finals(run: Run) -> list[str]:
    return [event["kind"] for event in read_events(run.events_path)[0] if event["kind"] in ("finished", "stopped")]


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(lambda run: run.pid is not None, id="while starting"),
        pytest.param(said("epoch_start", epoch=1), id="during warm-up"),
        pytest.param(said("phase", phase="validating"), id="during validation"),
    ],
)
def test_stop_at_any_moment_keeps_a_model(faulty: Workspace, squares: Dataset, moment: Callable[[Run], bool]) -> None:
    run = start_run(faulty, spec_for(squares, epochs=100))
    wait_until(faulty, run, moment)
    stop_run(faulty, run.id)
    stop_run(faulty, run.id)  # twice, as impatient people do
    done = wait_run(faulty, run.id, ENOUGH)
    assert done.state is State.STOPPED, done.log_path.read_text()[-3000:]
    assert finals(done) == ["stopped"]
    assert done.best_weights is not None
    assert done.metrics["mAP50"] is not None
    assert_no_process_of(done)


def test_a_frozen_worker_goes_on_and_a_dead_server_does_not_matter(faulty: Workspace, squares: Dataset) -> None:
    code = (
        "import sys, time; from core.workspace import Workspace; from core.spec import TrainingSpec\n"
        "from core.training.runs import start_run\n"
        "start_run(Workspace.open(sys.argv[1]), TrainingSpec.model_validate_json(sys.argv[2])); time.sleep(600)"
    )
    before = {run.id for run in list_runs(faulty)}
    wanted = spec_for(squares, epochs=6).model_dump_json()
    server = subprocess.Popen([sys.executable, "-c", code, str(faulty.root), wanted])
    try:
        deadline = time.monotonic() + 30
        while not (new := [run for run in list_runs(faulty) if run.id not in before]) and time.monotonic() < deadline:
            time.sleep(0.1)
        running = wait_until(faulty, new[0], said("epoch", epoch=1))
    finally:
        server.kill()
        server.wait()
    assert running.pid is not None
    os.kill(running.pid, signal.SIGSTOP)  # a laptop that sleeps
    quiet = len(read_events(running.events_path)[0])
    time.sleep(1.5)
    assert get_run(faulty, running.id).state is State.RUNNING
    assert len(read_events(running.events_path)[0]) - quiet <= 1
    os.kill(running.pid, signal.SIGCONT)
    done = wait_run(faulty, running.id, ENOUGH)
    assert done.state is State.FINISHED, done.log_path.read_text()[-3000:]
    assert_joined(done, 6)
    assert [event for event in read_events(done.events_path)[0] if event["kind"] == "started"][1:] == []


def test_a_frozen_worker_can_be_cancelled(faulty: Workspace, squares: Dataset) -> None:
    run = start_run(faulty, spec_for(squares, epochs=100))
    running = wait_until(faulty, run, said("epoch_start", epoch=1))
    assert running.pid is not None
    os.kill(running.pid, signal.SIGSTOP)
    began = time.monotonic()
    assert stop_run(faulty, run.id, keep_best=False).state is State.CANCELLED
    assert time.monotonic() - began < 5
    assert not psutil.pid_exists(running.pid)


def test_paused_twice_equals_uninterrupted_and_trains_on(faulty: Workspace, squares: Dataset) -> None:
    straight = wait_run(faulty, start_run(faulty, spec_for(squares, epochs=5)).id, ENOUGH)
    run = start_run(faulty, spec_for(squares, epochs=5))
    for epoch in (1, 3):
        wait_until(faulty, run, whole_epochs(epoch))
        pause_run(faulty, run.id)
        paused = wait_run(faulty, run.id, ENOUGH)
        assert paused.state is State.PAUSED
        resume_run(faulty, run.id)
    done = wait_run(faulty, run.id, ENOUGH)
    assert_joined(done, 5)
    mine, theirs = read_progress(done).curves, read_progress(straight).curves
    for column in theirs.columns.drop("seconds"):
        assert mine[column].tolist() == pytest.approx(theirs[column].tolist(), rel=1e-3, abs=1e-4), column
    resume_run(faulty, run.id, more_epochs=2)
    longer = wait_run(faulty, run.id, ENOUGH)
    assert longer.state is State.FINISHED, longer.log_path.read_text()[-3000:]
    assert_joined(longer, 7)


def test_a_run_that_ended_early_trains_the_epochs_that_are_asked_for(faulty: Workspace, tmp_path: Path) -> None:
    sorted_ones = import_dataset(faulty, write_class_folders(tmp_path / "sorted"), name="sorted")
    still = {"lr0": 1e-9, "optimizer": "SGD", "warmup_bias_lr": 0.0}
    changes = {"model": "yolo11n-cls", "epochs": 30, "imgsz": 32, "patience": 1, "extra": still}
    run = start_run(faulty, spec_for(sorted_ones, **changes))
    early = wait_run(faulty, run.id, ENOUGH)
    assert early.state is State.FINISHED, early.log_path.read_text()[-3000:]
    assert read_progress(early).early
    assert early.epochs_done < 30
    resume_run(faulty, run.id, more_epochs=3)
    longer = wait_run(faulty, run.id, ENOUGH)
    assert (longer.state, longer.epochs_done) == (State.FINISHED, early.epochs_done + 3)
    assert not read_progress(longer).early


def test_a_dataset_deleted_under_a_run_is_a_plain_cause(faulty: Workspace, tmp_path: Path) -> None:
    doomed = import_dataset(faulty, write_yolo_folder(tmp_path / "doomed", train=16), name="doomed")
    run = start_run(faulty, spec_for(doomed, epochs=500, extra={"cache": False}))  # else it goes on from memory
    wait_until(faulty, run, whole_epochs(1))
    shutil.rmtree(doomed.root)
    failed = wait_run(faulty, run.id, ENOUGH)
    assert failed.state is State.FAILED
    assert "not there any more" in failed.cause
    assert "Import the dataset again" in failed.next_step


def test_twenty_runs_at_once_start_one_by_one(faulty: Workspace, squares: Dataset) -> None:
    code = (
        "import sys; from core.workspace import Workspace; from core.spec import TrainingSpec\n"
        "from core.training.runs import start_run\n"
        "for _ in range(5): start_run(Workspace.open(sys.argv[1]), TrainingSpec.model_validate_json(sys.argv[2]))"
    )
    before = {run.id for run in list_runs(faulty)}
    wanted = spec_for(squares, epochs=300).model_dump_json()
    servers = [subprocess.Popen([sys.executable, "-c", code, str(faulty.root), wanted]) for _ in range(4)]
    assert [server.wait(60) for server in servers] == [0, 0, 0, 0]
    runs = [run for run in list_runs(faulty) if run.id not in before]
    assert len(runs) == 20
    assert sorted(run.position for run in runs if run.position) == list(range(1, 20))
    working = [run for run in runs if run.state is not State.QUEUED]
    assert len(working) == 1
    cancel_all(faulty)
    assert {run.state for run in list_runs(faulty) if run.id not in before} == {State.CANCELLED}
    assert_no_process_of(working[0])


def fill_up(filler: Path) -> None:
    with filler.open("wb") as file:
        for size in (1 << 20, 4096):
            try:
                while True:
                    os.write(file.fileno(), b"x" * size)
            except OSError:
                continue  # full for this size


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mount = tmp_path / "small"
    mount.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=420m", "tmpfs", str(mount)], capture_output=True)
    if done.returncode:
        pytest.skip("a small disk (tmpfs) can't be mounted here without root")
    yield mount
    subprocess.run(["umount", "-l", str(mount)], check=False)


def test_a_full_disk_is_named_and_the_best_model_survives(small_disk: Path, tmp_path: Path) -> None:
    workspace = Workspace.open(small_disk / "workspace")
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "squares", train=16))
    run = start_run(workspace, spec_for(dataset, epochs=8))
    try:
        wait_until(workspace, run, whole_epochs(2))
        filler = small_disk / "filler"
        fill_up(filler)
        failed = wait_run(workspace, run.id, ENOUGH)
        assert failed.state is State.FAILED, failed.log_path.read_text()[-3000:]
        assert "disk is full" in failed.cause
        assert failed.best_weights is not None
        kept = failed.best_weights.stat().st_size
        assert kept > 1_000_000
        filler.unlink()
        resume_run(workspace, run.id)
        done = wait_run(workspace, run.id, ENOUGH)
        assert done.state is State.FINISHED, done.log_path.read_text()[-3000:]
        assert_joined(done, 8)
    finally:
        cancel_all(workspace)


def test_looking_works_when_not_a_byte_is_left(small_disk: Path) -> None:
    workspace = Workspace.open(small_disk / "workspace")
    store = RunStore(workspace)
    gone = {"pid": 2**22 + 1, "identity": "another boot:1"}  # a worker that vanished
    for name, extra in (("resting", {"state": State.FINISHED}), ("vanished", {"state": State.RUNNING} | gone)):
        facts = dict.fromkeys(("dataset", "dataset_name", "task", "model", "strategy", "device"), "x")
        store.add(Run(id=name, name=name, created=datetime.now(UTC), attempt=1, **facts | extra))
    (workspace.root / ".reserve").unlink()
    fill_up(small_disk / "filler")
    for _ in range(3):
        told = {run.id: run.state for run in list_runs(workspace)}
        assert told == {"resting": State.FINISHED, "vanished": State.INTERRUPTED}
    assert wait_run(workspace, "vanished", 1).cause.startswith("The training process vanished")
    with pytest.raises(GraftError, match="is full: free some space"):
        edit_run(workspace, "resting", notes="x" * 10_000)
    (small_disk / "filler").unlink()
    assert get_run(workspace, "vanished").state is State.INTERRUPTED
    assert RunStore(workspace).get("vanished").state is State.INTERRUPTED, "now it is written, not only told"


def test_a_clock_that_jumps_back_confuses_nobody(tmp_path: Path) -> None:
    progress, path = RunProgress(), tmp_path / "events.jsonl"
    writer = EventWriter(path)
    writer.write("started", pid=1, attempt=1)
    writer.write("epoch_start", epoch=1, epochs=3, batches=2)
    for epoch in (1, 2):
        writer.write("epoch", epoch=epoch, epochs=3, seconds=2.0, metrics={}, losses={}, fitness=0.1 * epoch)
    writer.close()
    shares = []
    for number, event in enumerate(read_events(path)[0]):
        fold(progress, event | {"time": 1_000_000 - 3600 * number})
        shares.append(progress.fraction)
        assert progress.seconds >= 0
        assert progress.seconds_left is None or progress.seconds_left >= 0
    assert shares == sorted(shares)
    assert progress.epochs_done == 2
