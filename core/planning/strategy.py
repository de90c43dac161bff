"""Which strategy suits a set, and why: from its size and how far it is from what the model knows.

The four cases are those of the CS231n notes (cs231n.github.io/transfer-learning). Where published comparisons on YOLO
models contradict them, the comparisons are followed: on sets far from COCO a frozen backbone lost every time
(PMC11063243, table 6: mAP50 .51 against .91; arXiv 2505.01016: ten points), so nothing is frozen there.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from core.planning.facts import DatasetFacts
from core.planning.source_distance import FAR
from core.strategies import Strategy
from core.strategies.fine_tune import FINE_TUNE
from core.strategies.frozen import FROZEN
from core.words import count

SMALL = 100
"""Training pictures below which a set is small: the whole model could learn them by heart."""


class Recommendation(BaseModel):
    """A strategy and why."""

    model_config = ConfigDict(frozen=True)

    strategy: Strategy
    reason: str = Field(description="one or two sentences in the user's words")
    distance: float | None = Field(default=None, description="measured distance from the source, None: not measured")


def recommend(facts: DatasetFacts, distance: float | None) -> Recommendation:
    """Recommend a strategy for a set and its measured distance from the model's source (see source_distance)."""
    size = count(facts.train, "training picture")
    if distance is None:
        return Recommendation(
            strategy=FINE_TUNE,
            reason=f"With {size} adjusting everything is the safe choice as long as it is not known how far your "
            "pictures are from what the model has seen.",
        )
    far, small = distance >= FAR, facts.train < SMALL
    where = f"your pictures are {'far from' if far else 'near'} what the model has seen (distance {distance:.2f})"
    start = f"{where[0].upper()}{where[1:]}, and {size} are enough to adjust everything"
    strategy = FINE_TUNE
    if small and not far:
        strategy = FROZEN
        reason = f"{size} are few, and {where}: what it sees serves as it is, and what is kept can't be spoilt by few."
    elif small:
        reason = (
            f"{size} are few, but {where}: the seeing part has to change too; kept as it is it did worse on such sets."
        )
    else:
        reason = f"{start}; it still starts better than from nothing." if far else f"{start} without spoiling it."
    return Recommendation(strategy=strategy, reason=reason, distance=distance)
