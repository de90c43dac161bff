"""Count copies that are none and planted copies that are missed, on real sets and on drawn objects that share a frame.

    python -m bench.false_copies                          # every set that is here
    python -m bench.false_copies "solar cells" bccd       # some of them

Into each set 40 copies of each disguise are laid (turned, mirrored, recompressed, cropped by 2 %, resized), the same
run looks for copies, and one JSON line for each set says what it found.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from bench.sets import SHARED
from core.data.images.fingerprints import thumbnail
from core.data.importing.from_upload import SAMPLE
from core.data.leakage import Union, find_copies
from tests.disguises import DISGUISES
from tests.framed import OBJECTS, draw

REAL = {"bccd": "bccd", "deeppcb": "deeppcb_300", "chest": "chest_xray_pneumonia_800", "cells": "wbc_masks_150"}
PLANTED = 40
"""Copies of each disguise in each set."""


def pictures_of(name: str, folder: Path) -> list[Path]:
    """Return the pictures of a set: real ones beside the repository, the sample, or 500 drawn now."""
    if name in OBJECTS:
        for number, picture in enumerate(draw(name, 500)):
            picture.save(folder / f"{number:04d}.png")
    elif name == "sample":
        with zipfile.ZipFile(SAMPLE) as packed:
            packed.extractall(folder)
    else:
        folder = SHARED / "data" / REAL[name]
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".jpg", ".jpeg", ".png", ".bmp"))
    return [path for path in files if "_mask" not in path.stem and path.parent.name != "masks"]


def measure(name: str, folder: Path) -> dict[str, object]:
    """Plant, look, count."""
    files = pictures_of(name, folder)
    origin = {f"{number:05d}": number for number in range(len(files))}
    places = {f"{number:05d}": path for number, path in enumerate(files)}
    disguise = {}
    for turn, (label, change) in enumerate(DISGUISES.items()):
        chosen = {round(place) + turn for place in np.linspace(0, len(files) - len(DISGUISES), PLANTED)}
        for number in sorted(chosen):
            key = f"{number:05d}-{turn:02d}"
            places[key] = folder / f"planted-{key}.jpg"
            with Image.open(files[number]) as image:
                change(image.convert("RGB")).save(places[key], quality=92)
            origin[key], disguise[key] = number, label
    pictures = {}
    for key, path in places.items():
        with Image.open(path) as image:
            pictures[key] = (thumbnail(image), path)
    began = time.perf_counter()
    pairs = find_copies(pictures)
    seconds = time.perf_counter() - began
    keys = sorted(places)
    row = {key: number for number, key in enumerate(keys)}
    union = Union(len(keys))
    false = [(one, other) for one, other in pairs if origin[one] != origin[other]]
    for one, other in pairs:
        if origin[one] == origin[other]:
            union.join(row[one], row[other])
    missed = [key for key in disguise if union.find(row[key]) != union.find(row[key.split("-")[0]])]
    kinds = {label: sum(disguise[key] == label for key in missed) for label in DISGUISES}
    return {
        "set": name,
        "pictures": len(files),
        "planted": len(disguise),
        "missed": len(missed),
        "missed_by_disguise": {label: number for label, number in kinds.items() if number},
        "false_pairs": len(false),
        "false_examples": [f"{places[one].stem} {places[other].stem}" for one, other in false[:5]],
        "seconds": round(seconds, 1),
    }


def main() -> None:
    """Measure the sets that were named, or all of them."""
    here = [name for name, place in REAL.items() if (SHARED / "data" / place).is_dir()]
    for name in sys.argv[1:] or [*here, "sample", *OBJECTS]:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure(name, Path(folder))), flush=True)


if __name__ == "__main__":
    main()
