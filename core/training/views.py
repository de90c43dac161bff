"""What augmentation will make of a dataset's own pictures: drawn by the trainer's dataset, before a training is begun.

The pictures come from the very transformations that the training goes through, in a child process that loads no
network; they differ from those of the run by the lot alone.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.data.dataset import Dataset
from core.data.images.thumbnails import Mark, draw_marks, lay_mask
from core.data.palette import class_colour
from core.jobs import Progress, Report
from core.processes.children import answer, run_child
from core.spec import TrainingSpec
from core.tasks import TASKS, Task
from core.training.worker.pictures import corners, pixels
from core.workspace import Workspace

SILENCE_SECONDS = 180.0
"""Without a sign of life for so long nothing comes any more: a large set's labels are read once before the first."""
LONGEST = 320
"""Longer side of a drawn picture in pixels."""
OF_THE_MACHINE = ("cache", "freeze", "device", "workers", "resume")
"""Settings that change how a training runs, and nothing of what it sees."""


@dataclass(frozen=True)
class Seen:
    """A training picture and what the network gets to see of it."""

    file: str
    """as in the dataset's table of pictures"""
    views: tuple[bytes, ...]
    """JPEGs, each drawn by lot anew, with the labels on them"""


def training_views(
    workspace: Workspace,
    dataset: Dataset,
    spec: TrainingSpec,
    *,
    pictures: int = 4,
    draws: int = 3,
    progress: Report | None = None,
) -> list[Seen]:
    """Return a handful of training pictures as a training by `spec` would see them, each `draws` times.

    Takes seconds; the same specification gives the same pictures. Raises GraftError with the reason.
    """
    with workspace.staging("views") as stage:
        found = run_child(
            "core.training.views",
            request_for(dataset, spec, stage, pictures=pictures, draws=draws),
            timeout=SILENCE_SECONDS,
            failure="What the training will see could not be drawn",
            progress=progress,
        )
    images = dataset.root / "images"
    return [
        Seen(
            Path(item["file"]).relative_to(images).as_posix(),
            tuple(base64.b64decode(view) for view in item["views"]),
        )
        for item in found["seen"]
    ]


def request_for(dataset: Dataset, spec: TrainingSpec, folder: Path, *, pictures: int, draws: int) -> dict[str, Any]:
    """Return what `draw` is asked for; Ultralytics leaves files in `folder`."""
    return {
        "spec": spec.model_dump(mode="json"),
        "data": str(dataset.train_data),
        "folder": str(folder),
        "pictures": pictures,
        "draws": draws,
    }


def views_key(dataset: Dataset, spec: TrainingSpec) -> str:
    """Return what the views of a dataset depend on, as one text."""
    shaping = {name: value for name, value in spec.extra.items() if name not in OF_THE_MACHINE}
    return f"{dataset.id} {dataset.checksum} {spec.task} {spec.imgsz} {spec.seed} {sorted(shaping.items())}"


def draw(request: dict[str, Any], report: Report) -> dict[str, Any]:
    """Child: draw the views."""
    from core.ultralytics.offline import enter_isolation

    enter_isolation()
    from core.ultralytics.trainers.fast import fast_trainer
    from core.ultralytics.trainers.views import training_views as views_of

    spec = TrainingSpec.model_validate(request["spec"])
    arguments = {name: value for name, value in spec.extra.items() if name not in OF_THE_MACHINE} | {
        "model": "yolo11n.yaml",  # never built
        "data": request["data"],
        "imgsz": spec.imgsz,
        "batch": spec.batch,
        "epochs": spec.epochs,
        "seed": spec.seed,
        "device": "cpu",
        "plots": False,
        "project": request["folder"],
        "name": "views",
        "exist_ok": True,
    }
    report(Progress("Reading the labels", 0, request["pictures"]))
    seen = []
    for file, samples in views_of(fast_trainer(spec.task), arguments, request["pictures"], request["draws"]):
        views = [base64.b64encode(_jpeg(sample, spec.task)).decode() for sample in samples]
        seen.append({"file": file, "views": views})
        report(Progress("Drawing pictures", len(seen), request["pictures"]))
    return {"seen": seen}


def _jpeg(sample: dict[str, Any], task: Task) -> bytes:
    image = sample["img"].float()
    picture = Image.fromarray(pixels(image / 255 if float(image.max()) > 1.01 and not image.min() < 0 else image))
    if TASKS[task].names_pixels:
        lay_mask(picture, sample["semantic_mask"].numpy().astype(np.uint8))
    marks = _marks(sample, task) if TASKS[task].finds_objects else []
    factor = LONGEST / max(picture.size)
    picture = picture.resize((max(1, round(picture.width * factor)), max(1, round(picture.height * factor))))
    draw_marks(picture, marks)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=82)
    return out.getvalue()


def _marks(sample: dict[str, Any], task: Task) -> list[Mark]:
    marks = []
    for row, (box, which) in enumerate(zip(sample["bboxes"].tolist(), sample["cls"].view(-1).tolist(), strict=True)):
        outlines = [corners(box, sample["img"].shape, True)]
        points: tuple[tuple[float, float], ...] = ()
        if TASKS[task].has_keypoints:
            told = sample["keypoints"][row].tolist()
            points = tuple((point[0], point[1]) for point in told if len(point) < 3 or point[2] > 0)
        if "masks" in sample:
            outlines = _outlines(sample["masks"], row) or outlines
        marks += [Mark(outline, points, class_colour(int(which))) for outline in outlines]
    return marks


def _outlines(masks: Any, row: int) -> list[tuple[tuple[float, float], ...]]:
    """Return the outlines of one object; where they overlap all masks are one, each with its number from 1."""
    import cv2

    whole = masks.shape[0] == 1
    mask = (masks[0] == row + 1) if whole else masks[row] > 0
    height, width = mask.shape
    found, _ = cv2.findContours(mask.numpy().astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [tuple((x / width, y / height) for x, y in outline.reshape(-1, 2).tolist()) for outline in found]


if __name__ == "__main__":
    answer(draw)
