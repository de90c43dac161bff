"""COCO JSON: one file or one per split; sparse category ids, polygons, run lengths, crowds, keypoints."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from core.data.findings.problems import Problems
from core.data.reading.json_labels import each_entry, entries, json_files, load_json, number
from core.data.reading.named_classes import unique_names
from core.data.reading.panoptic import panoptic_files, segment_pictures
from core.data.reading.shapes import decode_runs, join_parts, mask_outlines, settle_task
from core.data.reading.source_dataset import SPLIT_NAMES, SourceDataset, SourceImage, SourceObject, split_of, split_word
from core.data.reading.tree import Tree
from core.errors import InputError
from core.tasks import TASKS, Task

NAME = "coco"
LAYOUT = "COCO JSON (one file, or one for each part)"


def detect(tree: Tree) -> float:
    """Return 0.95 when a JSON file starts like COCO (images, annotations, categories)."""
    return 0.95 if json_files(tree, "coco") else 0.0


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read all COCO files as one set; categories are joined by name, in order of their ids."""
    problems = Problems()
    files = json_files(tree, "coco")
    contents = [(name, load_json(tree, name, ("images", "annotations", "categories"))) for name in files]
    contents = [(name, content) for name, content in contents if isinstance(content, dict)]
    names, index, mapping = read_categories(contents)
    images: dict[str, SourceImage] = {}
    known: dict[tuple[str, str], SourceObject] = {}
    for name, content in contents:
        split = SPLIT_NAMES.get(split_word(name)) if len(contents) > 1 else None
        _read_file(tree, name, content, split, index, images, known, problems, alone=len(contents) == 1)
        content.pop("annotations", None)  # read; they take most of the memory
    ordered = list(images.values())
    listed = {image.name for image in ordered}
    segments = {png for name, content in panoptic_files(tree) for png in segment_pictures(tree, name, content).values()}
    for name in tree.pictures:
        if name not in listed and name not in segments:
            ordered.append(SourceImage(tree.files[name], name, split_of(name), labelled=False))
    shape, flip = _skeleton(contents, ordered)
    chosen = settle_task(ordered, task, problems)
    clean = unique_names(names)
    used = set(files)
    if not TASKS[chosen].has_keypoints:
        shape = flip = None
    result = SourceDataset(NAME, chosen, clean, ordered, problems, mapping, shape, flip, "", used)
    result.drop_unused = True
    return result


def read_categories(contents: list[tuple[str, Any]]) -> tuple[list[str], dict[int, int], dict[str, int]]:
    """Return class names in order of their ids, id -> class, and what to tell of it. Raises InputError for no id."""
    categories: dict[int, str] = {}
    for name, content in contents:
        for item in entries(content, "categories"):
            key = number(item.get("id"))
            if math.isnan(key):
                raise InputError(f"{name}: a category has no number as its id: export the file again.")
            categories.setdefault(int(key), str(item.get("name") or f"class_{int(key)}"))
    order = sorted(categories)
    names = list(dict.fromkeys(categories[key] for key in order))
    index = {key: names.index(categories[key]) for key in order}
    return names, index, {f"{key}: {categories[key]}": index[key] for key in order}


def _read_file(
    tree: Tree,
    name: str,
    content: dict[str, Any],
    split: str | None,
    index: dict[int, int],
    images: dict[str, SourceImage],
    known: dict[tuple[str, str], SourceObject],
    problems: Problems,
    *,
    alone: bool,
) -> None:
    """Add what one file says; `known` are the objects of the files before, by picture and annotation id.

    One that is `alone` has none before it or after.
    """
    fresh: dict[tuple[str, str], SourceObject] = {}
    by_id: dict[Any, SourceImage] = {}
    missing: set[Any] = set()
    for item in entries(content, "images"):
        reference = str(item.get("file_name") or "")
        key = key_of(item.get("id"))
        picture = tree.find_picture(reference, name, split=SPLIT_NAMES.get(split_word(name))) if reference else None
        if picture is None:
            problems.note("image-missing", f"{name}: {reference or key}")
            missing.add(key)
            continue
        width, height = number(item.get("width")), number(item.get("height"))
        declared = None if math.isnan(width) or math.isnan(height) else (int(width), int(height))
        if picture not in images:
            place = split or split_of(picture)
            images[picture] = SourceImage(tree.files[picture], picture, place, unit="pixel", declared=declared)
        elif split and images[picture].split not in (None, split):
            problems.note(
                "splits-share-folder", picture, count=2 if "splits-share-folder" not in problems.counts else 0
            )
        by_id[key] = images[picture]
    for item in each_entry(content, "annotations"):
        key = key_of(item.get("image_id"))
        image = by_id.get(key)
        if image is None:
            if key not in missing:
                problems.note("bad-row", f"{name}: annotation {item.get('id')} of unknown image {key}")
            continue
        made = _object(item, index, f"{image.name}: annotation {item.get('id')}", problems)
        if made is None:
            continue
        own = image.name, key_of(item.get("id"))
        if not _join(known.get(own), made):
            image.objects.append(made)
            if not alone:
                fresh[own] = made
    known |= fresh


def key_of(value: object) -> str:
    """Return an id as text that is the same for 7, 7.0 and "7.0" (files made by way of a table have both)."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value)
    return text[:-2] if text.endswith(".0") and text[:-2].isdigit() else text


def _join(first: SourceObject | None, second: SourceObject) -> bool:
    """Put an object into the one that another file of the same part tells under its id; return whether it is the same.

    The official files tell every person twice, once with its outline and once with its keypoints.
    """
    if first is None or first.class_id != second.class_id:
        return False
    if first.box is not None and second.box is not None and not np.allclose(first.box, second.box, atol=1.5):
        return False
    first.box = second.box if first.box is None else first.box
    first.polygon = second.polygon if first.polygon is None else first.polygon
    first.keypoints = second.keypoints if first.keypoints is None else first.keypoints
    return True


def _object(item: dict[str, Any], index: dict[int, int], where: str, problems: Problems) -> SourceObject | None:
    if item.get("iscrowd"):
        problems.note("crowd-left-out", where)
        return None
    category = number(item.get("category_id"))
    if math.isnan(category) or int(category) not in index:
        problems.note("class-out-of-range", f"{where}: category {item.get('category_id')}")
        return None
    polygon = _outline(item.get("segmentation"), where, problems)
    box = None
    values = item.get("bbox")
    if isinstance(values, list) and len(values) == 4:
        left, top, width, height = (number(value) for value in values)
        if not any(map(math.isnan, (left, top, width, height))):
            box = (left, top, left + max(width, 0.0), top + max(height, 0.0))
    if box is None and polygon is None:
        problems.note("bad-row", where)
        return None
    keypoints = None
    points = item.get("keypoints")
    if isinstance(points, list) and len(points) >= 3 and len(points) % 3 == 0:
        keypoints = np.nan_to_num(np.array([number(value) for value in points]).reshape(-1, 3))
        keypoints[:, 2] = np.clip(np.rint(keypoints[:, 2]), 0, 2)
    row = f"annotation {item.get('id')}" + (f" bbox {values}" if box and polygon is None else "")
    return SourceObject(index[int(category)], box, polygon, keypoints, row=row)


def _outline(value: object, where: str, problems: Problems) -> np.ndarray | None:
    if isinstance(value, dict):
        size = value.get("size")
        try:
            height, width = (int(part) for part in size)  # type: ignore[union-attr]
            outlines, holes, _ = mask_outlines(decode_runs(value.get("counts", []), height, width), whole=True)
        except (TypeError, ValueError, OverflowError):
            problems.note("bad-row", f"{where}: run-length code")
            return None
        if holes:
            problems.note("hole-filled", where, count=holes)
        return outlines[0] if outlines else None
    if not isinstance(value, list) or not value:
        return None
    parts = value if isinstance(value[0], list) else [value]
    if len(parts) > 2 and all(isinstance(part, list) and len(part) == 2 for part in parts):
        parts = [[coordinate for part in parts for coordinate in part]]  # written point by point
    good = []
    for part in parts:
        if not isinstance(part, list) or len(part) < 6 or len(part) % 2:
            problems.note("odd-outline", where)
            continue
        points = _numbers(part).reshape(-1, 2)
        if np.isfinite(points).all():
            good.append(points)
        else:
            problems.note("odd-outline", where)
    if not good:
        return None
    if len(good) > 1:
        problems.note("parts-joined", where)
    return join_parts(good)


def _numbers(values: list[Any]) -> np.ndarray:
    """Return a list as finite numbers, NaN where one is none."""
    try:
        found = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return np.array([number(value) for value in values])
    return found if found.ndim == 1 else np.full(len(values), np.nan)


def _skeleton(
    contents: list[tuple[str, Any]], images: list[SourceImage]
) -> tuple[tuple[int, int] | None, list[int] | None]:
    """Return the keypoint shape and, from left_/right_ names, the order after a mirror image."""
    names: list[str] = []
    for _, content in contents:
        for item in entries(content, "categories"):
            value = item.get("keypoints")
            if isinstance(value, list) and len(value) > len(names):
                names = [str(part) for part in value]
    longest = max((len(i.keypoints) for image in images for i in image.objects if i.keypoints is not None), default=0)
    count = max(longest, 0)
    if not count:
        return None, None
    for image in images:
        for target in image.objects:
            if target.keypoints is not None and len(target.keypoints) < count:
                target.keypoints = np.vstack([target.keypoints, np.zeros((count - len(target.keypoints), 3))])
    if len(names) != count:
        return (count, 3), None
    mirrored = [_mirror(name) for name in names]
    flip = [names.index(other) if other in names else position for position, other in enumerate(mirrored)]
    return (count, 3), flip if sorted(flip) == list(range(count)) else None


def _mirror(name: str) -> str:
    if "left" in name.lower():
        return name.replace("left", "right").replace("Left", "Right")
    return name.replace("right", "left").replace("Right", "Left")
