"""Label Studio's JSON export (full and JSON-MIN): rectangles, polygons, ellipses, choices."""

from __future__ import annotations

import math
import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

import numpy as np

from core.data.reading.json_labels import entries, json_files, load_json, number
from core.data.reading.named_classes import NamedClasses
from core.data.reading.shapes import circle, points_of
from core.data.reading.source_dataset import SourceDataset, SourceObject
from core.data.reading.tree import Tree
from core.tasks import Task

NAME = "labelstudio"
LAYOUT = "Label Studio JSON export"
PREFIX = re.compile(r"^[0-9a-f]{8}-")
"""Label Studio puts eight hex digits before the name of an uploaded file."""


def detect(tree: Tree) -> float:
    """Return 0.93 when a JSON file holds a list of tasks with results."""
    return 0.93 if json_files(tree, "labelstudio") else 0.0


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read every file; of several annotations of a picture the first that was not cancelled counts."""
    named = NamedClasses(tree)
    for name in json_files(tree, "labelstudio"):
        named.used.add(name)
        for entry in entries({"all": load_json(tree, name)}, "all"):
            _task(entry, name, named)
    return named.finish(NAME, task)


def _task(entry: dict[str, Any], name: str, named: NamedClasses) -> None:
    data = entry.get("data")
    holder = data if isinstance(data, dict) else entry
    address = holder.get("image") or next(
        (value for value in holder.values() if isinstance(value, str) and named.tree.find_picture(_file(value), name)),
        "",
    )
    reference = _file(str(address))
    if named.tree.find_picture(reference, name) is None:
        reference = PREFIX.sub("", reference.rsplit("/", 1)[-1])
    picture = named.picture(reference, name)
    if picture is None:
        return
    if isinstance(data, dict):
        done = [item for item in entries(entry, "annotations") if not item.get("was_cancelled")]
        if len(done) > 1:
            named.problems.note("several-labels", f"{picture}: {len(done)} annotations")
        results = [(item, item.get("value")) for item in (entries(done[0], "result") if done else [])]
        if not done:
            named.images[picture].labelled = False
    else:
        results = [(item, item) for key in entry for item in entries(entry, key)]
        for key in ("choice", "class", "choices"):
            if isinstance(entry.get(key), str):
                named.classify(picture, entry[key])
    for item, value in results:
        if isinstance(value, dict):
            _result(item, value, picture, name, named)


def _file(address: str) -> str:
    """Return the path in an address such as /data/local-files/?d=set%2Fa.jpg."""
    try:
        parts = urlparse(address)
        query = parse_qs(parts.query).get("d")
    except ValueError:
        return address
    return unquote(query[0] if query else parts.path)


def _result(item: dict[str, Any], value: dict[str, Any], picture: str, name: str, named: NamedClasses) -> None:
    choices = value.get("choices")
    if isinstance(choices, list):
        for choice in choices:
            named.classify(picture, choice)
        return
    key = next((key for key in value if key.endswith("labels") and isinstance(value[key], list)), "")
    if not key:
        if str(item.get("type", "")) not in ("relation", "textarea", "rating"):
            named.problems.note("other-shape", f"{name}: {item.get('type') or 'shape without label'} of {picture}")
        return
    labels = value[key]
    width, height = number(item.get("original_width")), number(item.get("original_height"))
    image = named.images[picture]
    if image.declared is None and not math.isnan(width) and not math.isnan(height):
        image.declared = (int(width), int(height))
    size = image.declared or (0, 0)
    if min(size) <= 0:
        named.problems.note("bad-row", f"{name}: {picture} has no original_width and original_height")
        return
    made = _object(key, value, np.array(size, dtype=float) / 100)
    if made is None or not labels:
        known = key in ("rectanglelabels", "polygonlabels", "ellipselabels")
        named.problems.note("bad-row" if known else "other-shape", f"{name}: {key} of {picture}")
        return
    if len(labels) > 1:
        named.problems.note("several-labels", f"{picture}: {', '.join(map(str, labels))}")
    named.add(picture, labels[0], made)


def _object(key: str, value: dict[str, Any], scale: np.ndarray) -> SourceObject | None:
    if key == "polygonlabels":
        points = points_of(value.get("points"))
        return (
            SourceObject(0, polygon=points * scale, row="polygon") if points is not None and len(points) > 2 else None
        )
    if key == "ellipselabels":
        x, y, across, down = (number(value.get(part)) for part in ("x", "y", "radiusX", "radiusY"))
        if any(map(math.isnan, (x, y, across, down))):
            return None
        return SourceObject(0, polygon=circle(x, y, across, down) * scale, row="ellipse")
    if key != "rectanglelabels":
        return None
    x, y, width, height = (number(value.get(part)) for part in ("x", "y", "width", "height"))
    if any(map(math.isnan, (x, y, width, height))):
        return None
    left, top = np.array([x, y]) * scale
    across, down = np.array([width, height]) * scale
    angle = number(value.get("rotation") or 0)
    if angle and not math.isnan(angle):
        # Label Studio turns clockwise about the left top corner.
        cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        corners = np.array([[0, 0], [across, 0], [across, down], [0, down]]) @ np.array(
            [[cosine, sine], [-sine, cosine]]
        )
        return SourceObject(0, polygon=corners + np.array([left, top]), row=f"rotated {angle:g}", rotated=True)
    box = (float(left), float(top), float(left + across), float(top + down))
    return SourceObject(0, box, row=f"{x:g},{y:g},{width:g},{height:g} %")
