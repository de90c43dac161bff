"""What the Model page shows beforehand is what the trainer's own dataset makes of the pictures."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.importing.from_upload import import_dataset
from core.data.importing.settings import ImportSettings
from core.errors import GraftError
from core.jobs import Progress
from core.spec import TrainingSpec
from core.tasks import Task
from core.training.views import request_for, training_views, views_key
from core.workspace import Workspace
from tests.data.writers import put
from tests.tiny import write_class_folders, write_masks_folder

OFF = {
    "mosaic": 0.0, "fliplr": 0.0, "flipud": 0.0, "hsv_h": 0.0, "hsv_s": 0.0, "hsv_v": 0.0, "scale": 0.0,
    "translate": 0.0, "degrees": 0.0, "erasing": 0.0, "mixup": 0.0,
}  # fmt: skip
OTHERS: tuple[Task, ...] = ("segment", "obb", "pose", "classify", "semantic")
ROOT = Path(__file__).resolve().parents[2]
LABELS = {
    "detect": "0 0.25 0.5 0.3 0.6\n",
    "segment": "0 0.1 0.2 0.4 0.2 0.4 0.8 0.25 0.9 0.1 0.8\n",
    "obb": "0 0.1 0.3 0.4 0.2 0.45 0.7 0.15 0.8\n",
    "pose": "0 0.25 0.5 0.3 0.6 0.2 0.4 2 0.3 0.6 2\n",
}


def made(folder: Path, task: Task) -> Path:
    """Write four pictures whose left half is dark, with a label there."""
    if task == "classify":
        return write_class_folders(folder, count=4)
    if task == "semantic":
        return write_masks_folder(folder, count=4)
    points = "kpt_shape: [2, 3]\nflip_idx: [0, 1]\n" if task == "pose" else ""
    put(folder / "data.yaml", f"train: images/train\nval: images/val\nnames: [thing]\n{points}")
    for number in range(4):
        place = "val" if number == 3 else "train"
        image = np.full((64, 64, 3), 220, np.uint8)
        image[:, :32] = 20 + 10 * number
        (folder / "images" / place).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / "images" / place / f"{number}.png")
        put(folder / "labels" / place / f"{number}.txt", LABELS[task])
    return folder


def spec_of(dataset: str, task: Task, **extra: object) -> TrainingSpec:
    return TrainingSpec(dataset=dataset, task=task, model="yolo26n", imgsz=64, batch=2, epochs=1, extra=OFF | extra)


def levels(view: bytes) -> tuple[float, float]:
    """Return the mean grey of the left and of the right edge."""
    grey = np.asarray(Image.open(io.BytesIO(view)).convert("L"), dtype=float)
    return grey[:, 2:12].mean(), grey[:, -12:-2].mean()


def test_a_mirror_that_is_always_on_is_seen(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, made(tmp_path / "set", "detect"))
    told: list[Progress] = []
    spec = spec_of(dataset.id, "detect", fliplr=1.0)
    seen = training_views(workspace, dataset, spec, pictures=2, draws=1, progress=told.append)
    assert {item.file for item in seen} <= set(dataset.image_table()["file"])
    assert [item.file.split("/")[0] for item in seen] == ["train", "train"]
    assert told[-1].done == 2
    left, right = levels(seen[0].views[0])
    assert right < 100 < left, "the dark half lies on the other side"
    assert not list(workspace.staging_root.glob("views*"))


def test_views_are_drawn_anew_when_a_setting_that_shapes_them_changes(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, made(tmp_path / "set", "detect"))
    one = views_key(dataset, spec_of(dataset.id, "detect"))
    assert views_key(dataset, spec_of(dataset.id, "detect", cache="ram")) == one
    assert views_key(dataset, spec_of(dataset.id, "detect", fliplr=0.5)) != one


@pytest.mark.slow
def test_every_task_shows_its_pictures(workspace: Workspace, tmp_path: Path) -> None:
    requests = {}
    for task in OTHERS:
        dataset = import_dataset(workspace, made(tmp_path / task, task), settings=ImportSettings(task=task))
        spec = spec_of(dataset.id, task, mosaic=0.5)
        requests[task] = request_for(dataset, spec, tmp_path / "runs", pictures=2, draws=2)
    code = "import json, sys; from core.training.views import draw; given = json.load(sys.stdin); "
    code += "json.dump({task: draw(one, print) for task, one in given.items()}, open(sys.argv[1], 'w'))"
    answers = tmp_path / "answers.json"
    subprocess.run(
        [sys.executable, "-c", code, str(answers)], input=json.dumps(requests), text=True, cwd=ROOT, check=True
    )
    for task, found in json.loads(answers.read_text()).items():
        assert [len(item["views"]) for item in found["seen"]] == [2, 2], task
        for item in found["seen"]:
            shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(item["views"][0]))))
            assert shown.shape == (320, 320, 3)
            assert shown.std() > 5


def test_a_setting_that_can_not_be_met_is_told_in_a_sentence(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, made(tmp_path / "set", "detect"))
    with pytest.raises(GraftError, match="could not be drawn"):
        training_views(workspace, dataset, spec_of(dataset.id, "detect", mosaic=7.0), pictures=1, draws=1)
