"""Tiny real datasets, made on the spot: pictures with coloured squares and discs that a model can learn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def write_yolo_folder(folder: Path, train: int = 8, val: int = 4, size: int = 64) -> Path:
    """Write a labelled set in Ultralytics' layout: class 0 a square, class 1 a disc, one of each per picture."""
    random = np.random.default_rng(0)
    for split, count in (("train", train), ("val", val)):
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            picture = Image.fromarray(random.integers(90, 150, (size, size, 3), dtype=np.uint8))
            pen, rows = ImageDraw.Draw(picture), []
            for class_id in (0, 1):
                side = int(random.integers(size // 5, size // 3))
                x, y = (int(value) for value in random.integers(0, size - side, 2))
                draw = pen.rectangle if class_id == 0 else pen.ellipse
                draw((x, y, x + side, y + side), fill=(220, 40, 40) if class_id == 0 else (40, 60, 230))
                box = ((x + side / 2) / size, (y + side / 2) / size, side / size, side / size)
                rows.append(f"{class_id} " + " ".join(f"{value:.6f}" for value in box))
            picture.save(folder / "images" / split / f"{split}{number}.png")
            (folder / "labels" / split / f"{split}{number}.txt").write_text("\n".join(rows) + "\n")
    (folder / "data.yaml").write_text("path: .\ntrain: images/train\nval: images/val\nnames: [square, disc]\n")
    return folder


def write_class_folders(folder: Path, count: int = 8, size: int = 64) -> Path:
    """Write a class-per-folder tree: red pictures and blue pictures."""
    random = np.random.default_rng(1)
    for name, colour in (("blue", (40, 60, 200)), ("red", (200, 50, 40))):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            noise = random.integers(-30, 30, (size, size, 3))
            picture = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(picture).save(folder / name / f"{name}{number}.png")
    return folder


def write_masks_folder(folder: Path, count: int = 12, size: int = 64) -> Path:
    """Write pictures with a mask each: squares (level 128) and discs (level 255) on a ground (level 0)."""
    random = np.random.default_rng(2)
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for number in range(count):
        picture = Image.fromarray(random.integers(90, 150, (size, size, 3), dtype=np.uint8))
        mask = Image.new("L", (size, size), 0)
        for level, colour in ((128, (220, 40, 40)), (255, (40, 60, 230))):
            side = int(random.integers(size // 4, size // 2))
            x, y = (int(value) for value in random.integers(0, size - side, 2))
            for pen, fill in ((ImageDraw.Draw(picture), colour), (ImageDraw.Draw(mask), level)):
                (pen.rectangle if level == 128 else pen.ellipse)((x, y, x + side, y + side), fill=fill)
        picture.save(folder / "images" / f"scene{number}.png")
        mask.save(folder / "masks" / f"scene{number}.png")
    return folder
