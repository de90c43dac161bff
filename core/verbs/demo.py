"""`demo`: a workspace with something to show in it."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

from core.verbs.verb import Add
from core.words import duration
from core.workspace import Workspace


def register(add: Add) -> None:
    """Add the verb of the demonstration."""
    verb = add("demo", _demo, "Prepare a workspace to show Graft by: drawn sets, runs, a comparison, a Lab answer.")
    verb.add_argument(
        "--workspace", type=Path, metavar="FOLDER",
        help="the folder to prepare (default: one of its own, beside the workspace, with -demo in its name)",
    )  # fmt: skip


def _demo(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.demo.demo import prepare_demo

    shown = Workspace.open(parsed.workspace or workspace.root.with_name(f"{workspace.root.name}-demo"))
    os.environ["GRAFT_WORKSPACE"] = str(shown.root)  # its trainings are children and ask for it
    began, said = time.monotonic(), [""]

    def say(words: str) -> None:
        if words != said[-1]:
            said.append(words)
            print(words, file=sys.stderr)

    say(f"Preparing {shown.root}")
    made = prepare_demo(shown, say)
    seconds = time.monotonic() - began
    return {
        "workspace": str(shown.root),
        "datasets": [item.id for item in made.datasets],
        "runs": [run.id for run in made.runs],
        "experiment": made.experiment.id,
        "answer": made.experiment.status.sentences,
        "seconds": round(seconds, 1),
        "words": f"Prepared in {duration(seconds)}. Open it:\n"
        f"  GRAFT_WORKSPACE={shown.root} python -m streamlit run streamlit_app.py   (or: GRAFT_WORKSPACE=... graft)\n"
        "and add ?present=1 to its address, or turn on “Presenter view” in the sidebar, to show it to others.",
    }
