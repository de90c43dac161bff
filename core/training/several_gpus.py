"""One run over several GPUs: the whole worker once per GPU, started by PyTorch's launcher.

Ultralytics would start its own helper from a pickle of trainer and callbacks and empty the run's folder before
(`utils/dist.py`, 8.4.190); that pickle is refused under safe loading, and the resume point would be gone. A trainer
that finds itself started by the launcher (RANK, LOCAL_RANK) trains as one of several by itself. Only rank 0 reports.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from core.spec import TrainingSpec
from core.training.failures import explain_failure
from core.training.records.events import FINAL_KINDS, EventWriter, read_events

LOG_TAIL = 20_000


class SilentEvents:
    """Takes the events of the ranks that don't report."""

    def write(self, kind: str, **fields: Any) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Nothing is open."""


def rank() -> int:
    """Return which of several workers of one run this process is; -1 when it is the only one."""
    return int(os.environ.get("RANK", "-1"))


def gpu_count(device: str) -> int:
    """Return how many GPUs a device setting asks for: none for cpu, two for 0,1."""
    return len(device.split(",")) if device and all(part.isdigit() for part in device.split(",")) else 0


def refusal(spec: TrainingSpec, device: str) -> str:
    """Return why a run can't go over the GPUs of `device`, empty when it can."""
    count = gpu_count(device)
    if count > 1 and not spec.strategy.several_gpus:
        return f"The strategy {spec.strategy} trains on one GPU; take --device {device.split(',')[0]}, or fine-tune."
    if count > 1 and spec.batch % count:
        return f"A batch of {spec.batch} can't be shared by {count} GPUs; take a multiple of {count}."
    return ""


def missing_device(device: str, devices: list[str] | None) -> str:
    """Return that a device is not among those there are, empty when it is; None: they can't be known from here."""
    missing = [] if devices is None else [part for part in device.split(",") if part not in devices]
    if not missing:
        return ""
    there = " and ".join("the processor (cpu)" if item == "cpu" else f"device {item}" for item in devices or [])
    return f"There is no device {missing[0]} on this machine: it has {there}. Take one of these, or auto."


def free_port() -> int:
    """Return a port of this machine that nobody uses."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


def launch_command(folder: Path, attempt: int, count: int, port: int) -> list[str]:
    """Return the command that starts the worker `count` times."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", str(count)]
    return [*launcher, "--master_port", str(port), "-m", "core.training.worker", str(folder), str(attempt)]


def train_on_several(folder: Path, events_path: Path, spec: TrainingSpec, command: list[str]) -> int:
    """Run the workers and wait; say that it failed when none of them could. Returns the exit code."""
    log = folder / "train.log"
    begin = log.stat().st_size if log.exists() else 0
    _, offset = read_events(events_path)
    # no time limit and no child of core.processes.children: it lasts as long as the training and reports in events
    code = subprocess.run(command, check=False).returncode
    said, _ = read_events(events_path, offset)
    if any(event["kind"] in FINAL_KINDS for event in said):
        return 0 if said[-1]["kind"] != "failed" else 1
    text = ""
    if log.exists():  # a rank that could not even start has written nothing
        with log.open("rb") as file:
            file.seek(max(begin, log.stat().st_size - LOG_TAIL))
            text = file.read().decode("utf-8", errors="replace")
    errors = [line for line in text.splitlines() if "Error" in line] or [f"exit code {code}"]
    cause, next_step, suggestion = explain_failure(errors[0], spec)
    events = EventWriter(events_path)
    events.write("failed", cause=cause, next_step=next_step, suggestion=suggestion, detail=text[-4000:])
    events.close()
    return 1
