"""The warm process: torch and Ultralytics imported, forking one child per request.

    python -m core.processes.warm ADDRESS IDLE_SECONDS LIBRARIES

Started by core.processes.starting, which says why. LIBRARIES is the module that imports other people's libraries; of
Graft's own nothing else is imported, as it changes while one works on it. ADDRESS is a socket in a folder that only its
user may enter. A request is one message {"module", "arguments", "environment"} with three files, the child's standard
input, output and error; the answers are {"pid"} at once and {"code"} at the child's end. The child begins when told to
go. It leaves when nothing was asked and no child was there for IDLE_SECONDS. No card is touched here: a fork can't use
its parent's (docs.pytorch.org, "CUDA in multiprocessing"); each child makes itself known to it.
"""

from __future__ import annotations

import atexit
import fcntl
import gc
import importlib
import json
import multiprocessing.util
import os
import random
import runpy
import selectors
import socket
import sys
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

MESSAGE = 2**18
"""Bytes of a request at the most."""


@dataclass
class Warm:
    """What listens, and which children are whose."""

    listener: socket.socket
    lock: int
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    askers: dict[int, tuple[int, socket.socket]] = field(default_factory=dict)
    """{what the system tells a child's end by: (its pid, the connection of who asked for it)}"""

    def serve(self, idle: float) -> dict[str, Any] | None:
        """Fork one child per request until nothing was asked for `idle` seconds; in a child return its request."""
        self.selector.register(self.listener, selectors.EVENT_READ)
        until = time.monotonic() + idle
        while self.askers or time.monotonic() < until:
            for key, _ in self.selector.select(None if self.askers else max(0.0, until - time.monotonic())):
                if key.fileobj is not self.listener:
                    self._bury(key.fd)
                    until = time.monotonic() + idle
                elif (request := self._asked()) is not None:
                    return request
        return None

    def _asked(self) -> dict[str, Any] | None:
        """Fork for one request; return it in the child."""
        connection, _ = self.listener.accept()
        connection.settimeout(1.0)
        try:
            message, files, _, _ = socket.recv_fds(connection, MESSAGE, 3)
            request: dict[str, Any] = json.loads(message) if len(files) == 3 else {}
        except (OSError, ValueError) as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            request, files = {}, []
        if not request:  # somebody who only looks whether we are here
            connection.close()
            return None
        pid = os.fork()
        if pid == 0:
            self._let_go(files)
            if not self._wanted(connection):
                os._exit(0)
            return request
        for file in files:
            os.close(file)
        sign = os.pidfd_open(pid)
        self.askers[sign] = (pid, connection)
        self.selector.register(sign, selectors.EVENT_READ)
        self._tell(connection, pid=pid)
        return None

    @staticmethod
    def _tell(connection: socket.socket, **fact: int) -> None:
        with suppress(OSError):  # who asked has gone, or doesn't want to know
            connection.send(json.dumps(fact).encode())

    def _bury(self, sign: int) -> None:
        pid, connection = self.askers.pop(sign)
        self.selector.unregister(sign)
        os.close(sign)
        _, status = os.waitpid(pid, 0)
        self._tell(connection, code=os.waitstatus_to_exitcode(status))
        connection.close()

    @staticmethod
    def _wanted(connection: socket.socket) -> bool:
        """Child: wait until who asked knows of this child; one that gave up starts another, and two are too many."""
        connection.settimeout(None)
        try:
            return bool(connection.recv(8))
        except OSError:
            return False
        finally:
            connection.close()

    def _let_go(self, files: list[int]) -> None:
        """Child: take the three files as its own, and let go of all that is its parent's."""
        os.setsid()
        for number, file in enumerate(files):
            os.dup2(file, number)
        for file in files:
            os.close(file)
        self.selector.close()
        for sign, (_, other) in self.askers.items():
            os.close(sign)
            other.close()
        self.listener.close()
        os.close(self.lock)


def become(request: dict[str, Any]) -> NoReturn:
    """Child: be `python -m module arguments` as if started by itself, to the exit code."""
    os.environ.clear()
    os.environ.update(request["environment"])
    random.seed()  # two children of one parent would throw the same dice
    sys.modules["numpy"].random.seed()
    sys.argv = [request["module"], *request["arguments"]]
    code: Any = 0
    try:
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
    except SystemExit as left:
        code = left.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
    # As multiprocessing ends a fork: what was asked for at the end is done, but half a second of taking all those
    # libraries down again is spared.
    multiprocessing.util._exit_function()  # type: ignore[attr-defined]
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def main(address: Path, idle: float, libraries: str) -> dict[str, Any] | None:
    """Wait at an address; return in a child what it is to be, None at the end of the waiting."""
    lock = os.open(address.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return None  # another waits here already
    importlib.import_module(libraries)
    gc.collect()
    gc.freeze()  # a collection in a child would write to every object, and so copy every page
    address.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(address))
    listener.listen(64)
    request = Warm(listener, lock).serve(idle)
    if request is None:
        address.unlink(missing_ok=True)
    return request


if __name__ == "__main__":
    if (asked := main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3])) is not None:
        become(asked)
