"""How long a step of a trainer takes and how much memory it holds: seen on the first steps that it takes.

Reads a trainer in its loop: its loaders, the datasets in them, sizes and device.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from core.ultralytics.trainers.distillation import student

TIMED_STEPS = 3
"""Steps that are seen. The first sets up and warms up much (a step of its own that is tried on a copy cost 4 to 12 s
before the first epoch), so time counts from its end on, where there are more."""
LOOK_SHARE = 0.45
"""What a batch takes in validation by what it takes in training, loading included: .45 in epochs of yolo26n on DeepPCB
and of yolo11n and yolo26n on a set of 112 pictures, 2 cores."""
EPOCH_SECONDS = 0.85
"""Checkpoints, pictures and reports of one epoch of a model of `PARAMETERS_TIMED`, 2 cores."""
PARAMETERS_TIMED = 2_500_000


@dataclass(frozen=True)
class Preflight:
    """What the first steps showed; the fields of the `preflight` event."""

    images: int
    val_images: int
    batches: int
    batch: int
    parameters: int
    memory_bytes: int
    seconds_per_batch: float
    seconds_estimate: float

    def fields(self) -> dict[str, Any]:
        """Return the fields as a dictionary, seconds rounded to milliseconds."""
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(self).items()}


class FirstSteps:
    """Times the first steps of an attempt as they are taken."""

    def __init__(self) -> None:
        """Begin; no step was taken yet."""
        self._ends: list[float] = []

    def step_ends(self, trainer: Any, epoch_began: float) -> Preflight | None:
        """Take the end of a step; return what they showed once there are enough, once.

        `epoch_began`: by the monotonic clock; from there a first step counts that stays the only one.
        """
        enough = min(TIMED_STEPS, len(trainer.train_loader))
        if len(self._ends) >= enough:
            return None
        _synchronise(trainer)
        self._ends.append(time.monotonic())
        if len(self._ends) < enough:
            return None
        moments = self._ends if enough > 1 else [epoch_began, *self._ends]
        return _preflight(trainer, (moments[-1] - moments[0]) / (len(moments) - 1))


def _preflight(trainer: Any, per_batch: float) -> Preflight:
    """Return what a step of `per_batch` seconds means for the epochs still to do; no start-up and no final check."""
    batches, size = len(trainer.train_loader), trainer.batch_size
    parameters = sum(parameter.numel() for parameter in student(trainer.model).parameters())
    val_images = len(trainer.test_loader.dataset)
    heavier = max(1.0, parameters / PARAMETERS_TIMED)
    per_epoch = (batches + LOOK_SHARE * val_images / size) * per_batch + EPOCH_SECONDS * heavier
    return Preflight(
        images=len(trainer.train_loader.dataset),
        val_images=val_images,
        batches=batches,
        batch=size,
        parameters=parameters,
        memory_bytes=memory_in_use(trainer),
        seconds_per_batch=per_batch,
        seconds_estimate=per_epoch * (trainer.epochs - trainer.start_epoch),
    )


def memory_in_use(trainer: Any) -> int:
    """Return the bytes the training holds: on the GPU what is reserved, else the process's resident memory."""
    if trainer.device.type == "cuda":
        import torch

        return int(torch.cuda.memory_reserved())
    import psutil

    return int(psutil.Process().memory_info().rss)


def _synchronise(trainer: Any) -> None:
    if trainer.device.type == "cuda":
        import torch

        torch.cuda.synchronize()
