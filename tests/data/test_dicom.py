"""DICOM of many makers (the files that ship with pydicom) and of every way to say how grey levels are shown."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, pixel_array
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedCTImageStorage, ExplicitVRLittleEndian

from core.data.images.decoding import decode
from core.data.images.page import UnreadableImage
from core.data.images.windows import Window
from core.data.importing.from_upload import import_dataset
from tests.data.test_images import dicom

REAL = Path(pydicom.__file__).parent / "data" / "test_files"
GREY = [
    "693_J2KI",
    "CT_small",
    "J2K_pixelrep_mismatch",
    "JPEG2000",
    "JPEGLSNearLossless_16",
    "JPGExtended",
    "MR_small",
    "MR_small_RLE",
    "MR_small_bigendian",
    "MR_small_expb",
    "MR_small_implicit",
    "MR_small_jp2klossless",
    "MR_small_jpeg_ls_lossless",
    "MR_small_padded",
    "examples_overlay",
    "rtdose",
    "rtdose_expb",
    "rtdose_rle",
]
COLOUR = [
    "ExplVR_BigEnd",
    "GDCMJ2K_TextGBR",
    "SC_rgb_dcmtk_+eb+cr",
    "SC_rgb_dcmtk_+eb+cy+n1",
    "SC_rgb_dcmtk_+eb+cy+s2",
    "SC_rgb_gdcm_KY",
    "SC_rgb_jls_lossy_line",
    "SC_rgb_jls_lossy_sample",
    "SC_rgb_jpeg_dcmd",
    "SC_rgb_jpeg_gdcm",
    "SC_rgb_jpeg_lossy_gdcm",
    "SC_rgb_rle",
    "SC_rgb_rle_2frame",
    "SC_ybr_full_422_uncompressed",
    "SC_jpeg_no_color_transform_2",
    "examples_jpeg2k",
    "examples_rgb_color",
    "examples_ybr_color",
]
NO_PICTURES = {"rtplan": "RT Plan", "reportsi": "Basic Text SR", "waveform_ecg": "ECG", "rtstruct": "RT Structure Set"}


def pages_of(name: str, window: str = "auto") -> list:
    return list(decode(REAL / f"{name}.dcm", Window.parse(window)))


@pytest.mark.parametrize("name", GREY)
def test_grey_files_of_many_makers(name):
    """Each frame keeps the order of its levels, and shows them over most of the range."""
    pages = pages_of(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = pydicom.dcmread(REAL / f"{name}.dcm")
        stored = pixel_array(file)
    frames = stored if stored.ndim == 3 else stored[None]
    assert len(pages) == len(frames)
    assert pages[0].bits == file.BitsStored
    for page, frame in zip(pages, frames, strict=True):
        shown = np.asarray(page.image, dtype=float)
        levels = apply_modality_lut(frame, file)
        assert shown.shape == levels.shape
        order = np.argsort(levels, axis=None)
        assert (np.diff(shown.ravel()[order]) >= 0).all()
        assert np.ptp(shown) > 150


@pytest.mark.parametrize("name", COLOUR)
def test_colour_files_of_many_makers(name):
    pages = pages_of(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stored = pixel_array(REAL / f"{name}.dcm")
    frames = stored if stored.ndim == 4 else stored[None]
    assert len(pages) == len(frames)
    for page, frame in zip(pages, frames, strict=True):
        assert page.image.mode == "RGB"
        assert np.abs(np.asarray(page.image, dtype=int) - frame).max() == 0


def test_the_real_files_are_of_many_transfer_syntaxes():
    uids = {
        pydicom.dcmread(REAL / f"{name}.dcm", stop_before_pixels=True).file_meta.TransferSyntaxUID
        for name in [*GREY, *COLOUR]
    }
    assert len(uids) >= 10
    assert len(GREY) + len(COLOUR) >= 25


def test_deep_colour_is_brought_to_eight_bits():
    (deep,), (plain,) = pages_of("SC_rgb_rle_16bit"), pages_of("SC_rgb_rle")
    assert np.abs(np.asarray(deep.image, dtype=int) - np.asarray(plain.image, dtype=int)).max() <= 1
    assert "windowed" in deep.changes


def test_a_palette_becomes_its_colours():
    (page,) = pages_of("examples_palette")
    assert page.image.mode == "RGB"
    values = np.asarray(page.image, dtype=int)
    assert (values[..., 0] != values[..., 2]).mean() > 0.01


@pytest.mark.parametrize("name", NO_PICTURES)
def test_what_holds_no_picture_is_named(name):
    with pytest.raises(UnreadableImage, match=NO_PICTURES[name]):
        pages_of(name)


@pytest.mark.parametrize(
    "name", ["JPEG-lossy", "JPEG2000-embedded-sequence-delimiter", "MR_truncated", "badVR", "no_meta"]
)
def test_damaged_files_give_a_reason(name):
    with pytest.raises(UnreadableImage) as caught:
        pages_of(name)
    assert 10 < len(str(caught.value)) < 300
    assert "/" not in str(caught.value).replace("and/or", "")


def test_overlays_are_said_and_not_drawn(workspace, tmp_path):
    (page,) = pages_of("examples_overlay")
    assert "dicom-overlay" in page.changes
    assert "dicom-overlay" not in pages_of("MR_small")[0].changes


def test_graphics_in_unused_bits_do_not_show(tmp_path):
    """Old scanners put overlays into the bits above the stored ones."""
    values = np.tile(np.arange(0, 4000, 10, dtype=np.uint16), (20, 1))
    dicom(tmp_path / "plain.dcm", values, BitsStored=12, HighBit=11)
    marked = values.copy()
    marked[5:10] |= 1 << 14
    dicom(tmp_path / "marked.dcm", marked, BitsStored=12, HighBit=11)
    plain, shown = (next(decode(tmp_path / f"{name}.dcm")).image for name in ("plain", "marked"))
    assert (np.asarray(plain) == np.asarray(shown)).all()


def test_a_file_without_its_header_is_read(tmp_path):
    values = np.tile(np.arange(0, 4000, 10, dtype=np.uint16), (20, 1))
    dicom(tmp_path / "a.dcm", values, WindowCenter=2000, WindowWidth=4000)
    content = (tmp_path / "a.dcm").read_bytes()
    start = content.find(b"\x08\x00", 132 + 200)
    while content[start + 4 : start + 6] not in (b"CS", b"UI"):
        start = content.find(b"\x08\x00", start + 1)
    (tmp_path / "b.dcm").write_bytes(content[start:])
    one, other = (np.asarray(next(decode(tmp_path / f"{name}.dcm")).image) for name in "ab")
    assert (one == other).all()


def enhanced(
    path: Path, frames: list[np.ndarray], shared: dict[str, Dataset], single: list[dict[str, Dataset]]
) -> None:
    dicom(path, np.stack(frames))
    file = pydicom.dcmread(path)
    file.SOPClassUID = file.file_meta.MediaStorageSOPClassUID = EnhancedCTImageStorage
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian

    def group(parts: dict[str, Dataset]) -> Dataset:
        item = Dataset()
        for name, content in parts.items():
            setattr(item, name, Sequence([content]))
        return item

    file.SharedFunctionalGroupsSequence = Sequence([group(shared)])
    file.PerFrameFunctionalGroupsSequence = Sequence([group(parts) for parts in single])
    file.save_as(path)


def rescale(slope: float, intercept: float) -> Dataset:
    item = Dataset()
    item.RescaleSlope, item.RescaleIntercept, item.RescaleType = slope, intercept, "HU"
    return item


def window_of(centre: float, width: float, function: str = "") -> Dataset:
    item = Dataset()
    item.WindowCenter, item.WindowWidth = centre, width
    if function:
        item.VOILUTFunction = function
    return item


TISSUE = np.full((20, 20), 1064, np.uint16)
TISSUE[:, :10] = 24


def grey_of(page) -> tuple[int, int]:
    values = np.asarray(page.image)
    return int(values[0, 0]), int(values[0, -1])


@pytest.mark.parametrize("place", ["shared", "single"])
def test_rescale_and_window_of_functional_groups(tmp_path, place):
    parts = {"PixelValueTransformationSequence": rescale(1, -1024), "FrameVOILUTSequence": window_of(40, 400)}
    shared, single = (parts, [{}, {}]) if place == "shared" else ({}, [parts, parts])
    enhanced(tmp_path / "a.dcm", [TISSUE, TISSUE], shared, single)
    for window in ("auto", "soft-tissue"):
        pages = list(decode(tmp_path / "a.dcm", Window.parse(window)))
        assert len(pages) == 2
        for page in pages:
            air, tissue = grey_of(page)
            assert air == 0
            assert abs(tissue - 127) <= 1
            assert "window-not-hounsfield" not in page.changes


def test_each_frame_has_its_own_rescale_and_window(tmp_path):
    one = {"PixelValueTransformationSequence": rescale(1, -1024), "FrameVOILUTSequence": window_of(40, 400)}
    two = {"PixelValueTransformationSequence": rescale(2, -1024), "FrameVOILUTSequence": window_of(1104, 400)}
    enhanced(tmp_path / "a.dcm", [TISSUE, TISSUE], {}, [one, two])
    pages = list(decode(tmp_path / "a.dcm"))
    assert [grey_of(page)[1] for page in pages] == [grey_of(pages[0])[1]] * 2
    assert abs(grey_of(pages[0])[1] - 127) <= 1
    bone = list(decode(tmp_path / "a.dcm", Window.parse("bone")))
    assert grey_of(bone[0])[1] < grey_of(bone[1])[1]


def table(first: int, entries: list[int], depth: int, *, as_bytes: bool = False) -> Dataset:
    item = Dataset()
    item.LUTDescriptor = [len(entries), first, depth]
    if as_bytes:
        item.add_new("LUTData", "OW", bytes(entries))
    else:
        item.add_new("LUTData", "US", entries)
    return item


CURVE = [round((value / 255) ** 4 * 255) for value in range(256)]


@pytest.mark.parametrize(
    ("entries", "depth", "as_bytes"),
    [
        (CURVE, 8, True),
        (CURVE, 8, False),
        ([value * 257 for value in CURVE], 16, False),
        ([value * 16 for value in CURVE], 12, False),
        ([value * 16 for value in CURVE], 16, False),  # states more bits than it uses
    ],
)
def test_a_table_of_the_header_decides(tmp_path, entries, depth, as_bytes):
    values = np.tile(np.arange(0, 400, dtype=np.uint16), (20, 1))
    dicom(tmp_path / "a.dcm", values, VOILUTSequence=Sequence([table(100, entries, depth, as_bytes=as_bytes)]),
          WindowCenter=200, WindowWidth=400)  # fmt: skip
    shown = np.asarray(next(decode(tmp_path / "a.dcm")).image)[0]
    assert shown[:101].max() == 0
    assert abs(int(shown[227]) - 16) <= 1
    assert shown[355:].min() >= 254


def test_a_long_table_of_eight_bits(tmp_path):
    values = np.tile(np.arange(0, 4000, 10, dtype=np.uint16), (20, 1))
    entries = [min(255, value // 16) for value in range(4096)]
    dicom(tmp_path / "a.dcm", values, VOILUTSequence=Sequence([table(0, entries, 8)]))
    shown = np.asarray(next(decode(tmp_path / "a.dcm")).image)[0]
    assert np.abs(shown.astype(int) - values[0] // 16).max() <= 1


@pytest.mark.parametrize("damage", ["short", "depth"])
def test_a_damaged_table_leaves_the_window(tmp_path, damage):
    values = np.tile(np.arange(0, 400, dtype=np.uint16), (20, 1))
    broken = table(0, [0, 1], 8) if damage == "short" else table(0, CURVE, 40)
    if damage == "short":
        broken.LUTDescriptor = [5000, 0, 8]
        broken.add_new("LUTData", "OW", b"\0\1")
    dicom(tmp_path / "a.dcm", values, VOILUTSequence=Sequence([broken]), WindowCenter=200, WindowWidth=400)
    shown = np.asarray(next(decode(tmp_path / "a.dcm")).image)[0]
    assert abs(int(shown[200]) - 128) <= 1


def test_a_modality_table_counts_before_the_window(tmp_path):
    values = np.tile(np.arange(0, 256, dtype=np.uint16), (20, 1))
    item = table(0, [value * 10 for value in range(256)], 16)
    dicom(tmp_path / "a.dcm", values, ModalityLUTSequence=Sequence([item]), WindowCenter=1275, WindowWidth=2550)
    shown = np.asarray(next(decode(tmp_path / "a.dcm")).image)[0]
    assert abs(int(shown[128]) - 128) <= 2


@pytest.mark.parametrize(("function", "middle", "low"), [("LINEAR_EXACT", 128, 0), ("SIGMOID", 128, 30)])
def test_other_shapes_of_a_window(tmp_path, function, middle, low):
    values = np.tile(np.arange(0, 4000, 10, dtype=np.uint16), (20, 1))
    dicom(tmp_path / "a.dcm", values, WindowCenter=2000, WindowWidth=2000, VOILUTFunction=function)
    shown = np.asarray(next(decode(tmp_path / "a.dcm")).image)[0]
    assert abs(int(shown[200]) - middle) <= 1
    assert abs(int(shown[100]) - low) <= 1
    assert (np.diff(shown.astype(int)) >= 0).all()


def test_what_changed_is_counted_per_file(workspace, tmp_path):
    root = tmp_path / "set"
    root.mkdir()
    for number in range(3):
        (root / f"{number}.dcm").write_bytes((REAL / "examples_overlay.dcm").read_bytes())
    (root / "plan.dcm").write_bytes((REAL / "rtplan.dcm").read_bytes())
    found = {item.code: item for item in import_dataset(workspace, root).findings}
    assert found["dicom-overlay"].count == 3
    assert "RT Plan" in found["unreadable-image"].examples[0]
