"""`predict`: a trained model on new pictures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from core.verbs.shared import Add
from core.workspace import Workspace


def register(add: Add) -> None:
    """Add the verbs of the delivery room."""
    verb = add("predict", _predict, "Find things in new pictures with a trained model.")
    verb.add_argument("model", metavar="RUN_OR_WEIGHTS", help="id of a run, or a .pt file")
    verb.add_argument("source", nargs="+", type=Path, help="pictures or folders")
    verb.add_argument("--conf", type=float, help="confidence a finding must reach, 0 to 1")


def _predict(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.delivery.predict import predict_pictures

    return predict_pictures(workspace, parsed.model, parsed.source, confidence=parsed.conf)
