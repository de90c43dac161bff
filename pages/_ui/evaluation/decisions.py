"""What the answers come to for whoever decides by them: plain words first, then each rate with its definition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st
from pydantic import ValidationError

from core.evaluation.decisions.decide import Decisions, counted_words, decide, million_words, rate_words
from core.evaluation.decisions.settings import DecisionSettings
from core.evaluation.decisions.units import good_class
from core.evaluation.evaluation import Evaluation
from core.training.store import Run
from core.words import thousands
from pages._ui.common.formatting import plain


def show_decisions(run: Run, evaluation: Evaluation) -> None:
    """Ask for what Graft can't know, and say what would be decided."""
    settings = _asked(run, evaluation)
    if settings is None:
        return
    decisions = decide(evaluation, settings)
    first, *rest = decisions.sentences
    st.markdown(f"**{plain(first)}**")
    for sentence in rest:
        st.markdown(plain(sentence))
    if not decisions.units:
        return
    st.caption(plain(counted_words(decisions)))
    with st.expander("Each rate, with its interval and definition", key="decision_rates", type="compact"):
        st.dataframe(_table(decisions), hide_index=True)
        st.caption(
            "Intervals are exact ones of Clopper and Pearson for counted units; what follows from two rates is drawn "
            "from both."
        )


def _asked(run: Run, evaluation: Evaluation) -> DecisionSettings | None:
    told = evaluation.detector is not None or evaluation.point is not None
    asks_class = not told and good_class(evaluation.classes, DecisionSettings()) is None
    return ask_decisions(run, evaluation.classes if asks_class else [])


def ask_decisions(run: Run, classes: Sequence[str]) -> DecisionSettings | None:
    """Return what was stated about practice, the same on every page; None while it can't be read.

    `classes` are those to choose the good one from, [] where it need not be asked for.
    """
    fields = DecisionSettings.model_fields
    values: dict[str, Any] = {}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for name in ("prevalence", "unit"):
            values[name] = st.text_input(
                fields[name].title or name, key=f"decision_{name}_{run.id}", help=fields[name].description,
                placeholder="such as 2 % or 500 ppm" if name == "prevalence" else "such as part or patient",
                persist_state="session",
            )  # fmt: skip
    if classes:
        values["good"] = st.selectbox(
            fields["good"].title or "good", classes, index=None, key=f"decision_good_{run.id}",
            help=fields["good"].description,
        ) or ""  # fmt: skip
    try:
        return DecisionSettings.model_validate(values)
    except ValidationError as error:
        st.error(plain(error.errors()[0]["msg"].removeprefix("Value error, ") + "."), icon=":material/error:")
        return None


def _table(decisions: Decisions) -> pd.DataFrame:
    rows = []
    for rate in decisions.rates.values():
        counted = "" if rate.part is None else f"{thousands(rate.part)} of {thousands(rate.whole or 0)}"
        rows.append({
            "rate": rate.title, "to expect": rate_words(rate.figure), "per million": million_words(rate.figure),
            "counted here": counted, "meaning": rate.definition,
        })  # fmt: skip
    return pd.DataFrame(rows)
