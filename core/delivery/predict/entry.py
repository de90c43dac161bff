"""What a model says about one page of a picture, in the form in which it crosses between processes: plain JSON."""

from __future__ import annotations

from typing import NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

FoundObject = TypedDict(
    "FoundObject",
    {
        "class": str,
        "class_id": int,
        "confidence": float,
        "box": list[float],
        "corners": NotRequired[list[list[float]]],
        "polygon": NotRequired[list[list[float]]],
        "keypoints": NotRequired[list[list[float]]],
    },
)
"""One object: confidence 0 to 1; box x1, y1, x2, y2, its four turned corners, its outline, and its key points (x, y,
confidence), all in pixels of the picture."""


class FoundIn(TypedDict):
    """What is found in one picture."""

    objects: list[FoundObject]
    probabilities: NotRequired[dict[str, float]]
    """of a classified picture, by class, 0 to 1"""
    named: NotRequired[str]
    """the class a classified picture gets at the line of its model; where that has none, the likeliest is meant"""
    shares: NotRequired[dict[str, float]]
    """of the picture that each class takes, 0 to 1, where every pixel has its class"""
    mask: NotRequired[str]
    """class ids per pixel, base64 of a PNG"""
    max_det: NotRequired[int]
    """how many findings are kept of a picture, where that many were found: there may be more"""
    distance: NotRequired[float]
    """from the pictures the model learned from, 1 is the limit; where there are some to compare with"""
    unlike: NotRequired[bool]
    """whether the distance is over the limit"""


class Entry(FoundIn):
    """One page of a picture file with what is found in it."""

    file: str
    page: int
    """from 1"""
    width: int
    height: int
    error: str | None
    """why it can't be read or was not looked at"""


class PixelEntry(Entry):
    """An entry whose pixels are still at hand."""

    image: NotRequired[NDArray[np.uint8]]
    """RGB, (h, w, 3)"""


class ComparedWith(TypedDict):
    """What new pictures are compared with, to tell those unlike what the model learned from."""

    training: int
    """pictures"""
    validation: int
    """pictures the limit was set on"""
    share: float
    """of pictures of the same kind that are marked all the same, at most (0 to 1)"""


class LoadedModel(TypedDict):
    """What the child says of the model it holds."""

    task: str
    classes: list[str]
    imgsz: int
    compared_with: NotRequired[ComparedWith]
    """where it is known what the model learned from"""
    not_compared: NotRequired[str]
    """why it is not"""


class LayerMaps(TypedDict):
    """What one layer puts out for a picture."""

    depth: str
    layer: int
    module: str
    channels: int
    stride: int
    """in pixels"""
    maps: str
    """base64 of a float16 array"""
    shape: list[int]
    """channels, h, w"""


class PicturesSummary(TypedDict):
    """What came of many pictures: the result of a job."""

    pictures: int
    unreadable: int
    objects: int
    by_class: dict[str, int]
    classes: list[str]
    task: str
    imgsz: int
    window: str
    max_det: int
    """findings kept of a picture, at most"""
    at_limit: int
    """pictures in which that many were found: there may be more"""
    unlike: NotRequired[int]
    """pictures unlike those the model learned from"""
    compared_with: NotRequired[ComparedWith]
    not_compared: NotRequired[str]
    """why they could not be compared with those"""


class VideoSummary(TypedDict):
    """What came of a video: the result of a job."""

    video: str
    """name of the annotated file"""
    frames: int
    looked_at: int
    seconds_long: float
    rate: float
    """pictures per second"""
    most_at_once: dict[str, int]
    frames_with: dict[str, int]
    task: str


class PictureRow(TypedDict):
    """One line of pictures.csv."""

    file: str
    page: int
    width: int
    height: int
    error: str | None
    found: int | str
    """objects; "" of a classified or unreadable picture"""
    classes: str
    confidence: float | str
    """of the surest object, "" where there is none"""
    distance: NotRequired[float]
    unlike: NotRequired[str]
    """yes or no"""


ObjectRow = TypedDict(
    "ObjectRow",
    {
        "file": str,
        "page": int,
        "class": str,
        "class_id": int,
        "confidence": float,
        "x1": float,
        "y1": float,
        "x2": float,
        "y2": float,
    },
)
"""One line of objects.csv."""


class Counts(TypedDict):
    """How many pictures were looked at, and what came of it."""

    pictures: int
    unreadable: int
    objects: int
    at_limit: int
    """pictures in which as many findings are as are kept at most"""
    unlike: NotRequired[int]
    """pictures unlike those the model learned from"""


class Predicted(TypedDict):
    """The answer to `predict`: what was used, and an entry per picture or only the counts."""

    model: str
    weights: str
    task: str
    imgsz: int
    window: str
    confidence: float
    positive: NotRequired[str]
    """of a classifier of two classes with a line: the one it names from `confidence` on"""
    max_det: int
    """findings kept of a picture, at most"""
    compared_with: NotRequired[ComparedWith]
    """where it is known what the model learned from"""
    not_compared: NotRequired[str]
    """why pictures could not be compared with those it learned from"""
    pictures: NotRequired[list[Entry]]
    counts: NotRequired[Counts]
    words: NotRequired[str]
    files: NotRequired[dict[str, str]]
    """{name: path} of what was written"""
