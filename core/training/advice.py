"""Would training longer help? What the curve of a run says about it."""

from __future__ import annotations

import math

from core.metric_words import headline_among, metric_term
from core.training.records.progress import RunProgress
from core.training.store import Run, State
from core.words import count, points

RISING = 0.01
"""Rise of the headline figure over the last third of the epochs from which a curve counts as rising."""


def train_longer(run: Run, progress: RunProgress) -> str:
    """Say that training longer would help, with the rise it rests on; "" where the run's curve does not say so.

    It does where the last epoch is the best one and the headline figure rose over the last third of the epochs.
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
    back = max(1, len(values) // 3)
    rise = values[-1] - values[-1 - back]
    if rise < RISING:
        return ""
    return (
        f"Train longer first: the last epoch was the best, and {metric_term(column)} still rose by {points(rise)} "
        f"points in the last {count(back, 'epoch') if back > 1 else 'epoch'}. Going on for {len(values)} more epochs "
        f"takes about as long again."
    )
