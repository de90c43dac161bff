"""Classes that stand in the names of pictures alone: asked, never guessed, and never seen in what a camera wrote."""

from __future__ import annotations

import uuid
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.importing.from_upload import import_dataset
from core.data.importing.settings import ImportSettings
from core.data.importing.understanding import understand
from core.data.reading.choices import Undecided
from core.data.reading.file_names import classes_in_names
from core.workspace import Workspace


def names(*patterns: str, times: int = 10) -> list[str]:
    return [pattern.format(number) for pattern in patterns for number in range(times)]


@pytest.mark.parametrize(
    ("given", "classes"),
    [
        (names("cat.{}.jpg", "dog.{}.jpg"), {"cat", "dog"}),
        (names("crazing_{}.bmp", "rolled-in_scale_{}.bmp"), {"crazing", "rolled in scale"}),
        (names("Cr_{}.bmp", "In_{}.bmp", "PS_{}.bmp"), {"Cr", "In", "PS"}),
        (names("dent ({}).png", "Scratch ({}).png"), {"dent", "Scratch"}),
        (names("dent{}.png", "scratch{:04}.png"), {"dent", "scratch"}),
        (names("type1_{}.png", "type2_{}.png"), {"type1", "type2"}),
        (names("{:03}_OK.png", "{:03}_NOK.png"), {"OK", "NOK"}),
        (names("steel plate {} crack.png", "steel plate {} dent.png"), {"crack", "dent"}),
        (names("train/IMG_{}_dent.png", "val/IMG_{}_crack.png"), {"dent", "crack"}),
    ],
)
def test_words_that_tell_pictures_apart_are_seen(given: list[str], classes: set[str]) -> None:
    assert Counter(classes_in_names(given).values()) == dict.fromkeys(classes, 10)


@pytest.mark.parametrize(
    "given",
    [
        names("IMG_{:04}.jpg", times=30),
        names("IMG_{:04}.jpg", "DSC{:05}.jpg", "PXL_2024{:04}.jpg"),
        names("WhatsApp Image 2024-01-{0:02} at 10.{0}.22 AM.jpeg", "Screenshot_2024{}.png"),
        [f"{uuid.UUID(int=number * 7919**9)}.jpg" for number in range(60)],
        names("BloodImage_{:05}.jpg", times=30),
        names("{:05}.png", times=30),
        ["dent_1.png", "dent_2.png", "scratch_1.png"],
        [],
    ],
)
def test_what_cameras_and_counters_write_is_no_class(given: list[str]) -> None:
    assert classes_in_names(given) == {}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "steel").mkdir()
    for number, name in enumerate(names("dent_{}.png", "scratch_{}.png")):
        pixels = np.random.default_rng(number).integers(0, 255, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "steel" / name)
    return tmp_path / "steel"


def test_it_is_asked_and_read_as_answered(folder: Path, tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "workspace")
    choice = understand(workspace, folder).open_choice
    assert choice is not None
    assert [option.value for option in choice.options] == ["classes", "alone"]
    with pytest.raises(Undecided):
        import_dataset(workspace, folder)
    named = import_dataset(workspace, folder, settings=ImportSettings(choices={"names": "classes"}))
    assert (named.task, named.classes, sum(named.images.values())) == ("classify", ["dent", "scratch"], 20)
    for image in (image for split in named.images for image in named.labelled(split)):
        assert image.file.split("/")[-1].startswith(named.classes[image.objects[0].class_id])
    alone = import_dataset(workspace, folder, settings=ImportSettings(choices={"names": "alone"}))
    assert (alone.classes, sum(alone.images.values())) == ([], 20)
    assert import_dataset(workspace, folder, settings=ImportSettings(task="detect")).classes == []


def test_labels_are_left_out_where_the_pictures_alone_are_wanted(folder: Path, tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "workspace")
    for name in ("dent", "scratch"):
        (folder / name).mkdir()
        for path in folder.glob(f"{name}_*.png"):
            path.rename(folder / name / path.name)
    assert import_dataset(workspace, folder).classes == ["dent", "scratch"]
    alone = import_dataset(workspace, folder, settings=ImportSettings(pictures_alone=True))
    assert (alone.classes, sum(alone.images.values()), alone.format) == ([], 20, "pictures")
    assert understand(workspace, folder, settings=ImportSettings(pictures_alone=True)).classes == []
