"""Child process: copy a checkpoint without what it tells about the machine it was trained on.

Ultralytics keeps the paths of data, project and weights in a checkpoint, which may hold a user's name. The copy has
the same weights and the same settings; of paths only the last part is left.
"""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import Any

from core.jobs import Report
from core.processes.children import answer
from core.ultralytics.offline import enter_isolation


def clean(source: Path, target: Path, dataset: str) -> None:
    """Write the copy. Raises what torch raises for a file that can't be loaded safely."""
    enter_isolation()
    import torch
    from ultralytics.nn.tasks import load_checkpoint

    _, checkpoint = load_checkpoint(str(source))
    checkpoint.pop("git", None)
    checkpoint["train_args"] = without_paths(checkpoint.get("train_args") or {}, dataset)
    for name in ("model", "ema"):
        model: Any = checkpoint.get(name)
        if model is None:
            continue
        forget_paths(model, dataset)
        for attribute in ("pt_path", "yaml_file"):
            if isinstance(getattr(model, attribute, None), str):
                setattr(model, attribute, PurePath(getattr(model, attribute)).name)
        if isinstance(getattr(model, "yaml", None), dict):
            model.yaml = without_paths(model.yaml, dataset)
    torch.save(checkpoint, target)
    load_checkpoint(str(target))


def forget_paths(model: Any, dataset: str) -> None:
    """Cut the paths in the arguments a network was trained with; see `without_paths`."""
    if isinstance(getattr(model, "args", None), dict):
        model.args = without_paths(model.args, dataset)


def without_paths(values: dict[str, Any], dataset: str) -> dict[str, Any]:
    """Return settings with every path cut to its last part and the data named by its name."""
    cleaned = {
        key: PurePath(value.replace("\\", "/")).name
        if isinstance(value, str) and ("/" in value or "\\" in value)
        else value
        for key, value in values.items()
    }
    if "data" in cleaned:
        cleaned["data"] = dataset
    return cleaned


def _work(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    clean(Path(request["source"]), Path(request["target"]), request["dataset"])
    return {}


if __name__ == "__main__":
    answer(_work)
