"""What several readers share: settle boxes or outlines, masks to outlines, run lengths to masks, joining parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.data.findings.problems import Problems
from core.data.reading.json_labels import number
from core.data.reading.source_dataset import Points, SourceImage
from core.tasks import TASKS, Task
from core.words import thousands

MIN_REGION = 4
"""Regions of a mask under this many pixels are specks of dust or of interpolation."""
MOST_RUNS = 1_000_000
"""Runs of a mask's pixels along its rows; 250,000 take some seconds to outline."""
MOST_PARTS = 50_000
"""Regions and holes of one mask."""


def settle_task(images: list[SourceImage], task: Task | None, problems: Problems) -> Task:
    """Return segment when at least half of the objects have outlines, pose when keypoints, else detect.

    Objects labelled in the other way are noted as mixed-labels; the importer turns their box into an outline or
    their outline into a box. A wish (`task`) that the labels can't meet is not granted.
    """
    objects = [(image, item) for image in images for item in image.objects]
    outlines = sum(item.polygon is not None for _, item in objects)
    points = sum(item.keypoints is not None for _, item in objects)
    if task and TASKS[task].is_drawn_freely:
        chosen: Task = task
    elif outlines and all(item.rotated for _, item in objects if item.polygon is not None):
        chosen = "obb"
    elif points * 2 > len(objects):
        chosen = "pose"
    else:
        chosen = "segment" if objects and outlines * 2 >= len(objects) and outlines else "detect"
    if chosen == "obb":
        from core.data.reading.yolo_rows import minimum_rectangle

        for _, item in objects:
            if item.polygon is not None and len(item.polygon) != 4:
                item.polygon = minimum_rectangle(item.polygon)
    if chosen == "pose" and points != len(objects):
        for image in images:
            for item in image.objects:
                if item.keypoints is None:
                    problems.note("mixed-labels", f"{image.name}: {item.row}")
            image.objects = [item for item in image.objects if item.keypoints is not None]
    mixed = 0 < outlines < len(objects)
    if mixed and chosen in ("detect", "segment"):
        for image, item in objects:
            if (item.polygon is not None) != (chosen == "segment"):
                problems.note("mixed-labels", f"{image.name}: {item.row}")
    return chosen


def join_parts(parts: list[Points]) -> Points:
    """Join several outlines into one closed line by a bridge of no width between their nearest points."""
    joined = parts[0]
    for part in sorted(parts[1:], key=lambda item: float(np.abs(item.mean(axis=0) - parts[0].mean(axis=0)).sum())):
        distance = ((joined[:, None, :] - part[None, :, :]) ** 2).sum(axis=2)
        here, there = np.unravel_index(int(distance.argmin()), distance.shape)
        turned = np.roll(part, -int(there), axis=0)
        joined = np.vstack([joined[: here + 1], turned, turned[:1], joined[here:]])
    return joined


class TooManyParts(ValueError):
    """A mask falls into so many parts that it is noise or a photograph; to outline it would take minutes."""

    def __init__(self, parts: int) -> None:
        super().__init__(f"it falls into {thousands(parts)} parts: that is noise or a photograph, not a mask")


def mask_outlines(mask: NDArray[np.bool_], *, whole: bool = False) -> tuple[list[Points], int, int]:
    """Return the outlines of a mask's regions in pixel edges, the number of holes filled and of specks left out.

    With `whole` all regions are joined into one outline. Coordinates run along pixel edges: the outline of a region
    two pixels wide is two wide, so that its box is the mask's own. Raises TooManyParts.
    """
    import cv2

    padded = np.pad(mask.astype(np.uint8), 1)
    runs = int(np.count_nonzero(padded[:, 1:] > padded[:, :-1]))
    if runs > MOST_RUNS:
        raise TooManyParts(runs)
    contours, hierarchy = cv2.findContours(padded, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if len(contours) > MOST_PARTS:
        raise TooManyParts(len(contours))
    outlines: list[Points] = []
    holes = specks = 0
    for contour, links in zip(contours, hierarchy[0] if hierarchy is not None else [], strict=True):
        if links[3] >= 0:
            holes += 1
            continue
        points = contour.reshape(-1, 2).astype(float) - 1.0
        area = cv2.contourArea(contour) + len(contour) / 2 + 1
        if area < MIN_REGION:
            specks += 1
            continue
        outlines.append(_grow(points))
    if whole and len(outlines) > 1:
        outlines = [join_parts(outlines)]
    return outlines, holes, specks


def _grow(points: Points) -> Points:
    """Turn a line through border pixel centres into one along their outer edges, thinned to half a pixel."""
    import cv2

    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    grown = points + np.where(points > centre, 1.0, np.where(points < centre, 0.0, 0.5))
    thinned = cv2.approxPolyDP(grown.astype(np.float32).reshape(-1, 1, 2), 0.5, True).reshape(-1, 2).astype(float)
    if len(thinned) < 3:
        low, high = points.min(axis=0), points.max(axis=0) + 1
        return np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]])
    return thinned


def decode_runs(counts: list[int] | str | bytes, height: int, width: int) -> NDArray[np.bool_]:
    """Return the mask of a COCO run-length code, plain or compressed (pycocotools' maskApi). Raises ValueError."""
    if height <= 0 or width <= 0 or height * width > 200_000_000:
        raise ValueError("run-length code of an impossible size")
    if isinstance(counts, (str, bytes)):
        counts = _uncompress(counts.encode() if isinstance(counts, str) else counts)
    runs = np.array([int(value) for value in counts], dtype=np.int64)
    if (runs < 0).any() or int(runs.sum()) != height * width:
        raise ValueError("run-length code does not fill its picture")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(width, height).T


def _uncompress(data: bytes) -> list[int]:
    runs: list[int] = []
    position = 0
    while position < len(data):
        value = shift = 0
        more = True
        while more:
            if position >= len(data) or shift > 60:
                raise ValueError("run-length code ends in the middle")
            byte = data[position] - 48
            value |= (byte & 0x1F) << shift
            more = bool(byte & 0x20)
            position += 1
            shift += 5
            if not more and byte & 0x10:
                value |= -1 << shift
        if len(runs) > 2:
            value += runs[-2]
        runs.append(value)
    return runs


def points_of(value: object) -> np.ndarray | None:
    """Return a list of [x, y] as (n, 2) finite numbers, else None."""
    if not isinstance(value, list) or not value:
        return None
    rows = [[number(part) for part in row] for row in value if isinstance(row, list) and len(row) >= 2]
    if len(rows) != len(value):
        return None
    points = np.array([row[:2] for row in rows])
    return points if np.isfinite(points).all() else None


def circle(x: float, y: float, across: float, down: float, turned: float = 0.0) -> np.ndarray:
    """Return an ellipse as 36 points; `turned` clockwise, in degrees."""
    turn = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    around = np.stack([across * np.cos(turn), down * np.sin(turn)], axis=1)
    outline: np.ndarray = turn_by(around, turned) + np.array([x, y])
    return outline


def turn_by(points: np.ndarray, degrees: float) -> np.ndarray:
    """Return (n, 2) points turned clockwise about the origin, as seen with y pointing down."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turned: np.ndarray = points @ np.array([[cosine, sine], [-sine, cosine]])
    return turned


def xy_points(value: object) -> np.ndarray | None:
    """Return a list of {"x": .., "y": ..} as (n, 2) finite numbers, else None."""
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        return None
    return points_of([[item.get("x"), item.get("y")] for item in value])


def flat_points(value: object) -> np.ndarray | None:
    """Return a list x, y, x, y ... as (n, 2) finite numbers, else None."""
    if not isinstance(value, list) or len(value) % 2:
        return None
    return points_of([value[place : place + 2] for place in range(0, len(value), 2)])
