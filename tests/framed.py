"""Drawn objects that share a frame: solar cells, circuit boards and trays of chips, each picture of another object."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 300
Grey = NDArray[np.float32]
Random = np.random.Generator


def _shading(random: Random, cells: int, strength: float) -> Grey:
    """A slow random field of about `strength` grey levels."""
    field = random.standard_normal((cells, cells)).astype(np.float32)
    return cv2.resize(field, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) * np.float32(strength)


def _scratches(random: Random, picture: Grey, count: int, depth: float) -> Grey:
    """Thin dark walks over the picture."""
    layer = np.zeros((SIDE, SIDE), np.float32)
    for _ in range(count):
        place = random.uniform(20, SIDE - 20, 2)
        angle = random.uniform(0, 2 * np.pi)
        line = [place]
        for _ in range(int(random.integers(4, 16))):
            angle += random.normal(0, 0.5)
            place = place + 9 * np.array([np.cos(angle), np.sin(angle)])
            line.append(place)
        cv2.polylines(layer, [np.array(line, np.int32)], False, 1.0, int(random.integers(1, 3)), cv2.LINE_AA)
    return picture * (1 - np.float32(depth) * layer)


def _photograph(random: Random, picture: Grey, shake: float, noise: float = 3.0) -> Image.Image:
    """Move by up to `shake` pixels, change the exposure, add grain."""
    dx, dy = random.uniform(-shake, shake, 2)
    warp = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    moved = cv2.warpAffine(picture, warp, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    lit = moved * random.uniform(0.85, 1.15) + random.normal(0, noise, (SIDE, SIDE))
    return Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8))


@cache
def _cell_frame() -> Grey:
    """How much of the light passes: nothing at the rounded edge, little at the three busbars, fingers between."""
    frame = np.zeros((SIDE, SIDE), np.float32)
    cv2.rectangle(frame, (8, 50), (SIDE - 9, SIDE - 51), 1.0, -1)
    cv2.rectangle(frame, (50, 8), (SIDE - 51, SIDE - 9), 1.0, -1)
    for x, y in ((50, 50), (SIDE - 51, 50), (50, SIDE - 51), (SIDE - 51, SIDE - 51)):
        cv2.circle(frame, (x, y), 42, 1.0, -1)
    for y in (58, 147, 236):
        frame[y : y + 6] *= 0.3
    frame *= 1 - 0.04 * (np.arange(SIDE) % 6 < 2).astype(np.float32)[None, :]
    return cv2.GaussianBlur(frame, (0, 0), 0.8)


def solar_cell(random: Random) -> Image.Image:
    """A cell under electroluminescence: frame, busbars and fingers of all cells, crystals and cracks of its own."""
    light = 130 + _shading(random, 5, 10)
    if random.random() < 0.6:  # polycrystalline
        grains = cv2.resize(
            random.standard_normal((32, 32)).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR
        )
        light = light * (1 - 0.10 * np.abs(grains))
    if random.random() < 0.3:  # a part that no current reaches
        x, y, w, h = (int(value) for value in random.integers((10, 10, 20, 20), (200, 200, 90, 90)))
        light[y : y + h, x : x + w] *= np.float32(random.uniform(0.3, 0.8))
    light = _scratches(random, light, int(random.integers(0, 4)), 0.5)
    return _photograph(random, light * _cell_frame() + 12, 1.0)


@cache
def _board_layout() -> Grey:
    plan = np.random.default_rng(77)
    board = np.full((SIDE, SIDE), 70.0, np.float32)
    for _ in range(40):
        x, y = (int(value) for value in plan.integers(10, SIDE - 60, 2))
        turn, length = int(plan.integers(0, 2)), int(plan.integers(30, 140))
        cv2.line(board, (x, y), (x + length * turn, y + length * (1 - turn)), 120.0, 3)
    for x in range(20, SIDE - 10, 28):
        for y in range(20, SIDE - 10, 40):
            cv2.circle(board, (x, y), 6, 190.0, -1)
            cv2.circle(board, (x, y), 2, 20.0, -1)
    for _ in range(6):
        x, y = (int(value) for value in plan.integers(20, SIDE - 80, 2))
        cv2.rectangle(board, (x, y), (x + 46, y + 30), 25.0, -1)
    return cv2.GaussianBlur(board, (0, 0), 0.8)


def circuit_board(random: Random) -> Image.Image:
    """A board: tracks, pads and parts of all boards, solder, stains and scratches of its own."""
    light = _board_layout() * (1 + _shading(random, 6, 0.05))
    for x in range(20, SIDE - 10, 28):
        for y in range(20, SIDE - 10, 40):
            cv2.circle(
                light,
                (x + int(random.integers(-2, 3)), y + int(random.integers(-2, 3))),
                3,
                float(random.uniform(150, 250)),
                -1,
            )
    light = light + _shading(random, 40, 4)
    light = _scratches(random, light, int(random.integers(0, 4)), 0.4)
    return _photograph(random, light, 1.5)


def chip_tray(random: Random) -> Image.Image:
    """A tray of 25 pockets with a chip in nearly each, a little turned, with a surface of its own."""
    light = np.full((SIDE, SIDE), 60.0, np.float32)
    surface = _shading(random, 75, 12)
    for row in range(5):
        for column in range(5):
            x, y = 32 + 59 * column, 32 + 59 * row
            cv2.rectangle(light, (x - 26, y - 26), (x + 26, y + 26), 25.0, -1)
            if random.random() < 0.04:
                continue
            box = cv2.boxPoints(
                ((x + random.uniform(-1, 1), y + random.uniform(-1, 1)), (40, 40), random.uniform(-3, 3))
            )
            inside = np.zeros((SIDE, SIDE), np.float32)
            cv2.fillPoly(inside, [box.astype(np.int32)], 1.0, cv2.LINE_AA)
            light = light * (1 - inside) + inside * (random.uniform(140, 170) + surface)
    return _photograph(random, _scratches(random, light, int(random.integers(0, 3)), 0.4), 1.0)


OBJECTS: dict[str, Callable[[Random], Image.Image]] = {
    "solar cells": solar_cell,
    "circuit boards": circuit_board,
    "chip trays": chip_tray,
}


def draw(kind: str, count: int, seed: int = 0) -> list[Image.Image]:
    """Return `count` pictures of different objects, 300 x 300 grey."""
    return [OBJECTS[kind](np.random.default_rng([seed, number])) for number in range(count)]
