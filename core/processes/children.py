"""Short work in a child process: one question, one answer, and signs of life in between.

What needs torch, or what may crash or hang, is asked of a child, `python -m MODULE`, under the safety switches:

    stdin    one JSON object: {"request", "caller"}; `caller` says which process to end with
    stdout   a JSON object per line: {"progress"} any number of times, then {"answer"}, or {"error", "input"}
    stderr   whatever Ultralytics and others print; its end is the reason when a child dies without an answer

The child's module ends in `if __name__ == "__main__": answer(work)`. Work that has to outlive its caller is a job
(core.jobs) or a training's worker; a model that stays loaded between questions is core.delivery.predict.model.warm.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from typing import IO, Any

import psutil

from core.errors import GraftError, InputError, of_the_system
from core.jobs import Progress, Report
from core.processes.lifetime import end_process_group, end_process_tree, is_alive, process_identity
from core.processes.starting import Child, start
from core.words import duration

CHECK_EVERY = 0.2
"""Seconds between two looks whether a child that says nothing is still there."""
DRAIN = 2.0
"""Seconds in which the last lines of a child that has ended must have arrived."""
LEAVE = 5.0
"""Seconds a child may take to leave after its answer."""
WATCH_EVERY = 1.0
"""Seconds between two looks of a child whether its caller is still there."""
TAIL = 20_000
"""Bytes of what a child printed that are searched for its last line."""
KEYS = ("progress", "answer", "error")


def run_child(
    module: str, request: dict[str, Any], *, timeout: float, failure: str, progress: Report | None = None
) -> dict[str, Any]:
    """Start `python -m module`, hand it the request and return its answer; the child is gone when this returns.

    `timeout` is the longest time in seconds without a sign of life: each report of progress starts it anew, so for a
    child that reports none it is the time for the whole. `failure` is how the sentence begins that says what came to
    nothing (“The heat map could not be made”). Raises InputError or GraftError with the child's own sentence,
    GraftError when it took too long or ended without an answer. With the caller interrupted or gone the child and all
    it started are ended.
    """
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as printed:
        caller = {"pid": os.getpid(), "identity": process_identity(os.getpid())}
        given.write(json.dumps({"request": request, "caller": caller}).encode())
        given.seek(0)
        # files, not pipes: a child that doesn't read, or prints without end, keeps nobody waiting
        child = start(module, stdin=given, stdout=subprocess.PIPE, stderr=printed, warm=True)
        patience = 0.0
        try:
            said = _hear(child, timeout, progress)
            patience = LEAVE
        except TimeoutError:
            late = f"{failure}: nothing came from its process for {duration(timeout)}, so it was ended."
            raise GraftError(late) from None
        finally:
            _end(child, patience)
        if said is None:
            raise GraftError(f"{failure}: {_why_it_ended(child.wait(), printed)}")
    if "error" in said:
        raise (InputError if said.get("input") else GraftError)(f"{failure}: {said['error']}")
    found: dict[str, Any] = said["answer"]
    return found


def answer(work: Callable[[dict[str, Any], Report], dict[str, Any]]) -> None:
    """Child: do the work of the request on standard input, say how it goes and what came out, and leave.

    `work(request, report)` returns what can be written as JSON. An error of ours is told in its own sentence, any
    other by its name and first line. Exit code: 0 answered, 1 failed, 2 what was given is to blame.
    """
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # Ultralytics prints; the replies have the real standard output for themselves
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # not every locale has every letter
    given = json.loads(sys.stdin.buffer.read())
    threading.Thread(target=_leave_with, args=(given["caller"],), daemon=True).start()

    replies.write(b"\n")  # ends a line that something printed while it was imported

    def say(reply: dict[str, Any]) -> None:
        replies.write(json.dumps(reply).encode() + b"\n")
        replies.flush()

    try:
        say({"answer": work(given["request"], lambda progress: say({"progress": asdict(progress)}))})
        code = 0
    except GraftError as error:
        refused = isinstance(error, InputError)
        say({"error": str(error), "input": refused})
        code = 2 if refused else 1
    except Exception as error:  # whatever Ultralytics or torch raises is the answer; the caller raises it again
        traceback.print_exc()
        first = (str(error).strip().splitlines() or [""])[0][:300]
        named = f"{type(error).__name__}: {first}" if first else type(error).__name__
        say({"error": str(of_the_system(error) or named), "input": False})
        code = 1
    sys.exit(code)


def _hear(child: Child, timeout: float, progress: Report | None) -> dict[str, Any] | None:
    """Return what a child says last, None when it ended without. Raises TimeoutError after too long a silence."""
    assert child.stdout is not None
    lines: queue.Queue[bytes | None] = queue.Queue()
    threading.Thread(target=_listen, args=(child.stdout, lines), daemon=True).start()
    deadline = time.monotonic() + timeout
    ended: float | None = None
    while True:
        try:
            line = lines.get(timeout=CHECK_EVERY)
        except queue.Empty:
            now = time.monotonic()
            if ended is None and child.poll() is not None:
                ended = now  # something it started may hold its output open, so no end of the lines tells it
            if ended is not None and now > ended + DRAIN:
                return None
            if now > deadline:
                raise TimeoutError from None
            continue
        if line is None:
            return None
        said = _reply(line)
        if said is None:
            continue
        if "progress" not in said:
            return said
        deadline = time.monotonic() + timeout
        if progress is not None:
            progress(Progress(**said["progress"]))


def _listen(output: IO[bytes], lines: queue.Queue[bytes | None]) -> None:
    with output:
        for line in output:
            lines.put(line)
    lines.put(None)


def _reply(line: bytes) -> dict[str, Any] | None:
    """Return what a line says, None when it is something that a module printed while it was imported."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) and any(key in said for key in KEYS) else None


def _end(child: Child, patience: float) -> None:
    """End a child that doesn't leave by itself within `patience` seconds, and whatever it has left behind."""
    try:
        child.wait(patience)
    except subprocess.TimeoutExpired:
        identity = process_identity(child.pid)
        if identity is not None:
            end_process_tree(child.pid, identity, grace=1)
        child.wait()
    end_process_group(child.pid)


def _why_it_ended(code: int, printed: IO[bytes]) -> str:
    if code < 0:
        memory = "; often there was not enough memory" if code == -signal.SIGKILL else ""
        return f"its process was ended by the system ({signal.strsignal(-code) or f'signal {-code}'}{memory})."
    printed.seek(max(0, printed.seek(0, os.SEEK_END) - TAIL))
    last = (printed.read().decode("utf-8", errors="replace").strip().splitlines() or ["no reason given"])[-1]
    return f"its process ended without an answer ({last.strip()[:300]})."


def _leave_with(caller: dict[str, Any]) -> None:
    """Child: end with all it started once the process that asked is gone."""
    if caller["identity"] is None:  # a system that doesn't tell processes apart
        return
    while is_alive(caller["pid"], caller["identity"]):
        time.sleep(WATCH_EVERY)
    for process in psutil.Process().children(recursive=True):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue  # already gone, as wanted
    os._exit(1)
