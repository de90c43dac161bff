"""A tiny dataset in a workspace of the room, and no process left behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.lab.experiment import ENDED, Experiment
from core.lab.jobs import list_experiments, stop_experiment, wait_experiment
from core.training.runs import stop_run
from core.training.store import RunStore
from core.workspace import Workspace
from tests.tiny import write_yolo_folder

ENOUGH = 150.0


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace; what still runs in it at the end is stopped."""
    workspace = Workspace.open(tmp_path_factory.mktemp("lab") / "workspace")
    yield workspace
    for experiment in list_experiments(workspace):
        if experiment.status.state not in ENDED:
            stop_experiment(workspace, experiment.id)
    for run in RunStore(workspace).all():
        if run.active:
            stop_run(workspace, run.id, keep_best=False)


@pytest.fixture(scope="session")
def tiny(lab: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Eight pictures to learn from, four to check on."""
    return import_dataset(lab, write_yolo_folder(tmp_path_factory.mktemp("tiny") / "squares"), name="Squares")


def ended(workspace: Workspace, experiment: Experiment) -> Experiment:
    """Wait for the end of an experiment; fails with the driver's log when it takes too long or failed."""
    done = wait_experiment(workspace, experiment.id, ENOUGH)
    log = (done.folder / "driver.log").read_text()[-3000:]
    assert done.status.state in ENDED, f"{done.status.message}\n{log}"
    assert str(done.status.state) != "failed", f"{done.status.cause}\n{log}"
    return done
