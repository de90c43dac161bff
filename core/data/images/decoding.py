"""Decode any picture people have to what the training reads: 8 bits, upright, RGB or grey. Nothing is trusted."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from core.data.images.budget import PICTURES, bytes_per_pixel
from core.data.images.dicom import decode_dicom
from core.data.images.nifti import decode_nifti, is_nifti
from core.data.images.page import MAX_PAGES, MAX_PIXELS, Page, TooLarge, UnreadableImage, check_size
from core.data.images.tiff import SECOND_RENDERING, channels_left_out, deep_pages, is_tiff
from core.data.images.windows import Window, windowed

MIN_SIDE = 10
"""Ultralytics skips pictures under 10 pixels per side without a word."""
KEPT_FORMATS = {"JPEG": ".jpg", "PNG": ".png", "BMP": ".bmp", "WEBP": ".webp"}
"""Formats that the training and every browser read; files of these are kept byte for byte when 8 bit and upright."""

STRIP_PIXELS = 4_000_000
"""Pixels that are worked on at once where a whole copy would double the memory."""
FRAME_PIXELS = MAX_PIXELS
"""Pixels of all frames of one animation that are read; some seconds of work."""
DEEP_COLOUR = 12
"""Bytes for each pixel of a 16-bit colour picture at the peak: six as read, six turned over and windowed."""

ImageFile.LOAD_TRUNCATED_IMAGES = False


def is_dicom(path: Path) -> bool:
    """Return whether a file is DICOM, by its mark or, for files without one, by its suffix."""
    if path.suffix.lower() in (".dcm", ".dicom", ".ima"):
        return True
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def open_header(path: Path) -> Image.Image:
    """Open a picture lazily with Pillow after checking its size. Raises UnreadableImage or TooLarge."""
    if path.suffix.lower() in (".heic", ".heif", ".hif"):
        import pillow_heif

        pillow_heif.register_heif_opener()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Image.MAX_IMAGE_PIXELS = None  # check_size is the limit, with a sentence of its own
            image = Image.open(path)
    except Exception as error:  # Pillow's plugins raise almost anything on hostile bytes
        raise UnreadableImage(why_unreadable(error)) from error
    try:
        check_size(*image.size, path.stat().st_size)
    except TooLarge:
        image.close()
        raise
    return image


def decode(
    path: Path, window: Window | None = None, *, upright: bool = True, tag: str = "", axis: str = "axial"
) -> Iterator[Page]:
    """Give every page of a picture file as an 8-bit picture, mode L or RGB.

    `window` is how more than 8 bits are brought to 8 (default automatic); `upright=False` ignores an EXIF rotation;
    `tag` names a DICOM tag whose value is put into Page.group, `axis` how a volume is cut. Raises UnreadableImage (or
    TooLarge) with the reason.
    """
    window = window or Window()
    if is_nifti(path):
        yield from decode_nifti(path, window, axis)
        return
    if is_dicom(path):
        yield from decode_dicom(path, window, tag)
        return
    if is_tiff(path):
        try:
            yield from _decode_tiff(path, window, upright)
        except UnreadableImage:
            raise
        except Exception as error:  # so do the readers of TIFF
            raise UnreadableImage(why_unreadable(error)) from error
        return
    image = open_header(path)
    try:
        if image.format == "PNG" and _png_bits(path) == 16 and image.mode not in ("I;16", "I;16B", "I"):
            with PICTURES.room(*image.size, DEEP_COLOUR):
                yield windowed(_read_deep_png(path), window, 16)
            return
        with PICTURES.room(*image.size, bytes_per_pixel(image.mode)):
            yield from _frames(image, window, upright)
    except UnreadableImage:
        raise
    except Exception as error:  # Pillow's plugins raise almost anything on hostile bytes
        raise UnreadableImage(why_unreadable(error)) from error
    finally:
        image.close()


def _frames(image: Image.Image, window: Window, upright: bool) -> Iterator[Page]:
    """Give the frames of a picture; of very many or very large ones the first, and the last of them says so."""
    frames = getattr(image, "n_frames", 1)
    taken = min(frames, MAX_PAGES, max(1, FRAME_PIXELS // max(1, image.width * image.height)))
    for number in range(taken):
        if number:
            image.seek(number)
        page = eight_bit(image.copy() if number else image, window, upright=upright)
        if number == taken - 1 < frames - 1:
            page.changes.add("pages-left-out")
        yield page


def eight_bit(image: Image.Image, window: Window, *, upright: bool = True) -> Page:
    """Bring one Pillow picture to 8-bit L or RGB, upright."""
    changes: set[str] = set()
    if upright and exif_turn(image) not in (0, 1):
        image = ImageOps.exif_transpose(image)
        changes.add("exif-rotated")
    if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        page = windowed(np.asarray(image), window, 32 if image.mode in ("I", "F") else 16)
        page.changes |= changes
        return page
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        picture, holes = _on_white(image)
        return Page(picture, changes=changes | ({"transparency-flattened"} if holes else set()))
    if image.mode in ("L", "1"):
        return Page(image.convert("L"), changes=changes)
    image.load()
    return Page(image if image.mode == "RGB" else image.convert("RGB"), changes=changes)


def _on_white(image: Image.Image) -> tuple[Image.Image, bool]:
    """Return a picture that may be transparent as RGB on white, and whether it was; in strips, to hold it once."""
    flat = Image.new("RGB", image.size, "white")
    holes = False
    rows = max(1, STRIP_PIXELS // max(1, image.width))
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height))).convert("RGBA")
        if has_holes(strip):
            holes = True
            strip = Image.alpha_composite(Image.new("RGBA", strip.size, "white"), strip)
        flat.paste(strip.convert("RGB"), (0, top))
    return flat, holes


def exif_turn(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where there is none or the tags are damaged.

    A PNG is decoded for it: Pillow does so to find tags after the pixels, and would hide from the next look that they
    are damaged. Raises OSError where they are.
    """
    if image.format == "PNG":
        image.load()
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:  # Pillow raises many kinds on damaged tags; the pixels may be fine
        return 1


def has_holes(image: Image.Image) -> bool:
    """Return whether any pixel of an RGBA picture is not wholly opaque."""
    return image.getchannel("A").histogram()[255] < image.width * image.height


def load_rgb(path: Path, window: Window | None = None) -> Image.Image:
    """Return the first page of any picture file as RGB, upright, 8 bit. Raises UnreadableImage."""
    pages = decode(path, window)  # kept until the copy is made: the end of the generator closes the file
    return next(pages).image.convert("RGB")


def preview_window(path: Path, window: Window) -> tuple[Image.Image, Image.Image]:
    """Return a deep picture as the training library would read it (high byte only) and as `window` shows it.

    Both are 8-bit grey or RGB; for an 8-bit picture they are the same. Raises UnreadableImage.
    """
    after = next(iter(decode(path, window)))
    if after.bits <= 8:
        return after.image, after.image
    top = 2.0**16 - 1
    before = next(iter(decode(path, Window("levels", 0.0, top, "0,65535"))))
    return before.image, after.image


def why_unreadable(error: Exception) -> str:
    """Return in a clause why a picture can't be read, from what a library raised."""
    if isinstance(error, UnidentifiedImageError):  # its own words name the place on this machine
        return "cannot identify what kind of picture it is"
    return (str(error) or type(error).__name__).splitlines()[0][:160]


def _png_bits(path: Path) -> int:
    with path.open("rb") as file:
        return (file.read(25) + bytes(25))[24]


def _read_deep_png(path: Path) -> NDArray[Any]:
    """Read 16-bit colour, which Pillow cuts to 8 bits."""
    import cv2

    values = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None:
        raise UnreadableImage("damaged 16-bit PNG")
    if values.ndim == 3:
        values = values[..., :3][..., ::-1]
    return np.asarray(values)


def _decode_tiff(path: Path, window: Window, upright: bool) -> Iterator[Page]:
    """Read a TIFF with Pillow where it is plain 8 bit, else by itself."""
    number = 0
    try:
        with open_header(path) as image:
            bits = image.tag_v2.get(258, (1,))  # type: ignore[attr-defined]
            deepest = max(int(depth) for depth in bits) if isinstance(bits, tuple) else int(bits)
            if deepest <= 8 and not channels_left_out(image):
                for number in range(min(getattr(image, "n_frames", 1), MAX_PAGES)):
                    image.seek(number)
                    if number and image.tag_v2.get(254, 0) & SECOND_RENDERING:  # type: ignore[attr-defined]
                        continue
                    check_size(*image.size, path.stat().st_size)
                    with PICTURES.room(*image.size, 2 * bytes_per_pixel(image.mode)):
                        yield eight_bit(image.copy(), window, upright=upright)
                return
    except TooLarge:
        raise
    except (OSError, UnreadableImage):
        if number:
            raise
    yield from deep_pages(path, window)
