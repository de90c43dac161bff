"""Bring one picture of the source into the dataset: checked, 8 bit, upright, hashed, moved or copied once."""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.data.images.budget import PICTURES
from core.data.images.decoding import (
    KEPT_FORMATS,
    MIN_SIDE,
    decode,
    exif_turn,
    has_holes,
    is_dicom,
    open_header,
    why_unreadable,
)
from core.data.images.fingerprints import THUMB, thumbnail
from core.data.images.nifti import is_nifti
from core.data.images.page import Page, TooLarge, UnreadableImage, check_size
from core.data.images.windows import Window
from core.data.reading.source_dataset import SourceImage
from core.errors import NO_ROOM, InputError
from core.files.digests import file_sha256
from core.words import megabytes

HELD = {"RGB": 5, "RGBA": 6}
"""Bytes that a pixel takes while a picture is looked at and kept as it is; two in any other mode."""


@dataclass(slots=True)
class Ready:
    """One picture as it will lie in the dataset, with what the image table says about it."""

    path: Path
    suffix: str
    width: int
    height: int
    bits: int
    sha256: str
    brightness: float
    thumb: NDArray[np.uint8]
    page: int = 0
    group: str = ""
    changes: frozenset[str] = frozenset()
    known: dict[str, str] = field(default_factory=dict)
    """site, device and month, where the file names them"""


@dataclass(frozen=True)
class Recipe:
    """How pictures are prepared: the window, which pages, whether the source file may be moved, the DICOM group tag."""

    window: Window = field(default_factory=Window)
    pages: str = "all"
    may_move: bool = False
    tag: str = ""
    axis: str = "axial"


def prepare_source(image: SourceImage, target: Path, recipe: Recipe) -> list[Ready]:
    """Prepare a picture of the source, also one that lies within another file; raises what `prepare` raises."""
    if image.axis:
        recipe = replace(recipe, axis=image.axis)
    if image.inside is None:
        return prepare(image.path, target, recipe, image.declared)
    own = target.with_name(f"{target.name}_inside{PurePosixPath(image.name).suffix.lower()}")
    try:
        own.write_bytes(image.inside())
        return prepare(own, target, replace(recipe, may_move=True), image.declared)
    finally:
        own.unlink(missing_ok=True)


def prepare(path: Path, target: Path, recipe: Recipe, declared: tuple[int, int] | None = None) -> list[Ready]:
    """Put a picture's pages at `target` plus a suffix and describe them.

    `declared` is the size its labels state, by which an EXIF rotation that they ignore is noticed. Raises
    UnreadableImage with the reason, TooLarge for a picture that can't be opened safely, InputError for a bomb.
    """
    try:
        if not is_dicom(path) and not is_nifti(path):
            kept = _keep(path, target, recipe)
            if kept is not None:
                return [kept]
        return _convert(path, target, recipe, declared)
    except TooLarge as error:
        if error.bomb:
            raise InputError(
                f"{path.name} claims {error} in a file of {megabytes(path.stat().st_size)}, as a decompression bomb "
                "does. Take it out and import again; nothing was imported."
            ) from error
        raise
    except OSError as error:
        if error.errno in NO_ROOM:
            raise InputError("The disk of the workspace is full: free some space and import again.") from error
        raise UnreadableImage(why_unreadable(error)) from error


def _keep(path: Path, target: Path, recipe: Recipe) -> Ready | None:
    """Keep the file byte for byte when the training reads it as it is; None when it must be converted."""
    data = path.read_bytes()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Image.MAX_IMAGE_PIXELS = None
            image = Image.open(io.BytesIO(data))
            kind = "JPEG" if image.format == "MPO" else image.format or ""
            if kind not in KEPT_FORMATS or (kind != "JPEG" and getattr(image, "n_frames", 1) > 1):
                return None
            width, height = image.size
            check_size(width, height, len(data))
            if kind == "PNG" and data[24:25] == b"\x10":
                return None
            if image.mode not in ("L", "RGB", "1", "P", "RGBA"):
                return None
            if "transparency" in image.info:
                return None
            if kind == "JPEG":
                image.draft("L", (2 * THUMB, 2 * THUMB))  # still reads every byte, so that a cut file is noticed
            # What a progressive JPEG keeps until its end doesn't shrink with the draft.
            held = (width, height, 3) if image.info.get("progressive") else (*image.size, HELD.get(image.mode, 2))
            with PICTURES.room(*held):
                if exif_turn(image) not in (0, 1):
                    return None
                image.load()
                if image.mode == "RGBA" and has_holes(image):
                    return None
                _check_side(width, height)
                thumb = thumbnail(image)
    except UnreadableImage:
        raise
    except Exception as error:
        if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".bmp", ".webp"):
            raise UnreadableImage(why_unreadable(error)) from error
        return None
    suffix = KEPT_FORMATS[kind]
    place = target.with_name(target.name + suffix)
    if recipe.may_move:
        os.rename(path, place)  # noqa: PTH104
    else:
        place.write_bytes(data)
    return _ready(place, suffix, (width, height), 8, hashlib.sha256(data).hexdigest(), thumb)


def _convert(path: Path, target: Path, recipe: Recipe, declared: tuple[int, int] | None) -> list[Ready]:
    upright = not _labels_ignore_exif(path, declared)
    result = []
    jpeg = path.suffix.lower() in (".jpg", ".jpeg", ".jpe", ".jfif")
    pages = decode(path, recipe.window, upright=upright, tag=recipe.tag, axis=recipe.axis)
    for number, page in enumerate(pages):
        _check_side(*page.image.size)
        changes = set(page.changes)
        if not upright:
            changes.add("exif-ignored")
        turned = changes & {"exif-rotated", "exif-ignored"}
        suffix = ".jpg" if turned and jpeg and not changes & {"windowed"} else ".png"
        name = f"{target.name}_{number:04d}" if number else target.name
        place = target.with_name(name + suffix)
        _save(page, place)
        if not changes & {"windowed", "exif-rotated", "exif-ignored", "transparency-flattened"}:
            changes.add("image-converted")
        ready = _ready(place, suffix, page.image.size, page.bits, file_sha256(place), thumbnail(page.image))
        ready.page, ready.group, ready.changes, ready.known = number, page.group, frozenset(changes), page.known
        result.append(ready)
        if recipe.pages == "first":
            if next(pages, None) is not None:
                ready.changes |= {"multi-page"}
            break
    if not result:
        raise UnreadableImage("no page in it")
    return result


def _save(page: Page, place: Path) -> None:
    if place.suffix == ".jpg":  # to a file, Pillow says “encoder error” on a full disk, as of a damaged picture
        buffer = io.BytesIO()
        page.image.save(buffer, "JPEG", quality=95, subsampling=0)
        place.write_bytes(buffer.getvalue())
    else:
        page.image.save(place, compress_level=3)


def _labels_ignore_exif(path: Path, declared: tuple[int, int] | None) -> bool:
    """Return whether the labels were drawn on the picture as stored, against its EXIF rotation (by its sizes)."""
    if not declared or min(declared) <= 0 or is_dicom(path) or is_nifti(path):
        return False
    with open_header(path) as image:
        turned = exif_turn(image) in (5, 6, 7, 8)
        width, height = image.size
    return turned and declared == (width, height) and width != height


def _check_side(width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE:
        raise TooSmall(f"{width} x {height} pixels")


class TooSmall(UnreadableImage):
    """A picture is under MIN_SIDE pixels wide or high."""


def _ready(place: Path, suffix: str, size: tuple[int, int], bits: int, digest: str, thumb: NDArray[Any]) -> Ready:
    return Ready(place, suffix, size[0], size[1], bits, digest, round(float(thumb.mean()), 2), thumb)
