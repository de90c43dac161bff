"""The batch size that fits is measured before the first epoch; one that does not fit is said with the next step."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.data.importing.from_upload import import_dataset
from core.errors import GraftError
from core.spec import TrainingSpec
from core.training.failures import explain_failure
from core.training.records.progress import read_progress
from core.training.runs import start_run, wait_run
from core.training.store import State
from core.training.worker.batch_fit import choose_batch, no_picture_alone
from core.workspace import Workspace
from tests.tiny import write_yolo_folder
from tests.training.test_runs import ENOUGH, spec_for

MEGABYTE = 10**6


def test_the_batch_is_halved_until_it_fits() -> None:
    fit = choose_batch(wanted=16, picture_bytes=200 * MEGABYTE, free_bytes=1_500 * MEGABYTE)
    assert fit.batch == 4
    assert "3.2 GB" in fit.message
    assert "from 4 at a time" in fit.message
    assert choose_batch(16, 200 * MEGABYTE, 10_000 * MEGABYTE).batch == 16
    assert choose_batch(16, 200 * MEGABYTE, 1).batch == 1, "never less than one picture"


@pytest.mark.parametrize(
    ("batch", "pictures", "imgsz", "taken"),
    [(8, 9, 32, 7), (4, 5, 32, 3), (4, 5, 64, 4), (4, 8, 32, 4), (2, 3, 32, 3), (1, 5, 32, 3), (16, 9, 32, 16)],
)
def test_no_picture_is_left_alone_where_it_can_not_be_learned_from(
    batch: int, pictures: int, imgsz: int, taken: int
) -> None:
    assert no_picture_alone(batch, pictures, imgsz) == taken
    assert pictures % taken != 1 or imgsz >= 64


def test_a_single_tiny_picture_is_refused_in_a_sentence() -> None:
    with pytest.raises(GraftError, match="image size of 64"):
        no_picture_alone(4, 1, 32)


@pytest.mark.parametrize("given", [-1, "-1", "auto", None])
def test_an_automatic_batch_is_left_to_the_plan(given: object) -> None:
    spec = TrainingSpec.model_validate({"dataset": "d", "task": "detect", "batch": given})
    assert "batch" not in spec.model_fields_set


@pytest.mark.slow
def test_larger_pictures_are_measured_to_need_more() -> None:
    code = (
        "from core.ultralytics.offline import enter_isolation; enter_isolation()\n"
        "from ultralytics import YOLO; from core.training.worker.batch_fit import fit_batch\n"
        "model = YOLO('yolo11n.yaml').model\n"
        "print(*(fit_batch(model, size, 8, 'cpu').picture_bytes for size in (160, 480)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    small, large = (int(number) for number in done.stdout.split()[-2:])
    assert 10 * MEGABYTE < large < 1_000 * MEGABYTE
    assert large > 3 * small


@pytest.mark.slow
@pytest.mark.xdist_group("training")
def test_a_batch_that_can_never_fit_fails_before_the_first_epoch(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "squares"))
    run = start_run(workspace, spec_for(dataset, imgsz=1024, batch=1024))
    failed = wait_run(workspace, run.id, ENOUGH)
    assert failed.state is State.FAILED, failed.log_path.read_text()[-3000:]
    assert failed.suggestion == {"batch": 512}
    assert "memory" in failed.cause
    assert read_progress(failed).epochs_done == 0


def test_out_of_memory_suggests_half_the_batch() -> None:
    spec = TrainingSpec.model_validate({"dataset": "d", "task": "detect", "batch": 16})
    _, next_step, suggestion = explain_failure("RuntimeError: CUDA out of memory. Tried to allocate 2 GiB", spec)
    assert suggestion == {"batch": 8}
    assert "8" in next_step


def test_only_a_missing_file_is_told_as_one() -> None:
    spec = TrainingSpec.model_validate({"dataset": "d", "task": "detect"})
    missing, _, _ = explain_failure("FileNotFoundError: Image Not Found a.png", spec)
    other, _, _ = explain_failure("NotImplementedError: Optimizer 'Nonsense' not found in list of optimizers", spec)
    assert "file" in missing
    assert "Nonsense" in other
