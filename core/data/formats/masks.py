"""Pictures with a mask each: black is background, each other level or colour is a class, or an object of its own.

Read as outlines of regions (segment, detect), or kept pixel by pixel (semantic), where background is a class as well.
"""

from __future__ import annotations

from collections import Counter
from functools import partial

import numpy as np
from numpy.typing import NDArray

from core.data.findings.problems import Problems
from core.data.objects import NOT_JUDGED, objects_in_mask
from core.data.reading.choices import Option
from core.data.reading.image_sets import place_by_lists
from core.data.reading.masks.mask_set import UNREADABLE, MaskSet
from core.data.reading.masks.pairing import LOSSY, pair
from core.data.reading.masks.values import (
    MAX_LEVELS,
    Evidence,
    Values,
    is_flat,
    is_mask_like,
    looker,
    read_values,
    weigh,
)
from core.data.reading.named_classes import unique_names
from core.data.reading.shapes import TooManyParts, mask_outlines
from core.data.reading.source_dataset import SourceDataset, SourceImage, SourceObject, split_of
from core.data.reading.tree import Tree
from core.errors import InputError
from core.tasks import TASKS, Task
from core.words import count

NAME = "masks"
LAYOUT = "pictures with a mask each (a masks folder, name_mask.png, or beside the picture), of one or several levels"


def detect(tree: Tree) -> float:
    """Return 0.8 when masks of few levels belong to half of the pictures, or nearly every mask has its picture."""
    pairs = pair(tree, looker(tree))
    used = sorted(pairs.used)
    others = len(tree.pictures) - len(used) - len(pairs.lone) - len(pairs.disputed)
    with_mask = sum(bool(found) for found in pairs.masks.values())
    all_paired = len(used) >= 0.9 * (len(used) + len(pairs.lone) + len(pairs.disputed))
    if not used or (with_mask * 2 < others and not (all_paired and with_mask >= min(3, 0.5 * others))):
        return 0.0
    fitting = 0
    sample = used[:: max(1, len(used) // 8)]
    for name in sample:
        try:
            values = read_values(tree, name).values
        except UNREADABLE:
            continue
        fitting += is_mask_like(values, lossy=name.lower().endswith(LOSSY)) or is_flat(values)
    return 0.8 if fitting * 2 > len(sample) else 0.0


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read every connected region of a level as one object, or every level where levels number the objects."""
    found = MaskSet(tree)
    pixelwise = task is not None and TASKS[task].has_masks
    as_objects = not pixelwise and _values_are_objects(found)
    if not as_objects:
        _leave_void_out(found)
        if not found.binary and len(found.levels) > MAX_LEVELS and not found.named.names:
            if max(found.levels) > 255:
                raise InputError(
                    f"The masks hold {len(found.levels)} colours, more than {MAX_LEVELS}: save them without smoothing, "
                    f"or, where each is one object, add {_masks_option('instances')}."
                )
            found.binary = True
    if found.binary and not as_objects:
        found.assumed.append(
            f"The masks hold {len(found.levels)} levels; they were read as one class above half height."
        )
    result = _keep_pixels(found) if pixelwise else _outline(found, task, as_objects)
    _note_what_is_left(found)
    result.used |= found.used | place_by_lists(tree, result.images, found.problems)
    _settle_split(tree, result)
    result.assumed = " ".join(found.assumed)
    return result


def _masks_option(value: str) -> str:
    return f"--choose masks={value}"


def _values_are_objects(found: MaskSet) -> bool:
    """Return whether each value of a mask is one object; asks where its values could be classes as well."""
    tree, levels = found.tree, found.levels
    if found.named.names or len(levels) < 2 or found.pairs.objects:
        return False
    by_folder = any("segmentationobject" in mask.lower().split("/") for mask in found.pairs.used)
    proof = weigh(found.sample())
    if by_folder:
        proof.wide, taken, why = True, "instances", "They lie in SegmentationObject."
    elif (
        found.binary
        or not proof.possible
        or (proof.consecutive < 0.5 * proof.masks and not (found.colours and len(levels) > 20))
    ):
        taken, why = "classes", ""
    else:
        taken, why = _weighed(found, proof)
    if not proof.possible and not by_folder and tree.choices.answer("masks") is None:
        return False
    names = ", ".join(found.name(level) for level in levels[:6]) + (" ..." if len(levels) > 6 else "")
    options = [
        Option("instances", f"every value is one object, all of one class ({proof.regions} in {proof.masks} masks)"),
        Option("classes", f"every value is a class of its own: {count(len(levels), 'class')} ({names})"),
    ]  # fmt: skip
    question = f"The masks hold up to {max(proof.counts, default=1)} values each: are these objects or classes?"
    return tree.choices.ask("masks", question, options, taken or None, why) == "instances"


def _weighed(found: MaskSet, proof: Evidence) -> tuple[str, str]:
    """Return the reading that the values themselves decide, ('', '') where both fit."""
    if proof.likely:
        return "instances", "The values count 1, 2, 3 ... in every mask, each is one region, and their number differs."
    if found.colours and len(found.levels) > 20:
        return "instances", f"There are {len(found.levels)} colours, and each is one region."
    return ("", "") if proof.counts_from_one else ("classes", "")


def _leave_void_out(found: MaskSet) -> None:
    """Take values out that mark pixels of no class: named so, or 255 beside numbered levels."""
    void = set(found.levels) & found.named.void
    levels = found.levels
    if not found.binary and not found.colours and not found.named.names and len(levels) > 1:
        void |= {NOT_JUDGED} if levels[-1] == NOT_JUDGED and levels[-2] < MAX_LEVELS else set()
    if found.colours and not found.named.names and VOC_VOID in levels and len(levels) > 1:
        void.add(VOC_VOID)
    if void and len(levels) > len(void):
        found.levels = [level for level in levels if level not in void]
        which = ", ".join(
            f"“{found.name(level)}”" if level in found.named.names else found.name(level) for level in sorted(void)
        )
        found.assumed.append(
            f"{which[:1].upper()}{which[1:]} marks pixels of no class: they are neither learned nor judged."
        )


VOC_VOID = 0xE0E0C0
"""The colour of Pascal VOC's void border."""


def _kinds(found: MaskSet) -> dict[str, str] | None:
    """Return mask -> class where the folders of binary masks name the classes, None where all are one class."""
    pairs, tree = found.pairs, found.tree
    kinds = Counter(pairs.kinds[mask] for mask in pairs.used if mask in pairs.kinds)
    if len(kinds) < 2 or len(kinds) > MAX_LEVELS or sum(kinds.values()) < len(pairs.used):
        return None
    told = ", ".join(f"{name} {number}" for name, number in sorted(kinds.items())[:8]) + (
        " ..." if len(kinds) > 8 else ""
    )
    options = [
        Option("folders", f"{count(len(kinds), 'class')} by the folders of the masks ({told} masks)"),
        Option("one", "one class, “object”"),
    ]
    question = "The masks are of one level and lie in folders: are the folders the classes?"
    if pairs.told_by_folder:
        taken, why = "folders", "The folders stand below that of the masks, so they say what was marked."
    else:
        taken, why = "one", "The folders hold pictures and masks alike, so they may be anything."
    return pairs.kinds if tree.choices.ask("classes", question, options, taken, why) == "folders" else None


def _outline(found: MaskSet, task: Task | None, as_objects: bool) -> SourceDataset:
    levels = found.levels
    kinds = None
    if as_objects:
        classes = ["object"]
    elif found.binary or (len(levels) == 1 and levels[0] not in found.named.names):
        kinds = _kinds(found)
        classes = sorted(set(kinds.values())) if kinds else ["object"]
    else:
        classes = list(dict.fromkeys(found.name(level) for level in levels))
    index = {name: number for number, name in enumerate(classes)}
    images = []
    for picture, masks in found.pictures:
        objects = found.pairs.objects.get(picture, [])
        marked = bool(masks) or picture in found.pairs.nothing_marked
        image = SourceImage(found.tree.files[picture], picture, split_of(picture), unit="pixel", labelled=marked)
        images.append(image)
        for mask in masks:
            values = found.read(mask).values
            image.declared = (values.shape[1], values.shape[0])
            if as_objects:
                regions = [(0, level, values == level) for level in np.unique(values) if level not in found.background]
            elif found.binary:
                regions = [(index[kinds[mask]] if kinds else 0, 128, values >= 128)]
            elif kinds or len(classes) == 1:
                regions = [(index[kinds[mask]] if kinds else 0, levels[0], np.isin(values, levels))]
            else:
                regions = [(index[found.name(level)], level, values == level) for level in levels]
            if len(objects) == len(masks) == 1 and not as_objects:
                regions = _part_by_objects(found, objects[0], regions)
            _add_regions(found.problems, image, mask, regions, whole=as_objects or bool(objects))
        found.used |= {*masks, *objects}
    chosen: Task = task if task in ("detect", "segment") else "segment"
    mapping = {found.name(level): index[found.name(level)] for level in levels if found.name(level) in index} or index
    return SourceDataset(NAME, chosen, unique_names(classes), images, found.problems, dict(mapping), used=found.used)


Region = tuple[int, int, NDArray[np.bool_]]


def _part_by_objects(found: MaskSet, mask: str, regions: list[Region]) -> list[Region]:
    """Part the regions of classes by a mask in which every value is one object."""
    try:
        ids = read_values(found.tree, mask, colours=True).values
    except UNREADABLE as error:
        found.problems.note("unreadable-label", f"{mask}: {error}")
        return regions
    parted: list[Region] = []
    for class_id, level, region in regions:
        if region.shape != ids.shape:
            return regions
        parted += [(class_id, level, region & (ids == value)) for value in np.unique(ids[region]) if value]
    return parted


def _add_regions(problems: Problems, image: SourceImage, mask: str, regions: list[Region], *, whole: bool) -> None:
    """Add every region of every value as an object; with `whole` all regions of a value are one object."""
    for class_id, level, region in regions:
        if not region.any():
            continue
        try:
            outlines, holes, specks = mask_outlines(region, whole=whole)
        except TooManyParts as error:
            problems.note("unreadable-label", f"{mask}: {error}")
            continue
        if holes:
            problems.note("hole-filled", mask, count=holes)
        if specks:
            problems.note("mask-specks", mask, count=specks)
        image.objects += [SourceObject(class_id, polygon=outline, row=f"level {level}") for outline in outlines]


def _note_what_is_left(found: MaskSet) -> None:
    for mask in found.pairs.lone:
        found.problems.note("image-missing", mask)
    for mask in found.pairs.disputed:
        found.problems.note("mask-disputed", mask)
    found.used |= {*found.pairs.lone, *found.pairs.disputed}
    if found.named.names:
        found.used.add(found.named.source)


def _settle_split(tree: Tree, result: SourceDataset) -> None:
    """Ask about a split whose train and val show nothing to find, as that of sets for telling good from bad."""
    marked = Counter(image.split for image in result.images if _has_objects(result, image))
    if (
        not marked["test"]
        or marked["train"]
        or marked["val"]
        or not any(image.split == "train" for image in result.images)
    ):
        return
    options = [
        Option("anew", "all pictures are divided anew, so that there is something to learn from"),
        Option("source", "test keeps all that is marked; train and val hold pictures without anything on them"),
    ]
    question = "Everything that is marked lies in test: is the division to be kept?"
    if (
        tree.choices.ask("split", question, options, "anew", "A model can’t learn from pictures that show nothing.")
        == "anew"
    ):
        for image in result.images:
            image.split = None
        result.problems.note("split-shows-nothing", more=f"{marked['test']}")


def _has_objects(result: SourceDataset, image: SourceImage) -> bool:
    nothing = (
        {number for number, name in enumerate(result.classes) if name == "background"}
        if result.task == "semantic"
        else set()
    )
    return any(item.class_id not in nothing for item in image.objects)


def _keep_pixels(found: MaskSet) -> SourceDataset:
    """Keep the class of every pixel; background is a class of its own, void values are not judged."""
    levels = [128] if found.binary else found.levels
    has_background = any(found.pixels.get(value) for value in found.background)
    named = (
        ["object"]
        if len(levels) == 1 and levels[0] not in found.named.names
        else [found.name(level) for level in levels]
    )
    with_background = has_background or len(levels) < 2
    classes = (["background"] if with_background else []) + unique_names(named)
    place = {level: number for number, level in enumerate(levels, start=int(with_background))}
    if with_background:
        place |= dict.fromkeys(found.background, 0)
    images = []
    for picture, masks in found.pictures:
        empty = picture in found.pairs.nothing_marked and with_background
        if not masks and not empty:
            found.problems.note("missing-mask", picture)
            found.used.add(picture)
            continue
        image = SourceImage(found.tree.files[picture], picture, split_of(picture), unit="pixel")
        images.append(image)
        found.used |= {*masks, *found.pairs.objects.get(picture, [])}
        image.pixels = partial(_class_ids, found, tuple(masks), place, picture)
        ids = image.pixels()
        height, width = ids.shape
        image.declared = (width, height)
        for item in objects_in_mask(ids):
            x, y, w, h = item.box or (0.0, 0.0, 0.0, 0.0)
            box = ((x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height)
            image.objects.append(SourceObject(item.class_id, box))
    keyed = {name: position for position, name in enumerate(classes)}
    return SourceDataset(NAME, "semantic", classes, images, found.problems, keyed, used=found.used)


def _class_ids(found: MaskSet, masks: tuple[str, ...], place: dict[int, int], picture: str) -> NDArray[np.uint8]:
    """Return the class of every pixel of a picture, 255 where its value has none; several masks lie over each other."""
    if not masks:
        look = looker(found.tree)(picture)
        width, height = look.size if look else (16, 16)
        return np.zeros((height, width), np.uint8)
    laid: NDArray[np.uint8] | None = None
    for mask in masks:
        values: Values = found.read(mask).values
        if found.binary:
            ids = np.where(values >= 128, place[128], 0).astype(np.uint8)
        else:
            known = np.array(sorted(place))
            at = np.searchsorted(known, values).clip(0, len(known) - 1)
            numbers = np.array([place[int(level)] for level in known])
            ids = np.where(known[at] == values, numbers[at], NOT_JUDGED).astype(np.uint8)
        laid = ids if laid is None or laid.shape != ids.shape else np.where(ids > 0, ids, laid)
    assert laid is not None
    return laid
