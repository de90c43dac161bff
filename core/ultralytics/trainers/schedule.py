"""When the rate of a trainer is held and when it falls: warm-up, a constant rate, and a short fall at the end.

Ultralytics lets the rate fall from the first epoch to a last one that has to be guessed beforehand; whoever goes on
later goes on from a rate near nothing. Here it is held, and falls over the last epochs only (Hu et al. 2024, arXiv
2404.06395; Hägele et al. 2024, arXiv 2405.18392): how many epochs there will be can be decided on the way, and the
state before the fall is where more training begins. While the rate falls whole pictures are seen instead of collages.

The average of the weights, which is what is judged and kept, reaches back over a share of all steps so far.
Ultralytics' own takes 2,000 steps to begin to reach back at all (`ModelEMA`, 8.4.190): 320 steps would have none.
"""

from __future__ import annotations

import math
from typing import Any

from core.ultralytics.loss import begin_loss, weigh_heads
from core.ultralytics.networks import has_nms_free_head
from core.ultralytics.trainers.distillation import student

FALL = 0.3
"""Share of all epochs over which the rate falls."""
REACH = 0.1
"""Steps that the average reaches back, as a share of the steps so far."""
MANY_AT_FIRST, MANY_AT_LAST = 0.8, 0.1
"""How much the head that finds many boxes per thing counts in a network with two, at a held rate and when it has
fallen: Ultralytics' own first and last weights (`E2ELoss`, 8.4.190)."""


def falling_epochs(epochs: int) -> int:
    """Return over how many of `epochs` the rate falls: one at least."""
    return max(1, round(epochs * FALL))


class Schedule:
    """The rate of a trainer that has been set up: held, and falling over the last epochs of as many as are wanted."""

    def __init__(self, trainer: Any, epochs: int, fall: int | None = None, *, close_mosaic: bool = True) -> None:
        """Take the rate over; in `on_train_start`. `close_mosaic`: whether the fall is when collages end."""
        self.trainer, self.close_mosaic = trainer, close_mosaic
        self.two_heads = has_nms_free_head(student(trainer.model))
        trainer.lf = self.share
        trainer.scheduler.lr_lambdas = [self.share] * len(trainer.scheduler.lr_lambdas)
        trainer.ema.decay = remembered
        trainer.stopper.patience = math.inf  # it ends after a fall only
        self.end_at(epochs, fall)

    def end_at(self, epochs: int, fall: int | None = None) -> None:
        """Let the training end after `epochs`, the rate falling over the last `fall` of them (FALL's share)."""
        self.epochs, self.fall = epochs, fall or falling_epochs(epochs)
        self.trainer.epochs = self.trainer.args.epochs = epochs
        if self.close_mosaic:
            self.trainer.args.close_mosaic = self.fall

    @property
    def falls_from(self) -> int:
        """Epochs before the rate falls."""
        return self.epochs - self.fall

    def share(self, epoch: float) -> float:
        """Return the share of the rate in an epoch, counted from 0: it falls with the root, soon much, then little."""
        if epoch < self.falls_from:
            return 1.0
        lowest: float = self.trainer.args.lrf
        fallen = math.sqrt((epoch - self.falls_from + 1) / (self.fall + 0.5))
        return lowest + (1 - lowest) * (1 - fallen)

    def begin_epoch(self) -> None:
        """Set what moves with the rate: how much each of two heads counts; at the start of every epoch."""
        if not self.two_heads:
            return
        network = student(self.trainer.model)
        if getattr(network, "criterion", None) is None:
            begin_loss(network)
        weigh_heads(network, MANY_AT_LAST + (MANY_AT_FIRST - MANY_AT_LAST) * self.share(self.trainer.epoch))


def remembered(steps: int) -> float:
    """Return how much of the average stays in its next update, after `steps`."""
    reach = REACH * steps
    return min(0.9999, reach / (reach + 1))
