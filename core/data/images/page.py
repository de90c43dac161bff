"""One decoded page of a picture file, what can be wrong with it, and how large it may be."""

from __future__ import annotations

from dataclasses import dataclass, field

from PIL import Image

from core.words import thousands

MAX_PIXELS = 178_956_970
"""Pillow's own limit for a decompression bomb: 13,377 pixels square, about 0.5 GB decoded."""


BOMB_PIXELS_PER_BYTE = 2_000
"""A file that claims more pixels per byte than this lies: a blank JPEG reaches about 1,000."""


MAX_PAGES = 2_000


class UnreadableImage(Exception):
    """A picture can't be decoded; the text says why."""


class TooLarge(UnreadableImage):
    """A picture has more pixels than can be opened safely; `bomb` when its file is far too small for them."""

    def __init__(self, width: int, height: int, size: int) -> None:
        super().__init__(f"{thousands(width)} x {thousands(height)} pixels")
        self.bomb = width * height > BOMB_PIXELS_PER_BYTE * max(size, 1)


@dataclass
class Page:
    """One decoded page or frame: an 8-bit picture and what had to be done to get it."""

    image: Image.Image
    bits: int = 8
    changes: set[str] = field(default_factory=set)
    """codes of core.data.findings.of_reading: windowed, exif-rotated, transparency-flattened, image-converted ..."""
    group: str = ""
    known: dict[str, str] = field(default_factory=dict)
    """site, device and month, where the file names them"""


def check_size(width: int, height: int, file_size: int) -> None:
    """Raise TooLarge when a header claims more pixels than can be opened safely."""
    if width * height > MAX_PIXELS:
        raise TooLarge(width, height, file_size)
