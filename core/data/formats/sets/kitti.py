"""KITTI object detection: label_2/000000.txt beside image_2/000000.png, 15 columns a row."""

from __future__ import annotations

import math
from pathlib import PurePosixPath

from core.data.reading.json_labels import number
from core.data.reading.named_classes import NamedClasses
from core.data.reading.source_dataset import SourceDataset, SourceObject
from core.data.reading.tree import Tree
from core.tasks import Task

NAME = "kitti"
LAYOUT = "KITTI text labels (label_2: class, truncation, occlusion, angle, box ...)"
IGNORED = "DontCare"


def detect(tree: Tree) -> float:
    """Return 0.93 when most texts that pair with pictures hold rows of KITTI."""
    texts = tree.texts_of_pictures
    sample = texts[:: max(1, len(texts) // 20)]
    filled = [text for text in map(tree.text, sample) if text.strip()]
    return 0.93 if filled and sum(map(_is_kitti, filled)) * 2 >= len(filled) else 0.0


def _is_kitti(text: str) -> bool:
    return any(_row(line) is not None for line in text.splitlines()[:20])


def _row(line: str) -> tuple[str, list[float]] | None:
    """Return class and box of a row, None for a row of another kind."""
    parts = line.split()
    if len(parts) not in (15, 16) or not math.isnan(number(parts[0])):
        return None
    values = [number(part) for part in parts[1:]]
    return None if any(map(math.isnan, values)) else (parts[0], values[3:7])


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read the boxes; regions marked DontCare are left out."""
    named = NamedClasses(tree)
    for name in tree.texts_of_pictures:
        lines = [line for line in tree.text(name).splitlines() if line.strip()]
        if lines and not any(_row(line) for line in lines):
            continue
        named.used.add(name)
        picture = named.picture(PurePosixPath(name).stem, name)
        for line in lines if picture else []:
            row = _row(line)
            if row is None:
                named.problems.note("bad-row", f"{name}: {line[:80]}")
            elif row[0] == IGNORED:
                named.problems.note("crowd-left-out", f"{name}: {IGNORED}")
            else:
                label, box = row
                item = SourceObject(0, (box[0], box[1], box[2], box[3]), row=",".join(f"{value:g}" for value in box))
                named.add(str(picture), label, item)
    return named.finish(NAME, task)
