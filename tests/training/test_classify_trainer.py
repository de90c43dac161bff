"""Classifiers' pictures are kept in memory at the size they are looked at, and nothing is lost by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.ultralytics.offline import enter_isolation
from core.ultralytics.trainers.classify import shrink, side_kept


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Smooth pictures of 400 × 300 and 40 × 30 pixels in two classes."""
    root = tmp_path_factory.mktemp("classes")
    for split in ("train", "val"):
        for number, (name, size) in enumerate((("fine", (400, 300)), ("scratched", (40, 30)))):
            folder = root / split / name
            folder.mkdir(parents=True)
            wave = np.add.outer(np.sin(np.linspace(0, 6, size[1])), np.cos(np.linspace(number, 9, size[0])))
            grey = ((wave + 2) * 60).astype(np.uint8)
            Image.fromarray(np.dstack([grey, grey[::-1], grey[:, ::-1]])).save(folder / "1.png")
    return root


def trainer(pictures: Path, out: Path, ours: bool, **arguments: Any) -> Any:
    enter_isolation()
    from ultralytics.models.yolo.classify import ClassificationTrainer

    from core.ultralytics.trainers.fast import fast_trainer

    overrides = {
        "data": str(pictures), "model": "yolo11n-cls.yaml", "imgsz": 64, "device": "cpu", "cache": "ram", "workers": 0,
        "auto_augment": None, "erasing": 0.0, "project": str(out), "name": "run", "exist_ok": True, **arguments,
    }  # fmt: skip
    return fast_trainer("classify")(overrides=overrides) if ours else ClassificationTrainer(overrides=overrides)


def test_validation_sees_what_ultralytics_shows(pictures: Path, tmp_path: Path) -> None:
    ours = trainer(pictures, tmp_path, True).build_dataset(str(pictures / "val"), "val")
    stock = trainer(pictures, tmp_path, False).build_dataset(str(pictures / "val"), "val")
    assert [ours.img_cache[index].shape for index in range(2)] == [(64, 64, 3)] * 2
    assert stock.img_cache[0].shape == (300, 400, 3)
    for index in range(2):
        assert ours[index]["cls"] == stock[index]["cls"]
        assert bool((ours[index]["img"] == stock[index]["img"]).all())


def test_validation_comes_in_the_order_of_the_samples(pictures: Path, tmp_path: Path) -> None:
    loader = trainer(pictures, tmp_path, True)
    loader.model = type("Network", (), {})()
    batches = loader.get_dataloader(str(pictures / "val"), 1, -1, "val")
    assert [int(batch["cls"]) for batch in batches] == [label for _, label, *_ in batches.dataset.samples]


def test_training_pictures_are_kept_as_large_as_the_smallest_crop_needs(pictures: Path, tmp_path: Path) -> None:
    ours = trainer(pictures, tmp_path, True).build_dataset(str(pictures / "train"), "train")
    side = side_kept(64, 0.5)
    assert side == 105  # 64 / sqrt(3/4 · 1/2)
    assert [ours.img_cache[index].shape for index in range(2)] == [(105, 140, 3), (30, 40, 3)]
    whole = Image.open(pictures / "train" / "fine" / "1.png")
    expected = np.asarray(whole.resize((140, 105), Image.Resampling.BOX), dtype=int)
    kept = ours.img_cache[0][:, :, ::-1].astype(int)  # blue, green, red
    assert np.abs(kept - expected).mean() < 1
    assert ours[0]["img"].shape == (3, 64, 64)


def test_without_a_cache_in_memory_all_is_as_it_was(pictures: Path, tmp_path: Path) -> None:
    ours = trainer(pictures, tmp_path, True, cache=False)
    dataset = ours.build_dataset(str(pictures / "train"), "train")
    assert not dataset.cache_ram
    assert dataset[0]["img"].shape == (3, 64, 64)
    assert ours.args.cache is False


@pytest.mark.parametrize(
    ("size", "side", "kept"), [((300, 400), 105, (105, 140)), ((900, 90), 105, (900, 90)), ((7, 9), 105, (7, 9))]
)
def test_only_large_pictures_shrink(size: tuple[int, int], side: int, kept: tuple[int, int]) -> None:
    assert shrink(np.zeros((*size, 3), np.uint8), side).shape[:2] == kept
