"""How long a step of a trainer takes and how much memory it holds: tried on a copy of the model before the first epoch.

Reads a trainer that has been set up: its loaders, their dataset and `collate_fn`, `preprocess_batch`, the model.
"""

from __future__ import annotations

import random
import time
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Any

from core.ultralytics.networks import bare
from core.ultralytics.trainers.distillation import student

TIMED_STEPS = 2
"""Steps that are measured, after one to warm up."""
STEP_SECONDS = 0.03
"""Optimizer, average of the weights and reports of one step of a model of `PARAMETERS_TIMED`: what a timed step leaves
out. Measured, like the next, on 2 cores: 0.035 s and 0.9 s an epoch (yolo26n, 320 px, batch 8)."""
EPOCH_SECONDS = 0.85
"""Checkpoints, pictures and reports of one epoch, for as many parameters."""
PARAMETERS_TIMED = 2_500_000


@dataclass(frozen=True)
class Preflight:
    """What the check before training found; the fields of the `preflight` event."""

    images: int
    batches: int
    batch: int
    parameters: int
    memory_bytes: int
    seconds_per_batch: float
    seconds_estimate: float

    def fields(self) -> dict[str, Any]:
        """Return the fields as a dictionary, seconds rounded to milliseconds."""
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(self).items()}


def measure(trainer: Any) -> Preflight:
    """Run real steps (load, forward, loss, backward) on a copy of the model, and put everything back as it was.

    Call it in `on_train_start`. The estimate is for the epochs that are still to do, validation included; it knows no
    start-up and no final check.
    """
    import numpy as np
    import torch

    numbers = random.getstate(), np.random.get_state(), torch.get_rng_state()
    with _untouched(trainer.train_loader.dataset):
        load, step, look = _timed(trainer)
    random.setstate(numbers[0])
    np.random.set_state(numbers[1])
    torch.set_rng_state(numbers[2])
    loaders = max(1, getattr(trainer.train_loader, "num_workers", 0))
    # without loader processes a step waits for its pictures; with them the slower of the two counts
    per_batch = load + step if loaders == 1 else max(step, load / loaders)
    per_look = look + (load if loaders == 1 else 0.0)
    batches, size = len(trainer.train_loader), trainer.batch_size
    epochs = trainer.epochs - trainer.start_epoch
    parameters = sum(parameter.numel() for parameter in student(trainer.model).parameters())
    heavier = max(1.0, parameters / PARAMETERS_TIMED)
    beside = batches * (STEP_SECONDS if trainer.device.type == "cpu" else 0.0) + EPOCH_SECONDS
    per_epoch = batches * per_batch + len(trainer.test_loader.dataset) / size * per_look + beside * heavier
    return Preflight(
        images=len(trainer.train_loader.dataset),
        batches=batches,
        batch=size,
        parameters=parameters,
        memory_bytes=memory_in_use(trainer),
        seconds_per_batch=per_batch,
        seconds_estimate=per_epoch * epochs,
    )


def memory_in_use(trainer: Any) -> int:
    """Return the bytes the training holds: on the GPU what is reserved, else the process's resident memory."""
    if trainer.device.type == "cuda":
        import torch

        return int(torch.cuda.memory_reserved())
    import psutil

    return int(psutil.Process().memory_info().rss)


def _timed(trainer: Any) -> tuple[float, float, float]:
    """Return the seconds a batch takes to load, to learn from, and to look at only (validation)."""
    import torch

    model = deepcopy(bare(trainer.model)).train()
    dataset, collate = trainer.train_loader.dataset, trainer.train_loader.collate_fn
    load = step = 0.0
    for turn in range(1 + TIMED_STEPS):
        if cores := getattr(trainer, "cores", None):
            cores.adapt()  # as before every step that counts: threads that wait for each other take 30 times as long
        began = time.monotonic()
        indices = [(turn * trainer.batch_size + place) % len(dataset) for place in range(trainer.batch_size)]
        batch = collate([dataset[index] for index in indices])
        loaded = time.monotonic()
        with torch.autocast(trainer.device.type, enabled=bool(trainer.amp)):
            ready = trainer.preprocess_batch(batch)
            loss, _ = model(ready)
        loss.sum().backward()
        _synchronise(trainer)
        if turn:
            load += (loaded - began) / TIMED_STEPS
            step += (time.monotonic() - loaded) / TIMED_STEPS
    began = time.monotonic()
    with torch.no_grad():
        model.eval()(ready["img"])
    _synchronise(trainer)
    return load, step, time.monotonic() - began


def _synchronise(trainer: Any) -> None:
    if trainer.device.type == "cuda":
        import torch

        torch.cuda.synchronize()


class _untouched:
    """Put a dataset's picture buffer back afterwards: which pictures collages are made of depends on it."""

    NAMES = ("buffer", "ims", "im_hw0", "im_hw")

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __enter__(self) -> None:
        self.kept = {name: list(getattr(self.dataset, name)) for name in self.NAMES if hasattr(self.dataset, name)}

    def __exit__(self, *_error: object) -> None:
        for name, value in self.kept.items():
            setattr(self.dataset, name, value)
