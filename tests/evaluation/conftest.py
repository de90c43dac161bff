"""A run folder with an official checkpoint on coco8, predicted once for all tests of the room."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from core.data.dataset import load_dataset
from core.data.importing.from_upload import import_dataset
from core.evaluation.predicting import predict_split
from core.spec import TrainingSpec
from core.workspace import Workspace


def make_run(workspace: Workspace, dataset: str, weights: Path, imgsz: int, run_id: str = "by-hand") -> Path:
    folder = workspace.run(run_id)
    (folder / "train" / "weights").mkdir(parents=True)
    shutil.copy(weights, folder / "train" / "weights" / "best.pt")
    task = load_dataset(workspace, dataset).task
    spec = TrainingSpec(dataset=dataset, task=task, imgsz=imgsz, device="cpu")
    (folder / "spec.json").write_text(spec.model_dump_json())
    return folder


@pytest.fixture(scope="session")
def coco_run(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Path]:
    """The workspace and run folder of yolo11n on coco8 as imported by Graft."""
    workspace = Workspace.open(tmp_path_factory.mktemp("evaluation"))
    dataset = import_dataset(workspace, coco8_source(shared, tmp_path_factory.mktemp("coco8")))
    folder = make_run(workspace, dataset.id, shared / "weights" / "yolo11n.pt", 640)
    predict_split(workspace, folder.name, "val")
    return workspace, folder


def coco8_source(shared: Path, folder: Path) -> Path:
    """A copy of coco8 with the 80 class names of COCO beside it, in the order the checkpoint knows them."""
    source = folder / "coco8"
    shutil.copytree(shared / "data" / "coco8", source)
    names = [f"class {index}" for index in range(80)]
    (source / "data.yaml").write_text(
        json.dumps({"path": ".", "train": "images/train", "val": "images/val", "names": names})
    )
    return source
