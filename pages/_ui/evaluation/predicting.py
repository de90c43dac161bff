"""Letting a run look at a part's pictures while the page says how far it is and how long it takes."""

from __future__ import annotations

import time

import streamlit as st

from core.evaluation.evaluation import evaluate_run
from core.jobs import Progress
from core.training.store import Run
from core.words import duration
from core.workspace import Workspace


def predict_with_bar(workspace: Workspace, run: Run, split: str, *, open_test: bool = False, who: str = "") -> None:
    """Look at the pictures of a split with a progress bar in words, and store what the model sees.

    `who` names the run where there are several. Raises GraftError as `evaluate_run` does.
    """
    begun: list[float] = []
    with st.container(key=f"predicting_{run.id}"):
        bar = st.progress(0.0, f"{who}Starting the model; that takes about ten seconds …")

        def say(step: Progress) -> None:
            if not begun:
                begun.append(time.monotonic())
            share = min(1.0, step.done / max(step.total, 1))
            spent = time.monotonic() - begun[0]
            left = spent * (1 - share) / share if share > 0.05 and spent > 1 else None
            words = f"{who}{step.stage}: {step.done} of {step.total}"
            if share >= 1:
                words = f"{who}Working out the figures and how sure they are …"
            bar.progress(share, words + (f", about {duration(left)} left" if left is not None and share < 1 else ""))

        try:
            evaluate_run(workspace, run.id, split, open_test=open_test, progress=say)
        finally:
            bar.empty()
