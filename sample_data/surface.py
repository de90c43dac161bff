"""The bare surface of a sample picture: materials, the lamp, and the light that reaches the camera.

A surface is a height map, a colour (albedo), a gloss and a grain direction; one lamp shades it, so a dent is
dark on the lamp's side and bright on the other, and a drop the other way round, as on a real line. Lengths are
pixels of the render, directions radians, colours linear RGB 0..1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np

MATERIALS = ("brushed", "cast", "paint", "anodised", "milled", "turned", "ceramic")
METALS = ("brushed", "cast", "milled", "turned")

Array = np.ndarray
T = TypeVar("T")


@dataclass(frozen=True)
class Surface:
    """The maps a picture is shaded from; all (H, W) float32 except `albedo` (H, W, 3, linear RGB)."""

    height: Array  # towards the camera
    albedo: Array
    gloss: Array
    grain: Array  # direction of the brush or tool marks, radians
    part: Array  # 1 where the part is, 0 where the background shows
    spread: tuple[float, float]  # width of the highlight along and across the grain
    free: Array  # 1 where a defect may be centred
    bare: tuple[float, float, float]  # colour that a scratch lays open
    hot: bool  # bare metal, which heat can tint


@dataclass(frozen=True)
class Lamp:
    """Where the light comes from and how it falls on the part."""

    direction: float
    rake: float  # how grazing: high shows relief
    centre: tuple[float, float]  # of the highlight, in picture diagonals from the middle
    reach: float
    tint: Array
    ambient: Array
    field: Array  # (H, W): fall-off and soft shadows


def noise(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> Array:
    """Smooth random field with zero mean and unit deviation; `sigma` is its grain in pixels."""
    step = max(1, int(sigma / 2))
    small = rng.standard_normal((shape[0] // step + 2, shape[1] // step + 2)).astype(np.float32)
    small = cv2.GaussianBlur(small, (0, 0), sigma / step)
    field = cv2.resize(small, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return (field - field.mean()) / (field.std() + 1e-6)


def streaks(rng: np.random.Generator, shape: tuple[int, int], angle: float, length: float, width: float) -> Array:
    """Random lines in one direction, as a brush leaves them; zero mean, unit deviation."""
    side = int(math.hypot(*shape)) + 8
    lines = rng.standard_normal((side, side)).astype(np.float32)
    lines = cv2.GaussianBlur(lines, (0, 0), sigmaX=length, sigmaY=width)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), -math.degrees(angle), 1.0)
    turn[:, 2] += (np.array(shape[::-1]) - side) / 2
    field = cv2.warpAffine(lines, turn, shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return (field - field.mean()) / (field.std() + 1e-6)


def step(edge0: float, edge1: float, x: Array) -> Array:
    """Smoothstep: 0 below `edge0`, 1 above `edge1` (or the other way round)."""
    t = np.clip((x - edge0) / (edge1 - edge0), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def blend(base: Array, colour: Sequence[float] | Array, weight: Array) -> Array:
    """`base` (H, W, 3) moved towards `colour` by `weight` (H, W)."""
    return base + (np.asarray(colour, np.float32) - base) * weight[..., None]


def grid(shape: tuple[int, int]) -> tuple[Array, Array]:
    """The x and y coordinate of every pixel, two (H, W) maps."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return x, y


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of the options, all equally likely."""
    return options[int(rng.integers(len(options)))]


def place(rng: np.random.Generator, s: Surface) -> tuple[float, float]:
    """A random point (x, y) where the surface is still free."""
    spots = np.flatnonzero(s.free > 0.5)
    spot = int(spots[rng.integers(spots.size)]) if spots.size else s.free.size // 2
    return float(spot % s.free.shape[1]), float(spot // s.free.shape[1])


# Materials ----------------------------------------------------------------------------------------------------


def make_surface(rng: np.random.Generator, material: str, shape: tuple[int, int]) -> Surface:
    """The flat, faultless surface of one of `MATERIALS`."""
    x, y = grid(shape)
    diag = math.hypot(*shape)
    angle = float(rng.choice([0.0, math.pi / 2, rng.uniform(0, math.pi)]))
    grain = np.full(shape, angle, np.float32)
    mottle = noise(rng, shape, rng.uniform(40, 90))
    bare = (0.72, 0.72, 0.74)
    if material == "brushed":
        lines = streaks(rng, shape, angle, 60, 0.7) + 0.7 * streaks(rng, shape, angle, 16, 0.9)
        height, colour, gloss = 0.07 * lines, np.array([0.50, 0.51, 0.53]), 0.75
        colour_map = colour * (1 + 0.06 * lines + 0.03 * mottle)[..., None]
        spread = (0.30, 0.95)
    elif material == "cast":
        grit = noise(rng, shape, 1.7) + 0.9 * noise(rng, shape, 3.5) + 0.8 * noise(rng, shape, 14)
        pores = step(2.1, 3.0, noise(rng, shape, rng.uniform(2.2, 3.2)))
        height, gloss, spread = rng.uniform(0.22, 0.38) * grit - 1.3 * pores, 0.25, (0.8, 0.8)
        colour = np.array(pick(rng, [(0.40, 0.40, 0.39), (0.30, 0.30, 0.31), (0.45, 0.43, 0.40)]))
        colour_map = colour * (1 + 0.03 * grit + 0.06 * mottle - 0.35 * pores)[..., None]
    elif material == "paint":
        peel = noise(rng, shape, rng.uniform(4.5, 8))
        height, gloss = rng.uniform(0.06, 0.13) * peel, rng.uniform(0.12, 0.3)
        colours = [(0.42, 0.44, 0.43), (0.07, 0.17, 0.34), (0.10, 0.26, 0.18), (0.36, 0.07, 0.05)]
        colours += [(0.62, 0.57, 0.44), (0.13, 0.14, 0.15), (0.55, 0.33, 0.05), (0.20, 0.22, 0.24)]
        colour = np.array(pick(rng, colours)) * rng.uniform(0.85, 1.15)
        colour_map = colour * (1 + 0.02 * noise(rng, shape, 1.2) + 0.02 * mottle)[..., None]
        spread, bare = (0.35, 0.35), pick(rng, [(0.60, 0.60, 0.61), (0.72, 0.71, 0.68)])
    elif material == "anodised":
        lines = streaks(rng, shape, angle, 25, 0.9)
        fine = noise(rng, shape, 1.1)
        height, gloss, spread = 0.03 * lines + 0.04 * fine, 0.28, (0.35, 0.6)
        colours = [(0.07, 0.07, 0.08), (0.30, 0.06, 0.06), (0.06, 0.13, 0.32), (0.46, 0.38, 0.24), (0.2, 0.2, 0.22)]
        colour = np.array(pick(rng, colours))
        colour_map = colour * (1 + 0.05 * lines + 0.06 * fine + 0.03 * mottle)[..., None]
    elif material in ("milled", "turned"):
        far = rng.uniform(0.9, 1.8) if material == "milled" else rng.uniform(0.0, 0.65)
        cx, cy = shape[1] / 2 + far * diag * math.cos(angle), shape[0] / 2 + far * diag * math.sin(angle)
        radius = np.hypot(x - cx, y - cy) + 0.4 * mottle
        grain = (np.arctan2(y - cy, x - cx) + math.pi / 2).astype(np.float32)
        pitch = rng.uniform(9, 18) if material == "milled" else rng.uniform(4.5, 7)
        track = rng.standard_normal(int(radius.max()) + 8).astype(np.float32)  # each turn cuts a little differently
        track = np.interp(radius, np.arange(track.size), track).astype(np.float32)
        marks = np.sin(2 * np.pi * radius / pitch) * (0.75 + 0.25 * np.tanh(mottle)) + 0.35 * track
        height, gloss, spread = 0.10 * marks * pitch / 9, 0.65, (0.28, 0.8)
        colour_map = np.array([0.50, 0.50, 0.51]) * (1 + 0.05 * marks + 0.03 * mottle)[..., None]
    else:  # ceramic: a white or cream glaze with specks in it
        height, gloss, spread = 0.10 * noise(rng, shape, 16), 0.28, (0.2, 0.2)
        colour = np.array(pick(rng, [(0.66, 0.66, 0.63), (0.62, 0.57, 0.47), (0.50, 0.56, 0.56)]))
        specks = step(2.9, 3.6, noise(rng, shape, 1.3))
        colour_map = colour * (1 + 0.015 * mottle - 0.45 * specks)[..., None]
        bare = (0.30, 0.25, 0.21)
    ones = np.ones(shape, np.float32)
    rim = np.zeros(shape, np.float32)
    rim[shape[0] // 12 : -shape[0] // 12, shape[1] // 12 : -shape[1] // 12] = 1
    albedo = np.clip(colour_map, 0.01, 1).astype(np.float32)
    return Surface(height.astype(np.float32), albedo, gloss * ones, grain, ones, spread, rim, bare, material in METALS)


def make_lamp(rng: np.random.Generator, shape: tuple[int, int]) -> Lamp:
    """One lamp, warm or cold, with its highlight somewhere near the picture; now and then a soft shadow."""
    x, y = grid(shape)
    diag = math.hypot(*shape)
    direction = rng.uniform(0, 2 * math.pi)
    away = rng.uniform(0.15, 0.75)
    along = ((x - shape[1] / 2) * math.cos(direction) + (y - shape[0] / 2) * math.sin(direction)) / diag
    field = 1 + rng.uniform(0.1, 0.75) * along + 0.04 * noise(rng, shape, 120)
    if rng.random() < 0.25:  # a gantry or a hand rail between lamp and part
        turn, at, width = rng.uniform(0, math.pi), rng.uniform(-0.3, 0.3), rng.uniform(0.08, 0.2)
        across = ((x - shape[1] / 2) * math.cos(turn) + (y - shape[0] / 2) * math.sin(turn)) / diag - at
        soft = rng.uniform(0.04, 0.1)
        field = field * (1 - rng.uniform(0.2, 0.45) * step(width + soft, width, np.abs(across)))
    warm = rng.uniform(-1, 1)
    tint = np.array([1 + 0.13 * warm, 1.0, 1 - 0.17 * warm], np.float32)
    centre = (away * math.cos(direction), away * math.sin(direction))
    ambient = rng.uniform(0.25, 0.5) * np.array([0.95, 1.0, 1.06], np.float32)
    return Lamp(
        direction, rng.uniform(1.0, 1.9), centre, rng.uniform(0.6, 1.1), tint, ambient, field.astype(np.float32)
    )


def shade(s: Surface, lamp: Lamp) -> Array:
    """Linear light that reaches the camera, (H, W, 3): diffuse relief plus an anisotropic highlight."""
    shape = s.height.shape
    slope_y, slope_x = (-g for g in np.gradient(s.height))
    relief = slope_x * math.cos(lamp.direction) + slope_y * math.sin(lamp.direction)
    diffuse = np.clip(1 + lamp.rake * relief, 0.06, 2.6) * lamp.field
    x, y = grid(shape)
    diag = math.hypot(*shape)
    # Away from the highlight's centre the surface would have to tilt to mirror the lamp: that tilt is (dx, dy).
    dx = slope_x + ((x - shape[1] / 2) / diag - lamp.centre[0]) / lamp.reach
    dy = slope_y + ((y - shape[0] / 2) / diag - lamp.centre[1]) / lamp.reach
    cos, sin = np.cos(s.grain), np.sin(s.grain)
    along, across = dx * cos + dy * sin, dy * cos - dx * sin
    lobe = np.exp(-((along / s.spread[0]) ** 2) - (across / s.spread[1]) ** 2) * s.gloss * lamp.field
    return s.albedo * (lamp.ambient + lamp.tint * diffuse[..., None]) + lamp.tint * lobe[..., None]
