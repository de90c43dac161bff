"""Rates of decisions about whole units, with exact intervals, and what they come to at a stated prevalence.

Units are independent of each other, so the interval of Clopper and Pearson (1934, Biometrika 26: 404-413) holds for any
number of them; where nothing was missed its upper end is the bound. What follows from two rates (predictive values,
parts per million) is drawn from the confidence distributions of both (Beta with half a unit added on either side).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.evaluation.figures.figure import UNKNOWN, Figure
from core.evaluation.figures.intervals import exact

Draws = NDArray[np.float64]
DRAWS = 20_000


def exact_rate(part: float, whole: float) -> Figure:
    """Return part / whole with its 95 % interval by Clopper and Pearson; unknown for nothing counted.

    `part` may be corrected and so not a whole number.
    """
    if whole <= 0:
        return UNKNOWN
    part = min(max(part, 0.0), whole)
    return Figure(part / whole, *exact(part, whole))


def _drawn(part: float, whole: float, seed: int) -> Draws:
    random = np.random.default_rng(seed)
    return random.beta(part + 0.5, whole - part + 0.5, DRAWS)


def _through(
    formula: Callable[[Draws, Draws], Draws], escaped: float, bad: float, overkilled: float, good: float
) -> Figure:
    """Return a figure of escape rate and overkill rate; unknown where one of them is."""
    if bad <= 0 or good <= 0:
        return UNKNOWN
    with np.errstate(invalid="ignore", divide="ignore"):
        value = formula(np.array([escaped / bad]), np.array([overkilled / good]))[0]
        draws = formula(_drawn(escaped, bad, 1), _drawn(overkilled, good, 2))
    draws = draws[np.isfinite(draws)]
    if not len(draws) or not math.isfinite(value):
        return UNKNOWN
    low, high = np.quantile(draws, [0.025, 0.975])
    return Figure(float(value), float(min(low, value)), float(max(high, value)))


def at_prevalence(prevalence: float, escaped: float, bad: float, overkilled: float, good: float) -> dict[str, Figure]:
    """Return what rates come to where a share `prevalence` of the units is bad, all shares from 0 to 1.

    `PPV`: of what is rejected, the share that is bad. `NPV`: of what is passed, the share that is good. `escaped`: bad
    units passed, of all units. `overkill`: good units rejected, of all units. `passed defective`: of what is passed,
    the share that is bad. Unknown without both bad and good units, but for what needs only one of them.
    """
    p, q = prevalence, 1 - prevalence
    counts = escaped, bad, overkilled, good
    escape, overkill = exact_rate(escaped, bad), exact_rate(overkilled, good)
    return {
        "PPV": _through(lambda e, o: p * (1 - e) / (p * (1 - e) + q * o), *counts),
        "NPV": _through(lambda e, o: q * (1 - o) / (q * (1 - o) + p * e), *counts),
        "escaped": Figure(p * escape.value, p * escape.low, p * escape.high),
        "overkill": Figure(q * overkill.value, q * overkill.low, q * overkill.high),
        "passed defective": _through(lambda e, o: p * e / (q * (1 - o) + p * e), *counts),
    }
