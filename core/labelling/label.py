"""What somebody says of one picture: the objects in it, its class, that there is nothing, or that they are unsure."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from core.data.objects import LabelledImage, LabelledObject, enclosing_box
from core.errors import InputError
from core.tasks import TASKS, Task

MOST_OBJECTS = 5_000
"""Objects in one picture that are taken; a page of cells has hundreds."""
THIN = 1.0
"""Pixels: what is thinner than this both ways was a click, not a shape."""


class State(StrEnum):
    """How far a picture is: only labelled ones and those with nothing in them are learned from."""

    OPEN = "open"
    LABELLED = "labelled"
    NOTHING = "nothing"
    UNSURE = "unsure"

    @property
    def learned_from(self) -> bool:
        """Whether a training gets the picture."""
        return self in (State.LABELLED, State.NOTHING)


class Shape(BaseModel):
    """One object, in pixels of the picture from its upper left corner."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(validation_alias=AliasChoices("class", "name"), serialization_alias="class")
    box: tuple[float, float, float, float] | None = Field(default=None, description="left, top, width, height")
    points: list[tuple[float, float]] | None = Field(default=None, description="an outline, or four corners")
    keypoints: list[tuple[float, float, int]] | None = Field(default=None, description="x, y, 0 not there, 1 hidden, 2")

    @property
    def has_place(self) -> bool:
        """Whether it lies somewhere in the picture; a class of the whole picture does not."""
        return bool(self.box or self.points)

    def edges(self) -> tuple[float, float, float, float]:
        """Return the left, top, right and bottom of the upright box around it. Needs a place."""
        if self.box:
            left, top, width, height = self.box
            return left, top, left + width, top + height
        points = self.points or []
        xs, ys = [x for x, _ in points], [y for _, y in points]
        return min(xs), min(ys), max(xs), max(ys)


class Label(BaseModel):
    """All that is said of one picture."""

    model_config = ConfigDict(extra="forbid")

    state: State = State.OPEN
    objects: list[Shape] = Field(default_factory=list, max_length=MOST_OBJECTS)
    name: str = Field(default="", description="the class of the whole picture, for classify")

    @property
    def classes(self) -> set[str]:
        """The names of the classes in it."""
        return {item.name for item in self.objects} | ({self.name} if self.name else set())

    def as_json(self) -> dict[str, object]:
        """Return what a journal and a browser keep of it."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def fitted(label: Label, task: Task, size: tuple[int, int], keypoints: int = 0) -> Label:
    """Return a label as it is kept: inside the picture of `size` (width, height), in hundredths of a pixel.

    What is too thin to be anything is left out. The state follows from what there is: with objects, or a class, a
    picture is labelled unless somebody is unsure. Raises InputError where a shape is not of the task.
    """
    record = TASKS[task]
    if record.names_pictures:
        if label.objects:
            raise InputError("A picture that gets one class has no boxes or outlines.")
        said = State.LABELLED if label.name else State.OPEN
        return Label(state=State.UNSURE if label.state is State.UNSURE else said, name=label.name)
    if label.name:
        raise InputError("Objects get classes here, not the whole picture.")
    kept = [shape for item in label.objects if (shape := _fitted(item, task, size, keypoints)) is not None]
    state = label.state
    if state is not State.UNSURE:
        state = State.LABELLED if kept else State.NOTHING if state is State.NOTHING else State.OPEN
    return Label(state=state, objects=kept)


def _fitted(item: Shape, task: Task, size: tuple[int, int], keypoints: int) -> Shape | None:
    record = TASKS[task]
    if not item.name:
        raise InputError("An object needs a class.")
    numbers = [*(item.box or ()), *(value for point in item.points or () for value in point)]
    numbers += [value for point in item.keypoints or () for value in point]
    if not np.isfinite(numbers).all():
        raise InputError("A place in a picture must be a number.")
    if record.has_polygons:
        if item.points is None or len(item.points) < 3 or (record.is_rotated and len(item.points) != 4):
            raise InputError("A turned box has four corners." if record.is_rotated else "An outline has three points.")
        # The corners of a turned box may lie outside: cut off, they would be no rectangle any more.
        points = item.points if record.is_rotated else [_inside(point, size) for point in item.points]
        spread = np.ptp(np.array(points), axis=0)
        if spread.max() < THIN:
            return None
        return Shape(name=item.name, points=[(round(x, 2), round(y, 2)) for x, y in points])
    if item.box is None:
        raise InputError("An object has a box.")
    left, top, width, height = item.box
    (x1, y1), (x2, y2) = _inside((left, top), size), _inside((left + width, top + height), size)
    box = (round(x1, 2), round(y1, 2), round(x2 - x1, 2), round(y2 - y1, 2))
    if min(box[2:]) < THIN:
        return None
    if not record.has_keypoints:
        return Shape(name=item.name, box=box)
    given = item.keypoints or []
    if len(given) > keypoints:
        raise InputError(f"An object has {keypoints} key points, not {len(given)}.")
    placed = [(*_inside((x, y), size), seen) if seen else (0.0, 0.0, 0) for x, y, seen in given]
    placed += [(0.0, 0.0, 0)] * (keypoints - len(given))
    return Shape(name=item.name, box=box, keypoints=[(round(x, 2), round(y, 2), min(seen, 2)) for x, y, seen in placed])


def _inside(point: tuple[float, float], size: tuple[int, int]) -> tuple[float, float]:
    return min(max(point[0], 0.0), float(size[0])), min(max(point[1], 0.0), float(size[1]))


def from_dataset(image: LabelledImage, classes: list[str], task: Task) -> Label:
    """Return the label of a picture that the dataset has labels for, in pixels."""
    if TASKS[task].names_pictures:
        return Label(state=State.LABELLED, name=classes[image.objects[0].class_id])
    scale = np.array([image.width, image.height], dtype=float)
    shapes = []
    for item in image.objects:
        shape = Shape(name=classes[item.class_id])
        if item.polygon is not None:
            shape.points = [(round(x, 2), round(y, 2)) for x, y in (item.polygon * scale).tolist()]
        else:
            assert item.box is not None
            middle, extent = np.array(item.box[:2]) * scale, np.array(item.box[2:]) * scale
            left, top = (middle - extent / 2).tolist()
            shape.box = (round(left, 2), round(top, 2), round(float(extent[0]), 2), round(float(extent[1]), 2))
        if item.keypoints is not None:
            placed = item.keypoints * (*scale, 1.0)
            shape.keypoints = [(round(x, 2), round(y, 2), int(seen)) for x, y, seen in placed.tolist()]
        shapes.append(shape)
    return Label(state=State.LABELLED if shapes else State.NOTHING, objects=shapes)


def to_dataset(label: Label, size: tuple[int, int], classes: list[str]) -> list[LabelledObject]:
    """Return a label's objects as a dataset keeps them: fractions of the picture's width and height."""
    scale = np.array(size, dtype=float)
    objects = []
    for item in label.objects:
        class_id = classes.index(item.name)
        if item.points is not None:
            polygon = np.clip(np.array(item.points) / scale, 0.0, 1.0)
            objects.append(LabelledObject(class_id, enclosing_box(polygon), polygon=polygon))
            continue
        assert item.box is not None
        left, top, width, height = item.box
        corners = np.array([[left, top], [left + width, top + height]]) / scale
        keypoints = None if item.keypoints is None else np.array(item.keypoints, dtype=float) / (*scale, 1.0)
        objects.append(LabelledObject(class_id, enclosing_box(corners), keypoints=keypoints))
    return objects
