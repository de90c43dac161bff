"""Which picture to label next.

Pictures to check on (validation and test) come in random order, in proportion: chosen by what a model is unsure of,
they would be harder than the others, and every figure lower than the truth. Pictures to learn from come in the order of
what they teach: how unsure the model is of them, times how far they lie from those that are labelled or stand before
them in the queue, so that not ten twins come in a row (greedy core-set, Sener and Savarese 2018, weighted by
uncertainty).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.labelling.label import State
from core.labelling.labelling import Labelling, Picture
from core.labelling.proposals import read_proposals

RANDOM, CHECK, UNSURE, UNLIKE = "random", "to check on", "the model is unsure", "unlike what is labelled"
MOST_GREEDY = 1_000
"""Pictures that are put in order one by one; the others follow by uncertainty alone."""
LEAST = 0.05
"""Uncertainty a picture has at least: one the model is sure of, and unlike all others, may still come."""


def shuffled(ids: Sequence[str], seed: int = 0) -> list[str]:
    """Return ids in an order that chance and the seed make, the same on any machine."""
    return sorted(ids, key=lambda item: hashlib.sha256(f"{seed}|{item}".encode()).digest())


def interleaved(learn: Sequence[tuple[str, str]], check: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return two lists as one, each in its own order, both used up evenly."""
    merged = [(number / len(learn), 0, item) for number, item in enumerate(learn, 1)]
    merged += [((number - 0.5) / len(check), 1, item) for number, item in enumerate(check, 1)]
    return [item for _, _, item in sorted(merged, key=lambda entry: entry[:2])]


def doubtful_first(
    unsure: Mapping[str, float],
    vectors: Mapping[str, NDArray[np.float32]],
    labelled: Sequence[str],
) -> list[tuple[str, str]]:
    """Return the pictures of `unsure` (0 to 1 by id) with reasons: those in doubt and unlike the others first.

    `vectors` are features by id, of the labelled pictures too; without those the order is by uncertainty alone.
    """
    ids = sorted(unsure, key=lambda item: (-unsure[item], item))
    if not ids or any(item not in vectors for item in ids):
        return [(item, UNSURE) for item in ids]
    known = np.stack([vectors[item] for item in [*ids, *(item for item in labelled if item in vectors)]])
    known = (known - known.mean(axis=0)) / np.maximum(known.std(axis=0), 1e-6)
    points, others = known[: len(ids)], known[len(ids) :]
    doubt = np.maximum([unsure[item] for item in ids], LEAST)
    squares = (points**2).sum(axis=1)

    def away(rows: NDArray[np.float32]) -> NDArray[np.float32]:
        nearest = squares[:, None] + (rows**2).sum(axis=1) - 2 * points @ rows.T
        result: NDArray[np.float32] = np.sqrt(np.maximum(nearest.min(axis=1), 0))
        return result

    far = away(others) if len(others) else away(points.mean(axis=0, keepdims=True))
    usual = max(float(np.median(far)), 1e-6)
    left = np.ones(len(ids), dtype=bool)
    order: list[tuple[str, str]] = []
    for _ in range(min(len(ids), MOST_GREEDY)):
        chosen = int(np.argmax(np.where(left, doubt * far, -1)))
        order.append((ids[chosen], UNSURE if doubt[chosen] >= 0.5 or far[chosen] <= usual else UNLIKE))
        left[chosen] = False
        far = np.minimum(far, away(points[chosen : chosen + 1]))
    return order + [(ids[row], UNSURE) for row in np.flatnonzero(left)]


def queue(
    work: Labelling, *, random: bool = False, seed: int = 0, states: Mapping[str, State] | None = None
) -> list[tuple[Picture, str]]:
    """Return the open pictures with the reason why each comes when it does: as a model ordered them, else at random.

    `states` saves looking at every picture again.
    """
    states = work.states() if states is None else states
    waiting = [picture for picture in work.pictures.values() if states[picture.id] is State.OPEN]
    check = [(item, CHECK) for item in shuffled([p.id for p in waiting if p.split != "train"], seed)]
    learn_ids = [picture.id for picture in waiting if picture.split == "train"]
    learn = [(item, RANDOM) for item in shuffled(learn_ids, seed)]
    proposals = None if random else read_proposals(work.dataset)
    if proposals is not None and proposals.order:
        left = set(learn_ids)
        known = [(item, reason) for item, reason in proposals.order if item in left]
        placed = {item for item, _ in known}
        learn = known + [(item, reason) for item, reason in learn if item not in placed]
    return [(work.pictures[item], reason) for item, reason in interleaved(learn, check)]
