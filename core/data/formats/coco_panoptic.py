"""COCO panoptic JSON with a PNG of segments per picture: every segment is one object."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.findings.problems import Problems
from core.data.formats.coco import key_of, read_categories
from core.data.images.page import UnreadableImage
from core.data.objects import NOT_JUDGED, objects_in_mask
from core.data.reading.json_labels import entries, json_files, number
from core.data.reading.named_classes import unique_names
from core.data.reading.panoptic import panoptic_files, segment_ids, segment_pictures
from core.data.reading.shapes import mask_outlines
from core.data.reading.source_dataset import SPLIT_NAMES, SourceDataset, SourceImage, SourceObject, split_of, split_word
from core.data.reading.tree import Tree
from core.tasks import TASKS, Task

NAME = "coco-panoptic"
LAYOUT = "COCO panoptic JSON with a PNG of segments per picture"


def detect(tree: Tree) -> float:
    """Return 0.94 when a JSON file lists segments: where an instance file is there as well, that one is read."""
    return 0.94 if json_files(tree, "coco-panoptic") else 0.0


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read every segment as one object, or the class of every pixel for semantic."""
    problems = Problems()
    files = panoptic_files(tree)
    used = {name for name, _ in files}
    names, index, mapping = read_categories(files)
    pixelwise = task is not None and TASKS[task].has_masks
    images: list[SourceImage] = []
    for name, content in files:
        split = SPLIT_NAMES.get(split_word(name)) if len(files) > 1 else None
        pngs = segment_pictures(tree, name, content)
        used |= set(pngs.values())
        listed = {key_of(item.get("id")): str(item.get("file_name") or "") for item in entries(content, "images")}
        for item in entries(content, "annotations"):
            reference, png = listed.get(key_of(item.get("image_id")), ""), pngs.get(str(item.get("file_name") or ""))
            others = {picture for picture in tree.pictures if picture not in used} if not reference else None
            picture = tree.find_picture(reference, name, split=SPLIT_NAMES.get(split_word(name)), among=others)
            if picture is None or picture == png:
                problems.note("image-missing", f"{name}: {reference or item.get('image_id')}")
                continue
            if png is None:
                problems.note("unreadable-label", f"{name}: {item.get('file_name')} is not in the upload")
                used.add(picture)
                continue
            try:
                ids = segment_ids(tree, png)
            except (UnreadableImage, OSError, ValueError) as error:
                problems.note("unreadable-label", f"{png}: {error}")
                used.add(picture)
                continue
            size = ids.shape[1], ids.shape[0]
            image = SourceImage(tree.files[picture], picture, split or split_of(picture), unit="pixel", declared=size)
            images.append(image)
            classes = _classes_of(item, index, f"{name}: {reference}", problems)
            if pixelwise:
                _keep_pixels(tree, image, png, classes)
            else:
                _outline(image, ids, classes, png, problems)
    seen = {image.name for image in images} | used
    images += [
        SourceImage(tree.files[name], name, split_of(name), labelled=False)
        for name in tree.pictures
        if name not in seen and not pixelwise
    ]
    chosen: Task = "semantic" if pixelwise else task if task in ("detect", "segment") else "segment"
    result = SourceDataset(NAME, chosen, unique_names(names), images, problems, mapping, used=used)
    result.drop_unused = not pixelwise
    return result


def _classes_of(item: dict[str, Any], index: dict[int, int], where: str, problems: Problems) -> dict[int, int]:
    """Return segment id -> class of one picture; crowds and classes that nothing names are left out."""
    found = {}
    for segment in entries(item, "segments_info"):
        if segment.get("iscrowd"):
            problems.note("crowd-left-out", where)
            continue
        category, own = number(segment.get("category_id")), number(segment.get("id"))
        if own != own or category != category or int(category) not in index:
            problems.note("class-out-of-range", f"{where}: category {segment.get('category_id')}")
            continue
        found[int(own)] = index[int(category)]
    return found


def _outline(image: SourceImage, ids: NDArray[np.int64], classes: dict[int, int], png: str, problems: Problems) -> None:
    for own, class_id in classes.items():
        region = ids == own
        if not region.any():
            problems.note("bad-row", f"{png}: segment {own} has no pixel")
            continue
        outlines, holes, specks = mask_outlines(region, whole=True)
        if holes:
            problems.note("hole-filled", png, count=holes)
        if specks:
            problems.note("mask-specks", png, count=specks)
        image.objects += [SourceObject(class_id, polygon=outline, row=f"segment {own}") for outline in outlines]


def _keep_pixels(tree: Tree, image: SourceImage, png: str, classes: dict[int, int]) -> None:
    image.pixels = partial(_class_ids, tree, png, classes)
    ids = image.pixels()
    height, width = ids.shape
    for item in objects_in_mask(ids):
        x, y, w, h = item.box or (0.0, 0.0, 0.0, 0.0)
        box = ((x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height)
        image.objects.append(SourceObject(item.class_id, box))


def _class_ids(tree: Tree, png: str, classes: dict[int, int]) -> NDArray[np.uint8]:
    """Return the class of every pixel, 255 where there is no segment."""
    ids = segment_ids(tree, png)
    found = np.full(ids.shape, NOT_JUDGED, np.uint8)
    for own, class_id in classes.items():
        found[ids == own] = class_id
    return found
