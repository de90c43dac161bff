"""What a dataset that people label is to learn: the task, the classes as they were named, the key points."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.data.dataset import Dataset
from core.data.writing import class_folder
from core.errors import InputError
from core.labelling.lock import as_it_is_now, labelling_lock
from core.tasks import TASKS, Task
from core.workspace import read_json, write_json_atomic

FOLDER = "labelling"
MOST_CLASSES = 1_000
DRAWN_TASKS: tuple[Task, ...] = ("detect", "segment", "classify", "obb", "pose")
"""The tasks whose labels can be drawn here, the commonest first; pixel by pixel nobody labels in this editor."""


class LabellingSettings(BaseModel):
    """The content of labelling/settings.json."""

    model_config = ConfigDict(extra="ignore")

    task: Task
    classes: list[str] = Field(default_factory=list, description="named and not used in a version yet, in their order")
    keypoints: list[str] = Field(default_factory=list, description="names of the key points, pose only")
    skeleton: list[tuple[int, int]] = Field(default_factory=list, description="which key points a line joins")
    began_without_labels: bool = Field(default=False, description="pictures without a label are kept from training")


def settings_path(dataset: Dataset) -> Path:
    """Return where a dataset's settings lie, whether labelling has begun or not."""
    return dataset.root / FOLDER / "settings.json"


def read_settings(dataset: Dataset) -> LabellingSettings | None:
    """Return the settings with the dataset's own classes before the new ones, None before labelling has begun."""
    settings = _stored(dataset)
    if settings is not None:
        own = dataset.classes if sum(dataset.instances.values()) else []
        settings.classes = [*own, *(name for name in settings.classes if name not in own)]
    return settings


def _stored(dataset: Dataset) -> LabellingSettings | None:
    try:
        return LabellingSettings.model_validate(read_json(settings_path(dataset)))
    except ValidationError:
        return None


def forget_used(dataset: Dataset) -> None:
    """Take the classes that are the dataset's own out of the settings: their names may be changed there."""
    settings = _stored(dataset)
    if settings is not None:
        settings.classes = [name for name in settings.classes if name not in dataset.classes]
        write_json_atomic(settings_path(dataset), settings.model_dump(mode="json"))


def begin(dataset: Dataset, task: Task | None = None, keypoints: list[str] | None = None) -> LabellingSettings:
    """Begin to label a dataset, or go on: a set without a label learns `task`, a labelled one what it is labelled for.

    `keypoints` names the key points of pose in their order. Raises InputError for a task that can't be drawn, another
    task than the labels are for, or a pose without points.
    """
    before = _stored(dataset)
    labelled = sum(dataset.instances.values()) > 0
    wanted = task or (before.task if before else dataset.task)
    if labelled and wanted != dataset.task:
        raise InputError(
            f"{dataset.name} is labelled to {TASKS[dataset.task].to_do}; import its pictures again, without their "
            f"labels, to {TASKS[wanted].to_do}."
        )
    if wanted not in DRAWN_TASKS:
        raise InputError(f"Labels to {TASKS[wanted].to_do} can't be drawn here.")
    names = [" ".join(name.split()) for name in keypoints or []]
    names = list(dict.fromkeys(name for name in names if name))
    if TASKS[wanted].has_keypoints and not names:
        count = (dataset.keypoint_shape or (0, 0))[0]
        names = before.keypoints if before and before.keypoints else [f"point {number + 1}" for number in range(count)]
        if not names:
            raise InputError("Name the key points, one per line: they are set in this order.")
    settings = before if before is not None and before.task == wanted else LabellingSettings(task=wanted)
    settings.keypoints = names if TASKS[wanted].has_keypoints else []
    if before is None:
        settings.classes = [] if labelled else list(dataset.classes)
        settings.began_without_labels = not labelled
    elif before.task != wanted:
        settings.classes, settings.began_without_labels = before.classes, before.began_without_labels
    write_json_atomic(settings_path(dataset), settings.model_dump(mode="json"))
    begun = read_settings(dataset)
    assert begun is not None
    return begun


def add_class(dataset: Dataset, name: str) -> LabellingSettings:
    """Add a class and return the settings then; a name that is there already changes nothing. Raises InputError."""
    name = " ".join(name.split())[:80]
    if not name:
        raise InputError("A class needs a name.")
    class_folder(name)
    with labelling_lock(dataset):
        return _with_class(as_it_is_now(dataset), name)


def _with_class(dataset: Dataset, name: str) -> LabellingSettings:
    settings = read_settings(dataset)
    if settings is None:
        raise InputError(f"{dataset.name} is not being labelled yet: say first what it is to learn.")
    if name in settings.classes:
        return settings
    if len(settings.classes) >= MOST_CLASSES:
        raise InputError(f"There are {MOST_CLASSES} classes already.")
    settings.classes.append(name)
    write_json_atomic(settings_path(dataset), settings.model_dump(mode="json"))
    return settings
