"""Successive halving: all contenders train a little, the better half trains on (Jamieson and Talwalkar 2016)."""

from __future__ import annotations

import math
from collections.abc import Mapping

FACTOR = 3
"""How many times longer each rung trains than the one before."""
FINALISTS = 2
"""So many go the whole way at least: a winner needs somebody to be compared with."""


def rungs(epochs: int, contenders: int, *, halving: bool = True) -> list[int]:
    """Return the epochs at which the field is looked at, rising, `epochs` last.

    Four contenders and 9 epochs: [3, 9]. Eight and 27: [3, 9, 27]. Up to FINALISTS contenders there is one rung.
    """
    if not halving or contenders <= FINALISTS:
        return [epochs]
    halvings = math.ceil(math.log2(contenders / FINALISTS))
    steps = {max(1, round(epochs / FACTOR**cut)) for cut in range(halvings + 1)}
    return sorted(steps)


def survivors(scores: Mapping[str, float], *, last: bool = False) -> list[str]:
    """Return who trains on, the best first: half of the field rounded up, at least FINALISTS; all after the last rung.

    A contender without a figure (NaN) is never ahead of one that has one.
    """
    order = sorted(scores, key=lambda name: -scores[name] if scores[name] == scores[name] else math.inf)
    return order if last else order[: max(FINALISTS, math.ceil(len(order) / 2))]
