"""The rate is held and falls at the end: real runs that end by themselves, are gone on with, and lose nothing."""

from __future__ import annotations

import pytest

from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.spec import TrainingSpec
from core.training.records.progress import read_progress
from core.training.runs import resume_run, start_run, wait_run
from core.training.store import Run, State
from core.ultralytics.trainers.schedule import falling_epochs, remembered
from core.workspace import Workspace
from tests.tiny import write_yolo_folder

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("training")]
ENOUGH = 120.0
HELD = {"goes_on": True, "budget": "quick", "patience": 0}
"""The rate is held, and nothing is worth more epochs: the figures of a few steps stay at 0."""


@pytest.fixture(scope="module")
def ending_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace.open(tmp_path_factory.mktemp("ending") / "workspace")


@pytest.fixture(scope="module")
def dataset(ending_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return import_dataset(
        ending_workspace, write_yolo_folder(tmp_path_factory.mktemp("tiny") / "squares", train=8, val=4)
    )


def trained(workspace: Workspace, dataset: Dataset, **changes: object) -> Run:
    values = {"model": "yolo11n", "strategy": "scratch", "imgsz": 32, "batch": 4} | changes
    run = start_run(workspace, TrainingSpec(dataset=dataset.id, task=dataset.task, **values))
    done = wait_run(workspace, run.id, ENOUGH)
    assert done.state is State.FINISHED, done.log_path.read_text()[-3000:]
    return done


@pytest.fixture(scope="module")
def short(ending_workspace: Workspace, dataset: Dataset) -> Run:
    """Three epochs at a held rate, and one in which it falls; gone on with to ten."""
    done = trained(ending_workspace, dataset, epochs=4, **HELD)
    resume_run(ending_workspace, done.id, more_epochs=6)
    return wait_run(ending_workspace, done.id, ENOUGH)


@pytest.fixture(scope="module")
def long(ending_workspace: Workspace, dataset: Dataset) -> Run:
    """Ten epochs in one go."""
    return trained(ending_workspace, dataset, epochs=10, **HELD)


def rates(run: Run) -> list[float]:
    return [float(value) for value in read_progress(run).curves["learning_rate"]]


def test_the_rate_is_held_and_falls_over_the_last_epochs(long: Run) -> None:
    told, fall = rates(long), falling_epochs(10)
    held = told[3 : 10 - fall]  # the first ones warm up
    assert held == pytest.approx([held[0]] * len(held))
    last = told[10 - fall :]
    assert held[-1] > last[0] > last[-1] > 0
    assert last == sorted(last, reverse=True)


def test_going_on_begins_where_the_rate_had_not_fallen(short: Run, long: Run) -> None:
    """What a run learns after its end is what it would have learned had it not ended: to the last digit of the losses.

    Epoch 4 of the short run is the one in which its rate falls; its 5th epoch is the 4th of the long run.
    """
    assert short.state is State.FINISHED
    mine, whole = read_progress(short).curves, read_progress(long).curves
    assert mine["epoch"].tolist() == list(range(1, 11)), "the epochs of the first end are kept"
    losses = [name for name in whole if name.startswith("train/")]
    assert losses
    held = 10 - falling_epochs(10)
    for name in losses:
        before = mine[name].tolist()
        assert before[:3] == whole[name].tolist()[:3]
        assert before[4:held] == pytest.approx(whole[name].tolist()[3 : held - 1], rel=1e-6)


def test_one_resume_point_is_left_and_the_best_is_never_lost(short: Run) -> None:
    assert [path.name for path in short.resume_point.parent.glob("*.pt") if path.stem not in ("best", "last")] == [
        short.resume_point.name
    ]
    fitness = read_progress(short).best_fitness
    assert short.best_epoch == read_progress(short).best_epoch
    assert fitness is not None


def test_a_run_goes_on_by_itself_no_further_than_four_times_its_plan(
    ending_workspace: Workspace, dataset: Dataset
) -> None:
    run = trained(ending_workspace, dataset, budget="thorough", epochs=2, goes_on=True, patience=0)
    assert 2 <= run.epochs_done <= 8
    assert read_progress(run).epochs == run.epochs_done


def test_minutes_are_kept(ending_workspace: Workspace, dataset: Dataset) -> None:
    run = trained(ending_workspace, dataset, budget="0.5", epochs=500, patience=0, goes_on=True)
    assert run.epochs_done < 500
    assert run.seconds < 0.5 * 60 * 1.1


def test_the_average_reaches_back_over_a_share_of_the_steps() -> None:
    assert remembered(0) == 0
    assert 1 / (1 - remembered(1_000)) == pytest.approx(101)
    assert remembered(10**9) < 1
