"""What an imported dataset is on disk, and how it is listed, loaded, renamed and deleted.

A dataset is the folder `datasets/<id>/` of a workspace:

    dataset.json     this module's `Dataset`: name, task, classes, source, checksum, findings, fixes
    images.parquet   one row per picture: `IMAGE_COLUMNS`
    data.yaml        written by Graft itself, never taken from the user
    images/<split>/  pictures (8 bit, decodable by Ultralytics); classify: images/<split>/<class>/
    labels/<split>/  YOLO text labels with the picture's name; none for classify
    masks/<split>/   semantic instead of labels/: PNG masks, a class id per pixel, 255 where nothing is judged
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from core.data.image_table import read_image_table
from core.data.objects import LabelledImage, LabelledObject, format_labels, objects_in_mask, parse_labels, read_mask
from core.errors import InputError
from core.tasks import TASKS, Task
from core.workspace import ID_PATTERN, Workspace, write_json_atomic, write_text_atomic

if TYPE_CHECKING:
    import pandas as pd

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")

IMAGE_COLUMNS = {
    "file": "path below images/, with forward slashes: train/a.jpg, classify train/cat/a.jpg; unique",
    "split": "train, val or test",
    "source": "the picture's name in the user's upload, with its folders",
    "width": "pixels",
    "height": "pixels",
    "objects": "labelled objects in it (classify: 1)",
    "sha256": "digest of the file as it lies in the dataset",
    "phash": "64-bit perceptual hash as 16 hex digits, empty when not computed",
    "brightness": "mean grey level, 0 to 255",
    "group": "patient, part or other group that must not straddle splits; empty when unknown",
    "bits": "bits per channel of the source picture",
}
"""The columns of images.parquet that every reader can rely on."""


class Severity(StrEnum):
    """How much a finding matters: an error blocks training, a warning and an info don't."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Finding(BaseModel):
    """Something the user should know about a dataset: what, how often, where, why it matters, what helps."""

    code: str = Field(description="stable, kebab-case: zero-size-box, leak-across-splits, ...")
    severity: Severity
    count: int = Field(ge=0, description="how many pictures, rows or objects it concerns")
    message: str = Field(description="one sentence with the count in it, in the user's words")
    examples: list[str] = Field(default_factory=list, description="up to ten files, as the user named them")
    files: list[str] = Field(default_factory=list, description="all of them, up to 500, where they are over ten")
    why: str = Field(default="", description="one sentence: what happens when it is left as it is")
    fix: str = Field(default="", description="label of the one-click fix, empty when there is none")


@dataclass(frozen=True)
class FindingKind:
    """What all findings of one code share; `one` and `many` are the sentence for a count of one and of more.

    They are filled in with `{n}` (the count) and `{more}` (what only this dataset knows).
    """

    severity: Severity
    one: str
    many: str
    why: str = ""
    fix: str = ""


class ReadingChosen(BaseModel):
    """Which of several readings of an upload was taken, by whom and why."""

    key: str = Field(description="what --choose and --column call it: masks, column.label, ...")
    question: str
    taken: str
    options: list[str] = Field(default_factory=list, description="the readings there were")
    meaning: str = Field(default="", description="what that means for this upload, a clause")
    why: str = Field(default="", description="why it was taken, a sentence; empty where the user chose")


class Dataset(BaseModel):
    """An imported dataset; the content of its `dataset.json`."""

    model_config = ConfigDict(extra="ignore")

    id: str
    name: str
    task: Task
    format: str = Field(description="the layout it was read from: yolo, coco, voc, folder-per-class, ...")
    classes: list[str] = Field(description="names in class-id order; for classify, sorted as the folders are")
    images: dict[str, int] = Field(description="pictures per split")
    instances: dict[str, int] = Field(description="labelled objects per class name, over all splits")
    instances_by_split: dict[str, dict[str, int]] = Field(default_factory=dict)
    tile: int | None = Field(default=None, description="pixels of the tiles its pictures were cut into, if they were")
    keypoint_shape: tuple[int, int] | None = Field(default=None, description="(keypoints, 2 or 3), pose only")
    flip_idx: list[int] | None = Field(default=None, description="keypoint order after a mirror image, pose only")
    source: str = Field(default="", description="what was imported: a file or folder name, no machine path")
    source_mapping: dict[str, int] = Field(default_factory=dict, description="source class name or id -> class id")
    choices: list[ReadingChosen] = Field(default_factory=list, description="what was taken where several readings fit")
    checksum: str = Field(default="", description="SHA-256 over the sorted digests of pictures and labels")
    created: datetime = Field(default_factory=lambda: datetime.now(UTC))
    split_note: str = Field(default="", description="a sentence on where the split comes from")
    findings: list[Finding] = Field(default_factory=list)
    fixes: list[str] = Field(default_factory=list, description="what was changed in the imported copy, in order")
    licence: str = Field(default="", description="filled in by the user")
    notes: str = Field(default="", description="filled in by the user")
    window: str = Field(default="", description="how pictures of more than 8 bits were windowed, a sentence")
    window_setting: str = Field(default="auto", description="the same as Window.parse reads it; new pictures follow it")
    test_locked: bool = Field(default=False, description="the test part is opened by a recorded act only")
    test_openings: list[datetime] = Field(default_factory=list)
    labels_version: int = Field(default=0, description="of the labels as drawn here; 0: as they were imported")
    made_for: str = Field(default="", description="the experiment it was put together for; such a set is not listed")

    _root: Path = PrivateAttr(default_factory=Path)

    @property
    def root(self) -> Path:
        """The dataset's folder."""
        return self._root

    @property
    def train_data(self) -> Path:
        """What Ultralytics is given as `data`: our own data.yaml, or the picture folder for classify."""
        return self.root / ("images" if TASKS[self.task].has_class_folders else "data.yaml")

    @property
    def errors(self) -> list[Finding]:
        """The findings that block training."""
        return [finding for finding in self.findings if finding.severity is Severity.ERROR]

    def image_table(self) -> pd.DataFrame:
        """Return images.parquet: one row per picture with the columns of IMAGE_COLUMNS.

        Where it is damaged it is made anew from pictures and labels, see `core.data.image_table`.
        """
        return read_image_table(self.root, frozenset(IMAGE_COLUMNS))

    def image_path(self, file: str) -> Path:
        """Return the path of a picture named as in the image table."""
        return Path(f"{self.root}/images/{file}")

    def label_path(self, file: str) -> Path:
        """Return the path of a picture's YOLO label text, or of its mask (it may be missing: no objects)."""
        folder, suffix = ("masks", ".png") if TASKS[self.task].has_masks else ("labels", ".txt")
        stem = file[: file.rindex(".")] if "." in file[file.rfind("/") + 2 :] else file
        return Path(f"{self.root}/{folder}/{stem}{suffix}")

    def label_text(self, file: str) -> str | None:
        """Return a picture's labels as YOLO rows, None when it has no label file.

        A mask becomes a row with the enclosing box for each class in it.
        """
        path = self.label_path(file)
        try:
            if TASKS[self.task].has_masks:
                return format_labels(objects_in_mask(read_mask(path)), self.task)
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def labelled(self, split: str | None = None) -> Iterator[LabelledImage]:
        """Give the pictures of one split (or all) with their labels, in the order of the table."""
        table = self.image_table()
        if split is not None:
            table = table[table["split"] == split]
        for file, width, height in zip(table["file"], table["width"], table["height"], strict=True):
            yield self.labelled_image(file, int(width), int(height))

    def labelled_image(self, file: str, width: int, height: int) -> LabelledImage:
        """Return one picture with its labels."""
        if TASKS[self.task].has_class_folders:
            return LabelledImage(file, width, height, [LabelledObject(self.classes.index(Path(file).parent.name))])
        path = self.label_path(file)
        with reading_label(path):
            text = self.label_text(file)
            objects = parse_labels(text or "", self.task, self.keypoint_shape)
        mask = path if TASKS[self.task].has_masks and text is not None else None
        return LabelledImage(file, width, height, objects, mask)

    def save(self, *, durable: bool = True) -> None:
        """Write dataset.json atomically; `durable` as in `core.workspace.write_text_atomic`."""
        write_json_atomic(self.root / "dataset.json", self.model_dump(mode="json"), durable=durable)


@contextmanager
def reading_label(path: Path) -> Iterator[None]:
    """Turn what reading a damaged label file raises into an InputError that names it."""
    try:
        yield
    except (OSError, ValueError, IndexError) as error:
        raise InputError(
            f"{path} is damaged ({str(error)[:120]}): bring it back from a copy of the workspace, or delete it, and "
            "the picture counts as one without objects."
        ) from error


def write_data_yaml(dataset: Dataset) -> None:
    """Write the dataset's own data.yaml: absolute path, the splits that hold pictures, the names, nothing else.

    Never hand a user's yaml to Ultralytics: a `download:` entry in it is executed. The absolute path is why this
    is called again before each training: a workspace may have moved.
    """
    content: dict[str, Any] = {"path": str(dataset.root)}
    for split in SPLITS:
        if dataset.images.get(split):
            content[split] = f"images/{split}"
    content.setdefault("val", content.get("train"))
    content["names"] = dict(enumerate(dataset.classes))
    if TASKS[dataset.task].has_masks:
        content["masks_dir"] = "masks"
    if TASKS[dataset.task].has_keypoints and dataset.keypoint_shape:
        content["kpt_shape"] = list(dataset.keypoint_shape)
        if dataset.flip_idx:
            content["flip_idx"] = dataset.flip_idx
    write_text_atomic(
        dataset.root / "data.yaml", yaml.safe_dump(content, sort_keys=False, allow_unicode=True), durable=False
    )


def load_dataset(workspace: Workspace, dataset_id: str) -> Dataset:
    """Load a dataset by its id, or by its name when only one has it. Raises InputError when there is none."""
    if ID_PATTERN.match(dataset_id) and (found := _read(workspace.dataset(dataset_id))):
        return found
    named = [item for item in list_datasets(workspace, with_parts=True) if dataset_id in (item.id, item.name)]
    if len(named) == 1:
        return named[0]
    if named:
        ids = ", ".join(item.id for item in named)
        raise InputError(f"{len(named)} datasets are called “{dataset_id}”: name one by its id ({ids}).")
    damaged = damaged_datasets(workspace)
    if dataset_id in damaged:
        raise InputError(damaged[dataset_id])
    raise InputError(f"There is no dataset “{dataset_id}” in this workspace; `python -m core datasets` lists them.")


def damaged_datasets(workspace: Workspace) -> dict[str, str]:
    """Return the datasets whose dataset.json can't be read: the id, and a sentence with the file and the way out."""
    said = {}
    for folder in sorted(workspace.datasets.glob("*")):
        if (folder / "images").is_dir() and _read(folder) is None:
            said[folder.name] = (
                f"The dataset “{folder.name}” can't be used: {folder / 'dataset.json'} is missing, damaged or of a "
                "newer version. Bring it back from a copy of the workspace, or import the pictures again."
            )
    return said


def list_datasets(workspace: Workspace, *, with_parts: bool = False) -> list[Dataset]:
    """Return all datasets of a workspace, newest first; folders without a readable dataset.json are passed over.

    Those an experiment put together for itself are left out unless `with_parts`.
    """
    found = []
    for folder in workspace.datasets.glob("*"):
        dataset = _read(folder)
        if dataset is not None and (with_parts or not dataset.made_for):
            found.append(dataset)
    return sorted(found, key=lambda item: item.created, reverse=True)


def _read(folder: Path) -> Dataset | None:
    """Return the dataset in a folder, None where there is none that this version can use."""
    try:
        dataset = Dataset.model_validate(json.loads((folder / "dataset.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError):
        return None  # no dataset, half-deleted, or written by a newer version
    dataset._root = folder
    return dataset


def delete_dataset(workspace: Workspace, dataset_id: str) -> None:
    """Remove an imported dataset from the workspace; the user's own files stay as they are."""
    dataset = load_dataset(workspace, dataset_id)
    grave = workspace.staging_root / f"deleted-{dataset.id}"
    dataset.root.rename(grave)
    shutil.rmtree(grave)
