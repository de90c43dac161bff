"""What would training longer bring? Read from the curve of the run itself, with an interval."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from core.evaluation.figures.figure import Figure
from core.metric_words import headline_among, metric_term
from core.planning.learning_curve import SCATTER, more_brings, scatter_of_counts
from core.tasks import TASKS
from core.training.records.progress import RunProgress
from core.training.store import Run, State
from core.ultralytics.trainers.schedule import falling_epochs
from core.words import about, count, points, span

RISING = 0.01
"""Rise of the headline figure from which more training is advised."""
FURTHER = 0.5
"""More training is told of in this share of the epochs so far."""
HELD = 0.99
"""Share of the highest rate from which an epoch counts as one at the held rate."""

UNTOLD = 0.1
"""A rise up to which the interval must be able to tell “hardly any”, 0 to 1."""


@dataclass(frozen=True)
class MoreTime:
    """What more training would bring to a run."""

    metric: str
    """the headline figure, by its name in the curves"""
    epochs: int
    seconds: float
    rise: Figure
    """of that figure, shares of 1"""

    @property
    def words(self) -> str:
        """In a sentence, with the interval that holds in nine of ten runs."""
        time = about(self.seconds).removeprefix("about ")
        if self.rise.value < RISING / 2 and self.rise.high > UNTOLD:
            return f"{time} more: too early to tell, {metric_term(self.metric)} may rise {self._between} points."
        if self.rise.value < RISING / 2:
            return f"{time} more: hardly a rise is expected of {metric_term(self.metric)}, {self._between} points."
        return f"{time} more: about {points(self.rise.value)} points more {metric_term(self.metric)}, {self._between}."

    @property
    def _between(self) -> str:
        return span(self.rise.low, self.rise.high)


def end_is_decided(run: Run, progress: RunProgress) -> bool:
    """Say whether a run that goes on while it pays is in its last epochs, over which the rate falls."""
    if not run.spec.goes_on or run.more_epochs:
        return False
    return len(progress.rows) >= progress.epochs - falling_epochs(progress.epochs)


def held_figures(run: Run, progress: RunProgress) -> tuple[str, list[float]]:
    """Return the name of the headline figure and its values, one per epoch; "" and none where there is none.

    Where the rate is held, epochs in which it falls are left out: they rise by that, and going on begins before them.
    """
    rows = [progress.rows[epoch] for epoch in sorted(progress.rows)]
    column = headline_among(run.task, [name for row in rows for name in row])
    if column is None:
        return "", []
    rates = [float(row.get("learning_rate") or 0) for row in rows]
    highest = max(rates)
    figures: list[float] = []
    reached = False
    for row, rate in zip(rows, rates, strict=True):
        at_height = not run.spec.goes_on or rate >= HELD * highest
        reached = reached or at_height
        value = row.get(column)
        if (at_height or not reached) and value is not None and math.isfinite(value):
            figures.append(float(value))
    return column, figures


def more_time(run: Run, progress: RunProgress) -> MoreTime | None:
    """Return what half as many epochs again would bring a run, None while its curve is too short to say."""
    column, figures = held_figures(run, progress)
    further = max(1, round(len(progress.rows) * FURTHER))
    scatter, seen = SCATTER, int(progress.preflight.get("val_images") or 0)
    if TASKS[run.task].names_pictures and seen and figures:  # one picture more or less is much where they are few
        scatter = max(SCATTER, scatter_of_counts(sum(figures) / len(figures), seen))
    rise = more_brings(figures, range(1, len(figures) + 1), further, scatter=scatter)
    if rise is None:
        return None
    room = 1 - max(float(row[column]) for row in progress.rows.values() if row.get(column) is not None)
    seconds = sorted(float(row.get("seconds") or 0) for row in progress.rows.values())
    # the best epoch is kept: nothing is lost by going on, and more than all can't be right
    low, value, high = (min(room, max(0.0, part or 0.0)) for part in (rise.low, rise.value, rise.high))
    kept = replace(rise, low=low, value=value, high=high)
    return MoreTime(column, further, further * seconds[len(seconds) // 2], kept)


def train_longer(run: Run, progress: RunProgress) -> str:
    """Say that training longer would help, with the rise it rests on; "" where the run's curve does not say so.

    It does where RISING is expected; with fewer epochs than that can be told from, where the last epoch is the best
    one and the headline figure rose by as much over the last third of them.
    """
    if run.state is not State.FINISHED:
        return ""
    table = progress.curves
    column = headline_among(run.task, map(str, table))
    if column is None:
        return ""
    values = [float(value) for value in table[column] if math.isfinite(value)]
    if len(values) < 2 or max(values) > values[-1]:
        return ""
    expected = more_time(run, progress)
    if expected is not None:
        pays = expected.rise.value >= RISING
        return f"Train longer first, by the validation pictures: {expected.words}" if pays else ""
    back = max(1, len(values) // 3)
    rise = values[-1] - values[-1 - back]
    if rise < RISING:
        return ""
    return (
        f"Train longer first: the last epoch was the best, and {metric_term(column)} still rose by {points(rise)} "
        f"points in the last {count(back, 'epoch') if back > 1 else 'epoch'}. Going on for {len(values)} more epochs "
        f"takes about as long again."
    )
