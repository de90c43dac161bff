"""Where a run is and how it goes: a pure fold over its events, for the page, the command line and the report."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from core.planning.time import end_seconds
from core.training.records.events import FINAL_KINDS, Event, read_events
from core.words import count

if TYPE_CHECKING:
    import pandas as pd

    from core.training.store import Run

PHASE_WORDS = {
    "waiting": "Waiting",
    "checking": "Checking the pictures and the model",
    "loading": "Loading the model",
    "training": "Training",
    "validating": "Checking on the validation pictures",
    "finishing": "Checking the best model once more",
    "done": "Done",
}
KNOWN_BY = 200
"""Bytes before the last place read by which an events file is known to be the same."""
MOST_READERS = 64
"""Runs whose events this process remembers where it stopped reading."""
STEPS_OF_A_PACE = 3
"""Steps of the first epoch from which its pace is followed; the very first, in which much is set up, never counts."""
RECENT = 5
"""Epochs whose median is the pace."""
STALE_EPOCHS = 3
"""After so many epochs without a new best the sentence says so."""


@dataclass
class RunProgress:
    """What the events of a run say so far."""

    phase: str = "waiting"
    message: str = ""
    epoch: int = 0
    epochs: int = 0
    batch: int = 0
    batches: int = 0
    patience: int = 0
    images_per_second: float | None = None
    memory_bytes: int | None = None
    looked: int = 0
    to_look_at: int = 0
    """pictures, at the end: what the best model has looked at once more, and of how many"""
    look_started: float | None = None
    cores: int | None = None
    cores_available: int | None = None
    """of the processor, when it trains there: worked with at the moment, and there for it"""
    transfer: dict[str, Any] = field(default_factory=dict)
    preflight: dict[str, Any] = field(default_factory=dict)
    """what the first steps of this attempt showed, see the `preflight` event"""
    pictures: dict[str, list[str]] = field(default_factory=dict)
    metrics: dict[str, float | None] = field(default_factory=dict)
    ultralytics: dict[str, float | None] = field(default_factory=dict)
    """the figures of the best model as Ultralytics' validator counts them, once it has ended"""
    best_epoch: int | None = None
    """the epoch whose model is kept: the best, of equals the last; a classifier's figures are often equal"""
    best_fitness: float | None = None
    improved_epoch: int | None = None
    """the first that was as good"""
    fitness: dict[int, float] = field(default_factory=dict)
    """by which training chooses, of each finished epoch"""
    early: bool = False
    final: Event | None = None
    device_name: str = ""
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    """one per finished epoch; an epoch that was run again after an interruption counts once, the last time"""
    seconds_before: float = 0.0
    attempt_started: float | None = None
    first_epoch: int = 0
    """of this attempt"""
    first_pace: float | None = None
    """seconds of an epoch by the steps of the first one so far"""
    first_step: tuple[int, float] | None = None
    """of an epoch: which one was told first, and when it ended"""
    last_time: float | None = None

    @property
    def epochs_done(self) -> int:
        """How many epochs are whole."""
        return len(self.rows)

    @property
    def seconds(self) -> float:
        """Seconds worked so far, over all attempts, pauses not counted."""
        if self.attempt_started is None or self.last_time is None:
            return self.seconds_before
        return self.seconds_before + max(0.0, self.last_time - self.attempt_started)

    @property
    def fraction(self) -> float:
        """Share of the planned work that is done, 0 to 1; never more than 1."""
        if self.final is not None and self.final["kind"] == "finished":
            return 1.0
        if not self.epochs:
            return 0.0
        within = self.batch / self.batches if self.batches and self.epoch not in self.rows else 0.0
        whole = max((epoch for epoch in self.rows), default=0)
        return min(1.0, (whole + min(within, 1.0) * 0.9) / self.epochs)

    @property
    def seconds_left(self) -> float | None:
        """Seconds the remaining epochs and the last look will take, by `pace`; None before there is a measure."""
        if self.final is not None:
            return 0.0
        if self.phase == "finishing":
            passed = (self.last_time or 0.0) - (self.look_started or 0.0)
            measured = self.looked and self.look_started is not None and passed > 0
            return passed / self.looked * (self.to_look_at - self.looked) if measured else None
        pace = self.pace
        if not self.epochs or pace is None:
            return None
        whole = max((epoch for epoch in self.rows), default=0)
        within = min(self.batch / self.batches, 1.0) if self.batches and self.epoch not in self.rows else 0.0
        return max(0.0, (self.epochs - whole - within) * pace) + end_seconds(pace)

    @property
    def pace(self) -> float | None:
        """Seconds of an epoch: the median of the last five, None before there is a measure.

        The first one is slow (everything is read and set up, and a model that knows little finds much): what its steps
        say counts instead of it, beside the next few.
        """
        after = [row["seconds"] for epoch, row in self.rows.items() if epoch != self.first_epoch and row.get("seconds")]
        recent = [float(seconds) for seconds in after[-RECENT:]]
        if self.first_pace is not None and len(recent) < RECENT:
            recent.append(self.first_pace)
        if not recent:
            recent = [float(row["seconds"]) for row in self.rows.values() if row.get("seconds")]
        return median(recent) if recent else None

    @property
    def curves(self) -> pd.DataFrame:
        """One row per whole epoch: epoch, seconds, learning_rate, train/<loss>, val/<loss> and the metrics by name."""
        import pandas as pd

        return pd.DataFrame([self.rows[epoch] for epoch in sorted(self.rows)])

    @property
    def sentence(self) -> str:
        """How it goes, in a sentence."""
        if self.final is not None:
            return _final_sentence(self)
        if self.phase == "finishing":
            return f"{PHASE_WORDS[self.phase]}: what it says of each picture is kept for the evaluation."
        if not self.rows:
            return self.message or f"{PHASE_WORDS.get(self.phase, self.phase)}."
        last = max(self.rows)
        losses = [value for key, value in self.rows[last].items() if key.startswith("train/")]
        if any(value is None or not math.isfinite(value) for value in losses):
            return "The loss is not a number any more: stop, and start again with a lower learning rate (lr0)."
        since = last - (self.improved_epoch or last)
        if since == 0:
            return "Still improving."
        if since < STALE_EPOCHS:
            return f"The best so far was epoch {self.improved_epoch}."
        stop = f", stops at {self.patience}" if self.patience else ""
        return f"Nothing better for {since} epochs{stop}."


def _final_sentence(progress: RunProgress) -> str:
    kind = progress.final["kind"] if progress.final else ""
    best = f" The best was epoch {progress.best_epoch}." if progress.best_epoch else ""
    if progress.improved_epoch and progress.best_epoch and progress.improved_epoch < progress.best_epoch:
        best = f" The best was epoch {progress.best_epoch}, as good as epoch {progress.improved_epoch}."
    done = f"{progress.epochs_done} of {progress.epochs} epochs"
    if kind == "finished" and progress.early:
        epochs = count(progress.epochs_done, "epoch")
        if progress.improved_epoch == progress.epochs_done:  # while the rate fell it became better once more
            return f"Finished early, after {epochs}: nothing better had come for a while before the last of them.{best}"
        return f"Finished early, after {epochs}: it did not improve any more.{best}"
    words = {
        "finished": f"Finished after {done}.{best}",
        "stopped": f"Stopped by you after {done}; the best model is kept.{best}",
        "paused": f"Paused after {done}.",
        "cancelled": "Cancelled.",
        "failed": str((progress.final or {}).get("cause", "Failed.")),
    }
    return words.get(kind, "")


def fold(progress: RunProgress, event: Event) -> None:
    """Take one more event into account."""
    kind, moment = event["kind"], float(event.get("time") or 0)
    if kind == "started":
        progress.seconds_before = progress.seconds
        progress.attempt_started, progress.final = moment, None
        progress.phase, progress.batch = "checking", 0
        progress.first_epoch, progress.first_pace, progress.preflight = 0, None, {}
        progress.device_name = str(event.get("device_name") or "")
    elif kind == "phase":
        progress.phase, progress.message = str(event["phase"]), str(event.get("message") or "")
    elif kind == "preflight":
        progress.preflight = event
        progress.first_pace = _tried_pace(progress) if progress.first_epoch else None
    elif kind == "transfer":
        progress.transfer = event
    elif kind == "epoch_start":
        progress.phase, progress.epoch, progress.epochs = "training", int(event["epoch"]), int(event["epochs"])
        progress.batch, progress.batches, progress.first_step = 0, int(event.get("batches") or 0), None
        progress.patience = int(event.get("patience") or 0)
        if not progress.first_epoch:
            progress.first_epoch = progress.epoch
            progress.first_pace = _tried_pace(progress)  # older workers tried steps before it
    elif kind == "batch":
        progress.batch, progress.batches = int(event["batch"]), int(event["batches"])
        progress.images_per_second = event.get("images_per_second")
        progress.memory_bytes = event.get("memory_bytes")
        progress.cores, progress.cores_available = event.get("cores"), event.get("cores_available")
        _fold_first_steps(progress, moment)
    elif kind == "epoch":
        _fold_epoch(progress, event)
    elif kind == "look":
        if progress.look_started is None or int(event["done"]) <= progress.looked:  # the next pictures begin anew
            progress.look_started = moment
        progress.message = str(event.get("message") or "")
        progress.looked, progress.to_look_at = int(event["done"]), int(event["total"])
    elif kind == "pictures":
        progress.pictures[str(event["what"])] = list(event["files"])
    elif kind in ("finished", "stopped", "paused", "cancelled", "failed"):
        progress.final, progress.phase = event, "done"
        progress.metrics = event.get("metrics") or progress.metrics
        if kind in ("finished", "stopped"):
            progress.ultralytics = event.get("ultralytics") or progress.metrics  # older runs tell those alone
        progress.best_epoch = event.get("best_epoch") or progress.best_epoch
        progress.early = bool(event.get("early"))
    progress.last_time = moment


def _fold_first_steps(progress: RunProgress, moment: float) -> None:
    """Take the first epoch by its own steps, once there are some: each takes as long as the first by so much."""
    if progress.first_step is None:
        progress.first_step = progress.batch, moment
    batch, ended = progress.first_step
    since = progress.batch - batch
    pace, tried = _tried_pace(progress), float(progress.preflight.get("seconds_per_batch") or 0)
    if progress.epoch != progress.first_epoch or since + 1 < STEPS_OF_A_PACE or not tried or pace is None:
        return
    progress.first_pace = pace * max(0.0, moment - ended) / since / tried


def _tried_pace(progress: RunProgress) -> float | None:
    """Return the seconds of an epoch by the first steps of this attempt, None before there are any."""
    tried = progress.preflight.get("seconds_estimate")  # of all epochs that the attempt has to do
    return float(tried) / (progress.epochs - progress.first_epoch + 1) if tried else None


BESIDE = ("epoch", "seconds", "learning_rate")
"""What a row holds beside losses and metrics."""


def _fold_epoch(progress: RunProgress, event: Event) -> None:
    epoch = int(event["epoch"])
    if epoch > int(event["epochs"]):
        return  # Ultralytics calls back once more after the last epoch
    row = {"epoch": epoch, "seconds": event.get("seconds"), "learning_rate": event.get("learning_rate")}
    row |= {f"train/{key}": value for key, value in (event.get("losses") or {}).items()}
    row |= {f"val/{key}": value for key, value in (event.get("validation_losses") or {}).items()}
    row |= event.get("metrics") or {}
    for later in [key for key in progress.rows if key >= epoch]:
        del progress.rows[later]
    progress.rows[epoch] = row
    progress.epoch, progress.epochs = epoch, int(event["epochs"])
    progress.fitness = {number: value for number, value in progress.fitness.items() if number < epoch}
    if event.get("fitness") is not None:
        progress.fitness[epoch] = float(event["fitness"])
    if progress.fitness:
        best = max(progress.fitness.values())
        level = [number for number, value in progress.fitness.items() if value == best]
        progress.best_fitness, progress.improved_epoch, progress.best_epoch = best, min(level), max(level)
        row = progress.rows[progress.best_epoch]
        progress.metrics = {name: value for name, value in row.items() if name not in BESIDE and "/" not in name}


class ProgressReader:
    """Follows a run's events file; each `read` folds only what is new. A file that was rewritten is read anew."""

    def __init__(self, path: Path) -> None:
        """Follow the events file at `path`, which may not be there yet."""
        self.path = path
        self._start_over()

    def _start_over(self) -> None:
        self.progress = RunProgress()
        self.turns: list[Event] = []
        """the events that begin and end attempts"""
        self._offset = 0
        self._before = b""

    def read(self) -> RunProgress:
        """Return the progress with everything written until now."""
        if _bytes_before(self.path, self._offset) != self._before:
            self._start_over()
        events, self._offset = read_events(self.path, self._offset)
        self._before = _bytes_before(self.path, self._offset)
        for event in events:
            fold(self.progress, event)
            if event["kind"] == "started" or event["kind"] in FINAL_KINDS:
                self.turns.append(event)
        return self.progress


def _bytes_before(path: Path, offset: int) -> bytes:
    """Return the last bytes before an offset, by which a file is known again; none where it is not there."""
    if not offset:
        return b""
    try:
        with path.open("rb") as file:
            file.seek(max(0, offset - KNOWN_BY))
            return file.read(min(offset, KNOWN_BY))
    except FileNotFoundError:
        return b""


_READERS: OrderedDict[Path, ProgressReader] = OrderedDict()
_READING = threading.Lock()


def read_progress(run: Run) -> RunProgress:
    """Return a run's progress from all its events; what this process has read of them is not read again."""
    with _READING:
        progress = _reader_of(run).read()
        return replace(progress, rows=dict(progress.rows), pictures=dict(progress.pictures))


def read_turns(run: Run) -> list[Event]:
    """Return the events that begin and end the attempts at a run, in their order; read as `read_progress` does."""
    with _READING:
        reader = _reader_of(run)
        reader.read()
        return list(reader.turns)


def _reader_of(run: Run) -> ProgressReader:
    path = run.events_path
    reader = _READERS.pop(path, None) or ProgressReader(path)
    _READERS[path] = reader  # the newest last
    while len(_READERS) > MOST_READERS:
        _READERS.popitem(last=False)
    return reader
