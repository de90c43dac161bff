"""TIFF files of other makers: compressed by LZW, with more channels than a screen shows, with smaller copies inside."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from core.data.images.budget import Budget
from core.data.images.decoding import decode
from core.data.images.page import UnreadableImage
from core.data.images.windows import Window
from core.data.importing.from_upload import import_dataset
from tests.data.writers import put

LZW = [cv2.IMWRITE_TIFF_COMPRESSION, 5]
WHOLE = Window("levels", 0.0, 65535.0, "0,65535")


def noise(*shape: int, dtype: type = np.uint16) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 60_000 if dtype is not np.uint8 else 255, shape).astype(dtype)


def in_order(path: Path, values: np.ndarray, **kind: object) -> np.ndarray:
    """Write with tifffile, read the one page back."""
    tifffile.imwrite(path, values, **kind)
    (page,) = decode(path, WHOLE)
    return np.asarray(page.image)


@pytest.mark.parametrize("shape", [(50, 70), (50, 70, 3)])
@pytest.mark.parametrize("predictor", [1, 2])
def test_lzw_of_16_bits_keeps_every_level(tmp_path, shape, predictor):
    values = noise(*shape)
    written = values[..., ::-1] if values.ndim == 3 else values
    cv2.imwrite(str(tmp_path / "a.tif"), written, [*LZW, cv2.IMWRITE_TIFF_PREDICTOR, predictor])
    (page,) = decode(tmp_path / "a.tif", WHOLE)
    assert page.bits == 16
    assert np.abs(np.asarray(page.image, float) - values / 257).max() <= 0.51


def test_lzw_of_floats_with_a_predictor_of_their_own(tmp_path):
    values = np.linspace(-1, 1, 3500, dtype=np.float32).reshape(50, 70)
    cv2.imwrite(str(tmp_path / "a.tif"), values, [*LZW, cv2.IMWRITE_TIFF_PREDICTOR, 3])
    (page,) = decode(tmp_path / "a.tif")
    assert np.unique(np.asarray(page.image)).size > 200


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("order", ["contig", "separate"])
@pytest.mark.parametrize("channels", [2, 4, 5, 8])
def test_channels_over_three_are_left_out_and_said(tmp_path, dtype, order, channels):
    values = noise(40, 60, channels, dtype=dtype)
    stored = values if order == "contig" else np.moveaxis(values, -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack", planarconfig=order, compression="zlib")
    (page,) = decode(tmp_path / "a.tif", WHOLE)
    assert "channels-left-out" in page.changes
    wanted = (values[..., :3] if channels > 2 else values[..., 0]) / (257 if dtype is np.uint16 else 1)
    assert np.abs(np.asarray(page.image, float) - wanted).max() <= 0.51


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_transparency_is_no_channel_that_was_left_out(tmp_path, dtype):
    values = noise(40, 60, 4, dtype=dtype)
    values[..., 3] = np.iinfo(dtype).max
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", extrasamples=["unassalpha"])
    (page,) = decode(tmp_path / "a.tif")
    assert page.image.mode == "RGB"
    assert "channels-left-out" not in page.changes


def test_smaller_copies_of_a_page_are_no_pictures(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(noise(64, 64), photometric="minisblack")
        file.write(noise(32, 32), photometric="minisblack", subfiletype=1)
    assert [page.image.size for page in decode(tmp_path / "a.tif")] == [(64, 64)]


def test_white_as_zero_is_turned(tmp_path):
    dark = in_order(tmp_path / "a.tif", np.zeros((20, 30), np.uint16), photometric="miniswhite")
    assert dark.min() == 255


def test_a_compression_that_can_not_be_undone_is_named(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", noise(40, 60, dtype=np.uint16))
    content = bytearray((tmp_path / "a.tif").read_bytes())
    place = content.find(b"\x03\x01\x03\x00")  # the tag of the compression, a short
    content[place + 8 : place + 10] = (34925).to_bytes(2, "little")
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(UnreadableImage, match=r"(?i)lzma|format"):
        list(decode(tmp_path / "a.tif"))


def test_a_set_of_five_channels_says_what_it_lost(workspace, tmp_path):
    root = tmp_path / "set"
    root.mkdir()
    for number in range(4):
        values = np.random.default_rng(number).integers(0, 255, (40, 60, 5)).astype(np.uint8)
        tifffile.imwrite(root / f"{number}.tif", values, photometric="minisblack", planarconfig="contig")
        put(root / f"{number}.txt", "0 0.5 0.5 0.5 0.5\n")
    dataset = import_dataset(workspace, root)
    assert sum(dataset.images.values()) == 4
    assert {item.code: item.count for item in dataset.findings}["channels-left-out"] == 4
    with Image.open(next((dataset.root / "images").rglob("*.png"))) as image:
        assert image.mode == "RGB"


KINDS = {
    "one strip": ((50, 70), np.uint16, {}),
    "strips": ((50, 70), np.uint16, {"compression": "zlib", "rowsperstrip": 16, "predictor": True}),
    "tiles, other byte order": ((50, 70), np.uint16, {"tile": (32, 48), "byteorder": ">"}),
    "rows of another byte order": ((50, 70, 3), np.uint16, {"photometric": "rgb", "byteorder": ">"}),
    "five channels": ((50, 70, 5), np.uint8, {"photometric": "minisblack", "planarconfig": "contig"}),
    "white is zero": ((50, 70), np.uint16, {"photometric": "miniswhite"}),
    "floats": ((50, 70), np.float32, {"compression": "zlib", "rowsperstrip": 7}),
    "whole numbers of 32 bits": ((50, 70), np.int32, {}),
    "channels apart": ((3, 50, 70), np.uint16, {"photometric": "rgb", "planarconfig": "separate"}),
}


@pytest.mark.parametrize("window", ["auto", "lung", "100,40000"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_in_pieces_is_the_same_as_a_whole_one(tmp_path, monkeypatch, kind, window):
    shape, dtype, how = KINDS[kind]
    tifffile.imwrite(tmp_path / "a.tif", noise(*shape, dtype=dtype), **how)
    (whole,) = decode(tmp_path / "a.tif", Window.parse(window))
    monkeypatch.setattr("core.data.images.tiff.LARGE", 0)
    monkeypatch.setattr("core.data.images.tiff.AT_ONCE", 400)
    (pieces,) = decode(tmp_path / "a.tif", Window.parse(window))
    assert (pieces.bits, pieces.changes, pieces.image.mode) == (whole.bits, whole.changes, whole.image.mode)
    assert np.array_equal(np.asarray(pieces.image), np.asarray(whole.image))


def test_a_large_page_in_pieces_takes_its_8_bit_picture_alone(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", noise(500, 700))
    monkeypatch.setattr("core.data.images.tiff.LARGE", 0)
    monkeypatch.setattr("core.data.images.tiff.AT_ONCE", 4000)
    monkeypatch.setattr("core.data.images.tiff.PICTURES", Budget(3 * 500 * 700))
    assert [page.image.size for page in decode(tmp_path / "a.tif")] == [(700, 500)]
    with (tmp_path / "a.tif").open("r+b") as file:
        file.truncate(300_000)
    with pytest.raises(UnreadableImage, match="ends in the middle"):
        list(decode(tmp_path / "a.tif"))
    monkeypatch.setattr("core.data.images.tiff.PICTURES", Budget(500 * 700))
    with pytest.raises(UnreadableImage, match="700 x 500"):
        list(decode(tmp_path / "a.tif"))
