"""What a model says about a picture as plain values, as they cross between processes and are written to files."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.data.images.page import UnreadableImage
from core.delivery.predict.entry import FoundIn, FoundObject, PixelEntry
from core.delivery.predict.model.tiles import find_in_tiles
from core.evaluation.predict.novelty import TrainingFeatures
from core.evaluation.predict.pooled_features import watched
from core.evaluation.predict.predictor import Predictor, pictures_in
from core.spec import USUAL_MAX_DET


def find_in(
    predictor: Predictor,
    image: NDArray[np.uint8],
    imgsz: int | None,
    confidence: float,
    max_det: int = USUAL_MAX_DET,
    *,
    tiled: bool = False,
    tile: int | None = None,
    known: TrainingFeatures | None = None,
) -> FoundIn:
    """Return what is found in one RGB picture (h, w, 3): `objects`, or `probabilities` when it is classified.

    Where every pixel has a class, there are the `shares` of the classes and a `mask`; with `known`, what the model
    learned from, the `distance` from it and whether that makes the picture `unlike` it (not where it learned from tiles
    and looks at tiles: nothing is known of a whole picture then). `tile`: pixels of the tiles it learned from.
    """
    size = (tile or imgsz or predictor.imgsz) if tiled else None
    if known is None or (tiled and tile):
        return _found(predictor, image, imgsz, confidence, max_det, tile=size)
    with watched(predictor, known.layers) as seen:
        found = _found(predictor, image, imgsz, confidence, max_det, tile=size)
        if tiled:  # the whole picture at once, as the training pictures were looked at
            predictor.result(image, imgsz, confidence, max_det)
    distance = known.distance(seen.features(image.shape[:2]))
    found["distance"], found["unlike"] = round(distance, 3), distance > 1
    return found


def _found(
    predictor: Predictor,
    image: NDArray[np.uint8],
    imgsz: int | None,
    confidence: float,
    max_det: int,
    *,
    tile: int | None,
) -> FoundIn:
    if tile is not None:
        return find_in_tiles(
            lambda tile: predictor.result(tile, imgsz, confidence, max_det),
            predictor.model.names, image, tile, max_det,
        )  # fmt: skip
    found = described(predictor.result(image, imgsz, confidence, max_det))
    if len(found["objects"]) >= max_det:
        found["max_det"] = max_det
    return found


def pages_of(path: Path, window: str) -> Iterator[PixelEntry]:
    """Give an entry for every page of a picture file, `image` its RGB pixels, or one with the `error`."""
    number = 0
    try:
        for number, image in enumerate(pictures_in(path, window), 1):
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
        return {"objects": [], "probabilities": {names[index]: shortened(score) for index, score in enumerate(scores)}}
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
            "confidence": shortened(confidences[index]),
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


def shortened(confidence: float) -> float:
    """Return a confidence with five digits, cut off, not rounded: what is below the line stays below it."""
    return math.floor(confidence * 100_000) / 100_000


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
