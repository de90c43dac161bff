"""One judgement of two models: what is called better, and what is not."""

import pytest

from core.evaluation.figures.figure import Difference
from core.evaluation.judgement import judge

SURE, OPEN = Difference(0.04, 0.01, 0.07), Difference(0.04, -0.01, 0.09)


@pytest.mark.parametrize(
    ("a", "b", "difference", "wins", "expected"),
    [
        (0.50, 0.54, SURE, (3, 9), "b"),
        (0.54, 0.50, -SURE, (9, 3), "a"),
        (0.50, 0.54, OPEN, (3, 9), "undecided"),
        (0.001, 0.005, Difference(0.004, 0.001, 0.007), (21, 0), "nothing learned"),
        (0.50, 0.54, SURE, (21, 0), "disagree"),
        (0.50, 0.54, SURE, (2, 1), "b"),
        (0.50, 0.54, Difference(), (0, 0), "unknown"),
    ],
)
def test_better_is_said_where_everything_speaks_for_it(
    a: float, b: float, difference: Difference, wins: tuple[int, int], expected: str
) -> None:
    assert judge(a, b, difference, *wins) == expected
