"""How long one attempt at a run that goes on while it pays is trained: by what more brings, within the minutes given.

Holds the schedule of the rate, and keeps the state from before the rate falls: a finished run that is gone on with
begins there, as if it had never fallen.
"""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Any

from core.planning import rules
from core.planning.ending import wanted_epochs
from core.planning.plan import parse_budget
from core.planning.rules import Level
from core.planning.time import end_seconds
from core.spec import TrainingSpec
from core.training.records.progress import RECENT
from core.ultralytics.trainers.resume_point import load_resume_point, write_resume_point
from core.ultralytics.trainers.schedule import Schedule, falling_epochs

BEFORE_FALL = "before_fall.pt"
END_RESERVE = 1.5
"""Where minutes are to be kept, so much more than expected is left for the end, off which nothing can be cut: beside
other work it took up to 1.7 times as long as expected (DeepPCB, yolo26n, one core)."""


def epochs_to_go(state: dict[str, Any] | None, epochs: int, further: bool) -> int:
    """Return after how many epochs a run is to end by its resume point: it may have gone on beyond `epochs` already."""
    known: int = (state or {}).get("schedule", {}).get("epochs", 0)
    return epochs if further else max(epochs, known)


class Ending:
    """Decides after every epoch whether to go on; see `wanted_epochs`."""

    def __init__(self, spec: TrainingSpec, epochs: int, *, further: bool, began: float) -> None:
        """`epochs`: asked for; `further`: the run had finished, and trains to there; `began`: by the monotonic
        clock, as if it had never rested."""
        self.spec, self.epochs, self.further, self.began = spec, epochs, further, began
        self.schedule: Schedule | None = None
        self.figures: list[float] = []
        """one per epoch at a held rate"""
        self.seconds: list[float] = []
        self.early = False
        """whether it ends before the epochs asked for, as nothing better came"""
        budget = parse_budget(spec.budget)
        level = budget if isinstance(budget, Level) else Level.THOROUGH
        self.pays = rules.EFFORT[level].pays if spec.goes_on and not further else None
        self.minutes = math.inf if isinstance(budget, Level) or further else budget

    def begin(self, trainer: Any, state: dict[str, Any] | None) -> None:
        """Take the rate of a trainer over, in `on_train_start` before its state is restored.

        Not for a run that ends where it was planned to, nor for one that began as such: its rate falls all along.
        """
        if not self.spec.goes_on or (state is not None and "schedule" not in state):
            return
        epochs = epochs_to_go(state, self.epochs, self.further)
        kept = state["schedule"] if state is not None else {}
        if epochs == kept.get("epochs"):
            fall = kept["fall"]
        else:
            fall = min(falling_epochs(epochs), max(1, (epochs - (state["epoch"] + 1 if state else 0)) // 2))
        ends_collages = "close_mosaic" not in self.spec.extra or "close_mosaic" in self.spec.reasons
        self.schedule = Schedule(trainer, epochs, fall, close_mosaic=ends_collages)
        self.figures = list(kept.get("figures", []))

    def begin_epoch(self) -> None:
        """Do what is due at the start of an epoch."""
        if self.schedule is not None:
            self.schedule.begin_epoch()

    def after_epoch(self, done: int, figure: float | None, seconds: float) -> dict[str, Any]:
        """Take an epoch into account and choose the end; return what the resume point keeps of it.

        `figure`: the one by which the best epoch is chosen.
        """
        schedule = self.schedule
        if schedule is None:
            return {}
        self.seconds.append(seconds)
        if done <= schedule.falls_from:
            self.figures.append(figure or 0.0)
            self._choose_end(schedule, done)
        return {"schedule": {"epochs": schedule.epochs, "fall": schedule.fall, "figures": self.figures}}

    def _choose_end(self, schedule: Schedule, done: int) -> None:
        recent = sorted(self.seconds[-RECENT:])
        pace = recent[len(recent) // 2]
        room = done + self._room(pace)
        wanted = wanted_epochs(
            done,
            schedule.epochs,
            self.figures,
            seconds_per_epoch=pace,
            pays=self.pays,
            most=min(room, math.inf if self.further else rules.most_epochs(self.spec.epochs)),
            patience=0 if self.further else self.spec.patience,
        )
        self.early = wanted < min(self.epochs, room)
        if wanted != schedule.epochs:
            schedule.end_at(wanted, min(falling_epochs(wanted), wanted - done))

    def _room(self, pace: float) -> float:
        """Return how many epochs the minutes leave room for, the last look included."""
        left = self.minutes * 60 - (time.monotonic() - self.began) - END_RESERVE * end_seconds(pace)
        return math.inf if math.isinf(left) else left // pace

    def keep_before_fall(self, done: int, resume_point: Path) -> None:
        """Keep the resume point of the last epoch at a held rate, by a second name."""
        if self.schedule is not None and done == self.schedule.falls_from and resume_point.exists():
            kept = resume_point.with_name(BEFORE_FALL)
            kept.unlink(missing_ok=True)
            try:
                os.link(resume_point, kept)  # costs no room until the next one takes its place
            except OSError:  # a file system without links
                kept.write_bytes(resume_point.read_bytes())

    def rest(self, resume_point: Path) -> None:
        """After the last epoch: make the state from before the fall what is gone on from, counted on from the end."""
        kept = resume_point.with_name(BEFORE_FALL)
        if self.schedule is None or not kept.exists():
            return
        before, end = load_resume_point(kept), load_resume_point(resume_point)
        if before is not None and end is not None:
            counted = ("epoch", "graft_best", "best_fitness", "stopper", "results_csv")
            figures = {**end["schedule"], "figures": before["schedule"]["figures"]}
            write_resume_point({**before, **{name: end[name] for name in counted}, "schedule": figures}, resume_point)
        kept.unlink()
