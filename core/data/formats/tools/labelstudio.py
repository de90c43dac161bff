"""Label Studio's JSON export (full, JSON-MIN, and "completions" of old): boxes, outlines, ellipses, brush, points."""

from __future__ import annotations

import math
import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

import numpy as np
from numpy.typing import NDArray

from core.data.reading.json_labels import as_dict, entries, json_files, load_json, number
from core.data.reading.named_classes import NamedClasses, clean
from core.data.reading.shapes import circle, mask_outlines, points_of, turn_by
from core.data.reading.skeletons import Point
from core.data.reading.source_dataset import SourceDataset, SourceObject
from core.data.reading.tree import Tree
from core.tasks import Task

NAME = "labelstudio"
LAYOUT = "Label Studio JSON export"
PREFIX = re.compile(r"^[0-9a-f]{8}-")
"""Label Studio puts eight hex digits before the name of an uploaded file."""
NO_SHAPES = ("relation", "textarea", "rating", "number", "datetime", "pairwise")
NO_NAME = "object"
"""The class of an object of which only the points are labelled."""
MAX_BRUSH = 800_000_000
"""Values of a brush mask (four per pixel) that are opened at most."""


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
        all_done = [*entries(entry, "annotations"), *entries(entry, "completions")]
        done = [item for item in all_done if not item.get("was_cancelled") and not item.get("skipped")]
        if len(done) > 1:
            named.problems.note("several-labels", f"{picture}: {len(done)} annotations")
        results = entries(done[0], "result") if done else []
        if not done:
            named.images[picture].labelled = False
        _results([(item, as_dict(item.get("value"))) for item in results], picture, name, named)
        return
    for key in ("choice", "class", "choices"):
        if isinstance(entry.get(key), str):
            named.classify(picture, entry[key])
    regions = [key for key, value in entry.items() if isinstance(value, list)]
    _results([(item, item) for key in regions for item in entries(entry, key)], picture, name, named)


def _file(address: str) -> str:
    """Return the path in an address such as /data/local-files/?d=set%2Fa.jpg."""
    try:
        parts = urlparse(address)
        query = parse_qs(parts.query).get("d")
    except ValueError:
        return address
    return unquote(query[0] if query else parts.path)


def _results(
    results: list[tuple[dict[str, Any], dict[str, Any]]], picture: str, name: str, named: NamedClasses
) -> None:
    """Add the regions of a picture; results that share an id say together where a region is and what it is."""
    labels: dict[str, list[object]] = {}
    for item, value in results:
        if item.get("id") is not None:
            labels.setdefault(str(item["id"]), []).extend(_labels(value))
    shaped: set[str] = set()
    objects: dict[str, tuple[object, SourceObject, np.ndarray]] = {}
    points: list[tuple[str, str, Point, str]] = []
    for item, value in results:
        identity = str(item.get("id", ""))
        if isinstance(value.get("choices"), list) and not _has_place(value):
            for choice in value["choices"]:
                named.classify(picture, choice)
            continue
        found = _labels(value) or (labels.get(identity) or [])
        kind = str(item.get("type") or "shape")
        where = f"{name}: {kind} of {picture}"
        if not _has_place(value):
            if kind not in NO_SHAPES and not (identity and identity in labels):
                named.problems.note("other-shape", where)
            continue
        if identity and identity in shaped:
            continue
        if not found:
            named.problems.note("bad-row", f"{where} without a label")
            continue
        shaped |= {identity} if identity else set()
        if len(dict.fromkeys(map(str, found))) > 1:
            named.problems.note("several-labels", f"{picture}: {', '.join(map(str, found))}")
        size = _size(item, picture, named)
        if size is None:
            named.problems.note("bad-row", f"{name}: {picture} has no original_width and original_height")
            continue
        if _is_point(value):
            x, y = number(value.get("x")) * size[0], number(value.get("y")) * size[1]
            points.append((str(item.get("parentID") or ""), clean(found[0]), (x, y, 2.0), identity))
            continue
        made = _object(value, size)
        if made is None:
            named.problems.note("bad-row" if _is_known(value) else "other-shape", where)
            continue
        objects[identity or f"nameless {len(objects)}"] = (found[0], made, size)
    _add_points(objects, points, results, f"{name}: {picture}", named)
    for label, made, _ in objects.values():
        named.add(picture, label, made)


def _labels(value: dict[str, Any]) -> list[object]:
    key = next((key for key in value if key.endswith("labels") and isinstance(value[key], list)), "")
    found = value[key] if key else value.get("choices") if _has_place(value) else []
    return [label for label in found if clean(label)] if isinstance(found, list) else []


def _has_place(value: dict[str, Any]) -> bool:
    return "points" in value or "rle" in value or ("x" in value and "y" in value) or "sequence" in value


def _is_point(value: dict[str, Any]) -> bool:
    return "keypointlabels" in value or ("x" in value and "height" not in value and "radiusX" not in value)


def _is_known(value: dict[str, Any]) -> bool:
    return "sequence" not in value


def _size(item: dict[str, Any], picture: str, named: NamedClasses) -> np.ndarray | None:
    """Return hundredths of the picture's width and height, in pixels."""
    width, height = number(item.get("original_width")), number(item.get("original_height"))
    image = named.images[picture]
    if image.declared is None and not math.isnan(width) and not math.isnan(height):
        image.declared = (int(width), int(height))
    size = image.declared or (0, 0)
    return None if min(size) <= 0 else np.array(size, dtype=float) / 100


def _add_points(
    objects: dict[str, tuple[object, SourceObject, np.ndarray]],
    points: list[tuple[str, str, Point, str]],
    results: list[tuple[dict[str, Any], dict[str, Any]]],
    where: str,
    named: NamedClasses,
) -> None:
    """Give each point to its object: by parentID, by a drawn relation, else to the smallest box around it."""
    related: dict[str, str] = {}
    for item, _ in results:
        if item.get("type") == "relation":
            one, other = str(item.get("from_id", "")), str(item.get("to_id", ""))
            related[one], related[other] = other, one
    owned: dict[str, dict[str, Point]] = {}
    alone = {label: point for _, label, point, _ in points}
    if (
        not objects
        and len(alone) == len(points) > 1
        and all(math.isfinite(part) for point in alone.values() for part in point)
    ):
        named.problems.note("points-alone", where)
        objects["points alone"] = (NO_NAME, named.skeletons.add(SourceObject(0, row="points"), alone), np.ones(2))
        return
    for parent, label, point, identity in points:
        owner = parent if parent in objects else related.get(identity, "")
        if owner not in objects:
            owner = _around(objects, point)
        if not owner or label in owned.get(owner, {}) or not all(map(math.isfinite, point)):
            named.problems.note("other-shape", f"{where}: point {label} without an object of its own")
            continue
        owned.setdefault(owner, {})[label] = point
    for owner, found in owned.items():
        named.skeletons.add(objects[owner][1], found)


def _around(objects: dict[str, tuple[object, SourceObject, np.ndarray]], point: Point) -> str:
    """Return the id of the smallest object whose box holds a point, '' for none."""
    fitting = []
    for identity, (_, item, _) in objects.items():
        corners = item.polygon if item.polygon is not None else np.array(item.box, dtype=float).reshape(2, 2)
        low, high = corners.min(axis=0), corners.max(axis=0)
        if (low <= point[:2]).all() and (point[:2] <= high).all():
            fitting.append((float(np.prod(high - low)), identity))
    return min(fitting)[1] if fitting else ""


def _object(value: dict[str, Any], scale: np.ndarray) -> SourceObject | None:
    if "rle" in value:
        return _brush(value, scale)
    if "points" in value:
        points = points_of(value.get("points"))
        is_outline = points is not None and len(points) > 2 and value.get("closed") is not False
        return SourceObject(0, polygon=points * scale, row="polygon") if is_outline else None
    if "radiusX" in value:
        x, y, across, down = (number(value.get(part)) for part in ("x", "y", "radiusX", "radiusY"))
        angle = number(value.get("rotation") or 0)
        if any(map(math.isnan, (x, y, across, down, angle))):
            return None
        outline = circle(x * scale[0], y * scale[1], across * scale[0], down * scale[1], angle)
        return SourceObject(0, polygon=outline, row="ellipse")
    x, y, width, height = (number(value.get(part)) for part in ("x", "y", "width", "height"))
    if any(map(math.isnan, (x, y, width, height))):
        return None
    left, top = np.array([x, y]) * scale
    across, down = np.array([width, height]) * scale
    angle = number(value.get("rotation") or 0)
    if angle and not math.isnan(angle):
        # Label Studio turns clockwise about the left top corner.
        corners = turn_by(np.array([[0, 0], [across, 0], [across, down], [0, down]]), angle)
        return SourceObject(0, polygon=corners + np.array([left, top]), row=f"rotated {angle:g}", rotated=True)
    box = (float(left), float(top), float(left + across), float(top + down))
    return SourceObject(0, box, row=f"{x:g},{y:g},{width:g},{height:g} %")


def _brush(value: dict[str, Any], scale: np.ndarray) -> SourceObject | None:
    width, height = (round(100 * part) for part in scale)
    try:
        mask = decode_brush(value["rle"], height, width)
    except (ValueError, TypeError):
        return None
    outlines, _, _ = mask_outlines(mask, whole=True)
    return SourceObject(0, polygon=outlines[0], row="brush") if outlines else None


def decode_brush(codes: list[int], height: int, width: int) -> NDArray[np.bool_]:
    """Return the mask of a brush region (label-studio-converter's brush.decode_rle). Raises ValueError.

    The bytes are a stream of bits: the number of values (32), the width of a value less 1 (5), four widths of lengths
    less 1 (4 each); then blocks of a flag (1: one value repeated), which width (2), the length less 1, and the values.
    Values are RGBA, so a pixel counts where its fourth value is set.
    """
    bits = "".join(f"{code:08b}" for code in np.asarray(codes, dtype=np.uint8).tolist())
    take = _taker(bits)
    total = take(32)
    if total != height * width * 4 or total > MAX_BRUSH:
        raise ValueError("the brush mask is of another size")
    word = take(5) + 1
    widths = [take(4) + 1 for _ in range(4)]
    values = np.zeros(total, dtype=np.uint8)
    place = 0
    while place < total:
        repeated = take(1)
        end = min(place + 1 + take(widths[take(2)]), total)
        if repeated:
            values[place:end] = min(take(word), 255)
        else:
            values[place:end] = [min(take(word), 255) for _ in range(end - place)]
        place = end
    return values.reshape(height, width, 4)[..., 3] > 0


def _taker(bits: str) -> Any:
    place = 0

    def take(count: int) -> int:
        nonlocal place
        if place + count > len(bits):
            raise ValueError("the brush mask ends in the middle")
        place += count
        return int(bits[place - count : place], 2)

    return take
