"""LabelMe: one JSON file per picture with polygons, rectangles, circles and masks."""

from __future__ import annotations

import base64
import binascii
import io
import math
from typing import Any

import numpy as np

from core.data.images.page import UnreadableImage, check_size
from core.data.reading.json_labels import entries, json_files, load_json, number
from core.data.reading.named_classes import NamedClasses, stem_of
from core.data.reading.shapes import circle, mask_outlines, points_of
from core.data.reading.source_dataset import SourceDataset, SourceObject
from core.data.reading.tree import Tree
from core.errors import InputError
from core.tasks import Task

NAME = "labelme"
LAYOUT = "LabelMe (one JSON file per picture)"


def detect(tree: Tree) -> float:
    """Return 0.9 when a JSON file holds "shapes" and "imagePath"."""
    return 0.9 if json_files(tree, "labelme") else 0.0


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read every file; a picture is found by the file's own name first, then by imagePath."""
    named = NamedClasses(tree)
    for name in tree.with_suffix(".json"):
        named.used.add(name)
        try:
            content = load_json(tree, name)
        except InputError:
            content = None
        if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
            named.problems.note("unreadable-label", name)
            continue
        declared = _size(content)
        stem = stem_of(name)
        reference = stem if tree.find_picture(stem, name) else str(content.get("imagePath") or stem)
        picture = named.picture(reference, name, declared)
        if picture is None:
            continue
        for shape in entries(content, "shapes"):
            item = _shape(shape)
            if item is None:
                kind = shape.get("shape_type") or "polygon"
                known = kind in ("polygon", "rectangle", "circle", "mask", "rotation")
                named.problems.note("bad-row" if known else "other-shape", f"{name}: {kind} {shape.get('label')}")
                continue
            named.add(picture, shape.get("label"), item)
        flags = content.get("flags")
        if isinstance(flags, dict):
            for label, value in flags.items():
                if value is True:
                    named.classify(picture, label)
    return named.finish(NAME, task)


def _size(content: dict[str, Any]) -> tuple[int, int] | None:
    width, height = number(content.get("imageWidth")), number(content.get("imageHeight"))
    return None if math.isnan(width) or math.isnan(height) else (int(width), int(height))


def _shape(shape: dict[str, Any]) -> SourceObject | None:
    points = points_of(shape.get("points"))
    kind = shape.get("shape_type") or "polygon"
    if points is None:
        return None
    row = f"{kind} of {len(points)} points"
    if kind == "rectangle" and len(points) in (2, 4):
        low, high = points.min(axis=0), points.max(axis=0)
        return SourceObject(0, (float(low[0]), float(low[1]), float(high[0]), float(high[1])), row=row)
    if kind in ("polygon", "rotation") and len(points) >= 3:
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
