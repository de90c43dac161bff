"""What the catalogue's networks are made of: tensors and parameters of backbone, neck and head.

The figures lie beside this module in networks.json, so that a page can draw a network without importing torch. They are
made by building every network once from Ultralytics' own yaml files:

    python -m core.models.networks
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

from core.tasks import TASKS
from core.ultralytics.networks import backbone_layers, build_network, layers_of

FILE = Path(__file__).with_name("networks.json")
PARTS = ("backbone", "neck", "head")
OTHER_CLASSES = 3
"""A number of classes other than the pre-trained one, to see which tensors depend on it."""


class Part(NamedTuple):
    """One part of a network."""

    layers: int
    tensors: int
    parameters: int
    new_tensors: int
    """those whose shape depends on the number of classes: they start new for classes of your own"""
    new_parameters: int


@cache
def _all() -> dict[str, dict[str, list[int]]]:
    table: dict[str, dict[str, list[int]]] = json.loads(FILE.read_text(encoding="utf-8"))
    return table


def network_parts(name: str) -> dict[str, Part] | None:
    """Return backbone, neck and head of a catalogue model (yolo11n-seg); None for one that is not in the catalogue."""
    found = _all().get(name.removesuffix(".pt"))
    return {part: Part(*figures) for part, figures in found.items()} if found else None


def measure_network(name: str) -> dict[str, Part]:
    """Build a network and count; imports torch, so not for the web process."""
    own, other = build_network(name), build_network(name, OTHER_CLASSES)
    backbone, last = backbone_layers(own), len(layers_of(own)) - 1
    figures = {part: [0, 0, 0, 0, 0] for part in PARTS}
    for index, (layer, twin) in enumerate(zip(layers_of(own), layers_of(other), strict=True)):
        part = "backbone" if index < backbone else "head" if index == last else "neck"
        counts = figures[part]
        counts[0] += 1
        shapes = {key: value.shape for key, value in twin.state_dict().items()}
        counts[1] += len(shapes)
        for key, value in layer.state_dict().items():
            counts[3] += shapes[key] != value.shape
        for key, value in layer.named_parameters():
            counts[2] += value.numel()
            counts[4] += value.numel() if shapes[key] != value.shape else 0
    return {part: Part(*counts) for part, counts in figures.items()}


def main() -> None:
    """Write networks.json anew."""
    from core.models.catalog import models_for
    from core.ultralytics.offline import enter_isolation

    enter_isolation()
    table = {}
    for task in TASKS:
        for model in models_for(task):
            table[model.name] = {part: list(figures) for part, figures in measure_network(model.name).items()}
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(parts)}" for name, parts in table.items())
    FILE.write_text("{\n" + lines + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
