"""Random weights: the baseline that shows what transfer bought."""

from core.strategies.strategy import Strategy

SCRATCH = Strategy(
    name="scratch",
    order=4,
    words="Forget everything and start from random numbers",
    term="from scratch, for comparison",
    lesson="""
Every layer starts from random numbers (`pretrained=False`). Expect to need many times the pictures and epochs.""",
    reuses=False,
    steps_factor=4,
    rounds_factor=2,
    searched=False,
)
