"""How fast this machine trains: real steps measured once in a child process, kept in the workspace.

Whether `channels_last` and bfloat16 pay on a processor depends on its units (AVX512-BF16, AMX) and can't be known
from its name, so steps are timed. The answer holds for one processor and one torch version.
"""

from __future__ import annotations

import json
import platform
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.processes.children import run_child
from core.processes.cores import usable_cores
from core.workspace import Workspace, write_json_atomic

FILE = "machine.json"
WORTH_IT = 1.08
"""A variant is used when it is at least this much faster: less is noise between two timings."""
TIMING_SECONDS = 120
"""The timing takes 10 to 20 s on two cores; on a machine where it takes this long something else is wrong."""


class StepSpeed(BaseModel):
    """Seconds of one training step (forward, loss, backward) of a nano detector, in each variant."""

    model_config = ConfigDict(frozen=True)

    machine: str = Field(description="what it was measured on: processor, cores, torch version")
    cores: int = Field(default=0, description="cores it was measured on: fewer than there are when others were busy")
    gflop: float = Field(gt=0, description="floating-point work of the forward pass of the step, in GFLOP")
    plain: float = Field(gt=0, description="seconds as Ultralytics does it on a CPU")
    channels_last: float = Field(gt=0, description="seconds with channels_last memory")
    bf16: float = Field(gt=0, description="seconds with channels_last memory and bfloat16 autocast")

    @property
    def undisturbed(self) -> bool:
        """Whether it was measured on all cores of this machine."""
        return self.cores >= usable_cores()

    @property
    def use_channels_last(self) -> bool:
        """Whether channels_last pays here (bf16 is measured on top of it)."""
        return self.plain / min(self.channels_last, self.bf16) >= WORTH_IT

    @property
    def use_bf16(self) -> bool:
        """Whether bfloat16 pays here."""
        return min(self.plain, self.channels_last) / self.bf16 >= WORTH_IT

    @property
    def best(self) -> float:
        """Seconds of the variant that is used."""
        if self.use_bf16:
            return self.bf16
        return self.channels_last if self.use_channels_last else self.plain


@cache
def machine_name() -> str:
    """Return processor, cores and torch version in a line, without importing torch."""
    model = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = information.read_text(encoding="utf-8", errors="replace").splitlines()
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        named = {key.strip(): value.strip() for key, value in fields.items()}
        units = " ".join(unit for unit in ("amx_bf16", "avx512_bf16", "avx2") if unit in named.get("flags", "").split())
        model = f"{named.get('model name', model)} {units}".strip()
    try:
        torch = version("torch")
    except PackageNotFoundError:
        torch = "none"
    return f"{model}, {psutil.cpu_count() or 1} cores, torch {torch}"


def known_speed(workspace: Workspace) -> StepSpeed | None:
    """Return what was measured on this machine; None when nothing was, or on another machine."""
    try:
        speed = StepSpeed.model_validate(json.loads((workspace.root / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError):
        return None
    return speed if speed.machine == machine_name() else None


def keep_speed(workspace: Workspace, speed: StepSpeed) -> None:
    """Keep a measurement in the workspace, on as many cores as could be had; of two alike the shorter times."""
    before = known_speed(workspace)
    if before is not None and before.cores > speed.cores:
        return
    if before is not None and (before.gflop, before.cores) == (speed.gflop, speed.cores):
        names = ("plain", "channels_last", "bf16")
        speed = speed.model_copy(update={name: min(getattr(before, name), getattr(speed, name)) for name in names})
    with suppress(OSError):  # a full or read-only disk: it is measured again the next time
        write_json_atomic(workspace.root / FILE, speed.model_dump())


def measure_speed(workspace: Workspace) -> StepSpeed:
    """Time real steps in a child process (10 to 20 s) and keep the answer. Raises GraftError when that fails."""
    failure = "The speed of this machine could not be measured"
    measured = run_child("core.planning.step_timing", {}, timeout=TIMING_SECONDS, failure=failure)
    speed = StepSpeed.model_validate(measured)
    keep_speed(workspace, speed)
    return speed
