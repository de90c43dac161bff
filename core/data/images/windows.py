"""Windows: which of a deep picture's grey levels the 256 levels of the training show."""

from __future__ import annotations

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
    changes = {"windowed"}
    if bits == 32 and np.issubdtype(values.dtype, np.integer) and values.size and int(values.min()) >= 0:
        bits = 16 if int(values.max()) < 2**16 else 32
    low, high = window.low, window.high
    if window.kind == "preset" and (np.issubdtype(values.dtype, np.unsignedinteger) or values.min(initial=0) >= 0):
        changes.add("window-not-hounsfield")
        low, high = automatic_levels(values)
    elif window.kind == "auto":
        low, high = automatic_levels(values)
    return Page(Image.fromarray(apply_levels(values, low, high)), bits, changes)
