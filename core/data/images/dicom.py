"""Read DICOM pictures: rescale, window, tables, palettes, per frame where frames differ; identity tags stay behind."""

from __future__ import annotations

import copy
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.data.images.budget import PICTURES
from core.data.images.page import MAX_PAGES, Page, UnreadableImage, check_size
from core.data.images.windows import Window, apply_levels, automatic_levels
from core.words import megabytes

DEFLATED = "1.2.840.10008.1.2.1.99"
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
GREY = ("MONOCHROME1", "MONOCHROME2")
OF_FILE = ("PhotometricInterpretation", "BitsStored", "PixelRepresentation", "Modality", "RescaleSlope",
           "RescaleIntercept", "RescaleType", "ModalityLUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction",
           "VOILUTSequence")  # fmt: skip
"""What turns stored values into grey levels, where it is the same for all frames."""
OF_FRAME = {"PixelValueTransformationSequence": ("ModalityLUTSequence", "RescaleSlope", "RescaleIntercept"),
            "FrameVOILUTSequence": ("VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction")}  # fmt: skip
"""The same per frame (functional groups of enhanced objects), and what of the file each takes the place of."""


FRAME_COPIES = 9
"""Bytes that a pixel takes beside its stored value: as grey levels (up to eight) and as 8 bits."""


def read_dicom(path: Path, *, header_only: bool = False) -> Any:
    """Return the data set of a DICOM file, also of an old one without a header. Raises what pydicom raises."""
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.errors import InvalidDicomError

    check_inflated(path)
    try:
        file = pydicom.dcmread(path, stop_before_pixels=header_only)
    except InvalidDicomError:
        file = pydicom.dcmread(path, stop_before_pixels=header_only, force=True)
        if "Rows" not in file and "SOPClassUID" not in file:
            raise
    meta = getattr(file, "file_meta", None)
    if meta is None:
        meta = file.file_meta = FileMetaDataset()
    if "TransferSyntaxUID" not in meta:
        implicit, little = file.original_encoding
        uids = {(True, True): "1.2.840.10008.1.2", (False, True): "1.2.840.10008.1.2.1"}
        meta.TransferSyntaxUID = pydicom.uid.UID(uids.get((bool(implicit), bool(little)), "1.2.840.10008.1.2.2"))
    return file


def check_inflated(path: Path) -> None:
    """Raise UnreadableImage for a deflated file (PS3.5 A.5) that would inflate to more than pictures may take."""
    from pydicom.filereader import read_file_meta_info

    try:
        meta = read_file_meta_info(path)
        if meta.get("TransferSyntaxUID") != DEFLATED:
            return
        start = 144 + int(meta.FileMetaInformationGroupLength)
    except Exception:  # no header: what reads the file says so
        return
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    total, allowed = 0, PICTURES.allowed() // 3  # it is held packed, inflated and as pixels
    with path.open("rb") as file:
        file.seek(start)
        while (chunk := unpacker.unconsumed_tail or file.read(1 << 16)) and not unpacker.eof:
            total += len(unpacker.decompress(chunk, 1 << 20))
            if total > allowed:
                raise UnreadableImage(f"it inflates to more than {megabytes(allowed)}: save it uncompressed, in parts")


def decode_dicom(path: Path, window: Window, tag: str = "") -> Iterator[Page]:
    """Give each frame as an 8-bit picture; `tag` (PatientID, say) fills Page.group. Raises UnreadableImage."""
    from pydicom.pixels import iter_pixels

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file = read_dicom(path)
            frames = int(file.get("NumberOfFrames", 1) or 1)
            rows, columns = int(file.get("Rows", 0) or 0), int(file.get("Columns", 0) or 0)
            if not any(name in file for name in PIXELS) or rows <= 0 or columns <= 0:
                raise UnreadableImage(f"DICOM file without pixels ({_kind(file)})")
            check_size(columns, rows, path.stat().st_size)
            check_size(columns * min(frames, MAX_PAGES), rows, path.stat().st_size)
            group = str(file.get(tag, "") or "").encode("utf-8", "replace").decode() if tag else ""
            known = _known(file)
            changes = {"dicom-identity"} | ({"dicom-overlay"} if has_overlay(file) else set())
            depth = int(file.get("SamplesPerPixel", 1) or 1) * int(file.get("BitsAllocated", 16) or 16) // 8
            with PICTURES.room(columns, rows, depth + FRAME_COPIES):
                for number, values in enumerate(iter_pixels(file, indices=range(min(frames, MAX_PAGES)))):
                    page = _page(file, np.asarray(values), number, window)
                    page.changes |= changes | ({"pages-left-out"} if number == MAX_PAGES - 1 < frames - 1 else set())
                    page.group, page.known = group, known
                    yield page
    except UnreadableImage:
        raise
    except Exception as error:  # pydicom and its decoders raise many kinds on hostile bytes
        raise UnreadableImage(_reason(error, path)) from error


def _known(file: Any) -> dict[str, str]:
    """Return the site, the device and the month a file names; the day stays behind, as it may tell a person."""
    device = f"{file.get('Manufacturer', '') or ''} {file.get('ManufacturerModelName', '') or ''}".strip()
    day = str(file.get("StudyDate", "") or file.get("ContentDate", "") or "")
    month = f"{day[:4]}-{day[4:6]}" if len(day) == 8 and day.isdigit() else ""
    found = {"site": str(file.get("InstitutionName", "") or "").strip(), "device": device, "month": month}
    return {name: value for name, value in found.items() if value}


def has_overlay(file: Any) -> bool:
    """Return whether a file carries graphics or regions in planes of their own, which are not drawn into pictures."""
    return any(0x6000 <= tag.group <= 0x60FF and tag.element == 0x3000 for tag in file.keys())  # noqa: SIM118


def _kind(file: Any) -> str:
    """Return in words what a DICOM file is: RT Structure Set Storage, Basic Text SR Storage ..."""
    uid = file.get("SOPClassUID") or file.file_meta.get("MediaStorageSOPClassUID")
    return str(getattr(uid, "name", "") or file.get("Modality", "") or "a report or a directory")


def _reason(error: Exception, path: Path) -> str:
    """Return why a file can't be read; the compression where no plugin can undo it."""
    text = " ".join(str(error).split())[:200] or type(error).__name__
    if isinstance(error, RuntimeError | NotImplementedError):  # pydicom puts the messages of all its plugins into one
        try:
            name = read_dicom(path, header_only=True).file_meta.TransferSyntaxUID.name
        except Exception:  # the first reason stands
            return text
        return f"its compression ({name}) can't be undone: save it uncompressed"
    return text


def _page(file: Any, values: NDArray[Any], number: int, window: Window) -> Page:
    from pydicom.pixels.processing import apply_color_lut, apply_modality_lut

    kind = str(file.get("PhotometricInterpretation", "MONOCHROME2"))
    bits = int(file.get("BitsStored", 8) or 8)
    if kind == "PALETTE COLOR":
        values = apply_color_lut(values, file)
        return _colour_page(values[..., :3], 2.0**16 - 1, 16 if values.dtype.itemsize > 1 else 8, was_deep=False)
    if values.ndim == 3 and values.shape[-1] == 3:
        return _colour_page(values, 2.0**bits - 1, bits, was_deep=True)
    view = frame_view(file, number)
    if values.dtype.kind == "f":
        bits = 32
    levels = apply_modality_lut(values, view)
    return _grey_page(view, values, levels, window, bits)


def frame_view(file: Any, number: int) -> Any:
    """Return a small data set with what turns the values of frame `number` into grey levels.

    In enhanced objects each frame, or all of them together, have their own in the functional groups (PS3.3 C.7.6.16).
    """
    from pydicom.dataset import Dataset

    view = Dataset()
    view.file_meta = file.file_meta
    view.set_original_encoding(*file.original_encoding)
    for name in OF_FILE:
        if name in file:
            view[name] = file[name]
    if "PhotometricInterpretation" not in view:
        view.PhotometricInterpretation = "MONOCHROME2"
    shared, single = file.get("SharedFunctionalGroupsSequence"), file.get("PerFrameFunctionalGroupsSequence")
    groups = [shared[0]] if shared else []
    if single and number < len(single):
        groups.append(single[number])
    for group in groups:
        for sequence, replaced in OF_FRAME.items():
            items = group.get(sequence)
            if not items:
                continue
            for name in replaced:
                if name in view:
                    del view[name]
            for element in items[0]:
                view[element.tag] = element
    return view


def _colour_page(values: NDArray[Any], top: float, bits: int, *, was_deep: bool) -> Page:
    changes: set[str] = set()
    if values.dtype != np.uint8:
        values = apply_levels(values, 0.0, top)
        if was_deep:
            changes.add("windowed")
    return Page(Image.fromarray(np.ascontiguousarray(values)), min(bits, 16), changes)


def _grey_page(view: Any, stored: NDArray[Any], levels: NDArray[Any], window: Window, bits: int) -> Page:
    changes: set[str] = {"windowed"} if bits > 8 else set()
    hounsfield = str(view.get("Modality", "")) == "CT" or str(view.get("RescaleType", "")) == "HU"
    if window.kind == "preset" and not hounsfield:
        changes.add("window-not-hounsfield")
    if window.kind == "levels" or (window.kind == "preset" and hounsfield):
        grey = apply_levels(levels, window.low, window.high)
    else:
        of_header = _by_header(view, levels)
        if of_header is not None:
            grey = of_header
        elif bits <= 8 and window.kind == "auto":
            grey = apply_levels(stored, 0.0, 2.0**bits - 1 if bits < 8 else 255.0)
        else:
            grey = apply_levels(levels, *automatic_levels(levels))
    inverted = view.PhotometricInterpretation == "MONOCHROME1"
    return Page(Image.fromarray(255 - grey if inverted else grey), bits, changes)


def _by_header(view: Any, levels: NDArray[Any]) -> NDArray[np.uint8] | None:
    """Return grey levels by the first table or window of the header (PS3.3 C.11.2), None where there is no usable one.

    A window that misses the picture is none: under 2 % of the pixels lie in it.
    """
    if view.get("VOILUTSequence"):
        try:
            return _by_table(view, levels)
        except (AttributeError, ValueError, TypeError, LookupError, NotImplementedError, OverflowError, struct.error):
            pass  # a damaged table; there may be a window beside it
    centre, width = _first(view.get("WindowCenter")), _first(view.get("WindowWidth"))
    function = str(view.get("VOILUTFunction", "LINEAR") or "LINEAR").upper()
    if not (np.isfinite(centre) and np.isfinite(width)) or width <= (1 if function == "LINEAR" else 0):
        return None
    low, high = centre - width / 2, centre + width / 2
    if function == "LINEAR":
        low, high = centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
    if np.mean((levels >= low) & (levels <= high)) < 0.02:
        return None
    if function == "SIGMOID":
        return _by_sigmoid(view, levels)
    return apply_levels(levels, low, high)


def _by_table(view: Any, levels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return grey levels by the VOI LUT. Output is scaled by the depth the table states, or its own where that lies."""
    from pydicom.pixels.processing import apply_voi

    own = copy.deepcopy(view)
    item = own.VOILUTSequence[0]
    entries, first, depth = (int(value) for value in item.LUTDescriptor)
    if isinstance(item.LUTData, bytes) and len(item.LUTData) == (entries or 2**16):  # a byte for each entry
        item.add_new("LUTData", "US", list(item.LUTData))
    if depth == 8:
        item.LUTDescriptor = [entries, first, 16]  # at 8 pydicom counts the entries in 8 bits as well
    whole = np.rint(levels).astype(np.int32)
    top = float(2**depth - 1)
    highest = float(apply_voi(np.arange(first, first + (entries or 2**16), dtype=np.int32), own).max())
    if not highest / 2 <= top < 2 * highest:
        top = max(highest, 1.0)
    return apply_levels(apply_voi(whole, own), 0.0, top)


def _by_sigmoid(view: Any, levels: NDArray[Any]) -> NDArray[np.uint8]:
    from pydicom.pixels.processing import apply_windowing

    with np.errstate(over="ignore"):
        ends = apply_windowing(np.array([-1e9, 1e9]), view)
        shown = apply_windowing(levels, view)
    return apply_levels(shown, float(ends[0]), float(ends[1]))


def _first(value: Any) -> float:
    """Return the first of the values of an element, NaN for none."""
    try:
        several = hasattr(value, "__iter__") and not isinstance(value, str)
        return float(value[0] if several else value)
    except (TypeError, ValueError, IndexError):
        return float("nan")
