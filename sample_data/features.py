"""What lies on a surface: harmless features (edges, holes, print, drops, dust) and the three defects.

A defect comes in two parts: its cover, where it lies, and a `Change` that draws it as strongly as asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from surface import Array, Lamp, Surface, blend, grid, noise, pick, place, step

Change = Callable[[Surface, float], Surface]  # (surface, strength) -> surface with the defect


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
        wall = 0.3 * r
        sink = (
            -0.6 * np.clip(outer - d, 0, outer - r + wall) if kind == "countersunk" else -0.7 * np.clip(r - d, 0, wall)
        )
        height, dark = s.height * flat + sink + rings, step(r, 0.72 * r, d)
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
    # Two octaves of raggedness plus a drift of the coordinates: patches creep and lobe, they aren't ovals.
    drift = 0.35 * radius
    u, v = u + drift * noise(rng, shape, radius * 0.8), v + drift * noise(rng, shape, radius * 0.8)
    ragged = 0.14 * noise(rng, shape, radius * 0.3) + 0.06 * noise(rng, shape, radius * 0.08)
    f = (1 - np.hypot(u, v / ratio) / radius + ragged).astype(np.float32)
    labels, sizes = cv2.connectedComponentsWithStats((f > 0).astype(np.uint8))[1:3]
    largest = 1 + int(np.argmax(sizes[1:, cv2.CC_STAT_AREA])) if len(sizes) > 1 else 0
    f = np.where(labels == largest, f, np.minimum(f, 0))
    kind = pick(rng, ("oil", "rust", "water", "coolant", "heat") if s.hot else ("oil", "rust", "water", "coolant"))
    body = step(0.0, rng.uniform(0.12, 0.55), f)
    ring = np.exp(-(((f - 0.06) / rng.uniform(0.025, 0.05)) ** 2)) * (f > 0)
    patchy = np.clip(0.72 + 0.30 * noise(rng, shape, radius * 0.22) + 0.10 * noise(rng, shape, 2.5), 0.1, 1.3)
    # Thin films let the surface through (`film` multiplies it); crusts hide it (`weight` moves it to `colour`).
    film, weight, colour, gloss = np.ones(3), 0 * body, np.zeros(3), 1.0
    if kind == "oil":
        film, weight, gloss = np.array((0.40, 0.33, 0.24)), 0.18 * body * patchy, 0.8
        depth = body * patchy + 0.25 * ring
    elif kind == "rust":
        film, gloss, depth = np.array((0.62, 0.36, 0.20)), 0.2, body * patchy
        crust = step(0.2, 1.0, noise(rng, shape, 3.5) + 1.2 * f)
        weight, colour = 0.6 * body * crust, np.array((0.24, 0.085, 0.025)) * patchy[..., None]
    elif kind == "water":
        weight, colour, gloss = 0.14 * body * patchy + 0.36 * ring * patchy, np.array((0.72, 0.71, 0.68)), 0.5
        depth = 0 * body
    elif kind == "coolant":
        film, gloss, depth = np.array((0.78, 0.80, 0.55)), 0.4, body * patchy + 0.5 * ring
        weight, colour = 0.28 * body * patchy**2 + 0.12 * ring, np.array((0.55, 0.57, 0.42))
    else:  # temper colours, straw outside, then purple, blue inside
        hue = np.clip(f * 1.3 + 0.06 * noise(rng, shape, radius * 0.3), 0, 1)
        tints = np.array(
            ((0.97, 0.93, 0.82), (0.92, 0.74, 0.42), (0.62, 0.40, 0.52), (0.36, 0.44, 0.74), (0.60, 0.70, 0.78))
        )
        film = np.stack([np.interp(hue, (0, 0.25, 0.5, 0.72, 1), tints[:, k]) for k in range(3)], axis=2)
        depth, gloss = body, 0.85

    def change(base: Surface, strength: float) -> Surface:
        passed = np.power(film, (strength * depth * s.part)[..., None])
        albedo = blend(base.albedo * passed, colour, np.clip(weight * strength, 0, 0.92) * s.part)
        shine = base.gloss * (1 + (gloss - 1) * np.clip(strength, 0, 1) * body * s.part)
        return replace(base, albedo=albedo.astype(np.float32), gloss=shine.astype(np.float32))

    return step(0.0, 0.08, f) * s.part, change


MAKERS = {"scratch": scratch, "dent": dent, "stain": stain}
