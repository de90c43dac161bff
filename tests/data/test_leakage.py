"""Copies planted across the split are found, on real sets every one of them; sound sets raise no false alarm."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.frames import FINE, crop_warp
from core.data.images.fingerprints import thumbnail
from core.data.importing.from_upload import SAMPLE, import_dataset
from core.data.leakage import find_copies
from tests.data.writers import put
from tests.disguises import DISGUISES
from tests.framed import OBJECTS, draw


def plant(root: Path, files: list[Path], count: int, first: int) -> int:
    """Lay `files` in train and disguised copies of `count` of them in val; return the number of copies."""
    for folder in ("images/train", "images/val", "labels/train", "labels/val"):
        (root / folder).mkdir(parents=True)
    chosen = [round(place) for place in np.linspace(0, len(files) - 1, count)]
    for number, file in enumerate(files):
        shutil.copy(file, root / "images/train" / f"{number}{file.suffix}")
        put(root / f"labels/train/{number}.txt", "0 0.5 0.5 0.2 0.2\n")
    for place, number in enumerate(chosen):
        with Image.open(files[number]) as image:
            copy = list(DISGUISES.values())[(place + first) % len(DISGUISES)](image.convert("RGB"))
        copy.save(root / "images/val" / f"leak{number}.jpg", quality=92)
        put(root / f"labels/val/leak{number}.txt", "0 0.5 0.5 0.2 0.2\n")
    return count


def counts(dataset) -> dict[str, int]:
    return {item.code: item.count for item in dataset.findings}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bccd", "deeppcb_300"])
@pytest.mark.parametrize("first", [0, 3, 7])
def test_forty_planted_copies_are_all_found(workspace, shared, tmp_path, name, first):
    files = sorted((shared / "data" / name).rglob("*.jpg"))
    planted = plant(tmp_path / "set", files, 40, first)
    assert counts(import_dataset(workspace, tmp_path / "set"))["leak-across-splits"] == planted


@pytest.mark.slow
@pytest.mark.parametrize(("name", "most"), [("deeppcb_300", 0), ("chest_xray_pneumonia_800", 0), ("bccd", 2)])
def test_sound_sets_raise_hardly_an_alarm(workspace, shared, name, most):
    """The one pair of BCCD is no false alarm: 00037 and 00038 show the same field in two focal planes."""
    found = counts(import_dataset(workspace, shared / "data" / name))
    codes = ("leak-across-splits", "leak-val-test", "near-duplicate-image", "duplicate-image")
    assert sum(found.get(code, 0) for code in codes) <= most


def test_copies_of_plain_material_are_found_in_the_sample(workspace, tmp_path):
    with zipfile.ZipFile(SAMPLE) as packed:
        packed.extractall(tmp_path / "sample")
    files = sorted([*(tmp_path / "sample").rglob("*.jpg"), *(tmp_path / "sample").rglob("*.png")])
    planted = plant(tmp_path / "set", files, 80, 0)
    found = counts(import_dataset(workspace, tmp_path / "set"))
    assert found["leak-across-splits"] >= planted - 1
    assert "near-duplicate-image" not in found


@pytest.mark.parametrize("kind", OBJECTS)
def test_what_all_pictures_share_makes_no_copies_and_hides_none(tmp_path, kind):
    """Solar cells in one frame, boards of one layout, trays of one grid: 60 different ones, and a copy of 12."""
    pictures = {}
    for number, picture in enumerate(draw(kind, 60)):
        picture.save(tmp_path / f"{number:03d}.png")
        pictures[f"{number:03d}"] = (thumbnail(picture), tmp_path / f"{number:03d}.png")
    planted = set()
    for place, change in enumerate(DISGUISES.values()):
        name = f"{4 * place:03d}"
        copy = change(Image.open(tmp_path / f"{name}.png").convert("RGB"))
        copy.save(tmp_path / f"{name}-copy.jpg", quality=92)
        pictures[f"{name}-copy"] = (thumbnail(copy), tmp_path / f"{name}-copy.jpg")
        planted.add((name, f"{name}-copy"))
    found = set(find_copies(pictures))
    assert planted <= found
    assert len(found - planted) <= 1


@pytest.mark.parametrize("number", range(50))
def test_a_crop_and_its_counterpart_undo_each_other(number):
    other = number + 1 if number % 2 == 0 else number - 1
    there, back = (np.vstack([crop_warp(item).astype(float), [0, 0, 1]]) for item in (number, other))
    assert np.allclose(there @ back, np.eye(3), atol=1e-4)
    corner = crop_warp(number).astype(float) @ [FINE / 2, FINE / 2, 1]
    assert np.abs(corner - FINE / 2).max() < 0.03 * FINE
