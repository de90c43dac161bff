"""CVAT for images XML 1.1 (and its video form): boxes, rotated boxes, polygons, masks, ellipses, skeletons, tags."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.reading.json_labels import number
from core.data.reading.named_classes import NamedClasses, clean
from core.data.reading.shapes import circle, decode_runs, mask_outlines, turn_by
from core.data.reading.skeletons import Point
from core.data.reading.source_dataset import SPLIT_NAMES, SourceDataset, SourceObject
from core.data.reading.tree import Tree
from core.data.reading.xml_labels import parse_xml, xml_head
from core.errors import InputError
from core.tasks import Task

NAME = "cvat"
LAYOUT = "CVAT XML (annotations.xml)"
MAX_GAP = 10_000
"""Frames between two key frames that are filled in at most."""


def detect(tree: Tree) -> float:
    """Return 0.92 when an XML file's root is <annotations>."""
    for name in tree.with_suffix(".xml")[:20]:
        if "<annotations" in xml_head(tree, name):
            return 0.92
    return 0.0


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read every file; classes in the order of the project's label list, subsets as splits."""
    named = NamedClasses(tree)
    for name in tree.with_suffix(".xml"):
        root = parse_xml(tree, name)
        if root is None or root.tag != "annotations":
            if root is None:
                raise InputError(f"{name} is not valid XML: it may have been cut off. Export it from CVAT again.")
            continue
        named.used.add(name)
        for label in root.iter("label"):
            text = clean(label.findtext("name"))
            of_skeleton = bool((label.findtext("parent") or "").strip())
            known = named.skeletons.names if of_skeleton else named.classes
            if text and text not in known:
                known.append(text)
        for image in root.iter("image"):
            _image(image, name, named)
        for track in root.iter("track"):
            _track(track, name, named)
    return named.finish(NAME, task)


def _image(image: Any, name: str, named: NamedClasses) -> None:
    width, height = number(image.get("width")), number(image.get("height"))
    declared = None if math.isnan(width) or math.isnan(height) else (int(width), int(height))
    split = SPLIT_NAMES.get((image.get("subset") or "").lower())
    picture = named.picture(image.get("name") or "", name, declared, split)
    if picture is None:
        return
    for element in image:
        if element.tag == "tag":
            named.classify(picture, element.get("label"))
        else:
            _add(element, element.get("label"), picture, name, named)


def _track(track: Any, name: str, named: NamedClasses) -> None:
    """Read a video track: frame numbers stand for the pictures in the order of their names."""
    for frame, element in _shown(track, named):
        pictures = named.tree.pictures
        reference = f"frame_{int(frame):06d}"
        if named.tree.find_picture(reference, name) is None and 0 <= int(frame) < len(pictures):
            reference = pictures[int(frame)]
        picture = named.picture(reference, name)
        if picture is not None:
            _add(element, track.get("label"), picture, name, named)


def _shown(track: Any, named: NamedClasses) -> list[tuple[int, Any]]:
    """Return (frame, shape) where a track is shown; boxes between two key frames that are far apart are filled in.

    CVAT writes every frame; programs that write key frames alone mean the straight line between them.
    """
    placed = [(number(element.get("frame")), element) for element in track]
    shapes = sorted(((int(frame), element) for frame, element in placed if not math.isnan(frame)), key=lambda at: at[0])
    found: list[tuple[int, Any]] = []
    for place, (frame, element) in enumerate(shapes):
        if element.get("outside") == "1":
            continue
        found.append((frame, element))
        after, other = shapes[place + 1] if place + 1 < len(shapes) else (frame, element)
        if element.tag != "box" or other.tag != "box" or not 1 < after - frame <= MAX_GAP:
            continue
        one, two = ([number(shape.get(key)) for key in ("xtl", "ytl", "xbr", "ybr")] for shape in (element, other))
        for between in range(frame + 1, after):
            share = (between - frame) / (after - frame)
            filled = copy.deepcopy(element)
            for key, low, high in zip(("xtl", "ytl", "xbr", "ybr"), one, two, strict=True):
                filled.set(key, str(low + (high - low) * share))
            found.append((between, filled))
            named.problems.note("track-filled", f"{track.get('label')}: frame {between}")
    return found


def _skeleton(element: Any, named: NamedClasses) -> SourceObject | None:
    points: dict[str, Point] = {}
    for part in element.iter("points"):
        x, _, y = (part.get("points") or "").partition(",")
        place = number(x), number(y)
        if part.get("outside") == "1":
            points[clean(part.get("label")) or str(len(points))] = (0.0, 0.0, 0.0)
            continue
        if any(map(math.isnan, place)):
            return None
        points[clean(part.get("label")) or str(len(points))] = (*place, 1.0 if part.get("occluded") == "1" else 2.0)
    if not any(point[2] for point in points.values()):
        return None
    return named.skeletons.add(SourceObject(0, row=f"skeleton of {len(points)} points"), points)


def _add(element: Any, label: object, picture: str, name: str, named: NamedClasses) -> None:
    item = _skeleton(element, named) if element.tag == "skeleton" else _object(element)
    if item is not None:
        named.add(picture, label, item)
    elif element.tag in ("box", "polygon", "ellipse", "mask", "skeleton"):
        named.problems.note("bad-row", f"{name}: {element.tag} {label} of {picture}")
    elif element.tag in ("polyline", "points", "cuboid"):
        named.problems.note("other-shape", f"{name}: {element.tag} {label} of {picture}")


def _object(element: Any) -> SourceObject | None:
    def values(*keys: str) -> list[float] | None:
        found = [number(element.get(key)) for key in keys]
        return None if any(map(math.isnan, found)) else found

    if element.tag == "box":
        box = values("xtl", "ytl", "xbr", "ybr")
        if box is None:
            return None
        row = ",".join(f"{value:g}" for value in box)
        angle = number(element.get("rotation") or 0)
        if angle and not math.isnan(angle):
            return SourceObject(0, polygon=_turned(box, angle), row=row, rotated=True)
        return SourceObject(0, (box[0], box[1], box[2], box[3]), row=row)
    if element.tag == "polygon":
        pairs = [part.split(",") for part in (element.get("points") or "").split(";") if part]
        points = [[number(part) for part in pair] for pair in pairs if len(pair) == 2]
        if len(points) < 3 or len(points) != len(pairs) or not np.isfinite(points).all():
            return None
        return SourceObject(0, polygon=np.array(points), row=f"polygon of {len(points)} points")
    if element.tag == "ellipse":
        found = values("cx", "cy", "rx", "ry")
        angle = number(element.get("rotation") or 0)
        if found is None or math.isnan(angle):
            return None
        return SourceObject(0, polygon=circle(found[0], found[1], found[2], found[3], angle), row="ellipse")
    if element.tag == "mask":
        return _mask(element, values("left", "top", "width", "height"))
    return None


def _mask(element: Any, place: list[float] | None) -> SourceObject | None:
    if place is None:
        return None
    left, top, width, height = (int(value) for value in place)
    try:
        counts = [int(part) for part in (element.get("rle") or "").split(",")]
        # CVAT's runs go along rows, COCO's along columns.
        mask = decode_runs(counts, width, height).T
    except ValueError:
        return None
    outlines, _, _ = mask_outlines(mask, whole=True)
    return SourceObject(0, polygon=outlines[0] + np.array([left, top]), row="mask") if outlines else None


def _turned(box: list[float], degrees: float) -> NDArray[np.float64]:
    """Return the corners of a box turned clockwise about its centre."""
    left, top, right, bottom = box
    centre = np.array([(left + right) / 2, (top + bottom) / 2])
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) - centre
    turned: NDArray[np.float64] = turn_by(corners, degrees) + centre
    return turned
