"""Draw the sample set: synthetic pictures of a surface-inspection line, with the defects boxed.

    python sample_data/make_sample.py                       # writes sample_data/surface_defects.zip
    python sample_data/make_sample.py --count 20 --out DIR  # the first 20 pictures only, zipped into DIR

How a picture is made. A surface is a height map, a colour (albedo), a gloss and a grain direction, drawn at
twice the final size. Defects and harmless features (holes, print, drops, edges) change those maps, one lamp
shades them, and a simple camera (exposure, tone curve, blur, vignette, noise, JPEG) takes the picture. So a
dent is dark on the lamp's side and bright on the other, and a drop the other way round, as on a real line.
Every box is the extent of the pixels the defect itself changed, and a defect too faint for its surface is
deepened until it shows: what is labelled can be seen.

The same seed gives the same pictures: picture i has a generator of its own, whatever the count. Needs numpy,
pillow and opencv. Lengths in this file are pixels of the render, which is SCALE times the final picture.
"""

from __future__ import annotations

import argparse
import io
import math
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

CLASSES = ("scratch", "dent", "stain")
MATERIALS = ("brushed", "cast", "paint", "anodised", "milled", "turned", "ceramic")
SCALE = 2  # supersampling of the render
SIZES = ((320, 320), (352, 288), (336, 304), (320, 272), (288, 336), (384, 288))  # width, height of a picture
CYCLE = 20  # pictures in one round of the plan: 14 train, 4 val, 2 test; 3 of them without a defect
JPEG_QUALITY = 85
ZIP_NAME = "surface_defects.zip"

Array = np.ndarray
Change = Callable[["Surface", float], "Surface"]  # (surface, strength) -> surface with the defect


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


def pick(rng: np.random.Generator, options: Sequence) -> object:
    """One of the options, all equally likely."""
    return options[int(rng.integers(len(options)))]


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
        grit = noise(rng, shape, 2.2) + 1.3 * noise(rng, shape, 4.5) + 1.5 * noise(rng, shape, 11)
        height, gloss, spread = 0.22 * rng.uniform(0.7, 1.2) * grit, 0.22, (0.8, 0.8)
        colour = np.array(pick(rng, [(0.40, 0.40, 0.39), (0.30, 0.30, 0.31), (0.45, 0.43, 0.40)]))
        colour_map = colour * (1 + 0.05 * grit + 0.05 * mottle)[..., None]
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
    return Surface(height.astype(np.float32), albedo, gloss * ones, grain, ones, spread, rim, bare)


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


# Harmless features --------------------------------------------------------------------------------------------


def add_edge(rng: np.random.Generator, s: Surface) -> Surface:
    """Let the part end inside the picture: a bevelled edge, sometimes a rounded corner, and what lies behind."""
    x, y = grid(s.height.shape)
    h, w = s.height.shape
    angle = rng.integers(4) * math.pi / 2 + rng.normal(0, 0.06)
    u = (x - w / 2) * math.cos(angle) + (y - h / 2) * math.sin(angle)
    v = (y - h / 2) * math.cos(angle) - (x - w / 2) * math.sin(angle)
    inside = rng.uniform(0.24, 0.40) * min(h, w) - u  # distance to the edge, positive on the part
    if rng.random() < 0.4:
        other, radius = rng.uniform(0.28, 0.42) * max(h, w) - v, rng.uniform(20, 70)
        corner = radius - np.hypot(np.maximum(radius - inside, 0), np.maximum(radius - other, 0))
        inside = np.where((inside < radius) & (other < radius), corner, np.minimum(inside, other))
    part = step(-1, 1, inside)
    bevel = rng.uniform(4, 12)
    height = s.height * part - 0.55 * np.clip(bevel - inside, 0, bevel) * step(-2, 0, inside)
    ground = np.array(pick(rng, [(0.03, 0.03, 0.035), (0.05, 0.08, 0.06), (0.10, 0.10, 0.11), (0.04, 0.06, 0.11)]))
    weave = 1 + 0.14 * noise(rng, (h, w), 2) + 0.1 * noise(rng, (h, w), 30)
    behind = ground * (weave * (0.35 + 0.65 * step(0, 45, -inside)))[..., None]
    albedo = behind.astype(np.float32) + (s.albedo - behind.astype(np.float32)) * part[..., None]
    free = s.free * (inside > bevel + 12)
    return replace(s, height=height, albedo=albedo, gloss=s.gloss * part, part=part, free=free.astype(np.float32))


def add_hole(rng: np.random.Generator, s: Surface) -> Surface:
    """A drilled hole, a countersunk one, or a socket screw sitting in it."""
    cx, cy = place(rng, s)
    r = rng.uniform(16, 34)
    x, y = grid(s.height.shape)
    d = np.hypot(x - cx, y - cy)
    kind = pick(rng, ("drilled", "countersunk", "screw"))
    outer = r * (1.0 if kind == "drilled" else 1.7)
    flat = step(outer - 2, outer + 1, d)
    rings = 0.12 * np.sin(2 * np.pi * d / 4.0) * (1 - flat)
    if kind == "screw":
        turn = rng.uniform(0, math.pi / 3)
        theta = np.mod(np.arctan2(y - cy, x - cx) + turn, math.pi / 3) - math.pi / 6
        socket = step(0.52 * r + 1.5, 0.52 * r - 1.5, d * np.cos(theta))
        dome = 0.5 * np.clip(outer - 7 - d, 0, 5) + rings
        gap = np.exp(-(((d - outer + 5) / 2.5) ** 2))
        height, dark, metal = s.height * flat + dome - 1.5 * socket, np.maximum(socket, gap), step(outer, outer - 5, d)
    else:
        sink = -0.7 * np.clip(outer - d, 0, outer - r + 2) if kind == "countersunk" else -0.5 * np.clip(r + 2 - d, 0, 4)
        height, dark = s.height * flat + sink + rings, step(r + 1, r - 2, d)
        metal = 1 - flat if kind == "countersunk" else 0 * d
    albedo = blend(blend(s.albedo, (0.42, 0.42, 0.43), metal), (0.012, 0.012, 0.014), dark * 0.97)
    gloss = s.gloss * (1 - dark)
    free = s.free * (d > outer + 16)
    return replace(s, height=height.astype(np.float32), albedo=albedo, gloss=gloss, free=free.astype(np.float32))


def add_groove(rng: np.random.Generator, s: Surface) -> Surface:
    """A machined groove or a step: dead straight and from border to border, which a scratch never is."""
    x, y = grid(s.height.shape)
    angle = rng.integers(2) * math.pi / 2 + rng.normal(0, 0.05)
    across = (x - s.height.shape[1] / 2) * math.cos(angle) + (y - s.height.shape[0] / 2) * math.sin(angle)
    across -= rng.choice([-1, 1]) * rng.uniform(0.2, 0.36) * min(s.height.shape)
    width = rng.uniform(4, 9)
    if rng.random() < 0.5:
        height = -0.9 * width * step(width, width * 0.4, np.abs(across)) * 0.5
        shadow = 0.45 * step(width, width * 0.5, np.abs(across))
    else:
        height = 0.5 * width * step(-width, width, across)
        shadow = 0.2 * np.exp(-((across / width) ** 2))
    albedo = s.albedo * (1 - shadow * s.part)[..., None]
    free = s.free * (np.abs(across) > width + 14)
    return replace(s, height=s.height + height * s.part, albedo=albedo, free=free.astype(np.float32))


def add_print(rng: np.random.Generator, s: Surface) -> Surface:
    """A printed or laser-etched mark: a part number, a data matrix or a registration cross."""
    h, w = s.height.shape
    cx, cy = place(rng, s)
    sheet = Image.new("L", (w, h), 0)
    draw = ImageDraw.Draw(sheet)
    kind = pick(rng, ("number", "number", "matrix", "cross"))
    if kind == "number":
        text = f"{pick(rng, ('KX', 'B', 'TR', 'HN'))}-{rng.integers(1000, 9999)}"
        text += f"\nLOT {rng.integers(10, 99)}/{rng.integers(1, 53):02d}" if rng.random() < 0.6 else ""
        draw.multiline_text((cx, cy), text, 255, ImageFont.load_default(float(rng.uniform(22, 36))), anchor="mm")
    elif kind == "matrix":
        n, cell = int(rng.integers(10, 15)), int(rng.integers(4, 6))
        bits = rng.random((n, n)) < 0.5
        bits[-1, :] = bits[:, 0] = True
        bits[0, :] = bits[:, -1] = np.arange(n) % 2 == 0
        for r, c in zip(*np.nonzero(bits), strict=True):
            left, top = cx + (c - n / 2) * cell, cy + (r - n / 2) * cell
            draw.rectangle((left, top, left + cell - 1, top + cell - 1), 255)
    else:
        r = rng.uniform(16, 30)
        draw.ellipse((cx - r, cy - r, cx + r, cy + r), outline=255, width=3)
        draw.line((cx - 1.5 * r, cy, cx + 1.5 * r, cy), 255, 3)
        draw.line((cx, cy - 1.5 * r, cx, cy + 1.5 * r), 255, 3)
    turn = float(rng.choice([0, 90, 180]) + rng.normal(0, 3))
    ink = np.asarray(sheet.rotate(turn, Image.Resampling.BICUBIC, center=(cx, cy)), np.float32) / 255
    ink = cv2.GaussianBlur(ink, (0, 0), 0.9) * rng.uniform(0.55, 0.9) * s.part
    dark = float(np.median(s.albedo)) > 0.16
    albedo = blend(s.albedo, (0.03, 0.03, 0.04) if dark else (0.62, 0.62, 0.60), ink)
    near = cv2.dilate((ink > 0.1).astype(np.uint8), np.ones((25, 25), np.uint8))
    return replace(s, albedo=albedo, gloss=s.gloss * (1 - 0.6 * ink), free=s.free * (1 - near))


def add_drops(rng: np.random.Generator, s: Surface, lamp: Lamp) -> Surface:
    """Water drops: raised, clear, with a hard highlight towards the lamp and a bright foot away from it."""
    height, albedo, free = s.height, s.albedo, s.free
    x, y = grid(s.height.shape)
    for _ in range(int(rng.integers(2, 7))):
        cx, cy = place(rng, replace(s, free=free))
        r = rng.uniform(6, 17)
        stretch, turn = rng.uniform(0.8, 1.0), rng.uniform(0, math.pi)
        u, v = (
            (x - cx) * math.cos(turn) + (y - cy) * math.sin(turn),
            (y - cy) * math.cos(turn) - (x - cx) * math.sin(turn),
        )
        d = np.hypot(u, v / stretch) / r
        inside = step(1.04, 0.94, d)
        to_lamp = ((x - cx) * math.cos(lamp.direction) + (y - cy) * math.sin(lamp.direction)) / r
        spot = np.exp(-(((x - cx - 0.42 * r * math.cos(lamp.direction)) ** 2
                         + (y - cy - 0.42 * r * math.sin(lamp.direction)) ** 2) / (0.16 * r) ** 2))  # fmt: skip
        rim = np.exp(-(((d - 1) / 0.1) ** 2))
        foot = np.exp(-(((np.hypot(x - cx, y - cy) / r - 0.75) / 0.25) ** 2)) * np.clip(-to_lamp, 0, 1)
        height = height * (1 - 0.8 * inside)
        lens = 1 - 0.30 * inside * np.clip(0.5 + 0.8 * to_lamp, 0, 1) + 0.75 * inside * foot - 0.28 * rim
        albedo = np.clip(blend(albedo * lens[..., None], (1.5, 1.5, 1.5), 0.95 * spot), 0.005, 1.6)
        free = free * (d > 1.6)
    return replace(s, height=height, albedo=albedo.astype(np.float32), free=free.astype(np.float32))


def add_dust(rng: np.random.Generator, s: Surface) -> Surface:
    """Specks of dust and, now and then, a curled fibre."""
    layer = np.zeros(s.height.shape, np.uint8)
    for _ in range(int(rng.integers(5, 25))):
        at = (int(rng.integers(s.height.shape[1])), int(rng.integers(s.height.shape[0])))
        cv2.circle(layer, at, int(rng.integers(1, 3)), int(rng.integers(90, 220)), -1, cv2.LINE_AA)
    if rng.random() < 0.3:
        cx, cy = place(rng, s)
        t = np.linspace(0, 1, 60)
        heading = rng.uniform(0, 6.3) + np.cumsum(rng.normal(0.09, 0.12, t.size))
        line = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], 1), 0) * rng.uniform(0.5, 1.0) + (cx, cy)
        cv2.polylines(layer, [np.round(line * 8).astype(np.int32)], False, 200, 1, cv2.LINE_AA, 3)
    weight = cv2.GaussianBlur(layer.astype(np.float32) / 255, (0, 0), 0.8) * 0.7
    return replace(s, albedo=blend(s.albedo, pick(rng, [(0.75, 0.74, 0.7), (0.05, 0.05, 0.05)]), weight))


# Defects: each returns what it covers, (H, W) 0..1, and the change it makes at a given strength ----------------


def place(rng: np.random.Generator, s: Surface) -> tuple[float, float]:
    """A random point (x, y) where the surface is still free."""
    spots = np.flatnonzero(s.free > 0.5)
    spot = int(spots[rng.integers(spots.size)]) if spots.size else s.free.size // 2
    return float(spot % s.free.shape[1]), float(spot // s.free.shape[1])


def scratch(rng: np.random.Generator, s: Surface) -> tuple[Array, Change]:
    """A furrow with raised lips, tapering and skipping along its way; sometimes two or three side by side."""
    cx, cy = place(rng, s)
    grain = float(s.grain[int(cy), int(cx)])
    angle = grain + rng.choice([-1, 1]) * rng.uniform(0.35, 1.35)  # clearly across the tool marks
    length, n = rng.uniform(70, 330), 90
    t = np.linspace(0, 1, n)
    heading = angle + rng.normal(0, 0.35) * (t - 0.5) + np.cumsum(rng.normal(0, 0.012, n))
    steps = np.stack([np.cos(heading), np.sin(heading)], 1) * length / n
    path = np.cumsum(steps, 0) - steps.sum(0) / 2 + (cx, cy)
    width = rng.uniform(2.0, 5.0)
    press = np.clip(
        np.sin(np.pi * t) ** 0.5 * (0.85 + 0.5 * np.convolve(rng.normal(0, 1, n + 8), np.ones(9) / 9, "valid")), 0.25, 1
    )
    cover = np.zeros(s.height.shape, np.float32)
    for k in range(int(rng.choice([1, 1, 1, 2, 3]))):
        shift = np.array([-math.sin(angle), math.cos(angle)]) * k * rng.uniform(6, 13) + rng.normal(0, 5, 2) * (k > 0)
        canvas = np.zeros(s.height.shape, np.uint8)
        cut = slice(int(rng.integers(0, 30)), n - int(rng.integers(0, 30))) if k else slice(0, n)
        points = np.round((path[cut] + shift) * 16).astype(np.int32)
        for a, b, p in zip(points[:-1], points[1:], press[cut], strict=False):
            cv2.line(canvas, a.tolist(), b.tolist(), int(255 * p), max(1, round(width * p)), cv2.LINE_AA, 4)
        cover = np.maximum(cover, canvas.astype(np.float32) / 255)
    soft = cv2.GaussianBlur(cover, (0, 0), 0.9)
    lips = np.clip(cv2.GaussianBlur(cover, (0, 0), 2.4) - 0.6 * soft, 0, 1)
    laid_open = np.asarray(s.bare) * rng.uniform(0.8, 1.1) if rng.random() < 0.75 else np.array((0.06, 0.055, 0.05))

    def change(base: Surface, strength: float) -> Surface:
        albedo = blend(base.albedo, laid_open, np.clip(0.45 * strength, 0, 0.9) * soft * s.part)
        return replace(base, height=base.height + strength * (0.9 * lips - 1.0 * soft) * s.part, albedo=albedo)

    return soft * 1.6 * s.part, change


def dent(rng: np.random.Generator, s: Surface) -> tuple[Array, Change]:
    """A blow from a hard corner or a ball: a hollow with a low rim, its surface otherwise kept."""
    cx, cy = place(rng, s)
    x, y = grid(s.height.shape)
    turn, radius, ratio = rng.uniform(0, math.pi), rng.uniform(15, 44), rng.uniform(0.6, 1.0)
    u, v = (x - cx) * math.cos(turn) + (y - cy) * math.sin(turn), (y - cy) * math.cos(turn) - (x - cx) * math.sin(turn)
    d = np.hypot(u, v / ratio) / radius * (1 + 0.07 * noise(rng, s.height.shape, radius * 0.7))
    power = rng.uniform(2.0, 4.5)  # 2: a ball; 4: a flat-bottomed hollow with a steep wall
    hollow = np.exp(-((d / 0.62) ** power))
    rim = np.exp(-(((d - 1.02) / 0.2) ** 2))
    scuff = np.exp(-((d / 0.3) ** 2)) * step(0.2, 1.2, noise(rng, s.height.shape, 2.2)) * rng.choice([0.0, 0.5])

    def change(base: Surface, strength: float) -> Surface:
        depth = 0.32 * strength * radius * (0.12 * rim - hollow) * s.part
        albedo = blend(base.albedo * (1 - 0.13 * hollow * s.part)[..., None], s.bare, scuff * s.part)
        return replace(base, height=base.height + depth, albedo=albedo)

    return step(1.12, 0.82, d) * s.part, change


def stain(rng: np.random.Generator, s: Surface) -> tuple[Array, Change]:
    """A dried or smeared patch: oil, rust, a water mark, coolant or a heat tint; colour and gloss, no relief."""
    cx, cy = place(rng, s)
    shape = s.height.shape
    x, y = grid(shape)
    turn, radius, ratio = rng.uniform(0, math.pi), rng.uniform(24, 75), rng.uniform(0.5, 1.0)
    u, v = (x - cx) * math.cos(turn) + (y - cy) * math.sin(turn), (y - cy) * math.cos(turn) - (x - cx) * math.sin(turn)
    ragged = 0.22 * noise(rng, shape, radius * 0.45) + 0.06 * noise(rng, shape, radius * 0.12)
    f = (1 - np.hypot(u, v / ratio) / radius + ragged).astype(np.float32)
    labels = cv2.connectedComponents((f > 0).astype(np.uint8))[1]
    f = np.where(labels == labels[min(int(cy), shape[0] - 1), min(int(cx), shape[1] - 1)], f, np.minimum(f, 0))
    kind = pick(rng, ("oil", "rust", "water", "coolant", "heat"))
    body, ring = step(0.0, rng.uniform(0.06, 0.25), f), np.exp(-(((f - 0.07) / 0.05) ** 2)) * (f > 0)
    patchy = 0.75 + 0.25 * np.tanh(noise(rng, shape, 9))
    gloss = 1.0
    if kind == "oil":
        colour, weight, gloss = np.array((0.09, 0.065, 0.035)), 0.55 * body + 0.2 * ring, 0.75
    elif kind == "rust":
        colour, weight, gloss = np.array((0.30, 0.12, 0.04)), body * (patchy - 0.15 + 0.1 * noise(rng, shape, 3)), 0.2
    elif kind == "water":
        colour, weight, gloss = np.array((0.70, 0.69, 0.66)), 0.22 * body * patchy + 0.6 * ring, 0.5
    elif kind == "coolant":
        colour, weight, gloss = np.array((0.50, 0.52, 0.40)), (0.5 * patchy - 0.05) * body + 0.15 * ring, 0.4
    else:
        hue = np.clip(f, 0, 1)[..., None]
        colour = (0.45, 0.30, 0.10) + (np.array((0.12, 0.10, 0.32)) - (0.45, 0.30, 0.10)) * np.clip(hue * 1.8, 0, 1)
        weight, gloss = 0.65 * body, 0.8

    def change(base: Surface, strength: float) -> Surface:
        cover = np.clip(weight * strength, 0, 0.95) * s.part
        shine = base.gloss * (1 + (gloss - 1) * np.clip(strength, 0, 1) * body * s.part)
        return replace(base, albedo=blend(base.albedo, colour, cover).astype(np.float32), gloss=shine)

    return body * s.part * 1.5, change


MAKERS = {"scratch": scratch, "dent": dent, "stain": stain}


# Camera, plan and archive -------------------------------------------------------------------------------------


def tone(light: Array, exposure: float) -> Array:
    """Linear light to display values 0..1: a soft shoulder for highlights, then gamma."""
    return (1 - np.exp(-exposure * np.maximum(light, 0))) ** (1 / 2.2)


def photograph(rng: np.random.Generator, light: Array, exposure: float) -> Image.Image:
    """Take the picture: vignette, tone curve, slight blur, down to the final size, sensor noise."""
    h, w = light.shape[:2]
    x, y = grid((h, w))
    off = np.hypot(x - w / 2, y - h / 2) / math.hypot(h, w) * 2
    shown = tone(light * (1 - rng.uniform(0, 0.4) * off**2)[..., None], exposure).astype(np.float32)
    shown = cv2.GaussianBlur(shown, (0, 0), rng.choice([0.5, 0.6, 0.8, 1.3]))
    small = cv2.resize(shown, (w // SCALE, h // SCALE), interpolation=cv2.INTER_AREA)
    level = rng.uniform(0.004, 0.016)
    grainy = rng.standard_normal((*small.shape[:2], 1)) + 0.5 * rng.standard_normal(small.shape)
    small = small + level * grainy * (0.5 + np.sqrt(np.clip(small, 0, 1)))
    return Image.fromarray((np.clip(small, 0, 1) * 255 + 0.5).astype(np.uint8))


def draw_picture(index: int, seed: int, wanted: Sequence[str], material: str) -> tuple[Image.Image, list[str]]:
    """Picture number `index` and its label rows `class x y w h`, normalised to 0..1."""
    rng = np.random.default_rng([seed, index])
    width, height = (SCALE * (side + int(rng.integers(-8, 9))) for side in pick(rng, SIZES))
    s = make_surface(rng, material, (height, width))
    lamp = make_lamp(rng, (height, width))
    for chance, feature in ((0.28, add_edge), (0.14, add_groove), (0.3, add_hole), (0.12, add_hole), (0.25, add_print)):
        s = feature(rng, s) if rng.random() < chance else s
    target = rng.uniform(0.42, 0.62)  # brightness of the median, so dark parts aren't lost
    median = float(np.median(shade(s, lamp)[s.part > 0.5]))
    exposure = -math.log(1 - target**2.2) / median * (0.75 if np.median(s.albedo) < 0.15 else 1.0)
    rows = []
    for name in wanted:
        before = tone(shade(s, lamp), exposure).mean(axis=2)
        for _ in range(8):  # until one is large enough and lies in the picture
            cover, change = MAKERS[name](rng, s)
            ys, xs = np.nonzero(cover > 0.5)
            sides = (np.ptp(xs) + 1, np.ptp(ys) + 1) if xs.size else (0, 0)
            if min(sides) >= 7 * SCALE and max(sides) <= 0.8 * max(width, height):
                break
        else:
            continue
        visible, strength = rng.uniform(0.035, 0.11), rng.uniform(0.5, 0.9)
        while strength < 4:
            changed = change(s, strength)
            shift = np.abs(tone(shade(changed, lamp), exposure).mean(axis=2) - before)[cover > 0.5]
            if shift.mean() >= visible:
                break
            strength *= 1.3
        near = cv2.dilate((cover > 0.3).astype(np.uint8), np.ones((17, 17), np.uint8))
        s = replace(changed, free=s.free * (1 - near * (rng.random() < 0.8)))
        left, top, right, bottom = xs.min() / width, ys.min() / height, (xs.max() + 1) / width, (ys.max() + 1) / height
        box = ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
        rows.append(f"{CLASSES.index(name)} " + " ".join(f"{value:.6f}" for value in box))
    s = add_drops(rng, s, lamp) if rng.random() < 0.2 else s
    s = add_dust(rng, s) if rng.random() < 0.35 else s
    return photograph(rng, shade(s, lamp), exposure * rng.uniform(0.8, 1.25)), rows


def plan(count: int, seed: int) -> list[tuple[str, tuple[str, ...], str]]:
    """For each picture its split, the defects it gets and its material; rounds of CYCLE keep all three balanced."""
    pictures: list[tuple[str, tuple[str, ...], str]] = []
    for turn in range(-(-count // CYCLE)):
        rng = np.random.default_rng([seed, 10_000 + turn])
        splits = ["train"] * 14 + ["val"] * 4 + ["test"] * 2
        clean = {0, 1, 18 if turn % 4 == 3 else 14}  # two in train, one in val or, every fourth round, in test
        chosen = []
        for k, split in enumerate(splits):
            first = CLASSES[(k + turn) % 3]
            more = rng.choice(CLASSES, size=int(rng.choice([0, 1, 2, 3], p=[0.4, 0.33, 0.2, 0.07])))
            material = MATERIALS[(k + turn * CYCLE) % len(MATERIALS)]
            chosen.append((split, () if k in clean else (first, *(str(name) for name in more)), material))
        pictures += [chosen[k] for k in rng.permutation(CYCLE)]
    return pictures[:count]


def write_sample(out: Path, count: int = 160, seed: int = 2024) -> Path:
    """Write `surface_defects.zip` into the folder `out` and return its path; same arguments, same archive."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / ZIP_NAME
    names = "".join(f"  {k}: {name}\n" for k, name in enumerate(CLASSES))
    members = {
        "data.yaml": f"path: .\ntrain: images/train\nval: images/val\ntest: images/test\nnames:\n{names}".encode()
    }
    for index, (split, wanted, material) in enumerate(plan(count, seed)):
        picture, rows = draw_picture(index, seed, wanted, material)
        jpeg = io.BytesIO()
        picture.save(jpeg, "JPEG", quality=JPEG_QUALITY, optimize=True)
        members[f"images/{split}/surface_{index + 1:03d}.jpg"] = jpeg.getvalue()
        members[f"labels/{split}/surface_{index + 1:03d}.txt"] = "".join(f"{row}\n" for row in rows).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members):
            archive.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), members[name], zipfile.ZIP_DEFLATED)
    return path


def main() -> None:
    """Read the command line and write the archive."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=160, help="pictures to draw (default 160)")
    parser.add_argument("--seed", type=int, default=2024)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder for the zip")
    args = parser.parse_args()
    path = write_sample(args.out, args.count, args.seed)
    print(f"{path}: {args.count} pictures, {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
