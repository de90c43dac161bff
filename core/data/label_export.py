"""A dataset's labels for other tools: one zip with the pictures and the labels as YOLO, COCO, VOC, CVAT or LabelMe.

Each is what `core/data/formats/` reads, so that what goes out comes in again as it was. What a layout can't hold is
refused instead of being made into something less.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from xml.sax.saxutils import escape, quoteattr
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np
import yaml

from core.data.dataset import SPLITS, Dataset
from core.data.objects import LabelledImage, LabelledObject
from core.errors import InputError
from core.files.whole_files import replaced_whole
from core.tasks import TASKS, Task

Files = Iterator[tuple[str, str | Path]]
"""Name in the zip, and the text, or the file to be put there as it is."""


def export_labels(dataset: Dataset, layout: str, out: Path) -> Path:
    """Write a dataset's pictures and labels to the zip `out` in a layout of LAYOUTS; return its path.

    Raises InputError for an unknown layout, one that can't hold labels of this task, or a set without labels.
    """
    if layout not in LAYOUTS:
        raise InputError(f"“{layout}” is not a layout labels are written in: take {', '.join(LAYOUTS)}.")
    write, tasks = LAYOUTS[layout]
    if dataset.task not in tasks:
        able = [name for name, (_, fits) in LAYOUTS.items() if dataset.task in fits]
        can = f"take {', '.join(able)}" if able else "no layout here does"
        raise InputError(f"{layout} can't hold labels to {TASKS[dataset.task].to_do}: {can}.")
    if not sum(dataset.instances.values()):
        raise InputError(f"Nothing of {dataset.name} is labelled yet.")
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with replaced_whole(out) as part, ZipFile(part, "w") as archive:
            for name, content in write(dataset):
                if isinstance(content, Path):
                    archive.write(content, name, compress_type=ZIP_STORED)
                else:
                    archive.writestr(name, content, compress_type=ZIP_DEFLATED)
    except OSError as error:
        raise InputError(f"{out} can't be written: {error.strerror}.") from error
    return out


def _in_splits(dataset: Dataset) -> Iterator[tuple[str, LabelledImage]]:
    for split in SPLITS:
        for image in dataset.labelled(split):
            yield split, image


def _box(item: LabelledObject, image: LabelledImage) -> tuple[float, float, float, float]:
    """Return left, top, width, height in pixels."""
    assert item.box is not None
    x, y, width, height = (value * side for value, side in zip(item.box, (image.width, image.height) * 2, strict=True))
    return round(x - width / 2, 2), round(y - height / 2, 2), round(width, 2), round(height, 2)


def _points(item: LabelledObject, image: LabelledImage) -> list[list[float]]:
    assert item.polygon is not None
    scaled: list[list[float]] = np.round(item.polygon * (image.width, image.height), 2).tolist()
    return scaled


def _keypoints(item: LabelledObject, image: LabelledImage) -> list[list[float]]:
    assert item.keypoints is not None
    scaled: list[list[float]] = np.round(item.keypoints * (image.width, image.height, 1.0), 2).tolist()
    return scaled


def _yolo(dataset: Dataset) -> Files:
    if TASKS[dataset.task].has_class_folders:
        for _, image in _in_splits(dataset):
            yield image.file, dataset.image_path(image.file)
        return
    content: dict[str, Any] = {part: f"images/{part}" for part in SPLITS if dataset.images.get(part)}
    content["names"] = dict(enumerate(dataset.classes))
    if TASKS[dataset.task].has_keypoints and dataset.keypoint_shape:
        content["kpt_shape"] = list(dataset.keypoint_shape)
        if dataset.flip_idx:
            content["flip_idx"] = dataset.flip_idx
    yield "data.yaml", yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    for _, image in _in_splits(dataset):
        yield f"images/{image.file}", dataset.image_path(image.file)
        text = dataset.label_text(image.file)
        if text is not None:
            yield str(PurePosixPath("labels", image.file).with_suffix(".txt")), text


def _coco(dataset: Dataset) -> Files:
    categories: list[dict[str, Any]] = [{"id": n, "name": name} for n, name in enumerate(dataset.classes, 1)]
    if TASKS[dataset.task].has_keypoints and dataset.keypoint_shape:
        for category in categories:
            category["keypoints"] = [f"point {n + 1}" for n in range(dataset.keypoint_shape[0])]
    for split in SPLITS:
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for number, image in enumerate(dataset.labelled(split), 1):
            name = PurePosixPath(image.file).name
            images.append({"id": number, "file_name": name, "width": image.width, "height": image.height})
            yield f"{split}/{name}", dataset.image_path(image.file)
            for item in image.objects:
                box = _box(item, image)
                entry: dict[str, Any] = {"id": len(annotations) + 1, "image_id": number, "iscrowd": 0}
                entry |= {"category_id": item.class_id + 1, "bbox": list(box), "area": round(box[2] * box[3], 2)}
                if item.polygon is not None:
                    entry["segmentation"] = [[value for point in _points(item, image) for value in point]]
                if item.keypoints is not None:
                    points = _keypoints(item, image)
                    entry["keypoints"] = [value for x, y, seen in points for value in (x, y, int(seen))]
                    entry["num_keypoints"] = sum(point[2] > 0 for point in points)
                annotations.append(entry)
        if images:
            content = {"images": images, "annotations": annotations, "categories": categories}
            yield f"{split}/_annotations.coco.json", json.dumps(content, ensure_ascii=False)


def _voc(dataset: Dataset) -> Files:
    taken: Counter[str] = Counter()
    parts: dict[str, list[str]] = {}
    for split, image in _in_splits(dataset):
        path = PurePosixPath(image.file)
        taken[path.stem.casefold()] += 1
        stem = path.stem if taken[path.stem.casefold()] == 1 else f"{split}_{path.stem}"
        parts.setdefault(split, []).append(stem)
        rows = ""
        for item in image.objects:
            left, top, width, height = _box(item, image)
            rows += (
                f"<object><name>{escape(dataset.classes[item.class_id])}</name><difficult>0</difficult><bndbox>"
                f"<xmin>{left}</xmin><ymin>{top}</ymin><xmax>{left + width:.2f}</xmax><ymax>{top + height:.2f}</ymax>"
                "</bndbox></object>"
            )
        size = f"<size><width>{image.width}</width><height>{image.height}</height><depth>3</depth></size>"
        name = f"{stem}{path.suffix}"
        yield f"JPEGImages/{name}", dataset.image_path(image.file)
        text = f"<annotation><filename>{escape(name)}</filename>{size}{rows}</annotation>"
        yield f"Annotations/{stem}.xml", text
    for split, stems in parts.items():
        yield f"ImageSets/Main/{split}.txt", "".join(f"{stem}\n" for stem in stems)


def _cvat(dataset: Dataset) -> Files:
    rows = []
    for number, (split, image) in enumerate(_in_splits(dataset)):
        name = f"{split}/{PurePosixPath(image.file).name}"
        if TASKS[dataset.task].has_class_folders:
            name = image.file
        yield f"images/{name}", dataset.image_path(image.file)
        marks = "".join(_cvat_mark(item, image, dataset) for item in image.objects)
        rows.append(
            f"<image id={quoteattr(str(number))} name={quoteattr(name)} subset={quoteattr(split)} "
            f'width="{image.width}" height="{image.height}">{marks}</image>'
        )
    labels = "".join(f"<label><name>{escape(name)}</name></label>" for name in dataset.classes)
    meta = f"<version>1.1</version><meta><task><labels>{labels}</labels></task></meta>"
    yield "annotations.xml", f"<annotations>{meta}{''.join(rows)}</annotations>"


def _cvat_mark(item: LabelledObject, image: LabelledImage, dataset: Dataset) -> str:
    label = quoteattr(dataset.classes[item.class_id])
    if TASKS[dataset.task].has_class_folders:
        return f"<tag label={label}/>"
    if TASKS[dataset.task].is_rotated:
        corners = np.array(_points(item, image))
        along, down = corners[1] - corners[0], corners[3] - corners[0]
        (x, y), width, height = corners.mean(axis=0), float(np.hypot(*along)), float(np.hypot(*down))
        angle = math.degrees(math.atan2(along[1], along[0])) % 360
        left, top, right, bottom = x - width / 2, y - height / 2, x + width / 2, y + height / 2
        return (
            f'<box label={label} xtl="{left:.2f}" ytl="{top:.2f}" xbr="{right:.2f}" ybr="{bottom:.2f}" '
            f'rotation="{angle:.2f}"/>'
        )
    if item.polygon is not None:
        points = ";".join(f"{x},{y}" for x, y in _points(item, image))
        return f'<polygon label={label} points="{points}"/>'
    left, top, width, height = _box(item, image)
    return f'<box label={label} xtl="{left}" ytl="{top}" xbr="{left + width:.2f}" ybr="{top + height:.2f}"/>'


def _labelme(dataset: Dataset) -> Files:
    kind = {"outline": "polygon", "corners": "rotation", "box": "rectangle"}
    for _, image in _in_splits(dataset):
        path = PurePosixPath(image.file)
        shapes: list[dict[str, Any]] = []
        for item in image.objects:
            if TASKS[dataset.task].has_class_folders:
                continue
            if item.polygon is not None:
                points = _points(item, image)
            else:
                left, top, width, height = _box(item, image)
                points = [[left, top], [round(left + width, 2), round(top + height, 2)]]
            shapes.append({"label": dataset.classes[item.class_id], "points": points, "group_id": None, "flags": {},
                           "shape_type": kind[TASKS[dataset.task].shape]})  # fmt: skip
        flags = {dataset.classes[item.class_id]: True for item in image.objects if not shapes}
        content = {
            "version": "5.5.0", "flags": flags if TASKS[dataset.task].has_class_folders else {}, "shapes": shapes,
            "imagePath": path.name, "imageData": None, "imageHeight": image.height, "imageWidth": image.width,
        }  # fmt: skip
        yield image.file, dataset.image_path(image.file)
        if shapes or TASKS[dataset.task].has_class_folders or dataset.label_text(image.file) is not None:
            yield str(path.with_suffix(".json")), json.dumps(content, ensure_ascii=False)


LAYOUTS: dict[str, tuple[Callable[[Dataset], Files], tuple[Task, ...]]] = {
    "yolo": (_yolo, ("detect", "segment", "obb", "pose", "classify")),
    "coco": (_coco, ("detect", "segment", "pose")),
    "voc": (_voc, ("detect",)),
    "cvat": (_cvat, ("detect", "segment", "obb", "classify")),
    "labelme": (_labelme, ("detect", "segment", "obb", "classify")),
}
"""What writes a layout, and the tasks whose labels it holds whole."""
