"""Child process: load one checkpoint safely and say in one line what it is, or why it is refused.

    python -m core.models.checkpoint FILE.pt

Prints a JSON object (task, classes, parameters, architecture) and exits 0, or a sentence and exits 2.
"""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path
from typing import Any

from core.models.isolation import enter_isolation


def describe_checkpoint(path: Path) -> dict[str, Any]:
    """Load a checkpoint weights-only and describe it. Raises ValueError with a plain reason when it is refused."""
    enter_isolation()
    from ultralytics.nn.tasks import load_checkpoint

    try:
        model, _ = load_checkpoint(str(path))
    except (pickle.UnpicklingError, TypeError) as error:  # both are how the safe unpickler refuses
        raise ValueError(
            "it holds something other than weights and known layers, which could run commands when loaded. "
            "Nothing of it was run. Export it again as a plain Ultralytics checkpoint."
        ) from error
    except (AttributeError, ImportError, KeyError, RuntimeError, EOFError, ValueError) as error:
        raise ValueError(f"it is no YOLO checkpoint this version knows ({type(error).__name__}).") from error
    names = model.names if isinstance(model.names, dict) else dict(enumerate(model.names))
    return {
        "task": model.task,
        "classes": [str(names[key]) for key in sorted(names)],
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "architecture": Path(str(model.yaml.get("yaml_file", ""))).stem,
        "imgsz": getattr(model, "args", {}).get("imgsz") if isinstance(getattr(model, "args", None), dict) else None,
    }


if __name__ == "__main__":
    try:
        print(json.dumps(describe_checkpoint(Path(sys.argv[1]))))
    except ValueError as error:
        print(error)
        sys.exit(2)
