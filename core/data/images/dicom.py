"""Read DICOM pictures: rescale, window, inversion, palettes, frames; identity tags stay behind."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.data.images.page import MAX_PAGES, Page, UnreadableImage, check_size
from core.data.images.windows import Window, apply_levels, automatic_levels


def decode_dicom(path: Path, window: Window, tag: str = "") -> Iterator[Page]:
    """Give each frame as an 8-bit picture; `tag` (PatientID, say) fills Page.group. Raises UnreadableImage."""
    import pydicom
    from pydicom.pixels.processing import apply_color_lut, apply_rescale, convert_color_space

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file = pydicom.dcmread(path, force=False)
            frames = int(file.get("NumberOfFrames", 1) or 1)
            rows, columns = int(file.get("Rows", 0) or 0), int(file.get("Columns", 0) or 0)
            if "PixelData" not in file or rows <= 0 or columns <= 0:
                raise UnreadableImage("DICOM file without pixels (a report or a directory)")
            check_size(columns, rows, path.stat().st_size)
            check_size(columns * min(frames, MAX_PAGES), rows, path.stat().st_size)
            kind = str(file.get("PhotometricInterpretation", "MONOCHROME2"))
            values = _pixels(file)
            bits = int(file.get("BitsStored", 8) or 8)
            if kind == "PALETTE COLOR":
                values = apply_color_lut(values, file)
                bits = 16 if values.dtype.itemsize > 1 else 8
            elif kind.startswith("YBR") and not _already_rgb(file):
                values = convert_color_space(values, kind, "RGB")
            colour = values.ndim >= 3 and values.shape[-1] == 3 and kind not in ("MONOCHROME1", "MONOCHROME2")
            stack = values if values.ndim == (4 if colour else 3) else values[None]
            group = str(file.get(tag, "") or "") if tag else ""
            for frame in stack[:MAX_PAGES]:
                if colour:
                    yield _colour_page(frame, kind, bits, group)
                    continue
                levels = apply_rescale(frame, file)
                yield _grey_page(file, levels, window, kind, bits, group)
    except UnreadableImage:
        raise
    except Exception as error:  # pydicom and its decoders raise many kinds on hostile bytes
        raise UnreadableImage(" ".join(str(error).split())[:200] or type(error).__name__) from error


def _pixels(file: Any) -> np.ndarray[Any, Any]:
    """Return the pixel array; UnreadableImage names the compression when no plugin can undo it."""
    try:
        return np.asarray(file.pixel_array)
    except RuntimeError as error:  # pydicom puts the messages of all its plugins into one
        kind = file.file_meta.TransferSyntaxUID.name
        raise UnreadableImage(f"its compression ({kind}) can't be undone: save it uncompressed") from error


def _already_rgb(file: Any) -> bool:
    """Return whether the pixel plugins hand out RGB for this transfer syntax (they do for compressed YBR)."""
    return bool(file.file_meta.TransferSyntaxUID.is_compressed)


def _colour_page(frame: np.ndarray[Any, Any], kind: str, bits: int, group: str) -> Page:
    changes: set[str] = {"dicom-identity"}
    if frame.dtype != np.uint8:
        top = 2.0**16 - 1 if kind == "PALETTE COLOR" else 2.0**bits - 1
        frame = apply_levels(frame, 0.0, top)
        if kind != "PALETTE COLOR":
            changes.add("windowed")
    return Page(Image.fromarray(np.ascontiguousarray(frame)), min(bits, 16), changes, group)


def _grey_page(file: Any, levels: np.ndarray[Any, Any], window: Window, kind: str, bits: int, group: str) -> Page:
    changes: set[str] = {"dicom-identity"}
    hounsfield = str(file.get("Modality", "")) == "CT" or str(file.get("RescaleType", "")) == "HU"
    low, high = window.low, window.high
    if window.kind == "preset" and not hounsfield:
        changes.add("window-not-hounsfield")
    if window.kind == "auto" or (window.kind == "preset" and not hounsfield):
        low, high = _header_levels(file) or automatic_levels(levels)
        if np.mean((levels >= low) & (levels <= high)) < 0.02:  # a header window that misses the picture
            low, high = automatic_levels(levels)
    if bits > 8:
        changes.add("windowed")
    elif window.kind == "auto" and not _header_levels(file):
        low, high = 0.0, 255.0
    grey = apply_levels(levels, low, high)
    return Page(Image.fromarray(255 - grey if kind == "MONOCHROME1" else grey), bits, changes, group)


def _header_levels(file: Any) -> tuple[float, float] | None:
    """Return the first window of the header as lowest and highest level (DICOM PS3.3 C.11.2.1.2), or None."""
    centre, width = file.get("WindowCenter"), file.get("WindowWidth")
    if centre is None or width is None or centre == "" or width == "":
        return None
    try:
        centre = float(centre[0] if hasattr(centre, "__iter__") and not isinstance(centre, str) else centre)
        width = float(width[0] if hasattr(width, "__iter__") and not isinstance(width, str) else width)
    except (TypeError, ValueError, IndexError):
        return None
    if not np.isfinite(centre) or width <= 1:
        return None
    return centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
