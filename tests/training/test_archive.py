"""One real run looked at from all sides: what was measured before it, what was drawn in it, what an archive keeps."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from PIL import Image

from core.data.dataset import load_dataset
from core.data.importing.from_upload import import_dataset
from core.errors import InputError
from core.planning.plan import plan_training
from core.planning.taken import known_ratios
from core.training.records.events import read_events
from core.training.records.progress import read_progress
from core.training.runs import archive_run, delete_run, import_run_archive, list_runs, start_run, wait_run
from core.training.store import Run, State
from core.workspace import Workspace
from tests.tiny import write_yolo_folder
from tests.training.test_runs import ENOUGH, spec_for

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("archive")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace.open(tmp_path_factory.mktemp("archive") / "workspace")


@pytest.fixture(scope="module")
def run(home: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Run:
    dataset = import_dataset(home, write_yolo_folder(tmp_path_factory.mktemp("tiny") / "squares", train=8, val=8))
    done = wait_run(home, start_run(home, spec_for(dataset)).id, ENOUGH)
    assert done.state is State.FINISHED, done.log_path.read_text()[-3000:]
    return done


def test_the_first_steps_are_measured_and_none_is_tried_beside_them(run: Run) -> None:
    events, _ = read_events(run.events_path)
    kinds = [event["kind"] for event in events]
    assert kinds.index("epoch_start") < kinds.index("preflight") < kinds.index("epoch")
    found = read_progress(run).preflight
    assert (found["images"], found["batch"], found["batches"]) == (8, 4, 2)
    assert found["memory_bytes"] > 50e6
    assert 0 < found["seconds_per_batch"] < found["seconds_estimate"]


def test_what_a_run_took_is_kept_for_the_next_plan(home: Workspace, run: Run) -> None:
    ratios = known_ratios(home, "cpu")["detect"]
    assert len(ratios) == 1
    plan = plan_training(home, load_dataset(home, run.dataset), run.spec)
    assert plan.learnt_from == 1
    assert plan.least_seconds < plan.seconds < plan.most_seconds


def test_the_look_after_the_last_epoch_is_told_by_picture(run: Run) -> None:
    events, _ = read_events(run.events_path)
    looks = [(event["done"], event["total"]) for event in events if event["kind"] == "look"]
    assert looks.count((8, 8)) >= 1
    assert looks[0] == (0, 0)


def test_the_same_six_pictures_are_drawn_every_epoch(run: Run) -> None:
    events, _ = read_events(run.events_path)
    drawn = [event["files"] for event in events if event["kind"] == "pictures" and event["what"] == "validation"]
    assert [len(files) for files in drawn] == [6, 6]
    for first, second in zip(*drawn, strict=True):
        pixels = [Image.open(run.folder / name).convert("L").resize((32, 32)).tobytes() for name in (first, second)]
        differences = [abs(a - b) for a, b in zip(*pixels, strict=True)]
        assert sum(differences) / len(differences) < 12, "another picture, not other marks on the same one"
    newest = read_progress(run).pictures["batch"]
    assert len(newest) == 4
    assert all((run.folder / name).is_file() for name in newest)


def test_an_archive_brings_the_run_to_another_machine(home: Workspace, run: Run, tmp_path: Path) -> None:
    zipped = archive_run(home, run.id, tmp_path / "run.zip")
    elsewhere = Workspace.open(tmp_path / "elsewhere")
    there = import_run_archive(elsewhere, zipped)
    assert (there.id, there.state, there.metrics, there.best_epoch) == (run.id, run.state, run.metrics, run.best_epoch)
    assert there.best_weights is not None
    assert run.best_weights is not None
    assert there.best_weights.read_bytes() == run.best_weights.read_bytes()
    assert there.spec == run.spec
    assert read_progress(there).curves.equals(read_progress(run).curves)
    again = import_run_archive(elsewhere, zipped)
    assert again.id != run.id
    assert len(list_runs(elsewhere)) == 2
    assert delete_run(elsewhere, again.id) > 0


def test_a_zip_that_is_no_run_leaves_nothing(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "workspace")
    other = tmp_path / "holiday.zip"
    with zipfile.ZipFile(other, "w") as file:
        file.writestr("beach.txt", "sun")
    with pytest.raises(InputError, match="not the archive of a run"):
        import_run_archive(workspace, other)
    climbing = tmp_path / "climbing.zip"
    with zipfile.ZipFile(climbing, "w") as file:
        file.writestr("../run.json", "{}")
    with pytest.raises(InputError):
        import_run_archive(workspace, climbing)
    assert list_runs(workspace) == []
    assert list(workspace.runs.iterdir()) == []
    assert list(workspace.staging_root.iterdir()) == []
