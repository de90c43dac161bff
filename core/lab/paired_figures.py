"""Who is better, and how sure that is: figures of several runs on the same draws of pictures, over seeds.

Each contender's figure is the mean over its trainings (seeds). A draw takes as many validation pictures as there are,
with replacement, the same ones for everybody, and for each contender as many of its own trainings: so the interval
holds both the luck of the pictures and, with two seeds or more, the luck of the training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.evaluation.compare import paired_draws
from core.evaluation.evaluation import evaluate_run
from core.evaluation.figures.figure import Difference, Figure
from core.evaluation.figures.intervals import Draws, interval
from core.workspace import Workspace


def draws_by_name(
    workspace: Workspace, runs: Mapping[str, Sequence[str]], metric: str, split: str = "val"
) -> dict[str, Draws]:
    """Return for each name the figure of its runs as they are (row 0) and in every draw of pictures and seeds."""
    everybody = list(dict.fromkeys(run for group in runs.values() for run in group))
    drawn = paired_draws([evaluate_run(workspace, run, split) for run in everybody])
    by_run = {run: draws[metric] for run, draws in zip(everybody, drawn, strict=True)}
    return {
        name: over_seeds(np.array([by_run[run] for run in group]), number)
        for number, (name, group) in enumerate(runs.items())
    }


def over_seeds(table: Draws, seed: int = 0) -> Draws:
    """Return the mean over the trainings in a (trainings, draws) table; row 0 of the draws takes each once.

    Drawing from k trainings makes their spread look smaller than it is by (k - 1) / k in variance; the deviations
    are widened by that much (Davison and Hinkley 1997, chapter 2).
    """
    trainings, draws = table.shape
    if trainings == 1:
        only: Draws = table[0]
        return only
    random = np.random.default_rng([11, seed])
    chosen = random.integers(0, trainings, (trainings, draws))
    middle = table.mean(axis=0)
    off = (np.take_along_axis(table, chosen, axis=0) - middle).mean(axis=0)
    mixed: Draws = middle + off * np.sqrt(trainings / (trainings - 1))
    mixed[0] = middle[0]
    return mixed


def figure(draws: Draws) -> Figure:
    """Return the figure of a row of draws with its interval."""
    low, high = interval(draws[1:])
    return Figure(float(draws[0]), low, high)


def difference(one: Draws, other: Draws) -> Difference:
    """Return `one` minus `other` on the same draws."""
    low, high = interval(one[1:] - other[1:])
    return Difference(float(one[0] - other[0]), low, high)
