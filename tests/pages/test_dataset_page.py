"""The dataset page: what a locked test part hides, what a pair of copies shows, what is said without labels."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from core.data.dataset import Dataset, load_dataset
from core.data.importing.from_upload import import_dataset
from core.data.importing.settings import ImportSettings
from core.workspace import Workspace
from pages._ui.dataset.views import find_files
from tests.data.writers import WRITERS, picture, truth
from tests.pages.conftest import open_page, texts


def splits_offered(dataset: Dataset) -> list[str]:
    app = open_page("dataset.py", dataset=dataset.id)
    assert not app.exception, app.exception
    return list(app.selectbox(key=f"gallery_{dataset.id}_split").options)


def test_a_locked_test_part_is_not_in_the_gallery(workspace: Workspace, tmp_path: Path) -> None:
    WRITERS["coco"](tmp_path / "set", truth(12))
    locked = import_dataset(workspace, tmp_path / "set", settings=ImportSettings(split="50/25/25", lock_test=True))
    assert splits_offered(locked) == ["all parts", "training", "validation"]
    assert "The test part is locked: its 3 pictures" in texts(open_page("dataset.py", dataset=locked.id))
    dataset = load_dataset(workspace, locked.id)
    dataset.test_openings.append(dataset.created)
    dataset.save()
    assert splits_offered(dataset) == ["all parts", "training", "validation", "test"]


def test_pictures_without_labels_promise_no_model(workspace: Workspace, tmp_path: Path) -> None:
    for number in range(4):
        picture(tmp_path / "set" / f"{number}.png", number)
    dataset = import_dataset(workspace, tmp_path / "set")
    words = texts(open_page("dataset.py", dataset=dataset.id))
    assert "Nothing is labelled yet" in words
    assert "A model will learn" not in words
    assert "Are the classes what you want?" not in words


@pytest.mark.parametrize(
    ("example", "files"),
    [
        ("b/1.jpg (val) = a/1.jpg (train)", ["val/1.jpg", "train/1.jpg"]),
        ("a/1.jpg: RBC 504,337,504,337", ["train/1.jpg"]),
        ("a/1.jpg.png", ["train/2.png"]),
        ("gone.jpg = a/1.jpg", ["train/1.jpg"]),
        ("gone.jpg", []),
    ],
)
def test_an_example_names_its_pictures(example: str, files: list[str]) -> None:
    images = pd.DataFrame(
        {"source": ["a/1.jpg", "b/1.jpg", "a/1.jpg.png"], "file": ["train/1.jpg", "val/1.jpg", "train/2.png"]}
    )
    assert find_files(images, example) == files
