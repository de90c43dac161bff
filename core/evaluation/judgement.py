"""Which of two models is better: one judgement for comparisons, for the Lab and for every page that says it.

Nothing is better than nothing: where neither has learned anything to speak of there is no better one. A lead counts
when its 95 % interval leaves out zero, and when what is counted at the operating point does not say the opposite.
"""

from __future__ import annotations

from typing import Literal

from core.evaluation.figures.figure import Difference

LEARNED = 0.01
"""A best figure below this says that nothing was learned; there is nothing to choose from then."""
CHANCE = 0.05
"""A run of fewer mistakes on so many more pictures is no chance when it comes up less often than this."""

Judgement = Literal["unknown", "nothing learned", "undecided", "disagree", "a", "b"]


def has_learned(*figures: float) -> bool:
    """Say whether the best of these headline figures (0 to 1) shows that something was learned."""
    return max(figures) >= LEARNED


def judge(a: float, b: float, difference: Difference, wins_a: int = 0, wins_b: int = 0) -> Judgement:
    """Return which of two headline figures is the better one; `difference` is b minus a.

    `wins_a` and `wins_b` are the pictures on which each makes fewer mistakes at its operating point. "disagree" is
    said where the headline is decided and these pictures say the opposite beyond chance (a sign test).
    """
    if not difference.is_known:
        return "unknown"
    if not has_learned(a, b):
        return "nothing learned"
    if not difference.decided:
        return "undecided"
    better: Judgement = "b" if difference.low > 0 else "a"
    ahead, behind = (wins_b, wins_a) if better == "b" else (wins_a, wins_b)
    return "disagree" if behind > ahead and _sign_test(ahead, behind) < CHANCE else better


def _sign_test(fewer: int, more: int) -> float:
    """Return how often a fair coin gives so few of the one side, or fewer, in either direction."""
    from scipy.stats import binomtest  # takes a while to import, and few ask for it

    return float(binomtest(fewer, fewer + more).pvalue)
