"""Pictures of every kind come in as 8 bit, upright, with what was done to them said; damaged ones never crash."""

from __future__ import annotations

import io
import struct
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from core.data.attributes import attributes_path, read_attributes
from core.data.images.decoding import decode, load_rgb, preview_window
from core.data.images.page import TooLarge, UnreadableImage
from core.data.images.windows import Window
from core.data.importing.from_upload import import_dataset
from core.data.importing.settings import ImportSettings
from core.errors import InputError
from tests.data.writers import picture, put


def ramp(top: int, dtype=np.uint16) -> np.ndarray:
    return np.tile(np.linspace(0, top, 512), (40, 1)).astype(dtype)


def levels(image: Image.Image) -> int:
    return len(np.unique(np.asarray(image.convert("L"))))


def dicom(path: Path, values: np.ndarray, **tags: object) -> None:
    import pydicom
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    frames = values if values.ndim == 3 else values[None]
    file.Rows, file.Columns = frames.shape[1:]
    if values.ndim == 3:
        file.NumberOfFrames = len(frames)
    file.SamplesPerPixel, file.BitsAllocated, file.BitsStored, file.HighBit = 1, 16, 16, 15
    file.PixelRepresentation = int(values.dtype == np.int16)
    file.PhotometricInterpretation = "MONOCHROME2"
    file.Modality, file.PatientName, file.PatientID = "CT", "Doe^Jane", "P-1"
    for name, value in tags.items():
        setattr(file, name, value)
    file.PixelData = values.tobytes()
    pydicom.dcmwrite(path, file, enforce_file_format=True)


@pytest.mark.parametrize("top", [4095, 65535])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_deep_ramp_keeps_at_least_200_grey_levels(tmp_path, top, suffix):
    path = tmp_path / f"ramp{suffix}"
    Image.fromarray(ramp(top)).save(path)
    page = next(decode(path))
    assert page.bits == 16
    assert "windowed" in page.changes
    assert levels(page.image) >= 200


def test_a_deep_ramp_in_dicom_keeps_at_least_200_grey_levels(tmp_path):
    dicom(tmp_path / "a.dcm", ramp(4095), BitsStored=12, HighBit=11)
    page = next(decode(tmp_path / "a.dcm"))
    assert page.bits == 12
    assert levels(page.image) >= 200


def test_the_window_of_the_header_is_used_and_a_preset_overrides_it(tmp_path):
    values = np.tile(np.linspace(-1000, 1000, 401), (20, 1)).astype(np.int16)
    dicom(tmp_path / "a.dcm", values, WindowCenter=40, WindowWidth=80, RescaleSlope=1, RescaleIntercept=0)
    header = np.asarray(next(decode(tmp_path / "a.dcm")).image)[0]
    assert header[values[0] <= 0].max() <= 3
    assert header[values[0] >= 80].min() >= 252
    bone = np.asarray(next(decode(tmp_path / "a.dcm", Window.parse("bone"))).image)[0]
    assert abs(int(bone[np.argmin(abs(values[0] - 500))]) - 127) <= 2


def test_rescale_slope_counts_before_the_window(tmp_path):
    values = np.tile(np.arange(0, 400, 2), (20, 1)).astype(np.uint16)
    dicom(tmp_path / "a.dcm", values, RescaleSlope=2, RescaleIntercept=-400)
    page = np.asarray(next(decode(tmp_path / "a.dcm", Window.parse("-400,400"))).image)[0]
    assert page[0] == 0
    assert abs(int(page[100]) - 128) <= 1


def test_monochrome1_is_inverted(tmp_path):
    dicom(tmp_path / "a.dcm", ramp(4095), PhotometricInterpretation="MONOCHROME1")
    page = np.asarray(next(decode(tmp_path / "a.dcm")).image)
    assert page[0, 0] == 255
    assert page[0, -1] == 0


def test_frames_become_pictures_and_identity_stays_behind(workspace, tmp_path):
    root = tmp_path / "set"
    root.mkdir()
    random = np.random.default_rng(0)
    dicom(root / "multi.dcm", random.integers(0, 4095, (3, 40, 40)).astype(np.uint16))
    dataset = import_dataset(workspace, root)
    assert sum(dataset.images.values()) == 3
    codes = {item.code for item in dataset.findings}
    assert {"multi-page", "dicom-identity", "windowed"} <= codes
    assert dataset.window
    stored = b"".join(path.read_bytes() for path in dataset.root.rglob("*.png"))
    assert b"Jane" not in stored
    first = import_dataset(workspace, root, settings=ImportSettings(pages="first"))
    assert sum(first.images.values()) == 1


@pytest.mark.parametrize("group_by", ["dicom:PatientID", None])
def test_patients_of_dicom_files_do_not_straddle_the_split(workspace, tmp_path, group_by):
    root = tmp_path / "set"
    random = np.random.default_rng(0)
    for name in ("ill", "well"):
        (root / name).mkdir(parents=True)
        for number in range(8):
            values = random.integers(0, 4000, (32, 32)).astype(np.uint16)
            dicom(root / name / f"{number}.dcm", values, PatientID=f"{name}{number // 2}")
    dataset = import_dataset(workspace, root, settings=ImportSettings(group_by=group_by, split="50/50"))
    assert b"ill0" not in b"".join(path.read_bytes() for path in dataset.root.glob("*.*"))
    table = dataset.image_table()
    assert table["group"].nunique() == 8
    assert table.groupby("group")["split"].nunique().max() == 1
    assert dataset.images["val"] == 8


def test_site_device_and_month_are_kept_without_names_or_days(workspace, tmp_path):
    random = np.random.default_rng(0)
    for name in ("healthy", "ill"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(4):
            values = random.integers(0, 4095, (40, 40)).astype(np.uint16)
            dicom(tmp_path / "set" / name / f"{number}.dcm", values, InstitutionName=f"St. {number % 2}",
                  Manufacturer="Acme", ManufacturerModelName=f"X{number % 2}", StudyDate="20240517")  # fmt: skip
    dataset = import_dataset(workspace, tmp_path / "set")
    known = read_attributes(dataset)
    assert set(known["site"]) == {"site 1", "site 2"}
    assert set(known["device"]) == {"Acme X0", "Acme X1"}
    assert set(known["month"]) == {"2024-05"}
    assert b"St." not in attributes_path(dataset).read_bytes()


def test_shared_dicom_files(workspace, shared):
    dataset = import_dataset(workspace, shared / "data" / "dicom")
    unreadable = [item for item in dataset.findings if item.code == "unreadable-image"]
    assert sum(dataset.images.values()) + sum(item.count for item in unreadable) == 7
    assert sum(dataset.images.values()) >= 6


def save_cmyk(path: Path) -> None:
    Image.new("CMYK", (40, 30), (0, 200, 200, 0)).save(path, "JPEG")


def save_rotated(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("RGB", (40, 30))
    image.paste("red", (0, 0, 10, 30))
    image.save(path, exif=exif, quality=95)


def save_clear(path: Path) -> None:
    Image.new("RGBA", (40, 30), (255, 0, 0, 0)).save(path)


def save_palette(path: Path) -> None:
    Image.new("RGB", (40, 30), "blue").convert("P").save(path, transparency=0)


def save_deep_colour(path: Path) -> None:
    import cv2

    cv2.imwrite(str(path), np.dstack([ramp(60000)] * 3))


@pytest.mark.parametrize(
    ("name", "save", "size", "change"),
    [
        ("a.jpg", save_cmyk, (40, 30), "image-converted"),
        ("a.jpg", save_rotated, (30, 40), "exif-rotated"),
        ("a.png", save_clear, (40, 30), "transparency-flattened"),
        ("a.png", save_palette, (40, 30), ""),
        ("a.png", save_deep_colour, (512, 40), "windowed"),
        ("a.gif", lambda path: Image.new("P", (40, 30)).save(path), (40, 30), "image-converted"),
        ("a.webp", lambda path: Image.new("RGB", (40, 30)).save(path), (40, 30), ""),
        ("a.bmp", lambda path: Image.new("RGB", (40, 30)).save(path), (40, 30), ""),
        ("a.tif", lambda path: Image.new("RGB", (40, 30)).save(path), (40, 30), "image-converted"),
        ("a.tif", lambda path: tifffile.imwrite(path, ramp(1, np.float32)), (512, 40), "windowed"),
        ("a.png", lambda path: Image.new("1", (40, 30)).save(path), (40, 30), ""),
        ("a.png", lambda path: Image.new("LA", (40, 30), (9, 255)).save(path), (40, 30), "image-converted"),
    ],
)
def test_pictures_of_every_kind(workspace, tmp_path, name, save, size, change):
    root = tmp_path / "set"
    for place in ("x", "y"):
        for number in range(3):
            picture(root / place / f"{number}.png", number + 10 * (place == "y"))
    save(root / "x" / name)
    dataset = import_dataset(workspace, root)
    row = dataset.image_table().set_index("source").loc[f"x/{name}"]
    assert (row["width"], row["height"]) == size
    with Image.open(dataset.image_path(dataset.image_table().query("source == @row.name")["file"].iloc[0])) as image:
        assert image.size == size
        assert image.mode in ("RGB", "L", "P", "1")
    found = {item.code for item in dataset.findings}
    assert not change or change in found


def test_heic_is_read(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    Image.new("RGB", (64, 48), "green").save(tmp_path / "a.heic")
    assert load_rgb(tmp_path / "a.heic").size == (64, 48)


def test_labels_that_ignore_a_camera_rotation_stay_with_their_picture(workspace, tmp_path):
    root = tmp_path / "set"
    root.mkdir()
    for number in range(3):
        save_rotated(root / f"{number}.jpg")
        shapes = [{"label": "a", "points": [[0, 0], [10, 30]], "shape_type": "rectangle"}]
        put(root / f"{number}.json", {"shapes": shapes, "imagePath": "", "imageWidth": 40, "imageHeight": 30})
    dataset = import_dataset(workspace, root)
    assert "exif-ignored" in {item.code for item in dataset.findings}
    item = next(iter(dataset.labelled()))
    assert (item.width, item.height) == (40, 30)
    centre = item.objects[0].box
    pixel = load_rgb(dataset.image_path(item.file)).getpixel((int(centre[0] * 40), int(centre[1] * 30)))
    assert pixel[0] > 200


def test_a_preset_on_pictures_without_hounsfield_units_is_said(workspace, tmp_path):
    root = tmp_path / "set"
    for place in ("x", "y"):
        (root / place).mkdir(parents=True)
        for number in range(3):
            values = np.random.default_rng(number + ord(place)).integers(0, 4095, (32, 32)).astype(np.uint16)
            Image.fromarray(values).save(root / place / f"{number}.png")
    dataset = import_dataset(workspace, root, settings=ImportSettings(window="lung"))
    assert "window-not-hounsfield" in {item.code for item in dataset.findings}


def test_before_and_after_of_a_window(tmp_path):
    Image.fromarray(ramp(4095)).save(tmp_path / "a.png")
    before, after = preview_window(tmp_path / "a.png", Window())
    assert levels(before) <= 17
    assert levels(after) >= 200


@pytest.mark.parametrize("text", ["lungs", "5", "9,3", "a,b", "nan,4", "1,2,3"])
def test_a_window_that_is_none_is_refused(text):
    with pytest.raises(InputError, match="not a window"):
        Window.parse(text)


def test_a_picture_too_large_is_left_out_with_a_finding(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr("core.data.images.page.MAX_PIXELS", 5000)
    monkeypatch.setattr("core.data.images.page.BOMB_PIXELS_PER_BYTE", 10**9)
    root = tmp_path / "set"
    for place in ("x", "y"):
        for number in range(3):
            picture(root / place / f"{number}.png", number + 10 * (place == "y"))
    picture(root / "x" / "large.png", 77, (200, 200))
    dataset = import_dataset(workspace, root)
    found = {item.code: item for item in dataset.findings}
    assert found["image-too-large"].count == 1
    assert "200 x 200" in found["image-too-large"].examples[0]


@cache
def seeds() -> list[bytes]:
    found = []
    values = np.random.default_rng(0).integers(0, 255, (24, 24), dtype=np.uint8)
    for kind in ("PNG", "JPEG", "BMP", "TIFF", "GIF", "WEBP"):
        buffer = io.BytesIO()
        Image.fromarray(values).save(buffer, kind)
        found.append(buffer.getvalue())
    return found


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_crashes_the_decoder(tmp_path, data):
    content = bytearray(data.draw(st.sampled_from(seeds())))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / f"a{data.draw(st.sampled_from(['.png', '.jpg', '.tif', '.dcm', '']))}"
    path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))
    with suppress(UnreadableImage):  # anything else is a crash
        for page in decode(path):
            assert page.image.mode in ("L", "RGB")


def test_sizes_in_headers_are_not_trusted(tmp_path):
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32)).save(buffer, "BMP")
    content = bytearray(buffer.getvalue())
    content[18:26] = struct.pack("<ii", 60_000, 60_000)
    (tmp_path / "a.bmp").write_bytes(content)
    with pytest.raises(TooLarge) as caught:
        list(decode(tmp_path / "a.bmp"))
    assert caught.value.bomb


def test_further_pages_of_a_labelled_picture_are_said(workspace, tmp_path):
    root = tmp_path / "set"
    (root / "images").mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(4):
        pages = [Image.fromarray(random.integers(0, 255, (40, 40), dtype=np.uint8)) for _ in range(3)]
        pages[0].save(root / "images" / f"{number}.tif", save_all=True, append_images=pages[1:])
        put(root / "labels" / f"{number}.txt", "0 0.5 0.5 0.5 0.5\n")
    dataset = import_dataset(workspace, root)
    assert sum(dataset.images.values()) == 4
    found = {item.code: item for item in dataset.findings}
    assert found["multi-page"].count == 4
    assert "only the first page" in found["multi-page"].examples[0]
