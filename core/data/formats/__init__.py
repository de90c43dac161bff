"""The layouts Graft can read: one module per format, and the list of them."""

from __future__ import annotations

from typing import Protocol

from core.data.formats import (
    coco,
    coco_panoptic,
    folder_per_class,
    masks,
    pictures,
    table,
    voc,
    yolo,
)
from core.data.formats.medical import dicom_labels, nifti
from core.data.formats.sets import cityscapes, dota, hugging_face, kitti, ultralytics_ndjson
from core.data.formats.tools import (
    createml,
    cvat,
    darwin,
    datumaro,
    labelbox,
    labelme,
    labelstudio,
    supervisely,
    via,
)
from core.data.reading.source_dataset import SourceDataset
from core.data.reading.tree import Tree
from core.tasks import Task


class Format(Protocol):
    """What a format module offers; a new format is a module with these four and its line in FORMATS."""

    NAME: str
    """what dataset.json calls it"""
    LAYOUT: str
    """one line that tells people what is read, for messages and pages"""

    def detect(self, tree: Tree) -> float:
        """Return how sure it is that the files of an upload are laid out this way: 0 not at all, 1 certain.

        Looks at names and a sample of the contents; never raises for what it does not understand.
        """

    def read(self, tree: Tree, task: Task | None = None) -> SourceDataset:
        """Return pictures, classes and labels; `task` goes before what the labels look like.

        Whatever is left out or changed is noted in the result's problems. Raises InputError, naming the file and what
        it lacks, when the layout was recognised and can't be used.
        """


FORMATS: tuple[Format, ...] = (
    dicom_labels,
    nifti,
    labelstudio,
    coco,
    coco_panoptic,
    cvat,
    voc,
    labelme,
    createml,
    ultralytics_ndjson,
    cityscapes,
    dota,
    kitti,
    via,
    labelbox,
    datumaro,
    supervisely,
    darwin,
    yolo,
    hugging_face,
    table,
    masks,
    folder_per_class,
    pictures,
)
"""In the order in which ties are broken."""


def layouts() -> list[str]:
    """Return one line per layout, for messages and pages."""
    return [module.LAYOUT for module in FORMATS]


def detect_format(tree: Tree) -> Format | None:
    """Return the format that is surest about an upload, or None when none knows it."""
    best, best_score = None, 0.0
    for module in FORMATS:
        score = module.detect(tree)
        if score > best_score:
            best, best_score = module, score
    return best
