"""The words for numbers, times, metrics and states."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core import metric_words, words
from core.evaluation.figures.figure import Figure
from core.tasks import TASKS
from core.training.store import State

NAN, INF = float("nan"), float("inf")
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def table(function: Callable[..., str], *rows: tuple[Any, str]) -> Any:
    """Return parameters for a function of words: what goes in (a tuple for several) and what comes out."""
    return [
        pytest.param(function, given if isinstance(given, tuple) else (given,), expected, id=f"{function.__name__}-{n}")
        for n, (given, expected) in enumerate(rows)
    ]


@pytest.mark.parametrize(
    ("function", "given", "expected"),
    [
        *table(words.thousands, (0, "0"), (999, "999"), (1_240, "1,240")),
        *table(
            words.count,
            ((0, "picture"), "0 pictures"),
            ((1, "picture"), "1 picture"),
            ((1_240, "picture"), "1,240 pictures"),
            ((1, "class"), "1 class"),
            ((2, "class"), "2 classes"),
            ((2, "match", "matches"), "2 matches"),
        ),
        *table(words.out_of, ((42, 49), "42 of 49"), ((1, 1, "object"), "1 of 1 object"),
               ((2_000, 3_000), "2,000 of 3,000")),
        *table(words.times, (0, "0 times"), (1, "once"), (3, "3 times")),
        *table(words.millions, (2_572_280, "2.6 M"), (0, "0.0 M"), (58_900_000, "58.9 M")),
        *table(
            words.percent,
            (None, "–"),
            (NAN, "–"),
            (INF, "–"),
            (0, "0 %"),
            (-0.0, "0 %"),
            (-0.001, "0 %"),
            (0.0001, "under 0.1 %"),
            (0.004, "0.4 %"),
            (0.0096, "1.0 %"),
            (0.014, "1 %"),
            (0.921, "92 %"),
            (0.99, "99 %"),
            (0.994, "99.4 %"),
            (0.9996, "over 99.9 %"),
            (1, "100 %"),
        ),
        *table(
            words.score,
            (None, "–"),
            (NAN, "–"),
            (0, "0.000"),
            (-0.0, "0.000"),
            (-0.0001, "0.000"),
            (0.92149, "0.921"),
            (1, "1.000"),
        ),
        *table(
            words.between,
            (Figure(0.9, 0.83, 0.97), "between 83 and 97 %"),
            (Figure(0.5, 0.921, 0.9249), "between 92.1 and 92.5 %"),
            (Figure(0.5, 0.0, 0.123), "between 0 and 12 %"),
            (Figure(0.5, 1.0, 1.0), "between 100 and 100 %"),
            (Figure(0.5, NAN, NAN), "interval not known"),
            (SimpleNamespace(value=0.4, low=None, high=None), "interval not known"),
        ),
        *table(words.from_to, (Figure(0.5, 0.83, 0.97), "83 to 97 %"), (Figure(0.5, NAN, 0.97), "interval not known")),
        *table(
            words.value_between,
            (Figure(0.92, 0.83, 0.97), "92 %, between 83 and 97 %"),
            (Figure(0.9232, 0.921, 0.9249), "92.3 %, between 92.1 and 92.5 %"),
            (Figure(0.004, 0.0, 0.02), "0.4 %, between 0 and 2 %"),
            (Figure(0.92, NAN, NAN), "92 %"),
            (SimpleNamespace(value=0.92, low=None, high=None), "92 %"),
            (Figure(NAN, NAN, NAN), "–"),
        ),
        *table(words.value_from_to, (Figure(0.92, 0.83, 0.97), "92 % (83 to 97 %)"), (Figure(NAN, 0.1, 0.2), "–")),
        *table(
            words.points,
            (None, "–"),
            (0, "0.0"),
            (0.0004, "0.0"),
            (-0.007, "0.7"),
            (0.0996, "10"),
            (0.142, "14"),
        ),
        *table(
            words.signed,
            (None, "–"),
            (NAN, "–"),
            (0, "0.0"),
            (-0.0, "0.0"),
            (-0.0004, "0.0"),
            (0.007, "+0.7"),
            (-0.142, "−14"),
            (-0.021, "−2.1"),
            (0.5, "+50"),
        ),
        *table(words.span, ((-0.02, 0.091), "between −2.0 and 9.1"), ((0.05, 0.15), "between 5.0 and 15")),
        *table(
            words.duration,
            (None, "–"),
            (NAN, "–"),
            (-3, "0 s"),
            (0, "0 s"),
            (0.4, "0 s"),
            (59.6, "60 s"),
            (89.4, "89 s"),
            (89.6, "1 min 30 s"),
            (100, "1 min 40 s"),
            (118, "2 min"),
            (594, "9 min 50 s"),
            (596, "10 min"),
            (3_599, "60 min"),
            (5_369, "89 min"),
            (5_400, "1 h 30 min"),
            (7_200, "2 h"),
            (86_399, "24 h"),
            (100_000, "28 h"),
            (172_800, "2 days"),
            (190_800, "2 days 5 h"),
        ),
        *table(words.about, (None, "an unknown time"), (NAN, "an unknown time"), (2_100, "about 35 min")),
        *table(words.time_left, (None, "time left not known yet"), (240, "about 4 min left")),
        *table(words.milliseconds, (None, "–"), (9.44, "9.4 ms"), (61.2, "61 ms")),
        *table(
            words.megabytes,
            (None, "–"),
            (0, "0 bytes"),
            (1, "1 byte"),
            (12, "12 bytes"),
            (1_500, "1.5 kB"),
            (999_700, "1.0 MB"),
            (5_600_000, "5.6 MB"),
            (9_960_000, "10 MB"),
            (121_000_000, "121 MB"),
            (1_240e9, "1,240 GB"),
        ),
        *table(words.memory, (16 * 2**30, "16 GB"), (2**29, "512 MB"), (1.5 * 2**30, "1.5 GB")),
        *table(words.state_words, ("running", "training"), (State.STOPPED, "stopped, best kept"), ("new", "new")),
        *table(metric_words.metric_words, ("mAP50-95", "exact fit (mAP50-95)"), ("dfl", "dfl")),
        *table(metric_words.metric_title, ("recall", "Found (recall)"), ("dfl", "Dfl")),
        *table(
            metric_words.metric_value, (("recall", 0.921), "92 %"), (("mAP50", 0.921), "0.921"), (("unknown", NAN), "–")
        ),
        *table(
            words.ago,
            ((None, NOW), "–"),
            ((NOW + timedelta(seconds=5), NOW), "just now"),
            ((NOW - timedelta(seconds=59.6), NOW), "just now"),
            ((NOW - timedelta(minutes=12), NOW), "12 min ago"),
            ((NOW - timedelta(hours=3), NOW), "3 h ago"),
            ((NOW - timedelta(days=1, hours=1), NOW), "yesterday"),
            (((NOW - timedelta(days=30)).replace(tzinfo=None), NOW), "4 April 2026"),
        ),
    ],
)  # fmt: skip
def test_words(function: Callable[..., str], given: tuple[Any, ...], expected: str) -> None:
    assert function(*given) == expected


def test_scores_and_their_intervals_have_three_digits() -> None:
    assert words.between(Figure(0.9, 0.8311, 0.9698), share=False) == "between 0.831 and 0.970"
    assert words.from_to(Figure(0.9, -0.0, 0.9698), share=False) == "0.000 to 0.970"
    assert words.value_from_to(Figure(0.9, 0.8311, 0.9698), share=False) == "0.900 (0.831 to 0.970)"


@pytest.mark.parametrize("value", [0.0, 0.003, 0.0098, 0.42, 0.4249, 0.985, 0.9951, 1.0])
@pytest.mark.parametrize("width", [0.0, 0.0002, 0.003, 0.02, 0.3])
def test_no_figure_reads_as_if_it_lay_outside_of_its_interval(value: float, width: float) -> None:
    low, high = max(0.0, value - width), min(1.0, value + width)
    told = words.value_between(Figure(value, low, high))
    number, ends = told.split(" %, between ")
    first, second = (float(end) for end in ends.removesuffix(" %").split(" and "))
    assert first <= float(number) <= second, told


def test_every_state_of_a_run_and_nothing_else_has_words() -> None:
    assert set(words.STATE_WORDS) == {str(state) for state in State}


def test_no_two_metrics_share_a_name_and_every_one_says_what_it_means() -> None:
    titles = [metric_words.metric_title(name) for name in metric_words.METRICS]
    assert len(set(titles)) == len(titles)
    figures = {name for record in TASKS.values() for name in (record.headline, *record.report_figures)}
    assert figures <= set(metric_words.METRICS)
    assert metric_words.metric_help("mAP50", in_training=True) != metric_words.metric_help("mAP50")
    assert metric_words.metric_help("loss") is None


def test_the_headline_is_that_of_the_task_and_its_own_measure_goes_first() -> None:
    run = ["mAP50", "mAP50-95", "mask mAP50", "mask mAP50-95"]
    assert metric_words.headline_among("segment", run) == "mask mAP50-95"
    assert metric_words.own_figures("segment", ["recall", *run]) == ["recall", "mask mAP50", "mask mAP50-95"]
    assert metric_words.own_figures("detect", ["recall", "mAP50"]) == ["recall", "mAP50"]
    assert metric_words.own_figures("segment", ["mAP50"]) == ["mAP50"], "there is no other"
    assert metric_words.headline_among("detect", run[:2]) == "mAP50-95"
    assert metric_words.headline_among("classify", run) is None


ROOT = Path(__file__).resolve().parents[1]
BY_HAND = {
    "core/words.py": "the one place",
    "core/delivery/notebook/code.py": "code for a notebook that runs without Graft",
    "core/delivery/bundle/files": "scripts that run without Graft",
    "core/models/starter/make.py": "a developer's script",
    "core/data/formats/tools/labelstudio.py": "a row of a file, quoted as it stands",
}
"""Where numbers may be put into words by hand, and why."""
UNITS = re.compile(r" ?(%|(s|min|h|kB|MB|GB|ms|seconds?|minutes?|hours?|days?|bytes)\b)")


def by_hand(source: str) -> list[str]:
    """Return the places where a text formats a percentage, a time, bytes, thousands, a score or a plural by itself."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            for part, after in zip(node.values, [*node.values[1:], None], strict=True):
                if not isinstance(part, ast.FormattedValue):
                    continue
                form = ast.unparse(part.format_spec)[2:-1] if part.format_spec else ""
                text = after.value if isinstance(after, ast.Constant) else ""
                if form in (",", ".3f", ".0%") or (is_number(part) and UNITS.match(str(text))):
                    found.append(f"line {node.lineno}: {ast.unparse(part)}{text}")
        elif isinstance(node, ast.IfExp) and {"", "s"} == {
            getattr(side, "value", 0) for side in (node.body, node.orelse)
        }:
            found.append(f"line {node.lineno}: {ast.unparse(node)}")
    return found


def is_number(part: ast.FormattedValue) -> bool:
    """Say whether a part of a text is formatted as a number, or worked out in place."""
    form = ast.unparse(part.format_spec)[2:-1] if part.format_spec else ""
    return form[-1:] in ("f", "g", "d") or isinstance(part.value, ast.BinOp)


def test_numbers_are_put_into_words_in_one_place() -> None:
    files = [path for top in ("core", "pages") for path in (ROOT / top).rglob("*.py")]
    names = {path: path.relative_to(ROOT).as_posix() for path in files}
    found = {
        name: places
        for path, name in names.items()
        if not name.startswith(tuple(BY_HAND)) and (places := by_hand(path.read_text(encoding="utf-8")))
    }
    assert found == {}
    assert all(any(name.startswith(known) for name in names.values()) for known in BY_HAND)


def test_why_the_validator_counts_otherwise_is_true_of_the_task() -> None:
    assert "box" not in metric_words.validator_words({"top1": 0.9, "top5": 1.0})
    assert "box" in metric_words.validator_words({"mAP50": 0.9})
    assert metric_words.validator_words({}) == ""


@pytest.mark.parametrize(
    "line",
    [
        'f"{100 * share:.0f} %"',
        'f"{share:.0%}"',
        'f"{seconds / 60:.0f} min"',
        'f"{seconds:.1f} s left"',
        'f"{size // 1000} MB"',
        'f"{len(files):,} files"',
        'f"{value:.3f}"',
        "f\"{n} file{'' if n == 1 else 's'}\"",
    ],
)
def test_a_number_in_words_by_hand_is_seen(line: str) -> None:
    assert by_hand(line)
