"""What a worker tells the world: one JSON object per line, appended to the run's `events.jsonl`, never rewritten.

The worker is the only writer. Everybody else reads, from an offset, and leaves a torn last line for the next look.
Kinds, with the fields beside `time` (seconds since 1970) and `kind`:

    started     pid, identity (core/processes/lifetime.py), attempt (1, 2, ... one more at every resume), device
    phase       phase: checking | loading | training | validating | finishing, message (words)
    preflight   after the first steps: images, val_images, batches, batch, parameters, memory_bytes,
                seconds_per_batch, seconds_estimate (of all epochs still to do), message (why this batch size)
    transfer    copied, total, trainable (parameters), frozen, message: what was reused from the pre-trained model
    epoch_start epoch (1-based), epochs, batches
    batch       epoch, batch (1-based), batches, losses {name: value}, images_per_second, memory_bytes; on a CPU
                cores (worked with), cores_available   (throttled)
    epoch       epoch, epochs, seconds, metrics {name: value}, losses {name: value}, validation_losses, learning_rate,
                fitness, best (bool)
    look        message, done, total (pictures): the best model looks at the pictures once more   (throttled)
    pictures    epoch, what: batch | validation, files [paths below the run folder]
    log         level, message
    finished    metrics {name: value}, best_epoch, epochs_done, seconds, early (bool): the final event of a whole run
    stopped     the same fields: the user stopped it, the best so far is kept
    paused      epoch
    cancelled   nothing
    failed      cause (one plain sentence), next_step (one plain sentence), suggestion {setting: value}, detail
"""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FINAL_KINDS = frozenset({"finished", "stopped", "paused", "cancelled", "failed"})
"""An attempt ends with exactly one of these; a process that is gone without one was interrupted."""

Event = dict[str, Any]


def last_attempt(events: list[Event]) -> list[Event]:
    """Return what the worker of the last attempt has said; empty where none has started."""
    begun = next((place for place in range(len(events) - 1, -1, -1) if events[place]["kind"] == "started"), None)
    return [] if begun is None else events[begun:]


def final_event(events: list[Event]) -> Event | None:
    """Return the event an attempt ended with, None where it has not ended, or has vanished."""
    return next((event for event in reversed(events) if event["kind"] in FINAL_KINDS), None)


class EventWriter:
    """Appends events to a run's `events.jsonl`; each line is one write, so that a crash tears the last line only."""

    def __init__(self, path: Path) -> None:
        """Open `path` for appending, ending a torn last line first."""
        self.path = path
        self._torn = path.exists() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
        self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def write(self, kind: str, **fields: Any) -> None:
        """Append one event; numbers that are not finite become null. Raises OSError when the disk is full."""
        event = {"time": round(time.time(), 3), "kind": kind, **fields}
        line = json.dumps(_finite(event), ensure_ascii=False, default=str) + "\n"
        data = (b"\n" if self._torn else b"") + line.encode()
        self._torn = True  # until all of it is written: a full disk takes a part and then refuses
        if os.write(self._handle, data) < len(data):
            raise OSError(errno.ENOSPC, "No space left on device", str(self.path))
        self._torn = False

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)


def read_events(path: Path, offset: int = 0) -> tuple[list[Event], int]:
    """Return the whole events from byte `offset` on, and the offset to read on from.

    A torn last line is left for later; a line that is no JSON object (torn by a crash in an earlier attempt) is
    passed over. A missing file gives no events.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], offset
    end = data.rfind(b"\n") + 1
    return list(_parsed(data[:end])), offset + end


def _parsed(data: bytes) -> Iterator[Event]:
    for line in data.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue  # torn by a crash: what it said is lost, what follows is not
        if isinstance(event, dict) and "kind" in event:
            yield event


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float) and value not in (float("inf"), float("-inf")) and value == value:
        return value
    return None if isinstance(value, float) else value
