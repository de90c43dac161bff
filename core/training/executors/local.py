"""Runs on this machine: a worker in a session of its own, which outlives the browser and the server."""

from __future__ import annotations

from pathlib import Path

from core.models.machine import describe_machine
from core.processes.lifetime import end_process_tree, is_alive, process_identity, start_child
from core.training.executors.executor import Job
from core.training.store import Run


class LocalExecutor:
    """Starts workers as detached processes of this machine."""

    one_a_device = True

    def ready(self) -> str:
        """Return nothing: this machine is always there."""
        return ""

    def best_device(self) -> str:
        """Return this machine's best device: the first GPU, or the CPU."""
        return describe_machine(Path.cwd()).devices[0]

    def devices(self) -> list[str]:
        """Return the devices of this machine a run can be given."""
        return describe_machine(Path.cwd()).devices

    def submit(self, run: Run) -> Job:
        """Start the worker of a run's present attempt; its output is appended to train.log. May raise OSError."""
        arguments = (str(run.folder), str(run.attempt))
        pid = start_child("core.training.worker", *arguments, log=run.log_path, warm=True)
        return Job(process_identity(pid), pid)

    def state(self, run: Run) -> str:
        """Return `alive` or `gone`."""
        return "alive" if is_alive(run.pid, run.identity) else "gone"

    def kill(self, run: Run) -> None:
        """End a worker and everything it started; returns when it is gone."""
        if run.pid is not None and run.identity is not None:
            end_process_tree(run.pid, run.identity)
