"""Runs on this machine: a worker in a session of its own, which outlives the browser and the server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from core.models.isolation import isolated_environment


def start_worker(run_folder: Path, attempt: int) -> int:
    """Start the worker of a run as a detached process; return its pid. Its output is appended to train.log."""
    with (run_folder / "train.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "core.training.worker", str(run_folder), str(attempt)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            env=isolated_environment(),
            cwd=Path(__file__).resolve().parents[3],
        )
    return process.pid
