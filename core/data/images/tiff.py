"""Read TIFF pictures: any depth, number of channels and compression that microscopes, cameras and drones write."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from core.data.images.budget import PICTURES
from core.data.images.page import MAX_PAGES, MAX_PIXELS, Page, UnreadableImage, check_size
from core.data.images.windows import AT_ONCE, Piece, Window, windowed, windowed_pieces

MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""The first four bytes of a TIFF file, and of one over 4 GB (BigTIFF)."""
SECOND_RENDERING = 0b101
"""Bits of NewSubfileType: a smaller copy of another page, and a mask of one; neither is a picture of its own."""
LZW = 5
LARGE = 64 * 2**20
"""Bytes of a page above which it is read in pieces instead of as a whole."""
STACK_PIXELS = 4 * MAX_PIXELS
"""Pixels of all pages of one file that are read; about half a minute of work."""


def is_tiff(path: Path) -> bool:
    """Return whether a file is a TIFF by its first bytes."""
    with path.open("rb") as file:
        return file.read(4) in MARKS


def deep_pages(path: Path, window: Window) -> Iterator[Page]:
    """Give every page that Pillow does not read: over 8 bits, more than four channels, or of an unusual make.

    Of more than three channels the first three are kept, of two the first, and the page says so. Raises
    UnreadableImage, naming the compression where it can't be undone.
    """
    import tifffile

    _teach_lzw(tifffile)
    with tifffile.TiffFile(path) as file:
        listed: list[Any] = list(file.pages)[:MAX_PAGES]
        pages = [page for page in listed if not page.subfiletype & SECOND_RENDERING]
        pages = pages or listed[:1]
        taken = max(1, STACK_PIXELS // max(1, pages[0].imagelength * pages[0].imagewidth))
        for number, page in enumerate(pages[:taken]):
            height, width = page.imagelength, page.imagewidth
            check_size(width, height, path.stat().st_size)
            check_size(page.samplesperpixel * width, height, path.stat().st_size)
            with ExitStack() as held:
                result = _read_page(path, page, window, held)
                if number == taken - 1 < len(pages) - 1:
                    result.changes.add("pages-left-out")
                yield result


def _read_page(path: Path, page: Any, window: Window, held: ExitStack) -> Page:
    """Read a page, a large one in pieces; the room that it takes is `held` while it is used."""
    width, height = page.imagewidth, page.imagelength
    depth = page.dtype.itemsize if page.dtype is not None else 4
    in_pieces = _bytes_in_pieces(page)
    if in_pieces and width * height * page.samplesperpixel * depth > LARGE:
        try:
            held.enter_context(PICTURES.room(width, height, in_pieces / (width * height)))
            return _page_in_pieces(path, page, window)
        except (ValueError, KeyError):  # a compression that can only be undone as a whole
            held.pop_all().close()
    held.enter_context(PICTURES.room(width, height, page.samplesperpixel * (depth + 1) + 2))
    return _page(path, page, window)


def _bytes_in_pieces(page: Any) -> int:
    """Return what a page takes when it is read in pieces, 0 where it can't be: its 8-bit picture, and one piece."""
    if page.dtype is None or page.dtype.kind not in "uif" or (page.samplesperpixel > 1 and page.planarconfig == 2):
        return 0
    channels = 3 if page.samplesperpixel > 2 else 1
    piece = AT_ONCE if page.is_final else int(np.prod(page.chunks))
    return int(page.imagewidth * page.imagelength * (channels + 1) + 4 * piece * page.dtype.itemsize)


def _page_in_pieces(path: Path, page: Any, window: Window) -> Page:
    import tifffile

    changes: set[str] = set()
    shape: tuple[int, ...] = (page.imagelength, page.imagewidth)
    shape = (*shape, 3) if page.samplesperpixel > 2 else shape

    def pieces() -> Iterator[Piece]:
        for top, left, values in _pieces(path, page):
            kept, said = _three_channels(values, page)
            changes.update(said)
            yield top, left, kept

    result = windowed_pieces(pieces, shape, window, _bits(page))
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        result.image = ImageOps.invert(result.image)
    result.changes |= changes
    return result


def _pieces(path: Path, page: Any) -> Iterator[Piece]:
    """Give a page row by row, or strip by strip and tile by tile as they lie in the file."""
    height, width, samples = page.imagelength, page.imagewidth, page.samplesperpixel
    own = (width, samples) if samples > 1 else (width,)
    if page.is_final:
        kind = np.dtype(page.dtype).newbyteorder(page.parent.byteorder)
        rows = max(1, AT_ONCE // (width * samples))
        for top in range(0, height, rows):
            taken = min(rows, height - top)
            offset = page.dataoffsets[0] + top * width * samples * kind.itemsize
            values = np.fromfile(path, kind, taken * width * samples, offset=offset)
            if values.size < taken * width * samples:
                raise UnreadableImage("it ends in the middle")
            yield top, 0, values.reshape(taken, *own).astype(page.dtype, copy=False)
        return
    for values, (_, _, top, left, _), shape in page.segments(maxworkers=1, buffersize=4 * AT_ONCE):
        down, across = min(shape[1], height - top), min(shape[2], width - left)
        if values is None:  # a strip that is not stored is empty
            values = np.zeros((1, down, across, samples), page.dtype)
        part = values.reshape(values.shape[-3:])[:down, :across]
        yield top, left, part if samples > 1 else part[..., 0]


def _page(path: Path, page: Any, window: Window) -> Page:
    import tifffile

    values, changes = _three_channels(_values(path, page), page)
    if values.dtype == np.uint8:
        result = Page(Image.fromarray(np.ascontiguousarray(values)))
    else:
        result = windowed(values, window, 1 if values.dtype == bool else _bits(page))
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        result.image = ImageOps.invert(result.image)
    result.changes |= changes
    return result


def _bits(page: Any) -> int:
    """Return the bits per channel of a page, the most where they differ."""
    bits = page.bitspersample
    return bits if isinstance(bits, int) else int(max(bits))


def _values(path: Path, page: Any) -> NDArray[Any]:
    """Return a page as (height, width) or (height, width, channels); what tifffile can't undo OpenCV may."""
    try:
        values = page.asarray()
    except (ValueError, KeyError) as error:
        import cv2

        found, pages = cv2.imreadmulti(str(path), page.index, 1, flags=cv2.IMREAD_UNCHANGED)
        if not found or not pages:
            raise UnreadableImage(f"its compression ({page.compression.name}) can't be undone: {error}") from error
        values = np.asarray(pages[0])
        return values[..., ::-1] if values.ndim == 3 and values.shape[-1] == 3 else values
    if values.ndim == 3 and page.planarconfig == 2:
        values = np.moveaxis(values, 0, -1)
    if values.ndim not in (2, 3):
        raise UnreadableImage(f"TIFF page of shape {page.shape}")
    return np.asarray(values)


def _three_channels(values: NDArray[Any], page: Any) -> tuple[NDArray[Any], set[str]]:
    """Return grey or three channels, and whether channels that show something (not transparency) were left out."""
    if values.ndim == 2:
        return values, set()
    channels = values.shape[-1]
    see_through = sum(int(kind) in (1, 2) for kind in page.extrasamples)
    kept = values[..., :3] if channels >= 3 else values[..., 0]
    shown = channels - see_through
    return kept, {"channels-left-out"} if shown not in (1, 3) else set()


def channels_left_out(image: Image.Image) -> bool:
    """Return whether Pillow will show fewer channels of a TIFF than it holds (near infrared as a fourth, say)."""
    tags = image.tag_v2  # type: ignore[attr-defined]
    extra = tags.get(338, ())
    kinds = extra if isinstance(extra, tuple) else (extra,)
    return tags.get(262) in (1, 2) and any(int(kind) == 0 for kind in kinds)


def _teach_lzw(tifffile: Any) -> None:
    """Let tifffile undo LZW, for which it wants a package of 20 MB, through the library that Pillow brings."""
    decoders = tifffile.TIFF.DECOMPRESSORS
    if LZW not in decoders._codecs:
        decoders._codecs[LZW] = _lzw


def _lzw(data: bytes, /, *, out: Any = None) -> bytes:
    """Return the bytes of one LZW strip or tile, `out` of them: a grey TIFF of one row is built around it."""
    size = int(out) if isinstance(out, int) else int(np.asarray(out).nbytes)
    for width in (size, 1):  # libtiff refuses very long rows
        if width <= 60_000 or width == 1:
            break
    rows = size // width
    head = 8 + 2 + 12 * 9 + 4
    entries = [(256, width), (257, rows), (258, 8), (259, LZW), (262, 1), (273, head), (277, 1), (278, rows)]
    entries.append((279, len(data)))
    tags = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    file = b"II*\0" + struct.pack("<IH", 8, len(entries)) + tags + struct.pack("<I", 0) + bytes(data)
    with Image.open(io.BytesIO(file)) as image:
        return image.tobytes()
