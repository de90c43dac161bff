"""Supervisely: a meta.json, and per dataset the folders img and ann with one JSON file per picture."""

from __future__ import annotations

import base64
import binascii
import io
import math
import zlib
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from core.data.images.page import UnreadableImage, check_size
from core.data.reading.json_labels import as_dict, entries, json_files, load_json, number
from core.data.reading.named_classes import NamedClasses, clean
from core.data.reading.shapes import mask_outlines, points_of
from core.data.reading.skeletons import Point
from core.data.reading.source_dataset import SPLIT_NAMES, SourceDataset, SourceObject
from core.data.reading.tree import Tree, stem_of
from core.tasks import Task

NAME = "supervisely"
LAYOUT = "Supervisely (meta.json, and img and ann folders with one JSON file per picture)"
MAX_BITMAP = 256 * 2**20
"""Unpacked bytes of one mask."""


def detect(tree: Tree) -> float:
    """Return 0.92 when a JSON file holds "objects", "size" and "tags"."""
    return 0.92 if json_files(tree, "supervisely") else 0.0


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read every file; classes in the order of meta.json; a tag train, val or test of a picture is its part."""
    named = NamedClasses(tree)
    nodes = _meta(tree, named)
    for name in json_files(tree, "supervisely"):
        content = named.opened(name)
        if content is None:
            continue
        size = as_dict(content.get("size"))
        width, height = number(size.get("width")), number(size.get("height"))
        declared = None if math.isnan(width) or math.isnan(height) else (int(width), int(height))
        tags = [clean(tag.get("name")) for tag in entries(content, "tags")]
        split = next((SPLIT_NAMES[tag.lower()] for tag in tags if tag.lower() in SPLIT_NAMES), None)
        picture = named.picture(stem_of(name), name, declared, split)  # p.jpg of p.jpg.json
        if picture is None:
            continue
        for tag in tags:
            if tag.lower() not in SPLIT_NAMES:
                named.classify(picture, tag)
        for item in entries(content, "objects"):
            label = item.get("classTitle")
            made = _object(item, nodes.get(str(label), {}), named)
            if made is None:
                kind = str(item.get("geometryType") or "shape")
                known = kind in ("rectangle", "polygon", "bitmap", "graph")
                named.problems.note("bad-row" if known else "other-shape", f"{name}: {kind} {label}")
            else:
                named.add(picture, label, made)
    return named.finish(NAME, task)


def _meta(tree: Tree, named: NamedClasses) -> dict[str, dict[str, str]]:
    """Take the class order from meta.json; return class -> node id -> name of the point, for graphs."""
    nodes: dict[str, dict[str, str]] = {}
    for name in tree.with_suffix(".json"):
        if PurePosixPath(name).name.lower() != "meta.json":
            continue
        named.used.add(name)
        for item in entries(as_dict(load_json(tree, name)), "classes"):
            title = clean(item.get("title"))
            if title and title not in named.classes:
                named.classes.append(title)
            listed = as_dict(as_dict(item.get("geometry_config")).get("nodes"))
            nodes[title] = {key: clean(as_dict(node).get("label")) or key for key, node in listed.items()}
            named.skeletons.names += nodes[title].values()
    return nodes


def _object(item: dict[str, Any], nodes: dict[str, str], named: NamedClasses) -> SourceObject | None:
    kind = item.get("geometryType")
    if kind == "bitmap":
        return _bitmap(as_dict(item.get("bitmap")))
    if kind == "graph":
        points: dict[str, Point] = {}
        for key, node in as_dict(item.get("nodes")).items():
            place = points_of([as_dict(node).get("loc")])
            if place is None:
                return None
            seen = 1.0 if as_dict(node).get("disabled") else 2.0
            points[nodes.get(key, key)] = (float(place[0, 0]), float(place[0, 1]), seen)
        return named.skeletons.add(SourceObject(0, row="graph"), points) if points else None
    place = points_of(as_dict(item.get("points")).get("exterior"))
    if place is None:
        return None
    if kind == "rectangle" and len(place) == 2:
        low, high = place.min(axis=0), place.max(axis=0)
        return SourceObject(0, (float(low[0]), float(low[1]), float(high[0]), float(high[1])), row="rectangle")
    if kind == "polygon" and len(place) > 2:
        for hole in as_dict(item.get("points")).get("interior") or []:
            named.problems.note("hole-filled", f"{item.get('classTitle')}: a hole of {len(hole)} points")
        return SourceObject(0, polygon=place, row=f"polygon of {len(place)} points")
    return None


def _bitmap(item: dict[str, Any]) -> SourceObject | None:
    """Return the outline of a mask: a PNG, packed by zlib and written in base64, and where its corner lies."""
    from PIL import Image

    origin = points_of([item.get("origin")])
    if origin is None or not isinstance(item.get("data"), str):
        return None
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(base64.b64decode(item["data"], validate=False), MAX_BITMAP)
        with Image.open(io.BytesIO(data)) as image:
            check_size(*image.size, len(data))
            bands = image.getbands()
            mask = np.asarray(image.getchannel("A") if "A" in bands else image.convert("L")) > 0
    except (binascii.Error, zlib.error, OSError, ValueError, SyntaxError, UnreadableImage):
        return None
    outlines, _, _ = mask_outlines(mask, whole=True)
    return SourceObject(0, polygon=outlines[0] + origin[0], row="bitmap") if outlines else None
