"""Adjust everything the model knows: the default."""

from core.strategies.strategy import Strategy

FINE_TUNE = Strategy(
    name="fine-tune",
    order=0,
    words="Start from everything the model knows and adjust all of it",
    term="fine-tuning",
    lesson="""
All layers may change. The copied ones start near a good place and move little, since the learning rate is small; the
new ones have farther to go. This is the usual choice when there are some hundred pictures or more.""",
)
