"""After how many epochs a training ends: as many as were asked for, or as long as more of them pay. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.planning.learning_curve import more_brings
from core.ultralytics.trainers.schedule import falling_epochs

BLOCK = 0.25
"""It goes on by this share of the epochs so far, and asks again."""


def wanted_epochs(
    done: int,
    epochs: int,
    figures: Sequence[float],
    *,
    seconds_per_epoch: float = 0.0,
    pays: float | None = None,
    most: float = math.inf,
    patience: int = 0,
) -> int:
    """Return after how many epochs a training is to end whose rate is still held after `done` of `epochs`.

    `figures`: the figure by which the best is chosen, one per epoch at a held rate. `pays`: the rise per minute from
    which it goes on; None: it never does. `most`: epochs that may be trained, by the plan and by the time there is.
    `patience`: epochs without a new best after which the end is begun; 0 for never.
    """
    limit = int(max(done + 1, min(most, 10**9)))
    if epochs > limit:
        return limit
    best = max(range(len(figures)), key=figures.__getitem__, default=0)
    if patience and figures and len(figures) - 1 - best >= patience:
        return min(epochs, done + falling_epochs(done))
    further = min(limit, epochs + max(1, round(epochs * BLOCK)))
    if pays is None or done < epochs - falling_epochs(epochs) or further == epochs:
        return epochs
    rise = more_brings(figures, range(1, len(figures) + 1), further - epochs)
    minutes = (further - epochs) * seconds_per_epoch / 60
    return further if rise is not None and rise.value >= pays * minutes else epochs
