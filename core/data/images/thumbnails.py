"""Pictures for people: a small JPEG of a picture with its labels or a model's answers drawn on it.

Truth is drawn solid, a prediction dashed; a miss carries a cross and a false alarm a triangle, so that they are told
apart by shape as well as by colour. Nothing is cached here: callers keep the bytes (key: path, time of change, marks).
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from core.data.images.reduced import open_reduced
from core.data.objects import NOT_JUDGED, LabelledImage, read_mask
from core.data.palette import class_colour, ink_on

Point = tuple[float, float]
SMALL = 480
"""Up to this longer side, in pixels, only a few names are written; the picture would vanish under more."""
MOST_NAMED = 60
"""Marks from which on a picture small or large carries signs alone: names would cover all of it."""
VEIL = 120
"""How thickly a mask is laid over a picture, of 255."""
DASH = (7.0, 5.0)
"""Length of a dash and of the gap after it, in pixels of the thumbnail."""


@dataclass(frozen=True)
class Mark:
    """Something to draw on a picture; coordinates are fractions (0 to 1) of its width and height."""

    outline: tuple[Point, ...] = ()
    """corners of a box or polygon, in order"""
    points: tuple[Point, ...] = ()
    """key points"""
    colour: str = "#0072B2"
    label: str = ""
    dashed: bool = False
    sign: Literal["", "miss", "false-alarm"] = ""
    mask: Path | None = None
    """a PNG with a class id per pixel, laid over the whole picture in the colours of the classes"""


def box_outline(box: tuple[float, float, float, float]) -> tuple[Point, ...]:
    """Return the four corners of a box given as centre x, centre y, width, height."""
    x, y, width, height = box
    left, right, top, bottom = x - width / 2, x + width / 2, y - height / 2, y + height / 2
    return (left, top), (right, top), (right, bottom), (left, bottom)


def truth_marks(image: LabelledImage, classes: Sequence[str], with_names: bool = True) -> list[Mark]:
    """Return the marks of a picture's labels in the colours of their classes; a whole picture's class has none."""
    if image.mask is not None:
        return [Mark(mask=image.mask)]
    marks = []
    for item in image.objects:
        if item.box is None and item.polygon is None:
            continue
        if item.polygon is not None:
            outline = tuple((float(x), float(y)) for x, y in item.polygon)
        else:
            assert item.box is not None
            outline = box_outline(item.box)
        points = () if item.keypoints is None else tuple((float(x), float(y)) for x, y, seen in item.keypoints if seen)
        name = classes[item.class_id] if with_names and item.class_id < len(classes) else ""
        marks.append(Mark(outline, points, class_colour(item.class_id), name))
    return marks


def render(path: Path, marks: Iterable[Mark] = (), longest: int = 360, quality: int = 82) -> bytes:
    """Return a JPEG of the picture at `path`, its longer side at most `longest` pixels, with `marks` drawn on it.

    Raises OSError when the picture can't be decoded.
    """
    picture = open_reduced(path, longest)
    picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    smallest = min(longest, 200)
    if max(picture.size) < smallest:  # a tiny picture: enlarge it, or nobody sees the marks
        factor = smallest / max(picture.size)
        size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
        picture = picture.resize(size, Image.Resampling.NEAREST)
    draw_marks(picture, list(marks))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def draw_marks(picture: Image.Image, marks: Sequence[Mark], letters: int | None = None) -> None:
    """Draw marks on an RGB picture in place: outlines first, then the names, so that no line crosses a name.

    `letters` is the height of the names in pixels, by default a thirtieth of the picture.
    """
    for mark in marks:
        if mark.mask is not None:
            lay_mask(picture, read_mask(mark.mask))
    pen = ImageDraw.Draw(picture)
    width = max(2, round(max(picture.size) / 240))
    for mark in marks:
        _outline(pen, [_pixel(point, picture) for point in mark.outline], mark, width)
        for point in mark.points:
            x, y = _pixel(point, picture)
            place = (x - width - 1, y - width - 1, x + width + 1, y + width + 1)
            if mark.dashed:  # a prediction's points are rings, as its outline is dashed
                pen.ellipse(place, outline="white", width=3)
                pen.ellipse(place, outline=mark.colour, width=2)
            else:
                pen.ellipse(place, fill=mark.colour, outline="white")
    font = _font(letters or max(11, round(max(picture.size) / 30)))
    crowded = len(marks) > (5 if max(picture.size) <= SMALL else 40)
    for mark in marks:
        if mark.outline and (mark.sign or (mark.label and not crowded)):
            _name(pen, picture, replace(mark, label="") if len(marks) > MOST_NAMED else mark, font)


def lay_mask(picture: Image.Image, mask: NDArray[np.uint8]) -> None:
    """Lay class ids (height, width of any size) over an RGB picture in place; pixels that are not judged stay bare."""
    shown = Image.fromarray(mask).resize(picture.size, Image.Resampling.NEAREST)
    colours = [part for number in range(256) for part in bytes.fromhex(class_colour(number)[1:])]
    flat = Image.frombytes("P", shown.size, shown.tobytes())
    flat.putpalette(colours)
    veil = shown.point([0 if number == NOT_JUDGED else VEIL for number in range(256)])
    picture.paste(flat.convert("RGB"), (0, 0), veil)


def _pixel(point: Point, picture: Image.Image) -> Point:
    return point[0] * (picture.width - 1), point[1] * (picture.height - 1)


def _outline(pen: ImageDraw.ImageDraw, corners: list[Point], mark: Mark, width: int) -> None:
    if len(corners) < 2:
        return
    closed = [*corners, corners[0]]
    if not mark.dashed:
        pen.line(closed, fill=_halo(mark.colour), width=width + 2, joint="curve")
        pen.line(closed, fill=mark.colour, width=width, joint="curve")
        return
    pen.line(closed, fill=_halo(mark.colour), width=width, joint="curve")
    for start, end in pairwise(closed):
        length = math.dist(start, end)
        along = 0.0
        while along < length:
            stop = min(along + DASH[0], length)
            pen.line(
                [_between(start, end, along / length), _between(start, end, stop / length)], mark.colour, width + 1
            )
            along = stop + DASH[1]


def _between(start: Point, end: Point, share: float) -> Point:
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def _halo(colour: str) -> str:
    return "#101010" if ink_on(colour) == "#000000" else "#F5F5F5"


def _name(pen: ImageDraw.ImageDraw, picture: Image.Image, mark: Mark, font: ImageFont.FreeTypeFont) -> None:
    text = mark.label[:28]
    left, _, right, bottom = pen.textbbox((0, 0), text or "x", font=font)
    height = bottom + 4
    sign = height - 2 if mark.sign else 0  # a square at the left for the cross or the triangle
    width = (right - left + 6 if text else 2) + sign
    corners = [_pixel(point, picture) for point in mark.outline]
    x = min(max(0, min(point[0] for point in corners)), max(0, picture.width - width))
    top = min(point[1] for point in corners)
    y = top - height if top >= height else min(top + 2, picture.height - height)
    ink = ink_on(mark.colour)
    pen.rectangle((x, y, x + width, y + height), fill=mark.colour)
    pen.text((x + 3 + sign - left, y + 1), text, fill=ink, font=font)
    if mark.sign:
        _sign(pen, (x + 3, y + 3, x + sign - 1, y + height - 3), mark.sign, ink)


def _sign(pen: ImageDraw.ImageDraw, box: tuple[float, float, float, float], sign: str, ink: str) -> None:
    """Draw a cross (miss) or a triangle (false alarm); drawn, since the font at hand has neither."""
    left, top, right, bottom = box
    if sign == "miss":
        pen.line([(left, top), (right, bottom)], fill=ink, width=2)
        pen.line([(left, bottom), (right, top)], fill=ink, width=2)
    else:
        pen.polygon([((left + right) / 2, top), (right, bottom), (left, bottom)], fill=ink)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # Pillow brings a FreeType font for any size
    return font
