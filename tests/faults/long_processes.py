"""Faults of processes that take longer; `make faults` tries them, the suite does not."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from core.data.importing.from_upload import import_dataset
from core.data.importing.job import new_job, read_import, start_import
from core.delivery.predict.model.chosen_model import choose_model
from core.delivery.predict.model.warm import WarmPredictor
from core.errors import GraftError
from core.jobs import remove_job
from core.lab.experiment import ENDED, LabState, TransferSettings, read_experiment
from core.lab.jobs import start_experiment, stop_experiment, wait_experiment
from core.strategies.frozen import FROZEN
from core.training.runs import get_run, list_runs, start_run, stop_run, wait_run
from core.training.store import State
from core.workspace import Workspace
from tests.delivery.trained_run import Trained, train_tiny
from tests.e2e.conftest import Server
from tests.faults.case import ask
from tests.faults.place import RESTING, RUNS, make_place
from tests.tiny import write_yolo_folder
from tests.training.test_faults import ENOUGH, said
from tests.training.test_runs import spec_for, wait_until

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.xdist_group("long faults")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train_tiny(tmp_path_factory.mktemp("trained"))


def wait_for(what: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def answers(server: Server, seconds: float) -> bool:
    try:
        with urllib.request.urlopen(f"{server.address}/_stcore/health", timeout=seconds) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def test_a_checkpoint_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = make_place(tmp_path)
    monkeypatch.setenv("GRAFT_WORKSPACE", str(place.workspace.root))
    code, text = ask(["evaluate", RUNS[0], "--split", "train"])
    assert code == 2
    assert "best.pt" in text


def test_a_frozen_server_goes_on(tmp_path: Path) -> None:
    server = Server(tmp_path / "workspace")
    server.start()
    assert server.process is not None
    workspace = Workspace.open(server.workspace)
    try:
        dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "squares"))
        run = start_run(workspace, spec_for(dataset, epochs=60))
        wait_until(workspace, run, said("epoch", epoch=1))
        server.process.send_signal(signal.SIGSTOP)
        assert not answers(server, 1.0)
        before = get_run(workspace, run.id)
        time.sleep(5)
        server.process.send_signal(signal.SIGCONT)
        wait_for(lambda: answers(server, 1.0), 20)
        after = get_run(workspace, run.id)
        assert (before.state, after.state) == (State.RUNNING, State.RUNNING)
        assert after.events_path.stat().st_size > before.events_path.stat().st_size // 2
    finally:
        for item in list_runs(workspace):
            if item.active:
                stop_run(workspace, item.id, keep_best=False)
        server.kill()


def test_a_frozen_import_can_be_cancelled(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "workspace")
    folder = new_job(workspace)
    start_import(workspace, folder, [write_yolo_folder(tmp_path / "many", train=400, size=640)])
    wait_for(lambda: (folder / "process.json").exists() and read_import(folder).stage != "Starting")
    child = next(item for item in psutil.Process().children() if str(folder) in " ".join(item.cmdline()))
    child.suspend()
    time.sleep(1)
    assert read_import(folder).running
    began = time.monotonic()
    remove_job(folder)
    assert time.monotonic() - began < 6
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    workspace.sweep_staging()
    assert list(workspace.staging_root.iterdir()) == []
    assert list(workspace.datasets.iterdir()) == []


def test_a_frozen_driver_stops_when_it_goes_on(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "workspace")
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "squares"))
    settings = TransferSettings(model="starter", strategy=FROZEN, epochs=200, imgsz=32, batch=4, device="cpu")
    experiment = start_experiment(workspace, dataset.id, settings)
    wait_for(lambda: any(run.state is State.RUNNING for run in list_runs(workspace, tag=experiment.id)), 120)
    driver = next(item for item in psutil.process_iter(["cmdline"])
                  if str(experiment.folder) in " ".join(item.info["cmdline"] or []))  # fmt: skip
    driver.suspend()
    (experiment.folder / "starts").unlink()  # its grace is over
    stop_experiment(workspace, experiment.id)
    time.sleep(3)
    assert read_experiment(workspace, experiment.id).status.state is LabState.RUNNING
    alive = [item for item in psutil.process_iter(["cmdline"])
             if str(experiment.folder) in " ".join(item.info["cmdline"] or [])]  # fmt: skip
    assert [item.pid for item in alive] == [driver.pid], "no second driver"
    driver.resume()
    done = wait_experiment(workspace, experiment.id, 120)
    assert done.status.state in ENDED
    assert not any(run.active for run in list_runs(workspace, tag=experiment.id))


def test_a_frozen_warm_child_is_ended(trained: Trained) -> None:
    warm, model = WarmPredictor(), choose_model(trained.workspace, trained.run_id)
    try:
        warm.ask("load", model)
        assert warm.pid is not None
        frozen = warm.pid
        os.kill(frozen, signal.SIGSTOP)
        with pytest.raises(GraftError, match="no answer within"):
            warm.ask("load", model, patience=2)
        assert not psutil.pid_exists(frozen)
        warm.ask("load", model)
        assert warm.pid not in (None, frozen)
    finally:
        warm.close()


def test_four_programs_mend_the_list_at_once(tmp_path: Path) -> None:
    place = make_place(tmp_path)
    environment = {**os.environ, "GRAFT_WORKSPACE": str(place.workspace.root)}
    for _ in range(3):
        place.workspace.database.write_bytes(b"not a database, " * 400)
        programs = [
            subprocess.Popen([sys.executable, "-m", "core", "runs"], cwd=ROOT, env=environment, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(4)
        ]  # fmt: skip
        for program in programs:
            out, told = program.communicate(timeout=60)
            assert program.returncode == 0, told
            for name in (*RUNS, RESTING):
                assert name in out


def test_a_worker_without_enough_memory(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "workspace")
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "squares", train=64))
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (6_000_000_000, before[1]))  # the worker inherits it
    try:
        run = start_run(workspace, spec_for(dataset, epochs=2, imgsz=1280, batch=64))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    done = wait_run(workspace, run.id, ENOUGH)
    assert done.state is State.FAILED, done.log_path.read_text()[-2000:]
    assert "ran out of memory at batch size 64" in done.cause
    assert done.suggestion == {"batch": 32}
