"""What a plan is made from: facts of a dataset and of the machine, gathered once at the edge.

Everything after this module is pure: the same facts, model and budget give the same plan.
"""

from __future__ import annotations

import re

import numpy as np
from PIL import Image, UnidentifiedImageError
from pydantic import BaseModel, ConfigDict, Field

from core.data.dataset import Dataset
from core.models.machine import describe_machine
from core.planning.speed import StepSpeed, known_speed
from core.planning.taken import known_ratios
from core.processes.cores import usable_cores
from core.settings import load_settings
from core.tasks import TASKS, Task
from core.workspace import Workspace

SAMPLED = 2_000
"""Training pictures whose labels are read; more would not move a percentile by a pixel."""
COLOUR_SAMPLED = 24
"""Training pictures that are opened to see whether the set is grey."""
GREY_DIFFERENCE = 2.0
"""Mean difference between colour channels (0 to 255) below which a picture counts as grey; JPEG noise stays below."""

_SIDES = re.compile(
    r"(^|[^a-z])(left|right|links|rechts|gauche|droite|izquierd[oa]|derech[oa])([^a-z]|$)", re.IGNORECASE
)
_TEXT = re.compile(
    r"(^|[^a-z])(text|letter|digit|character|number|plate|word|ocr|barcode|label)s?([^a-z]|$)", re.IGNORECASE
)


class DatasetFacts(BaseModel):
    """What is known of a dataset before training."""

    model_config = ConfigDict(frozen=True)

    task: Task
    classes: tuple[str, ...]
    train: int = Field(description="training pictures")
    val: int = Field(description="validation pictures")
    side: int = Field(description="median longer side of the pictures, pixels")
    aspect: float = Field(default=1.0, description="median shorter side by longer side, 0 to 1")
    small_share: float | None = Field(
        default=None,
        description="10th percentile of object side (root of box area) by longer picture side; None: no boxes",
    )
    median_share: float | None = Field(default=None, description="the median of the same")
    instances: dict[str, int] = Field(default_factory=dict, description="labelled objects of train per class name")
    fullest: int = Field(default=0, description="labelled objects in the fullest training picture")
    grey: bool = Field(default=False, description="the pictures hold no colour")
    bits: int = Field(default=8, description="most bits per channel of the source pictures")
    flip_known: bool = Field(default=True, description="pose only: the order of key points after mirroring is known")

    @property
    def small_object(self) -> float | None:
        """Side of a small object (10th percentile) in pixels of the picture as it is."""
        return None if self.small_share is None else self.small_share * self.side

    @property
    def sides_matter(self) -> str:
        """The first class name that tells left from right or names writing; empty when there is none."""
        single = [name for name in self.classes if len(name) == 1]
        if len(single) >= 5:  # digits and letters as classes: a mirrored 3 is no 3
            return single[0]
        return next((name for name in self.classes if _SIDES.search(name) or _TEXT.search(name)), "")

    @property
    def imbalance(self) -> float:
        """Objects of the most frequent class by those of the rarest that has any."""
        counts = [count for count in self.instances.values() if count]
        return max(counts) / min(counts) if counts else 1.0


class MachineFacts(BaseModel):
    """What the training runs on."""

    model_config = ConfigDict(frozen=True)

    device: str = Field(default="cpu", description="cpu, cuda or mps")
    cores: int = Field(default=2, description="processor cores that may be used")
    memory_free: int = Field(default=8 * 2**30, description="bytes of main memory that are free")
    gpu_memory: int = Field(default=0, description="bytes of the graphics card")
    speed: StepSpeed | None = Field(default=None, description="steps measured on this machine, None: not yet")
    ratios: dict[str, tuple[float, ...]] = Field(
        default_factory=dict, description="by task, time taken by time expected of trainings done on it"
    )


def dataset_facts(dataset: Dataset) -> DatasetFacts:
    """Look at a dataset's table, labels and a few pictures; well under a second for thousands of pictures."""
    table = dataset.image_table()
    train = table[table["split"] == "train"]
    if train.empty:
        train = table
    long, short = train[["width", "height"]].max(axis=1), train[["width", "height"]].min(axis=1)
    side = int(long.median()) if len(train) else 640
    shares = _object_shares(dataset, train.iloc[:: max(1, len(train) // SAMPLED)])
    instances = dataset.instances_by_split.get("train") or dataset.instances
    return DatasetFacts(
        task=dataset.task,
        classes=tuple(dataset.classes),
        train=dataset.images.get("train", 0),
        val=dataset.images.get("val", 0),
        side=side,
        aspect=float((short / long.clip(lower=1)).median()) if len(train) else 1.0,
        small_share=float(np.percentile(shares, 10)) if shares else None,
        median_share=float(np.median(shares)) if shares else None,
        instances=dict(instances),
        fullest=int(train["objects"].max()) if len(train) and TASKS[dataset.task].finds_objects else 0,
        grey=_is_grey(dataset, list(train["file"])),
        bits=int(table["bits"].max()) if len(table) else 8,
        flip_known=not TASKS[dataset.task].has_keypoints or dataset.flip_idx is not None,
    )


def machine_facts(workspace: Workspace, device: str = "auto") -> MachineFacts:
    """Describe the machine for a device as in a TrainingSpec (auto takes the best)."""
    machine = describe_machine(workspace.root)
    device = load_settings(workspace).device if device == "auto" else device
    chosen = machine.devices[0] if device == "auto" else device
    kind = chosen if chosen in ("cpu", "mps") else "cuda"
    numbers = [int(part) for part in chosen.split(",") if part.isdigit()]
    memory = [card.memory_bytes for card in machine.cards.usable if card.number in numbers]
    return MachineFacts(
        device=kind,
        cores=usable_cores(),
        memory_free=machine.memory_free_bytes,
        gpu_memory=min(memory) if memory else 0,
        speed=known_speed(workspace) if kind == "cpu" else None,
        ratios=known_ratios(workspace, kind),
    )


def _object_shares(dataset: Dataset, rows: object) -> list[float]:
    if not TASKS[dataset.task].finds_objects:
        return []
    shares = []
    for file, width, height in zip(rows["file"], rows["width"], rows["height"], strict=True):  # type: ignore[index]
        try:
            labelled = dataset.labelled_image(file, int(width), int(height))
        except (ValueError, IndexError, OSError):
            continue  # the check before training says which label can't be read
        longer = max(width, height, 1)
        for item in labelled.objects:
            if item.box is not None:
                shares.append(float(np.sqrt(item.box[2] * width * item.box[3] * height) / longer))
    return [share for share in shares if share > 0]


def _is_grey(dataset: Dataset, files: list[str]) -> bool:
    looked = 0
    for file in files[:: max(1, len(files) // COLOUR_SAMPLED)][:COLOUR_SAMPLED]:
        try:
            with Image.open(dataset.image_path(file)) as picture:
                picture.draft("RGB", (64, 64))  # JPEG: decode at a fraction of the size
                small = np.asarray(picture.convert("RGB").resize((32, 32)), dtype=float)
        except (UnidentifiedImageError, OSError):
            continue  # said by the check before training
        looked += 1
        if float(np.abs(small - small.mean(axis=2, keepdims=True)).mean()) > GREY_DIFFERENCE:
            return False
    return looked > 0
