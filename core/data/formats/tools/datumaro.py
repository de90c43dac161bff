"""Datumaro JSON: categories once, then items with boxes, polygons, masks, ellipses, points, skeletons and labels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from core.data.reading.json_labels import as_dict, entries, json_files, load_json, number
from core.data.reading.named_classes import NamedClasses, clean
from core.data.reading.shapes import circle, decode_runs, flat_points, join_parts, mask_outlines, turn_by
from core.data.reading.skeletons import Point
from core.data.reading.source_dataset import SPLIT_NAMES, SourceDataset, SourceObject
from core.data.reading.tree import Tree, stem_of
from core.tasks import Task

NAME = "datumaro"
LAYOUT = "Datumaro JSON (annotations/<part>.json)"


def detect(tree: Tree) -> float:
    """Return 0.93 when a JSON file holds items and categories of labels."""
    return 0.93 if json_files(tree, "datumaro") else 0.0


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read every file, its name being the part; polygons and masks of one group are one object."""
    named = NamedClasses(tree)
    for name in json_files(tree, "datumaro"):
        named.used.add(name)
        content = as_dict(load_json(tree, name))
        labels = _labels(content)
        of_points = _point_names(content)
        for label in labels.values():
            if label not in named.classes:
                named.classes.append(label)
        split = SPLIT_NAMES.get(stem_of(name).lower())
        for item in entries(content, "items"):
            image = as_dict(item.get("image"))
            size = image.get("size")
            declared = None
            if isinstance(size, list) and len(size) >= 2 and not any(math.isnan(number(part)) for part in size[:2]):
                declared = int(number(size[1])), int(number(size[0]))  # height comes first
            reference = str(image.get("path") or item.get("id") or "")
            picture = named.picture(reference, name, declared, split)
            if picture is None and image.get("path") and (found := tree.find_picture(str(item.get("id")), name)):
                picture = named.picture(found, name, declared, split)
            if picture is not None:
                _item(item, picture, labels, of_points, f"{name}: {picture}", named)
    return named.finish(NAME, task)


def _labels(content: dict[str, Any]) -> dict[int, str]:
    listed = entries(as_dict(as_dict(content.get("categories")).get("label")), "labels")
    return {number_of: clean(item.get("name")) or f"class_{number_of}" for number_of, item in enumerate(listed)}


def _point_names(content: dict[str, Any]) -> dict[int, list[str]]:
    found = {}
    for item in entries(as_dict(as_dict(content.get("categories")).get("points")), "items"):
        key = number(item.get("label_id"))
        names = item.get("labels")
        if not math.isnan(key) and isinstance(names, list):
            found[int(key)] = [clean(part) for part in names]
    return found


def _item(
    item: dict[str, Any],
    picture: str,
    labels: dict[int, str],
    of_points: dict[int, list[str]],
    where: str,
    named: NamedClasses,
) -> None:
    groups: dict[tuple[int, int], list[SourceObject]] = {}
    for entry in entries(item, "annotations"):
        kind = str(entry.get("type") or "shape")
        key = number(entry.get("label_id"))
        if math.isnan(key) or int(key) not in labels:
            named.problems.note("class-out-of-range", f"{where}: {kind} of label {entry.get('label_id')}")
            continue
        if kind == "label":
            named.classify(picture, labels[int(key)])
            continue
        made = _object(entry, kind, of_points.get(int(key), []), named)
        if made is None:
            known = kind in ("bbox", "polygon", "mask", "ellipse", "points", "skeleton", "rotated_bbox")
            named.problems.note("bad-row" if known else "other-shape", f"{where}: {kind} {labels[int(key)]}")
            continue
        group = number(entry.get("group") or 0)
        if kind in ("polygon", "mask") and group > 0:
            groups.setdefault((int(group), int(key)), []).append(made)
        else:
            named.add(picture, labels[int(key)], made)
    for (group_id, label), items in groups.items():
        if len(items) > 1:
            named.problems.note("parts-joined", f"{where}: group {group_id}")
        parts = [part.polygon for part in items if part.polygon is not None]
        named.add(picture, labels[label], SourceObject(0, polygon=join_parts(parts), row=items[0].row))


def _object(entry: dict[str, Any], kind: str, names: list[str], named: NamedClasses) -> SourceObject | None:
    if kind == "bbox":
        values = [number(value) for value in entry.get("bbox") or []]
        if len(values) != 4 or any(map(math.isnan, values)):
            return None
        left, top, width, height = values
        turned = number(as_dict(entry.get("attributes")).get("rotation") or 0)
        if turned and not math.isnan(turned):
            return _turned(left + width / 2, top + height / 2, width, height, turned)
        return SourceObject(0, (left, top, left + max(width, 0.0), top + max(height, 0.0)), row=f"bbox {values}")
    if kind == "rotated_bbox":
        values = [number(entry.get(key)) for key in ("cx", "cy", "w", "h", "r")]
        values = values if not any(map(math.isnan, values)) else [number(part) for part in entry.get("points") or []]
        if len(values) != 5 or any(map(math.isnan, values)):
            return None
        return _turned(*values)
    if kind == "polygon":
        points = flat_points(entry.get("points"))
        return SourceObject(0, polygon=points, row="polygon") if points is not None and len(points) > 2 else None
    if kind == "mask":
        return _mask(as_dict(entry.get("rle")))
    if kind == "ellipse":
        values = [number(value) for value in entry.get("points") or []]  # left, top, right, bottom
        if len(values) != 4 or any(map(math.isnan, values)):
            return None
        left, top, right, bottom = values
        outline = circle((left + right) / 2, (top + bottom) / 2, (right - left) / 2, (bottom - top) / 2)
        return SourceObject(0, polygon=outline, row="ellipse")
    if kind in ("points", "skeleton"):
        return _points(entry, kind, names, named)
    return None


def _points(entry: dict[str, Any], kind: str, names: list[str], named: NamedClasses) -> SourceObject | None:
    """Return an object with keypoints; visibility is 0 absent, 1 hidden, 2 seen in Datumaro as well."""
    found: dict[str, Point] = {}
    parts = entries(entry, "elements") if kind == "skeleton" else [entry]
    for part in parts:
        points = flat_points(part.get("points"))
        if points is None:
            return None
        seen = part.get("visibility") if isinstance(part.get("visibility"), list) else []
        for place, (x, y) in enumerate(points.tolist()):
            visible = number(seen[place]) if place < len(seen or []) else 2.0  # type: ignore[index]
            label = names[len(found)] if len(found) < len(names) else str(len(found) + 1)
            found[label] = (x, y, 2.0 if math.isnan(visible) else float(np.clip(visible, 0, 2)))
    if not any(point[2] for point in found.values()):
        return None
    return named.skeletons.add(SourceObject(0, row=f"{len(found)} points"), found)


def _turned(x: float, y: float, width: float, height: float, degrees: float) -> SourceObject:
    half = np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / 2
    corners = turn_by(half, degrees) + np.array([x, y])
    return SourceObject(0, polygon=corners, row=f"box turned by {degrees:g}", rotated=True)


def _mask(value: dict[str, Any]) -> SourceObject | None:
    size = value.get("size")
    try:
        height, width = (int(part) for part in size)  # type: ignore[union-attr]
        mask = decode_runs(value.get("counts", []), height, width)
    except (TypeError, ValueError, OverflowError):
        return None
    outlines, _, _ = mask_outlines(mask, whole=True)
    return SourceObject(0, polygon=outlines[0], row="mask") if outlines else None
