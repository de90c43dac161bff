"""LabelMe and X-AnyLabeling: one JSON file per picture with polygons, boxes (rotated ones too), circles and masks.

Shapes that share a label and a group_id are one object; a box or an outline with points of its group is an object with
keypoints. The picture may lie in the file itself (imageData).
"""

from __future__ import annotations

import base64
import binascii
import io
import math
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from core.data.images.page import UnreadableImage, check_size
from core.data.reading.json_labels import entries, json_files, number, parse_json
from core.data.reading.named_classes import NamedClasses, clean
from core.data.reading.shapes import circle, join_parts, mask_outlines, points_of
from core.data.reading.skeletons import Point
from core.data.reading.source_dataset import SourceDataset, SourceObject
from core.data.reading.tree import Tree, stem_of
from core.tasks import Task

NAME = "labelme"
LAYOUT = "LabelMe and X-AnyLabeling (one JSON file per picture, which may hold the picture)"
NO_NAME = "object"
"""The class of an object of which only the points are labelled."""
KNOWN = ("polygon", "rectangle", "circle", "mask", "rotation", "quadrilateral", "point")


def detect(tree: Tree) -> float:
    """Return 0.9 when a JSON file holds "shapes" and "imagePath"."""
    return 0.9 if json_files(tree, "labelme") else 0.0


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read every file; a picture is found by the file's own name first, then by imagePath, then in imageData."""
    named = NamedClasses(tree)
    of_labelme = set(json_files(tree, "labelme"))
    for name in tree.with_suffix(".json"):
        if name not in of_labelme and not _is_damaged(tree, name):
            continue
        content = named.opened(name, holds="shapes")
        if content is None:
            continue
        found = _picture(content, name, named)
        if found is None:
            continue
        for label, item in _objects(content, name, named):
            named.add(found, label, item)
        flags = content.get("flags")
        if isinstance(flags, dict):
            for label, value in flags.items():
                if value is True:
                    named.classify(found, label)
    return named.finish(NAME, task)


def _is_damaged(tree: Tree, name: str) -> bool:
    """Return whether a file that is none of LabelMe's, nor of another tool, ought to be: named after a picture."""
    if tree.kinds.get(name, "other") != "other":
        return False
    picture = tree.find_picture(stem_of(name), name)
    return picture is not None and stem_of(picture) == stem_of(name)


def _picture(content: dict[str, Any], name: str, named: NamedClasses) -> str | None:
    width, height = number(content.get("imageWidth")), number(content.get("imageHeight"))
    declared = None if math.isnan(width) or math.isnan(height) else (int(width), int(height))
    stem, path = stem_of(name), str(content.get("imagePath") or "")
    if named.tree.find_picture(stem, name):
        return named.picture(stem, name, declared)
    if not (path and named.tree.find_picture(path, name)) and isinstance(content.get("imageData"), str):
        suffix = PurePosixPath(path.replace("\\", "/")).suffix or ".png"
        inner = str(PurePosixPath(name).with_suffix(suffix))
        return named.embedded(inner, name, partial(_image_data, named.tree.files[name]), declared)
    return named.picture(path or stem, name, declared)


def _image_data(path: Path) -> bytes:
    """Return the picture within a file. Raises UnreadableImage where it is damaged."""
    try:
        text = parse_json(path.read_bytes())["imageData"]
        return base64.b64decode(text.rpartition(",")[2], validate=False)  # a data: address has a comma before it
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error, RecursionError) as error:
        raise UnreadableImage(f"imageData is damaged ({error})") from error


def _objects(content: dict[str, Any], name: str, named: NamedClasses) -> list[tuple[object, SourceObject]]:
    """Return the objects of a file; shapes of one group become one."""
    single: list[tuple[object, SourceObject]] = []
    groups: dict[object, list[tuple[object, SourceObject]]] = {}
    points: dict[object, dict[str, Point]] = {}
    shapes = entries(content, "shapes")
    kinds = {str(shape.get("shape_type") or "polygon").lower() for shape in shapes}
    only_points = (
        kinds == {"point"} and len({shape.get("label") for shape in shapes if _hashable(shape)}) == len(shapes) > 1
    )
    for shape in shapes:
        kind = str(shape.get("shape_type") or "polygon").lower()
        group = "all" if only_points else shape.get("group_id")
        group = group if isinstance(group, int | str) and not isinstance(group, bool) and group != "" else None
        where = f"{name}: {kind} {shape.get('label')}"
        if kind == "point" and group is not None:
            place = points_of(shape.get("points"))
            if place is not None:
                flags = shape.get("flags")
                hidden = isinstance(flags, dict) and bool(flags.get("occluded") or flags.get("hidden"))
                seen = 1.0 if hidden or str(shape.get("description", "")) == "1" else 2.0
                points.setdefault(group, {})[clean(shape.get("label")) or "point"] = (
                    float(place[0, 0]),
                    float(place[0, 1]),
                    seen,
                )
                continue
        item = _shape(shape, kind)
        if item is None or kind == "point":
            named.problems.note("bad-row" if kind in KNOWN[:-1] else "other-shape", where)
        elif group is None:
            single.append((shape.get("label"), item))
        else:
            groups.setdefault(group, []).append((shape.get("label"), item))
    for group, members in groups.items():
        by_label: dict[object, list[SourceObject]] = {}
        for label, item in members:
            by_label.setdefault(str(label), []).append(item)
        if group in points and len(members) == 1:
            label, item = members[0]
            single.append((label, named.skeletons.add(item, points.pop(group))))
            continue
        for label, items in by_label.items():
            single.append((label, _joined(items, f"{name}: group {group}, {label}", named)))
    if only_points and points:
        named.problems.note("points-alone", name)
        single.append((NO_NAME, named.skeletons.add(SourceObject(0, row="points"), points.pop("all"))))
    for group, found in points.items():
        for label in found:
            named.problems.note("other-shape", f"{name}: point {label} of group {group}, which has no box")
    return single


def _hashable(shape: dict[str, Any]) -> bool:
    return isinstance(shape.get("label"), str)


def _joined(items: list[SourceObject], where: str, named: NamedClasses) -> SourceObject:
    if len(items) == 1:
        return items[0]
    named.problems.note("parts-joined", where)
    if all(item.box is not None for item in items):
        boxes = np.array([item.box for item in items])
        low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
        return SourceObject(0, (float(low[0]), float(low[1]), float(high[0]), float(high[1])), row=where)
    return SourceObject(0, polygon=join_parts([_outline(item) for item in items]), row=where)


def _outline(item: SourceObject) -> np.ndarray:
    if item.polygon is not None:
        return item.polygon
    left, top, right, bottom = item.box or (0.0, 0.0, 0.0, 0.0)
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def _shape(shape: dict[str, Any], kind: str) -> SourceObject | None:
    points = points_of(shape.get("points"))
    if points is None:
        return None
    row = f"{kind} of {len(points)} points"
    if kind == "rectangle" and len(points) in (2, 4):
        low, high = points.min(axis=0), points.max(axis=0)
        return SourceObject(0, (float(low[0]), float(low[1]), float(high[0]), float(high[1])), row=row)
    if kind == "rotation" and len(points) == 4:
        return SourceObject(0, polygon=points, row=row, rotated=True)
    if kind in ("polygon", "rotation", "quadrilateral") and len(points) >= 3:
        return SourceObject(0, polygon=points, row=row)
    if kind == "circle" and len(points) == 2:
        radius = float(np.hypot(*(points[1] - points[0])))
        return SourceObject(0, polygon=circle(points[0, 0], points[0, 1], radius, radius), row=row)
    if kind == "mask" and len(points) == 2 and isinstance(shape.get("mask"), str):
        outline = _mask(shape["mask"])
        return None if outline is None else SourceObject(0, polygon=outline + points.min(axis=0), row=row)
    return None


def _mask(text: str) -> np.ndarray | None:
    from PIL import Image

    try:
        data = base64.b64decode(text, validate=False)
        with Image.open(io.BytesIO(data)) as image:
            check_size(*image.size, len(data))
            mask = np.asarray(image.convert("L")) > 0
    except (binascii.Error, OSError, ValueError, SyntaxError, UnreadableImage):
        return None
    outlines, _, _ = mask_outlines(mask, whole=True)
    return outlines[0] if outlines else None
