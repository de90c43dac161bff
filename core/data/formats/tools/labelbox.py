"""Labelbox exports: NDJSON of today (one data row per line) and the JSON list of old."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlparse

from core.data.reading.json_labels import as_dict, entries, first_line, json_files, load_json_lines, number
from core.data.reading.named_classes import NamedClasses, clean
from core.data.reading.shapes import xy_points
from core.data.reading.source_dataset import SPLIT_NAMES, SourceDataset, SourceObject
from core.data.reading.tree import Tree
from core.tasks import Task

NAME = "labelbox"
LAYOUT = "Labelbox export (NDJSON or JSON)"


def detect(tree: Tree) -> float:
    """Return 0.94 when a file holds data rows of Labelbox."""
    return 0.94 if _files(tree) else 0.0


def _files(tree: Tree) -> list[str]:
    lines = [name for name in tree.with_suffix(".ndjson", ".jsonl") if "data_row" in first_line(tree, name)]
    return [*json_files(tree, "labelbox"), *lines]


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read every file; of several labels of a picture the first counts. Masks lie at Labelbox and aren't fetched."""
    named = NamedClasses(tree)
    for name in _files(tree):
        named.used.add(name)
        for entry in load_json_lines(tree, name):
            _entry(entry, name, named)
    return named.finish(NAME, task)


def _entry(entry: dict[str, Any], name: str, named: NamedClasses) -> None:
    row = as_dict(entry.get("data_row"))
    media = as_dict(entry.get("media_attributes"))
    width, height = number(media.get("width")), number(media.get("height"))
    declared = None if math.isnan(width) or math.isnan(height) else (int(width), int(height))
    address = str(row.get("row_data") or entry.get("Labeled Data") or "")
    reference = str(row.get("external_id") or entry.get("External ID") or "")
    if named.tree.find_picture(reference, name) is None:
        reference = PurePosixPath(unquote(urlparse(address).path)).name or reference
    picture = named.picture(reference, name, declared)
    if picture is None:
        return
    labels = list(_labels(entry))
    if len(labels) > 1:
        named.problems.note("several-labels", f"{picture}: {len(labels)} labels")
    if not labels:
        named.images[picture].labelled = False
        return
    split, objects, classifications = labels[0]
    named.images[picture].split = split or named.images[picture].split
    for item in objects:
        label = item.get("name") or item.get("title") or item.get("value")
        made = _object(item)
        if made is None:
            kind = next((key for key in ("mask", "instanceURI", "line", "point") if key in item), "shape")
            known = any(key in item for key in ("bounding_box", "bbox", "polygon"))
            named.problems.note("bad-row" if known else "other-shape", f"{name}: {kind} {label} of {picture}")
        else:
            named.add(picture, label, made)
    for item in classifications:
        answer = item.get("radio_answer") or item.get("answer")
        if isinstance(answer, dict):
            named.classify(picture, answer.get("name") or answer.get("title") or answer.get("value"))


def _labels(entry: dict[str, Any]) -> Iterator[tuple[str | None, list[dict[str, Any]], list[dict[str, Any]]]]:
    """Give part, objects and classifications of each label of a data row."""
    old = entry.get("Label")
    if isinstance(old, dict):
        yield None, entries(old, "objects"), entries(old, "classifications")
    for project in as_dict(entry.get("projects")).values():
        for label in entries(as_dict(project), "labels"):
            found = as_dict(label.get("annotations"))
            split = SPLIT_NAMES.get(clean(as_dict(entry.get("data_row")).get("data_split")).lower())
            yield split, entries(found, "objects"), entries(found, "classifications")


def _object(item: dict[str, Any]) -> SourceObject | None:
    box = as_dict(item.get("bounding_box") or item.get("bbox"))
    if box:
        left, top, width, height = (number(box.get(key)) for key in ("left", "top", "width", "height"))
        if any(map(math.isnan, (left, top, width, height))):
            return None
        return SourceObject(0, (left, top, left + max(width, 0.0), top + max(height, 0.0)), row="bounding box")
    points = xy_points(item.get("polygon"))
    return SourceObject(0, polygon=points, row="polygon") if points is not None and len(points) > 2 else None
