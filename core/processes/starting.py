"""The one door through which Graft starts a Python process of its own, from warm where that is to be had.

Importing torch and Ultralytics takes 3 to 10 seconds, a third of a short training. `prepare` starts one process that
has them imported and waits (core.processes.warm); from then on `start` has it fork, and the child begins in a few
hundredths of a second. Each child is a process of its own in a session of its own: nothing is shared between two
runs, and a crash costs its own run alone. Where there is no such process, or it stands in other circumstances, the
child is started anew by `python -m`. Linux only: elsewhere a fork of a process with threads in it isn't safe.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Protocol

import psutil

from core.processes.isolation import isolated_environment

PROJECT = Path(__file__).resolve().parents[2]
"""The folder that holds `core`: children are started there, so that `python -m core...` finds it."""
LIBRARIES = "core.ultralytics.libraries"
"""The module whose import makes a process warm."""
VARIABLE = "GRAFT_WARM_MINUTES"
"""Environment variable: minutes unused after which the warm process leaves; 0 for none at all."""
MINUTES = 5.0
FREE_BYTES = 2 * 2**30
"""Memory that must be free for a warm process: it takes 0.6 GB itself, and trainings come first."""
PATIENCE = 5.0
"""Seconds the warm process may take to fork; after them the child is started anew."""
MESSAGE = 160 * 1024
"""Bytes of a request at the most; a larger one (an environment of that size) is started anew."""
UNSEEN = re.compile(r"(GRAFT_|PYTEST_|QT_QPA_)|(COLUMNS|LINES|TERM|PWD|OLDPWD|SHLVL|_)$")
"""Variables of the environment that nothing looks at while it is imported: a child has its caller's all the same."""
RIGHTS = ("Uid:", "Gid:", "Groups:", "Umask:", "NoNewPrivs:", "Seccomp:", "Cap")
"""What of /proc/self/status a child takes from its parent."""
LONGEST_ADDRESS = 100
"""Bytes of a socket's path; Linux has room for 107 (unix(7))."""


class Child(Protocol):
    """What is needed of a process that was started: subprocess.Popen has it, and so has a forked one."""

    pid: int
    stdout: IO[bytes] | None

    @property
    def returncode(self) -> int | None:
        """The exit code, the signal's number below zero, None while it runs."""

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code. Raises subprocess.TimeoutExpired."""


def start(
    module: str,
    *arguments: str,
    stdin: IO[bytes] | int,
    stdout: IO[bytes] | int,
    stderr: IO[bytes],
    warm: bool = False,
    own_session: bool = True,
) -> Child:
    """Start `python -m module arguments` under the safety switches, in Graft's folder. May raise OSError.

    `stdin` and `stdout` are files, subprocess.DEVNULL or, for stdout, subprocess.PIPE. `warm` is for children that
    import torch and Ultralytics in any case; others start sooner without, and Ultralytics changes how PIL, OpenCV and
    torch read files in every process that imports it (`utils/patches.py`, 8.4.190). Such a child has a session of its
    own.
    """
    environment = isolated_environment()
    if warm and (forked := _forked(module, arguments, environment, stdin, stdout, stderr)):
        return forked
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=own_session,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) if own_session else 0,
        env=environment,
        cwd=PROJECT,
    )


def prepare() -> bool:
    """Have a warm process wait from now on; returns at once. Say whether one is there or getting ready.

    None is started on other systems than Linux, while too little memory is free, or where GRAFT_WARM_MINUTES is 0.
    """
    environment = isolated_environment()
    address = _address(environment)
    if address is None or _is_there(address):
        return address is not None
    if psutil.virtual_memory().available < FREE_BYTES:
        return False
    with address.with_suffix(".log").open("ab") as log:
        waiting = subprocess.Popen(
            [sys.executable, "-m", "core.processes.warm", str(address), str(60 * idle_minutes()), LIBRARIES],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=environment | {"PYTORCH_NVML_BASED_CUDA_CHECK": "1"},  # asks after cards without touching them
            cwd=PROJECT,
        )
    threading.Thread(target=waiting.wait, daemon=True).start()  # so that it doesn't stay as a zombie
    return True


def ready() -> bool:
    """Say whether the next child begins from warm."""
    return _is_there(_address(isolated_environment()))


def _is_there(address: Path | None) -> bool:
    connection = _connected(address)
    if connection is not None:
        connection.close()
    return connection is not None


def idle_minutes() -> float:
    """Return the minutes that a warm process waits unused."""
    try:
        return float(os.environ.get(VARIABLE) or MINUTES)
    except ValueError:
        return MINUTES


def _address(environment: dict[str, str]) -> Path | None:
    """Return where a warm process in our circumstances listens, None where there can be none.

    Circumstances are whatever a fork takes from its parent where a child is to have its caller's: the environment that
    imports see, rights, limits, cores, namespaces (one without a network, say), the code itself.
    """
    if sys.platform != "linux" or idle_minutes() <= 0:
        return None
    import resource

    own = Path("/proc/self")
    try:
        facts = [
            sorted((name, value) for name, value in environment.items() if not UNSEEN.match(name)),
            [sys.executable, sys.version, Path(__file__).with_name("warm.py").stat().st_mtime_ns, str(PROJECT)],
            sorted(os.sched_getaffinity(0)),
            os.getpriority(os.PRIO_PROCESS, 0),
            [
                resource.getrlimit(getattr(resource, name))
                for name in sorted(dir(resource))
                if name.startswith("RLIMIT_")
            ],
            sorted(f"{space.name} {space.readlink()}" for space in (own / "ns").iterdir()),
            [line for line in (own / "status").read_text().splitlines() if line.startswith(RIGHTS)],
            (own / "cgroup").read_text(),
        ]
        folder = Path(environment["YOLO_CONFIG_DIR"])
        if folder.stat().st_uid != os.getuid():
            return None  # in a folder of somebody else's anybody may listen
    except OSError:
        return None
    name = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
    address = folder / f"warm-{name}.sock"
    return address if len(os.fsencode(address)) < LONGEST_ADDRESS else None


def _connected(address: Path | None) -> socket.socket | None:
    if address is None or not address.exists():
        return None
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.settimeout(PATIENCE)
    try:
        connection.connect(str(address))
    except OSError:  # it was killed and left its address behind, or is that busy
        connection.close()
        return None
    return connection


def _forked(
    module: str,
    arguments: tuple[str, ...],
    environment: dict[str, str],
    stdin: IO[bytes] | int,
    stdout: IO[bytes] | int,
    stderr: IO[bytes],
) -> Forked | None:
    """Return a child that the warm process forked, None when there is none that would."""
    connection = _connected(_address(environment))
    if connection is None:
        return None
    ours, theirs = os.pipe() if stdout == subprocess.PIPE else (None, None)
    request = {"module": module, "arguments": list(arguments), "environment": environment}
    nothing = os.open(os.devnull, os.O_RDWR)
    try:
        given = [
            nothing if stdin == subprocess.DEVNULL else _number(stdin),
            theirs if theirs is not None else _number(stdout),
            stderr.fileno(),
        ]
        socket.send_fds(connection, [json.dumps(request).encode()], given)
        pid = int(json.loads(connection.recv(MESSAGE))["pid"])
        connection.send(b"go")  # had we given up before, the child would end without beginning
    except (OSError, ValueError):  # full, gone, or an environment too large for one message
        connection.close()
        if ours is not None:
            os.close(ours)
        return None
    finally:
        os.close(nothing)
        if theirs is not None:
            os.close(theirs)
    return Forked(connection, pid, None if ours is None else os.fdopen(ours, "rb"))


def _number(file: IO[bytes] | int) -> int:
    return file if isinstance(file, int) else file.fileno()


class Forked:
    """A child of the warm process, which tells by the connection how it ended."""

    def __init__(self, connection: socket.socket, pid: int, stdout: IO[bytes] | None) -> None:
        """Know the child by its pid; `stdout` is our end of the pipe, if one was asked for."""
        self.pid, self.stdout = pid, stdout
        self.returncode: int | None = None
        self._connection: socket.socket | None = connection

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        return self._ended(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end. Raises subprocess.TimeoutExpired."""
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
        return code

    def _ended(self, patience: float | None) -> int | None:
        if self.returncode is None and self._connection is not None:
            self._connection.settimeout(patience)
            try:
                said = self._connection.recv(MESSAGE)
            except (TimeoutError, BlockingIOError):
                return None
            except OSError:
                said = b""
            self._connection.close()
            self._connection = None
            if said:
                self.returncode = int(json.loads(said)["code"])
        if self.returncode is None:  # the warm process was killed: nobody hears any more how its child ends
            until = None if patience is None else time.monotonic() + patience
            while psutil.pid_exists(self.pid):
                if until is not None and time.monotonic() >= until:
                    return None
                time.sleep(0.05)
            self.returncode = 1
        return self.returncode
