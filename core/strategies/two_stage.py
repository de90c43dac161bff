"""Frozen first, then everything at a lower rate."""

from core.strategies.strategy import Strategy

TWO_STAGE = Strategy(
    name="two-stage",
    order=2,
    words="First teach the deciding part, then adjust everything gently",
    term="two-stage",
    lesson="""
First only neck and head learn, so that the random numbers of the new layers can't disturb the copied ones; then all
layers learn, at a lower rate. Plain Ultralytics has no setting for it. The two functions below are called back by its
trainer and do what Graft does: the same schedule, one training.""",
    frozen_share=0.3,
    later_rate=0.3,
    several_gpus=False,
)
