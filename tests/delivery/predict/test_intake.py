"""What is given for a try: unpacked, decoded, upright, 8 bit; hostile files refused, unreadable ones named."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.delivery.predict.intake import MOST, take_in
from core.errors import InputError

PLENTY = 10**12


def picture(path: Path, size: tuple[int, int] = (40, 20)) -> Path:
    Image.new("RGB", size, "navy").save(path)
    return path


def test_a_plain_picture_is_used_as_it_is(tmp_path: Path) -> None:
    given = picture(tmp_path / "a.png")
    intake = take_in([given], tmp_path / "work", "auto", PLENTY)
    assert [(item.path, item.name) for item in intake.pictures] == [(given.resolve(), "a.png")]


def test_a_turned_photograph_stands_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20), "navy").save(tmp_path / "turned.jpg", exif=exif)
    made = take_in([tmp_path / "turned.jpg"], tmp_path / "work", "auto", PLENTY).pictures[0]
    assert (made.width, made.height) == (20, 40)
    assert Image.open(made.path).size == (20, 40)


def test_a_deep_picture_is_windowed_by_the_window_given(tmp_path: Path) -> None:
    values = np.full((20, 20), 1000, np.uint16)
    values[:10] = 2000
    Image.fromarray(values).save(tmp_path / "deep.png")
    made = take_in([tmp_path / "deep.png"], tmp_path / "work", "0,4000", PLENTY).pictures[0]
    assert made.windowed
    assert sorted(set(np.asarray(Image.open(made.path))[..., 0].ravel().tolist())) == [64, 128]


def test_every_page_of_a_tiff_is_taken(tmp_path: Path) -> None:
    pages = [Image.new("L", (30, 30), level) for level in (20, 120, 220)]
    pages[0].save(tmp_path / "stack.tif", save_all=True, append_images=pages[1:])
    names = [item.name for item in take_in([tmp_path / "stack.tif"], tmp_path / "work", "auto", PLENTY).pictures]
    assert names == ["stack.tif, page 1", "stack.tif, page 2", "stack.tif, page 3"]


def test_an_archive_is_unpacked_and_what_is_broken_is_named(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.write(tmp_path / "a.png", "deep/a.png")
        archive.writestr("deep/b.jpg", b"no picture")
    intake = take_in([tmp_path / "set.zip"], tmp_path / "work", "auto", PLENTY)
    assert [item.name for item in intake.pictures] == ["deep/a.png"]
    assert [name for name, _ in intake.refused] == ["deep/b.jpg"]
    assert str(tmp_path) not in intake.refused[0][1], "a place on this machine is nobody's business"


def test_an_archive_that_climbs_out_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../../evil.png", b"x")
    with pytest.raises(InputError):
        take_in([tmp_path / "evil.zip"], tmp_path / "work", "auto", PLENTY)
    assert not (tmp_path.parent / "evil.png").exists()


def test_too_many_for_the_page_wait_for_the_background(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(MOST + 1):
        picture(folder / f"{number}.png")
    (folder / "film.mp4").write_bytes(b"")
    intake = take_in([folder], tmp_path / "work", "auto", PLENTY)
    assert len(intake.waiting) == MOST + 1
    assert intake.pictures == []
    assert [path.name for path in intake.videos] == ["film.mp4"]
