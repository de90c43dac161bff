"""Real experiments with real drivers: they go on whatever happens, and end with an answer."""

from __future__ import annotations

import json
import time

import psutil
import pytest

from core.data.dataset import Dataset
from core.errors import InputError
from core.lab.experiment import Contender, LabState, RaceSettings
from core.lab.jobs import delete_experiment, get_experiment, start_experiment, stop_experiment
from core.strategies.scratch import SCRATCH
from core.training.runs import edit_run, list_runs
from core.training.store import State
from core.workspace import Workspace
from tests.lab.conftest import ENOUGH, ended

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("lab")]


def race(*models: str, epochs: int = 3) -> RaceSettings:
    contenders = [Contender(model=model, strategy=SCRATCH) for model in models]
    return RaceSettings(contenders=contenders, epochs=epochs, imgsz=32, batch=4, device="cpu")


def test_a_race_survives_its_driver_and_ends_with_a_recommendation(lab: Workspace, tiny: Dataset) -> None:
    experiment = start_experiment(lab, tiny.id, race("yolo11n", "yolov8n", "yolo26n"))
    known = experiment.folder / "driver.json"
    deadline = time.monotonic() + ENOUGH
    while not list_runs(lab, tag=experiment.id):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    first = json.loads(known.read_text())["pid"]
    psutil.Process(first).kill()
    edit_run(lab, list_runs(lab)[0].id, tags=[])  # as if it had been killed between the start of a run and its tag
    (experiment.folder / "starts").unlink()  # its grace is over
    again = get_experiment(lab, experiment.id)
    assert again.status.state is LabState.RUNNING
    done = ended(lab, experiment)

    assert json.loads(known.read_text())["pid"] != first
    runs = list_runs(lab, tag=experiment.id)
    assert len(runs) == 3, "no run was started twice"
    assert sorted(run.epochs_done for run in runs) == [1, 3, 3], "the worst was stopped early, the others went on"
    assert all(run.state is State.FINISHED for run in runs)
    board = done.status.result["board"]
    assert [row["state"] for row in board] == ["finished", "finished", "stopped"]
    assert board[-1]["note"].startswith("Stopped after 1 epoch")
    assert done.status.sentences[0]
    assert "once" in " ".join(done.status.sentences)
    with pytest.raises(InputError):
        start_experiment(lab, tiny.id, RaceSettings(contenders=[Contender(model="yolo11n")] * 2))
    assert delete_experiment(lab, experiment.id, with_runs=True) > 0
    assert list_runs(lab, tag=experiment.id) == []


def test_a_stop_ends_the_runs_and_sums_up(lab: Workspace, tiny: Dataset) -> None:
    experiment = start_experiment(lab, tiny.id, race("yolo11n", "yolov8n", epochs=400))
    deadline = time.monotonic() + ENOUGH
    while not any(run.state is State.RUNNING for run in list_runs(lab, tag=experiment.id)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    stop_experiment(lab, experiment.id)
    done = ended(lab, experiment)
    assert done.status.state is LabState.STOPPED
    assert "better" not in " ".join(done.status.sentences), "who was cut off in the middle is not compared"
    assert not any(run.active for run in list_runs(lab, tag=experiment.id))


def test_a_race_with_weights_that_are_not_there_is_refused(lab: Workspace, tiny: Dataset) -> None:
    settings = RaceSettings(contenders=[Contender(model="yolo11n"), Contender(model="yolo26n")])
    with pytest.raises(InputError, match="not on this machine"):
        start_experiment(lab, tiny.id, settings)
