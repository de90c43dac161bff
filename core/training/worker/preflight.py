"""What can be known before the first epoch: are the files there, will the checkpoints fit on the disk."""

from __future__ import annotations

from PIL import Image, UnidentifiedImageError

from core.data.dataset import Dataset
from core.errors import GraftError
from core.words import megabytes
from core.workspace import Workspace

CHECKPOINT_BYTES = 60
"""Bytes on disk per parameter: three resume points at the most (model, average, two moments of the optimizer, four
bytes each) and Ultralytics' last.pt and best.pt (two bytes each, optimizer included)."""
PICTURE_BYTES = 50_000_000
"""Room for logs and the pictures drawn while training."""


def check_files(dataset: Dataset) -> None:
    """Open every picture and read every label of all splits. Raises GraftError naming how many can't be used."""
    missing, broken, labels = [], [], []
    table = dataset.image_table()
    for file, width, height in zip(table["file"], table["width"], table["height"], strict=True):
        try:
            with Image.open(dataset.image_path(file)):
                pass  # the header is enough: the pictures were decoded whole when they were imported
        except FileNotFoundError:
            missing.append(file)
            continue
        except (UnidentifiedImageError, OSError):
            broken.append(file)
        try:
            dataset.labelled_image(file, int(width), int(height))
        except (ValueError, IndexError, OSError):
            labels.append(file)
    for files, words in (
        (missing, "pictures of “{name}” are gone from the workspace"),
        (broken, "pictures of “{name}” can't be read any more"),
        (labels, "label files of “{name}” can't be read any more"),
    ):
        if files:
            raise GraftError(
                f"{len(files)} {words.format(name=dataset.name)} (such as {files[0]}); import the dataset again, then "
                "resume."
            )


def check_disk(workspace: Workspace, parameters: int) -> None:
    """Raise GraftError when the checkpoints of a model of this size will not fit on the disk."""
    needed, free = parameters * CHECKPOINT_BYTES + PICTURE_BYTES, workspace.free_bytes()
    if free < needed:
        raise GraftError(
            f"Only {megabytes(free)} are free on the workspace's disk and the checkpoints of this model need "
            f"{megabytes(needed)}. Delete old runs on the Runs page, then resume."
        )
