"""How many pictures a file holds: frames, slices, pages, pictures of an animation; by its header alone."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from core.data.images.decoding import is_dicom, open_header
from core.data.images.dicom import read_dicom
from core.data.images.nifti import AXIS_PLACES, is_nifti, size_of
from core.data.images.page import MAX_PAGES
from core.data.images.tiff import SECOND_RENDERING, is_tiff

ANIMATED = (".gif", ".webp")


def count_pages(path: Path, axis: str = "") -> int:
    """Return how many pictures `decode` gives of a file, 1 where its header can't be read.

    `axis` is how a volume is cut, as there.
    """
    try:
        if is_nifti(path):
            pages = size_of(path)[AXIS_PLACES[axis or "axial"]]
        elif is_dicom(path):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                pages = int(read_dicom(path, header_only=True).get("NumberOfFrames", 1) or 1)
        elif path.suffix.lower() in ANIMATED:
            with open_header(path) as image:
                pages = getattr(image, "n_frames", 1)
        elif is_tiff(path):
            pages = _tiff_pages(path)
        else:
            pages = 1
    except Exception:  # what is wrong with a picture is found, and said, when it is decoded
        return 1
    return min(max(pages, 1), MAX_PAGES)


def _tiff_pages(path: Path) -> int:
    import tifffile

    with tifffile.TiffFile(path) as file:
        listed: list[Any] = list(file.pages)[:MAX_PAGES]
        return sum(not page.subfiletype & SECOND_RENDERING for page in listed)
