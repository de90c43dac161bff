"""The result and the losses of a run over its epochs, drawn."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.metric_words import own_figures
from core.training.records.progress import read_progress
from core.words import count, score
from core.workspace import Workspace
from pages._ui.common.charts import curves, show
from pages._ui.common.looking import run_now

HEADLINES = (
    "mAP50", "mAP50-95", "mask mAP50", "mask mAP50-95", "pose mAP50", "pose mAP50-95", "top1", "top5", "mIoU",
    "pixel_accuracy",
)  # fmt: skip
"""Figures that need no threshold: hits and false alarms are told on the Evaluation page, at the line drawn there."""
FLAT = 0.02
"""A loss that never reaches this share of the largest one looks like a flat line; YOLO26's l1 is such a one."""


def draw_curves(workspace: Workspace, run_id: str, _: bool) -> None:
    """Draw the result and the losses, as far as they are known."""
    run = run_now(workspace, run_id)
    progress = read_progress(run)
    table = progress.curves
    if table.empty:
        st.caption("The curves begin with the end of the first epoch.")
        return
    results = own_figures(run.task, [name for name in HEADLINES if name in table and table[name].notna().any()])
    made = run_id, progress.epochs_done, repr(progress.rows[max(progress.rows)])
    if results:
        st.caption("On the validation pictures, as Ultralytics’ validator counts after each epoch: higher is better")
        last = ", ".join(f"{name} {score(table[name].dropna().iloc[-1])}" for name in results)
        chart = _chart((*made, "results"), table, results, progress.best_epoch, progress.epochs, 1.0, 280)
        show(chart, f"Results over {count(len(table), 'epoch')}; last: {last}", f"results_{run_id}")
    losses = [("train/", "On the training pictures"), ("val/", "On the validation pictures")]
    for side, (prefix, words) in zip(st.columns(2), losses, strict=True):
        names = [str(name) for name in table if str(name).startswith(prefix) and table[name].fillna(0).any()]
        if names:
            shown, tiny = worth_drawing(table, names)
            short = table.rename(columns={name: _loss_words(name) for name in names})
            with side:
                st.caption(f"{words}: losses, lower is better")
                columns = [_loss_words(name) for name in shown]
                chart = _chart((*made, prefix), short, columns, None, progress.epochs, None, 220)
                show(chart, f"{words}, losses over the epochs", f"losses_{prefix[:-1]}_{run_id}")
                if tiny:
                    last = ", ".join(f"{_loss_words(name)} {table[name].dropna().iloc[-1]:.2g}" for name in tiny)
                    st.caption(f"Too small to be drawn beside them: {last}, counted on a scale of its own.")


@st.cache_resource(max_entries=200, show_spinner=False)
def _chart(
    made: tuple[object, ...],  # noqa: ARG001  (tells when the table has changed)
    _table: pd.DataFrame,
    columns: list[str],
    best: int | None,
    epochs: int,
    top: float | None,
    height: int,
) -> go.Figure:
    """Return the curves of so many epochs: drawn once for all who look."""
    return curves(_table, columns, best=best, epochs=epochs, top=top, height=height)


def worth_drawing(table: pd.DataFrame, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Divide losses into those to draw and those that would lie flat on the axis beside the others."""
    largest = max(float(table[name].median()) for name in names)
    tiny = [name for name in names if float(table[name].max()) < FLAT * largest]
    return [name for name in names if name not in tiny], tiny


def _loss_words(name: str) -> str:
    short = name.split("/")[-1].removesuffix("_loss")
    return {"box": "where", "cls": "what", "dfl": "edges", "l1": "edges", "loss": "loss", "seg": "outline",
            "dis": "unlike the teacher", "ce": "what", "dice": "areas"}.get(short, short)  # fmt: skip
