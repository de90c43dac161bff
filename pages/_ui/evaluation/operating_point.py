"""Where the line is drawn between a finding and nothing: by what matters most, or by hand; kept with the model."""

from __future__ import annotations

import streamlit as st

from core.evaluation.crossfit.rules import MAX_F1
from core.evaluation.detection import Detector
from core.evaluation.evaluation import Evaluation
from core.evaluation.figures.curves import Aim, confidence_for, threshold_curve
from core.evaluation.figures.operating_point import load_operating_point, save_operating_point
from core.evaluation.review import picture_verdict
from core.training.store import Run
from core.words import count, percent, score, thousands, value_between

SAME_LINE = 0.0006
"""Two lines this near are one: the slider moves by thousandths."""
AIMS: dict[Aim, str] = {
    "balanced": "Balanced",
    "recall": "Miss as few as possible",
    "precision": "Few false alarms",
    "cost": "By what mistakes cost",
}


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
    st.slider(
        "Confidence needed", 0.0, 1.0, step=0.001, format="%.3f", key=slider_key(run),
        disabled=evaluation.split != "val", width=220,
        help="A finding counts from this confidence on. Lower finds more and raises more false alarms.",
    )  # fmt: skip


def show_operating_point(run: Run, evaluation: Evaluation, detector: Detector) -> None:
    """Show what the line costs, where it should be by what matters, and keep it."""
    key = slider_key(run)
    on_validation = evaluation.split == "val"
    options = _show_aims(run, evaluation, detector, key) if on_validation else {}
    _show_consequences(evaluation, detector)
    if not on_validation:
        st.caption("The line is drawn on the validation part and only reported here: anything else would flatter.")
        return
    if st.button("Keep this line for the model", key=f"keep_{run.id}", icon=":material/bookmark:"):
        aim = st.session_state.get(f"aim_{run.id}")
        line = float(st.session_state[key])
        as_aimed = aim is not None and _line_for(evaluation, detector, aim, options) == line
        save_operating_point(run.folder, line, chosen_on="val", rule=AIMS[aim] if aim else "chosen by hand",
                             weights_sha256=evaluation.weights_sha256, aim=str(aim) if as_aimed else "",
                             options=options if as_aimed else {})  # fmt: skip
    stored = load_operating_point(run.folder)
    if stored is not None:
        who = "Chosen by Graft for the highest F1" if stored.rule == MAX_F1 else "Kept with the model"
        if stored.rule == MAX_F1 and not detector.arrays.hit.any():
            who = "Nothing it finds is right, so there is nothing to choose a line by; the usual one stands"
        words = f"{who}: a confidence of {score(stored.confidence)}. Predicting, export and report use it."
        if abs(stored.confidence - float(st.session_state[key])) > SAME_LINE:
            words += " What you see here follows the slider."
        st.caption(words)


def _line_for(evaluation: Evaluation, detector: Detector, aim: Aim, options: dict[str, float]) -> float | None:
    """Return the line that serves an aim on these pictures, None when none does."""
    arrays = detector.arrays
    curve = threshold_curve(arrays.confidence, arrays.hit, len(evaluation.truth), evaluation.images)
    return confidence_for(curve, aim, **options)


def _show_aims(run: Run, evaluation: Evaluation, detector: Detector, key: str) -> dict[str, float]:
    """Offer the aims and the line that serves the chosen one; return that aim's numbers."""
    aim = st.segmented_control(
        "What matters most?", list(AIMS), format_func=AIMS.__getitem__, key=f"aim_{run.id}", wrap=True
    )
    options: dict[str, float] = {}
    if aim in ("recall", "precision"):
        words = "Find at least" if aim == "recall" else "Be right in at least"
        options["at_least"] = st.slider(words, 50, 100, 90, 1, format="%d %%", key=f"least_{aim}_{run.id}") / 100
    if aim == "cost":
        left, right = st.columns(2)
        options["miss_cost"] = left.number_input("A miss costs", 0.0, 1e6, 5.0, key=f"miss_{run.id}")
        options["alarm_cost"] = right.number_input("A false alarm costs", 0.0, 1e6, 1.0, key=f"alarm_{run.id}")
    if aim is None:
        return options
    best = _line_for(evaluation, detector, aim, options)
    if best is None:
        st.caption("No confidence reaches that on these pictures.")
        return options

    def take() -> None:
        st.session_state[key] = best

    st.button(f"Set the line to {score(best)}", key=f"take_{run.id}", on_click=take)
    return options


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
