"""A picture with a model's answer on it, in layers: masks, boxes, points, names; in the palette of all pages."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from core.data.images.reduced import open_reduced
from core.data.images.thumbnails import Mark, draw_marks, lay_mask
from core.data.palette import class_colour
from core.delivery.predict.entry import Entry, FoundObject
from core.delivery.predict.results import counted
from core.words import percent

LAYERS = {"masks": "Masks", "boxes": "Boxes", "points": "Points", "names": "Names"}
SMALLEST = 900
"""Pictures are enlarged to this longer side at least, in pixels, so that lines and letters are crisp."""
SURE_POINT = 0.25
"""Confidence from which a key point is drawn; Ultralytics' own drawing uses the same."""
COCO_LIMBS = (
    (15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8), (7, 9), (8, 10),
    (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6),
)  # fmt: skip
"""Which of COCO's 17 body points are joined (cocodataset.org/#keypoints-2020, numbered from 0)."""


def draw_answer(path: Path, entry: Entry, confidence: float, layers: tuple[str, ...], longest: int = 1000) -> bytes:
    """Return a JPEG of the picture at `path`, its longer side at most `longest` pixels, with what reaches the line.

    `entry` is a picture's answer (core.delivery.predict.model.answering), `layers` are keys of LAYERS. Raises OSError
    when the picture is gone.
    """
    picture = open_reduced(path, longest)
    picture = _scaled(picture, longest)
    draw_on(picture, entry, confidence, layers)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=86)
    return buffer.getvalue()


def draw_on(picture: Image.Image, entry: Entry, confidence: float, layers: tuple[str, ...]) -> None:
    """Draw the objects of an answer that reach the line (0 to 1) on an RGB picture of any size, in place."""
    width, height = max(entry["width"], 1), max(entry["height"], 1)
    objects = sorted(counted(entry, confidence), key=lambda item: float(item["confidence"]))
    if "masks" in layers and "mask" in entry:
        with Image.open(io.BytesIO(base64.b64decode(entry["mask"]))) as mask:
            lay_mask(picture, np.asarray(mask))
    pen = ImageDraw.Draw(picture, "RGBA")
    scale = picture.width / width, picture.height / height
    for item in objects:
        if "masks" in layers and len(item.get("polygon") or ()) > 2:
            outline = [(x * scale[0], y * scale[1]) for x, y in item["polygon"]]
            pen.polygon(outline, fill=(*_rgb(class_colour(item["class_id"])), 96))
        if "points" in layers and len(item.get("keypoints") or ()) == 17:
            _draw_limbs(pen, item, scale, max(2, round(max(picture.size) / 300)))
    marks = [mark for item in objects for mark in _marks(item, width, height, layers)]
    draw_marks(picture, marks, letters=max(11, round(max(picture.size) / 46)))


def _marks(item: FoundObject, width: int, height: int, layers: tuple[str, ...]) -> list[Mark]:
    colour = class_colour(item["class_id"])
    left, top, right, bottom = item["box"]
    corners = item.get("corners") or [[left, top], [right, top], [right, bottom], [left, bottom]]
    box = tuple((x / width, y / height) for x, y in corners)
    label = f"{item['class']} {percent(item['confidence'])}" if "names" in layers else ""
    marks = []
    if "boxes" in layers:
        marks.append(Mark(box, (), colour, label, dashed=True))
        label = ""
    if "masks" in layers and len(item.get("polygon") or ()) > 2:
        outline = tuple((x / width, y / height) for x, y in item["polygon"])
        marks.append(Mark(outline, (), colour, label, dashed=True))
        label = ""
    if "points" in layers and item.get("keypoints"):
        points = tuple((x / width, y / height) for x, y, sure in _points(item) if sure)
        marks.append(Mark((), points, colour))
    if label:  # names without any outline: written where the box would be
        marks.append(Mark(((box[0]),), (), colour, label))
    return marks


def _points(item: FoundObject) -> list[tuple[float, float, bool]]:
    return [(point[0], point[1], len(point) < 3 or point[2] >= SURE_POINT) for point in item["keypoints"]]


def _draw_limbs(pen: ImageDraw.ImageDraw, item: FoundObject, scale: tuple[float, float], width: int) -> None:
    points = _points(item)
    for start, end in COCO_LIMBS:
        if points[start][2] and points[end][2]:
            line = [(points[index][0] * scale[0], points[index][1] * scale[1]) for index in (start, end)]
            pen.line(line, fill=(*_rgb(class_colour(item["class_id"])), 200), width=width)


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _scaled(picture: Image.Image, longest: int) -> Image.Image:
    picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    smallest = min(longest, SMALLEST)
    if max(picture.size) >= smallest:
        return picture
    factor = smallest / max(picture.size)
    size = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
    return picture.resize(size, Image.Resampling.NEAREST if factor > 6 else Image.Resampling.BICUBIC)
