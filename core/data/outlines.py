"""Sizes and boxes of outlines: polygons as (n, 2) points in any unit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def outline_area(points: NDArray[np.float64]) -> float:
    """Return the area of a polygon by the shoelace formula."""
    (x, y), (u, v) = points.T, np.roll(points, -1, axis=0).T
    return abs(float((x * v - u * y).sum())) / 2


def turned_box(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the four corners of the smallest turned box around points."""
    import cv2

    return np.asarray(cv2.boxPoints(cv2.minAreaRect(points.astype(np.float32))), dtype=np.float64)
