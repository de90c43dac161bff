"""What this machine has to train on, in figures and in words, without importing torch."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil

from core.models.cards import Cards, find_cards
from core.processes.cores import usable_cores
from core.words import count, megabytes, memory


@dataclass(frozen=True)
class Machine:
    """The machine Graft runs on."""

    cards: Cards
    apple_gpu: bool
    cores: int
    memory_bytes: int
    memory_free_bytes: int
    disk_free_bytes: int

    @property
    def devices(self) -> list[str]:
        """Device names a run can be given, the best first: GPU numbers by free memory, mps, cpu."""
        return [str(card.number) for card in self.cards.usable] + (["mps"] if self.apple_gpu else []) + ["cpu"]

    @property
    def words(self) -> str:
        """One sentence a user understands."""
        if self.cards.asking:
            start = "Trying the graphics card (GPU), which takes some seconds once."
        elif self.cards.usable:
            device = " and ".join(f"{card.name} with {memory(card.memory_bytes)}" for card in self.cards.usable)
            start = f"Trains on the graphics card (GPU): {device}."
            start += f" {self.cards.problem}" if self.cards.problem else ""
        elif self.cards.problem:
            start = self.cards.problem
        elif self.apple_gpu:
            start = "Trains on the Apple graphics unit (GPU)."
        else:
            cores = count(self.cores, "core")
            start = f"No graphics card (GPU) found: trains on the processor (CPU, {cores}), which takes longer."
        return (
            f"{start} {memory(self.memory_free_bytes)} of {memory(self.memory_bytes)} memory free, "
            f"{megabytes(self.disk_free_bytes)} disk space free."
        )


def describe_machine(folder: Path, *, wait: bool = True) -> Machine:
    """Look at the machine; `folder` says on which disk the free space counts, `wait` is that of `find_cards`."""
    memory = psutil.virtual_memory()
    return Machine(
        cards=find_cards(wait=wait),
        apple_gpu=platform.system() == "Darwin" and platform.machine() == "arm64",
        cores=min(usable_cores(), psutil.cpu_count(logical=False) or psutil.cpu_count() or 1),
        memory_bytes=memory.total,
        memory_free_bytes=memory.available,
        disk_free_bytes=shutil.disk_usage(folder).free,
    )
