"""What an upload must never do: write outside, unpack without bound, run code, fill memory, leave half a dataset."""

from __future__ import annotations

import io
import os
import signal
import struct
import subprocess
import sys
import tarfile
import time
import zipfile
import zlib
from pathlib import Path

import pytest

from core.data.dataset import list_datasets
from core.data.importing.from_upload import import_dataset
from core.errors import InputError
from tests.data.writers import WRITERS, picture, put, truth

REPO = Path(__file__).resolve().parents[3]


def snapshot(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def good_zip(path: Path, tmp_path: Path) -> zipfile.ZipFile:
    WRITERS["yolo"](tmp_path / "good", truth(3))
    packed = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
    for file in (tmp_path / "good").rglob("*"):
        packed.write(file, file.relative_to(tmp_path / "good"))
    return packed


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def zip_slip(packed: zipfile.ZipFile) -> None:
    packed.writestr("../../evil.txt", "out")


def zip_slip_backslash(packed: zipfile.ZipFile) -> None:
    packed.writestr("..\\..\\evil.txt", "out")


def absolute_path(packed: zipfile.ZipFile) -> None:
    packed.writestr("/tmp/graft_evil.txt", "out")


def drive_path(packed: zipfile.ZipFile) -> None:
    packed.writestr("C:/evil.txt", "out")


def symlink(packed: zipfile.ZipFile) -> None:
    entry = zipfile.ZipInfo("images/link.png")
    entry.create_system = 3
    entry.external_attr = 0o120777 << 16
    packed.writestr(entry, "/etc/passwd")


def ratio_bomb(packed: zipfile.ZipFile) -> None:
    packed.writestr("images/zeros.bmp", bytes(200 * 2**20))


def huge_picture(packed: zipfile.ZipFile) -> None:
    packed.writestr("images/huge.png", png_header(50_000, 50_000))


def alias_bomb(packed: zipfile.ZipFile) -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    for one, other in zip("bcdefghi", "abcdefgh", strict=True):
        lines.append(f"{one}: &{one} [{', '.join(['*' + other] * 9)}]")
    packed.writestr("bomb/data.yml", "\n".join([*lines, "names: *i"]))


def twice_the_same(packed: zipfile.ZipFile) -> None:
    packed.writestr("images/part_00.png", b"other")


@pytest.mark.parametrize(
    ("attack", "words"),
    [
        (zip_slip, "outside its folder"),
        (zip_slip_backslash, "outside its folder"),
        (absolute_path, "outside its folder"),
        (drive_path, "outside its folder"),
        (symlink, "link or device"),
        (ratio_bomb, "bomb"),
        (huge_picture, "50,000 x 50,000"),
        (twice_the_same, "two entries"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_hostile_zips_are_refused_and_change_nothing(workspace, tmp_path, attack, words):
    archive = tmp_path / "upload.zip"
    with good_zip(archive, tmp_path) as packed:
        attack(packed)
    before = snapshot(workspace.root)
    with pytest.raises(InputError, match=words):
        import_dataset(workspace, archive)
    assert snapshot(workspace.root) == before
    assert not (tmp_path / "evil.txt").exists()
    assert not Path("/tmp/graft_evil.txt").exists()


def test_a_total_over_the_limit_is_refused(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr("core.data.reading.archives.MAX_TOTAL_BYTES", 10_000)
    archive = tmp_path / "upload.zip"
    good_zip(archive, tmp_path).close()
    with zipfile.ZipFile(archive, "a") as packed:
        packed.writestr("images/noise.png", os.urandom(20_000))
    with pytest.raises(InputError, match="unpacks to"):
        import_dataset(workspace, archive)
    assert not list(workspace.staging_root.iterdir())


def test_a_yaml_alias_bomb_is_refused(workspace, tmp_path):
    archive = tmp_path / "upload.zip"
    with good_zip(archive, tmp_path) as packed:
        alias_bomb(packed)
        names = packed.namelist()
    assert "data.yaml" in names
    with zipfile.ZipFile(tmp_path / "only.zip", "w") as packed, zipfile.ZipFile(archive) as old:
        for name in names:
            if name != "data.yaml":
                packed.writestr(name, old.read(name))
    before = snapshot(workspace.root)
    with pytest.raises(InputError, match="aliases"):
        import_dataset(workspace, tmp_path / "only.zip")
    assert snapshot(workspace.root) == before


@pytest.mark.parametrize(
    "program", ["|\n  from pathlib import Path\n  Path('MARK').touch()", "bash touch MARK", "[a, b]"]
)
def test_a_program_in_the_download_entry_is_refused_and_never_runs(workspace, tmp_path, program):
    root = tmp_path / "set"
    WRITERS["yolo"](root, truth(4))
    mark = tmp_path / "ran"
    settings = (root / "data.yaml").read_text().replace("val: images_val", "val: nowhere")
    put(root / "data.yaml", settings + "download: " + program.replace("MARK", str(mark)) + "\n")
    before = snapshot(workspace.root)
    with pytest.raises(InputError, match="download entry"):
        import_dataset(workspace, root)
    assert snapshot(workspace.root) == before
    assert not mark.exists()


def test_a_download_address_is_ignored_and_never_reaches_our_own_yaml(workspace, tmp_path):
    root = tmp_path / "set"
    WRITERS["yolo"](root, truth(4))
    put(root / "data.yaml", (root / "data.yaml").read_text() + "download: https://example.org/set.zip\n")
    dataset = import_dataset(workspace, root)
    assert "example.org" not in (dataset.root / "data.yaml").read_text()
    assert "yaml-download-ignored" in {item.code for item in dataset.findings}


def test_python_tags_in_a_yaml_are_refused(workspace, tmp_path):
    root = tmp_path / "set"
    WRITERS["yolo"](root, truth(3))
    put(root / "data.yaml", f"names: !!python/object/apply:os.system ['touch {tmp_path}/ran']\n")
    with pytest.raises(InputError, match="not valid YAML"):
        import_dataset(workspace, root)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(workspace, tmp_path, kind):
    archive = tmp_path / "upload.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        entry = tarfile.TarInfo("images/a.png")
        entry.type, entry.linkname = kind, "/etc/passwd"
        packed.addfile(entry)
    with pytest.raises(InputError, match="link or device"):
        import_dataset(workspace, archive)


def test_a_tar_that_climbs_out_is_refused(workspace, tmp_path):
    archive = tmp_path / "upload.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        entry = tarfile.TarInfo("../evil.txt")
        entry.size = 3
        packed.addfile(entry, io.BytesIO(b"out"))
    with pytest.raises(InputError, match="outside its folder"):
        import_dataset(workspace, archive)
    assert not (workspace.staging_root / "evil.txt").exists()


@pytest.mark.parametrize("cut", [10, 400, 2000])
def test_damaged_archives_are_refused(workspace, tmp_path, cut):
    archive = tmp_path / "upload.zip"
    good_zip(archive, tmp_path).close()
    archive.write_bytes(archive.read_bytes()[:-cut])
    with pytest.raises(InputError, match=r"upload\.zip"):
        import_dataset(workspace, archive)
    assert not list(workspace.staging_root.iterdir())


def test_an_xml_entity_bomb_does_not_grow(workspace, tmp_path):
    root = tmp_path / "set"
    WRITERS["voc"](root, truth(4))
    entities = "".join(
        f'<!ENTITY {one} "{("&" + other + ";") * 10}">' for one, other in zip("bcdefgh", "abcdefg", strict=True)
    )
    put(
        root / "Annotations" / "part_00.xml",
        f'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">{entities}]><annotation><filename>&h;</filename></annotation>',
    )
    dataset = import_dataset(workspace, root)
    assert {item.code: item.count for item in dataset.findings}["unreadable-label"] == 1


def test_links_that_lead_out_of_a_folder_are_not_followed(workspace, tmp_path):
    root = tmp_path / "set"
    WRITERS["yolo"](root, truth(4))
    picture(tmp_path / "secret.png", 5)
    (root / "images" / "secret.png").symlink_to(tmp_path / "secret.png")
    dataset = import_dataset(workspace, root)
    assert dataset.images["train"] + dataset.images["val"] == 4
    assert {item.code: item.count for item in dataset.findings}["link-not-followed"] == 1


def test_a_killed_import_leaves_nothing_listed_and_its_space_comes_back(workspace, tmp_path):
    root = tmp_path / "set"
    for number in range(150):
        picture(root / "images" / f"{number}.jpg", number, (320, 320))
        put(root / "labels" / f"{number}.txt", "0 0.5 0.5 0.5 0.5\n")
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom core.workspace import Workspace\n"
        "from core.data.importing.from_upload import import_dataset\n"
        "def slow(progress):\n    print(progress.stage, progress.done, flush=True)\n    time.sleep(0.2)\n"
        "import_dataset(Workspace.current(), Path(sys.argv[1]), progress=slow)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(root)], cwd=REPO, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith("Reading pictures"):
            break
    time.sleep(0.1)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert list(workspace.staging_root.iterdir())
    assert not list_datasets(workspace)
    assert not list(workspace.datasets.iterdir())
    assert workspace.sweep_staging() > 0
    assert not list(workspace.staging_root.iterdir())
