"""A run folder with an official checkpoint on coco8, predicted once for all tests of the room."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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


def square_source(shared: Path, data: str, folder: Path, side: int = 640) -> Path:
    """A copy of coco8, coco8-seg or coco8-pose whose pictures are padded to squares: nothing is left to be padded."""
    source = folder / data
    shutil.copytree(shared / "data" / data, source)
    pose = data.endswith("pose")
    for path in sorted((source / "images").rglob("*.jpg")):
        canvas = Image.new("RGB", (side, side), (114, 114, 114))
        with Image.open(path) as picture:
            picture.thumbnail((side, side))
            canvas.paste(picture)
            share = np.array(picture.size) / side
        canvas.save(path.with_suffix(".png"))
        path.unlink()
        labels = source / "labels" / path.relative_to(source / "images").with_suffix(".txt")
        rows = [line.split() for line in labels.read_text().splitlines()] if labels.is_file() else []
        for row in rows:
            numbers = np.array(row[1:], dtype=float)
            boxes = numbers[:4] if pose else numbers
            boxes[0::2], boxes[1::2] = boxes[0::2] * share[0], boxes[1::2] * share[1]
            if pose:
                points = numbers[4:].reshape(-1, 3)
                points[:, :2] *= share
            row[1:] = [f"{number:.6f}" for number in numbers]
        labels.write_text("".join(" ".join(row) + "\n" for row in rows))
    names = ["person"] if pose else [f"class {index}" for index in range(80)]
    content = {"path": ".", "train": "images/train", "val": "images/val", "names": names}
    content |= {"kpt_shape": [17, 3]} if pose else {}
    for path in source.glob("*.yaml"):
        path.unlink()
    (source / "data.yaml").write_text(json.dumps(content))
    return source
