"""What can be learned and judged from what is there, said before the first training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from core.data.checks import check_dataset
from core.data.checks.prospects import prospects
from core.data.importing import import_dataset
from core.workspace import Workspace
from tests.tiny import write_yolo_folder


def write_kinds(folder: Path, pictures: dict[str, int]) -> Path:
    """So many noisy pictures of each class, in the folder of the class."""
    random = np.random.default_rng(3)
    for name, number in pictures.items():
        (folder / name).mkdir(parents=True)
        for place in range(number):
            noise = Image.fromarray(random.integers(0, 255, (48, 48, 3), dtype=np.uint8))
            noise.save(folder / name / f"{place}.png")
    return folder


def test_twelve_pictures_of_six_classes_are_not_ready(workspace: Workspace, tmp_path: Path) -> None:
    kinds = [f"kind{number}" for number in range(6)]
    dataset = import_dataset(workspace, write_kinds(tmp_path / "few", dict.fromkeys(kinds, 2)))
    outlook = prospects(dataset)
    assert outlook is not None
    assert not outlook.can_learn
    assert set(outlook.few) == set(kinds)
    assert outlook.judged == ()
    assert outlook.doubt > 0.2
    assert "None of 6 classes" in outlook.sentences()[0]


def test_a_class_in_one_picture_only_is_not_offered_another_division(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, write_kinds(tmp_path / "one", {"good": 8, "crack": 1}))
    found = {item.code: item for item in check_dataset(dataset)}
    assert found["class-in-one-picture"].count == 1
    assert not found["class-in-one-picture"].fix
    missing = [item for code, item in found.items() if code.startswith("class-missing-in-")]
    assert missing
    assert not any(item.fix for item in missing)


def test_enough_of_everything_needs_no_words(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "many", train=30, val=12))
    outlook = prospects(dataset)
    assert outlook is not None
    assert outlook.can_learn
    assert not outlook.few
    assert outlook.sentences() == []
