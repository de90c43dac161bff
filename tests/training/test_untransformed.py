"""The share of training pictures that is left as it is: the trainer's own dataset gives them pixel by pixel."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.spec import TrainingSpec
from core.tasks import Task
from core.workspace import Workspace
from tests.training.test_views import made, spec_of

MOVED = {"scale": 0.6, "translate": 0.2, "degrees": 10.0}
SHADES = {20, 30, 40, 220, 114}
"""Of the pictures and of the grey around them; a warp mixes them."""
pytestmark = pytest.mark.slow


def trained_on(dataset: Dataset, **extra: object) -> Any:
    """Return the dataset a trainer would draw its pictures from."""
    import torch

    from core.ultralytics.trainers.fast import fast_trainer

    spec = spec_of(dataset.id, dataset.task, **extra)
    arguments = {"data": str(dataset.train_data), "imgsz": 64, "batch": 2, "device": "cpu", "model": "yolo26n.yaml"}
    arguments |= {"project": str(dataset.train_data.parent / "drawn"), "exist_ok": True}
    trainer = fast_trainer(dataset.task)(overrides={**spec.extra, **arguments})
    trainer.model = torch.nn.Identity()
    trainer.model.stride = torch.tensor([32])
    return trainer, trainer.build_dataset(trainer.data["train"], mode="train", batch=2)


def sharp(sample: dict[str, Any]) -> bool:
    return set(np.unique(sample["img"].numpy()).tolist()) <= SHADES


@pytest.fixture
def task(request: pytest.FixtureRequest) -> Task:
    return request.param


@pytest.mark.parametrize("task", ["detect", "segment", "obb", "pose", "semantic"], indirect=True)
def test_left_pictures_are_the_pictures_themselves(workspace: Workspace, tmp_path: Path, task: Task) -> None:
    dataset = import_dataset(workspace, made(tmp_path / "set", task))
    _, still = trained_on(dataset, **MOVED, untransformed=1.0)
    _, moving = trained_on(dataset, **MOVED)
    draws = range(12)
    assert task == "semantic" or all(sharp(still[0]) for _ in draws)  # its pictures have shades of their own
    first = still[0]["img"].numpy()
    assert all(np.array_equal(still[0]["img"].numpy(), first) for _ in draws)
    assert sum(np.array_equal(moving[0]["img"].numpy(), first) for _ in draws) == 0
    for masks in ("masks", "semantic_mask"):
        if masks in still[0]:
            assert all(np.array_equal(still[0][masks], still[0][masks]) for _ in draws)
    if "bboxes" in still[0]:
        assert all(np.allclose(still[0]["bboxes"], still[0]["bboxes"], atol=1e-3) for _ in draws)


def test_a_half_is_left_and_a_half_is_moved_with_collages_and_after_them(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, made(tmp_path / "set", "detect"))
    trainer, half = trained_on(dataset, **MOVED, mosaic=1.0, untransformed=0.5)
    half = pickle.loads(pickle.dumps(half))  # as loader processes get it where they are not forked
    assert 20 <= sum(sharp(half[0]) for _ in range(80)) <= 60
    half.close_mosaic(trainer.args)
    assert 20 <= sum(sharp(half[0]) for _ in range(80)) <= 60


@pytest.mark.parametrize("share", [-0.1, 1.5, "half", [0.5]])
def test_what_is_no_share_is_refused(share: object) -> None:
    with pytest.raises(ValidationError, match="untransformed"):
        TrainingSpec(dataset="set", task="detect", extra={"untransformed": share})
