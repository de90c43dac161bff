"""Checkpoints read from files: the network in them, what it says of itself, what of it another network can reuse.

Every file is unpickled weights-only (`ULTRALYTICS_SAFE_LOAD`, see core/processes/isolation.py): enter the isolation
before.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict

from core.errors import InputError
from core.tasks import Task


class CheckpointFacts(TypedDict):
    """What a checkpoint says of the network in it."""

    task: Task
    classes: list[str]
    parameters: int
    architecture: str
    imgsz: int | None
    """the size it was trained at, None when it doesn't say"""


def read_network(path: Path | str) -> Any:
    """Return the network of a checkpoint in 32 bits on the CPU, the averaged one where there is one.

    Raises what torch and Ultralytics raise for a file that can't be loaded safely.
    """
    from ultralytics.nn.tasks import load_checkpoint

    return load_checkpoint(str(path))[0]


def network_facts(network: Any) -> CheckpointFacts:
    """Return what a network from a file says of itself.

    Raises InputError for one that is no YOLO model; the sentence begins with “it”, the file.
    """
    from ultralytics.nn.tasks import BaseModel

    if not isinstance(network, BaseModel):
        raise InputError(f"it holds a network that is no YOLO model ({type(network).__name__}).")
    model: Any = network
    facts: dict[str, Any] = dict(vars(model))
    names = model.names if isinstance(model.names, dict) else dict(enumerate(model.names))
    arguments: dict[str, Any] = facts["args"] if isinstance(facts.get("args"), dict) else {}
    return {
        "task": model.task,
        "classes": [str(names[key]) for key in sorted(names)],
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "architecture": Path(str(facts["yaml"].get("yaml_file", ""))).stem,
        "imgsz": arguments.get("imgsz") if isinstance(arguments.get("imgsz"), int) else None,
    }


def reused_tensors(path: Path | str, network: Any) -> int:
    """Return how many of a network's tensors a training takes over from a checkpoint: those of one name and shape."""
    from ultralytics.utils.torch_utils import intersect_dicts

    return len(intersect_dicts(read_network(path).float().state_dict(), network.state_dict()))


def write_network(network: Any, path: Path, architecture: str, train_args: dict[str, Any], origin: str) -> None:
    """Write a network in 16 bits as an Ultralytics checkpoint that loads weights-only; it is spoilt for learning.

    `architecture`: the name of the yaml file it was built from; `origin`: where it comes from, in words.
    """
    import torch
    import ultralytics

    network.half()
    network.args, network.criterion = dict(vars(network.args)), None
    network.yaml["yaml_file"] = f"{architecture}.yaml"
    checkpoint = {"epoch": -1, "model": network, "train_args": train_args, "version": ultralytics.__version__}
    checkpoint |= {"license": "AGPL-3.0 License (https://ultralytics.com/license)", "origin": origin}
    torch.save(checkpoint, path)
