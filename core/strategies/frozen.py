"""The backbone as a fixed feature extractor."""

from core.strategies.strategy import Strategy

FROZEN = Strategy(
    name="frozen",
    order=1,
    words="Keep the seeing part as it is and teach only the deciding part",
    term="frozen backbone",
    lesson="""
The backbone stays exactly as it was (`freeze`, its batch-norm statistics included) and serves as a fixed way of seeing:
only the neck and the head learn. It is quick, hard to overfit, and the best choice for very few pictures that look like
photographs. It can't learn to see what its first training never needed, such as the texture of an X-ray.""",
    frozen_share=1.0,
)
