"""The charts of the Lab: the leaderboard with its intervals, learning over time, the curve through set sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core.lab.results import CurveResult, Row
from core.words import count, duration, score, thousands, value_between
from pages._ui.common import charts

COLOURS = ("#0072B2", "#E69F00", "#CC79A7", "#56B4E9", "#D55E00", "#8A8F85", "#B8A900")


@dataclass(frozen=True)
class Line:
    """One line over seconds of training."""

    name: str
    seconds: Sequence[float]
    values: Sequence[float]
    colour: str
    dash: str = "solid"


def leaderboard(rows: Sequence[Row], metric: str, chosen: str = "") -> go.Figure:
    """Return each contender's figure as a dot with its 95 % interval, the best at the top; early stops are hollow."""
    chart = charts.figure(height=110 + 44 * len(rows), hovermode="closest")
    for row in rows:
        if not row.figure.is_known:
            continue
        colour = charts.LEAF if row.label == chosen else charts.MUTED
        value = row.figure.value
        low, high = (row.figure.low, row.figure.high) if row.figure.has_interval else (value, value)
        chart.add_scatter(
            x=[low, high], y=[row.label, row.label], mode="lines", line={"color": colour, "width": 3}, opacity=0.55,
            hoverinfo="skip",
        )  # fmt: skip
        chart.add_scatter(
            x=[value], y=[row.label], mode="markers+text", text=[score(value)], textposition="top center",
            marker={"color": colour, "size": 12, "line": {"color": colour, "width": 2},
                    "symbol": "circle-open" if row.state == "stopped" else "circle"},
            hovertemplate=f"{row.label}: {value_between(row.figure, share=False)}, "
            f"after {count(row.epochs, 'epoch')} ({duration(row.seconds)})<extra></extra>",
        )  # fmt: skip
    chart.update_yaxes(categoryorder="array", categoryarray=[row.label for row in rows][::-1], showgrid=False,
                       nticks=len(rows) + 1, range=[-0.6, len(rows) - 0.3])  # fmt: skip
    known = [row.figure for row in rows if row.figure.is_known]
    most = max((item.high if item.has_interval else item.value for item in known), default=0.0)
    chart.update_xaxes(title=metric, showgrid=True, gridcolor=charts.GRID, nticks=6,
                       range=[-0.02 * max(most, 0.05), 1.06 * max(most, 0.05)])  # fmt: skip
    return chart


def over_time(lines: Sequence[Line], metric: str) -> go.Figure:
    """Return how each learned over the seconds of its training, named in the legend."""
    longest = max((line.seconds[-1] for line in lines if len(line.seconds)), default=1.0)
    unit, size = ("minutes", 60.0) if longest > 180 else ("seconds", 1.0)
    chart = charts.figure(height=330, showlegend=True)
    for line in lines:
        chart.add_scatter(
            x=[0.0, *[second / size for second in line.seconds]], y=[0.0, *line.values], name=line.name,
            mode="lines+markers", marker={"size": 5}, line={"color": line.colour, "width": 2.4, "dash": line.dash},
            hovertemplate="%{y:.3f}",
        )  # fmt: skip
    chart.update_layout(legend={"orientation": "h", "y": -0.28, "x": 0}, hovermode="closest")
    chart.update_xaxes(title=f"{unit} of training", rangemode="tozero")
    chart.update_yaxes(title=metric, rangemode="tozero")
    return chart


def trusted_curve(result: CurveResult) -> dict[str, list[float]]:
    """Return the curve through set sizes, empty where the answer says that nothing can be read from it."""
    return result.curve if result.looks_ahead else {}


def set_sizes(result: CurveResult, metric: str) -> go.Figure:
    """Return each training against its number of pictures; where they follow a curve, with it, band and look ahead."""
    chart = charts.figure(height=380, hovermode="closest")
    points, curve = result.points, trusted_curve(result)
    whole = max((point.pictures for point in points), default=0)
    if curve:
        x = curve["pictures"]
        if "low" in curve:
            chart.add_scatter(x=[*x, *x[::-1]], y=[*curve["high"], *curve["low"][::-1]], fill="toself", mode="lines",
                              line={"width": 0}, fillcolor="rgba(63,154,99,0.16)", hoverinfo="skip")  # fmt: skip
        for known, dash in ((True, "solid"), (False, "dot")):
            part = [(n, y) for n, y in zip(x, curve["value"], strict=True) if (n <= whole * 1.03) == known]
            chart.add_scatter(x=[n for n, _ in part], y=[y for _, y in part], mode="lines",
                              line={"color": charts.LEAF, "width": 2.4, "dash": dash},
                              hovertemplate="%{x:.0f} pictures: %{y:.3f}<extra></extra>")  # fmt: skip
        chart.add_vline(x=2 * whole, line={"color": charts.MUTED, "width": 1, "dash": "dot"})
        chart.add_annotation(x=0.301 + _log10(whole), xref="x", y=1, yref="paper", text="twice as many",
                             showarrow=False, yanchor="bottom", font={"color": charts.MUTED, "size": 12})  # fmt: skip
    chart.add_scatter(
        x=[point.pictures for point in points], y=[point.figure.value for point in points], mode="markers",
        marker={"color": "#3D9BD9", "size": 9},
        error_y={"type": "data", "symmetric": False, "color": "rgba(61,155,217,0.75)", "thickness": 1.6,
                 "array": [point.figure.high - point.figure.value for point in points],
                 "arrayminus": [point.figure.value - point.figure.low for point in points]},
        hovertemplate="%{x} pictures: %{y:.3f}<extra></extra>",
    )  # fmt: skip
    sizes = sorted({point.pictures for point in points} | ({2 * whole, 4 * whole} if curve else set()))
    chart.update_xaxes(
        title="training pictures", type="log", tickvals=sizes, ticktext=[thousands(size) for size in sizes]
    )
    chart.update_yaxes(title=metric, rangemode="tozero")
    return chart


def _log10(value: float) -> float:
    import math

    return math.log10(value) if value > 0 else 0.0
