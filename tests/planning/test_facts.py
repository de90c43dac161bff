"""Facts are read from a real set; a plan reaches the command line and fills what a run leaves open."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.cli import main
from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.planning.facts import dataset_facts, machine_facts
from core.planning.plan import complete_spec
from core.planning.speed import known_speed, measure_speed
from core.spec import TrainingSpec
from core.workspace import Workspace
from tests.tiny import write_class_folders, write_yolo_folder


@pytest.fixture
def tiny(workspace: Workspace, tmp_path: Path) -> Dataset:
    return import_dataset(workspace, write_yolo_folder(tmp_path / "tiny", train=20, val=6, size=96), name="Tiny")


def test_facts_of_a_set(tiny: Dataset) -> None:
    facts = dataset_facts(tiny)
    assert (facts.train, facts.val, facts.side, facts.classes) == (20, 6, 96, ("square", "disc"))
    assert facts.small_share is not None
    assert facts.median_share is not None
    assert 1 / 5.2 <= facts.small_share <= facts.median_share <= 1 / 2.9, "objects are a fifth to a third of the side"
    assert not facts.grey
    assert facts.instances == {"square": 20, "disc": 20}


def test_grey_pictures_are_known_as_grey(workspace: Workspace, tmp_path: Path) -> None:
    folder = write_class_folders(tmp_path / "set", 8)
    for path in sorted(folder.rglob("*.png")):
        Image.fromarray(np.asarray(Image.open(path).convert("L"))).convert("RGB").save(path)
    facts = dataset_facts(import_dataset(workspace, folder, name="Grey"))
    assert facts.task == "classify"
    assert facts.grey
    assert facts.small_share is None


def test_the_machine_is_described(workspace: Workspace) -> None:
    facts = machine_facts(workspace, "cpu")
    assert facts.device == "cpu"
    assert facts.cores >= 1
    assert facts.speed is None
    assert machine_facts(workspace, "0,1").device == "cuda"


def test_what_a_run_leaves_open_is_planned(workspace: Workspace, tiny: Dataset) -> None:
    spec = complete_spec(workspace, tiny, TrainingSpec(dataset=tiny.id, task="detect", epochs=3, device="cpu"))
    assert spec.epochs == 3
    assert spec.imgsz == 96
    assert spec.batch == spec.extra["nbs"] == 4
    assert "imgsz" in spec.reasons
    assert "epochs" not in spec.reasons
    again = complete_spec(workspace, tiny, TrainingSpec.model_validate(spec.model_dump()))
    assert (again.imgsz, again.batch, again.extra) == (spec.imgsz, spec.batch, spec.extra)


def test_plan_on_the_command_line(tiny: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "Tiny", "--budget", "quick", "--no-mirror", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    settings = {item["name"]: item for item in answer["settings"]}
    assert settings["fliplr"]["value"] == 0.0
    assert all(item["reason"] for item in settings.values())
    assert answer["seconds"] > 0
    assert answer["recommendation"]["strategy"] == "fine-tune"
    assert main(["plan", "Tiny"]) == 0
    assert "20 pictures" in capsys.readouterr().out
    assert main(["plan", "Tiny", "--budget", "soon"]) == 2
    assert "number of minutes" in capsys.readouterr().err


@pytest.mark.slow
def test_the_speed_is_timed_in_a_child_and_kept(workspace: Workspace) -> None:
    assert known_speed(workspace) is None
    speed = measure_speed(workspace)
    assert known_speed(workspace) == speed
    assert 0.001 < speed.best <= speed.plain < 60
