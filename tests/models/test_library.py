"""The model library: kept models are copies with a name, an origin and a digest, and trainings start from them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.data.importing.from_upload import import_dataset
from core.delivery.predict.model.chosen_model import choose_model
from core.errors import InputError
from core.files.digests import file_sha256
from core.models.library import (
    delete_model,
    edit_model,
    get_model,
    import_model,
    import_weights,
    library_folder,
    list_models,
)
from core.spec import TrainingSpec
from core.strategies.scratch import SCRATCH
from core.training.keeping import keep_run
from core.training.runs import delete_run, list_runs, start_run, wait_run
from core.training.starting_points import locate, model_name
from core.training.store import State
from core.workspace import Workspace
from tests.models.test_weights import write_hostile_checkpoint
from tests.tiny import write_class_folders, write_yolo_folder

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


def test_a_file_from_elsewhere_is_kept_with_origin_and_digest(workspace: Workspace, tiny_checkpoint: Path) -> None:
    model = import_model(workspace, tiny_checkpoint, name="Nuts and bolts", tags=("line 3",), origin="from plant B")
    assert (model.task, model.architecture, model.classes[:2]) == ("detect", "yolo11n", ("nut", "bolt"))
    assert model.sha256 == file_sha256(tiny_checkpoint)
    assert "from plant B" in model.origin
    assert "parts.pt" in model.origin
    assert import_model(workspace, tiny_checkpoint, name="Again").id == model.id, "the same file comes in once"
    assert [item.id for item in list_models(workspace, query="bolt", tag="line 3")] == [model.id]
    assert list_models(workspace, query="screw") == []
    changed = edit_model(workspace, model.id, name="  Bolts ", tags=("a", "a", " "), note="Only under ring light.")
    assert (changed.name, changed.tags) == ("Bolts", ("a",))
    assert get_model(workspace, "bolts").note == "Only under ring light."
    with pytest.raises(InputError, match="needs a name"):
        edit_model(workspace, model.id, name="   ")
    assert delete_model(workspace, model.id) > 1_000_000
    assert list_models(workspace) == []
    assert tiny_checkpoint.exists(), "the user's file stays"


def test_a_training_starts_from_a_kept_model_and_is_kept_itself(
    workspace: Workspace, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "tiny"))
    source = import_model(workspace, tiny_checkpoint, name="Parts")
    spec = TrainingSpec(
        dataset=dataset.id, task="detect", model=f"library:{source.id}", epochs=1, imgsz=64, batch=4, device="cpu"
    )
    run = wait_run(workspace, start_run(workspace, spec).id, timeout=180)
    assert run.state is State.FINISHED, run.cause
    assert run.spec.transfer["sha256"] == source.sha256
    assert "Parts" in run.spec.transfer["origin"]
    kept = keep_run(workspace, run.id, name="Squares and discs", note="first try")
    assert kept.classes == ("square", "disc"), "its classes are the new set's, not those it started from"
    assert (kept.run, kept.imgsz, set(kept.figures) >= {"mAP50"}) == (run.id, 64, True)
    assert "Parts" in kept.started_from
    assert run.name == "tiny, Parts", "people see the name, not library: and an id"
    assert model_name(workspace, "library:gone-000000") == "library:gone-000000"
    assert choose_model(workspace, f"library:{kept.id}").weights == kept.path
    delete_run(workspace, run.id)
    found = locate(workspace, f"library:{kept.id}", "detect")
    assert found is not None
    assert found.sha256 == kept.sha256, "the kept model is a copy: the run may go"
    with pytest.raises(InputError, match="for the task detect"):
        locate(workspace, f"library:{kept.id}", "classify")


def test_what_can_not_start_is_refused_before_it_starts(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "tiny"))
    with pytest.raises(InputError, match="no model “gone-000000”"):
        start_run(workspace, TrainingSpec(dataset=dataset.id, task="detect", model="library:gone-000000"))
    with pytest.raises(InputError, match="no pre-trained model “library:"):
        start_run(
            workspace,
            TrainingSpec(dataset=dataset.id, task="detect", model="library:gone-000000", strategy=SCRATCH),
        )
    colours = import_dataset(workspace, write_class_folders(tmp_path / "colours"))
    with pytest.raises(InputError, match="starter is for the task detect"):
        start_run(workspace, TrainingSpec(dataset=colours.id, task="classify", model="starter"))


def test_a_training_from_a_file_that_can_not_start_one_is_refused_before_there_is_a_run(
    workspace: Workspace, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "tiny"))
    hostile, marker = tmp_path / "model.pt", tmp_path / "it-ran"
    write_hostile_checkpoint(hostile, marker)
    shutil.copyfile(hostile, workspace.weights / "yolo26n.pt")
    for model in (str(hostile), "yolo26n"):
        with pytest.raises(InputError, match="could run commands"):
            start_run(workspace, TrainingSpec(dataset=dataset.id, task="detect", model=model))
    assert not marker.exists()
    colours = import_dataset(workspace, write_class_folders(tmp_path / "colours"))
    with pytest.raises(InputError, match=r"parts\.pt is for the task detect"):
        start_run(workspace, TrainingSpec(dataset=colours.id, task="classify", model=str(tiny_checkpoint)))
    assert list_runs(workspace) == []


@pytest.mark.parametrize("identifier", ["../../etc", "..", "", "a/b", "A" * 200])
def test_an_id_that_climbs_out_names_nothing(workspace: Workspace, identifier: str) -> None:
    with pytest.raises(InputError, match="no model"):
        get_model(workspace, identifier)


def test_a_record_outside_the_library_is_not_reached(workspace: Workspace) -> None:
    outside = workspace.root / "outside"
    outside.mkdir()
    library_folder(workspace).mkdir()
    (outside / "model.pt").write_bytes(b"anything")
    (outside / "model.json").write_text(
        '{"id": "x", "name": "x", "kept": "2026-01-01T00:00:00Z", "task": "detect", "classes": [], "architecture": "", '
        '"parameters": 1, "bytes": 1, "sha256": "", "origin": ""}'
    )
    with pytest.raises(InputError, match="no model"):
        get_model(workspace, "../outside")


def test_a_hostile_file_is_refused_and_nothing_of_it_runs(workspace: Workspace, tmp_path: Path) -> None:
    hostile, marker = tmp_path / "model.pt", tmp_path / "it-ran"
    write_hostile_checkpoint(hostile, marker)
    with pytest.raises(InputError, match="could run commands"):
        import_model(workspace, hostile)
    assert not marker.exists()
    assert not library_folder(workspace).exists()


UNKNOWN = """
import sys, torch
from core.ultralytics.offline import enter_isolation
enter_isolation()
import ultralytics.nn.modules.block as block
from ultralytics import YOLO
class TimeMachine(block.SPPF): pass
TimeMachine.__module__ = block.__name__
block.TimeMachine = TimeMachine
model = YOLO("yolo11n.yaml")
model.model.model[9].__class__ = TimeMachine
torch.save({"model": model.model, "epoch": -1}, sys.argv[1])
"""


def test_an_unknown_architecture_gets_a_clear_line(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "future.pt"
    subprocess.run([sys.executable, "-c", UNKNOWN, str(path)], check=True, cwd=ROOT, capture_output=True)
    with pytest.raises(InputError, match=r"future\.pt is refused: .*TimeMachine"):
        import_model(workspace, path)


def test_a_stick_of_weights_goes_in_at_once_and_says_what_became_of_each(
    workspace: Workspace, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    stick, marker = tmp_path / "stick", tmp_path / "it-ran"
    (stick / "sub").mkdir(parents=True)
    shutil.copyfile(tiny_checkpoint, stick / "sub" / "yolo11n.pt")
    shutil.copyfile(tiny_checkpoint, stick / "parts.pt")
    shutil.copyfile(tiny_checkpoint, stick / "yolo11n-cls.pt")
    write_hostile_checkpoint(stick / "hostile.pt", marker)
    (stick / "notes.txt").write_text("not a weights file")
    (stick / "link.pt").symlink_to(tiny_checkpoint)
    arrivals = {item.file.name: item for item in import_weights(workspace, stick, origin="stick of plant B")}
    assert {name: item.taken for name, item in arrivals.items()} == {
        "yolo11n.pt": True, "parts.pt": True, "hostile.pt": False, "yolo11n-cls.pt": True
    }  # fmt: skip
    assert "could run commands" in arrivals["hostile.pt"].words
    assert not marker.exists()
    found = locate(workspace, "yolo11n", "detect")
    assert found is not None
    assert not found.official, "named like an official file, with another digest"
    assert locate(workspace, "yolo11n", "classify") is None, "called like a classifier, and a detector"
    assert [model.name for model in list_models(workspace)] == ["parts"]
    with pytest.raises(InputError, match="no weights file"):
        import_weights(workspace, workspace.datasets)
    with pytest.raises(InputError, match="There is no"):
        import_weights(workspace, tmp_path / "gone")


def test_the_command_line_refuses_a_hostile_file_in_one_line(workspace: Workspace, tmp_path: Path) -> None:
    hostile, marker = tmp_path / "model.pt", tmp_path / "it-ran"
    write_hostile_checkpoint(hostile, marker)
    done = subprocess.run(
        [sys.executable, "-m", "core", "import-weights", str(hostile), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "could run commands" in done.stderr.strip().splitlines()[-1]
    assert not marker.exists()


def test_a_model_without_its_file_is_said_and_left_out(workspace: Workspace, tiny_checkpoint: Path) -> None:
    model = import_model(workspace, tiny_checkpoint)
    model.path.unlink()
    with pytest.raises(InputError, match="has lost its file"):
        get_model(workspace, model.id)
    assert list_models(workspace) == []
    shutil.rmtree(library_folder(workspace))
