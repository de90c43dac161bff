"""Training pictures as a trainer would show them to the network, without a network: its own dataset, drawn from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

LARGEST_STRIDE = 32
"""Pixels; of every network in the catalogue. A trainer pads and crops to whole strides."""


def training_views(kind: type, arguments: dict[str, Any], pictures: int, draws: int) -> Iterator[tuple[str, list[Any]]]:
    """Give the file of each of some training pictures, and `draws` samples of it as the network would get them.

    `kind` is the trainer's class, `arguments` those of its training; pictures with labels go first, spread over the
    set. A sample has `img` (3, height, width) and what its task knows: `cls`, `bboxes` (fractions), `masks`,
    `keypoints`, `semantic_mask`.
    """
    import torch

    trainer = kind(overrides=arguments)
    network = torch.nn.Identity()
    network.stride = torch.tensor([LARGEST_STRIDE])  # all that a dataset asks of a network
    trainer.model = network
    dataset = trainer.build_dataset(trainer.data["train"], mode="train", batch=trainer.args.batch)
    for index in _spread(_labelled(dataset), pictures):
        yield _file(dataset, index), [dataset[index] for _ in range(draws)]


def _labelled(dataset: Any) -> list[int]:
    """Return the places of the pictures with labels, of all where no other has any."""
    found: list[int] = []
    with suppress(AttributeError, KeyError, TypeError):  # classify: each has its class; semantic: masks are files
        found = [index for index, label in enumerate(dataset.labels) if len(label["cls"])]
    return found or list(range(len(dataset)))


def _spread(places: list[int], number: int) -> list[int]:
    number = min(number, len(places))
    return [places[(2 * turn + 1) * len(places) // (2 * number)] for turn in range(number)]


def _file(dataset: Any, index: int) -> str:
    return str(dataset.samples[index][0] if hasattr(dataset, "samples") else dataset.im_files[index])
