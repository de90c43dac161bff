"""The loss of a network with two heads (YOLO26): how much each head counts moves from many boxes per thing to one."""

from __future__ import annotations

from typing import Any

from core.ultralytics.networks import has_nms_free_head


def begin_loss(network: Any) -> None:
    """Give a network a loss of its own, which its `loss` method then uses."""
    network.criterion = network.init_criterion()


def weigh_heads(network: Any, many: float) -> None:
    """Let the head that finds many boxes per thing count `many`, 0 to 1, and the head that finds one the rest."""
    network.criterion.o2m = many
    network.criterion.o2o = 1 - many


def continue_loss(network: Any, epochs_done: int) -> None:
    """Bring the weights of the two heads to where they are after `epochs_done` epochs, as `resume_training` does."""
    if hasattr(network, "end2end") and has_nms_free_head(network):
        begin_loss(network)
        network.criterion.updates = epochs_done - 1
        network.criterion.update()
