"""Names of other systems in folders and archives: composed letters, code pages, compressions of Windows."""

from __future__ import annotations

import struct
import tarfile
import unicodedata
import zipfile
import zlib
from pathlib import Path

import pytest

from core.data.importing.from_upload import import_dataset
from core.data.reading.encodings import code_page, decode_text
from core.errors import InputError
from tests.data.writers import CLASSES, WRITERS, picture, put, truth


def rezip(source: Path, target: Path, method: int, pack) -> Path:
    """Write a zip whose entries `pack` made, and say in its headers that they are of `method`."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as packed:
        for file in sorted(source.rglob("*")):
            if file.is_file():
                packed.writestr(str(file.relative_to(source)), pack(file.read_bytes()))
        sizes = {entry.filename: (source / entry.filename).read_bytes() for entry in packed.infolist()}
    data = bytearray(target.read_bytes())
    with zipfile.ZipFile(target) as packed:
        entries = packed.infolist()
    for mark, name_at, fields_at in ((b"PK\x03\x04", 30, 8), (b"PK\x01\x02", 46, 10)):
        place = data.find(mark)
        for entry in entries:
            name = data[place + name_at : place + name_at + len(entry.filename)].decode()
            content = sizes[name]
            struct.pack_into("<H", data, place + fields_at, method)
            struct.pack_into("<I", data, place + fields_at + 6, zlib.crc32(content))
            struct.pack_into("<I", data, place + fields_at + 14, len(content))
            place = data.find(mark, place + 4)
    target.write_bytes(data)
    return target


def deflate64(content: bytes) -> bytes:
    import inflate64

    packer = inflate64.Deflater()
    return packer.deflate(content) + packer.flush()


def deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


@pytest.mark.parametrize("pack", [deflate64, deflate])
def test_deflate64_is_undone(workspace, tmp_path, pack):
    """Also where a packer wrote plain Deflate and called it so."""
    WRITERS["yolo"](tmp_path / "set", truth(4))
    put(tmp_path / "set" / "blank.txt", " " * 200_000)
    packed = import_dataset(workspace, rezip(tmp_path / "set", tmp_path / "a.zip", 9, pack))
    plain = import_dataset(workspace, tmp_path / "set")
    assert packed.checksum == plain.checksum
    assert packed.classes == CLASSES


def test_damaged_deflate64_is_refused(workspace, tmp_path):
    WRITERS["yolo"](tmp_path / "set", truth(4))
    archive = rezip(tmp_path / "set", tmp_path / "a.zip", 9, lambda content: deflate64(content)[:-9] + b"damaged!!")
    with pytest.raises(InputError, match=r"a\.zip"):
        import_dataset(workspace, archive)
    assert not list(workspace.staging_root.iterdir())


def test_a_deflate64_bomb_stops_at_the_size_it_states(workspace, tmp_path):
    archive = rezip_bomb(tmp_path)
    with pytest.raises(InputError, match="larger than the archive says|damaged"):  # noqa: RUF043
        import_dataset(workspace, archive)
    assert sum(file.stat().st_size for file in workspace.root.rglob("*") if file.is_file()) < 5_000_000


def rezip_bomb(folder: Path) -> Path:
    picture(folder / "set" / "a.png", 1)
    put(folder / "set" / "b.txt", "0 0.5 0.5 0.1 0.1")
    bomb = deflate64(bytes(300 * 2**20))
    return rezip(folder / "set", folder / "a.zip", 9, lambda content: bomb)


@pytest.mark.parametrize(("method", "name"), [(93, "Zstandard"), (98, "PPMd"), (99, "AES"), (77, "number 77")])
def test_other_compressions_are_named(workspace, tmp_path, method, name):
    WRITERS["yolo"](tmp_path / "set", truth(3))
    archive = rezip(tmp_path / "set", tmp_path / "a.zip", method, lambda content: content)
    with pytest.raises(InputError, match=name):
        import_dataset(workspace, archive)


def named(root: Path, names: list[str]) -> Path:
    root.mkdir(parents=True)
    for number, name in enumerate(names):
        picture(root / f"{name}.png", number)
        put(root / f"{name}.txt", "0 0.5 0.5 0.5 0.5\n")
    return root


def coco_of(names: list[str]) -> dict[str, object]:
    images = [{"id": n, "file_name": f"{name}.png", "width": 64, "height": 48} for n, name in enumerate(names)]
    boxes = [{"id": n, "image_id": n, "category_id": 1, "bbox": [4, 4, 20, 20]} for n in range(len(names))]
    return {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "a"}]}


@pytest.mark.parametrize(("disk", "labels"), [("NFD", "NFC"), ("NFC", "NFD")])
@pytest.mark.parametrize("packed", ["", "zip", "tar"])
def test_taken_apart_letters_meet_composed_ones(workspace, tmp_path, disk, labels, packed):
    names = ["Schädel 1", "Hüfte", "Größe", "É"]
    root = tmp_path / "set"
    for number, name in enumerate(names):
        picture(root / "Fotos" / f"{unicodedata.normalize(disk, name)}.png", number)
    put(root / "labels.json", coco_of([unicodedata.normalize(labels, name) for name in names]))
    source = root
    if packed == "zip":
        source = tmp_path / "a.zip"
        with zipfile.ZipFile(source, "w") as archive:
            for file in root.rglob("*.*"):
                archive.write(file, file.relative_to(root))
    elif packed == "tar":
        source = tmp_path / "a.tar"
        with tarfile.open(source, "w") as archive:
            archive.add(root, "set")
    dataset = import_dataset(workspace, source)
    assert dataset.instances == {"a": 4}
    assert {Path(name).stem for name in dataset.image_table()["source"]} == set(names)


@pytest.mark.parametrize(
    ("page", "names"),
    [("gbk", ["图像一", "肝脏二号", "扫描(3)"]), ("cp932", ["きず1", "へこみ", "傷のある"]),
     ("cp437", ["Hüfte", "Schädel", "Größe"]), ("utf-8", ["Hüfte", "肝脏", "きず"])],
)  # fmt: skip
def test_zip_names_of_a_code_page(workspace, tmp_path, page, names):
    """Old packers write the system's bytes without saying which code page they are of."""
    root = named(tmp_path / "set", names)
    put(root / "labels.json", coco_of(names))
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for number, file in enumerate([*sorted(root.glob("*.png")), root / "labels.json"]):
            packed.write(file, f"{number:>040}")
    data = archive.read_bytes()
    for number, file in enumerate([*sorted(root.glob("*.png")), root / "labels.json"]):
        raw = file.name.encode(page)
        data = data.replace(f"{number:>040}".encode(), b"./" * ((40 - len(raw)) // 2) + b"/" * (len(raw) % 2) + raw)
    archive.write_bytes(data)
    dataset = import_dataset(workspace, archive)
    assert sum(dataset.instances.values()) == len(names)
    assert {Path(name).stem for name in dataset.image_table()["source"]} == set(names)


@pytest.mark.parametrize(
    ("text", "page"),
    [("类别,图像一.png", "gbk"), ("Riß,Beule,GRÖßE", "latin-1"), ("Hüfte;Schädel", "latin-1"), ("きず,へこみ", "cp932"),
     ("défaut,été,ÇA", "latin-1"), ("Teil Nr. 0 – ä.jpg;5 €;„Riß“…", "cp1252")],
)  # fmt: skip
def test_texts_of_a_code_page(text, page):
    assert decode_text(text.encode(page)) == text


def test_a_code_page_is_not_guessed_from_nothing():
    assert code_page([b"plain", b""]) is None
    assert code_page(["ü".encode("cp437")]) is None
