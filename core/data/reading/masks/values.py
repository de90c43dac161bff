"""What the values of masks are: few or many, smoothed by interpolation, one object each or classes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.data.images.budget import PICTURES
from core.data.images.decoding import open_header
from core.data.images.page import UnreadableImage
from core.data.reading.tree import Tree

MAX_LEVELS = 64
LOSSY = (".jpg", ".jpeg")
Values = NDArray[np.int64]


VALUE_BYTES = 12
"""Bytes that a mask's pixel takes: as read and as a whole number."""


@dataclass(frozen=True)
class Read:
    """A mask as integer values; `coloured` when they are 0xRRGGBB, `wide` when the file has more than 8 bits."""

    values: Values
    coloured: bool = False
    wide: bool = False


@dataclass(frozen=True)
class Looked:
    """Size and whether the values are few: what pairing asks of a file."""

    size: tuple[int, int]
    few: bool


def read_values(tree: Tree, name: str, *, colours: bool = False) -> Read:
    """Return a mask's values: grey levels, palette indices, or with `colours` what they look like as 0xRRGGBB.

    A picture in colour whose channels are equal counts as grey. Raises UnreadableImage, OSError or ValueError.
    """
    with open_header(tree.files[name]) as image, PICTURES.room(*image.size, VALUE_BYTES):
        try:
            image.load()
        except Exception as error:  # Pillow's plugins raise almost anything on hostile bytes
            raise UnreadableImage(f"its pixels are damaged ({error})") from error
        wide = image.mode in ("I", "I;16", "I;16B", "I;16L", "F")
        if image.mode == "1" and not colours:
            return Read(np.asarray(image).astype(np.int64) * 255)
        if wide or (image.mode in ("L", "P") and not colours):
            return Read(np.asarray(image).astype(np.int64), wide=wide)
        if image.mode == "LA" and not colours:
            return Read(np.asarray(image.getchannel("L")).astype(np.int64))
        red, green, blue = (np.asarray(part).astype(np.int64) for part in image.convert("RGB").split())
    if not colours and (red == green).all() and (green == blue).all():
        return Read(red)
    return Read(red << 16 | green << 8 | blue, coloured=True)


def looker(tree: Tree) -> Callable[[str], Looked | None]:
    """Return what opens a file and says its size and whether its values are few; each file is opened once."""

    @lru_cache(maxsize=2048)
    def look(name: str) -> Looked | None:
        try:
            values = read_values(tree, name).values
        except (UnreadableImage, OSError, ValueError):
            return None
        return Looked((values.shape[1], values.shape[0]), is_mask_like(values, lossy=name.lower().endswith(LOSSY)))

    return look


def is_mask_like(values: Values, *, lossy: bool = False) -> bool:
    """Return whether a picture can be a mask: few values, or a few real ones with a smoothed edge."""
    levels, pixels = np.unique(values, return_counts=True)
    return len(levels) <= MAX_LEVELS or is_smoothed(dict(zip(levels.tolist(), pixels.tolist(), strict=True)), lossy)


def is_flat(values: Values) -> bool:
    """Return whether nearly every pixel equals its neighbour, as in a label image with many values."""
    return values.shape[1] > 1 and float((values[:, 1:] == values[:, :-1]).mean()) >= 0.8


def is_smoothed(pixels: dict[int, int], lossy: bool = False) -> bool:
    """Return whether masks are binary with smoothed edges: many levels spread between two ends that hold the most.

    JPEG (`lossy`) blurs the ends themselves by some levels.
    """
    levels = [level for level in pixels if level]
    if len(levels) <= 8 or not 128 <= max(levels) <= 255:
        return False
    slack = 24 if lossy else 0
    between = [level for level in levels if slack < level < max(levels) - slack]
    if not lossy and max(between) - min(between) < max(levels) / 2:
        return False  # classes 1 to 20 and a void of 255
    ends = sum(number for level, number in pixels.items() if level <= slack or level >= max(levels) - slack)
    return ends >= 0.85 * sum(pixels.values())


@dataclass
class Evidence:
    """What speaks for each value being one object, gathered from a sample of the masks."""

    masks: int = 0
    regions: int = 0
    single: int = 0
    """values that form one region in their mask"""
    consecutive: int = 0
    """masks whose values run 1, 2, 3 ... without a gap"""
    highest: set[int] = field(default_factory=set)
    counts: set[int] = field(default_factory=set)
    sets: set[frozenset[int]] = field(default_factory=set)
    wide: bool = False

    @property
    def possible(self) -> bool:
        """Values may be objects: each is one region, and masks differ in how many they have."""
        return (
            self.regions > self.masks
            and self.single >= 0.95 * self.regions
            and len(self.counts) > 1
            and len(self.sets) > 1
        )

    @property
    def likely(self) -> bool:
        """Nothing else makes sense: 16-bit label images that count from 1, or more values than a set has classes."""
        counted = self.consecutive >= 0.9 * self.masks
        many = max(self.counts, default=0) > 20
        return self.possible and ((counted and self.wide) or (many and (counted or self.wide)))

    @property
    def counts_from_one(self) -> bool:
        """Nearly every mask uses 1, 2, 3 ... without a gap, as a program that numbers objects does."""
        return self.consecutive >= 0.9 * self.masks and max(self.counts, default=0) > 1


def weigh(masks: Iterable[Read]) -> Evidence:
    """Return what a sample of masks says about values being objects."""
    import cv2

    found = Evidence()
    for read in masks:
        levels = [int(level) for level in np.unique(read.values) if level]
        if not levels:
            continue
        found.masks += 1
        found.wide |= read.wide
        found.counts.add(len(levels))
        found.sets.add(frozenset(levels))
        found.consecutive += levels == list(range(1, len(levels) + 1))
        for level in levels[:200]:
            pieces, _, stats, _ = cv2.connectedComponentsWithStats((read.values == level).astype(np.uint8))
            whole = stats[1:, cv2.CC_STAT_AREA]
            found.regions += 1
            found.single += bool(pieces == 2 or whole.max() >= 0.97 * whole.sum())
    return found
