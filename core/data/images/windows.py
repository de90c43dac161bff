"""Windows: which of a deep picture's grey levels the 256 levels of the training show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.data.images.page import Page
from core.errors import InputError

PRESETS: dict[str, tuple[float, float]] = {
    "lung": (-1350.0, 150.0),
    "bone": (-400.0, 1400.0),
    "brain": (0.0, 80.0),
    "soft-tissue": (-160.0, 240.0),
}
"""Lowest and highest Hounsfield unit shown (usual centre/width: -600/1500, 500/1800, 40/80, 40/400)."""

Piece = tuple[int, int, NDArray[Any]]
"""A part of a picture: its first row and column, and its values, (h, w) or (h, w, 3)."""
AT_ONCE = 4_000_000
"""Values that are windowed at once."""
AUTO_PERCENTILES = (0.5, 99.5)


@dataclass(frozen=True)
class Window:
    """How deep pictures are brought to 8 bits: automatic, a preset in Hounsfield units, or two levels by hand."""

    kind: Literal["auto", "preset", "levels"] = "auto"
    low: float = 0.0
    high: float = 0.0
    name: str = "auto"

    @classmethod
    def parse(cls, text: str) -> Window:
        """Read "auto", a preset's name, or "low,high". Raises InputError for anything else."""
        wanted = text.strip().lower().replace("_", "-").replace(" ", "-")
        if wanted in ("", "auto", "automatic"):
            return cls()
        if wanted in PRESETS:
            return cls("preset", *PRESETS[wanted], name=wanted)
        try:
            low, high = (float(part) for part in text.split(","))
        except ValueError:
            low = high = 0.0
        if not (np.isfinite(low) and np.isfinite(high)) or high <= low:
            raise InputError(
                f"“{text}” is not a window: give auto, one of {', '.join(PRESETS)}, or two levels such as 0,4095."
            )
        return cls("levels", low, high, name=f"{low:g},{high:g}")

    def sentence(self) -> str:
        """Say in a sentence how pictures were windowed."""
        if self.kind == "auto":
            return (
                "Pictures of more than 8 bits were windowed one by one: by the window in the DICOM header where there "
                f"is one, else from the {AUTO_PERCENTILES[0]} to the {AUTO_PERCENTILES[1]} percentile of their levels."
            )
        name = f"the {self.name.replace('-', ' ')} window, " if self.kind == "preset" else ""
        return f"Pictures of more than 8 bits were windowed by {name}levels {self.low:g} to {self.high:g}."


def apply_levels(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Map `low`..`high` to 0..255 linearly and clip the rest; any shape, any number type."""
    result = np.empty(values.shape, dtype=np.uint8)
    rows = max(1, AT_ONCE // max(1, values[:1].size))
    for start in range(0, len(values), rows):  # in strips: as a whole it would take nine bytes for each value
        scaled = (values[start : start + rows].astype(np.float32) - low) * (255.0 / max(high - low, 1e-9))
        result[start : start + rows] = np.clip(np.rint(scaled), 0, 255)
    return result


def automatic_levels(values: NDArray[Any]) -> tuple[float, float]:
    """Return the 0.5 and 99.5 percentile of the finite values, the full range when they coincide."""
    finite = values[np.isfinite(values)] if np.issubdtype(values.dtype, np.floating) else values.ravel()
    if finite.size == 0:
        return 0.0, 1.0
    if finite.size > 2_000_000:
        finite = finite.ravel()[:: finite.size // 1_000_000]
    low, high = (float(value) for value in np.percentile(finite, AUTO_PERCENTILES))
    if high <= low:
        low, high = float(finite.min()), float(finite.max())
    return (low, high) if high > low else (low, low + 1.0)


def windowed(values: NDArray[Any], window: Window, bits: int) -> Page:
    """Return raw values, (h, w) or (h, w, 3), as an 8-bit page of a source of `bits` per channel."""
    extremes = (0.0, 0.0)
    if (window.kind == "preset" or bits == 32) and values.size:
        extremes = float(values.min(initial=0)), float(values.max())
    low, high, bits, changes = _settle(window, bits, values.dtype, extremes, values)
    return Page(Image.fromarray(apply_levels(values, low, high)), bits, changes)


def windowed_pieces(pieces: Callable[[], Iterator[Piece]], shape: tuple[int, ...], window: Window, bits: int) -> Page:
    """Return the same of values that are too many to be held at once: `pieces` gives them anew at each call.

    They are read twice: first for the levels, by every so many-th value, then to be shown. 8-bit values stay.
    """
    result = np.zeros(shape, dtype=np.uint8)
    step = max(1, int(np.prod(shape)) // 1_000_000)
    sample: list[NDArray[Any]] = []
    lowest, highest, seen = 0.0, 0.0, 0
    for top, left, values in pieces():
        if values.dtype == np.uint8:
            result[top : top + values.shape[0], left : left + values.shape[1]] = values
            continue
        lowest, highest = min(lowest, float(values.min())), max(highest, float(values.max()))
        sample.append(values.ravel()[-seen % step :: step].copy())
        seen += values.size
    if not sample:
        return Page(Image.fromarray(result))
    levels = np.concatenate(sample)
    low, high, bits, changes = _settle(window, bits, levels.dtype, (lowest, highest), levels)
    for top, left, values in pieces():
        result[top : top + values.shape[0], left : left + values.shape[1]] = apply_levels(values, low, high)
    return Page(Image.fromarray(result), bits, changes)


def _settle(
    window: Window, bits: int, kind: np.dtype[Any], extremes: tuple[float, float], values: NDArray[Any]
) -> tuple[float, float, int, set[str]]:
    """Return the lowest and highest level to show, the bits there really are, and what to say of it."""
    changes = {"windowed"}
    if bits == 32 and np.issubdtype(kind, np.integer) and extremes[0] >= 0:
        bits = 16 if extremes[1] < 2**16 else 32
    low, high = window.low, window.high
    if window.kind == "preset" and (np.issubdtype(kind, np.unsignedinteger) or extremes[0] >= 0):
        changes.add("window-not-hounsfield")
        low, high = automatic_levels(values)
    elif window.kind == "auto":
        low, high = automatic_levels(values)
    return low, high, bits, changes
