"""Pascal VOC's ImageSets: lists of picture names that say which part each belongs to."""

from __future__ import annotations

from pathlib import PurePosixPath

from core.data.findings.problems import Problems
from core.data.reading.source_dataset import SPLIT_NAMES, SourceImage
from core.data.reading.tree import Tree


def place_by_lists(tree: Tree, images: list[SourceImage], problems: Problems) -> set[str]:
    """Apply {train,val,test}.txt; `trainval` only where train and val are not listed themselves. Return the lists."""
    lists = [name for name in tree.with_suffix(".txt") if PurePosixPath(name).stem.lower() in SPLIT_NAMES]
    stems = {PurePosixPath(name).stem.lower() for name in lists}
    used = set(lists)
    used |= {name for name in tree.with_suffix(".txt") if name.lower().endswith("segmentation/default.txt")}
    if {"train", "val"} <= stems:
        lists = [name for name in lists if PurePosixPath(name).stem.lower() != "trainval"]
    by_name = {image.name: image for image in images}
    placed: dict[str, str] = {}
    for name in lists:
        split = SPLIT_NAMES[PurePosixPath(name).stem.lower()]
        for line in tree.text(name).splitlines():
            words = line.split()
            if not words:
                continue
            whole = tree.find_picture(line.strip(), name, split=split, among=by_name)
            picture = whole or tree.find_picture(words[0], name, split=split, among=by_name)
            if picture is None:
                problems.note("list-entry-missing", f"{name}: {line.strip()[:100]}")
                continue
            if placed.setdefault(picture, split) != split:
                problems.note("several-labels", f"{picture}: in {placed[picture]} and {split}")
    if placed:
        for image in images:
            image.split = placed.get(image.name)
    return used
