"""How each strategy treats the pre-trained layers: which are frozen, and for how long.

Frozen layers keep their batch-norm statistics (Ultralytics puts them in eval by `freeze_layer_names`). At which rate
the others learn is set in core/ultralytics/trainers/rates.py.
"""

from __future__ import annotations

from core.spec import Strategy, TrainingSpec

FIRST_STAGE_SHARE = 0.3
"""Two-stage: the share of the epochs in which the backbone is frozen."""


def first_stage_epochs(spec: TrainingSpec) -> int:
    """Return how many epochs of a two-stage run keep the backbone frozen (at least 1, at most all but one)."""
    return max(1, min(spec.epochs - 1, round(spec.epochs * FIRST_STAGE_SHARE)))


def freeze_argument(spec: TrainingSpec, layers: int) -> int | None:
    """Return Ultralytics' `freeze` for a strategy: as many first layers as set by hand, else the whole backbone.

    None where nothing is frozen by the strategy (what `freeze` among the expert settings says holds then).
    """
    if spec.strategy not in (Strategy.FROZEN, Strategy.TWO_STAGE):
        return None
    by_hand = spec.extra.get("freeze")
    return by_hand if isinstance(by_hand, int) and by_hand > 0 else layers
