"""What a reader hands to the importer: the pictures of an upload with their labels, before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.data.findings.problems import Problems
from core.tasks import Task

Unit = Literal["fraction", "pixel"]
Points = NDArray[np.float64]

SPLIT_NAMES: dict[str, str] = {
    "train": "train",
    "training": "train",
    "trainval": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "train2017": "train",
    "val2017": "val",
    "test2017": "test",
    "train2014": "train",
    "val2014": "val",
    "test2014": "test",
}
"""Folder and list names that say which part a picture belongs to."""


@dataclass(slots=True)
class SourceObject:
    """One labelled object of the source, in the unit of its picture."""

    class_id: int
    """index into SourceDataset.classes"""
    box: tuple[float, float, float, float] | None = None
    """left, top, right, bottom"""
    polygon: Points | None = None
    """(n, 2) outline; for obb the four corners"""
    keypoints: Points | None = None
    """(k, 3) x, y, visibility"""
    rotated: bool = False
    """the outline is a rotated box, not a free one"""
    row: str = ""
    """the object as the source writes it, for findings (short)"""


@dataclass(slots=True)
class SourceImage:
    """One picture file of the source with its labels."""

    path: Path
    """where the file lies now"""
    name: str
    """as the user named it, with its folders, forward slashes"""
    split: str | None = None
    objects: list[SourceObject] = field(default_factory=list)
    unit: Unit = "fraction"
    declared: tuple[int, int] | None = None
    """width and height as the labels' file states them (0 or less: unknown); never trusted, only compared"""
    labelled: bool = True
    """False when there is no label file or entry for it at all"""
    group: str = ""
    inside: Callable[[], bytes] | None = None
    """gives the picture's bytes where it lies within another file (`path`)"""
    by_page: dict[int, list[SourceObject]] | None = None
    """objects of single pages or slices, by their number from 0, for files of which each page is labelled by itself"""
    axis: str = ""
    """along which axis a volume is cut into pictures"""
    page_count: int = 1
    """pages that will become pictures, as far as the labels' reader knows"""
    page_pixels: Callable[[int], NDArray[np.uint8]] | None = None
    """the same as `pixels` for a page or slice by its number"""
    pixels: Callable[[], NDArray[np.uint8]] | None = None
    """reads the class of every pixel, (height, width), 255 where nothing is judged; for semantic only"""

    @property
    def all_objects(self) -> list[SourceObject]:
        """The objects of all pages."""
        return [*self.objects, *(item for page in (self.by_page or {}).values() for item in page)]


@dataclass
class SourceDataset:
    """All a reader found: pictures, classes in the source's own order, and what it had to leave out."""

    format: str
    task: Task
    classes: list[str]
    images: list[SourceImage]
    problems: Problems
    source_mapping: dict[str, int] = field(default_factory=dict)
    keypoint_shape: tuple[int, int] | None = None
    flip_idx: list[int] | None = None
    assumed: str = ""
    """a sentence on what was assumed about the task, empty when the source states it"""
    used: set[str] = field(default_factory=set)
    """names of the files that were read as labels or settings"""
    drop_unused: bool = False
    """leave classes without any object out of the class list (COCO files carry all 80 names)"""


def split_of(name: str) -> str | None:
    """Return the split a path's folders name (`valid/images/a.jpg` -> val), the innermost that does, or None."""
    for part in reversed(name.lower().split("/")[:-1]):
        if part in SPLIT_NAMES:
            return SPLIT_NAMES[part]
    return None


def split_word(name: str) -> str:
    """Return the word of a path that names a split: instances_val2017.json -> val2017, valid/_annotations.coco.json."""
    path = PurePosixPath(name.lower())
    words = path.stem.replace("-", "_").replace(".", "_").split("_")
    for word in [*reversed(words), *reversed(path.parts[:-1])]:
        if word in SPLIT_NAMES:
            return word
    return ""
