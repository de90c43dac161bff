"""How many processor cores the network may work with: all that this process has, fewer while others need them.

Ultralytics 8.4.190 (`select_device`) sets one thread fewer than there are cores: on two cores it computes with one. A
training step of yolo26n (320 px, batch 8, bfloat16) takes 285 ms on both cores of two, 441 ms on one; but where another
program keeps one of them busy, the two threads wait for each other and it takes 1,480 ms. Hence the checks.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from core.workspace import SETTINGS_FILE, read_json, workspace_folder

VARIABLE = "GRAFT_CORES"
"""Environment variable: work with so many cores, whatever else the machine does."""
MOST = 8
"""Threads at the most, as Ultralytics' NUM_THREADS: batches of 4 to 32 pictures give no work to more."""
NEGLIGIBLE = 0.4
"""Cores that others may keep busy before one is left to them (measured on two: below it both are the faster way)."""
QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Where Linux says how much of the processor a container may use: microseconds in a period of microseconds, or max."""


def available_cores(quota: Path = QUOTA) -> int:
    """Return the cores this process may compute on: physical ones, within its affinity and its container's quota."""
    cores = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = min(cores, len(os.sched_getaffinity(0)))
    try:
        allowed, period = quota.read_text(encoding="ascii").split()
        cores = min(cores, int(allowed) // int(period))
    except (OSError, ValueError):  # no such file, or no quota (“max”)
        pass
    return max(1, min(cores, MOST))


def chosen_cores() -> int | None:
    """Return the number in GRAFT_CORES, else that of the workspace's settings; None where neither says one."""
    given = os.environ.get(VARIABLE, "").strip()
    if given.isdigit():
        return max(1, int(given))
    stored = read_json(workspace_folder() / SETTINGS_FILE).get("cores")
    return stored if isinstance(stored, int) and stored >= 1 else None


def usable_cores() -> int:
    """Return how many cores there are to work with at the most: as many as GRAFT_CORES says, else all available."""
    return chosen_cores() or available_cores()


def cores_for(available: int, logical: int, busy_with_others: float) -> int:
    """Return how many of the `available` cores to work with, at least 1, while others keep some of `logical` busy."""
    return max(1, min(available, math.floor(logical - busy_with_others + NEGLIGIBLE)))


def use_free_cores() -> int:
    """Let torch work with the cores others leave free for half a second (or as GRAFT_CORES says); return how many."""
    import torch

    cores = free_cores()
    torch.set_num_threads(cores)
    return cores


@dataclass(frozen=True)
class Work:
    """Seconds of computing so far, of this process and of the whole machine, and when that was."""

    at: float
    own: float
    all: float

    @classmethod
    def now(cls) -> Work:
        """Read the clocks."""
        times = psutil.cpu_times()
        own = psutil.Process().cpu_times()
        resting = times.idle + getattr(times, "iowait", 0.0)
        now = time.monotonic()
        return cls(now, own.user + own.system, now * (psutil.cpu_count() or 1) - resting)

    def busy_with_others(self, before: Work) -> float:
        """Return how many cores others kept busy on average since `before`."""
        return max(0.0, ((self.all - before.all) - (self.own - before.own)) / max(1e-3, self.at - before.at))


LOOK_SECONDS = 0.5


def free_cores() -> int:
    """Return how many cores other programs leave free, by what they do for LOOK_SECONDS.

    What this process has started, such as a training at work, is none of them.
    """
    chosen = chosen_cores()
    if chosen is not None:
        return chosen
    before = _family_work()
    time.sleep(LOOK_SECONDS)
    after = _family_work()
    return cores_for(available_cores(), psutil.cpu_count() or 1, after.busy_with_others(before))


def _family_work() -> Work:
    """Return the work so far, with that of all this process has started as its own."""
    now, own = Work.now(), 0.0
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # it has ended
            times = child.cpu_times()
            own += times.user + times.system
    return replace(now, own=now.own + own)


class SharedCores:
    """Sets how many cores torch works with while a long work goes on, by what else the machine has to do.

    The number of threads decides in which order sums are taken, so two runs of one seed are alike to the last bit only
    where it stayed the same (GRAFT_CORES holds it).
    """

    CHECK_SECONDS = 2.0
    """Between two checks: long enough for an average, short enough to lose little."""
    RISE_SECONDS = 10.0
    """Others must have been quiet for so long before their core is taken back."""

    def __init__(self, read: Callable[[], Work] = Work.now, since: Work | None = None) -> None:
        """Begin with all cores there are, or with as many as GRAFT_CORES says; `read` gives the work done so far.

        The first check looks back to `since`, or to now.
        """
        self.fixed = chosen_cores() is not None
        self.available = usable_cores()
        self.logical = psutil.cpu_count() or 1
        self.used = self.available
        self._read = read
        self._before, self._quiet_since = since or read(), 0.0
        self.use()

    def adapt(self) -> None:
        """Leave cores to others as soon as they need them, take them back when they have been quiet; cheap to call."""
        if self.fixed or self.available == 1:
            return
        now = self._read()
        if now.at - self._before.at < self.CHECK_SECONDS:
            return
        wanted = cores_for(self.available, self.logical, now.busy_with_others(self._before))
        self._before = now
        if wanted <= self.used:
            self._quiet_since = now.at
        if wanted < self.used or (wanted > self.used and now.at - self._quiet_since >= self.RISE_SECONDS):
            self.used = wanted
            self.use()

    def use(self) -> None:
        """Let torch work with as many as were found free last."""
        import torch

        torch.set_num_threads(self.used)
