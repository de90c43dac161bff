"""What a user can see of a training: the newest augmented batch, and the same validation pictures every epoch.

Nothing is computed twice for them: the batch and the answers are the ones the trainer and the validator make anyway,
and a handful of small JPEGs per epoch is drawn from them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.data.images.thumbnails import Mark, box_outline, draw_marks, lay_mask
from core.data.palette import class_colour
from core.tasks import TASKS
from core.ultralytics.trainers.watching import class_names, watch
from core.words import percent

PICTURES = 6
"""How many validation pictures are followed."""
BATCH_TILES = 4
"""How many pictures of the newest batch are shown."""
LONGEST = 320
"""Longer side of a stored picture in pixels."""
CONFIDENCE = 0.25
"""Answers less sure than this are not drawn; Ultralytics draws from 0.25 too (`plot_images`)."""
KEPT_EPOCHS = 200
"""Validation pictures of older epochs are removed, so that a long run doesn't fill the disk."""

Drawn = tuple[Any, list[Mark], str]
"""The picture as a (3, height, width) array of bytes, its marks, the name of its file."""


class TrainingPictures:
    """Listens to a trainer and its validator; writes JPEGs into `<run>/pictures/`."""

    def __init__(self, folder: Path, task: str) -> None:
        """Write below the run folder `folder`."""
        self.folder, self.task = folder / "pictures", task
        self._batch: dict[str, Any] | None = None
        self._validation: dict[str, Drawn] = {}
        self._followed: list[str] = []

    def attach(self, trainer: Any) -> None:
        """Look over the shoulder of a trainer that has been set up (in `on_train_start`)."""
        self.folder.mkdir(exist_ok=True)
        self.names = class_names(trainer)
        watch(trainer, self._keep_batch, self._keep_answers)

    def write_batch(self, epoch: int) -> list[str]:
        """Write the epoch's first augmented batch; return its files below the run folder (none when there was none)."""
        batch, self._batch = self._batch, None
        if batch is None:
            return []
        tiles = [(pixels(image), self._truth(batch, index), "") for index, image in enumerate(batch["img"])]
        for old in self.folder.glob("batch_*.jpg"):
            old.unlink(missing_ok=True)
        return [self._save(tile, f"batch_{epoch}_{index}.jpg") for index, tile in enumerate(tiles)]

    def write_validation(self, epoch: int) -> list[str]:
        """Write this epoch's answers on the followed pictures; return the files, in the same order every epoch."""
        kept, self._validation = self._validation, {}
        self._followed = self._followed or sorted(kept)
        old = epoch - KEPT_EPOCHS
        for path in self.folder.glob(f"validation_{old}_*.jpg"):
            path.unlink(missing_ok=True)
        return [
            self._save(kept[name], f"validation_{epoch}_{index}.jpg")
            for index, name in enumerate(self._followed)
            if name in kept
        ]

    def _keep_batch(self, ready: dict[str, Any]) -> None:
        if self._batch is None:
            self._batch = {key: value for key, value in ready.items() if key in ("img", "cls", "bboxes", "batch_idx")}
            self._batch["img"] = ready["img"][:BATCH_TILES].detach().float().cpu()

    def _keep_answers(self, answers: Any, batch: dict[str, Any]) -> None:
        for index, file in enumerate(batch.get("im_file", [])):
            wanted = file in self._followed if self._followed else len(self._validation) < PICTURES
            if wanted and TASKS[self.task].names_pixels:
                picture = Image.fromarray(pixels(batch["img"][index].detach().float().cpu()))
                lay_mask(picture, answers[index].cpu().numpy().astype(np.uint8))
                self._validation[file] = (np.asarray(picture), [], Path(file).stem)
            elif wanted:
                marks = self._truth(batch, index) + self._answered(answers, index, batch["img"].shape)
                self._validation[file] = (pixels(batch["img"][index].detach().float().cpu()), marks, Path(file).stem)
        if "im_file" not in batch and not self._validation:  # classification: the validator knows no file names
            for index in range(min(PICTURES, len(batch["img"]))):
                right, said = int(batch["cls"][index]), int(answers[index].argmax())
                sure = float(answers[index].max())
                label = f"{self.names.get(said, said)} {percent(sure)}"
                sign = "" if right == said else f" (is {self.names.get(right, right)})"
                frame = Mark(box_outline((0.5, 0.5, 0.98, 0.98)), (), class_colour(said), label + sign, dashed=True)
                self._validation[f"{index}"] = (
                    pixels(batch["img"][index].detach().float().cpu()),
                    [frame],
                    str(index),
                )

    def _truth(self, batch: dict[str, Any], index: int) -> list[Mark]:
        if not TASKS[self.task].finds_objects or "bboxes" not in batch:
            return []
        mine = batch["batch_idx"].cpu() == index
        rows = zip(batch["bboxes"].cpu()[mine].tolist(), batch["cls"].cpu()[mine].view(-1).tolist(), strict=True)
        shape = batch["img"].shape
        return [Mark(corners(box, shape, True), (), class_colour(int(which))) for box, which in rows]

    def _answered(self, answers: Any, index: int, shape: Any) -> list[Mark]:
        answer = answers[index]
        marks = []
        rows = zip(answer["bboxes"].tolist(), answer["conf"].tolist(), answer["cls"].tolist(), strict=True)
        for box, sure, which in rows:
            if sure < CONFIDENCE:
                continue
            name = f"{self.names.get(int(which), int(which))} {percent(sure)}"
            marks.append(Mark(corners(box, shape, False), (), class_colour(int(which)), name, dashed=True))
        return marks

    def _save(self, drawn: Drawn, name: str) -> str:
        pixels, marks, _ = drawn
        picture = Image.fromarray(pixels)
        factor = LONGEST / max(picture.size)
        picture = picture.resize((max(1, round(picture.width * factor)), max(1, round(picture.height * factor))))
        draw_marks(picture, marks)
        picture.save(self.folder / name, "JPEG", quality=82)
        return f"{self.folder.name}/{name}"


def picture_epoch(file: str) -> int:
    """Return the epoch in the name of a stored picture, 0 when there is none."""
    found = re.search(r"_(\d+)_\d+\.jpg$", file)
    return int(found.group(1)) if found else 0


def pixels(image: Any) -> Any:
    """Return a (3, height, width) float image (0 to 1, or standardised for classification) as bytes, channels last."""
    low, high = float(image.min()), float(image.max())
    if low < -0.01 or high > 1.01:  # standardised with mean and spread: stretch it back to what can be shown
        image = (image - low) / max(high - low, 1e-6)
    if image.shape[0] == 1:
        image = image.expand(3, -1, -1)
    return (image[:3].permute(1, 2, 0).clamp(0, 1) * 255).byte().numpy()


def corners(box: list[float], shape: Any, normalised: bool) -> tuple[tuple[float, float], ...]:
    """Return a box's corners as fractions: truth is centre and size in fractions, an answer corners in pixels.

    Five numbers are a rotated box (centre, size, angle in radians): fractions in truth, pixels in an answer.
    """
    height, width = float(shape[-2]), float(shape[-1])
    if len(box) == 5:
        import math

        x, y, w, h, angle = box
        if normalised:
            x, y, w, h = x * width, y * height, w * width, h * height
        cos, sin = math.cos(angle), math.sin(angle)
        turned = [(w * i * cos - h * j * sin, w * i * sin + h * j * cos) for i, j in _HALVES]
        return tuple(((x + dx) / width, (y + dy) / height) for dx, dy in turned)
    if normalised:
        return box_outline((box[0], box[1], box[2], box[3]))
    left, top, right, bottom = box[0] / width, box[1] / height, box[2] / width, box[3] / height
    return (left, top), (right, top), (right, bottom), (left, bottom)


_HALVES = ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))
