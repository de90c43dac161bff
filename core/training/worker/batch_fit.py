"""Which batch size the memory holds: measured on the model itself before the first epoch.

What a training step needs beside the model are the values that the forward pass keeps for the backward pass, and they
grow with the number and the area of the pictures. Two pictures tell them to the byte, on a CPU and on a GPU alike.
"""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass
from itertools import chain
from typing import Any

from core.errors import GraftError
from core.ultralytics.networks import input_channels
from core.ultralytics.trainers.distillation import distillation_pass
from core.words import megabytes

SHARE = 0.7
"""Share of the free memory that may be kept; the rest is for the loss, gradients in passing, loaders, everybody else.
What is kept is an upper bound on the CPU: 264 MB per picture for yolo26n at 640 px, where a whole step (forward and
backward, 8 pictures) was measured to take 212 MB per picture of resident memory."""
MEASURED_SIZE = 320
"""Pixels of the measured picture's sides at the most, so that it takes no time."""


ALONE_FROM = 64
"""Pixels from which a picture can be learned from alone: two by two dots on the coarsest map (stride 32)."""


@dataclass(frozen=True)
class BatchFit:
    """What was measured, and the batch size that follows."""

    wanted: int
    batch: int
    picture_bytes: int
    free_bytes: int

    @property
    def message(self) -> str:
        """The choice with its reason, one sentence."""
        need = f"{self.wanted} pictures at a time need about {megabytes(self.wanted * self.picture_bytes)}"
        if self.batch == self.wanted:
            return f"{need}; {megabytes(self.free_bytes)} of memory are free."
        free = megabytes(self.free_bytes)
        return f"{need} and {free} of memory are free: it learns from {self.batch} at a time instead."


def fit_batch(model: Any, imgsz: int, wanted: int, device: str, teacher: str = "") -> BatchFit:
    """Measure what a picture of `imgsz` pixels costs `model` in a training step on `device` (`cpu`, `mps` or a GPU's
    number), beside the checkpoint `teacher` where there is one; return the largest of wanted, wanted/2, wanted/4 ...
    (at least 1) that fits.
    """
    measured = min(imgsz, MEASURED_SIZE)
    each = _kept_bytes(model, measured, device, teacher) * (imgsz / measured) ** 2
    return choose_batch(wanted, math.ceil(each), _free_bytes(device))


def choose_batch(wanted: int, picture_bytes: int, free_bytes: int) -> BatchFit:
    """Halve the batch until it fits into its share of the memory; pure."""
    batch = wanted
    while batch > 1 and batch * picture_bytes > SHARE * free_bytes:
        batch //= 2
    return BatchFit(wanted, batch, picture_bytes, free_bytes)


def no_picture_alone(batch: int, pictures: int, imgsz: int) -> int:
    """Return the batch size nearest below `batch` (or above) that leaves no single picture for the end of an epoch.

    Below ALONE_FROM pixels the coarsest map of one picture is a single dot, which batch normalisation can't take.
    Raises GraftError for a single training picture.
    """
    if imgsz >= ALONE_FROM:
        return batch
    for size in chain(range(batch, 1, -1), range(max(batch, 1) + 1, pictures + 1)):
        if pictures % size != 1:
            return size
    raise GraftError(f"One picture at {imgsz} pixels is too little to learn from: take an image size of {ALONE_FROM}.")


def _kept_bytes(model: Any, imgsz: int, device: str, teacher: str) -> int:
    """Return the bytes that a forward pass keeps per picture for the backward pass, weights not counted."""
    import torch

    where = torch.device(device if device in ("cpu", "mps") else f"cuda:{device.split(',')[0]}")
    copy = deepcopy(model).to(where).float().train()
    for parameter in copy.parameters():
        parameter.requires_grad = True
    weights = {parameter.untyped_storage().data_ptr() for parameter in copy.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    channels = input_channels(copy)
    with (
        torch.random.fork_rng(devices=[]),
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast(where.type, enabled=where.type == "cuda"),
    ):
        pictures = torch.rand(2, channels, imgsz, imgsz, device=where)  # one alone is too few for batch norm
        if teacher:
            distillation_pass(copy, teacher, pictures)
        else:
            copy(pictures)
    return sum(kept.values()) // 2


def _free_bytes(device: str) -> int:
    if device not in ("cpu", "mps"):
        import torch

        return min(int(torch.cuda.mem_get_info(int(number))[0]) for number in device.split(","))
    import psutil

    return int(psutil.virtual_memory().available)
