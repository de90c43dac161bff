"""What starts, watches and ends the workers of runs, wherever they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.training.store import Run
from core.workspace import write_text_atomic


@dataclass(frozen=True)
class Job:
    """A worker that was started: how it is found again, by whatever process looks."""

    identity: str | None
    pid: int | None = None


class TryLater(OSError):
    """A worker can't be started at present; the run goes on waiting."""


class Executor(Protocol):
    """Starts, watches and ends workers. They report by themselves, in the events file of their run."""

    one_a_device: bool
    """True when Graft's queue gives out the devices; False when the executor has a queue of its own."""

    def ready(self) -> str:
        """Return why nothing can be started at present, in a sentence; empty when something can."""

    def best_device(self) -> str:
        """Return the device that `auto` means."""

    def devices(self) -> list[str] | None:
        """Return the devices a run can be given, None where they can't be known from here."""

    def submit(self, run: Run) -> Job:
        """Start the worker of a run's present attempt. Raises OSError when it can't be started, TryLater
        when only not at present."""

    def state(self, run: Run) -> str:
        """Return `waiting`, `alive`, `gone`, or `unknown` when it can't be found out at present."""

    def kill(self, run: Run) -> None:
        """End a worker and everything it started; returns when it is gone or was told to go."""


def ask(folder: Path, what: str) -> None:
    """Leave a request (stop, pause) for the worker of a run; it looks between two batches."""
    write_text_atomic(folder / "request", what)
