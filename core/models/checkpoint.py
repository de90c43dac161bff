"""Child process: load one checkpoint safely and say what it is, or why it is refused."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.jobs import Report
from core.processes.children import answer
from core.ultralytics.checkpoints import CheckpointFacts, network_facts, read_network
from core.ultralytics.offline import enter_isolation

LAYERS = ("ultralytics.", "models.", "torch.nn.", "timm.", "torchvision.", "yolov5.", "yolo")
"""Where the parts of networks live: a part of these that isn't on the allow-list is unknown rather than hostile."""


def describe_checkpoint(path: Path) -> CheckpointFacts:
    """Load a checkpoint weights-only; return what it says of itself.

    Raises InputError when it is refused; the sentence begins with “it”, the file.
    """
    enter_isolation()
    try:
        network = read_network(path)
    except (pickle.UnpicklingError, TypeError) as error:  # both are how the safe unpickler refuses
        raise InputError(_refusal(error)) from error
    except (AttributeError, ImportError, KeyError, RuntimeError, EOFError, ValueError) as error:
        raise InputError(f"it is no YOLO checkpoint this version knows ({type(error).__name__}).") from error
    return network_facts(network)


def _refusal(error: BaseException) -> str:
    """Say why the safe unpickler refused: something foreign (named), an unknown layer (named), or no network at all."""
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in causes:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    told = " ".join(str(item) for item in causes)
    found = re.search(r"GLOBAL ([\w.]+)", told)
    if found and found[1].startswith(LAYERS):
        return (
            f"its architecture is unknown: it has a part called {found[1].rpartition('.')[2]}, which the installed "
            "Ultralytics does not have. Update Graft, or use a model of a known family."
        )
    if found or "weights_only" in told.lower() or "unsupported" in told.lower():
        named = f" ({found[1]})" if found else ""
        return (
            f"it holds something other than weights and known layers{named}, which could run commands when loaded. "
            "Nothing of it was run. Ask its author for a plain Ultralytics checkpoint."
        )
    if "TorchScript" in told:
        return "it is a TorchScript export, which can't be trained further. Give the .pt it was exported from."
    return "it holds no YOLO network: bare numbers, perhaps. Give a whole checkpoint as Ultralytics saves it (best.pt)."


def _work(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    return dict(describe_checkpoint(Path(request["path"])))


if __name__ == "__main__":
    answer(_work)
