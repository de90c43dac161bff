"""Rows of YOLO label texts: read them whatever is in them, and tell boxes, outlines, corners and keypoints apart."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.data.findings.problems import Problems
from core.data.reading.source_dataset import SourceObject
from core.tasks import TASKS, Task

DECIMAL_COMMA = re.compile(r"-?[01]?,\d+(?:[eE][-+]?\d+)?")
ALL_COMMAS = re.compile(r"\s*\d+(?:,[01],\d+){4,}\s*")
"""Five numbers or more with decimal commas that commas part as well: 0,0,5,0,5,0,2,0,25."""


@dataclass
class Rows:
    """The rows of one label text: class id and numbers; rows that are none are in `bad`."""

    rows: list[tuple[int, list[float]]] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    decimal_comma: bool = False


def read_rows(text: str) -> Rows:
    """Split a label text into rows of finite numbers, parted by spaces, commas or semicolons."""
    result = Rows()
    for line in text.splitlines():
        parts, decimal_comma = _parts(line)
        if not parts:
            continue
        try:
            numbers = [float(part) for part in parts]
            class_id = int(numbers[0])
        except (ValueError, OverflowError):
            result.bad.append(line.strip()[:80])
            continue
        if class_id != numbers[0] or len(parts) < 5 or not all(map(math.isfinite, numbers)):
            result.bad.append(line.strip()[:80])
            continue
        result.decimal_comma |= decimal_comma
        result.rows.append((class_id, numbers[1:]))
    return result


def _parts(line: str) -> tuple[list[str], bool]:
    """Return the numbers of a row as text, and whether it writes them with a decimal comma."""
    if "," not in line:
        return line.replace(";", " ").split(), False
    words = line.replace(";", " ").split()
    commas = [word for word in words if "," in word]
    if len(words) >= 5 and all(DECIMAL_COMMA.fullmatch(word) for word in commas):
        return [word.replace(",", ".") for word in words], True
    if "." not in line and ALL_COMMAS.fullmatch(line):
        class_id, *halves = line.strip().split(",")
        pairs = zip(halves[::2], halves[1::2], strict=True)
        return [class_id, *(f"{whole}.{rest}" for whole, rest in pairs)], True
    return line.replace(",", " ").replace(";", " ").split(), False


def strip_predictions(texts: list[tuple[str, Rows]], shape: tuple[int, int] | None, problems: Problems) -> None:
    """Take the confidence, and the number of a track, off the end of outlines, corners and keypoints.

    A model that writes its answers puts them there (Ultralytics' save_conf). One number too many in a few rows is a
    damaged row; in four of five it is a confidence. A box with one number more is dealt with where rows are read.
    """
    rows = [numbers for _, item in texts for _, numbers in item.rows if len(numbers) not in (4, 5)]
    total = sum(len(item.rows) for _, item in texts)
    if not rows or len(rows) * 2 < total:
        return
    extra, width = _extra_columns(rows, shape)
    if not extra:
        return
    for name, item in texts:
        for place, (class_id, numbers) in enumerate(item.rows):
            if len(numbers) > 5 and (len(numbers) == width if width else _ends_in(numbers, extra)):
                problems.note("extra-columns", f"{name}: {class_id} ... " + " ".join(f"{n:g}" for n in numbers[-3:]))
                item.rows[place] = (class_id, numbers[:-extra])


def _extra_columns(rows: list[list[float]], shape: tuple[int, int] | None) -> tuple[int, int]:
    """Return how many numbers too many (nearly) all rows end with, and the one width such rows have (0: any)."""
    width, alike = Counter(map(len, rows)).most_common(1)[0]
    same = [numbers for numbers in rows if len(numbers) == width]
    most = 0.8 * len(rows)
    for extra in (1, 2):
        if sum(_ends_in(numbers, extra, any_parity=True) for numbers in rows) < most:
            continue
        if shape:
            if alike >= most and width == 4 + shape[0] * shape[1] + extra:
                return extra, width
            continue
        shorter = [numbers[:-extra] for numbers in same] if width > 7 + extra else []
        if alike >= most and (width - 4 - extra) % 3 == 0 and _are_keypoints(shorter, 3):
            return extra, width
        if alike >= most and (width - 4) % 3 == 0 and _are_keypoints(same, 3):
            return 0, 0
        tracks = extra == 1 or len(rows) > 2 or any(numbers[-1] > 1 for numbers in rows)
        if tracks and sum(_ends_in(numbers, extra) for numbers in rows) >= most:
            return extra, 0
    return 0, 0


def _ends_in(numbers: list[float], extra: int, *, any_parity: bool = False) -> bool:
    """Return whether a row may end in a confidence (1) or in a confidence and the number of a track (2)."""
    if extra == 1:
        return 0.0 <= numbers[-1] <= 1.0 and len(numbers) > 6 and (any_parity or len(numbers) % 2 == 1)
    is_track = numbers[-1] >= 1.0 and numbers[-1] == int(numbers[-1])
    return is_track and 0.0 <= numbers[-2] <= 1.0 and (any_parity or len(numbers) % 2 == 0)


def looks_like_rows(text: str) -> bool:
    """Return whether a text reads as YOLO rows: at least half of its lines do, with numbers near 0 to 1."""
    sample = read_rows(text[:20_000])
    good = sum(1 for _, numbers in sample.rows if sum(-0.5 <= number <= 2.0 for number in numbers) * 2 > len(numbers))
    return good > 0 and good >= len(sample.bad)


def guess_task(
    rows: list[Rows], keypoint_shape: tuple[int, int] | None, hint: str = ""
) -> tuple[Task, tuple[int, int] | None, str]:
    """Return task, keypoint shape and a sentence on what was assumed ('' when nothing was).

    `hint` is the task data.yaml states, if any. Nine columns are either four corners (obb) or a four-point outline
    (segment): rows that are (nearly) parallelograms, as rotated rectangles are, mean obb.
    """
    widths = Counter(len(numbers) for item in rows for _, numbers in item.rows)
    if hint in TASKS and TASKS[hint].is_drawn_freely:
        return TASKS[hint].name, None, ""
    if keypoint_shape:
        return "pose", keypoint_shape, ""
    total = sum(widths.values())
    boxes = widths[4] + widths[5]
    if boxes * 2 >= total:
        return "detect", None, ""
    width, alike = widths.most_common(1)[0]
    if alike >= 0.8 * total:  # a few broken rows must not turn a set of rotated boxes into outlines
        all_rows = [numbers for item in rows for _, numbers in item.rows if len(numbers) == width]
        if width == 8:
            share = sum(map(_is_parallelogram, all_rows)) / alike
            if share >= 0.7:
                return (
                    "obb",
                    None,
                    "The objects have four corners that form a rotated rectangle, so rotated boxes (obb) were assumed.",
                )
            return "segment", None, "The objects have four corners of free form, so outlines (segment) were assumed."
        for dimensions in (3, 2):
            count = (width - 4) // dimensions
            if width > 6 and (width - 4) % dimensions == 0 and _are_keypoints(all_rows, dimensions):
                return (
                    "pose",
                    (count, dimensions),
                    f"The objects have a box and {count} points, so keypoints (pose) were assumed.",
                )
    return "segment", None, ""


def _is_parallelogram(numbers: list[float]) -> bool:
    corners = np.array(numbers).reshape(4, 2)
    size = float(np.ptp(corners, axis=0).max())
    return size > 0 and float(np.abs(corners[0] + corners[2] - corners[1] - corners[3]).max()) < 0.08 * size


def _are_keypoints(rows: list[list[float]], dimensions: int) -> bool:
    """Return whether the numbers after the first four are points within their box, the third 0, 1 or 2."""
    inside = points = 0
    for numbers in rows:
        values = np.array(numbers[4:]).reshape(-1, dimensions)
        if dimensions == 3 and not np.isin(values[:, 2], (0, 1, 2)).all():
            return False
        seen = values[values[:, :2].any(axis=1)]
        centre, half = np.array(numbers[:2]), np.array(numbers[2:4]) / 2 + 0.05
        if (half < 0.05).any():
            return False
        inside += int((np.abs(seen[:, :2] - centre) <= half).all(axis=1).sum())
        points += len(seen)
    return points > 0 and inside >= 0.9 * points


def objects_of(
    item: Rows, task: Task, shape: tuple[int, int] | None, name: str, problems: Problems
) -> list[SourceObject]:
    """Turn rows into objects of `task`; what does not fit is noted in `problems`."""
    for line in item.bad:
        problems.note("bad-row", f"{name}: {line}")
    if item.decimal_comma:
        problems.note("decimal-comma", name)
    found = []
    for class_id, numbers in item.rows:
        row = f"{class_id} " + " ".join(f"{number:g}" for number in numbers[:8])
        made = _one(class_id, numbers, task, shape, f"{name}: {row}", problems)
        if made is not None:
            made.row = row
            found.append(made)
    return found


def _one(
    class_id: int, numbers: list[float], task: Task, shape: tuple[int, int] | None, where: str, problems: Problems
) -> SourceObject | None:
    if TASKS[task].has_keypoints:
        assert shape is not None
        count, dimensions = shape
        if len(numbers) != 4 + count * dimensions:
            problems.note("bad-row", where)
            return None
        points = np.array(numbers[4:]).reshape(count, dimensions)
        if dimensions == 2:
            points = np.hstack([points, np.where(points.any(axis=1, keepdims=True), 2.0, 0.0)])
        elif not np.isin(points[:, 2], (0, 1, 2)).all():
            problems.note("keypoint-confidence", where)
            points[:, 2] = np.where(points[:, 2] >= 0.5, 2.0, 0.0)
        return SourceObject(class_id, _corners(numbers), keypoints=points)
    if len(numbers) in (4, 5):
        if len(numbers) == 5:
            problems.note("extra-columns", where)
        box = _corners(numbers)
        if TASKS[task].has_polygons:
            problems.note("mixed-labels", where)
            left, top, right, bottom = box
            outline = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
            return SourceObject(class_id, box, polygon=outline)
        return SourceObject(class_id, box)
    if len(numbers) % 2 or len(numbers) < 6:
        problems.note("bad-row", where)
        return None
    outline = np.array(numbers).reshape(-1, 2)
    if TASKS[task].is_rotated and len(outline) != 4:
        problems.note("mixed-labels", where)
        outline = minimum_rectangle(outline)
    elif not TASKS[task].has_polygons:
        problems.note("mixed-labels", where)
    low, high = outline.min(axis=0), outline.max(axis=0)
    return SourceObject(class_id, (float(low[0]), float(low[1]), float(high[0]), float(high[1])), polygon=outline)


def minimum_rectangle(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the four corners of the smallest rotated rectangle around (n, 2) points (edge of the hull lies on it)."""
    edges = np.diff(np.vstack([points, points[:1]]), axis=0)
    angles = np.unique(np.arctan2(edges[:, 1], edges[:, 0]) % (np.pi / 2))
    best = None
    for angle in angles[:360]:
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        turned = points @ turn
        low, high = turned.min(axis=0), turned.max(axis=0)
        area = float(np.prod(high - low))
        if best is None or area < best[0]:
            square = np.array([low, [high[0], low[1]], high, [low[0], high[1]]])
            best = (area, square @ turn.T)
    assert best is not None
    corners: NDArray[np.float64] = best[1]
    return corners


def _corners(numbers: list[float]) -> tuple[float, float, float, float]:
    x, y, width, height = numbers[:4]
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2
