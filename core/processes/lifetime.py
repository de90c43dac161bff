"""Child processes: how they are started, which is which, how they are ended.

`start_child` is for what outlives its caller (workers of runs, jobs, the Lab's driver) and reports in files; short
questions with an answer go through core.processes.children. A worker is known by its pid and when it started, so that
a reused pid is never mistaken.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil

from core.processes.starting import start


def start_child(module: str, *arguments: str, log: Path, own_session: bool = True, warm: bool = False) -> int:
    """Start `python -m module arguments` under the safety switches; return its pid. May raise OSError.

    What it prints is appended to `log`. In a session of its own it isn't taken along when the server is stopped.
    `warm` as in `core.processes.starting.start`.
    """
    nothing = subprocess.DEVNULL
    with log.open("ab") as file:
        child = start(
            module, *arguments, stdin=nothing, stdout=file, stderr=file, own_session=own_session, warm=warm
        )  # fmt: skip
        return child.pid


def process_identity(pid: int) -> str | None:
    """Return what tells this process from any other with the same pid, None when it is gone or a zombie.

    On Linux the boot id and the start time in clock ticks, which a change of the wall clock doesn't touch; elsewhere
    the start time in seconds.
    """
    _reap(pid)
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists():
            ticks = stat.read_text().rpartition(")")[2].split()[19]
            return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}:{ticks}"
        return f"{process.create_time():.0f}"
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return None


def is_alive(pid: int | None, identity: str | None) -> bool:
    """Say whether the very process that was recorded still runs."""
    return pid is not None and identity is not None and process_identity(pid) == identity


def end_process_tree(pid: int, identity: str, grace: float = 2.0) -> None:
    """End a worker and everything it started: asked first, killed after `grace` seconds. Returns when it is gone."""
    if not is_alive(pid, identity):
        return
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    _signal_group(pid, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while is_alive(pid, identity) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in family:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue  # already gone, as wanted
    psutil.wait_procs(family, timeout=2)
    _reap(pid)


def end_process_group(leader: int) -> None:
    """Kill what a child that began a group of its own, and is gone, has left running. Does nothing on Windows."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nothing is left, or only what is ending
            os.killpg(leader, signal.SIGKILL)


def _signal_group(pid: int, number: int) -> None:
    try:
        if hasattr(os, "killpg") and os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    except ProcessLookupError:
        return


def _reap(pid: int) -> None:
    """Collect the exit of a child of this process, so that it doesn't stay as a zombie."""
    if not hasattr(os, "WNOHANG"):
        return
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return  # not our child, or collected already
