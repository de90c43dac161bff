"""The starter: scenes with honest boxes, a checkpoint anyone can make again, used and named where nothing else is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.data.importing.from_upload import import_dataset
from core.errors import InputError
from core.files.digests import file_sha256
from core.models.catalog import STARTER, find_model, models_for
from core.models.starter.checkpoint import CHECKPOINT, RECORD, STARTER_WORDS
from core.models.starter.kinds import KINDS, NAMES
from core.models.starter.scenes import SIZE, draw_scene
from core.models.weights import default_model, describe_weights, models_to_choose
from core.spec import TrainingSpec
from core.training.records.progress import read_progress
from core.training.runs import start_run, wait_run
from core.training.starting_points import locate
from core.training.store import State
from core.workspace import Workspace
from tests.tiny import write_yolo_folder

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
@pytest.mark.parametrize("side", [10, 37, 150])
def test_every_kind_draws_something_at_every_size(kind, side: int) -> None:
    for seed in range(8):
        thing = kind(np.random.default_rng(seed), side)
        assert thing.alpha.shape == thing.tone.shape == (side, side)
        assert np.isfinite(thing.alpha).all()
        assert np.isfinite(thing.tone).all()
        assert thing.alpha.min() >= 0
        assert thing.alpha.max() <= 1.0001
    assert thing.alpha.max() > 0.1


def test_a_scene_is_the_same_for_a_seed_and_its_boxes_lie_in_it() -> None:
    kinds: set[int] = set()
    for seed in range(60):
        picture, rows = draw_scene(np.random.default_rng(seed))
        again, same_rows = draw_scene(np.random.default_rng(seed))
        assert picture.shape == (SIZE, SIZE, 3)
        assert np.array_equal(picture, again)
        assert np.array_equal(rows, same_rows)
        assert (rows[:, 1:] >= 0).all()
        assert (rows[:, 1:] <= SIZE).all()
        assert (rows[:, 3:] - rows[:, 1:3] >= 3).all()
        kinds |= set(rows[:, 0].astype(int))
    assert len(kinds) > 20, "scenes show most kinds"


def make(work: Path, out: Path, steps: int) -> str:
    options = ["--scenes", "12", "--batch", "2", "--imgsz", "64", "--work", str(work), "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "core.models.starter.make", "--steps", str(steps), *options],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
def test_it_is_made_with_one_command_and_gone_on_with(tmp_path: Path) -> None:
    out = tmp_path / "starter.pt"
    make(tmp_path / "work", out, 2)
    first = file_sha256(out)
    assert "going on from step 2" in make(tmp_path / "work", out, 3)
    assert file_sha256(out) != first
    described = describe_weights(out)
    assert (described["task"], described["architecture"]) == ("detect", "yolo26n")
    assert tuple(described["classes"]) == NAMES
    assert out.stat().st_size < 6_000_000
    assert json.loads((tmp_path / RECORD).read_text())["steps"] == 3


def test_it_is_found_by_name_for_detection_and_no_model_of_the_catalogue() -> None:
    assert find_model("starter") is STARTER
    assert STARTER not in models_for("detect")
    assert STARTER.yaml == "yolo26n.yaml"
    assert STARTER not in models_to_choose("classify")


needs_checkpoint = pytest.mark.skipif(not CHECKPOINT.is_file(), reason="no starter checkpoint in this copy")


@needs_checkpoint
def test_it_is_the_default_only_where_nothing_else_is(workspace: Workspace) -> None:
    assert default_model(workspace, "detect") == "starter"
    assert default_model(workspace, "segment") == "yolo26n-seg"
    (workspace.weights / "yolo11n.pt").write_bytes(b"anything")
    assert default_model(workspace, "detect") == "yolo11n"
    with pytest.raises(InputError, match="detect only"):
        locate(workspace, "starter", "segment")


@needs_checkpoint
def test_what_ships_is_small_and_as_its_record_says() -> None:
    record = json.loads(CHECKPOINT.with_name(RECORD).read_text())
    assert CHECKPOINT.stat().st_size == record["bytes"] <= 6_000_000
    assert tuple(record["classes"]) == NAMES


@needs_checkpoint
@pytest.mark.slow
def test_a_training_starts_from_it_and_says_so(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "tiny"))
    spec = TrainingSpec(dataset=dataset.id, task="detect", model="starter", epochs=1, imgsz=64, batch=4, device="cpu")
    run = wait_run(workspace, start_run(workspace, spec).id, timeout=180)
    assert run.state is State.FINISHED, run.cause
    assert run.spec.transfer == {"name": "starter", "origin": STARTER_WORDS, "sha256": file_sha256(CHECKPOINT)}
    transfer = read_progress(run).transfer
    assert transfer["copied"] >= 690, "all but what depends on the number of classes"
    assert STARTER_WORDS in transfer["message"]
