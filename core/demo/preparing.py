"""What the preparation of a demonstration is doing, for whoever opens its workspace meanwhile (`demo.json`)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from core.processes.lifetime import is_alive, process_identity
from core.workspace import Workspace, read_json, write_json_atomic

FILE = "demo.json"
STEPS = 6
TAKES = "a few minutes on two cores that have nothing else to do"


@dataclass(frozen=True)
class Preparing:
    """What is being prepared now: the step (1 to STEPS), in words, and since when the whole is under way."""

    step: int
    words: str
    began: datetime


@contextmanager
def preparation(workspace: Workspace) -> Iterator[Telling]:
    """Let the workspace tell what is being prepared in it, until the block ends however it ends."""
    try:
        yield Telling(workspace)
    finally:
        with suppress(OSError):
            (workspace.root / FILE).unlink(missing_ok=True)


class Telling:
    """Writes what is being done into the workspace."""

    def __init__(self, workspace: Workspace) -> None:
        """Begin with nothing told."""
        self._path = workspace.root / FILE
        self._about = {
            "pid": os.getpid(), "identity": process_identity(os.getpid()), "began": datetime.now(UTC).isoformat()
        }  # fmt: skip

    def say(self, step: int, words: str) -> None:
        """Tell the step that is under way; a workspace that can't be written to says nothing."""
        with suppress(OSError):
            write_json_atomic(self._path, {**self._about, "step": step, "words": words}, durable=False)


def preparing(workspace: Workspace) -> Preparing | None:
    """Return what is being prepared in a workspace, None when nothing is, or whoever did is gone."""
    told = read_json(workspace.root / FILE)
    try:
        if not is_alive(told["pid"], told["identity"]):
            return None
        return Preparing(int(told["step"]), str(told["words"]), datetime.fromisoformat(told["began"]))
    except (KeyError, TypeError, ValueError):
        return None
