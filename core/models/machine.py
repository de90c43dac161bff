"""What this machine has to train on, in figures and in words, without importing torch."""

from __future__ import annotations

import platform
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

from core.words import megabytes, memory


@dataclass(frozen=True)
class Gpu:
    """An NVIDIA GPU as nvidia-smi reports it."""

    index: int
    name: str
    memory_bytes: int


@dataclass(frozen=True)
class Machine:
    """The machine Graft runs on."""

    gpus: tuple[Gpu, ...]
    apple_gpu: bool
    cores: int
    memory_bytes: int
    memory_free_bytes: int
    disk_free_bytes: int

    @property
    def devices(self) -> list[str]:
        """Device names a run can be given, the best first: GPU numbers, mps, cpu."""
        return [str(gpu.index) for gpu in self.gpus] + (["mps"] if self.apple_gpu else []) + ["cpu"]

    @property
    def words(self) -> str:
        """One sentence a user understands."""
        if self.gpus:
            device = " and ".join(f"{gpu.name} with {memory(gpu.memory_bytes)}" for gpu in self.gpus)
            start = f"Trains on the graphics card (GPU): {device}."
        elif self.apple_gpu:
            start = "Trains on the Apple graphics unit (GPU)."
        else:
            start = (
                f"No graphics card (GPU) found: trains on the processor (CPU, {self.cores} cores), which takes longer."
            )
        return (
            f"{start} {memory(self.memory_free_bytes)} of {memory(self.memory_bytes)} memory free, "
            f"{megabytes(self.disk_free_bytes)} disk space free."
        )


def describe_machine(folder: Path) -> Machine:
    """Look at the machine; `folder` says on which disk the free space counts."""
    memory = psutil.virtual_memory()
    return Machine(
        gpus=nvidia_gpus(),
        apple_gpu=platform.system() == "Darwin" and platform.machine() == "arm64",
        cores=psutil.cpu_count(logical=False) or psutil.cpu_count() or 1,
        memory_bytes=memory.total,
        memory_free_bytes=memory.available,
        disk_free_bytes=shutil.disk_usage(folder).free,
    )


@cache
def nvidia_gpus() -> tuple[Gpu, ...]:
    """Return the NVIDIA GPUs nvidia-smi lists, none where it is missing or fails; asked once a process."""
    query = ["nvidia-smi", "--query-gpu=index,name,memory.total", "--format=csv,noheader,nounits"]
    try:  # a program of the driver's with an output of its own, so no child of core.processes.children
        answer = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()  # no driver, no GPU to train on
    gpus = []
    for line in answer.strip().splitlines():
        index, name, memory = (part.strip() for part in line.split(",", 2))
        if index.isdigit() and memory.isdigit():
            gpus.append(Gpu(int(index), name, int(memory) * 2**20))
    return tuple(gpus)
