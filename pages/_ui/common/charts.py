"""One look for all charts: few gridlines, direct labels, no toolbar; colours of text and ground follow the theme."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
import streamlit as st

from core.data.palette import class_colour
from core.metric_words import metric_term
from core.words import SPLIT_WORDS, thousands

LEAF = "#3F9A63"
"""The one green, readable on the light and on the dark ground."""
MUTED = "#8A8F85"
GRID = "rgba(138, 143, 133, 0.22)"
WARNING = "#C98A1B"
FAILURE = "#CB5A4E"

TEMPLATE = go.layout.Template(
    layout={
        "margin": {"l": 8, "r": 16, "t": 28, "b": 8},
        "hovermode": "x unified",
        "showlegend": False,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "bargap": 0.35,
        "xaxis": {"showgrid": False, "zeroline": False, "automargin": True, "ticks": "", "fixedrange": True},
        "yaxis": {"gridcolor": GRID, "zeroline": False, "automargin": True, "nticks": 5, "fixedrange": True},
        "legend": {"orientation": "h", "y": 1.12, "x": 0},
        "hoverlabel": {"font": {"size": 13}},
    }
)
pio.templates["graft"] = TEMPLATE


def figure(height: int = 280, **layout: object) -> go.Figure:
    """Return an empty figure with Graft's template."""
    made = go.Figure()
    made.update_layout(template="graft", height=height, **layout)
    return made


def show(chart: go.Figure, alt: str, key: str) -> None:
    """Show a figure; `alt` says in a sentence what it shows, for those who can't see it."""
    st.plotly_chart(chart, key=key, alt=alt, config={"displayModeBar": False, "responsive": True})


def axis_names(names: Iterable[str], longest: int = 28) -> list[str]:
    """Return names as an axis can carry them: at most `longest` letters, no two the same, marks of HTML as written.

    Of names that begin alike the ends are kept as well, else the axis would put them on one row.
    """
    shown: list[str] = []
    for name in names:
        half = (longest - 1) // 2
        ways = [name] if len(name) <= longest else [f"{name[: longest - 1]}…", f"{name[:half]}…{name[-half:]}"]
        ways += [f"{ways[0]} ({number})" for number in range(2, len(shown) + 3)]
        shown.append(next(way for way in ways if way not in shown))
    return [escape(way, quote=False) for way in shown]


def bars(
    counts: Mapping[str, Mapping[str, int]],
    classes: Sequence[str],
    unit: str = "objects",
    numbers: Sequence[int] | None = None,
) -> go.Figure:
    """Return stacked bars: one row per class, a lighter shade for each further split; `counts` is split -> class -> n.

    `numbers` are the ids the classes are coloured by, where they are not 0, 1, 2 and so on.
    """
    chart = figure(height=70 + 30 * len(classes), barmode="stack", hovermode="closest")
    shades = {"train": 1.0, "val": 0.6, "test": 0.32}
    names = axis_names(classes)
    for split, shade in shades.items():
        if split not in counts:
            continue
        values = [counts[split].get(name, 0) for name in classes]
        colours = [class_colour(index) for index in numbers or range(len(classes))]
        chart.add_bar(
            y=names, x=values, name=SPLIT_WORDS[split], orientation="h",
            marker={"color": colours, "opacity": shade, "line": {"width": 0}},
            hovertemplate="%{y}: %{x:,} " + unit + f" in {SPLIT_WORDS[split]}<extra></extra>",
        )  # fmt: skip
    totals = [sum(counts[split].get(name, 0) for split in counts) for name in classes]
    chart.add_scatter(
        y=names, x=totals, mode="text", text=[f" {thousands(total)}" for total in totals], textposition="middle right",
        hoverinfo="skip", showlegend=False, cliponaxis=False,
    )  # fmt: skip
    chart.update_yaxes(autorange="reversed", showgrid=False, type="category", nticks=len(classes) + 1)
    chart.update_xaxes(visible=False, range=[0, max([*totals, 1]) * 1.14])
    return chart


def curves(
    table: pd.DataFrame, columns: Sequence[str], *, best: int | None = None, epochs: int | None = None,
    top: float | None = None, height: int = 280,
) -> go.Figure:  # fmt: skip
    """Return lines over epochs, each labelled at its end; `best` marks the best epoch, `epochs` fixes the width."""
    chart = figure(height=height)
    colours = [LEAF, "#0072B2", "#E69F00", "#CC79A7", "#56B4E9", "#D55E00"]
    last = float(table["epoch"].max()) if len(table) else 1
    ends: list[tuple[float, float, str, str]] = []
    for column, colour in zip(columns, colours, strict=False):
        line = table[["epoch", column]].dropna()
        if line.empty:
            continue
        title = metric_term(column)
        chart.add_scatter(
            x=line["epoch"], y=line[column], name=title, mode="lines+markers" if len(line) < 12 else "lines",
            line={"color": colour, "width": 2.4}, marker={"size": 5}, hovertemplate="%{y:.3f}",
        )  # fmt: skip
        ends.append((float(line["epoch"].iloc[-1]), float(line[column].iloc[-1]), title, colour))
    _label_ends(chart, ends, top, height)
    if best is not None:
        chart.add_vline(x=best, line={"color": MUTED, "width": 1, "dash": "dot"})
        chart.add_annotation(x=best, y=1, yref="paper", yanchor="bottom", text=f"best: epoch {best}", showarrow=False,
                             font={"color": MUTED, "size": 12})  # fmt: skip
    end = max(epochs or 0, last, 2)
    chart.update_xaxes(title={"text": "epoch", "standoff": 4}, range=[0.7, end + 0.3], tickformat="d",
                       **({"dtick": 1} if end <= 8 else {"nticks": 8}))  # fmt: skip
    chart.update_layout(margin={"r": 76})
    if top is not None:
        chart.update_yaxes(range=[0, top])
    return chart


def _label_ends(
    chart: go.Figure, ends: Sequence[tuple[float, float, str, str]], top: float | None, height: int
) -> None:
    """Write each line's name at its end, moved apart where they would cover each other."""
    if not ends:
        return
    values = [y for trace in chart.data for y in trace.y]
    low, high = (0.0, top) if top is not None else (min(values), max(values))
    pixels = (height - 80) / ((high - low) or 1.0)
    lowest = None
    for x, y, title, colour in sorted(ends, key=lambda end: end[1]):
        place = (y - low) * pixels
        shift = 0.0 if lowest is None else max(0.0, lowest + 16 - place)
        lowest = place + shift
        chart.add_annotation(x=x, y=y, yshift=shift, text=f'<span style="color:{colour}">●</span> {title}',
                             showarrow=False, xanchor="left", xshift=6, font={"size": 13})  # fmt: skip


def scatter_sizes(table: pd.DataFrame, classes: Sequence[str]) -> go.Figure:
    """Return object widths against heights as percentages of the picture; `table` has class_id, width, height."""
    chart = figure(height=320, hovermode="closest")
    for class_id, part in table.groupby(table["class_id"].astype(int)):
        name = classes[class_id] if class_id < len(classes) else str(class_id)
        chart.add_scattergl(
            x=part["width"] * 100, y=part["height"] * 100, mode="markers", name=name,
            marker={"color": class_colour(class_id), "size": 5, "opacity": 0.55},
            hovertemplate=name + ": %{x:.1f} % wide, %{y:.1f} % high<extra></extra>",
        )  # fmt: skip
    chart.update_xaxes(title="width, % of the picture", rangemode="tozero")
    chart.update_yaxes(title="height, % of the picture", rangemode="tozero")
    return chart


def heat_positions(table: pd.DataFrame) -> go.Figure:
    """Return where objects lie in their pictures, as a density over a 12 x 12 grid; `table` has x, y (0 to 1)."""
    chart = figure(height=320, hovermode="closest")
    chart.add_histogram2d(
        x=table["x"], y=table["y"], xbins={"start": 0, "end": 1, "size": 1 / 12},
        ybins={"start": 0, "end": 1, "size": 1 / 12}, showscale=False,
        hovertemplate="%{z} objects here<extra></extra>",
        colorscale=[[0, "rgba(63,154,99,0.04)"], [1, "rgba(43,122,75,1)"]],
    )  # fmt: skip
    chart.update_xaxes(range=[0, 1], showticklabels=False, title="left to right")
    chart.update_yaxes(range=[1, 0], showticklabels=False, showgrid=False, title="top to bottom")
    return chart
