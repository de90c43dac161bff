"""One obvious next step on every page: where nothing was trained yet, and where several buttons lead on."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.data.importing.from_upload import import_dataset
from core.lab.experiment import Contender, Experiment, RaceSettings, save_experiment
from core.processes.lifetime import process_identity
from core.training.runs import edit_run
from core.training.store import Run, RunStore, State
from core.workspace import Workspace
from tests.pages.conftest import Filled, given_many_pictures, open_page
from tests.tiny import write_yolo_folder


def primary(app: AppTest) -> list[str]:
    return [item.label for item in app.button if item.proto.type == "primary"]


@pytest.mark.parametrize("page", ["deliver.py", "evaluation.py", "compare.py", "predict.py"])
def test_a_page_on_models_leads_to_the_first_one(page: str, workspace: Workspace, tmp_path: Path) -> None:
    assert primary(open_page(page)) == ["Bring in your pictures"]
    import_dataset(workspace, write_yolo_folder(tmp_path / "tiny", train=2, val=1))
    assert primary(open_page(page)) == ["Train one"]


@pytest.mark.slow
def test_a_training_on_its_way_is_watched(filled: Filled) -> None:
    run = RunStore(filled.workspace).get(filled.run_id)
    # Its next attempt, with no last word yet: a worker that lives on after its last word is ended.
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as worker:
        trains = {"state": State.RUNNING, "attempt": run.attempt + 1}
        trains |= {"pid": worker.pid, "identity": process_identity(worker.pid)}
        RunStore(filled.workspace).change(run.id, None, **trains)
        assert_it_is_watched(run)
        assert worker.poll() is None


def assert_it_is_watched(run: Run) -> None:
    half_way = open_page("evaluation.py", run=run.id)
    assert primary(half_way) == ["Watch it learn"]
    assert half_way.info, "that it is not the last word is said"
    run.best_weights.unlink()
    app = open_page("deliver.py")
    assert primary(app) == ["Watch it"]
    assert run.name in "".join(item.value for item in app.markdown).replace("\\", "")


@pytest.mark.slow
@pytest.mark.parametrize("page", ["evaluation.py", "predict.py"])
def test_a_page_that_leads_on_has_one_primary_button(page: str, filled: Filled) -> None:
    assert len(primary(open_page(page, run=filled.run_id))) == 1


@pytest.mark.slow
def test_many_pictures_waiting_are_the_next_step(filled: Filled, tmp_path: Path) -> None:
    app = given_many_pictures(filled, tmp_path / "many")
    assert primary(app) == ["Look at all of them"]


@pytest.mark.slow
def test_a_run_of_an_experiment_is_not_kept_unasked(filled: Filled) -> None:
    store = RunStore(filled.workspace)
    run = store.get(filled.run_id)
    other = run.model_copy(update={"id": "later-run", "name": "Later", "created": datetime.now(UTC)})
    shutil.copytree(filled.workspace.run(run.id), filled.workspace.run(other.id))
    store.add(other)
    assert open_page("library.py").selectbox(key="library_keep_run").value == other.id
    race = Experiment(id="tiny-race-abc123", name="Race", dataset=run.dataset, dataset_name=run.dataset_name,
                      task="detect", settings=RaceSettings(contenders=[Contender(model="yolo11n")] * 2))  # fmt: skip
    save_experiment(filled.workspace, race)
    edit_run(filled.workspace, other.id, tags=[race.id])
    assert open_page("library.py").selectbox(key="library_keep_run").value == run.id
