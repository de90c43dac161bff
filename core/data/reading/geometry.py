"""Bring labelled objects into fractions of the picture: scaled, cut at its edges, empty ones left out, all noted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.data.findings.problems import Problems
from core.data.objects import LabelledObject, enclosing_box
from core.data.reading.source_dataset import SourceImage, SourceObject
from core.tasks import TASKS, Task

SMALLEST = 1.5e-6
"""Share of a side that six decimals can hold."""
NOWHERE = (np.nan,) * 4
SLACK = 0.003
"""An object may reach this fraction past the edge (two pixels of 640) and is cut there without a finding."""


def to_fractions(
    image: SourceImage, size: tuple[int, int], task: Task, classes: list[str], problems: Problems
) -> list[LabelledObject]:
    """Return the objects of a picture of `size` (width, height) as fractions; what was dropped or cut is noted."""
    if TASKS[task].names_pictures:
        return [LabelledObject(item.class_id) for item in image.objects[:1]]
    scale = np.array([1.0, 1.0])
    if image.unit == "pixel":
        stated = image.declared
        if stated and min(stated) > 0 and stated != size:
            if image.objects:
                problems.note("size-mismatch", f"{image.name}: {stated[0]} x {stated[1]}, is {size[0]} x {size[1]}")
            scale = 1.0 / np.array(stated, dtype=float)
        else:
            scale = 1.0 / np.array(size, dtype=float)
    found = []
    for item, whole in zip(image.objects, _whole_boxes(image.objects, scale, task), strict=True):
        if whole is not None:
            found.append(LabelledObject(item.class_id, whole))
            continue
        where = f"{image.name}: {classes[item.class_id]} {item.row}".strip()
        made = _object(item, scale, task, where, problems)
        if made is not None:
            found.append(made)
    return found


def _whole_boxes(
    objects: list[SourceObject], scale: NDArray[np.float64], task: Task
) -> list[tuple[float, float, float, float] | None]:
    """Return centre and size, as fractions, of the boxes that lie wholly inside; None for all other objects.

    Nearly every box of a large sheet does, and all at once they take a twentieth of the time of one by one.
    """
    if TASKS[task].has_polygons or TASKS[task].has_keypoints:
        return [None] * len(objects)
    corners = np.array([item.box or NOWHERE for item in objects], dtype=float).reshape(-1, 2, 2) * scale
    low, high = corners[:, 0], corners[:, 1]
    whole = (low >= 0).all(axis=1) & (high <= 1).all(axis=1) & ((high - low).min(axis=1) >= SMALLEST)
    boxes = np.concatenate([(low + high) / 2, high - low], axis=1).tolist()
    return [
        (x, y, width, height) if is_whole else None
        for (x, y, width, height), is_whole in zip(boxes, whole.tolist(), strict=True)
    ]


def _object(
    item: SourceObject, scale: NDArray[np.float64], task: Task, where: str, problems: Problems
) -> LabelledObject | None:
    known = TASKS[task]
    keypoints = None
    if known.has_polygons:
        points = item.polygon if item.polygon is not None else _rectangle(item)
    elif item.box is not None:
        points = np.array(item.box, dtype=float).reshape(2, 2)
        if (points[0] > points[1]).any():
            if (points[0] != points[1]).all():
                problems.note("corners-swapped", where)
            points = np.sort(points, axis=0)
    elif item.polygon is not None:
        points = np.array([item.polygon.min(axis=0), item.polygon.max(axis=0)])
    else:
        points = np.zeros((2, 2))
    points = points.astype(float) * scale
    if not np.isfinite(points).all():
        problems.note("bad-row", where)
        return None
    low, high = points.min(axis=0), points.max(axis=0)
    if _is_empty(points, high - low, task):
        problems.note("zero-size-box", where)
        return None
    if (high <= 0).any() or (low >= 1).any():
        problems.note("box-outside", where)
        return None
    if (low < -SLACK).any() or (high > 1 + SLACK).any():
        problems.note("box-out-of-range", where)
    points = np.clip(points, 0.0, 1.0)
    cut = bool((low < 0).any() or (high > 1).any())
    if cut and _is_empty(points, np.ptp(points, axis=0), task):
        problems.note("box-outside", where)
        return None
    if TASKS[task].has_keypoints:
        keypoints = np.zeros((0, 3)) if item.keypoints is None else item.keypoints.astype(float).copy()
        keypoints[:, :2] = np.clip(np.nan_to_num(keypoints[:, :2] * scale), 0.0, 1.0)
        keypoints[keypoints[:, 2] == 0, :2] = 0.0
    polygon = points if TASKS[task].has_polygons else None
    return LabelledObject(item.class_id, enclosing_box(points), polygon=polygon, keypoints=keypoints)


def _rectangle(item: SourceObject) -> NDArray[np.float64]:
    left, top, right, bottom = item.box or (0.0, 0.0, 0.0, 0.0)
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], dtype=float)


def _is_empty(points: NDArray[np.float64], size: NDArray[np.float64], task: Task) -> bool:
    """Return whether nothing of the object is left: no width or height that six decimals can hold, or no area."""
    if float(size.min()) < SMALLEST:
        return True
    if not TASKS[task].has_polygons:
        return False
    if len(points) < 3:
        return True
    x, y = points[:, 0], points[:, 1]
    twice = np.dot(x[:-1], y[1:]) - np.dot(y[:-1], x[1:]) + x[-1] * y[0] - y[-1] * x[0]
    return abs(float(twice)) < 1e-11
