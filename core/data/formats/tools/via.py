"""VGG Image Annotator: regions as JSON (also the project file and version 3) or as CSV."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

import numpy as np

from core.data.reading.choices import Option
from core.data.reading.json_labels import as_dict, json_files, load_json, number
from core.data.reading.named_classes import NamedClasses, clean
from core.data.reading.shapes import circle, points_of
from core.data.reading.source_dataset import SourceDataset, SourceObject
from core.data.reading.tree import Tree
from core.errors import InputError
from core.tasks import Task

NAME = "via"
LAYOUT = "VGG Image Annotator (VIA) JSON or CSV"
LIKELY = ("label", "class", "name", "type", "category", "object", "object_name", "defect", "species")
"""Attributes that hold the class in most projects; of several others the user is asked."""
NO_NAME = "object"
Region = tuple[str, dict[str, Any], dict[str, Any]]
"""picture, shape, attributes"""
SHAPES_OF_3 = {1: "point", 2: "rect", 3: "circle", 4: "ellipse", 5: "line", 6: "polyline", 7: "polygon"}


def detect(tree: Tree) -> float:
    """Return 0.94 when a JSON or CSV file holds regions of VIA."""
    return 0.94 if json_files(tree, "via") or _sheets(tree) else 0.0


def _sheets(tree: Tree) -> list[str]:
    found = []
    for name in tree.with_suffix(".csv"):
        with tree.files[name].open("rb") as file:
            if b"region_shape_attributes" in file.read(4096):
                found.append(name)
    return found


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read every file. Of several attributes of a region the user says which one is the class, where no name tells."""
    named = NamedClasses(tree)
    regions: list[tuple[str, Region]] = []
    for name in json_files(tree, "via"):
        named.used.add(name)
        content = as_dict(load_json(tree, name))
        found = _of_version_3(content) if "file" in content and "metadata" in content else _of_json(content)
        regions += [(name, region) for region in _listed(found, name, named)]
    for name in _sheets(tree):
        named.used.add(name)
        try:
            listed = _of_csv(tree.text(name))
        except csv.Error as error:
            raise InputError(f"{name} can't be read as a table ({error}): export it from VIA again.") from error
        regions += [(name, region) for region in _listed(listed, name, named)]
    key = _class_attribute(tree, regions)
    for name, (picture, shape, attributes) in regions:
        where = f"{name}: {shape.get('name') or 'shape'} of {picture}"
        item = _object(shape)
        if item is None:
            known = shape.get("name") in ("rect", "polygon", "circle", "ellipse")
            named.problems.note("bad-row" if known else "other-shape", where)
            continue
        labels = _values(attributes.get(key)) if key else [NO_NAME]
        if len(labels) > 1:
            named.problems.note("several-labels", f"{picture}: {', '.join(labels)}")
        if not labels:
            named.problems.note("bad-row", f"{where}: no {key}")
            continue
        named.add(picture, labels[0], item)
    return named.finish(NAME, task)


Entry = tuple[str, list[tuple[dict[str, Any], dict[str, Any]]]]


def _listed(found: list[Entry], name: str, named: NamedClasses) -> list[Region]:
    """List the pictures; return their regions with the pictures' full names."""
    regions = []
    for reference, shapes in found:
        picture = named.picture(reference, name)
        if picture is not None:
            regions += [(picture, shape, attributes) for shape, attributes in shapes]
    return regions


def _of_json(content: dict[str, Any]) -> list[Entry]:
    pictures = as_dict(content.get("_via_img_metadata")) or content
    found: list[Entry] = []
    for item in pictures.values():
        if not isinstance(item, dict) or "filename" not in item:
            continue
        regions = item.get("regions")
        listed = regions.values() if isinstance(regions, dict) else regions if isinstance(regions, list) else []
        shapes = [
            (as_dict(region.get("shape_attributes")), as_dict(region.get("region_attributes")))
            for region in listed
            if isinstance(region, dict)
        ]
        found.append((str(item["filename"]), shapes))
    return found


def _of_csv(text: str) -> list[Entry]:
    found: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = {}
    for row in csv.DictReader(io.StringIO(text.replace("\0", ""))):
        row = {str(key).lstrip("#").strip(): value for key, value in row.items()}
        shapes = found.setdefault(str(row.get("filename") or ""), [])
        try:
            shape = as_dict(json.loads(row.get("region_shape_attributes") or "{}"))
            attributes = as_dict(json.loads(row.get("region_attributes") or "{}"))
        except (ValueError, TypeError, RecursionError):
            shape, attributes = {"name": "rect"}, {}  # counted as a damaged row
        if shape:
            shapes.append((shape, attributes))
    return list(found.items())


def _of_version_3(content: dict[str, Any]) -> list[Entry]:
    files = {str(key): as_dict(item) for key, item in as_dict(content["file"]).items()}
    views = {str(key): as_dict(item).get("fid_list") for key, item in as_dict(content.get("view")).items()}
    attributes = {str(key): as_dict(item) for key, item in as_dict(content.get("attribute")).items()}
    found: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = {}
    for item in files.values():
        found.setdefault(str(item.get("fname") or ""), [])
    for item in as_dict(content["metadata"]).values():
        item = as_dict(item)
        first = views.get(str(item.get("vid")))
        file = files.get(str(first[0]) if isinstance(first, list) and first else str(item.get("vid")), {})
        xy = item.get("xy")
        if not isinstance(xy, list) or not xy:
            continue
        said = {}
        for key, value in as_dict(item.get("av")).items():
            attribute = attributes.get(str(key), {})
            options = as_dict(attribute.get("options"))
            said[str(attribute.get("aname") or key)] = options.get(str(value), value)
        found.setdefault(str(file.get("fname") or ""), []).append((_shape_of_3(xy), said))
    return list(found.items())


def _shape_of_3(xy: list[Any]) -> dict[str, Any]:
    kind = SHAPES_OF_3.get(int(number(xy[0])) if not math.isnan(number(xy[0])) else 0, "shape")
    rest = xy[1:]
    keys = {"rect": ("x", "y", "width", "height"), "circle": ("cx", "cy", "r"), "ellipse": ("cx", "cy", "rx", "ry")}
    if kind in keys:
        return {"name": kind} | dict(zip(keys[kind], rest, strict=False))
    return {"name": kind, "all_points_x": rest[::2], "all_points_y": rest[1::2]}


def _class_attribute(tree: Tree, regions: list[tuple[str, Region]]) -> str:
    """Return the attribute that is the class, '' where regions have none."""
    values: dict[str, dict[str, int]] = {}
    for _, (_, _, attributes) in regions:
        for key, value in attributes.items():
            for label in _values(value):
                counts = values.setdefault(str(key), {})
                counts[label] = counts.get(label, 0) + 1
    if len(values) < 2:
        return next(iter(values), "")
    options = []
    for key, counts in values.items():
        shown = ", ".join(f"{label} {counts[label]}" for label in list(counts)[:5])
        options.append(Option(key, f"{len(counts)} classes: {shown}" + (" ..." if len(counts) > 5 else "")))
    likely = [key for wanted in LIKELY for key in values if key.lower() == wanted]
    taken = likely[0] if likely else None
    why = f"“{taken}” is what projects call the class." if taken else ""
    return tree.choices.ask("attribute", "Which attribute of the regions is the class?", options, taken, why)


def _values(value: object) -> list[str]:
    """Return the labels an attribute says: a text, or the boxes that are ticked."""
    if isinstance(value, dict):
        return [clean(key) for key, ticked in value.items() if ticked is True or ticked == "true"]
    text = clean(value)
    return [text] if text and text != "undefined" else []


def _object(shape: dict[str, Any]) -> SourceObject | None:
    def values(*keys: str) -> list[float] | None:
        found = [number(shape.get(key)) for key in keys]
        return None if any(map(math.isnan, found)) else found

    kind = shape.get("name")
    if kind == "rect":
        box = values("x", "y", "width", "height")
        if box is None:
            return None
        corners = (box[0], box[1], box[0] + max(box[2], 0.0), box[1] + max(box[3], 0.0))
        return SourceObject(0, corners, row=",".join(f"{value:g}" for value in box))
    if kind == "polygon":
        x, y = shape.get("all_points_x"), shape.get("all_points_y")
        if not isinstance(x, list) or not isinstance(y, list) or len(x) != len(y):
            return None
        points = points_of([[one, other] for one, other in zip(x, y, strict=True)])
        return SourceObject(0, polygon=points, row="polygon") if points is not None and len(points) > 2 else None
    if kind == "circle" and (found := values("cx", "cy", "r")):
        return SourceObject(0, polygon=circle(found[0], found[1], found[2], found[2]), row="circle")
    if kind == "ellipse" and (found := values("cx", "cy", "rx", "ry")):
        turned = number(shape.get("theta") or 0)  # radians
        degrees = 0.0 if math.isnan(turned) else float(np.degrees(turned))
        return SourceObject(0, polygon=circle(found[0], found[1], found[2], found[3], degrees), row="ellipse")
    return None
