"""What a look does for an experiment whose driver is gone, without training anything."""

from __future__ import annotations

import time

import pytest

from core.data.dataset import Dataset
from core.errors import InputError
from core.lab.experiment import Contender, Experiment, LabState, RaceSettings, Status, save_experiment
from core.lab.jobs import STARTS, delete_experiment, get_experiment, list_experiments, start_experiment
from core.strategies.scratch import SCRATCH
from core.workspace import Workspace, new_id


@pytest.fixture
def written(workspace: Workspace) -> Experiment:
    contenders = [Contender(model=name, strategy=SCRATCH) for name in ("yolo11n", "yolov8n")]
    experiment = Experiment(
        id=new_id("race"), name="A race", dataset="gone", dataset_name="Gone", task="detect",
        settings=RaceSettings(contenders=contenders),
    )  # fmt: skip
    return save_experiment(workspace, experiment)


def test_a_driver_that_vanishes_again_and_again_is_not_started_for_ever(
    workspace: Workspace, written: Experiment
) -> None:
    starts = written.folder / "starts"
    starts.write_text("".join(f"{time.time() - 60 - number:.1f}\n" for number in range(STARTS)))
    seen = get_experiment(workspace, written.id)
    assert seen.status.state is LabState.FAILED
    assert "ended 5 times" in seen.status.cause
    assert len(starts.read_text().splitlines()) == STARTS


def test_a_driver_says_why_it_can_not_go_on(workspace: Workspace, written: Experiment) -> None:
    assert list_experiments(workspace)[0].id == written.id, "looking at the list starts the driver that is missing"
    deadline = time.monotonic() + 60
    while get_experiment(workspace, written.id).status.state is not LabState.FAILED:
        assert time.monotonic() < deadline, (written.folder / "driver.log").read_text()
        time.sleep(0.1)
    assert "gone" in written.status.cause


def test_only_what_has_ended_is_deleted(workspace: Workspace, written: Experiment) -> None:
    with pytest.raises(InputError, match="stop it"):
        delete_experiment(workspace, written.id)
    written.write_status(Status(state=LabState.FINISHED))
    assert delete_experiment(workspace, written.id) > 0
    assert list_experiments(workspace) == []
    with pytest.raises(InputError, match="no experiment"):
        get_experiment(workspace, "../../etc")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"extra": {"epochs": 3}}, "set by Graft itself"),
        ({"contenders": [Contender(model="yolo11n", strategy=SCRATCH)] * 2}, "twice"),
        ({"contenders": [Contender(model="yolo99"), Contender(model="yolo11n")]}, "yolo99"),
    ],
)
def test_what_can_not_work_is_refused_at_once(
    lab: Workspace, tiny: Dataset, changes: dict[str, object], words: str
) -> None:
    two = [Contender(model=name, strategy=SCRATCH) for name in ("yolo11n", "yolov8n")]
    with pytest.raises(InputError, match=words):
        start_experiment(lab, tiny.id, RaceSettings.model_validate({"contenders": two} | changes))
