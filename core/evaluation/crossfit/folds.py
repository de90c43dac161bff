"""Which pictures are counted together while the others choose: folds of whole groups."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FOLDS = 3
REPEATS = 8
"""Two thirds choose and one third is counted, in eight divisions drawn by lot. With ten parts the choosers are nearly
the same pictures each time, so that a lucky epoch wins every time and its luck is not seen: the correction is right on
average and far off in a single set (bench/chosen_on_validation.py: its intervals then hold the truth in 85 of 100)."""


MANY = 300
"""Pictures from which on three divisions do, and ten times as many from which on one does: luck and its spread fall."""


def repeats_for(pictures: int) -> int:
    """Return how many divisions are drawn for so many pictures."""
    return REPEATS if pictures < MANY else 3 if pictures < 10 * MANY else 1


def draw_folds(
    member: NDArray[np.int64], folds: int = FOLDS, repeats: int = REPEATS, seed: int = 0
) -> NDArray[np.int64]:
    """Return (repeats, pictures): the fold of each picture, from 0; pictures of one group share it.

    `member` is the number of each picture's group. There are at most as many folds as groups.
    """
    units = int(member.max()) + 1 if len(member) else 0
    random = np.random.default_rng(seed)
    count = max(1, min(folds, units))
    return np.array([(random.permutation(units) % count)[member] for _ in range(repeats)], dtype=np.int64).reshape(
        repeats, len(member)
    )
