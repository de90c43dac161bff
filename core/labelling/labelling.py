"""The labels of a dataset as they stand at this moment: what its files say, and what was changed since."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from core.data.dataset import Dataset
from core.data.objects import format_labels
from core.errors import InputError
from core.labelling.journal import Change, Journal, open_journal
from core.labelling.label import Label, State, fitted, from_dataset, to_dataset
from core.labelling.lock import as_it_is_now
from core.labelling.settings import LabellingSettings, read_settings
from core.labelling.waiting import TABLE, read_waiting, waiting_path
from core.tasks import TASKS

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that can be labelled."""

    id: str
    """SHA-256 of its file: copies to the last byte are labelled once"""
    file: str
    """as in the table it stands in"""
    source: str
    split: str
    width: int
    height: int
    waits: bool
    """whether it lies apart, in waiting/"""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.width, self.height


class Conflict(InputError):
    """Somebody else changed the picture's label meanwhile; `change` is what they made of it."""

    def __init__(self, change: Change) -> None:
        """Say who it was and when."""
        who = change.by or "another tab"
        super().__init__(
            f"This picture was changed by {who} at {change.at[11:16]} UTC; what is shown now is theirs; yours "
            "was not kept."
        )
        self.change = change


class Labelling:
    """The labels of one dataset, read and changed picture by picture. Opened anew for each request."""

    def __init__(self, dataset: Dataset, settings: LabellingSettings) -> None:
        """Use `open_labelling`."""
        self.dataset, self.settings = dataset, settings
        self.journal: Journal = open_journal(dataset)
        self.pictures = _pictures(dataset.root, _stamp(dataset.root / "images.parquet"), _stamp(dataset.root / TABLE))

    def picture(self, picture: str) -> Picture:
        """Return a picture by its id. Raises InputError when the dataset has none."""
        try:
            return self.pictures[picture]
        except KeyError:
            raise InputError(
                f"{self.dataset.name} has no picture {picture[:16]} any more: open the page anew."
            ) from None

    def path(self, picture: Picture) -> Path:
        """Return where a picture's file lies."""
        if picture.waits:
            return waiting_path(self.dataset, picture.file)
        return self.dataset.image_path(picture.file)

    def label(self, picture: Picture) -> Label:
        """Return what is said of a picture now."""
        change = self.journal.last.get(picture.id)
        if change is not None and (picture.waits or change.number > self.journal.taken_over):
            return change.after
        if picture.waits or not self._has_label(picture):
            return Label()
        if change is not None and self._is_in_dataset(change.after, picture):
            return change.after  # as it was drawn: corners outside the picture, hundredths of a pixel
        image = self.dataset.labelled_image(picture.file, *picture.size)
        return from_dataset(image, self.dataset.classes, self.dataset.task)

    def state(self, picture: Picture) -> State:
        """Return how far a picture is, without reading its label file."""
        change = self.journal.last.get(picture.id)
        if change is not None and (picture.waits or change.number > self.journal.taken_over):
            return change.after.state
        if picture.waits or not self._has_label(picture):
            return State.OPEN
        if TASKS[self.dataset.task].has_class_folders:
            return State.LABELLED
        return State.LABELLED if self.dataset.label_path(picture.file).stat().st_size else State.NOTHING

    def states(self) -> dict[str, State]:
        """Return the state of every picture by its id."""
        return {picture.id: self.state(picture) for picture in self.pictures.values()}

    def set(self, picture_id: str, label: Label, *, since: int, by: str = "") -> Change:
        """Say something of a picture; it is on the disk when this returns, whichever process says it.

        `since` is the number of the picture's last change that was seen, 0 for none. Raises Conflict when there was a
        later one, InputError for a label that is not of the task or has a class that was not named.
        """
        with self.journal.lock:
            return open_labelling(as_it_is_now(self.dataset))._set(picture_id, label, since, by)

    def _set(self, picture_id: str, label: Label, since: int, by: str) -> Change:
        picture = self.picture(picture_id)
        label = fitted(label, self.settings.task, picture.size, len(self.settings.keypoints))
        unknown = label.classes - set(self.settings.classes)
        if unknown:
            raise InputError(f"There is no class “{min(unknown)}”: name it first.")
        latest = self.journal.last.get(picture_id)
        if latest is not None and latest.number > since:
            if latest.after == label:
                return latest
            raise Conflict(latest)
        return self.journal.change(picture_id, self.label(picture), label, by)

    def changed(self) -> list[Picture]:
        """Return the pictures whose label was changed since the last version."""
        since = self.journal.taken_over
        first: dict[str, Label] = {}
        for change in self.journal.changes:
            if change.number > since:
                first.setdefault(change.picture, change.before)
        return [
            self.pictures[picture]
            for picture, before in first.items()
            if picture in self.pictures and self.journal.last[picture].after != before
        ]

    def _is_in_dataset(self, label: Label, picture: Picture) -> bool:
        """Say whether the dataset's label file is what a label was written as; it may have been mended since."""
        if TASKS[self.dataset.task].has_class_folders or label.classes - set(self.dataset.classes):
            return False
        objects = to_dataset(label, picture.size, self.dataset.classes)
        text = format_labels(objects, self.dataset.task, self.dataset.keypoint_shape)
        return self.dataset.label_text(picture.file) == text

    def _has_label(self, picture: Picture) -> bool:
        if TASKS[self.dataset.task].has_class_folders:
            return picture.file.count("/") == 2
        return self.dataset.label_path(picture.file).is_file()


def open_labelling(dataset: Dataset) -> Labelling:
    """Return the labels of a dataset that is being labelled. Raises InputError before `begin`."""
    settings = read_settings(dataset)
    if settings is None:
        raise InputError(f"{dataset.name} is not being labelled yet: say first what it is to learn.")
    return Labelling(dataset, settings)


def labelled_of(dataset: Dataset) -> tuple[int, int] | None:
    """Return how many pictures of a set that is being labelled are learned from, and of how many; None before."""
    settings = read_settings(dataset)
    if settings is None:
        return None
    states = Labelling(dataset, settings).states().values()
    return sum(state.learned_from for state in states), len(states)


def size_of(dataset: Dataset) -> tuple[int, int] | None:
    """Return how many pictures and classes a set that is being labelled has, with what waits; None before."""
    settings = read_settings(dataset)
    return (len(Labelling(dataset, settings).pictures), len(settings.classes)) if settings is not None else None


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


@lru_cache(maxsize=8)
def _pictures(root: Path, _images: int, _waiting: int) -> dict[str, Picture]:
    """Return the pictures by id, in the order of their names; the stamps say when to read the tables anew."""
    dataset = Dataset(id="any", name="any", task="detect", format="", classes=[], images={}, instances={})
    dataset._root = root
    found = [*_rows(dataset.image_table(), waits=False), *_rows(read_waiting(dataset), waits=True)]
    pictures: dict[str, Picture] = {}
    for picture in sorted(found, key=lambda item: (item.source, item.file)):
        pictures.setdefault(picture.id, picture)
    return pictures


def _rows(table: pd.DataFrame, *, waits: bool) -> list[Picture]:
    columns = (table[name] for name in ("sha256", "file", "source", "split", "width", "height"))
    return [
        Picture(str(digest), str(file), str(source), str(split), int(width), int(height), waits)
        for digest, file, source, split, width, height in zip(*columns, strict=True)
    ]
