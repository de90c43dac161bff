"""A box becomes the outline of the thing in it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from core.labelling.snapping import outline_in, snapped


def scene(angle: float = 30, scale: int = 1) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a picture of a dark ellipse on a light ground of noise, and its mask."""
    random = np.random.default_rng(1)
    image = np.clip(random.normal(200, 8, (120 * scale, 160 * scale, 3)), 0, 255).astype(np.uint8)
    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.ellipse(mask, (80 * scale, 60 * scale), (40 * scale, 20 * scale), angle, 0, 360, 1, -1)
    image[mask > 0] = np.clip(random.normal(90, 8, (int(mask.sum()), 3)), 0, 255).astype(np.uint8)
    return image, mask


def overlap(points: NDArray[np.float64], mask: NDArray[np.uint8]) -> float:
    drawn = np.zeros_like(mask)
    cv2.fillPoly(drawn, [np.round(points - 0.5).astype(np.int32)], 1)
    return float((drawn & mask).sum() / (drawn | mask).sum())


@pytest.mark.parametrize("scale", [1, 8])
def test_the_outline_is_that_of_the_thing(scale: int) -> None:
    image, mask = scene(scale=scale)
    box = (35.0 * scale, 25.0 * scale, 90.0 * scale, 70.0 * scale)
    points = outline_in(image, box)
    assert points is not None
    assert overlap(points, mask) > 0.95
    assert len(points) < 120


def test_a_box_gets_tight_and_a_turned_one_turns() -> None:
    image, _ = scene(angle=0)
    tight = snapped(image, (30, 30, 100, 60), "box")
    assert tight is not None
    assert tight["box"] == pytest.approx([40, 40, 81, 41], abs=2)
    image, _ = scene(angle=30)
    turned = snapped(image, (35, 25, 90, 70), "corners")
    assert turned is not None
    corners = np.array(turned["points"])
    sides = sorted([np.hypot(*(corners[1] - corners[0])), np.hypot(*(corners[2] - corners[1]))])
    assert sides == pytest.approx([41, 81], abs=3)


@pytest.mark.parametrize("box", [(10, 10, 4, 4), (2, 2, 156, 116)])
def test_where_nothing_stands_out_nothing_is_made_up(box: tuple[float, float, float, float]) -> None:
    flat = np.full((120, 160, 3), 128, np.uint8)
    assert outline_in(flat, box) is None
