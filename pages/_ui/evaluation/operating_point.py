"""Where the line is drawn between a finding and nothing: by what matters most, or by hand; kept with the model."""

from __future__ import annotations

import streamlit as st

from core.evaluation.crossfit.rules import MAX_F1
from core.evaluation.decisions.drawn_line import (
    LIKELIEST,
    aims_of,
    draw_line,
    keep_line,
    line_for,
    positive_class,
    roc_of,
)
from core.evaluation.decisions.line_settings import AIM_WORDS, LineSettings
from core.evaluation.detection import Detector
from core.evaluation.evaluation import Evaluation
from core.evaluation.figures.operating_point import load_operating_point
from core.evaluation.review import picture_verdict
from core.training.store import Run
from core.words import count, percent, score, thousands, value_between
from core.workspace import Workspace
from pages._ui.common import charts
from pages._ui.common.formatting import plain
from pages._ui.evaluation import charts as evaluation_charts
from pages._ui.evaluation.evaluations import evaluation_of

SAME_LINE = 0.0006
"""Two lines this near are one: the slider moves by thousandths."""


def slider_key(run: Run) -> str:
    """Return the key of the threshold's widget: one per run, so that runs don't share a line."""
    return f"confidence_{run.id}_{st.session_state.get(f'line_again_{run.id}', 0)}"


def line_leaves(run: Run) -> None:
    """Call this where the page ends without its slider.

    Streamlit 1.67 would show a slider that comes back under its old key at 0, and the next click would send that.
    """
    st.session_state[f"line_again_{run.id}"] = st.session_state.get(f"line_again_{run.id}", 0) + 1


def drawn_line(run: Run, chosen: float) -> float:
    """Return the confidence at which the line is drawn: as it was left, at first the `chosen` operating point.

    It is noted each time, as the slider's own value goes when its page is left.
    """
    left = f"line_left_{run.id}"
    line = float(st.session_state.setdefault(slider_key(run), float(st.session_state.get(left, chosen))))
    if abs(line - chosen) > SAME_LINE:
        st.session_state[left] = line
    else:
        st.session_state.pop(left, None)  # so that it follows what is chosen elsewhere
    return line


def show_line(run: Run, evaluation: Evaluation) -> None:
    """Show where the line is drawn, to be moved."""
    means = "A finding counts from this confidence on. Lower finds more and raises more false alarms."
    if positive := line_class(run, evaluation):
        means = f"A picture is called {positive} from this confidence in it on. Lower misses fewer, with more alarms."
    st.slider(
        "Confidence needed", 0.0, 1.0, step=0.001, format="%.3f", key=slider_key(run),
        disabled=evaluation.split != "val", width=220, help=means,
    )  # fmt: skip


def line_class(run: Run, evaluation: Evaluation) -> str:
    """Return the class that a classifier's line looks for, "" where there is no such line or nobody said which.

    What is stated further down the page of the class that means that nothing is wrong is heeded.
    """
    return positive_class(evaluation, str(st.session_state.get(f"decision_good_{run.id}") or ""))


def at_drawn_line(workspace: Workspace, run: Run, evaluation: Evaluation) -> Evaluation:
    """Return the evaluation at the line as it is drawn on the page; a classifier's that was never moved is none."""
    positive = line_class(run, evaluation)
    if evaluation.detector is None and not positive:
        return evaluation
    stored = evaluation.operating_point.confidence
    line = drawn_line(run, LIKELIEST if stored is None else stored)
    if stored is None and abs(line - LIKELIEST) <= SAME_LINE:
        return evaluation
    return evaluation_of(workspace, run, evaluation.split, line, positive)


def show_operating_point(workspace: Workspace, run: Run, evaluation: Evaluation) -> None:
    """Show what the line costs, where it should be by what matters, and keep it."""
    key, positive = slider_key(run), line_class(run, evaluation)
    if evaluation.detector is None and not positive:
        st.caption(
            "Say under “What would be decided?” which class means that nothing is wrong: then misses and false alarms "
            "can be traded against each other. Until then each picture gets the likelier class."
        )
        return
    on_validation = evaluation.split == "val"
    settings = _show_aims(run, evaluation, positive, key) if on_validation else LineSettings()
    if evaluation.detector is not None:
        _show_consequences(evaluation, evaluation.detector)
    else:
        _show_named(evaluation, positive)
    if not on_validation:
        st.caption("The line is drawn on the validation part and only reported here: anything else would flatter.")
        return
    if st.button("Keep this line for the model", key=f"keep_{run.id}", icon=":material/bookmark:"):
        line = float(st.session_state[key])
        as_aimed = settings.aim is not None and line_for(evaluation, settings, positive) == line
        drawn = settings if as_aimed else LineSettings(line=line)
        keep_line(workspace, draw_line(evaluation, drawn.model_copy(update={"positive": positive})))
    _show_stored(run, evaluation, float(st.session_state[key]))


def _show_stored(run: Run, evaluation: Evaluation, drawn: float) -> None:
    """Say which line is kept with the model."""
    stored = load_operating_point(run.folder)
    if stored is None or (evaluation.detector is None and not stored.positive):
        if evaluation.detector is None:
            st.caption("No line is kept with the model: predicting, export and report give the likelier class.")
        return
    if not stored.suits(evaluation.weights_sha256):
        st.caption(
            f"A line of {score(stored.confidence)} was kept for an earlier state of this model. It holds no more: "
            "draw it anew."
        )
        return
    who = "Chosen by Graft for the highest F1" if stored.rule == MAX_F1 else "Kept with the model"
    if stored.rule == MAX_F1 and evaluation.detector is not None and not evaluation.detector.arrays.hit.any():
        who = "Nothing it finds is right, so there is nothing to choose a line by; the usual one stands"
    words = f"{who}: a confidence of {score(stored.confidence)}. Predicting, export and report use it."
    if abs(stored.confidence - drawn) > SAME_LINE:
        words += " What you see here follows the slider."
    st.caption(words)


def _show_aims(run: Run, evaluation: Evaluation, positive: str, key: str) -> LineSettings:
    """Offer the aims and the line that serves the chosen one; return what was chosen."""
    aim = st.segmented_control(
        "What matters most?", aims_of(evaluation), format_func=AIM_WORDS.__getitem__, key=f"aim_{run.id}", wrap=True
    )
    options: dict[str, float] = {}
    words = {
        "recall": "Find at least",
        "precision": "Be right in at least",
        "sensitivity": f"Find at least, of the pictures of {plain(positive)} (sensitivity)",
        "specificity": "Leave alone at least, of the others (specificity)",
    }
    if aim in words:
        options["at_least"] = st.slider(words[aim], 50, 100, 90, 1, format="%d %%", key=f"least_{aim}_{run.id}") / 100
    if aim == "cost":
        left, right = st.columns(2)
        options["miss_cost"] = left.number_input("A miss costs", 0.0, 1e6, 5.0, key=f"miss_{run.id}")
        options["alarm_cost"] = right.number_input("A false alarm costs", 0.0, 1e6, 1.0, key=f"alarm_{run.id}")
    settings = LineSettings.model_validate({"aim": aim} | options)
    if aim is None:
        return settings
    best = line_for(evaluation, settings, positive)
    if best is None:
        st.caption("No confidence reaches that on these pictures.")
        return settings

    def take() -> None:
        st.session_state[key] = best

    st.button(f"Set the line to {score(best)}", key=f"take_{run.id}", on_click=take)
    return settings


def _show_named(evaluation: Evaluation, positive: str) -> None:
    """Say what the line of a classifier means: how many of each class get it, and where it stands on the ROC curve."""
    [other] = set(evaluation.classes) - {positive}
    told = []
    for name, words in ((positive, "found"), (other, "left alone")):
        item = evaluation.per_class[name]
        kind = "sensitivity" if name == positive else "specificity"
        told.append(
            f"Of {count(item.objects, 'picture')} of {plain(name)}, **{thousands(item.found)}** are {words} "
            f"({kind} {value_between(item.figures['recall'])})."
            if item.objects
            else f"No picture here is of {plain(name)}, so nothing can be said about them."
        )
    st.markdown("  \n".join(told))
    line = evaluation.operating_point.confidence
    charts.show(
        evaluation_charts.roc(roc_of(evaluation, positive), LIKELIEST if line is None else line),
        "Sensitivity over false alarms (ROC curve), the line as a dot", key="roc",
    )  # fmt: skip


def _show_consequences(evaluation: Evaluation, detector: Detector) -> None:
    """Say what the line means: objects found, findings that are right, pictures flagged and left alone."""
    found = evaluation.metrics
    verdict = picture_verdict(detector.arrays, evaluation.operating_point.threshold)
    lines = [f"Counted on these pictures, it finds **{percent(found['recall'].value)}** of the objects and is right "
             f"in **{percent(found['precision'].value)}** of what it reports."]  # fmt: skip
    if verdict.with_objects:
        figure = found["picture sensitivity"]
        lines.append(
            f"Of {count(verdict.with_objects, 'picture')} with something in them, {thousands(verdict.flagged_with)} "
            f"are flagged (sensitivity {value_between(figure)})."
        )
    if verdict.empty:
        figure = found["picture specificity"]
        alone = thousands(verdict.empty - verdict.flagged_empty)
        lines.append(
            f"Of {count(verdict.empty, 'empty picture')}, {alone} are left alone (specificity {value_between(figure)})."
        )
    else:
        lines.append("No picture here is empty, so nothing can be said about false alarms on healthy ones.")
    st.markdown("  \n".join(lines))
