"""Apple CreateML JSON: a list of pictures with boxes given by centre and size in pixels, or one label each."""

from __future__ import annotations

import math

from core.data.reading.json_labels import entries, json_files, load_json, number
from core.data.reading.named_classes import NamedClasses
from core.data.reading.source_dataset import SourceDataset, SourceObject
from core.data.reading.tree import Tree
from core.tasks import Task

NAME = "createml"
LAYOUT = "CreateML JSON"


def detect(tree: Tree) -> float:
    """Return 0.9 when a JSON file holds a list with "image" and "coordinates" or "annotation"."""
    return 0.9 if json_files(tree, "createml") else 0.0


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read every file."""
    named = NamedClasses(tree)
    for name in json_files(tree, "createml"):
        named.used.add(name)
        content = load_json(tree, name)
        for entry in entries({"all": content}, "all"):
            picture = named.picture(str(entry.get("image") or entry.get("imagefilename") or ""), name)
            if picture is None:
                continue
            if isinstance(entry.get("annotation"), str):
                named.classify(picture, entry["annotation"])
            for item in entries(entry, "annotations") or entries(entry, "annotation"):
                made = _object(item.get("coordinates"))
                if made is None:
                    named.problems.note("bad-row", f"{name}: {picture} {item.get('label')}")
                else:
                    named.add(picture, item.get("label"), made)
    return named.finish(NAME, task)


def _object(value: object) -> SourceObject | None:
    if not isinstance(value, dict):
        return None
    x, y, width, height = (number(value.get(key)) for key in ("x", "y", "width", "height"))
    if any(map(math.isnan, (x, y, width, height))):
        return None
    width, height = max(width, 0.0), max(height, 0.0)
    box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return SourceObject(0, box, row=f"centre {x:g},{y:g} size {width:g},{height:g}")
