"""Whether the drive under a path answers: a network drive whose server is away lets every call wait without an end.

Such a call can't be called off, so a drive is asked in a thread of its own, one at a time for each place. An error is
an answer as well, and so is that nothing is there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import InputError
from core.words import duration

PATIENCE = 3.0
"""Seconds a drive may take to answer; one that spins up, or is far away, answers within."""
FRESH = 1.0
"""Seconds for which an answer holds."""


@dataclass
class _Question:
    asked: float = field(default_factory=time.monotonic)
    answered: threading.Event = field(default_factory=threading.Event)
    when: float = 0.0
    """the moment of the answer"""


_questions: dict[str, _Question] = {}
_lock = threading.Lock()


def _begin_anew() -> None:
    """Forget in a forked child what its parent has asked: the threads that wait for answers are not in it."""
    global _lock
    _lock = threading.Lock()
    _questions.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


def silent_for(place: Path | str, patience: float = PATIENCE) -> float:
    """Return for how many seconds the drive of `place` has owed an answer; 0.0 where one comes within `patience`.

    Where it is known to be silent this returns at once, so that whoever asks next doesn't wait as well.
    """
    key = str(Path(place).absolute())  # not resolved: that asks the drive
    with _lock:
        question = _questions.get(key)
        if question is None or (question.answered.is_set() and time.monotonic() - question.when > FRESH):
            question = _questions[key] = _Question()
            threading.Thread(target=_ask, args=(key, question), name="asks a drive", daemon=True).start()
    if question.answered.wait(max(0.0, question.asked + patience - time.monotonic())):
        return 0.0
    return time.monotonic() - question.asked


def _hear_no_ctrl_c() -> None:
    """Leave Ctrl-C to the main thread: what this one took would be lost while that one waits for a drive."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _ask(place: str, question: _Question) -> None:
    _hear_no_ctrl_c()
    with contextlib.suppress(OSError, ValueError):
        shutil.disk_usage(place)  # the system keeps no answer to this one, as it does for what lies in a folder
    question.when = time.monotonic()
    question.answered.set()


def silence_words(place: Path | str, seconds: float) -> str:
    """Say that the drive of `place` does not answer, and what to do."""
    return (
        f"{place} has not answered for {duration(seconds)}: it lies on a drive that hangs, such as a network drive "
        "whose server is away. Nothing is lost; it goes on once the drive answers. See that it is connected."
    )


def check_answers(place: Path | str) -> None:
    """Raise InputError where the drive of `place` doesn't answer within PATIENCE."""
    if seconds := silent_for(place):
        raise InputError(silence_words(place, seconds))


@contextlib.contextmanager
def watching(
    places: Iterable[Path | str], silent: Callable[[str], None], back: Callable[[], None], waits: Callable[[], None]
) -> Iterator[None]:
    """While something is done with `places`, call `silent` once with a sentence when one doesn't answer.

    `waits` is called again and again as long as it doesn't, `back` when all of them answer; all in another thread that
    hears no Ctrl-C.
    """
    wanted, done = [str(place) for place in places], threading.Event()

    def look() -> None:
        _hear_no_ctrl_c()
        told = False
        while not done.wait(0.2 if told else FRESH):
            found = [(place, seconds) for place in wanted if (seconds := silent_for(place))]
            if done.is_set():
                return
            if found and not told:
                silent(silence_words(*found[0]))
            elif told and not found:
                back()
            told = bool(found)
            if told:
                waits()

    threading.Thread(target=look, name="watches drives", daemon=True).start()
    try:
        yield
    finally:
        done.set()
