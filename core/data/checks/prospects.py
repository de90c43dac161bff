"""What can be learned from a dataset, and what can be judged by it, before anything is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.data.checks.labels import FEW_OBJECTS
from core.data.dataset import Dataset
from core.tasks import TASKS
from core.words import count, points

FEW_TO_JUDGE = 10
"""Objects (or pictures, where a picture gets the class) in val under which little can be said of a class."""
Z = 1.96


@dataclass(frozen=True)
class Prospects:
    """The classes by what there is of them."""

    learnable: tuple[str, ...]
    """with enough in train"""
    few: tuple[str, ...]
    """with something in train, and less than that"""
    judged: tuple[str, ...]
    """with enough in val to say something of each"""
    checked_on: int
    """objects (pictures, for a classifier) in val"""
    counted: str
    """what is counted: objects or pictures"""

    @property
    def doubt(self) -> float:
        """Half the width of a 95 % interval around a share of one half, 0 to 1: what a figure is worth at best."""
        return Z * math.sqrt(0.25 / self.checked_on) if self.checked_on else 1.0

    @property
    def can_learn(self) -> bool:
        """Whether there is one class with enough to learn from."""
        return bool(self.learnable)

    def sentences(self) -> list[str]:
        """Say what can be learned and what can be judged."""
        classes = len(self.learnable) + len(self.few)
        said = []
        if self.few:
            have = "has" if len(self.learnable) == 1 else "have"
            enough = "None" if not self.learnable else str(len(self.learnable))
            said.append(
                f"{enough} of {count(classes, 'class')} {have} the {FEW_OBJECTS} {self.counted} to learn from that a "
                f"first model needs; {'of the others ' if self.learnable else ''}expect a first impression at most."
            )
        if len(self.judged) < classes:
            said.append(
                f"{count(self.checked_on, self.counted.removesuffix('s'))} to check on: the figure over all will be "
                f"known within {points(min(self.doubt, 0.5))} points at best, and {len(self.judged) or 'none'} of "
                f"{count(classes, 'class')} can be judged by itself."
            )
        return said


def prospects(dataset: Dataset) -> Prospects | None:
    """Return what can be learned and judged; None where each pixel gets a class, of which one picture has thousands."""
    task = TASKS[dataset.task]
    if task.names_pixels:
        return None
    train, val = (dataset.instances_by_split.get(part, {}) for part in ("train", "val"))
    there = [name for name in dataset.classes if train.get(name)]
    return Prospects(
        learnable=tuple(name for name in there if train[name] >= FEW_OBJECTS),
        few=tuple(name for name in there if train[name] < FEW_OBJECTS),
        judged=tuple(name for name in there if val.get(name, 0) >= FEW_TO_JUDGE),
        checked_on=sum(val.values()),
        counted=task.counted,
    )
