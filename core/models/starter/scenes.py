"""Draw a scene: a ground of some material, clutter, and things of thirty-one kinds with their boxes.

Every scene has a character of its own: few large things or many small ones, a palette, a light, a camera. What is to be
learned is what edges, textures, outlines and densities look like and how tightly a box fits, not the kinds' names.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from core.models.starter import grounds
from core.models.starter.kinds import KINDS, NAMES, Array, Random, Thing

__all__ = ["NAMES", "SIZE", "draw_scene"]

SIZE = 256
"""Side of a scene, in pixels."""
BINARY_SHARE = 0.08
"""Share of the scenes that are black and white drawings, as masks of circuit boards are."""
LEAST_CONTRAST = 12
"""Grey levels by which a thing must change its ground on average, or it is left out."""
LEAST_VISIBLE = 0.4
"""Share of a thing that must be in the picture and uncovered for its box to count."""


def draw_scene(rng: Random) -> tuple[npt.NDArray[np.uint8], Array]:
    """Draw one scene; return the picture (SIZE, SIZE, 3) BGR and rows of class, x1, y1, x2, y2 in pixels."""
    drawing = rng.random() < BINARY_SHARE  # a drawing: black and white only
    picture = grounds.ground(rng, SIZE)
    if drawing:
        picture[:] = np.where(picture.mean(2, keepdims=True) > picture.mean(), 255, 0)
    crowd = rng.random()
    kinds = rng.choice(len(KINDS), int(rng.integers(1, 4)) if crowd < 0.5 else int(rng.integers(2, 9)), replace=False)
    count = int(rng.integers(1, 9)) if crowd < 0.45 else int(rng.integers(5, 31))
    largest = 150 if count < 9 else 60
    scale = math.exp(rng.uniform(math.log(14), math.log(largest)))
    looks = {int(kind): _sample_style(rng, picture, drawing) for kind in kinds}
    layer = np.zeros((SIZE, SIZE), np.int32)
    full: list[tuple[int, int, int]] = []  # class, pixels it has, box
    boxes: list[tuple[int, int, int, int]] = []
    for _ in range(count):
        kind = int(rng.choice(kinds))
        side = int(np.clip(scale * math.exp(rng.normal(0, 0.28)), 10, 190))
        x, y = (int(value) for value in rng.integers(-side // 4, SIZE - side * 3 // 4, 2))
        window = (slice(max(0, y), min(SIZE, y + side)), slice(max(0, x), min(SIZE, x + side)))
        taken = layer[window] > 0
        if taken.mean() > 0.25 and rng.random() < 0.8:
            continue
        thing = KINDS[kind](rng, side)
        part = (slice(window[0].start - y, window[0].stop - y), slice(window[1].start - x, window[1].stop - x))
        seen = thing.alpha > (0.15 if thing.soft else 0.35)
        if not seen[part].any():
            continue
        if not _paint(rng, picture, window, thing, part, looks[kind], seen[part]):
            continue
        full.append((kind, int(seen.sum()), len(full)))
        columns, rows = np.flatnonzero(seen[part].any(0)), np.flatnonzero(seen[part].any(1))
        left, top = window[1].start, window[0].start
        boxes.append((left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1))
        layer[window][seen[part]] = len(full)
    left_over = np.bincount(layer.ravel(), minlength=len(full) + 1)[1:]
    rows_out = [
        (kind, *boxes[number])
        for kind, pixels, number in full
        if left_over[number] >= LEAST_VISIBLE * pixels
        and min(boxes[number][2] - boxes[number][0], boxes[number][3] - boxes[number][1]) >= 3
    ]
    return grounds.camera(rng, picture), np.array(rows_out, np.float32).reshape(-1, 5)


@cache
def _directions() -> Array:
    return np.array([[1, 1, 1], [1, 1, 1], [1, 0.4, 0.2], [0.2, 0.5, 1], [0.3, 1, 0.4], [1, 0.2, 0.9]], np.float32)


def _sample_style(rng: Random, picture: Array, drawing: bool) -> dict[str, Any]:
    """Sample how the things of one kind look in one scene: how they stand out, in which colour, how rough."""
    if drawing:
        ink = np.full(3, 255 if picture.mean() < 127 else 0, np.float32)
        return {"shift": ink * 2 - 255, "own": ink, "rough": 0, "blur": 0, "opacity": 1, "jitter": 0, "shadow": False}
    room = picture.mean() > rng.uniform(60, 195)  # on a bright ground things are rather dark
    direction = _directions()[int(rng.integers(6))] * (-1 if room else 1)
    return {
        "shift": direction * math.exp(rng.uniform(math.log(22), math.log(170))),
        "own": rng.uniform(0, 255, 3).astype(np.float32) if rng.random() < 0.4 else None,
        "rough": float(rng.choice([0, 0, 12, 30])),
        "blur": float(rng.choice([0, 0, 0.7, 1.3])),
        "opacity": float(rng.uniform(0.65, 1)),
        "jitter": float(rng.uniform(0, 14)),
        "shadow": rng.random() < 0.15,
    }


def _paint(
    rng: Random,
    picture: Array,
    window: tuple[slice, slice],
    thing: Thing,
    part: tuple[slice, slice],
    style: dict[str, Any],
    seen: npt.NDArray[np.bool_],
) -> bool:
    """Lay one thing over the picture, in place, unless nobody could see it there; say whether it was laid."""
    alpha = thing.alpha
    if style["blur"] and not thing.soft:
        alpha = cv2.GaussianBlur(alpha, (0, 0), style["blur"])
    alpha, tone = alpha[part][..., None] * style["opacity"], thing.tone[part][..., None]
    under = picture[window]
    shift = style["shift"] + rng.normal(0, style["jitter"], 3)
    base = style["own"] if style["own"] is not None and not thing.soft else under.mean((0, 1)) + shift
    colour = base + (tone - 1) * 0.5 * np.abs(shift) * (1 if base.mean() > 90 else -1)
    if thing.soft:
        colour = under + shift * tone
    if style["rough"]:
        colour = colour + style["rough"] * grounds.crop(rng, alpha.shape[:2], 1.0)[..., None]
    laid = under + (np.clip(colour, 0, 255) - under) * alpha
    change = np.abs((laid - under).mean(2)[seen]).mean()
    if change < max(LEAST_CONTRAST, 0.7 * float(under.mean(2).std())):
        return False
    if style["shadow"] and not thing.soft:
        laid *= 1 - 0.4 * np.roll(alpha, (2, 2), (0, 1)) * (1 - alpha)
    picture[window] = laid
    return True
