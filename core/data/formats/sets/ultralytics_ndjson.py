"""Ultralytics NDJSON (Platform and HUB): the first line describes the set, each further one a picture."""

from __future__ import annotations

import math
from typing import Any

from core.data.findings.problems import Problems
from core.data.reading.json_labels import as_dict, first_line, load_json_lines, number
from core.data.reading.named_classes import clean, unique_names
from core.data.reading.source_dataset import SPLIT_NAMES, SourceDataset, SourceImage, SourceObject, split_of
from core.data.reading.tree import Tree
from core.data.reading.yolo_rows import Rows, objects_of
from core.errors import InputError
from core.tasks import TASKS, Task

NAME = "ultralytics-ndjson"
LAYOUT = "Ultralytics NDJSON beside its pictures"
KEYS: dict[str, Task] = {"boxes": "detect", "segments": "segment", "pose": "pose", "obb": "obb",
                         "classification": "classify"}  # fmt: skip


def detect(tree: Tree) -> float:
    """Return 0.95 when a file of JSON lines begins with a dataset or an image record of Ultralytics."""
    return 0.95 if _files(tree) else 0.0


def _files(tree: Tree) -> list[str]:
    found = []
    for name in tree.with_suffix(".ndjson", ".jsonl"):
        first = first_line(tree, name)
        if "class_names" in first or (
            first.get("type") in ("dataset", "image") and ("file" in first or "task" in first)
        ):
            found.append(name)
    return found


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read the first such file; pictures are found by name in the upload, nothing is fetched from their addresses."""
    problems = Problems()
    name, *others = _files(tree)
    for other in others:
        problems.note("names-differ", f"{other} (used: {name})")
    head: dict[str, Any] = {}
    images: dict[str, SourceImage] = {}
    kinds: dict[str, int] = {}
    rows: list[tuple[SourceImage, str, list[tuple[int, list[float]]]]] = []
    for place, entry in enumerate(load_json_lines(tree, name), start=1):
        if entry.get("type") == "dataset" or "class_names" in entry:
            head = entry
            continue
        picture = tree.find_picture(str(entry.get("file") or ""), name)
        if picture is None:
            problems.note("image-missing", f"{name} line {place}: {entry.get('file')}")
            continue
        split = SPLIT_NAMES.get(clean(entry.get("split")).lower()) or split_of(picture)
        image = images.setdefault(picture, SourceImage(tree.files[picture], picture, split))
        annotations = as_dict(entry.get("annotations"))
        if not annotations and entry.get("annotations") is None:
            image.labelled = False
        for key, listed in annotations.items():
            found = _rows(listed, f"{name} line {place}", problems)
            if key in KEYS and found:
                kinds[key] = kinds.get(key, 0) + len(found)
                rows.append((image, key, found))
            elif found:
                problems.note("other-shape", f"{name} line {place}: {key}", count=len(found))
    if not images:
        raise InputError(f"{name} is Ultralytics NDJSON whose pictures are not in the upload: add them beside it.")
    stated = str(head.get("task") or "")
    likely = max(kinds, key=lambda key: kinds[key], default="boxes")
    chosen: Task = task or (TASKS[stated].name if stated in KEYS.values() else KEYS[likely])
    return _finish(tree, name, chosen, head, images, rows, problems)


def _rows(value: object, where: str, problems: Problems) -> list[tuple[int, list[float]]]:
    """Return the rows, class id first, that are numbers; the others are noted."""
    found = []
    for row in value if isinstance(value, list) else []:
        numbers = [number(part) for part in (row if isinstance(row, list) else [row])]
        if not numbers or any(map(math.isnan, numbers)) or numbers[0] != int(numbers[0]):
            problems.note("bad-row", f"{where}: {str(row)[:80]}")
        else:
            found.append((int(numbers[0]), numbers[1:]))
    return found


def _finish(
    tree: Tree,
    name: str,
    task: Task,
    head: dict[str, Any],
    images: dict[str, SourceImage],
    rows: list[tuple[SourceImage, str, list[tuple[int, list[float]]]]],
    problems: Problems,
) -> SourceDataset:
    names = {int(key): clean(value) for key, value in as_dict(head.get("class_names")).items() if str(key).isdecimal()}
    shape_given = head.get("kpt_shape")
    shape = None
    if isinstance(shape_given, list) and len(shape_given) == 2 and all(isinstance(part, int) for part in shape_given):
        shape = (shape_given[0], shape_given[1])
    widths = [len(numbers) for _, key, found in rows if key == "pose" for _, numbers in found]
    if shape is None and widths:
        shape = ((max(widths) - 4) // 3, 3)
    if task == "pose" and (shape is None or not 1 <= shape[0] <= 1000 or shape[1] not in (2, 3)):
        raise InputError(f"{name}: kpt_shape must be the number of keypoints and 2 or 3.")
    for image, key, found in rows:
        if KEYS[key] == "classify" and task == "classify":
            image.objects = [SourceObject(class_id) for class_id, _ in found[:1]]
        elif KEYS[key] != "classify":
            image.objects += objects_of(Rows(rows=found), task, shape, f"{name}: {image.name}", problems)
    highest = max((item.class_id for image in images.values() for item in image.objects), default=-1)
    if not names and highest >= 0:
        problems.note("no-class-names", name)
        names = {number_of: f"class_{number_of}" for number_of in range(min(highest, 9_999) + 1)}
    classes = [names.get(number_of, f"class_{number_of}") for number_of in range(max(names, default=-1) + 1)]
    for image in images.values():
        for item in image.objects:
            if not 0 <= item.class_id < len(classes):
                problems.note("class-out-of-range", f"{image.name}: class {item.class_id} of {len(classes)}")
        image.objects = [item for item in image.objects if 0 <= item.class_id < len(classes)]
    ordered = list(images.values())
    used = {name}
    if task == "classify":
        for image in [image for image in ordered if not image.objects]:
            problems.note("missing-class", image.name)
            used.add(image.name)
        ordered = [image for image in ordered if image.objects]
    else:
        listed = set(images)
        ordered += [SourceImage(tree.files[other], other, split_of(other), labelled=False)
                    for other in tree.pictures if other not in listed]  # fmt: skip
    clean_names = unique_names(classes)
    mapping = {text: place for place, text in enumerate(clean_names)}
    shape = shape if task == "pose" else None
    return SourceDataset(NAME, task, clean_names, ordered, problems, mapping, shape, used=used)
