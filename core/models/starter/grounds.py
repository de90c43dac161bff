"""What scenes are drawn on and seen through: materials, clutter, light, and the camera's faults."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Random = np.random.Generator

FIELD = 512
"""Side of the noise fields that materials are cut from, in pixels."""


@cache
def _fields() -> tuple[Array, ...]:
    """Draw a fixed stock of noise fields (FIELD, FIELD), mean 0, deviation 1: clouds, grain, fibres, cells, weaves."""
    rng = np.random.default_rng(20)
    fields = []
    fy, fx = np.meshgrid(np.fft.fftfreq(FIELD), np.fft.rfftfreq(FIELD), indexing="ij")
    for number in range(36):
        spectrum = np.fft.rfft2(rng.normal(size=(FIELD, FIELD)))
        stretch = 1.0 if number % 2 else float(rng.uniform(3, 40))  # half of them have a grain
        turn = rng.uniform(0, math.pi)
        along, across = fx * math.cos(turn) + fy * math.sin(turn), fy * math.cos(turn) - fx * math.sin(turn)
        frequency = np.hypot(along * stretch, across) + 1 / FIELD
        fields.append(np.fft.irfft2(spectrum * frequency ** -rng.uniform(0.5, 2.2), (FIELD, FIELD)))
    for _ in range(8):  # cells of a tissue, or crystals: the distance to the nearest of many points
        points = np.ones((FIELD, FIELD), np.uint8)
        for x, y in rng.integers(0, FIELD, (int(rng.integers(40, 500)), 2)):
            points[y, x] = 0
        fields.append(np.sqrt(cv2.distanceTransform(points, cv2.DIST_L2, 3)))
    y, x = np.mgrid[0:FIELD, 0:FIELD]
    for _ in range(8):  # weaves, grids and tool marks
        turn, step = rng.uniform(0, math.pi), rng.uniform(4, 40)
        line = np.sin((x * math.cos(turn) + y * math.sin(turn)) * 2 * math.pi / step)
        other = np.sin((y * math.cos(turn) - x * math.sin(turn)) * 2 * math.pi / step)
        fields.append(line + other * rng.choice([0, 1]) if rng.random() < 0.6 else np.maximum(line, other) > 0.9)
    return tuple(((field - np.mean(field)) / (np.std(field) + 1e-6)).astype(np.float32) for field in fields)


def crop(rng: Random, side: int | tuple[int, ...], zoom: float) -> Array:
    """Cut a piece of a random field, (side, side) or of the given shape, at a zoom of 0.5 to 2, anyhow flipped."""
    height, width = (side, side) if isinstance(side, int) else (side[0], side[1])
    field = _fields()[int(rng.integers(len(_fields())))]
    zoom = max(zoom, 1.02 * max(height, width) / FIELD)
    h, w = math.ceil(height / zoom), math.ceil(width / zoom)
    top, left = int(rng.integers(0, FIELD - h + 1)), int(rng.integers(0, FIELD - w + 1))
    piece = field[top : top + h, left : left + w][:: int(rng.choice([-1, 1])), :: int(rng.choice([-1, 1]))]
    return np.asarray(cv2.resize(piece, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def ground(rng: Random, side: int) -> Array:
    """Return the empty ground of a scene (side, side, 3) in 0..255: a material, in half the scenes with clutter."""
    base = rng.uniform(15, 240) + rng.normal(0, rng.choice([3, 25]), 3)
    picture = np.empty((side, side, 3), np.float32)
    picture[:] = base
    for _ in range(int(rng.integers(0, 4))):
        strength = rng.choice([3, 6, 12, 25]) * (1 + rng.normal(0, rng.choice([0, 0.3]), 3))
        picture += crop(rng, side, math.exp(rng.uniform(-0.7, 1.2)))[..., None] * strength
    if rng.random() < 0.2:  # two materials that meet at an edge
        turn = rng.uniform(0, 6.3)
        y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
        side_of = np.clip((x * math.cos(turn) + y * math.sin(turn) + rng.uniform(-0.6, 0.6)) * 60, 0, 1)[..., None]
        picture += side_of * rng.uniform(-120, 120, 3)
    if rng.random() < 0.5:
        _clutter(rng, picture)
    return np.asarray(np.clip(picture, 0, 255), np.float32)


def _clutter(rng: Random, picture: Array) -> None:
    """Draw unlabelled things, in place: tracks and grids, bars, soft spots."""
    side = picture.shape[0]
    kind = int(rng.integers(3))
    colour = tuple(float(value) for value in picture.mean((0, 1)) + rng.choice([-1, 1]) * rng.uniform(15, 110))
    if kind == 0:  # tracks: parallel lines with right-angled turns, as on a circuit board
        step, width = int(rng.integers(12, 40)), int(rng.integers(2, 9))
        for offset in range(0, side, step):
            bend = int(rng.integers(0, side))
            aside = offset + int(rng.integers(-step, step))
            points = [(offset, 0), (offset, bend), (aside, bend + step), (offset, side)]
            cv2.polylines(picture, [np.array(points, np.int32)], False, colour, width, cv2.LINE_AA)
    elif kind == 1:
        for _ in range(int(rng.integers(1, 7))):
            ends = rng.integers(-20, side + 20, 4).tolist()
            cv2.line(picture, ends[:2], ends[2:], colour, int(rng.integers(1, 14)), cv2.LINE_AA)
    else:
        for _ in range(int(rng.integers(2, 12))):
            x, y = rng.integers(0, side, 2).tolist()
            spot: Array = np.zeros((side, side), np.float32)
            cv2.circle(spot, (x, y), int(rng.integers(4, 40)), 1.0, -1)
            spot = cv2.blur(spot, (int(rng.integers(7, 31)),) * 2)
            picture += spot[..., None] * float(rng.normal(0, 25))


def camera(rng: Random, picture: Array) -> npt.NDArray[np.uint8]:
    """Light the scene and photograph it: uneven light, grey or inverted, blur, noise, JPEG."""
    side = picture.shape[0]
    if rng.random() < 0.6:
        y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
        turn, strength = rng.uniform(0, 6.3), rng.uniform(0.1, 0.5)
        light = 1 + strength * (x * math.cos(turn) + y * math.sin(turn)) - rng.choice([0, 0.25]) * (x**2 + y**2)
        picture = picture * light[..., None].astype(np.float32)
    if rng.random() < 0.35:
        picture = np.repeat(picture.mean(2, keepdims=True), 3, 2)
    if rng.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.4, 1.2)))
    if rng.random() < 0.5:
        picture = picture + rng.normal(0, rng.uniform(2, 12), (side, side, 1)).astype(np.float32)
    if rng.random() < 0.2:
        picture = 255 - picture
    taken = np.clip(picture, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        quality = int(rng.integers(35, 90))
        coded = cv2.imencode(".jpg", taken, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        taken = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return taken
