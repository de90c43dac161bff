"""A labelled object, and how labels are written beside a picture: rows of a YOLO text, or a mask.

Nothing here knows of datasets; `core.data.dataset` says where the files lie.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.tasks import TASKS, Task


@dataclass(slots=True)
class LabelledObject:
    """One labelled object; coordinates are fractions (0 to 1) of the picture's width and height."""

    class_id: int
    box: tuple[float, float, float, float] | None = None
    """centre x, centre y, width, height; for polygons, corners and keypoints their enclosing box"""
    polygon: NDArray[np.float64] | None = None
    """(n, 2) outline: the mask of segment, the four corners of obb"""
    keypoints: NDArray[np.float64] | None = None
    """(k, 3) x, y, visibility (0 unlabelled, 1 hidden, 2 visible)"""


@dataclass
class LabelledImage:
    """A picture of a dataset with its labels."""

    file: str
    width: int
    height: int
    objects: list[LabelledObject] = field(default_factory=list)
    """of a mask: one for each class in it"""
    mask: Path | None = None
    """the PNG with a class id per pixel, for semantic"""


NOT_JUDGED = 255
"""The value of a mask's pixels that belong to no class: they are neither learned from nor judged."""


def read_mask(path: Path) -> NDArray[np.uint8]:
    """Return a mask of our own writing as (height, width) class ids. Raises FileNotFoundError when there is none."""
    with Image.open(path) as image:
        return np.asarray(image.convert("L"))


def write_mask(path: Path, mask: NDArray[np.uint8]) -> None:
    """Write (height, width) class ids as a PNG, anew: a hard link to an earlier one keeps what it was."""
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path, "PNG")


def objects_in_mask(mask: NDArray[np.uint8]) -> list[LabelledObject]:
    """Return an object with the enclosing box for each class in a mask, by class id."""
    height, width = mask.shape
    found = []
    for class_id in np.flatnonzero(np.bincount(mask.ravel(), minlength=256)):
        if class_id == NOT_JUDGED:
            continue
        here = mask == class_id
        rows, columns = np.flatnonzero(here.any(axis=1)), np.flatnonzero(here.any(axis=0))
        corners = np.array([[columns[0], rows[0]], [columns[-1] + 1, rows[-1] + 1]]) / (width, height)
        found.append(LabelledObject(int(class_id), enclosing_box(corners)))
    return found


def enclosing_box(points: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Return centre x, centre y, width, height of the box around (n, 2) points."""
    low, high = points.min(axis=0), points.max(axis=0)
    centre, size = (low + high) / 2, high - low
    return float(centre[0]), float(centre[1]), float(size[0]), float(size[1])


def parse_labels(text: str, task: Task, keypoint_shape: tuple[int, int] | None = None) -> list[LabelledObject]:
    """Read a YOLO label text of our own writing (already checked at import).

    Rows are `class cx cy w h` (detect), `class x1 y1 x2 y2 ...` (segment, obb) or
    `class cx cy w h x y [v] ...` (pose), see docs.ultralytics.com/datasets. Raises ValueError on a bad row.
    """
    objects = []
    for line in text.splitlines():
        if not line.strip():
            continue
        class_id, *values = line.split()
        numbers = np.array(values, dtype=float)
        if TASKS[task].has_polygons:
            polygon = numbers.reshape(-1, 2)
            objects.append(LabelledObject(int(class_id), enclosing_box(polygon), polygon=polygon))
            continue
        box = (float(numbers[0]), float(numbers[1]), float(numbers[2]), float(numbers[3]))
        keypoints = None
        if TASKS[task].has_keypoints:
            count, dimensions = keypoint_shape or (0, 3)
            keypoints = numbers[4:].reshape(count, dimensions)
            if dimensions == 2:
                keypoints = np.hstack([keypoints, np.full((count, 1), 2.0)])
        objects.append(LabelledObject(int(class_id), box, keypoints=keypoints))
    return objects


def format_labels(objects: list[LabelledObject], task: Task, keypoint_shape: tuple[int, int] | None = None) -> str:
    """Write objects as a YOLO label text for `task`, six decimals; the counterpart of `parse_labels`."""
    lines = []
    known = TASKS[task]
    for item in objects:
        if known.has_polygons:
            assert item.polygon is not None
            numbers = item.polygon.ravel().tolist()
        else:
            assert item.box is not None
            numbers = list(item.box)
            if known.has_keypoints:
                assert item.keypoints is not None
                assert keypoint_shape is not None
                numbers += item.keypoints[:, : keypoint_shape[1]].ravel().tolist()
        texts = [f"{number:.6f}" for number in numbers]
        texts = [text.rstrip("0").rstrip(".") if text[-1] == "0" else text for text in texts]
        lines.append(f"{item.class_id} {' '.join(texts)}\n")
    return "".join(lines)


def outline_area(points: NDArray[np.float64]) -> float:
    """Return the area of a polygon by the shoelace formula."""
    (x, y), (u, v) = points.T, np.roll(points, -1, axis=0).T
    return abs(float((x * v - u * y).sum())) / 2


def turned_box(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the four corners of the smallest turned box around points."""
    import cv2

    return np.asarray(cv2.boxPoints(cv2.minAreaRect(points.astype(np.float32))), dtype=np.float64)
