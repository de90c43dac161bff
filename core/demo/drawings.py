"""Draws the pictures of the demonstration: chests as an X-ray would show them, and leaves, sound or sick.

No patient and no plant was ever before a camera: everything is made of ellipses, arcs and noise, the same for the same
number. Lengths are pixels, grey levels 0 to 1.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float32]
Boxes = list[tuple[int, float, float, float, float]]
"""Class, then left, top, right and bottom in pixels."""

CHEST_CLASSES = ("nodule", "effusion")
LEAF_CLASSES = ("healthy", "mildew", "rust")
CHEST_SIDE, LEAF_SIDE = 256, 96


def draw_chest(number: int, *, patient: int, healthy: bool) -> tuple[NDArray[np.uint8], Boxes]:
    """Draw a chest; return the picture (CHEST_SIDE, CHEST_SIDE) and the boxes of what is wrong with it.

    `patient` decides about the body, `number` about the day it was taken; `healthy` leaves it without a finding.
    """
    body, day = np.random.default_rng([17, patient]), np.random.default_rng([18, number])
    side = CHEST_SIDE
    exposure, grain = day.uniform(0.88, 1.12), day.normal(0, 0.022, (side, side)).astype(np.float32)
    grain += 0.05 * _mottled(day, side, 9) + 0.03 * _mottled(body, side, 16)
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    wide, tall, lean = body.uniform(0.78, 1.08), body.uniform(0.86, 1.12), day.uniform(-0.07, 0.07)
    x = (columns - side / 2 - day.uniform(-12, 12)) / (side / 2) / wide
    y = (rows - side / 2 - day.uniform(-12, 12)) / (side / 2) / tall
    x, y = x + lean * y, y - lean * x
    heart, apart = body.uniform(0.2, 0.36), body.uniform(0.39, 0.46)
    light = 0.16 + 0.42 * _inside((x / 0.98) ** 4 + (y / 1.25) ** 4, 0.12)
    lungs = np.zeros_like(light)
    for sign in (-1, 1):
        lung = _inside(((x - sign * apart) / 0.31) ** 2 + ((y + 0.02) / 0.62) ** 2, 0.16)
        lungs = np.maximum(lungs, lung)
    light -= 0.33 * lungs
    light += 0.24 * np.exp(-((x / 0.1) ** 2))  # spine
    light += 0.26 * _inside(((x - 0.12) / heart) ** 2 + ((y - 0.3) / 0.33) ** 2, 0.2)  # heart
    light += 0.3 * np.exp(-(((y - 0.72 - 0.18 * (np.abs(x) - 0.42) ** 2) / 0.14) ** 2)) * (1 - lungs)  # diaphragm
    first, step = body.uniform(-0.78, -0.66), body.uniform(0.15, 0.2)
    for rib in range(8):
        middle = first + step * rib + 0.34 * np.clip(np.abs(x) - 0.08, 0, None) ** 1.4
        light += body.uniform(0.05, 0.085) * np.exp(-(((y - middle) / 0.022) ** 2)) * (np.abs(x) < 0.82)
    boxes: Boxes = []
    if not healthy:
        for _ in range(int(day.integers(1, 4))):
            boxes.append(_add_nodule(day, light, x, y))
        if day.random() < 0.45:
            boxes.append(_add_effusion(day, light, x, y))
    return _to_bytes(cv2.GaussianBlur(light + grain, (0, 0), 0.8) * exposure), boxes


def draw_leaf(number: int, kind: str) -> NDArray[np.uint8]:
    """Draw a leaf (LEAF_SIDE, LEAF_SIDE, 3) in RGB: healthy, with white patches of mildew, or with spots of rust."""
    rng = np.random.default_rng([19, number])
    side = LEAF_SIDE
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    turn = rng.uniform(-0.5, 0.5)
    x, y = (columns - side / 2) / (side / 2), (rows - side / 2) / (side / 2)
    x, y = x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)
    along = np.clip((y + 0.92) / 1.84, 0, 1)
    blade = _inside((np.abs(x) / (0.05 + 0.6 * np.sin(np.pi * along**0.8))) ** 2, 0.25) * (np.abs(y) < 0.92)
    ground = np.array([0.62, 0.56, 0.47]) * rng.uniform(0.75, 1.15) + rng.normal(0, 0.03, (side, side, 1))
    green = np.array([0.24, 0.47, 0.17]) * rng.uniform(0.8, 1.25) + 0.05 * _mottled(rng, side)[..., None]
    green = green + 0.1 * np.exp(-((x / 0.03) ** 2))[..., None]
    green += 0.05 * (np.sin(26 * (y + 0.6 * np.abs(x))) > 0.93)[..., None]
    spots = np.zeros((side, side), np.float32)
    if kind != "healthy":
        for _ in range(int(rng.integers(5, 12) if kind == "rust" else rng.integers(3, 6))):
            across, down = rng.uniform(-0.4, 0.4), rng.uniform(-0.65, 0.65)
            size = rng.uniform(0.05, 0.11) if kind == "rust" else rng.uniform(0.13, 0.26)
            spots = np.maximum(spots, np.exp(-((((x - across) ** 2 + (y - down) ** 2) / size**2) ** 1.5)))
    colour = np.array([0.66, 0.33, 0.1]) if kind == "rust" else np.array([0.84, 0.86, 0.8])
    strength = (spots * (0.95 if kind == "rust" else 0.75))[..., None]
    leaf = green * (1 - strength) + colour * strength
    picture = ground * (1 - blade[..., None]) + leaf * blade[..., None]
    return _to_bytes(picture + rng.normal(0, 0.015, picture.shape))


def _to_bytes(picture: NDArray[Any]) -> NDArray[np.uint8]:
    return np.asarray(np.clip(picture, 0, 1) * 255, np.uint8)


def _inside(distance: Grey, soft: float) -> Grey:
    """Return 1 where a squared distance is below 1 and 0 beyond, with a soft rim."""
    return np.asarray(1 / (1 + np.exp(np.clip((distance - 1) / (soft / 4), -30, 30))), np.float32)


def _mottled(rng: np.random.Generator, side: int, spots: int = 12) -> Grey:
    """Return a field of soft spots with zero mean, so many along a side."""
    coarse = rng.standard_normal((spots, spots)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)


def _box(kind: int, seen: NDArray[np.bool_]) -> tuple[int, float, float, float, float]:
    rows, columns = np.nonzero(seen)
    return kind, float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1)


def _add_nodule(rng: np.random.Generator, light: Grey, x: Grey, y: Grey) -> tuple[int, float, float, float, float]:
    """Lay a round shadow into one lung."""
    sign, size = rng.choice((-1, 1)), rng.uniform(0.055, 0.12)
    across, down = sign * rng.uniform(0.3, 0.55), rng.uniform(-0.45, 0.35)
    disc = _inside(((x - across) / size) ** 2 + ((y - down) / (size * rng.uniform(0.85, 1.15))) ** 2, 0.8)
    light += rng.uniform(0.07, 0.24) * disc
    return _box(0, disc > 0.4)


def _add_effusion(rng: np.random.Generator, light: Grey, x: Grey, y: Grey) -> tuple[int, float, float, float, float]:
    """Fill the bottom of one lung with a curved level."""
    sign, level = rng.choice((-1, 1)), rng.uniform(0.2, 0.4)
    lung = _inside(((x - sign * 0.42) / 0.31) ** 2 + ((y + 0.02) / 0.62) ** 2, 0.16)
    rising = level - 0.9 * np.clip((x * sign - 0.3), 0, 1) ** 1.3
    fluid = lung / (1 + np.exp(np.clip(-(y - rising) / 0.02, -30, 30)))
    light += rng.uniform(0.3, 0.4) * fluid
    return _box(1, fluid > 0.4)
