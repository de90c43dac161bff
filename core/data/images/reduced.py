"""Open a picture to look at it small: for thumbnails, reports and comparisons, within the budget of memory."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from core.data.images.budget import PICTURES, bytes_per_pixel
from core.data.images.page import UnreadableImage


def open_reduced(path: Path, longest: int, mode: str = "RGB") -> Image.Image:
    """Return a picture of the dataset in `mode`, in full or (JPEG) as small as still covers `longest` pixels.

    Raises OSError when it can't be decoded, or needs more memory than pictures may take.
    """
    with Image.open(path) as opened:
        opened.draft(mode, (longest, longest))
        try:
            with PICTURES.room(*opened.size, bytes_per_pixel(opened.mode)):
                return opened.convert(mode)
        except UnreadableImage as error:
            raise OSError(f"{path.name}: {error}") from error
