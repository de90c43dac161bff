"""The pre-trained models one can start from: YOLO26, YOLO11 and YOLOv8 in sizes n to x, for each task.

Parameters and GFLOPs (at 640 px, classify at 224 px) are those of the model files of the pinned Ultralytics version,
read from its `cfg/models/*.yaml` comments; download sizes are estimated from the parameters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from core.errors import InputError
from core.tasks import TASKS, Task
from core.ultralytics.installed import model_description

FAMILIES = {"yolo26": ("YOLO26", "26"), "yolo11": ("YOLO11", "11"), "yolov8": ("YOLOv8", "v8")}
SIZES = {"n": "nano", "s": "small", "m": "medium", "l": "large", "x": "extra large"}


FIGURES: dict[str, tuple[int, float]] = {
    "yolov8n-seg": (3_409_968, 12.1),
    "yolov8s-seg": (11_821_056, 40.3),
    "yolov8m-seg": (27_285_968, 105.0),
    "yolov8l-seg": (45_997_728, 211.1),
    "yolov8x-seg": (71_827_888, 329.2),
    "yolov8n-pose": (3_295_470, 9.3),
    "yolov8s-pose": (11_626_046, 30.4),
    "yolov8m-pose": (26_464_462, 81.4),
    "yolov8l-pose": (44_489_196, 169.1),
    "yolov8x-pose": (69_491_724, 264.0),
    "yolov8n-cls": (2_719_288, 0.4),
    "yolov8s-cls": (6_361_736, 1.5),
    "yolov8m-cls": (17_053_336, 5.1),
    "yolov8l-cls": (37_480_744, 12.1),
    "yolov8x-cls": (57_422_840, 18.9),
    "yolo26n-sem": (1_632_902, 4.5),
    "yolo26s-sem": (6_503_142, 17.5),
    "yolo26m-sem": (14_317_670, 59.6),
    "yolo26l-sem": (17_867_110, 75.4),
    "yolo26x-sem": (40_157_702, 168.7),
}
"""Parameters and GFLOPs where the model files have no comment, or one that is of another network (semantic): what
`YOLO("yolov8n-seg.yaml").info()` prints."""


@dataclass(frozen=True)
class Model:
    """A pre-trained model of the catalogue."""

    name: str
    """as Ultralytics calls it, without ending: yolo11n, yolo26s-seg"""
    family: str
    """YOLO26, YOLO11 or YOLOv8"""
    size: str
    """n, s, m, l or x"""
    task: Task
    parameters: int
    gflops: float
    """billions of multiply-adds times two for one picture of 640 px (classify: 224 px)"""

    architecture: str = ""
    """the Ultralytics model it is built as, where that is not its name"""

    source: str = ""
    """what it was pre-trained on, where that is not what official models of its task were"""

    @property
    def pretrained_on(self) -> str:
        """What it was pre-trained on, in words."""
        return self.source or TASKS[self.task].pretrained_on

    @property
    def yaml(self) -> str:
        """Name of the Ultralytics model file that builds it with random weights."""
        return f"{self.architecture or self.name}.yaml"

    @property
    def file(self) -> str:
        """Name of the official checkpoint file."""
        return f"{self.name}.pt"

    @property
    def download_bytes(self) -> int:
        """Approximate size of the checkpoint: two bytes per parameter and a little more."""
        return int(self.parameters * 2.05 + 200_000)

    @property
    def size_words(self) -> str:
        """The size in words: nano, small, ..."""
        return SIZES[self.size]


SUFFIXES = "|".join(record.suffix for record in TASKS.values() if record.suffix)

STARTER = Model(
    "starter",
    "Starter",
    "n",
    "detect",
    2_572_280,
    6.1,
    "yolo26n",
    "drawn scenes, synthetic pictures of thirty-one kinds of things",
)
"""Graft's own checkpoint, pre-trained on drawn scenes (core/models/starter): for machines without other weights. It is
found by name and is not among `models_for`, because it is no model of its own."""


@cache
def models_for(task: str) -> tuple[Model, ...]:
    """Return the models for a task, newest family first, smallest size first."""
    models, record = [], TASKS[task]
    suffix = record.suffix
    for family, (title, folder) in FAMILIES.items():
        text = model_description(folder, f"{family}{suffix}")
        for size in SIZES:
            name = f"{family}{size}{suffix}"
            found = re.search(rf"^\s+{size}: \[.*?([\d,]+) parameters.*?([\d.]+) GFLOP", text, re.MULTILINE)
            if name in FIGURES:
                parameters, gflops = FIGURES[name]
            elif found:
                parameters, gflops = int(found[1].replace(",", "")), float(found[2])
            else:
                continue
            models.append(Model(name, title, size, record.name, parameters, gflops))
    return tuple(models)


def find_model(name: str) -> Model | None:
    """Return the catalogue's model called `name` (yolo11n or yolo11n.pt), None when there is none."""
    wanted = name.removesuffix(".pt").lower()
    if wanted == STARTER.name:
        return STARTER
    for task in TASKS:
        for model in models_for(task):
            if model.name == wanted:
                return model
    return None


def model_for_task(name: str, task: Task) -> Model:
    """Return the catalogue's model called `name`, in the variant for `task` (yolo11n becomes yolo11n-seg to segment).

    Raises InputError when there is no such model, naming those there are.
    """
    if name == STARTER.name:
        if task != STARTER.task:
            raise InputError(f"The starter is for the task {STARTER.task} only, not {task}; choose another model.")
        return STARTER
    base = re.sub(f"({SUFFIXES})$", "", name.removesuffix(".pt").lower())
    model = find_model(base + TASKS[task].suffix)
    if model is None:
        raise InputError(
            f"There is no pre-trained model “{name}” for the task {task}; there are "
            + ", ".join(item.name for item in models_for(task))
            + ". Or give the path of a .pt file."
        )
    return model
