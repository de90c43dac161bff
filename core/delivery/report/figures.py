"""The drawings of the report as inline SVG: curves, intervals, bars and the matrix; no script, no outside font.

Text inherits the page's font; every drawing has a title that says in words what it shows. Names are escaped here, so
that the page can take a drawing as it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from markupsafe import Markup

from core.evaluation.figures.figure import Figure

INK, QUIET, RULE, LEAF, AMBER = "#10140E", "#5F645B", "#DDD9CC", "#2B7A4B", "#B07400"
LINES = ("#0072B2", "#D55E00", "#009E73", "#8C8C8C", "#CC79A7")
Point = tuple[float, float]


def curves(
    series: Mapping[str, Sequence[float]], title: str, *, best: int | None = None, top: float | None = None
) -> Markup:
    """Return a line chart over epochs 1, 2, ...; values may be NaN. `best` marks an epoch, `top` is the upper end."""
    width, height, left, right, above, below = 460, 210, 40, 118, 14, 30
    values = [value for line in series.values() for value in line if math.isfinite(value)]
    count = max((len(line) for line in series.values()), default=0)
    if not values or count == 0:
        return Markup()
    high = top if top is not None else _round_up(max(values))
    low = 0.0 if min(values) >= 0 else min(values)

    def place(index: int, value: float) -> Point:
        x = left + (width - left - right) * (index / max(count - 1, 1) if count > 1 else 0.5)
        return x, above + (height - above - below) * (1 - (value - low) / max(high - low, 1e-9))

    parts = []
    for share in (0, 0.5, 1):
        value = low + (high - low) * share
        _, y = place(0, value)
        parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{width - right}" y2="{y:.1f}" stroke="{RULE}"/>')
        parts.append(_text(left - 6, y + 3.5, _short(value), "end", QUIET))
    for epoch in sorted({1, count}):
        parts.append(_text(place(epoch - 1, low)[0], height - below + 16, str(epoch), "middle", QUIET))
    parts.append(_text((left + width - right) / 2, height - 2, "epoch", "middle", QUIET))
    if best is not None and 1 <= best <= count:
        x = place(best - 1, low)[0]
        parts.append(f'<line x1="{x:.1f}" y1="{above}" x2="{x:.1f}" y2="{height - below}" stroke="{LEAF}" '
                     'stroke-dasharray="3 3"/>')  # fmt: skip
        parts.append(_text(x, above - 3, "best", "middle", LEAF))
    ends: list[tuple[float, str, str]] = []
    for number, (name, line) in enumerate(series.items()):
        points = [place(index, value) for index, value in enumerate(line) if math.isfinite(value)]
        if not points:
            continue
        colour = LINES[number % len(LINES)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        if len(points) > 1:
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<circle cx="{points[-1][0]:.1f}" cy="{points[-1][1]:.1f}" r="3" fill="{colour}"/>')
        ends.append((points[-1][1], name, colour))
    lowest = -math.inf
    for y, name, colour in sorted(ends):
        lowest = max(y, lowest + 13)  # labels that would lie on each other move down
        parts.append(_text(width - right + 10, lowest + 4, name, "start", colour))
    return _svg(width, height, title, parts)


def interval(figure: Figure, title: str) -> Markup:
    """Return a share from 0 to 1 as a point on a rule with its interval as a band."""
    width, height = 180, 22
    if not figure.is_known:
        return Markup()
    x = 8 + (width - 16) * min(max(figure.value, 0), 1)
    parts = [f'<line x1="8" y1="11" x2="{width - 8}" y2="11" stroke="{RULE}" stroke-width="2"/>']
    if figure.has_interval:
        start, end = 8 + (width - 16) * max(figure.low, 0), 8 + (width - 16) * min(figure.high, 1)
        parts.append(f'<rect x="{start:.1f}" y="6" width="{max(end - start, 1):.1f}" height="10" rx="5" '
                     f'fill="{LEAF}" fill-opacity="0.28"/>')  # fmt: skip
    parts.append(f'<circle cx="{x:.1f}" cy="11" r="4.5" fill="{LEAF}"/>')
    return _svg(width, height, title, parts)


def bar(share: float, title: str, colour: str = LEAF) -> Markup:
    """Return a share from 0 to 1 as a bar."""
    width = 120
    length = width * min(max(share, 0), 1) if math.isfinite(share) else 0
    ground = f'<rect width="{width}" height="8" y="4" rx="2" fill="{RULE}" fill-opacity="0.6"/>'
    return _svg(width, 16, title, [ground, f'<rect width="{length:.1f}" height="8" y="4" rx="2" fill="{colour}"/>'])


def matrix(names: Sequence[str], across: Sequence[str], counts: Sequence[Sequence[int]], title: str) -> Markup:
    """Return a confusion matrix: rows labelled, columns predicted, the darker the larger the share of its row."""
    cell, left, above = 46, 132, 92
    width, height = left + cell * len(across) + 40, above + cell * len(names) + 8
    parts = []
    for column, name in enumerate(across):
        x = left + cell * column + cell / 2
        parts.append(f'<text x="{x:.1f}" y="{above - 8}" fill="{INK}" font-size="11" '
                     f'transform="rotate(-40 {x:.1f} {above - 8})">{escape(name[:18])}</text>')  # fmt: skip
    for row, name in enumerate(names):
        y = above + cell * row
        parts.append(_text(left - 8, y + cell / 2 + 4, name[:20], "end", INK))
        total = sum(counts[row]) or 1
        for column, count in enumerate(counts[row]):
            right = row == column and name == across[column]
            share = count / total
            x = left + cell * column
            parts.append(f'<rect x="{x + 1}" y="{y + 1}" width="{cell - 2}" height="{cell - 2}" rx="3" '
                         f'fill="{LEAF if right else AMBER}" fill-opacity="{0.06 + 0.74 * share:.2f}"/>')  # fmt: skip
            ink = "#FFFFFF" if share > 0.62 and right else INK
            if count:
                parts.append(_text(x + cell / 2, y + cell / 2 + 4, str(count), "middle", ink))
    return _svg(width, height, title, parts)


def _svg(width: float, height: float, title: str, parts: list[str]) -> Markup:
    inside = "".join(parts)
    return Markup(  # noqa: S704
        f'<svg role="img" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}">'
        f"<title>{escape(title)}</title>{inside}</svg>"
    )


def _text(x: float, y: float, words: str, anchor: str, colour: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="11">{escape(words)}</text>'


def _round_up(value: float) -> float:
    if value <= 0:
        return 1.0
    step = 10.0 ** math.floor(math.log10(value))
    return next(step * factor for factor in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * factor >= value)


def _short(value: float) -> str:
    return f"{value:.3g}"
