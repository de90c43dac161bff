"""The sample set is small, complete, correctly boxed and drawn the same every time."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from PIL import Image

FOLDER = Path(__file__).resolve().parents[2] / "sample_data"
ARCHIVE = FOLDER / "surface_defects.zip"


def read_members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def read_rows(label: bytes) -> list[tuple[int, list[float]]]:
    rows = [line.split() for line in label.decode().splitlines()]
    return [(int(row[0]), [float(value) for value in row[1:]]) for row in rows]


def draw(out: Path) -> Path:
    script = [sys.executable, str(FOLDER / "make_sample.py"), "--count", "6", "--out", str(out)]
    subprocess.run(script, check=True, capture_output=True, text=True)
    return out / ARCHIVE.name


@pytest.fixture(scope="module")
def members() -> dict[str, bytes]:
    return read_members(ARCHIVE)


@pytest.fixture(scope="module")
def first_six(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return draw(tmp_path_factory.mktemp("first")), draw(tmp_path_factory.mktemp("second"))


def test_the_archive_is_small_and_every_picture_has_a_label_file(members: dict[str, bytes]) -> None:
    pictures = [name for name in members if name.startswith("images/")]
    assert ARCHIVE.stat().st_size < 5_000_000
    assert len(pictures) >= 120
    assert {name.replace("images/", "labels/").replace(".jpg", ".txt") for name in pictures} == {
        name for name in members if name.startswith("labels/")
    }


def test_pictures_open_at_about_320_pixels(members: dict[str, bytes]) -> None:
    for name in (name for name in members if name.startswith("images/")):
        with Image.open(io.BytesIO(members[name])) as picture:
            picture.load()
            assert 250 <= min(picture.size) <= max(picture.size) <= 400


def test_train_and_val_hold_all_three_classes(members: dict[str, bytes]) -> None:
    assert list(yaml.safe_load(members["data.yaml"])["names"].values()) == ["scratch", "dent", "stain"]
    for split in ("train", "val"):
        labels = [label for name, label in members.items() if name.startswith(f"labels/{split}/")]
        assert {number for label in labels for number, _ in read_rows(label)} == {0, 1, 2}


def test_about_one_picture_in_seven_shows_no_defect(members: dict[str, bytes]) -> None:
    labels = [label for name, label in members.items() if name.startswith("labels/")]
    assert 0.10 <= sum(not read_rows(label) for label in labels) / len(labels) <= 0.20


def test_boxes_lie_inside_the_picture(members: dict[str, bytes]) -> None:
    for name in (name for name in members if name.startswith("labels/")):
        for _, (x, y, width, height) in read_rows(members[name]):
            assert min(width, height) > 0, name
            assert min(x - width / 2, y - height / 2) >= -1e-5, name
            assert max(x + width / 2, y + height / 2) <= 1 + 1e-5, name


def test_the_script_draws_the_same_bytes_twice(first_six: tuple[Path, Path]) -> None:
    one, other = first_six
    assert one.read_bytes() == other.read_bytes()


def test_the_archive_is_what_the_script_draws(first_six: tuple[Path, Path], members: dict[str, bytes]) -> None:
    drawn = {name: data for name, data in read_members(first_six[0]).items() if name.startswith("labels/")}
    assert len(drawn) == 6
    assert drawn == {name: members[name] for name in drawn}
