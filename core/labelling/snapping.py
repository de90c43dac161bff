"""From a box drawn around a thing to its outline, by GrabCut (Rother, Kolmogorov and Blake 2004), without weights.

It parts what is in the box from what is around it by colour, so it works where the two differ: cells, parts on a belt,
not a crack in a surface of its own colour.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.objects import turned_box

Box = tuple[float, float, float, float]
"""Left, top, width, height in pixels."""
MARGIN = 0.35
"""How much of its surroundings is looked at, as a share of the box's sides."""
LONGEST = 320
"""Pixels of the longer side at which it is worked out; a larger piece is made smaller."""
ROUNDS = 5
LEAST, MOST = 0.04, 0.98
"""Share of the box that must come out as the thing, between which it counts as found."""


def outline_in(image: NDArray[np.uint8], box: Box) -> NDArray[np.float64] | None:
    """Return the outline (n, 2) in pixels of the thing that a box is drawn around, None where none stands out.

    `image` is RGB, (h, w, 3). The outline lies within the box, give or take a pixel.
    """
    import cv2

    height, width = image.shape[:2]
    left, top, wide, high = box
    if min(wide, high) < 6:
        return None
    x1, y1 = max(0, int(left - MARGIN * wide)), max(0, int(top - MARGIN * high))
    x2, y2 = min(width, int(np.ceil(left + wide * (1 + MARGIN)))), min(height, int(np.ceil(top + high * (1 + MARGIN))))
    piece: Any = image[y1:y2, x1:x2]
    scale = min(1.0, LONGEST / max(piece.shape[:2]))
    if scale < 1:
        size = max(1, round(piece.shape[1] * scale)), max(1, round(piece.shape[0] * scale))
        piece = cv2.resize(piece, size, interpolation=cv2.INTER_AREA)
    inside = (
        max(1, round((left - x1) * scale)),
        max(1, round((top - y1) * scale)),
        min(round(wide * scale), piece.shape[1] - 2),
        min(round(high * scale), piece.shape[0] - 2),
    )
    if min(inside[2:]) < 3:
        return None
    mask: Any = np.zeros(piece.shape[:2], np.uint8)
    models = np.zeros((1, 65), np.float64), np.zeros((1, 65), np.float64)
    cv2.setRNGSeed(0)
    bgr = np.ascontiguousarray(piece[:, :, ::-1])
    cv2.grabCut(bgr, mask, inside, *models, ROUNDS, cv2.GC_INIT_WITH_RECT)
    thing: Any = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    thing = cv2.morphologyEx(thing, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    contours, _ = cv2.findContours(thing, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    contour = max(contours, key=cv2.contourArea)
    share = cv2.contourArea(contour) / (inside[2] * inside[3])
    if not LEAST <= share <= MOST:
        return None
    points = cv2.approxPolyDP(contour, 0.8, True).reshape(-1, 2)
    if len(points) < 3:
        return None
    outline: NDArray[np.float64] = (points + 0.5) / scale + (x1, y1)
    return outline


def snapped(image: NDArray[np.uint8], box: Box, shape: str) -> dict[str, Any] | None:
    """Return the thing in a box as a label of a task: `box` for its `shape` box, else `points`; None if none is found.

    `shape` is box, outline or corners, as in `core.tasks.TaskRecord.shape`.
    """
    points = outline_in(image, box)
    if points is None:
        return None
    if shape == "outline":
        return {"points": np.round(points, 2).tolist()}
    if shape == "corners":
        return {"points": np.round(turned_box(points), 2).tolist()}
    low, high = points.min(axis=0) - 0.5, points.max(axis=0) + 0.5
    return {"box": np.round([*low, *(high - low)], 2).tolist()}
