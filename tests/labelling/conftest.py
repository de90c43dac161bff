"""Pictures nobody has labelled yet, imported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.labelling.labelling import Labelling, open_labelling
from core.workspace import Workspace

SIZE = (96, 64)


def write_pictures(folder: Path, count: int = 10, size: tuple[int, int] = SIZE) -> Path:
    """Write pictures of noise, none like another."""
    random = np.random.default_rng(3)
    folder.mkdir(parents=True)
    for number in range(count):
        pixels = random.integers(0, 255, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
        picture = Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)
        picture.save(folder / f"picture{number}.png")
    return folder


@pytest.fixture
def alone(workspace: Workspace, tmp_path: Path) -> Dataset:
    """Ten pictures without a label."""
    return import_dataset(workspace, write_pictures(tmp_path / "pictures"), name="Pictures")


def ids(dataset: Dataset, split: str = "") -> list[str]:
    """Return the pictures of a dataset, of one part or of all, in the order of their names."""
    work = open_labelling(dataset)
    return [picture.id for picture in work.pictures.values() if split in ("", picture.split)]


def opened(dataset: Dataset) -> Labelling:
    """Return the labels of a dataset as they are now."""
    return open_labelling(dataset)
