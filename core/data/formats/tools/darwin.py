"""Darwin JSON of V7, versions 1 and 2: one file per picture with boxes, polygons, ellipses, skeletons and tags."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from core.data.reading.json_labels import as_dict, entries, json_files, number
from core.data.reading.named_classes import NamedClasses, clean
from core.data.reading.shapes import circle, join_parts, xy_points
from core.data.reading.skeletons import Point
from core.data.reading.source_dataset import SourceDataset, SourceObject
from core.data.reading.tree import Tree, stem_of
from core.tasks import Task

NAME = "darwin"
LAYOUT = "Darwin JSON (V7; one file per picture)"
OTHER_SHAPES = ("line", "keypoint", "cuboid", "raster_layer", "mask")


def detect(tree: Tree) -> float:
    """Return 0.91 when a JSON file holds an item or image of Darwin with annotations."""
    return 0.91 if json_files(tree, "darwin") else 0.0


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read every file; a picture is found by the name in the file, then by the file's own."""
    named = NamedClasses(tree)
    for name in json_files(tree, "darwin"):
        content = named.opened(name)
        if content is None:
            continue
        picture = _picture(content, name, named)
        if picture is None:
            continue
        for item in entries(content, "annotations"):
            _add(item, picture, name, named)
    return named.finish(NAME, task)


def _picture(content: dict[str, Any], name: str, named: NamedClasses) -> str | None:
    image = as_dict(content.get("image"))
    item = as_dict(content.get("item"))
    slot = next(iter(entries(item, "slots")), image)
    width, height = number(slot.get("width")), number(slot.get("height"))
    declared = None if math.isnan(width) or math.isnan(height) else (int(width), int(height))
    folder = str(item.get("path") or image.get("path") or "").strip("/")
    file = str(item.get("name") or image.get("filename") or image.get("original_filename") or stem_of(name))
    reference = f"{folder}/{file}" if folder else file
    if named.tree.find_picture(reference, name) is None and named.tree.find_picture(stem_of(name), name):
        reference = stem_of(name)
    return named.picture(reference, name, declared)


def _add(item: dict[str, Any], picture: str, name: str, named: NamedClasses) -> None:
    label = item.get("name")
    if "tag" in item:
        named.classify(picture, label)
        return
    made = _object(item, named, f"{name}: {label}")
    if made is None:
        other = next((key for key in OTHER_SHAPES if key in item), "")
        named.problems.note("other-shape" if other else "bad-row", f"{name}: {other or 'shape'} {label}")
        return
    named.add(picture, label, made)


def _object(item: dict[str, Any], named: NamedClasses, where: str) -> SourceObject | None:
    box = _box(as_dict(item.get("bounding_box")))
    if "skeleton" in item:
        points: dict[str, Point] = {}
        for node in entries(as_dict(item["skeleton"]), "nodes"):
            x, y = number(node.get("x")), number(node.get("y"))
            if math.isnan(x) or math.isnan(y):
                return None
            points[clean(node.get("name")) or str(len(points))] = (x, y, 1.0 if node.get("occluded") else 2.0)
        return named.skeletons.add(SourceObject(0, box, row="skeleton"), points) if points else None
    for key in ("polygon", "complex_polygon"):
        if key not in item:
            continue
        shape = as_dict(item[key])
        single = shape.get("path")
        nested = isinstance(single, list) and any(isinstance(part, list) for part in single)
        paths = shape.get("paths") or (single if nested else [single])
        parts = [xy_points(path) for path in paths] if isinstance(paths, list) else []
        good = [part for part in parts if part is not None and len(part) > 2]
        if not good:
            return None
        if len(good) > 1:
            named.problems.note("parts-joined", where)
        return SourceObject(0, polygon=join_parts(good), row="polygon")
    if "ellipse" in item:
        shape = as_dict(item["ellipse"])
        centre, radius = as_dict(shape.get("center")), as_dict(shape.get("radius"))
        values = [number(part.get(key)) for part in (centre, radius) for key in ("x", "y")]
        turned = number(shape.get("angle") or 0)  # radians
        if any(map(math.isnan, [*values, turned])):
            return None
        outline = circle(values[0], values[1], values[2], values[3], float(np.degrees(turned)))
        return SourceObject(0, polygon=outline, row="ellipse")
    if box is None or any(key in item for key in OTHER_SHAPES):
        return None
    return SourceObject(0, box, row="bounding box")


def _box(value: dict[str, Any]) -> tuple[float, float, float, float] | None:
    x, y, width, height = (number(value.get(key)) for key in ("x", "y", "w", "h"))
    if any(map(math.isnan, (x, y, width, height))):
        return None
    return x, y, x + max(width, 0.0), y + max(height, 0.0)
