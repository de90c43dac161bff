"""Inputs that hurt: each was met by a mutation or made by hand, and got a traceback, minutes or gigabytes once."""

from __future__ import annotations

import json
import lzma
import os
import struct
import tarfile
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import cli
from core.data.images import budget
from core.data.images.decoding import decode
from core.data.images.page import TooLarge, UnreadableImage
from core.data.importing.from_upload import import_dataset
from core.data.reading.door import readable
from core.data.reading.shapes import TooManyParts, mask_outlines
from core.data.splits import group_of
from core.errors import LOG, InputError
from tests.tiny import write_class_folders, write_yolo_folder


def codes(dataset) -> dict[str, int]:
    return {item.code: item.count for item in dataset.findings}


def packed_folder(tmp_path: Path, mode: str) -> Path:
    folder = write_class_folders(tmp_path / "set", 4)
    archive = tmp_path / f"set.tar.{mode}"
    with tarfile.open(archive, f"w:{mode}") as tar:
        tar.add(folder, "set")
    return archive


def refused(workspace, source: Path) -> str:
    with pytest.raises(InputError) as caught:
        import_dataset(workspace, source)
    return str(caught.value)


def test_a_damaged_xz_is_refused_by_name(workspace, tmp_path) -> None:
    archive = packed_folder(tmp_path, "xz")
    data = bytearray(archive.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 40] = bytes(40)
    archive.write_bytes(data)
    with pytest.raises(lzma.LZMAError):
        lzma.decompress(bytes(data))
    assert archive.name in refused(workspace, archive)


def test_a_tar_entry_of_impossible_size_is_refused_by_name(workspace, tmp_path) -> None:
    archive = packed_folder(tmp_path, "")
    plain = tmp_path / "set.tar"
    archive.rename(plain)
    data = bytearray(plain.read_bytes())
    data[124:136] = b"\x80" + struct.pack(">I", 0x7FFFFFFF) + b"\xff" * 7  # a size in base 256
    total = sum(data[:148]) + 8 * 32 + sum(data[156:512])
    data[148:156] = f"{total:06o}\0 ".encode()
    plain.write_bytes(data)
    assert plain.name in refused(workspace, plain)


def test_a_zip_name_flagged_as_utf8_that_is_none_is_named(workspace, tmp_path) -> None:
    archive = tmp_path / "names.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("bild-ü.txt", "x")
    archive.write_bytes(archive.read_bytes().replace("ü".encode(), b"\xff\xfe"))
    assert "bild-" in refused(workspace, archive)


def test_a_damaged_lzma_entry_is_refused_by_name(workspace, tmp_path) -> None:
    folder = write_class_folders(tmp_path / "set", 4)
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_LZMA) as packed:
        for path in sorted(folder.rglob("*.png")):
            packed.write(path, path.relative_to(folder).as_posix())
    data = bytearray(archive.read_bytes())
    data[60:110] = b"\xff" * 50
    archive.write_bytes(data)
    assert archive.name in refused(workspace, archive)


def damage_pixels(path: Path) -> None:
    """Spoil the compressed pixels of a PNG and mend its check sum, so that the decoder alone notices."""
    import zlib

    data = path.read_bytes()
    at = data.index(b"IDAT")
    length = struct.unpack(">I", data[at - 4 : at])[0]
    body = data[at + 4 : at + 4 + 20] + b"\xff" * (length - 20)
    path.write_bytes(data[: at + 4] + body + struct.pack(">I", zlib.crc32(b"IDAT" + body)) + data[at + 8 + length :])


def test_one_damaged_picture_is_left_out_and_the_others_come_in(workspace, tmp_path) -> None:
    folder = write_yolo_folder(tmp_path / "set", 6, 4)
    for name in ("train/train1.png", "val/val2.png"):
        damage_pixels(folder / "images" / name)
    dataset = import_dataset(workspace, folder)
    assert codes(dataset)["unreadable-image"] == 2
    assert dataset.images["train"] + dataset.images["val"] == 8


def test_half_a_character_in_a_class_name_is_replaced(workspace, tmp_path) -> None:
    folder = write_yolo_folder(tmp_path / "set", 6, 4)
    (folder / "data.yaml").unlink()
    pictures = sorted((folder / "images").rglob("*.png"))
    images = [{"id": n, "file_name": p.name, "width": 64, "height": 64} for n, p in enumerate(pictures)]
    marks = [{"id": n, "image_id": n, "category_id": 1, "bbox": [5, 5, 20, 20]} for n in range(len(pictures))]
    content = {"images": images, "annotations": marks, "categories": [{"id": 1, "name": "broken \ud800 name 😀"}]}
    for path in (folder / "labels").rglob("*.txt"):
        path.unlink()
    (folder / "annotations.json").write_text(json.dumps(content))
    assert import_dataset(workspace, folder).classes == ["broken � name 😀"]


def test_items_of_the_wrong_kind_in_a_label_file_are_counted(workspace, tmp_path) -> None:
    folder = write_yolo_folder(tmp_path / "set", 6, 4)
    for path in [*(folder / "labels").rglob("*.txt"), folder / "data.yaml"]:
        path.unlink()
    pictures = sorted((folder / "images").rglob("*.png"))
    images = [{"id": n, "file_name": p.name, "width": 64, "height": 64} for n, p in enumerate(pictures)]
    marks: list[object] = [{"id": n, "image_id": n, "category_id": 1, "bbox": [5, 5, 20, 20]} for n in range(10)]
    content = {"images": [*images, "stray"], "annotations": [*marks, 3, None], "categories": [{"id": 1, "name": "a"}]}
    (folder / "annotations.json").write_text(json.dumps(content))
    assert codes(import_dataset(workspace, folder))["bad-row"] >= 3


def test_a_number_of_thousands_of_digits_is_refused_with_the_file(workspace, tmp_path) -> None:
    folder = write_yolo_folder(tmp_path / "set", 2, 1)
    (folder / "annotations.json").write_text(
        '{"images": [], "annotations": [], "categories": [{"id": %s}]}' % ("9" * 5000)
    )
    for path in [*(folder / "labels").rglob("*.txt"), folder / "data.yaml"]:
        path.unlink()
    assert "annotations.json" in refused(workspace, folder)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_link_to_itself_and_a_name_of_strange_bytes_do_no_harm(workspace, tmp_path) -> None:
    folder = write_class_folders(tmp_path / "set", 4)
    (folder / "red" / "loop.png").symlink_to(folder / "red" / "loop.png")
    strange = os.fsencode(folder / "red") + b"/caf\xe9.png"
    Path(os.fsdecode(strange)).write_bytes((folder / "red" / "red0.png").read_bytes()[:-1] + b"\x82")
    dataset = import_dataset(workspace, folder)
    assert codes(dataset)["link-not-followed"] == 1
    assert sum(dataset.images.values()) >= 8


def test_names_become_writable() -> None:
    for name in ("plain", "caf\udce9", "\ud800half", "both \udce9 \ud800"):
        readable(name).encode("utf-8")


def test_a_pattern_that_would_run_for_ever_is_refused_in_time() -> None:
    began = time.monotonic()
    with pytest.raises(InputError, match="too long"):
        group_of("a" * 60 + "!", r"^(a|a|aa)+$")
    assert time.monotonic() - began < 10


def test_a_mask_of_a_million_parts_is_not_outlined() -> None:
    board = np.indices((1600, 1600)).sum(axis=0) % 2 == 0
    with pytest.raises(TooManyParts):
        mask_outlines(board)


def test_a_long_animation_gives_its_first_frames_and_says_so(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("core.data.images.decoding.FRAME_PIXELS", 3 * 64 * 64)
    frames = [Image.new("L", (64, 64), number * 20) for number in range(9)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    pages = list(decode(tmp_path / "a.gif"))
    assert len(pages) == 3
    assert "pages-left-out" in pages[-1].changes


def test_a_picture_over_the_budget_is_refused_with_its_size(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(budget, "PICTURES", budget.Budget(1000))
    monkeypatch.setattr("core.data.images.decoding.PICTURES", budget.PICTURES)
    Image.new("RGBA", (120, 90), (1, 2, 3, 4)).save(tmp_path / "big.png")
    with pytest.raises(TooLarge, match="120 x 90") as caught:
        list(decode(tmp_path / "big.png"))
    assert not caught.value.bomb


def test_pictures_wait_for_room_and_together_stay_within_the_budget() -> None:
    pictures = budget.Budget(1000)
    held, most, guard = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal held, most
        for _ in range(20):
            with pictures.room(20, 10, 2):
                with guard:
                    held += 400
                    most = max(most, held)
                time.sleep(0.001)
                with guard:
                    held -= 400

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert most == 800
    with pictures.room(10, 10, 9), pictures.room(10, 10, 9):  # a thread never waits for itself
        pass


def test_a_transparent_picture_is_laid_on_white_as_before_strip_by_strip(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("core.data.images.decoding.STRIP_PIXELS", 64)
    values = np.random.default_rng(0).integers(0, 256, (50, 40, 4), dtype=np.uint8)
    picture = Image.fromarray(values)
    picture.save(tmp_path / "t.png")
    white = Image.new("RGBA", picture.size, "white")
    page = next(iter(decode(tmp_path / "t.png")))
    assert np.array_equal(np.asarray(page.image), np.asarray(Image.alpha_composite(white, picture).convert("RGB")))
    assert page.changes == {"transparency-flattened"}


def test_a_deflated_dicom_that_inflates_beyond_the_budget_is_not_inflated(tmp_path, monkeypatch) -> None:
    import pydicom
    from pydicom.dataset import FileDataset, FileMetaDataset

    monkeypatch.setattr("core.data.images.dicom.PICTURES", budget.Budget(3_000_000))
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    file = FileDataset("x", {}, file_meta=meta, preamble=b"\0" * 128)
    file.Rows, file.Columns, file.BitsAllocated, file.BitsStored, file.HighBit = 64, 64, 8, 8, 7
    file.SamplesPerPixel, file.PixelRepresentation, file.PhotometricInterpretation = 1, 0, "MONOCHROME2"
    file.PixelData = bytes(4_000_000)
    file.save_as(tmp_path / "n.dcm", enforce_file_format=True)
    assert (tmp_path / "n.dcm").stat().st_size < 50_000
    with pytest.raises(UnreadableImage, match="inflates"):
        list(decode(tmp_path / "n.dcm"))


def test_what_nobody_foresaw_gets_a_sentence_a_reference_and_the_log(workspace, monkeypatch, capsys) -> None:
    def fails(*_given: object) -> None:
        raise KeyError("no such thing")

    monkeypatch.setattr("core.data.importing.from_upload.gather", fails)
    assert cli.main(["import", "anything.zip"]) == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    log = (workspace.root / LOG).read_text(encoding="utf-8")
    assert "Traceback" in log
    assert log.split()[1] in said


def test_text_of_strange_bytes_in_a_message_can_be_printed(workspace, capsys) -> None:
    assert cli.main(["import", os.fsdecode(b"/nowhere/caf\xe9.zip")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_windowing_in_strips_gives_the_levels_of_all_at_once(monkeypatch) -> None:
    from core.data.images.windows import apply_levels

    monkeypatch.setattr("core.data.images.windows.AT_ONCE", 100)
    values = np.random.default_rng(1).integers(0, 65535, (300, 31), dtype=np.uint16)
    whole = np.clip(np.rint((values.astype(np.float32) - 100) * (255.0 / 60000)), 0, 255).astype(np.uint8)
    assert np.array_equal(apply_levels(values, 100, 60100), whole)


def test_a_name_that_is_a_file_and_a_folder_is_named(workspace, tmp_path) -> None:
    archive = tmp_path / "both.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("images/q/x.png", b"x")
        packed.writestr("images/q", b"x")
    with pytest.raises(InputError, match="both as a file and as a folder") as refused:
        import_dataset(workspace, archive)
    assert str(workspace.root) not in str(refused.value)
