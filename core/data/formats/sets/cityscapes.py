"""Cityscapes: gtFine/<part>/<city>/*_polygons.json beside leftImg8bit/<part>/<city>/*_leftImg8bit.png."""

from __future__ import annotations

import math
from pathlib import PurePosixPath
from typing import Any

from core.data.reading.json_labels import as_dict, entries, json_files, load_json, number
from core.data.reading.named_classes import NamedClasses, clean
from core.data.reading.shapes import points_of
from core.data.reading.source_dataset import SourceDataset, SourceObject, split_of
from core.data.reading.tree import Tree
from core.errors import InputError
from core.tasks import Task

NAME = "cityscapes"
LAYOUT = "Cityscapes (gtFine polygons beside leftImg8bit)"
THINGS = ("person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle", "caravan", "trailer",
          "traffic light", "traffic sign", "pole")  # fmt: skip
"""Labels of single objects; road, sky and the like are surfaces."""


def detect(tree: Tree) -> float:
    """Return 0.95 when a JSON file holds polygons of Cityscapes."""
    return 0.95 if json_files(tree, "cityscapes") else 0.0


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read every polygon, surfaces too; groups of objects that nobody parted (cargroup) are left out as crowds."""
    named = NamedClasses(tree)
    for name in tree.pictures:
        if "_gtfine_" in name.lower() or "_gtcoarse_" in name.lower():
            named.leave_out(name)  # the same labels as pixels
    for name in json_files(tree, "cityscapes"):
        named.used.add(name)
        try:
            content = as_dict(load_json(tree, name))
        except InputError:
            named.problems.note("unreadable-label", name)
            continue
        width, height = number(content.get("imgWidth")), number(content.get("imgHeight"))
        declared = None if math.isnan(width) or math.isnan(height) else (int(width), int(height))
        picture = _picture(name, declared, named)
        for item in entries(content, "objects") if picture else []:
            _add(item, str(picture), name, named)
    return named.finish(NAME, task)


def _picture(name: str, declared: tuple[int, int] | None, named: NamedClasses) -> str | None:
    stem = PurePosixPath(name).stem
    base = stem.removesuffix("_polygons").removesuffix("_gtFine").removesuffix("_gtCoarse")
    for reference in (f"{base}_leftImg8bit", base):
        found = named.tree.find_picture(reference, name)
        if found and found not in named.left_out:
            return named.picture(reference, name, declared, split_of(name))
    return named.picture(f"{base}_leftImg8bit.png", name, declared, split_of(name))


def _add(item: dict[str, Any], picture: str, name: str, named: NamedClasses) -> None:
    label = clean(item.get("label"))
    if item.get("deleted"):
        return
    if label.endswith("group") and label.removesuffix("group") in THINGS:
        named.problems.note("crowd-left-out", f"{name}: {label}")
        return
    if label in ("out of roi", "ego vehicle", "rectification border"):
        return  # what is no part of the scene
    points = points_of(item.get("polygon"))
    if points is None or len(points) < 3:
        named.problems.note("bad-row", f"{name}: {label}")
        return
    named.add(picture, label, SourceObject(0, polygon=points, row=f"polygon of {len(points)} points"))
