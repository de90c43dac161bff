"""What Ultralytics' networks are made of: layers in a row, each with the numbers of the layers it takes its input from.

A layer has `f` (from where: -1 for the one before, a number, or several), `i` (its own number); the network has `model`
(the layers), `save` (outputs that later layers ask for) and `yaml` (the description it was built from).
"""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any

import numpy as np

from core.tasks import TASKS


def build_network(name: str, classes: int | None = None) -> Any:
    """Return a network with random weights by the name of its yaml file (yolo26n-seg), with its usual arguments.

    `classes`: how many it tells apart; None for as many as its file says.
    """
    from ultralytics.cfg import get_cfg

    task = next((task for task in TASKS.values() if task.suffix and name.endswith(task.suffix)), TASKS["detect"])
    network: Any = resolve_name(task.network)(f"{name}.yaml", nc=classes, verbose=False)
    network.args = get_cfg()  # the loss asks for them
    return network


def bare(model: Any) -> Any:
    """Return the model itself, without what PyTorch wraps around it for several GPUs."""
    import torch

    return model.module if isinstance(model, torch.nn.parallel.DistributedDataParallel) else model


def layers_of(model: Any) -> Any:
    """Return the top-level layers of a network, from the first to the head."""
    return model.model


def backbone_layers(model: Any) -> int:
    """Return how many top-level layers the backbone of a network has (from its yaml)."""
    return len(model.yaml["backbone"])


def input_channels(model: Any) -> int:
    """Return how many channels the pictures of a network have: 3, or 1 for grey ones."""
    return int(model.yaml.get("channels", 3))


def head_sources(layers: Any) -> list[int]:
    """Return the numbers of the layers that feed the head, which is the last of `layers`."""
    return [index if index >= 0 else len(layers) - 1 + index for index in np.atleast_1d(layers[-1].f).tolist()]


def has_nms_free_head(model: Any) -> bool:
    """Say whether a network has the head of YOLO26 that needs no non-maximum suppression."""
    return getattr(model.model[-1], "one2one_cv2", None) is not None


def layers_in_use(yolo: Any) -> Any:
    """Return the layers that a prediction of a `YOLO` runs through: after its first one they are fused copies."""
    backend = getattr(yolo.predictor, "model", None)
    network = getattr(backend, "model", None) or yolo.model
    return network.model


def run_layers(model: Any, first: int, last: int | None, levels: dict[int, Any], x: Any = None) -> Any:
    """Run layers `first` to `last` (excluded) as Ultralytics' `_predict_once` does; return the last one's output.

    `levels` holds outputs of earlier layers that later ones ask for; those of the layers run here are added to it.
    """
    if first:
        x = levels[first - 1]
    for layer in model.model[first:last]:
        if layer.f != -1:
            x = levels[layer.f] if isinstance(layer.f, int) else [x if j == -1 else levels[j] for j in layer.f]
        x = layer(x)
        if layer.i in model.save or layer.i + 1 == last:
            levels[layer.i] = x
    return x


def needed_levels(model: Any, cut: int) -> list[int]:
    """Return the layers below `cut` whose output the layers from `cut` on ask for."""
    asked = {cut - 1}
    for layer in model.model[cut:]:
        sources = [layer.f] if isinstance(layer.f, int) else layer.f
        asked |= {source for source in sources if source != -1 and source < cut}
    return sorted(asked)
