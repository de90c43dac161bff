"""Pictures with a PNG mask each: black is background, each other level or colour is a class.

Read as outlines of regions (segment, detect), or kept pixel by pixel (semantic), where background is a class as well.
"""

from __future__ import annotations

from functools import partial
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from core.data.dataset import NOT_JUDGED, objects_in_mask
from core.data.findings.problems import Problems
from core.data.images.decoding import open_header
from core.data.images.page import UnreadableImage
from core.data.reading.shapes import mask_outlines
from core.data.reading.source_dataset import SourceDataset, SourceImage, SourceObject, split_of
from core.data.reading.tree import Tree
from core.errors import InputError
from core.tasks import TASKS, Task

NAME = "masks"
LAYOUT = "pictures with a mask each (a masks folder, or name_mask.png), binary or several levels"
MASK_FOLDERS = frozenset(
    ("masks", "mask", "labels", "label", "annotations", "gt", "groundtruth", "ground_truth", "segmentation",
     "labelimgs", "segmentations", "segmentationclass", "labels_png", "targets", "mask_images")
)  # fmt: skip
MASK_ENDINGS = (
    "_mask",
    "-mask",
    "_masks",
    "_gt",
    "_label",
    "_labels",
    "_seg",
    "_segmentation",
    "_groundtruth",
    " mask",
)
MAX_LEVELS = 64
LOSSLESS = (".png", ".bmp", ".tif", ".tiff", ".gif")


def detect(tree: Tree) -> float:
    """Return 0.8 when at least half of the non-mask pictures have a mask of few levels."""
    pairs = pair(tree)
    masks = {mask for mask in pairs.values() if mask}
    others = len(tree.pictures) - len(masks)
    if not masks or len(masks) * 2 < others:
        return 0.0
    sample = sorted(masks)[:: max(1, len(masks) // 8)]
    few = 0
    for name in sample:
        try:
            few += len(_levels(tree, name)[1]) <= MAX_LEVELS
        except (UnreadableImage, OSError, ValueError):
            continue
    return 0.8 if few * 2 > len(sample) else 0.0


def pair(tree: Tree) -> dict[str, str | None]:
    """Return picture -> its mask (or None); pictures that are masks are no keys."""
    masks: dict[str, list[str]] = {}
    mask_names: set[str] = set()
    for name in tree.pictures:
        path = PurePosixPath(name.lower())
        if path.suffix not in LOSSLESS:
            continue
        stem = path.stem
        ending = next((end for end in MASK_ENDINGS if stem.endswith(end) and len(stem) > len(end)), "")
        in_folder = any(part in MASK_FOLDERS for part in path.parts[:-1])
        if ending or in_folder:
            masks.setdefault(stem.removesuffix(ending), []).append(name)
            mask_names.add(name)
    result: dict[str, str | None] = {}
    for name in tree.pictures:
        if name in mask_names:
            continue
        candidates = masks.get(PurePosixPath(name.lower()).stem, [])
        split = split_of(name)
        same = [mask for mask in candidates if split_of(mask) == split] or candidates
        result[name] = max(same, key=lambda mask: _shared(name, mask)) if same else None
    return result


def _shared(first: str, second: str) -> int:
    """Return how many folders two names share."""
    return len(set(first.split("/")[:-1]) & set(second.split("/")[:-1]))


def _levels(tree: Tree, name: str) -> tuple[NDArray[np.int64], list[int]]:
    """Return a mask as integer levels and the levels in it; colours become 0xRRGGBB, grey colours their level."""
    with open_header(tree.files[name]) as image:
        if image.mode == "1":
            values = np.asarray(image).astype(np.int64) * 255
        elif image.mode in ("L", "P", "I", "I;16", "I;16B"):
            values = np.asarray(image).astype(np.int64)
        elif image.mode == "LA":
            values = np.asarray(image.getchannel("L")).astype(np.int64)
        else:
            red, green, blue = (np.asarray(part).astype(np.int64) for part in image.convert("RGB").split())
            values = red if (red == green).all() and (green == blue).all() else red << 16 | green << 8 | blue
    return values, [int(level) for level in np.unique(values)]


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read every connected region of a level as one object; the levels, lowest first, are the classes."""
    problems = Problems()
    pairs = pair(tree)
    used: set[str] = set()
    all_levels: dict[int, int] = {}  # level -> pixels
    for name, mask in pairs.items():
        if mask is None:
            continue
        try:
            values, levels = _levels(tree, mask)
        except (UnreadableImage, OSError, ValueError) as error:
            problems.note("unreadable-label", f"{mask}: {error}")
            pairs[name] = ""
            used |= {name, mask}
            continue
        for level in levels:
            all_levels[level] = all_levels.get(level, 0) + int((values == level).sum())
    levels = sorted(level for level in all_levels if level != 0)
    binary = _is_smoothed(all_levels)
    if len(levels) > MAX_LEVELS and max(levels) > 255:
        raise InputError(f"The masks hold {len(levels)} colours, more than {MAX_LEVELS}: save them without smoothing.")
    if task is not None and TASKS[task].has_masks:
        return _keep_pixels(tree, pairs, levels, binary, bool(all_levels.get(0)), problems, used)
    classes = ["object"] if binary or len(levels) == 1 else [_level_name(level) for level in levels]
    images = []
    for name, mask in pairs.items():
        if mask == "":
            continue
        image = SourceImage(tree.files[name], name, split_of(name), unit="pixel", labelled=mask is not None)
        images.append(image)
        if mask is None:
            continue
        used.add(mask)
        values, _ = _levels(tree, mask)
        image.declared = (values.shape[1], values.shape[0])
        for position, level in enumerate([128] if binary else levels):
            region = values >= 128 if binary else values == level
            if not region.any():
                continue
            outlines, holes, specks = mask_outlines(region)
            if holes:
                problems.note("hole-filled", mask, count=holes)
            if specks:
                problems.note("mask-specks", mask, count=specks)
            image.objects += [SourceObject(position, polygon=outline, row=f"level {level}") for outline in outlines]
    keyed = {name: position for position, name in enumerate(classes)}
    chosen: Task = task if task in ("detect", "segment") else "segment"
    note = "" if not binary else f"The masks hold {len(levels)} levels; they were read as one class above half height."
    _note_lone_masks(tree, pairs, problems, used)
    return SourceDataset(NAME, chosen, classes, images, problems, keyed, assumed=note, used=used)


def _note_lone_masks(tree: Tree, pairs: dict[str, str | None], problems: Problems, used: set[str]) -> None:
    paired = {mask for mask in pairs.values() if mask}
    for name in tree.pictures:
        if name not in pairs and name not in paired:
            problems.note("image-missing", name)
            used.add(name)


def _keep_pixels(
    tree: Tree,
    pairs: dict[str, str | None],
    levels: list[int],
    binary: bool,
    has_background: bool,
    problems: Problems,
    used: set[str],
) -> SourceDataset:
    """Keep the class of every pixel; level 0 is a class of its own, 255 beside numbered levels is not judged."""
    assumed = ""
    if binary:
        assumed, levels = f"The masks hold {len(levels)} levels; they were read as one class above half height.", [128]
    elif NOT_JUDGED in levels and len(levels) > 1 and levels[-2] < MAX_LEVELS:
        levels = levels[:-1]
        assumed = "Level 255 beside numbered levels marks pixels of no class: they are neither learned nor judged."
    if has_background or len(levels) < 2:
        levels = [0, *levels]
    named = ["object"] if len(levels) == 2 and levels[0] == 0 else [_level_name(level) for level in levels if level]
    classes = (["background"] if levels[0] == 0 else []) + named
    images = []
    for name, mask in pairs.items():
        if mask == "":
            continue
        if mask is None:
            problems.note("missing-mask", name)
            used.add(name)
            continue
        image = SourceImage(tree.files[name], name, split_of(name), unit="pixel")
        images.append(image)
        used.add(mask)
        image.pixels = partial(_class_ids, tree, mask, tuple(levels), binary)
        ids = image.pixels()
        height, width = ids.shape
        image.declared = (width, height)
        for item in objects_in_mask(ids):
            x, y, w, h = item.box or (0.0, 0.0, 0.0, 0.0)
            box = ((x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height)
            image.objects.append(SourceObject(item.class_id, box))
    _note_lone_masks(tree, pairs, problems, used)
    keyed = {name: position for position, name in enumerate(classes)}
    return SourceDataset(NAME, "semantic", classes, images, problems, keyed, assumed=assumed, used=used)


def _class_ids(tree: Tree, mask: str, levels: tuple[int, ...], binary: bool) -> NDArray[np.uint8]:
    """Return a mask's pixels as places in `levels` (sorted), 255 where a level is not among them."""
    values, _ = _levels(tree, mask)
    if binary:
        return (values >= levels[-1]).astype(np.uint8)
    place = np.searchsorted(levels, values).clip(0, len(levels) - 1)
    return np.where(np.asarray(levels)[place] == values, place, NOT_JUDGED).astype(np.uint8)


def _is_smoothed(pixels: dict[int, int]) -> bool:
    """Return whether masks are binary with smoothed edges (or went through JPEG): many levels, few real."""
    levels = [level for level in pixels if level]
    if not levels or max(levels) > 255:
        return False
    ends = pixels.get(0, 0) + pixels[max(levels)]
    return len(levels) > MAX_LEVELS or (len(levels) > 8 and max(levels) >= 128 and ends >= 0.85 * sum(pixels.values()))


def _level_name(level: int) -> str:
    return f"level {level}" if level <= 0xFFFF else f"colour #{level:06x}"
