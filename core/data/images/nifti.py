"""Read NIfTI volumes (nibabel) and cut them into pictures as radiologists look at them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.data.images.budget import PICTURES
from core.data.images.page import MAX_PAGES, Page, UnreadableImage, check_size
from core.data.images.windows import Window, apply_levels, automatic_levels
from core.words import megabytes

SUFFIXES = (".nii", ".nii.gz")
AXES = ("axial", "coronal", "sagittal")
AXIS_PLACES = {"sagittal": 0, "coronal": 1, "axial": 2}
"""Which of a volume's axes, in patient order, each cut runs along."""


def is_nifti(name: str | Path) -> bool:
    """Return whether a file is a NIfTI volume, by its name."""
    return str(name).lower().endswith(SUFFIXES)


@dataclass
class Volume:
    """A volume turned to patient axes: first to the right, second to the front, third to the head."""

    values: NDArray[Any]
    """(x, y, z) as stored, or (x, y, z, 3) of colours"""
    slope: float = 1.0
    intercept: float = 0.0
    changes: set[str] = field(default_factory=set)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along the three axes."""
        x, y, z = self.values.shape[:3]
        return int(x), int(y), int(z)

    def count(self, axis: str) -> int:
        """Return the number of slices along an axis."""
        return self.shape[AXIS_PLACES[axis]]

    def cut(self, axis: str, number: int) -> NDArray[Any]:
        """Return slice `number` as stored values (rows, columns): head or front up, the patient's right at the left."""
        turned = np.moveaxis(np.take(self.values, number, axis=AXIS_PLACES[axis]), 0, 1)  # (second, first axis left)
        upright: NDArray[Any] = turned[::-1, ::-1]
        return upright


def size_of(path: Path) -> tuple[int, ...]:
    """Return the shape a volume's header states, in patient axes. Raises UnreadableImage."""
    return tuple(_header(path)[0])


def _header(path: Path) -> tuple[list[int], Any]:
    import nibabel

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image: Any = nibabel.load(path)
            shape = [int(part) for part in image.shape]
            order = nibabel.orientations.io_orientation(image.affine)
    except Exception as error:  # nibabel and gzip raise many kinds on hostile bytes
        raise UnreadableImage(f"no NIfTI volume that can be read ({_reason(error, path)})") from error
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    if len(shape) == 2:
        shape.append(1)
    if len(shape) not in (3, 4) or min(shape, default=0) < 1 or np.isnan(order).any():
        raise UnreadableImage(f"a NIfTI header of {len(shape)} axes with {'x'.join(map(str, shape)) or 'no'} voxels")
    turned = list(shape)
    for own, (axis, _) in enumerate(order[:3]):
        turned[int(axis)] = shape[own]
    size = int(np.prod([float(part) for part in image.shape])) * int(image.get_data_dtype().itemsize)
    if size > (allowed := PICTURES.allowed() * 2 // 3):  # its slices come on top
        raise UnreadableImage(f"a volume of {megabytes(size)}, more than the {megabytes(allowed)} that are opened")
    return turned, image


def open_volume(path: Path) -> Volume:
    """Read a volume; of several (times, channels) the first. Raises UnreadableImage."""
    import nibabel

    turned, image = _header(path)
    del turned
    changes: set[str] = set()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = np.asanyarray(image.dataobj.get_unscaled())
            if values.dtype.names:  # colours
                values = np.stack([values[name] for name in values.dtype.names[:3]], axis=-1)
            elif values.ndim > 3:
                if int(np.prod(values.shape[3:])) > 1:
                    changes.add("volumes-left-out")
                values = values.reshape(*values.shape[:3], -1)[..., 0]
            elif values.ndim == 2:
                values = values[..., None]
            order = nibabel.orientations.io_orientation(image.affine)
            values = nibabel.orientations.apply_orientation(values, order)
            slope, intercept = float(image.dataobj.slope), float(image.dataobj.inter)
    except Exception as error:  # nibabel and gzip raise many kinds on damaged bytes
        raise UnreadableImage(f"a damaged NIfTI volume ({_reason(error, path)})") from error
    if not (np.isfinite(slope) and np.isfinite(intercept)) or slope == 0:
        slope, intercept = 1.0, 0.0
    return Volume(values, slope, intercept, changes)


def decode_nifti(path: Path, window: Window, axis: str = "axial") -> Iterator[Page]:
    """Give each slice along `axis` as an 8-bit picture; the automatic window is that of the whole volume."""
    volume = open_volume(path)
    axis = axis if axis in AXES else "axial"
    rows, columns = volume.cut(axis, 0).shape[:2]
    check_size(columns, rows, path.stat().st_size)
    count = volume.count(axis)
    bits = 32 if volume.values.dtype.kind == "f" else min(32, volume.values.dtype.itemsize * 8)
    low, high, changes = _levels(volume, window, bits)
    for number in range(min(count, MAX_PAGES)):
        values = volume.cut(axis, number)
        if values.ndim == 3:
            yield Page(Image.fromarray(np.ascontiguousarray(values)), 8, set(volume.changes))
            continue
        grey = apply_levels(values.astype(np.float32) * volume.slope + volume.intercept, low, high)
        left_out = {"pages-left-out"} if number == MAX_PAGES - 1 < count - 1 else set()
        yield Page(Image.fromarray(grey), bits, changes | volume.changes | left_out)


def _levels(volume: Volume, window: Window, bits: int) -> tuple[float, float, set[str]]:
    changes = {"windowed"} if bits > 8 else set()
    if window.kind == "levels":
        return window.low, window.high, changes
    if volume.values.ndim == 4 or volume.values.size == 0:
        return 0.0, 255.0, set()
    step = max(1, volume.values.size // 2_000_000)
    sample = volume.values.ravel(order="K")[::step].astype(np.float32) * volume.slope + volume.intercept
    if window.kind == "preset":
        if float(np.nanmin(sample)) < 0:
            return window.low, window.high, changes
        changes = changes | {"window-not-hounsfield"}
    elif bits == 8 and (volume.slope, volume.intercept) == (1.0, 0.0):
        return 0.0, 255.0, changes
    return *automatic_levels(sample), changes


def _reason(error: Exception, path: Path) -> str:
    text = str(error).replace(str(path), path.name)
    return (text.splitlines() or [type(error).__name__])[0][:120]
