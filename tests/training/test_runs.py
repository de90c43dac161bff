"""Real runs with real processes: what the user asks for happens, and the state is true whatever happens to them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.errors import InputError
from core.spec import TrainingSpec
from core.training.records.events import read_events
from core.training.records.progress import read_progress
from core.training.runs import (
    advance,
    delete_run,
    get_run,
    list_runs,
    move_run,
    pause_run,
    resume_run,
    start_run,
    stop_run,
    wait_run,
)
from core.training.store import Run, RunStore, State
from core.workspace import Workspace
from tests.tiny import write_class_folders, write_yolo_folder

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("training")]
ENOUGH = 90.0


@pytest.fixture(scope="module")
def training_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace.open(tmp_path_factory.mktemp("training") / "workspace")


@pytest.fixture(scope="module")
def dataset(training_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = write_yolo_folder(tmp_path_factory.mktemp("tiny") / "squares", train=16)
    return import_dataset(training_workspace, folder)


@pytest.fixture(scope="module")
def earlier(training_workspace: Workspace, dataset: Dataset) -> Run:
    """A finished run to start from."""
    return wait_run(training_workspace, start_run(training_workspace, spec_for(dataset, epochs=1)).id, ENOUGH)


@pytest.fixture(autouse=True)
def nothing_left_running(training_workspace: Workspace):
    yield
    for run in RunStore(training_workspace).all():
        if run.active:
            stop_run(training_workspace, run.id, keep_best=False)


def spec_for(dataset: Dataset, **changes: object) -> TrainingSpec:
    values = {"model": "yolo11n", "strategy": "scratch", "epochs": 2, "imgsz": 32, "batch": 4} | changes
    return TrainingSpec(dataset=dataset.id, task=dataset.task, **values)


def wait_until(workspace: Workspace, run: Run, what: Callable[[Run], bool], seconds: float = ENOUGH) -> Run:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        now = get_run(workspace, run.id)
        if what(now):
            return now
        assert now.active, f"ended as {now.state}: {now.cause}\n{log_of(now)}"
        time.sleep(0.1)
    raise AssertionError(f"still {get_run(workspace, run.id).state}: {log_of(run)}")


def log_of(run: Run) -> str:
    return run.log_path.read_text()[-3000:] if run.log_path.exists() else "no log"


def whole_epochs(count: int) -> Callable[[Run], bool]:
    return lambda run: read_progress(run).epochs_done >= count


def assert_joined(run: Run, epochs: int) -> None:
    curves = read_progress(run).curves
    assert curves["epoch"].tolist() == list(range(1, epochs + 1))
    lines = (run.folder / "train" / "results.csv").read_text().splitlines()
    assert [int(line.split(",")[0]) for line in lines[1:]] == list(range(1, epochs + 1))


def assert_no_process_of(run: Run) -> None:
    left = [item for item in psutil.process_iter(["cmdline"]) if str(run.folder) in (item.info["cmdline"] or [])]
    assert [item for item in left if item.status() != psutil.STATUS_ZOMBIE] == []


def test_a_run_trains_to_the_end(training_workspace: Workspace, dataset: Dataset) -> None:
    run = start_run(training_workspace, spec_for(dataset))
    seen: list[float] = []
    done = wait_run(training_workspace, run.id, ENOUGH, lambda progress: seen.append(progress.fraction))

    assert done.state is State.FINISHED, done.log_path.read_text()[-3000:]
    assert {"mAP50", "mAP50-95", "precision", "recall"} <= done.metrics.keys()
    assert done.best_weights is not None
    assert done.best_epoch in (1, 2)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    progress = read_progress(done)
    assert max(progress.curves["epoch"]) == 2, "Ultralytics calls back once more after the last epoch"
    assert progress.transfer["copied"] == 0
    events, _ = read_events(done.events_path)
    assert events[-1]["kind"] == "finished"
    assert_no_process_of(done)


def test_classification_trains(training_workspace: Workspace, tmp_path: Path) -> None:
    colours = import_dataset(training_workspace, write_class_folders(tmp_path / "colours"))
    run = start_run(training_workspace, spec_for(colours, epochs=4, extra={"lr0": 0.01}))
    done = wait_run(training_workspace, run.id, ENOUGH)
    assert done.state is State.FINISHED, done.log_path.read_text()[-3000:]
    assert "top1" in done.metrics
    assert "top5" not in done.metrics, "two classes: five guesses are always right"
    fitness = read_progress(done).fitness
    assert fitness[4] == fitness[3] == max(fitness.values()), "this set shows nothing: no two epochs are as good"
    assert done.best_epoch == 4
    assert weights_of(done, "best.pt")
    assert weights_of(done, "best.pt") == weights_of(done, "last.pt"), "what is told is what is kept"


def weights_of(run: Run, name: str) -> dict[str, int]:
    """Return the checksums of a checkpoint's tensors: opened by torch, it would bring Ultralytics into this process."""
    with zipfile.ZipFile(run.folder / "train" / "weights" / name) as file:
        inside = {entry.filename.partition("/")[2]: entry.CRC for entry in file.infolist()}
    return {member: checksum for member, checksum in inside.items() if member.startswith("data/")}


@pytest.mark.parametrize("strategy", ["frozen", "two-stage", "discriminative"])
def test_strategies_start_from_an_earlier_run(
    training_workspace: Workspace, dataset: Dataset, earlier: Run, strategy: str
) -> None:
    run = start_run(training_workspace, spec_for(dataset, model=f"run:{earlier.id}", strategy=strategy))
    done = wait_run(training_workspace, run.id, ENOUGH)
    assert done.state is State.FINISHED, done.log_path.read_text()[-3000:]
    transfer = read_progress(done).transfer
    assert transfer["copied"] == transfer["total"]
    if strategy == "discriminative":
        assert transfer["frozen"] < 100
    else:
        assert transfer["frozen"] > 1_000_000


def test_pause_frees_the_device_and_resume_goes_on_exactly(training_workspace: Workspace, dataset: Dataset) -> None:
    straight = wait_run(training_workspace, start_run(training_workspace, spec_for(dataset, epochs=4)).id, ENOUGH)
    run = start_run(training_workspace, spec_for(dataset, epochs=4))
    wait_until(training_workspace, run, whole_epochs(2))
    pause_run(training_workspace, run.id)
    paused = wait_run(training_workspace, run.id, ENOUGH)
    assert paused.state is State.PAUSED
    assert_no_process_of(paused)

    resume_run(training_workspace, run.id)
    done = wait_run(training_workspace, run.id, ENOUGH)
    assert done.state is State.FINISHED, done.log_path.read_text()[-3000:]
    assert_joined(done, 4)
    mine, theirs = read_progress(done).curves, read_progress(straight).curves
    for column in [name for name in theirs if name.startswith("train/")]:
        assert mine[column].tolist() == pytest.approx(theirs[column].tolist(), rel=1e-3), column


def test_more_epochs_keep_the_optimizer_that_auto_chose(training_workspace: Workspace, dataset: Dataset) -> None:
    extra = {"optimizer": "auto", "nbs": 4}
    run = start_run(training_workspace, spec_for(dataset, epochs=1, patience=0, extra=extra))
    assert wait_run(training_workspace, run.id, ENOUGH).state is State.FINISHED
    resume_run(training_workspace, run.id, more_epochs=3_000)  # 12,000 steps: auto alone would take MuSGD from 10,000
    wait_until(training_workspace, run, whole_epochs(2))
    stop_run(training_workspace, run.id)
    done = wait_run(training_workspace, run.id, ENOUGH)
    assert done.state is State.STOPPED, done.log_path.read_text()[-3000:]
    chosen = [line for line in done.log_path.read_text().splitlines() if "parameter groups" in line]
    assert len(chosen) == 2
    assert all("AdamW(lr=0.001667" in line for line in chosen), chosen
    first, second = read_progress(done).curves["learning_rate"].tolist()[:2]
    assert 0 < second < 0.01
    assert first > 0


def test_stop_keeps_the_best_and_can_go_on(training_workspace: Workspace, dataset: Dataset) -> None:
    run = start_run(training_workspace, spec_for(dataset, epochs=200))
    wait_until(training_workspace, run, whole_epochs(1))
    stop_run(training_workspace, run.id)
    stop_run(training_workspace, run.id)
    done = wait_run(training_workspace, run.id, ENOUGH)
    assert done.state is State.STOPPED
    assert done.best_weights is not None
    assert done.metrics["mAP50"] is not None
    before = read_progress(done).epochs_done

    resume_run(training_workspace, run.id)
    wait_until(training_workspace, run, whole_epochs(before + 1))
    stop_run(training_workspace, run.id, keep_best=False)
    cancelled = wait_run(training_workspace, run.id, ENOUGH)
    assert cancelled.state is State.CANCELLED
    assert_no_process_of(cancelled)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_worker_is_interrupted_and_resumes(
    training_workspace: Workspace, dataset: Dataset, number: signal.Signals
) -> None:
    run = start_run(training_workspace, spec_for(dataset, epochs=3))
    running = wait_until(training_workspace, run, whole_epochs(1))
    assert running.pid is not None
    os.kill(running.pid, number)
    deadline = time.monotonic() + 3
    while get_run(training_workspace, run.id).active and time.monotonic() < deadline:
        time.sleep(0.1)
    dead = get_run(training_workspace, run.id)
    assert dead.state is State.INTERRUPTED
    assert dead.resumable
    with dead.events_path.open("a") as events:
        events.write('{"time": 1, "kind": "epo')  # a torn last line
    dead.resume_point.write_bytes(dead.resume_point.read_bytes()[:1000])  # and a torn resume point

    resume_run(training_workspace, run.id)
    done = wait_run(training_workspace, run.id, ENOUGH)
    assert done.state is State.FINISHED, done.log_path.read_text()[-3000:]
    assert_joined(done, 3)


def test_one_at_a_time_in_the_asked_order(training_workspace: Workspace, dataset: Dataset) -> None:
    first, second, third = (start_run(training_workspace, spec_for(dataset, epochs=50)) for _ in range(3))
    assert len({run.name for run in (first, second, third)}) == 3, "lists show names alone"
    looked = {run.id: run for run in list_runs(training_workspace)}
    assert looked[first.id].state in (State.STARTING, State.RUNNING)
    assert [looked[item.id].position for item in (second, third)] == [1, 2]
    assert move_run(training_workspace, third.id, -1).position == 1
    assert stop_run(training_workspace, second.id).state is State.CANCELLED
    with pytest.raises(InputError, match="stop it before"):
        delete_run(training_workspace, first.id)
    stop_run(training_workspace, first.id, keep_best=False)
    assert wait_until(training_workspace, third, lambda run: run.state is State.RUNNING)
    stop_run(training_workspace, third.id, keep_best=False)
    assert delete_run(training_workspace, third.id) > 0
    assert not third.folder.exists()


def test_two_servers_never_start_a_run_twice(training_workspace: Workspace, dataset: Dataset) -> None:
    code = "import sys; from core.workspace import Workspace; from core.training.runs import advance\n"
    code += "for _ in range(20): advance(Workspace.open(sys.argv[1]))"
    run = start_run(training_workspace, spec_for(dataset, epochs=1))
    queued = start_run(training_workspace, spec_for(dataset, epochs=1))
    servers = [subprocess.Popen([sys.executable, "-c", code, str(training_workspace.root)]) for _ in range(2)]
    for item in (run, queued):
        assert wait_run(training_workspace, item.id, ENOUGH).state is State.FINISHED
        started = [event for event in read_events(item.events_path)[0] if event["kind"] == "started"]
        assert len(started) == 1
    assert [server.wait(30) for server in servers] == [0, 0]


def test_pictures_that_vanish_are_named_before_training(training_workspace: Workspace, tmp_path: Path) -> None:
    gone = import_dataset(training_workspace, write_yolo_folder(tmp_path / "gone"), name="gone")
    shutil.rmtree(gone.root / "images" / "train")
    run = start_run(training_workspace, spec_for(gone))
    failed = wait_run(training_workspace, run.id, ENOUGH)
    assert failed.state is State.FAILED
    assert "import the dataset again" in failed.cause


def test_runs_are_found_by_words(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "many")
    store = RunStore(workspace)
    from datetime import UTC, datetime

    for number in range(50):
        store.add(
            Run(
                id=f"run-{number}",
                name="x",
                state=State.FINISHED,
                dataset="d",
                dataset_name="d",
                task="detect",
                model="yolo11n",
                strategy="fine-tune",
                device="cpu",
                created=datetime.now(UTC),
            )
        )
    assert len(list_runs(workspace)) == 50
    assert [run.id for run in list_runs(workspace, query="run-7")] == ["run-7"]
    advance(workspace)
