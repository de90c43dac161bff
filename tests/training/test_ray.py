"""Runs on a real Ray head with one CPU slot: they queue there, stop, and report exactly as runs of this machine."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.errors import InputError
from core.training.executors.ray import RayExecutor
from core.training.records.events import read_events
from core.training.runs import get_run, list_runs, move_run, pause_run, resume_run, start_run, stop_run, wait_run
from core.training.several_gpus import gpu_count
from core.training.store import RunStore, State
from core.workspace import Workspace
from tests.tiny import write_yolo_folder
from tests.training.test_runs import ENOUGH, assert_joined, assert_no_process_of, spec_for, wait_until, whole_epochs

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.xdist_group("ray")]


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


@pytest.fixture(scope="module")
def ray_head() -> Iterator[str]:
    """A Ray head of our own with one CPU slot, that sends nothing anywhere; ended by its own process group."""
    pytest.importorskip("ray", reason="Ray is not installed (pip install -r requirements-ray.txt)")
    folder = Path(tempfile.mkdtemp(prefix="graft-ray-"))  # short: Ray's sockets live in it
    dashboard = free_port()
    command = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--num-cpus=1"]
    command += [f"--port={free_port()}", "--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}"]
    command += [f"--dashboard-agent-listen-port={free_port()}", f"--ray-client-server-port={free_port()}"]
    command += [f"--temp-dir={folder}", "--disable-usage-stats", "--object-store-memory=80000000"]
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0"}
    with (folder / "head.log").open("wb") as log:
        head = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
    address = f"http://127.0.0.1:{dashboard}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"{address}/api/jobs/", timeout=2):
                    break
            except OSError:
                if head.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError((folder / "head.log").read_text()[-3000:]) from None
                time.sleep(0.3)
        yield address
    finally:
        family = psutil.Process(head.pid).children(recursive=True) if head.poll() is None else []
        head.send_signal(signal.SIGTERM)
        _, left = psutil.wait_procs(family, timeout=8)
        for process in left:
            process.kill()
        head.kill()
        head.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def on_ray(ray_head: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFT_RAY_ADDRESS", ray_head)


@pytest.fixture(scope="module")
def cluster_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace.open(tmp_path_factory.mktemp("cluster") / "workspace")


@pytest.fixture(scope="module")
def squares(cluster_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return import_dataset(cluster_workspace, write_yolo_folder(tmp_path_factory.mktemp("tiny") / "squares", train=16))


@pytest.mark.usefixtures("on_ray")
def test_two_jobs_one_slot_one_after_the_other(cluster_workspace: Workspace, squares: Dataset) -> None:
    first, second = (start_run(cluster_workspace, spec_for(squares, epochs=2)) for _ in range(2))
    wait_until(cluster_workspace, first, lambda run: run.state is State.RUNNING)
    waiting = get_run(cluster_workspace, second.id)
    assert (waiting.state, waiting.submitted, waiting.position) == (State.QUEUED, True, 1)
    with pytest.raises(InputError, match="cluster's own queue"):
        move_run(cluster_workspace, second.id, -1)
    states = [wait_run(cluster_workspace, run.id, ENOUGH) for run in (first, second)]
    assert [run.state for run in states] == [State.FINISHED] * 2, states[0].log_path.read_text()[-3000:]
    ends, begins = (read_events(run.events_path)[0] for run in states)
    assert ends[-1]["time"] <= begins[0]["time"], "one slot: the second begins when the first has ended"
    for run in states:
        assert_joined(run, 2)
        assert run.metrics["mAP50"] is not None
        assert "Ultralytics" in run.log_path.read_text()


@pytest.mark.usefixtures("on_ray")
def test_stop_pause_resume_and_cancel(cluster_workspace: Workspace, squares: Dataset) -> None:
    run = start_run(cluster_workspace, spec_for(squares, epochs=200))
    behind = start_run(cluster_workspace, spec_for(squares, epochs=200))
    wait_until(cluster_workspace, run, whole_epochs(1))
    assert stop_run(cluster_workspace, behind.id, keep_best=False).state is State.CANCELLED
    pause_run(cluster_workspace, run.id)
    assert wait_run(cluster_workspace, run.id, ENOUGH).state is State.PAUSED
    before = len(read_events(run.events_path)[0])
    resume_run(cluster_workspace, run.id)
    wait_until(cluster_workspace, run, lambda _: len(read_events(run.events_path)[0]) > before + 6)
    stop_run(cluster_workspace, run.id)
    stopped = wait_run(cluster_workspace, run.id, ENOUGH)
    assert stopped.state is State.STOPPED, stopped.log_path.read_text()[-3000:]
    assert stopped.best_weights is not None

    resume_run(cluster_workspace, run.id)
    wait_until(cluster_workspace, run, lambda now: now.state is State.RUNNING)
    began = time.monotonic()
    stop_run(cluster_workspace, run.id, keep_best=False)
    assert wait_run(cluster_workspace, run.id, 10).state is State.CANCELLED
    assert time.monotonic() - began < 8
    assert_no_process_of(run)
    assert not read_events(behind.events_path)[0], "what was cancelled while it waited never began"


@pytest.mark.usefixtures("on_ray")
def test_a_job_that_dies_without_a_last_word_was_interrupted(cluster_workspace: Workspace, squares: Dataset) -> None:
    run = start_run(cluster_workspace, spec_for(squares, epochs=200))
    wait_until(cluster_workspace, run, lambda now: now.state is State.RUNNING)
    workers = [item for item in psutil.process_iter(["cmdline"]) if str(run.folder) in (item.info["cmdline"] or [])]
    assert len(workers) == 1
    workers[0].kill()
    deadline = time.monotonic() + 3
    while get_run(cluster_workspace, run.id).active and time.monotonic() < deadline:
        time.sleep(0.1)
    dead = get_run(cluster_workspace, run.id)
    assert dead.state is State.INTERRUPTED
    assert dead.resumable


def test_a_cluster_out_of_reach_is_said_and_nothing_is_lost(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAFT_RAY_ADDRESS", f"127.0.0.1:{free_port()}")
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "squares"))
    run = start_run(workspace, spec_for(dataset))
    assert run.state is State.QUEUED
    assert "does not answer" in RayExecutor("http://127.0.0.1:1").ready()
    store = RunStore(workspace)
    store.change(run.id, state=State.RUNNING, identity="ray:somewhere")  # it runs on, unseen
    assert [item.state for item in list_runs(workspace)] == [State.RUNNING]


def test_gpus_are_asked_for_as_resources() -> None:
    assert [gpu_count(device) for device in ("cpu", "mps", "0", "0,1", "")] == [0, 0, 1, 2, 0]
