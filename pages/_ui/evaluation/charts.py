"""The charts of the evaluation: intervals, curves, reliability, error budget, the matrix with cells to choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from textwrap import wrap

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.data.palette import class_colour
from core.evaluation.compare import ComparedMetric
from core.evaluation.figures.calibration import Bin
from core.evaluation.figures.error_budget import ErrorCost
from core.evaluation.figures.figure import Figure
from core.words import count, points, score, signed, span
from pages._ui.common import charts

MATRIX_CLASSES = 12
"""Classes the matrix shows; the rest would be too small to read or hit with a finger."""


def intervals(rows: Sequence[tuple[str, Figure, str, str]]) -> go.Figure:
    """Return one dot per row with its 95 % interval as a bar; a row is (name, figure, colour, words for the hover)."""
    chart = charts.figure(height=84 + 34 * len(rows), hovermode="closest")
    names = charts.axis_names((name for name, *_ in rows), 22)
    for name, (_, figure, colour, words) in zip(names, rows, strict=True):
        if not figure.is_known:
            continue
        if figure.has_interval:
            chart.add_scatter(
                x=[figure.low * 100, figure.high * 100], y=[name] * 2, mode="lines", hoverinfo="skip",
                opacity=0.38, line={"color": colour, "width": 9},
            )  # fmt: skip
        chart.add_scatter(
            x=[figure.value * 100], y=[name], mode="markers", marker={"color": colour, "size": 11},
            hovertemplate=f"{escape(words, quote=False)}<extra></extra>",
        )  # fmt: skip
    chart.update_xaxes(range=[-2, 104], tickvals=[0, 20, 40, 60, 80, 100], showgrid=True,
                       ticktext=["0", "20 %", "40 %", "60 %", "80 %", "100 %"], gridcolor=charts.GRID)  # fmt: skip
    chart.update_yaxes(autorange="reversed", showgrid=False, type="category", nticks=len(rows) + 1)
    return chart


def differences(rows: Sequence[tuple[str, ComparedMetric]], first: str, second: str) -> go.Figure:
    """Return the difference of each figure in points, its interval as a bar: green or red only when it is decided."""
    chart = charts.figure(height=134 + 38 * len(rows), hovermode="closest", margin_t=52)
    widest = 1.0
    for name, item in rows:
        gain = item.difference
        if not gain.is_known:
            continue
        value, low, high = 100 * gain.value, 100 * gain.low, 100 * gain.high
        widest = max(widest, abs(low), abs(high))
        colour = {"b": charts.LEAF, "a": charts.FAILURE}.get(item.verdict, charts.MUTED)
        chart.add_scatter(x=[low, high], y=[name] * 2, mode="lines", hoverinfo="skip", opacity=0.4,
                          line={"color": colour, "width": 10})  # fmt: skip
        chart.add_scatter(
            x=[value], y=[name], mode="markers", marker={"color": colour, "size": 11},
            hovertemplate=f"{name}: {signed(gain.value)} points, {span(gain.low, gain.high)}<extra></extra>",
        )  # fmt: skip
    chart.add_vline(x=0, line={"color": charts.MUTED, "width": 1.5})
    one, other = charts.axis_names((first, second), 30)
    for text, x, anchor, line in (
        (f"◀ {one}", 0.0, "left", 18),
        (f"{other} ▶", 1.0, "right", 0),
    ):  # on two lines: beside each other they would overlap on a phone
        chart.add_annotation(x=x, y=1, xref="paper", yref="paper", yanchor="bottom", xanchor=anchor, text=text,
                             yshift=line, showarrow=False, font={"color": charts.MUTED, "size": 12})  # fmt: skip
    chart.update_xaxes(range=[-1.1 * widest, 1.1 * widest], title="points", showgrid=True, gridcolor=charts.GRID)
    chart.update_yaxes(autorange="reversed", showgrid=False, nticks=len(rows) + 1)
    return chart


def precision_recall(curves: pd.DataFrame, classes: Sequence[str]) -> go.Figure:
    """Return precision over recall, one line per class (the eight with the most points when there are more)."""
    chart = charts.figure(height=340, hovermode="closest", showlegend=True)
    drawn = list(curves["class"].value_counts().index[:8])
    for name, shown in zip(drawn, charts.axis_names(map(str, drawn), 22), strict=True):
        part = curves[curves["class"] == name]
        chart.add_scatter(
            x=part["recall"] * 100, y=part["precision"] * 100, name=shown, mode="lines",
            line={"color": class_colour(classes.index(name)), "width": 2.2}, customdata=part["confidence"],
            hovertemplate=f"{shown}: finds %{{x:.0f}} %, right %{{y:.0f}} %<br>"
            "at confidence %{customdata:.2f}<extra></extra>",
        )  # fmt: skip
    chart.update_xaxes(title="found of all there are (recall)", ticksuffix=" %", range=[0, 102])
    chart.update_yaxes(title="right when it reports (precision)", ticksuffix=" %", range=[0, 104])
    return chart


def by_confidence(curve: pd.DataFrame, confidence: float | None) -> go.Figure:
    """Return precision, recall and F1 over the confidence, the operating point marked."""
    chart = charts.figure(height=320)
    for column, words, colour in (
        ("recall", "found (recall)", charts.LEAF),
        ("precision", "right (precision)", "#0072B2"),
        ("F1", "balance (F1)", charts.MUTED),
    ):
        part = curve[["confidence", column]].dropna()
        chart.add_scatter(
            x=part["confidence"], y=part[column] * 100, name=words, mode="lines",
            line={"color": colour, "width": 2.2}, hovertemplate=words + " %{y:.0f} %<extra></extra>",
        )  # fmt: skip
    _mark(chart, confidence)
    chart.update_layout(showlegend=True)
    chart.update_xaxes(title="confidence a finding must reach", range=[0, 1])
    chart.update_yaxes(ticksuffix=" %", range=[0, 104])
    return chart


def froc(curve: pd.DataFrame, confidence: float | None) -> go.Figure:
    """Return sensitivity over false alarms per picture, with the operating point as a dot."""
    chart = charts.figure(height=320, hovermode="closest")
    part = curve[["false_alarms_per_picture", "recall", "confidence"]].dropna()
    chart.add_scatter(
        x=part["false_alarms_per_picture"], y=part["recall"] * 100, mode="lines",
        line={"color": charts.LEAF, "width": 2.4}, customdata=part["confidence"],
        hovertemplate="finds %{y:.0f} % with %{x:.2f} false alarms per picture<br>"
        "at confidence %{customdata:.2f}<extra></extra>",
    )  # fmt: skip
    if confidence is not None and len(part):
        reached = int((part["confidence"] >= confidence).sum())  # rows come in order of falling confidence
        here = part.iloc[max(reached - 1, 0)]
        chart.add_scatter(
            x=[here["false_alarms_per_picture"]], y=[here["recall"] * 100], mode="markers+text", text=["here"],
            textposition="bottom right", marker={"color": charts.WARNING, "size": 12, "symbol": "diamond"},
            hoverinfo="skip",
        )  # fmt: skip
        top = max(2.0, float(here["false_alarms_per_picture"]) * 2)
        chart.update_xaxes(range=[0, min(top, float(part["false_alarms_per_picture"].max()) + 0.05)])
    chart.update_xaxes(title="false alarms per picture")
    chart.update_yaxes(title="found (sensitivity)", ticksuffix=" %", range=[0, 104])
    return chart


def roc(curve: pd.DataFrame, confidence: float) -> go.Figure:
    """Return sensitivity over the share of false alarms, with the line of a classifier as a dot."""
    chart = charts.figure(height=320, hovermode="closest")
    part = curve[["specificity", "sensitivity", "confidence"]].dropna()
    alarms, found = (1 - part["specificity"]) * 100, part["sensitivity"] * 100
    chart.add_scatter(
        x=[0.0, *alarms], y=[0.0, *found], mode="lines", line={"color": charts.LEAF, "width": 2.4, "shape": "hv"},
        customdata=[1.0, *part["confidence"]],
        hovertemplate="finds %{y:.0f} % and flags %{x:.0f} % of the others<br>at confidence %{customdata:.2f}"
        "<extra></extra>",
    )  # fmt: skip
    if len(part):
        reached = int((part["confidence"] >= confidence).sum())  # rows come in order of falling confidence
        here = (alarms.iloc[reached - 1], found.iloc[reached - 1]) if reached else (0.0, 0.0)
        chart.add_scatter(
            x=[here[0]], y=[here[1]], mode="markers+text", text=["here"], textposition="bottom right",
            marker={"color": charts.WARNING, "size": 12, "symbol": "diamond"}, hoverinfo="skip",
        )  # fmt: skip
    chart.update_xaxes(title="of the others flagged (1 - specificity)", ticksuffix=" %", range=[-2, 102])
    chart.update_yaxes(title="found (sensitivity)", ticksuffix=" %", range=[0, 104])
    return chart


def reliability(bins: Sequence[Bin], scaled: Sequence[Bin] = ()) -> go.Figure:
    """Return how often findings are right over how sure the model says it is; the diagonal is perfect honesty.

    `scaled` are the bins after the correction, drawn dashed.
    """
    chart = charts.figure(height=320, hovermode="closest")
    chart.add_scatter(
        x=[0, 1], y=[0, 100], mode="lines", hoverinfo="skip", line={"color": charts.MUTED, "width": 1, "dash": "dot"}
    )
    chart.add_scatter(
        x=[item.confidence for item in bins], y=[item.correct * 100 for item in bins], mode="lines+markers",
        line={"color": charts.LEAF, "width": 2.2}, customdata=[item.count for item in bins],
        marker={"size": [6 + min(14, item.count ** 0.5) for item in bins], "color": charts.LEAF},
        hovertemplate="says %{x:.0%}, right in %{y:.0f} % of %{customdata} findings<extra></extra>",
    )  # fmt: skip
    if scaled:
        chart.add_scatter(
            x=[item.confidence for item in scaled], y=[item.correct * 100 for item in scaled],
            mode="lines+markers", line={"color": "#0072B2", "width": 2, "dash": "dash"}, marker={"size": 6},
            hovertemplate="corrected, says %{x:.0%}, right in %{y:.0f} %<extra></extra>",
        )  # fmt: skip
    chart.update_xaxes(
        title="how sure it says it is",
        range=[0, 1],
        tickvals=[0, 0.2, 0.4, 0.6, 0.8, 1],
        ticktext=["0", "20 %", "40 %", "60 %", "80 %", "100 %"],
    )
    chart.update_yaxes(title="how often it is right", ticksuffix=" %", range=[0, 104])
    return chart


def error_budget(errors: Mapping[str, ErrorCost], words: Mapping[str, str]) -> go.Figure:
    """Return what each kind of mistake costs in points of mAP50, the dearest first."""
    rows = sorted(errors.items(), key=lambda item: -item[1].cost)
    names = ["<br>".join(wrap(words[kind], 26)) for kind, _ in rows]  # leaves room for the figures on a phone
    costs = [100 * item.cost for _, item in rows]
    chart = charts.figure(height=70 + 38 * len(rows), hovermode="closest")
    chart.add_bar(
        y=names, x=costs, orientation="h", marker={"color": charts.WARNING, "line": {"width": 0}},
        text=[f" {points(item.cost)} points, {count(item.count, 'time')}" for _, item in rows],
        textposition="outside", cliponaxis=False,
        hovertemplate="%{y}: repairing these alone would gain %{x:.1f} points of mAP50<extra></extra>",
    )  # fmt: skip
    chart.update_yaxes(autorange="reversed", showgrid=False, nticks=len(rows) + 1)
    chart.update_xaxes(visible=False, range=[0, max([*costs, 1]) * 2.4])
    return chart


def matrix_classes(matrix: NDArray[np.int64]) -> list[int]:
    """Return the classes worth a row: those that occur, the most frequent up to MATRIX_CLASSES, in their own order."""
    size = len(matrix)
    weight = matrix.sum(axis=0) + matrix.sum(axis=1) - np.diag(matrix)
    chosen = [index for index in np.argsort(-weight, kind="stable") if weight[index] > 0][:MATRIX_CLASSES]
    return sorted(int(index) for index in chosen) or list(range(min(size, MATRIX_CLASSES)))


def matrix_chart(table: pd.DataFrame) -> go.Figure:
    """Return the confusion matrix as squares that can be chosen; customdata is (row name, column name)."""
    rows = [str(name) for name in table.index]
    columns = [str(name) for name in table.columns]
    across, down = charts.axis_names(columns, 14), charts.axis_names(rows, 18)
    values = table.to_numpy()
    share = values / np.maximum(values.sum(axis=1, keepdims=True), 1)
    grid = [(row, column) for row in range(len(rows)) for column in range(len(columns))]
    side = max(22, min(48, int(560 / max(len(columns), 1)) - 8))  # four still stand side by side on a phone
    colours = [
        f"rgba({'63,154,99' if rows[row] == columns[column] else '203,90,78'},{0.06 + 0.8 * share[row, column]:.2f})"
        for row, column in grid
    ]
    chart = charts.figure(height=110 + (side + 8) * len(rows), hovermode="closest")
    chart.add_scatter(
        x=[across[column] for _, column in grid], y=[down[row] for row, _ in grid],
        mode="markers+text", text=[str(values[cell]) if values[cell] else "" for cell in grid],
        customdata=[[rows[row], columns[column]] for row, column in grid], textfont={"size": 14},
        marker={"symbol": "square", "size": side, "color": colours, "line": {"width": 0}},
        selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 0.55}},
        hovertemplate="labelled %{customdata[0]}, answered %{customdata[1]}: %{text}<extra></extra>",
    )  # fmt: skip
    chart.update_xaxes(side="top", title="the model’s answer", type="category", nticks=len(columns) + 1)
    chart.update_yaxes(autorange="reversed", title="the label", type="category", showgrid=False, nticks=len(rows) + 1)
    return chart


def _mark(chart: go.Figure, confidence: float | None) -> None:
    if confidence is None:
        return
    chart.add_vline(x=confidence, line={"color": charts.WARNING, "width": 1.5, "dash": "dot"})
    chart.add_annotation(
        x=confidence, y=1, yref="paper", yanchor="bottom", text=score(confidence), showarrow=False,
        font={"color": charts.WARNING, "size": 12},
    )  # fmt: skip
