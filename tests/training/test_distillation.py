"""Learning from a larger model as well: the teacher is checked, takes part, and is nowhere in what comes out."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.errors import InputError
from core.models.catalog import find_model
from core.planning.plan import plan_training
from core.spec import TrainingSpec
from core.strategies.frozen import FROZEN
from core.strategies.strategy import strategy_named
from core.strategies.two_stage import TWO_STAGE
from core.training.arguments import check_argument, parse_setting
from core.training.distillation import check_teacher
from core.training.records.events import read_events
from core.training.records.progress import read_progress
from core.training.runs import pause_run, resume_run, start_run, stop_run, wait_run
from core.training.store import Run, RunStore, State
from core.workspace import Workspace
from tests.tiny import write_class_folders, write_yolo_folder
from tests.training.test_runs import log_of, spec_for, wait_until, whole_epochs

ROOT = Path(__file__).resolve().parents[2]
ENOUGH = 300.0
training = [pytest.mark.slow, pytest.mark.xdist_group("training")]


@pytest.fixture(scope="module")
def lesson_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace.open(tmp_path_factory.mktemp("distillation") / "workspace")


@pytest.fixture(scope="module")
def dataset(lesson_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return import_dataset(lesson_workspace, write_yolo_folder(tmp_path_factory.mktemp("tiny") / "squares"))


@pytest.fixture(scope="module")
def teacher(lesson_workspace: Workspace, dataset: Dataset) -> Run:
    """A finished run of a larger network."""
    return finished(lesson_workspace, spec_for(dataset, model="yolo11s", epochs=1))


@pytest.fixture(scope="module")
def taught(lesson_workspace: Workspace, dataset: Dataset, teacher: Run) -> Run:
    """A small network's run that had it as its teacher, two epochs without a break."""
    return finished(lesson_workspace, spec_for(dataset, teacher=f"run:{teacher.id}"))


def finished(workspace: Workspace, spec: TrainingSpec) -> Run:
    done = wait_run(workspace, start_run(workspace, spec).id, ENOUGH)
    assert done.state is State.FINISHED, f"{done.cause}\n{log_of(done)}"
    return done


def in_child(code: str, *arguments: object) -> Any:
    """Run code that imports torch in a process of its own; return the JSON of its last line."""
    begin = "import json, sys; from core.ultralytics.offline import enter_isolation; enter_isolation()\n"
    command = [sys.executable, "-c", begin + code, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=ENOUGH)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


KEYS = """
import torch
state = torch.load(sys.argv[1], map_location="cpu", weights_only=True)
print(json.dumps([sorted(state["model"]), sorted(state["ema"])]))
"""
LOOK = """
import pickletools, zipfile
from ultralytics import YOLO
model = YOLO(sys.argv[1])
with zipfile.ZipFile(sys.argv[1]) as file:
    told = [text for name in file.namelist() if name.endswith("data.pkl")
            for _, text, _ in pickletools.genops(file.read(name)) if isinstance(text, str)]
print(json.dumps({"kind": type(model.model).__name__, "parameters": sum(p.numel() for p in model.model.parameters()),
                  "wrapper": any("distill_model" in text for text in told if text != "distill_model")}))
"""


@pytest.mark.parametrize("place", ["spec", "command line"])
def test_the_bare_argument_is_refused_and_the_teacher_named(place: str) -> None:
    if place == "spec":
        with pytest.raises(ValidationError, match="teacher"):
            TrainingSpec(dataset="d", task="detect", extra={"distill_model": "yolo11x.pt"})
        return
    with pytest.raises(InputError, match="--teacher"):
        parse_setting("distill_model=yolo11x.pt")
    check_argument("dis")  # how much the teacher counts is an ordinary setting


def test_a_teacher_that_is_not_here_is_said_before_there_is_a_run(workspace: Workspace, tmp_path: Path) -> None:
    data = import_dataset(workspace, write_yolo_folder(tmp_path / "squares"))
    for name, words in (("yolo11x", "yolo11x.pt"), ("run:none", "There is no run"), ("library:none", "no model")):
        with pytest.raises(InputError, match=words) as refused:
            start_run(workspace, spec_for(data, teacher=name))
        assert "teacher" in str(refused.value)
    assert RunStore(workspace).all() == []


def test_a_classifier_has_no_teacher(workspace: Workspace, tmp_path: Path) -> None:
    colours = import_dataset(workspace, write_class_folders(tmp_path / "colours"))
    with pytest.raises(InputError, match="Leave the teacher out"):
        start_run(workspace, spec_for(colours, teacher="yolo11s"))


class Hostile:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


@pytest.mark.slow
def test_a_hostile_teacher_is_refused_and_not_run(workspace: Workspace, tmp_path: Path) -> None:
    data = import_dataset(workspace, write_yolo_folder(tmp_path / "squares"))
    import torch

    torch.save({"model": Hostile(tmp_path / "ran")}, workspace.weights / "clever.pt")
    with pytest.raises(InputError, match="refused"):
        start_run(workspace, spec_for(data, teacher="clever"))
    assert not (tmp_path / "ran").exists()
    assert RunStore(workspace).all() == []


def test_the_plan_counts_what_a_teacher_costs(workspace: Workspace, tmp_path: Path) -> None:
    data = import_dataset(workspace, write_yolo_folder(tmp_path / "squares", train=64))
    alone = TrainingSpec(dataset=data.id, task="detect", model="yolo11n", epochs=10, imgsz=640)
    seconds = [
        plan_training(workspace, data, alone.model_copy(update={"teacher": name})).seconds
        for name in ("", "yolo11s", "yolo11x", "run:unknown")
    ]
    assert seconds[0] < seconds[1] < seconds[2]
    assert seconds[3] > seconds[0], "one of the user's own is not for nothing either"


@pytest.mark.slow
@pytest.mark.xdist_group("training")
class TestTaught:
    """What real runs with a teacher leave behind."""

    def test_its_record_names_the_teacher(self, taught: Run, teacher: Run) -> None:
        assert taught.spec.teacher_weights == {
            "name": f"run:{teacher.id}",
            "origin": f"the best model of your run “{teacher.name}”",
            "sha256": hashlib.sha256(teacher.best_weights.read_bytes()).hexdigest(),
        }
        assert "distill_model" not in taught.spec.extra

    def test_its_figures_are_the_students(self, taught: Run) -> None:
        progress = read_progress(taught)
        parameters = find_model("yolo11n").parameters
        assert abs(progress.preflight["parameters"] - parameters) < 0.05 * parameters, "not with the teacher's"
        transfer = progress.transfer
        assert transfer["trainable"] + transfer["frozen"] == progress.preflight["parameters"]
        assert "It also learns from run:" in transfer["message"]
        assert "9.4 M" in transfer["message"]
        assert transfer["copied"] == 0

    def test_it_learned_from_the_teacher(self, taught: Run) -> None:
        events, _ = read_events(taught.events_path)
        epochs = [event for event in events if event["kind"] == "epoch"]
        assert [event["losses"]["dis_loss"] > 0 for event in epochs] == [True, True]
        pictures = [event for event in events if event["kind"] == "pictures" and event["what"] == "validation"]
        assert [len(event["files"]) for event in pictures] == [4, 4]

    def test_its_model_is_a_plain_one(self, taught: Run, lesson_workspace: Workspace, dataset: Dataset) -> None:
        seen = in_child(LOOK, taught.best_weights)
        assert seen["kind"] == "DetectionModel"
        assert not seen["wrapper"]
        plain = finished(lesson_workspace, spec_for(dataset, epochs=1))
        ratio = taught.best_weights.stat().st_size / plain.best_weights.stat().st_size
        assert 0.97 < ratio < 1.03
        assert (taught.folder / "evaluation").is_dir(), "it was looked at as any other"

    def test_a_model_can_start_from_it(self, taught: Run, lesson_workspace: Workspace, dataset: Dataset) -> None:
        spec = spec_for(dataset, model=f"run:{taught.id}", strategy="fine-tune", epochs=1)
        transfer = read_progress(finished(lesson_workspace, spec)).transfer
        assert transfer["copied"] == transfer["total"]

    def test_a_pause_changes_nothing(
        self, taught: Run, teacher: Run, lesson_workspace: Workspace, dataset: Dataset
    ) -> None:
        run = start_run(lesson_workspace, spec_for(dataset, teacher=f"run:{teacher.id}"))
        wait_until(lesson_workspace, run, whole_epochs(1), ENOUGH)
        pause_run(lesson_workspace, run.id)
        paused = wait_run(lesson_workspace, run.id, ENOUGH)
        assert paused.state is State.PAUSED, log_of(paused)
        model, average = in_child(KEYS, paused.resume_point)
        assert model == average
        assert {name.split(".")[0] for name in model} == {"student_model", "projector"}, "the teacher is not kept"
        seen = in_child(LOOK, paused.best_weights)
        assert (seen["kind"], seen["wrapper"]) == ("DetectionModel", False), "not even between two epochs"

        resume_run(lesson_workspace, run.id)
        done = wait_run(lesson_workspace, run.id, ENOUGH)
        assert done.state is State.FINISHED, log_of(done)
        assert done.metrics == pytest.approx(taught.metrics, abs=1e-9)
        losses = [read_progress(item).curves["train/dis_loss"].tolist() for item in (done, taught)]
        assert losses[0] == pytest.approx(losses[1], abs=1e-5)

    def test_a_stop_keeps_the_bare_model(self, teacher: Run, lesson_workspace: Workspace, dataset: Dataset) -> None:
        run = start_run(lesson_workspace, spec_for(dataset, teacher=f"run:{teacher.id}", epochs=50))
        wait_until(lesson_workspace, run, whole_epochs(1), ENOUGH)
        stop_run(lesson_workspace, run.id)
        done = wait_run(lesson_workspace, run.id, ENOUGH)
        assert done.state is State.STOPPED, log_of(done)
        assert in_child(LOOK, done.best_weights)["kind"] == "DetectionModel"

    @pytest.mark.parametrize("strategy", ["frozen", "two-stage", "discriminative"])
    def test_every_strategy_can_have_one(
        self, taught: Run, teacher: Run, lesson_workspace: Workspace, dataset: Dataset, strategy: str
    ) -> None:
        spec = spec_for(dataset, model=f"run:{taught.id}", teacher=f"run:{teacher.id}", strategy=strategy)
        done = finished(lesson_workspace, spec)
        transfer = read_progress(done).transfer
        assert (transfer["frozen"] > 1000) == (strategy_named(strategy) in (FROZEN, TWO_STAGE))
        assert "are cached" not in log_of(done)
        assert read_progress(done).curves["train/dis_loss"].iloc[-1] > 0

    def test_one_that_is_no_larger_is_taken_and_said(
        self, taught: Run, lesson_workspace: Workspace, dataset: Dataset
    ) -> None:
        done = finished(lesson_workspace, spec_for(dataset, teacher=f"run:{taught.id}", epochs=1))
        assert "no larger than the model itself" in read_progress(done).transfer["message"]

    def test_one_for_another_task_is_refused(self, teacher: Run, lesson_workspace: Workspace) -> None:
        spec = TrainingSpec(dataset="d", task="segment", teacher=f"run:{teacher.id}")
        with pytest.raises(InputError, match="is for the task detect, not segment"):
            check_teacher(lesson_workspace, spec)
