"""Uploads that are no set of pictures: one clear line at the command line, exit 2, and nothing left behind."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from core.data.importing.from_upload import import_dataset
from core.errors import InputError
from core.workspace import Workspace
from tests.data.writers import WRITERS, picture, put, truth

REPO = Path(__file__).resolve().parents[3]


def _inner(folder: Path) -> Path:
    picture(folder / "in" / "a.png", 1)
    with zipfile.ZipFile(folder / "inner.zip", "w") as packed:
        packed.write(folder / "in" / "a.png", "a.png")
    return folder / "inner.zip"


def nested(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "outer.zip", "w") as packed:
        packed.write(_inner(folder), "inner.zip")
    return folder / "outer.zip"


def nested_tar(folder: Path) -> Path:
    with tarfile.open(folder / "outer.tar.gz", "w:gz") as packed:
        packed.add(_inner(folder), "deep/inner.zip")
    return folder / "outer.tar.gz"


def locked(folder: Path) -> Path:
    """Set the encryption flag in every header, as a password does."""
    data = bytearray(_inner(folder).read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(mark)
        flags = struct.unpack_from("<H", data, place + offset)[0]
        struct.pack_into("<H", data, place + offset, flags | 1)
    (folder / "locked.zip").write_bytes(data)
    return folder / "locked.zip"


def empty(folder: Path) -> Path:
    zipfile.ZipFile(folder / "empty.zip", "w").close()
    return folder / "empty.zip"


def folders_only(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "folders.zip", "w") as packed:
        packed.writestr("images/", "")
    return folder / "folders.zip"


def text(folder: Path) -> Path:
    (folder / "text.zip").write_text("hello")
    return folder / "text.zip"


def rar(folder: Path) -> Path:
    (folder / "set.rar").write_bytes(b"Rar!\x1a\x07\x00")
    return folder / "set.rar"


def letter(folder: Path) -> Path:
    (folder / "letter.docx").write_bytes(b"x")
    return folder / "letter.docx"


def labels_only(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "labels.zip", "w") as packed:
        packed.writestr("labels/a.txt", "0 0.5 0.5 0.1 0.1\n")
    return folder / "labels.zip"


def gone(folder: Path) -> Path:
    return folder / "gone.zip"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (nested, "another archive (inner.zip)"),
        (nested_tar, "another archive (deep/inner.zip)"),
        (locked, "protected by a password"),
        (empty, "empty.zip is empty"),
        (folders_only, "folders.zip is empty"),
        (text, "not a zip or tar archive"),
        (rar, "pack the folder as a zip file"),
        (letter, "neither an archive nor a picture"),
        (labels_only, "one other file"),
        (gone, "does not exist"),
    ],
)
def test_one_clear_line_and_exit_two(workspace, tmp_path: Path, make: Callable[[Path], Path], words: str) -> None:
    folder = tmp_path / "upload"
    folder.mkdir()
    source = make(folder)
    done = subprocess.run(
        [sys.executable, "-m", "core", "import", str(source), "--json"],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    last = done.stderr.strip().splitlines()[-1]
    assert words in last
    assert source.name in last
    assert "Traceback" not in done.stderr
    assert not list(workspace.datasets.iterdir())
    assert not list(workspace.staging_root.iterdir())


def test_an_archive_among_pictures_is_said(workspace, tmp_path):
    root = tmp_path / "set"
    WRITERS["yolo"](root, truth(4))
    (root / "more.zip").write_bytes(_inner(tmp_path).read_bytes())
    found = {item.code: item for item in import_dataset(workspace, root).findings}
    assert found["nested-archive"].examples == ["more.zip"]
    assert "other-files" not in found


def test_the_answer_is_one_json_object(workspace, tmp_path):
    WRITERS["voc"](tmp_path / "set", truth(4))
    Image.new("L", (4, 4)).save(tmp_path / "set" / "JPEGImages" / "tiny.png")
    done = subprocess.run(
        [sys.executable, "-m", "core", "import", str(tmp_path / "set"), "--json"],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    assert answer["format"] == "voc"
    assert answer["images"] == {"train": 3, "val": 1, "test": 0}
    assert {item["code"] for item in answer["findings"]} >= {"image-too-small"}
    assert all(set(item) == {"code", "severity", "count", "message", "examples"} for item in answer["findings"])


def test_loose_files_of_one_name_are_told_apart_by_their_folders(workspace: Workspace, tmp_path: Path) -> None:
    for number, folder in enumerate(("left", "right")):
        picture(tmp_path / folder / "1.png", number)
    dataset = import_dataset(workspace, [tmp_path / "left" / "1.png", tmp_path / "right" / "1.png"])
    assert sorted(dataset.image_table()["source"]) == ["left/1.png", "right/1.png"]


def test_many_loose_pictures_get_a_short_name(workspace: Workspace, tmp_path: Path) -> None:
    for number in range(6):
        picture(tmp_path / f"scan{number}.png", number)
    dataset = import_dataset(workspace, sorted(tmp_path.glob("scan*.png")))
    assert dataset.name == "scan0 and 5 more files"
    assert dataset.source == "scan0.png, scan1.png, scan2.png and 3 more files"


def test_a_sheet_alone_is_told_that_pictures_are_missing(workspace: Workspace, tmp_path: Path) -> None:
    put(tmp_path / "labels.xlsx", "no pictures")
    with pytest.raises(InputError, match=r"labels\.xlsx may hold labels"):
        import_dataset(workspace, tmp_path / "labels.xlsx")
