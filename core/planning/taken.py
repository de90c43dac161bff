"""How long trainings took on this machine against what was expected: kept in the workspace, for the next plan."""

from __future__ import annotations

from contextlib import suppress

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from core.files.file_lock import FileLock
from core.planning.speed import machine_name
from core.workspace import Workspace, read_json, write_json_atomic

FILE = "times.json"
MOST = 40
"""Trainings that are remembered, of each task and device."""


class TakenTime(BaseModel):
    """One training that ran from its start to its end in one go."""

    model_config = ConfigDict(frozen=True)

    machine: str = Field(description="processor, cores, torch version")
    device: str = Field(description="cpu, cuda or mps")
    task: str
    expected: float = Field(gt=0, description="seconds, by the work of its steps and the cores it had")
    seconds: float = Field(gt=0, description="seconds it took")

    @property
    def ratio(self) -> float:
        """Time taken by time expected."""
        return self.seconds / self.expected


_TIMES = TypeAdapter(list[TakenTime])


def _all_times(workspace: Workspace) -> list[TakenTime]:
    try:
        return _TIMES.validate_python(read_json(workspace.root / FILE).get("trainings", []))
    except ValidationError:
        return []


def known_ratios(workspace: Workspace, device: str) -> dict[str, tuple[float, ...]]:
    """Return, by task, time taken by time expected of the trainings this machine did on a device (cpu, cuda, mps)."""
    found: dict[str, tuple[float, ...]] = {}
    for time in _all_times(workspace):
        if (time.machine, time.device) == (machine_name(), device):
            found[time.task] = (*found.get(time.task, ()), time.ratio)
    return found


def keep_time(workspace: Workspace, *, device: str, task: str, expected: float, seconds: float) -> None:
    """Remember how long a training took; the newest MOST of a kind are kept."""
    new = TakenTime(machine=machine_name(), device=device, task=task, expected=expected, seconds=seconds)
    with suppress(OSError), FileLock(workspace.root / f".{FILE}.lock"):  # a full disk: the next training tells
        times = [*_all_times(workspace), new]
        alike = [time for time in times if (time.machine, time.device, time.task) == (new.machine, device, task)]
        for old in alike[:-MOST]:
            times.remove(old)
        write_json_atomic(workspace.root / FILE, {"trainings": [time.model_dump() for time in times]})
