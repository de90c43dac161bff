"""Pascal VOC XML, with ImageSets when present."""

from __future__ import annotations

import math
from pathlib import PurePosixPath
from typing import Any

from core.data.findings.problems import Problems
from core.data.reading.image_sets import place_by_lists
from core.data.reading.json_labels import number
from core.data.reading.named_classes import unique_names
from core.data.reading.shapes import settle_task
from core.data.reading.source_dataset import SourceDataset, SourceImage, SourceObject, split_of
from core.data.reading.tree import Tree
from core.data.reading.xml_labels import parse_xml, xml_head
from core.tasks import Task

NAME = "voc"
LAYOUT = "Pascal VOC (one XML file per picture, with ImageSets when there are some)"


def detect(tree: Tree) -> float:
    """Return 0.9 when XML files hold <annotation> with <object> or <size>."""
    files = tree.with_suffix(".xml")
    if not files:
        return 0.0
    for name in files[:20]:
        head = xml_head(tree, name)
        if "<annotation" in head and "<annotations" not in head:
            return 0.9
    return 0.0


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read boxes (or rotated boxes, `robndbox`); classes in order of their names, as the files have no order."""
    problems = Problems()
    used: set[str] = set()
    raw: dict[str, tuple[SourceImage, list[tuple[str, SourceObject]]]] = {}
    bad_pictures: set[str] = set()
    for name in tree.with_suffix(".xml"):
        root = parse_xml(tree, name)
        stem = PurePosixPath(name).stem
        if root is None or root.tag != "annotation":
            problems.note("unreadable-label", name)
            used.add(name)
            picture = tree.find_picture(stem, name)
            if picture:
                bad_pictures.add(picture)
                used.add(picture)
            continue
        used.add(name)
        reference = (root.findtext("filename") or "").strip()
        by_stem = tree.find_picture(stem, name)
        folder = (root.findtext("folder") or "").strip()
        told = [reference, f"{folder}/{reference}"] if reference else []
        picture = by_stem or next(filter(None, (tree.find_picture(path, name) for path in told)), None)
        if picture is None:
            problems.note("image-missing", f"{name}: {reference}")
            continue
        if picture in raw:
            problems.note("several-labels", name)
            continue
        image = SourceImage(tree.files[picture], picture, split_of(picture), unit="pixel", declared=_declared(root))
        raw[picture] = (image, _objects(root, name, problems))
    names = sorted({label for _, found in raw.values() for label, _ in found})
    index = {label: position for position, label in enumerate(names)}
    images = []
    for image, found in raw.values():
        for label, item in found:
            item.class_id = index[label]
            image.objects.append(item)
        images.append(image)
    images += [
        SourceImage(tree.files[name], name, split_of(name), unit="pixel", labelled=False)
        for name in tree.pictures
        if name not in raw and name not in bad_pictures and not _is_mask(name)
    ]
    used |= place_by_lists(tree, images, problems)
    chosen = settle_task(images, task, problems)
    images.sort(key=lambda image: image.name)
    return SourceDataset(NAME, chosen, unique_names(names), images, problems, dict(index), used=used)


def _is_mask(name: str) -> bool:
    return any(part in ("segmentationclass", "segmentationobject") for part in name.lower().split("/"))


def _declared(root: Any) -> tuple[int, int] | None:
    width, height = number(root.findtext("size/width")), number(root.findtext("size/height"))
    if math.isnan(width) or math.isnan(height) or min(width, height) <= 0:
        return None
    return int(width), int(height)


def _objects(root: Any, name: str, problems: Problems) -> list[tuple[str, SourceObject]]:
    found = []
    for item in root.iter("object"):
        label = " ".join((item.findtext("name") or "").split())
        where = f"{name}: {label or 'object without a name'}"
        if not label:
            problems.note("bad-row", where)
            continue
        outline = _outline(item.find("polygon"))
        if outline is not None:
            found.append((label, SourceObject(0, polygon=outline, row=f"polygon of {len(outline)} points")))
            continue
        box = item.find("bndbox")
        if box is not None:
            values = [number(box.findtext(key)) for key in ("xmin", "ymin", "xmax", "ymax")]
            if any(map(math.isnan, values)):
                problems.note("bad-row", where)
                continue
            row = ",".join(f"{value:g}" for value in values)
            found.append((label, SourceObject(0, (values[0], values[1], values[2], values[3]), row=row)))
            continue
        rotated = item.find("robndbox")
        if rotated is not None:
            corners = _rotated([number(rotated.findtext(key)) for key in ("cx", "cy", "w", "h", "angle")])
            if corners is not None:
                found.append((label, SourceObject(0, polygon=corners, row="robndbox", rotated=True)))
                continue
        problems.note("bad-row", where)
    return found


def _outline(element: Any) -> Any:
    """Return the points of <x1>, <y1>, <x2> ... (RectLabel, Roboflow) or of <pt> (LabelMe online), None for none."""
    import numpy as np

    if element is None:
        return None
    pairs = [(point.findtext("x"), point.findtext("y")) for point in element.iter("pt")]
    if not pairs:
        count = sum(1 for part in element if part.tag.lower().startswith("x"))
        pairs = [(element.findtext(f"x{place}"), element.findtext(f"y{place}")) for place in range(1, count + 1)]
    points = np.array([[number(x), number(y)] for x, y in pairs]).reshape(-1, 2)
    return points if len(points) > 2 and np.isfinite(points).all() else None


def _rotated(values: list[float]) -> Any:
    """Return the four corners of centre, size and angle in radians, None for values that are no numbers."""
    import numpy as np

    if any(map(math.isnan, values)):
        return None
    x, y, width, height, angle = values
    half = np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / 2
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return half @ turn + np.array([x, y])
