"""The thirty-one kinds of things that scenes show: each is a function that draws one of them on a square patch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from core.models.starter import grounds

Array = npt.NDArray[Any]
Random = np.random.Generator


@dataclass
class Thing:
    """One thing to draw: `alpha` (side, side) 0..1 says where it is, `tone` (side, side) -1..1 how bright it is."""

    alpha: Array
    tone: Array
    soft: bool = False


# Outlines: points around the origin, in units of half the patch --------------------------------------------------


def _polar(radius: Array, turn: float, squash: float = 1.0) -> Array:
    angle = np.linspace(0, 2 * math.pi, len(radius), endpoint=False)
    points = np.stack([np.cos(angle) * radius, np.sin(angle) * radius * squash], 1)
    return _turned(points, turn)


def _turned(points: Array, turn: float) -> Array:
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return np.asarray(points @ rotation.T, np.float32)


def _filled(points: Array, side: int) -> Array:
    canvas = np.zeros((side, side), np.uint8)
    cv2.fillPoly(canvas, [np.round((points * 0.46 + 0.5) * side * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return canvas.astype(np.float32) / 255


def _stroked(points: Array, side: int, width: float, closed: bool = False) -> Array:
    canvas = np.zeros((side, side), np.uint8)
    pixels = np.round((points * 0.46 + 0.5) * side * 16).astype(np.int32)
    cv2.polylines(canvas, [pixels], closed, 255, max(1, round(width)), cv2.LINE_AA, 4)
    return canvas.astype(np.float32) / 255


def _ragged(rng: Random, roughness: float, count: int = 48) -> Array:
    angle = np.linspace(0, 2 * math.pi, count, endpoint=False)
    radius = np.ones(count)
    for wave in range(2, 8):
        radius += rng.normal(0, roughness / wave) * np.cos(wave * angle + rng.uniform(0, 6.3))
    return np.asarray(radius / np.abs(radius).max(), np.float32)


def _turn(rng: Random) -> float:
    return float(rng.uniform(0, 2 * math.pi))


def _polygon(corners: int, rng: Random, jitter: float = 0.0) -> Array:
    return _polar(np.ones(corners, np.float32) - rng.uniform(0, jitter + 1e-6, corners).astype(np.float32), _turn(rng))


# The kinds: each takes (rng, side in pixels) and returns a Thing --------------------------------------------------


def _plain(alpha: Array) -> Thing:
    return Thing(alpha, np.ones_like(alpha))


def disc(rng: Random, side: int) -> Thing:
    """A round, even disc."""
    return _plain(_filled(_polar(np.ones(40, np.float32), 0, rng.uniform(0.85, 1)), side))


def rod(rng: Random, side: int) -> Thing:
    """A long, rounded rod, straight or bent."""
    bend = rng.uniform(-0.5, 0.5)
    t = np.linspace(-1, 1, 20)
    width = side * rng.uniform(0.1, 0.26)
    points = _turned(np.stack([t * 0.8, bend * (t**2 - 0.5)], 1), _turn(rng))
    return _plain(_stroked(points, side, width))


def triangle(rng: Random, side: int) -> Thing:
    """A triangle."""
    return _plain(_filled(_polygon(3, rng, 0.3), side))


def rectangle(rng: Random, side: int) -> Thing:
    """A rectangle, upright or turned."""
    squash = rng.uniform(0.3, 1)
    points = np.array([[-1, -squash], [1, -squash], [1, squash], [-1, squash]]) * 0.75
    return _plain(_filled(_turned(points, 0.0 if rng.random() < 0.5 else _turn(rng)), side))


def hexagon(rng: Random, side: int) -> Thing:
    """A five- to seven-sided polygon."""
    return _plain(_filled(_polygon(int(rng.integers(5, 8)), rng), side))


def star(rng: Random, side: int) -> Thing:
    """A pointed star."""
    points = int(rng.integers(4, 9))
    radius = np.where(np.arange(2 * points) % 2 == 0, 1, rng.uniform(0.35, 0.6)).astype(np.float32)
    return _plain(_filled(_polar(radius, _turn(rng)), side))


def cross(rng: Random, side: int) -> Thing:
    """Two bars that cross."""
    turn, width = _turn(rng), side * rng.uniform(0.08, 0.25)
    arms = [np.array([[-0.9, 0], [0.9, 0]]), np.array([[0, -0.9], [0, 0.9]])]
    return _plain(np.maximum(*(_stroked(_turned(arm, turn), side, width) for arm in arms)))


def crescent(rng: Random, side: int) -> Thing:
    """A disc with a disc bitten out."""
    body, bite = _polar(np.ones(40, np.float32), 0), _polar(np.full(40, rng.uniform(0.6, 0.95), np.float32), 0)
    away = rng.uniform(0.4, 0.8)
    turn = _turn(rng)
    bite = bite + np.array([math.cos(turn), math.sin(turn)], np.float32) * away
    return _plain(_filled(body, side) * (1 - _filled(bite, side)))


def gear(rng: Random, side: int) -> Thing:
    """A toothed wheel with a hole."""
    teeth = int(rng.integers(7, 15))
    radius = np.where(np.arange(teeth * 4) % 4 < 2, 1, 0.8).astype(np.float32)
    hole = _filled(_polar(np.full(30, rng.uniform(0.2, 0.5), np.float32), 0), side)
    return _plain(_filled(_polar(radius, _turn(rng)), side) * (1 - hole))


def arrow(rng: Random, side: int) -> Thing:
    """An arrow."""
    neck, head = rng.uniform(0.1, 0.25), rng.uniform(0.4, 0.7)
    points = np.array([[-0.9, -neck], [0.1, -neck], [0.1, -head], [0.95, 0], [0.1, head], [0.1, neck], [-0.9, neck]])
    return _plain(_filled(_turned(points, _turn(rng)), side))


def leaf(rng: Random, side: int) -> Thing:
    """A pointed oval with a midrib and veins."""
    turn, width = _turn(rng), rng.uniform(0.3, 0.6)
    t = np.linspace(0, math.pi, 20)
    edge = np.concatenate([np.stack([-np.cos(t), np.sin(t) * width], 1), np.stack([np.cos(t), -np.sin(t) * width], 1)])
    alpha = _filled(_turned(edge, turn), side)
    veins = _stroked(_turned(np.array([[-1.0, 0], [1, 0]]), turn), side, max(1, side / 40))
    for x in np.linspace(-0.6, 0.5, 5):
        for way in (-1, 1):
            vein = np.array([[x, 0], [x + 0.3, way * width * 0.8]])
            veins = np.maximum(veins, _stroked(_turned(vein, turn), side, max(1, side / 60)))
    return Thing(alpha, 1 - rng.uniform(0.4, 1.2) * veins)


def ring(rng: Random, side: int) -> Thing:
    """A ring."""
    return _plain(_stroked(_polar(np.full(40, 0.85, np.float32), 0, rng.uniform(0.7, 1)), side,
                           side * rng.uniform(0.04, 0.14), True))  # fmt: skip


def frame(rng: Random, side: int) -> Thing:
    """An empty rectangle."""
    squash = rng.uniform(0.4, 1)
    points = np.array([[-1, -squash], [1, -squash], [1, squash], [-1, squash]]) * 0.8
    turned = _turned(points, 0.0 if rng.random() < 0.6 else _turn(rng))
    return _plain(_stroked(turned, side, side * rng.uniform(0.03, 0.12), True))


def spiral(rng: Random, side: int) -> Thing:
    """A spiral."""
    t = np.linspace(0.1, 1, 60)
    angle = t * rng.uniform(2, 3.5) * 2 * math.pi
    points = _turned(np.stack([np.cos(angle) * t, np.sin(angle) * t], 1) * 0.9, _turn(rng))
    return _plain(_stroked(points, side, side * rng.uniform(0.03, 0.06)))


def wave(rng: Random, side: int) -> Thing:
    """A wavy line or fibre."""
    t = np.linspace(-1, 1, 50)
    points = np.stack([t * 0.9, 0.25 * np.sin(t * rng.uniform(4, 12) + _turn(rng))], 1)
    return _plain(_stroked(_turned(points, _turn(rng)), side, side * rng.uniform(0.02, 0.07)))


def scratch(rng: Random, side: int) -> Thing:
    """A thin, nearly straight line that tapers and breaks off; sometimes several side by side."""
    alpha = np.zeros((side, side), np.float32)
    turn = _turn(rng)
    for number in range(int(rng.choice([1, 1, 2, 3]))):
        t = np.linspace(-1, 1, 24)
        drift = np.cumsum(rng.normal(0, 0.02, 24)) + number * rng.uniform(0.05, 0.2)
        line = _turned(np.stack([t * rng.uniform(0.6, 0.95), drift], 1), turn)
        alpha = np.maximum(alpha, _stroked(line, side, max(1, side * rng.uniform(0.008, 0.03))) * rng.uniform(0.6, 1))
    return _plain(alpha)


def crack(rng: Random, side: int) -> Thing:
    """A branching, jagged line."""
    alpha = np.zeros((side, side), np.float32)
    todo = [(np.array([-0.9, rng.uniform(-0.3, 0.3)]), 0.0, 1.8)]
    turn = _turn(rng)
    while todo:
        start, heading, length = todo.pop()
        steps = 14
        headings = heading + np.cumsum(rng.normal(0, 0.35, steps)) * 0.7
        way = np.stack([np.cos(headings), np.sin(headings)], 1) * length / steps
        line = np.clip(np.concatenate([[start], start + np.cumsum(way, 0)]), -1, 1)
        alpha = np.maximum(alpha, _stroked(_turned(line * 0.75, turn), side, max(1, side * rng.uniform(0.008, 0.025))))
        if length > 0.7:
            for _ in range(int(rng.integers(1, 3))):
                todo.append((line[int(rng.integers(3, steps))], heading + rng.choice([-1, 1]) * 0.8, length * 0.35))
    return _plain(alpha)


def cell(rng: Random, side: int) -> Thing:
    """A body with a rim and a nucleus of another tone."""
    body = _filled(_polar(_ragged(rng, rng.uniform(0, 0.25)), _turn(rng), rng.uniform(0.7, 1)), side)
    nucleus = np.zeros_like(body)
    for _ in range(int(rng.integers(1, 4))):
        lobe = _polar(_ragged(rng, 0.2) * rng.uniform(0.25, 0.5), _turn(rng)) + rng.uniform(-0.25, 0.25, 2)
        nucleus = np.maximum(nucleus, _filled(lobe.astype(np.float32), side))
    rim = body - _filled(_polar(np.full(40, 0.8, np.float32), 0), side) * body
    return Thing(body * rng.uniform(0.5, 1), rng.uniform(0.1, 0.5) + rng.uniform(0.5, 1) * nucleus + 0.3 * rim)


def corpuscle(rng: Random, side: int) -> Thing:
    """A round body that is paler, or hollow, in the middle."""
    body = _filled(_polar(_ragged(rng, 0.08), _turn(rng), rng.uniform(0.75, 1)), side)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    middle = np.exp(-(x**2 + y**2) / rng.uniform(0.08, 0.3)).astype(np.float32)
    return Thing(body * rng.uniform(0.5, 1), 1 - rng.uniform(0.4, 1.1) * middle)


def blob(rng: Random, side: int) -> Thing:
    """An irregular, filled patch."""
    return _plain(_filled(_polar(_ragged(rng, rng.uniform(0.5, 1.2)), _turn(rng), rng.uniform(0.5, 1)), side))


def cluster(rng: Random, side: int) -> Thing:
    """Many small dots close together."""
    canvas = np.zeros((side, side), np.uint8)
    for x, y in rng.normal(0.5, 0.15, (int(rng.integers(6, 22)), 2)):
        radius = max(1, round(side * rng.uniform(0.025, 0.07)))
        cv2.circle(canvas, (int(x * side), int(y * side)), radius, 255, -1, cv2.LINE_AA)
    return _plain(canvas.astype(np.float32) / 255)


def stain(rng: Random, side: int) -> Thing:
    """A soft, uneven patch, sometimes with a darker rim."""
    body = _filled(_polar(_ragged(rng, rng.uniform(0.3, 0.9)) * 0.9, _turn(rng), rng.uniform(0.5, 1)), side)
    soft = cv2.GaussianBlur(body, (0, 0), max(0.6, side * rng.uniform(0.01, 0.08)))
    rim = np.clip(4 * soft * (1 - soft), 0, 1) * rng.choice([0.0, 0.6])
    patchy = 0.75 + 0.35 * grounds.crop(rng, side, rng.uniform(0.5, 2))
    return Thing(np.clip(soft * patchy * rng.uniform(0.4, 0.9) + rim * 0.4, 0, 1), np.ones_like(soft), soft=True)


def bump(rng: Random, side: int) -> Thing:
    """A dent or a bump: bright on one side, dark on the other."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    turn = _turn(rng)
    u = x * math.cos(turn) + y * math.sin(turn)
    v = (y * math.cos(turn) - x * math.sin(turn)) / rng.uniform(0.6, 1)
    d = np.hypot(u, v)
    window = np.clip((0.95 - d) * rng.uniform(3, 12), 0, 1).astype(np.float32)
    slope = (x * math.cos(turn + 1) + y * math.sin(turn + 1)) * rng.uniform(1.2, 2.4)
    strength = np.clip(np.abs(slope) * 1.2, 0.1, 1) * window
    return Thing(np.asarray(strength * 0.9, np.float32), np.asarray(np.sign(slope), np.float32), soft=True)


def hole(rng: Random, side: int) -> Thing:
    """A dark hole with a bright rim, or the reverse."""
    outer = _filled(_polar(np.ones(40, np.float32), 0), side)
    inner = _filled(_polar(np.full(40, rng.uniform(0.5, 0.85), np.float32), 0), side)
    return Thing(outer, 1 - 2 * inner)


def screw(rng: Random, side: int) -> Thing:
    """A disc with a slot, a cross or a hexagon in it."""
    head = _filled(_polar(np.ones(40, np.float32), 0), side)
    turn, kind = _turn(rng), int(rng.integers(3))
    if kind == 2:
        socket = _filled(_polygon(6, rng) * 0.5, side)
    else:
        socket = _stroked(_turned(np.array([[-0.8, 0], [0.8, 0]]), turn), side, side * 0.1)
        if kind == 1:
            socket = np.maximum(socket, _stroked(_turned(np.array([[0, -0.8], [0, 0.8]]), turn), side, side * 0.1))
    return Thing(head, 1 - 1.6 * socket)


def _glyph(rng: Random, side: int, text: str) -> Thing:
    canvas = np.zeros((side, side), np.uint8)
    font = int(rng.choice([0, 2, 3, 4, 6, 7]))
    scale = side / 34
    weight = max(1, round(side * rng.uniform(0.03, 0.12)))
    (width, height), _ = cv2.getTextSize(text, font, scale, weight)
    fit = 0.8 * side / max(width, height)
    at = (int((side - width * fit) / 2), int((side + height * fit) / 2))
    cv2.putText(canvas, text, at, font, scale * fit, 255, weight, cv2.LINE_AA)
    if rng.random() < 0.5:
        spin = cv2.getRotationMatrix2D((side / 2, side / 2), float(rng.uniform(-180, 180)), 0.85)
        canvas = np.asarray(cv2.warpAffine(canvas, spin, (side, side)), np.uint8)
    return _plain(canvas.astype(np.float32) / 255)


def letter(rng: Random, side: int) -> Thing:
    """A capital letter."""
    return _glyph(rng, side, chr(65 + int(rng.integers(26))))


def digit(rng: Random, side: int) -> Thing:
    """A digit."""
    return _glyph(rng, side, str(rng.integers(10)))


def chequer(rng: Random, side: int) -> Thing:
    """A patch of chequers or dots."""
    step = max(2, round(side * rng.uniform(0.06, 0.16)))
    y, x = np.mgrid[0:side, 0:side]
    tone = np.where((x // step + y // step) % 2 == 0, 1, -0.8)
    return Thing(_filled(_polar(_ragged(rng, 0.3), _turn(rng)), side), tone.astype(np.float32))


def stripes(rng: Random, side: int) -> Thing:
    """A striped patch."""
    y, x = np.mgrid[0:side, 0:side]
    turn, step = _turn(rng), max(3.0, side * rng.uniform(0.08, 0.25))
    tone = np.sign(np.sin((x * math.cos(turn) + y * math.sin(turn)) * 2 * math.pi / step))
    return Thing(_filled(_polygon(int(rng.integers(4, 9)), rng, 0.3), side), tone.astype(np.float32))


def gap(rng: Random, side: int) -> Thing:
    """The break in a line: two blunt ends that face each other."""
    width, opening = side * rng.uniform(0.15, 0.4), rng.uniform(0.12, 0.4)
    turn = float(rng.integers(4)) * math.pi / 2 if rng.random() < 0.7 else _turn(rng)
    ends = [np.array([[-2.2, 0], [-opening - 0.25, 0]]), np.array([[opening + 0.25, 0], [2.2, 0]])]
    return _plain(np.maximum(*(_stroked(_turned(end, turn), side, width) for end in ends)))


def spur(rng: Random, side: int) -> Thing:
    """A line with something growing out of it, or bitten from it."""
    turn = float(rng.integers(4)) * math.pi / 2 if rng.random() < 0.7 else _turn(rng)
    width = rng.uniform(0.15, 0.35)
    line = _stroked(_turned(np.array([[-2.2, 0], [2.2, 0]]), turn), side, side * width)
    wart = _polar(_ragged(rng, 0.3) * rng.uniform(0.15, 0.35), 0) + np.array([0, width * 1.1])
    bite = _filled(_turned(wart, turn), side)
    return _plain(np.maximum(line, bite) if rng.random() < 0.5 else line * (1 - bite))


KINDS: tuple[Callable[[Random, int], Thing], ...] = (
    disc, rod, triangle, rectangle, hexagon, star, cross, crescent, gear, arrow, leaf, ring, frame, spiral, wave,
    scratch, crack, cell, corpuscle, blob, cluster, stain, bump, hole, screw, letter, digit, chequer, stripes, gap,
    spur,
)  # fmt: skip
NAMES = tuple(kind.__name__ for kind in KINDS)
"""Names of the synthetic classes, in the order of their numbers."""
