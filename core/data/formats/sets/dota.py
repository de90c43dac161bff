"""DOTA: a text per picture with four corners in pixels, the class and how hard it is; also with the class first."""

from __future__ import annotations

import math
from pathlib import PurePosixPath

import numpy as np

from core.data.reading.json_labels import number
from core.data.reading.named_classes import NamedClasses
from core.data.reading.source_dataset import SourceDataset, SourceObject
from core.data.reading.tree import Tree
from core.tasks import Task

NAME = "dota"
LAYOUT = "DOTA text labels (labelTxt: four corners in pixels, class, difficulty)"
HEADS = ("imagesource:", "gsd:", "acquisition dates:", "sensor")


def detect(tree: Tree) -> float:
    """Return 0.93 when most texts that pair with pictures hold rows of DOTA."""
    texts = tree.texts_of_pictures
    sample = texts[:: max(1, len(texts) // 20)]
    fitting = sum(bool(_rows(tree.text(name))) for name in sample)
    return 0.93 if fitting and fitting * 2 >= sum(1 for name in sample if tree.text(name).strip()) else 0.0


def _rows(text: str) -> list[tuple[list[float], str]]:
    """Return the rows that are eight numbers beyond fractions, then a word that is none, then perhaps a number."""
    found = []
    for line in text.splitlines():
        parts = line.replace(",", " ").split()
        values = [number(part) for part in parts[:8]]
        if len(parts) in (9, 10) and not any(map(math.isnan, values)) and math.isnan(number(parts[8])):
            found.append((values, parts[8]))
    return found


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read every text; what is marked as difficult counts like the rest."""
    named = NamedClasses(tree)
    for name in tree.texts_of_pictures:
        text = tree.text(name)
        rows = _rows(text)
        others = [line for line in text.splitlines() if line.strip() and not line.lower().startswith(HEADS)]
        if others and not rows:
            continue
        named.used.add(name)
        picture = named.picture(PurePosixPath(name).stem, name)
        if picture is None:
            continue
        if len(others) > len(rows):
            named.problems.note("bad-row", f"{name}: {len(others) - len(rows)} rows", count=len(others) - len(rows))
        for values, label in rows:
            corners = np.array(values).reshape(4, 2)
            row = " ".join(f"{value:g}" for value in values)
            named.add(picture, label, SourceObject(0, polygon=corners, row=row, rotated=True))
    return named.finish(NAME, task)
