"""One model held ready to look at pictures: loaded weights-only, its answers as plain values (in children only)."""

from __future__ import annotations

import base64
import gc
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.data.images.decoding import decode
from core.data.images.page import UnreadableImage
from core.data.images.windows import Window
from core.delivery.predict.entry import FoundIn, FoundObject, PixelEntry
from core.delivery.predict.model.tiles import find_in_tiles
from core.errors import InputError
from core.processes.cores import use_cores
from core.processes.isolation import enter_isolation
from core.tasks import TASKS
from core.ultralytics.networks import input_channels

PLAIN_OPEN = Image.open
"""Pillow's own, as long as Ultralytics is not imported: its replacement blames a missing HEIC package for every picture
that is damaged."""
MOST_OBJECTS = 300
"""Findings per picture at most; Ultralytics' own default."""


class Predictor:
    """One model, kept ready; asking for another one lets go of the first."""

    def __init__(self) -> None:
        self.model: Any = None
        self.key: tuple[str, int, int] | None = None
        self.classes: list[str] = []
        self.channels = 3

    def load(self, weights: str) -> None:
        """Hold the model of a checkpoint, loaded weights-only. Raises InputError when it is refused."""
        try:
            stat = Path(weights).stat()
        except OSError as error:
            raise InputError(f"{Path(weights).name} is not there any more.") from error
        key = (weights, stat.st_mtime_ns, stat.st_size)
        if key == self.key:
            return
        self.model = self.key = None
        gc.collect()
        enter_isolation()
        from core.models.checkpoint import describe_checkpoint

        try:
            described = describe_checkpoint(Path(weights))  # refuses with a reason; nothing of the file is run
        except (InputError, OSError) as error:
            raise InputError(f"{Path(weights).name} is refused: {error}") from error
        if described["task"] not in TASKS:
            known = ", ".join(TASKS)
            raise InputError(f"{Path(weights).name} is for the task {described['task']}; known here are {known}.")
        from ultralytics import YOLO

        Image.open = PLAIN_OPEN
        self.model = YOLO(weights)
        self.model.add_callback("on_predict_start", use_cores)
        self.channels = input_channels(self.model.model)
        self.classes = described["classes"]
        self.key = key

    @property
    def imgsz(self) -> int:
        """The size the checkpoint itself was trained at, in pixels."""
        size = self.model.overrides.get("imgsz", 640)
        return int(max(size) if isinstance(size, (list, tuple)) else size)

    def results(self, images: list[NDArray[np.uint8]], imgsz: int | None, confidence: float) -> list[Any]:
        """Return Ultralytics' results for RGB pictures (h, w, 3); of a batch, all must have one shape."""
        options = {"conf": confidence, "imgsz": imgsz or self.imgsz, "max_det": MOST_OBJECTS, "verbose": False}
        given = [self._array(image) for image in images]
        answer: list[Any] = self.model.predict(given if len(given) > 1 else given[0], batch=len(given), **options)
        return answer

    def _array(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self.channels == 1:
            return np.ascontiguousarray(image.mean(axis=2, keepdims=True).astype(np.uint8))
        return np.ascontiguousarray(image[:, :, ::-1])  # Ultralytics takes arrays as blue, green, red

    def predict(
        self, image: NDArray[np.uint8], imgsz: int | None, confidence: float, *, tiled: bool = False
    ) -> FoundIn:
        """Return what is found in one RGB picture (h, w, 3): `objects`, or `probabilities` when it is classified.

        Where every pixel has a class, there are the `shares` of the classes and a `mask`.
        """
        if tiled:
            return {"objects": find_in_tiles(self.results, self.model.names, image, imgsz or self.imgsz, confidence)}
        return described(self.results([image], imgsz, confidence)[0])


def pages_of(path: Path, window: str) -> Iterator[PixelEntry]:
    """Give an entry for every page of a picture file, `image` its RGB pixels, or one with the `error`."""
    number = 0
    try:
        for page in decode(path, Window.parse(window)):
            number += 1
            image = np.asarray(page.image.convert("RGB"))
            yield {**_entry(path, number, image.shape[1], image.shape[0]), "image": image}
    except (UnreadableImage, OSError, MemoryError) as error:
        yield {**_entry(path, number + 1, 0, 0), "error": f"can't be read: {error}"}
        return
    if number == 0:
        yield {**_entry(path, 1, 0, 0), "error": "can't be read: there is no picture in it"}


def _entry(path: Path, page: int, width: int, height: int) -> PixelEntry:
    return {"file": str(path), "page": page, "width": width, "height": height, "error": None, "objects": []}


def described(result: Any) -> FoundIn:
    """Return an Ultralytics result as plain values: boxes x1, y1, x2, y2 and outlines in pixels of the picture."""
    names = result.names
    if result.probs is not None:
        scores = result.probs.data.tolist()
        return {"objects": [], "probabilities": {names[index]: round(score, 5) for index, score in enumerate(scores)}}
    if result.semantic_mask is not None:
        return _pixels(result.semantic_mask.data.cpu().numpy().astype(np.uint8), names)
    boxes = result.obb if result.obb is not None else result.boxes
    classes, confidences = boxes.cls.int().tolist(), boxes.conf.tolist()
    corners = _plain(boxes.xyxy, 2)
    outlines = [] if result.masks is None else result.masks.xy
    rotated = [] if result.obb is None else _plain(boxes.xyxyxyxy, 2)
    points = [] if result.keypoints is None else _plain(result.keypoints.data, 3)
    objects = []
    for index, class_id in enumerate(classes):
        item: FoundObject = {
            "class": names[class_id],
            "class_id": class_id,
            "confidence": round(confidences[index], 5),
            "box": corners[index],
        }
        if rotated:
            item["corners"] = rotated[index]
        if len(outlines):
            item["polygon"] = np.round(outlines[index].astype(float), 2).tolist()
        if points:
            item["keypoints"] = points[index]
        objects.append(item)
    return {"objects": objects}


def _pixels(mask: NDArray[np.uint8], names: dict[int, str]) -> FoundIn:
    """Return class ids per pixel as a PNG in base64, and the share (0 to 1) of the picture each class takes."""
    counts = np.bincount(mask.ravel(), minlength=len(names))
    shares = {names[index]: round(float(counts[index] / mask.size), 5) for index in sorted(names)}
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG")
    return {"objects": [], "shares": shares, "mask": base64.b64encode(buffer.getvalue()).decode("ascii")}


def _plain(values: Any, digits: int) -> list[Any]:
    rounded: list[Any] = values.cpu().numpy().astype(float).round(digits).tolist()
    return rounded
