"""A lock that one thread of one process holds at a time, whichever program it is that works on the same folder."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import IO

AGAIN = 0.05
"""Seconds between two tries where the system can't wait for a lock itself (Windows)."""


class FileLock:
    """Held within `with`, again and again by the same thread; the system gives it back when its process ends."""

    def __init__(self, path: Path) -> None:
        """Name the lock's file, which is made when it is first held; it stays, empty."""
        self.path = path
        self.threads = threading.RLock()
        """what is held among the threads of this process: enough where files are only read"""
        self._depth = 0
        self._file: IO[bytes] | None = None

    def __enter__(self) -> FileLock:
        """Wait until nobody else holds it. Raises OSError where the file can't be made."""
        self.threads.acquire()
        try:
            if self._depth == 0:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("ab")
                _take(self._file)
            self._depth += 1
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""
        self._depth -= 1
        self._leave()

    def _leave(self) -> None:
        if self._depth == 0 and self._file is not None:
            self._file.close()  # which gives it back
            self._file = None
        self.threads.release()


if sys.platform == "win32":
    import msvcrt

    def _take(file: IO[bytes]) -> None:
        while True:
            file.seek(0)
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                return
            except OSError:
                time.sleep(AGAIN)

else:
    import fcntl

    def _take(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)
