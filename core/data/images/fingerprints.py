"""What is remembered of a picture's look: a small grey thumbnail, a 64-bit perceptual hash, the mean grey level."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

THUMB = 32
"""Side of the grey thumbnail in pixels."""
LOW = 8
"""Rows and columns of the cosine transform that make the hash."""


@cache
def _cosines() -> NDArray[np.float64]:
    """Return the first LOW rows of the type-II cosine transform of length THUMB."""
    place = (2 * np.arange(THUMB) + 1) * np.pi / (2 * THUMB)
    return np.cos(np.arange(LOW)[:, None] * place[None, :])


def thumbnail(image: Image.Image) -> NDArray[np.uint8]:
    """Return a (32, 32) grey thumbnail, proportions not kept."""
    grey = image if image.mode == "L" else image.convert("L")
    return np.asarray(grey.resize((THUMB, THUMB), Image.Resampling.BOX), dtype=np.uint8)


def perceptual_hash(thumbs: NDArray[Any]) -> NDArray[np.uint64]:
    """Return the 64-bit hash of each (n, 32, 32) thumbnail: low frequencies of the cosine transform over their median.

    The construction of Zauner (2010), "Implementation and benchmarking of perceptual image hash functions".
    """
    basis = _cosines()
    flat = np.empty((len(thumbs), LOW * LOW))
    for start in range(0, len(thumbs), 1000):
        part = thumbs[start : start + 1000].astype(np.float64)
        flat[start : start + 1000] = (basis @ part @ basis.T).reshape(len(part), LOW * LOW)
    median = np.median(flat[:, 1:], axis=1, keepdims=True)
    bits = (flat > median).astype(np.uint8)
    return np.packbits(bits, axis=1).view(">u8").astype(np.uint64).ravel()


def hash_text(value: np.uint64 | int) -> str:
    """Return a hash as 16 hex digits."""
    return f"{int(value):016x}"
