"""The figures of the evaluation: headline, classes, parts where it fails, curves, and how sure it says it is."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from core.data.palette import class_colour
from core.evaluation.crossfit.correction import Correction, drop_correction, save_correction
from core.evaluation.evaluation import Evaluation, offered_correction
from core.evaluation.figures.results import ClassFigures
from core.evaluation.verdict import FEW_GROUPS, sureness_sentence, twins_sentence
from core.metric_words import METRICS, is_share, metric_value, own_figures
from core.tasks import TASKS
from core.training.advice import train_longer
from core.training.store import Run
from core.words import between, count, from_to, out_of, percent, points, thousands, value_between, value_from_to
from pages._ui.common import charts
from pages._ui.common.cells import next_step
from pages._ui.common.formatting import plain
from pages._ui.evaluation import charts as evaluation_charts
from pages._ui.evaluation.evaluations import progress_of

HEADLINES = (
    "recall", "precision", "mAP50", "mAP50-95", "mask mAP50", "mask mAP50-95", "pose mAP50", "pose mAP50-95",
    "rotated box mAP50", "rotated box mAP50-95", "top1", "top5", "balanced_accuracy", "AUROC", "mIoU", "pixel_accuracy",
)  # fmt: skip
FURTHER = ("mAP75", "AP small", "AP medium", "AP large", "box mAP50", "box mAP50-95", "F1")
PART_TITLES = {
    "class": "By class", "size": "By size", "position": "By place in the picture", "brightness": "By brightness",
    "source": "By source folder", "group": "By group",
}  # fmt: skip
MOST_ROWS = 25


def show_verdict(evaluation: Evaluation) -> None:
    """Show the verdict, then the headline figures with their intervals."""
    verdict = [sentence for sentence in evaluation.sentences if sentence not in evaluation.next_steps]
    first, *rest = verdict or ["Nothing can be said about these pictures."]
    st.markdown(f"### {plain(first)}")
    for sentence in rest:
        st.markdown(plain(sentence))
    names = own_figures(evaluation.task, [name for name in HEADLINES if name in evaluation.metrics])
    with st.grid(4, min_column_width=150, gap="small"):
        for name in names:
            metric, told = METRICS[name], evaluation.told(name)
            assert told is not None
            counted = f"; counted here {metric_value(name, evaluation.metrics[name].value)}"
            with st.container(key=f"headline_{name.replace(' ', '_')}", gap="xxsmall"):
                st.metric(f"{metric.plain.capitalize()}{told.clause}", metric_value(name, told.figure.value))
                st.caption(
                    f"{metric.clause} ({metric.term}), {between(told.figure, share=metric.share)}"
                    + (counted if told.word == "expected" else "")
                )
    groups = len(set(evaluation.groups.values()))
    by = f"{groups} groups of pictures that belong together" if groups else "pictures"
    words = f"The intervals hold the true figure in 95 of 100 sets like this one (bootstrap over {by})."
    st.caption(words + (" With so few groups, rather in 90." if 0 < groups < FEW_GROUPS else ""))
    leak = twins_sentence(evaluation.leak_aware)
    if leak:
        st.warning(plain(leak), icon=":material/content_copy:")


def show_classes(evaluation: Evaluation) -> None:
    """Show each class: how much is found, how exactly, with intervals."""
    rows, table = [], []
    pixels = TASKS[evaluation.task].names_pixels
    main, title = ("IoU", "Overlap with the labels (IoU)") if pixels else ("recall", "Found of each class (recall)")
    for index, name in enumerate(evaluation.classes):
        item = evaluation.per_class.get(name, ClassFigures())
        part, objects = item.figures.get(main), item.objects
        if part and objects:
            share = percent(part.value)
            found = f"{share} overlap" if pixels else f"found {share} of {thousands(objects)}"
            rows.append((name, part, class_colour(index), f"{name}: {found}, {between(part)}"))
        entry: dict[str, Any] = {"class": name, "labelled": objects}
        for key in ("IoU", "recall", "precision", "F1", "mAP50", "mAP50-95", "AUROC"):
            figure = item.figures.get(key)
            if figure is not None and figure.is_known:
                entry[key] = value_from_to(figure, share=is_share(key))
        table.append(entry)
    if not rows:
        st.caption("No class is labelled in these pictures.")
        return
    rows.sort(key=lambda row: row[1].value)
    st.caption(f"{title}, the weakest first, with its 95 % interval")
    chart = evaluation_charts.intervals(rows[:MOST_ROWS])
    charts.show(chart, f"{title} with its interval", key="class_recall")
    if len(rows) > MOST_ROWS:
        st.caption(f"The {MOST_ROWS} weakest of {len(rows)}; all of them are in the table.")
    absent = [row["class"] for row in table if not row["labelled"]]
    if absent:
        names = ", ".join(plain(name) for name in absent[:8]) + (" …" if len(absent) > 8 else "")
        st.caption(f"Not labelled in these pictures, so nothing can be said about them: {names}.")
    with st.expander("All figures by class", key="class_table", type="compact"):
        st.dataframe(pd.DataFrame(table), hide_index=True, placeholder="–")
        further = {name: evaluation.metrics[name] for name in FURTHER if name in evaluation.metrics}
        if further:
            st.caption(
                "Over all classes. mAP is read as Ultralytics reads it, AP by size as COCO does (objects under 32, "
                "under 96 and above 96 pixels square)."
            )
            lines = [
                {"figure": name, "value": metric_value(name, item.value),
                 "95 % interval": from_to(item, share=is_share(name))}
                for name, item in further.items()
            ]  # fmt: skip
            st.dataframe(pd.DataFrame(lines), hide_index=True)


def show_parts(evaluation: Evaluation) -> None:
    """Show how much is found among parts of the objects, and name the parts that are clearly worse."""
    worse = [item for item in evaluation.slices if item.worse]
    for item in worse:
        st.markdown(
            f":material/flag: **{plain(item.name)}**: {out_of(item.found, item.objects)}, "
            f"{value_between(item.figure)}. Clearly worse than the rest."
        )
    if not worse:
        st.markdown("No part is clearly worse than the rest; differences this small may be chance.")
    ways = list(dict.fromkeys([*PART_TITLES, *(item.by for item in evaluation.slices)]))
    kinds = [by for by in ways if sum(item.by == by for item in evaluation.slices) > 1]
    if not kinds:
        return
    chosen = st.segmented_control(
        "Divided", kinds, default="size" if "size" in kinds else kinds[0], key="parts_by", required=True,
        format_func=lambda by: PART_TITLES.get(by, f"By {by}"), wrap=True)  # fmt: skip
    rows = [
        (item.name, item.figure, charts.FAILURE if item.worse else charts.LEAF,
         f"{item.name}: {out_of(item.found, item.objects)}, {between(item.figure)}")
        for item in evaluation.slices if item.by == chosen
    ]  # fmt: skip
    what = "Named rightly" if TASKS[evaluation.task].names_pictures else "Found"
    st.caption(f"{what} in each part, with its 95 % interval")
    charts.show(evaluation_charts.intervals(rows[:MOST_ROWS]), f"{what} in each part", key="parts")


def show_curves(evaluation: Evaluation) -> None:
    """Show one curve of the user's choice."""
    point = evaluation.operating_point.confidence
    names = ["False alarms", "By confidence", "By class"]
    chosen = st.segmented_control("Curve", names, default=names[0], key="curve", required=True, wrap=True)
    if chosen == "By confidence":
        st.caption("What moves when the line is drawn elsewhere")
        charts.show(evaluation_charts.by_confidence(evaluation.curves["confidence"], point),
                    "Precision, recall and F1 over the confidence", key="by_confidence")  # fmt: skip
    elif chosen == "By class":
        st.caption("Precision over recall, one line per class")
        if evaluation.curves["precision_recall"].empty:
            st.caption("There is nothing to draw: no class is both labelled and predicted here.")
        else:
            chart = evaluation_charts.precision_recall(evaluation.curves["precision_recall"], evaluation.classes)
            charts.show(chart, "Precision over recall by class", key="precision_recall")
    else:
        st.caption("How much is found when so many false alarms per picture are accepted (FROC)")
        charts.show(evaluation_charts.froc(evaluation.curves["confidence"], point), "FROC curve", key="froc")


WHERE_CORRECTED = (
    "A stored correction counts in this curve and its figure, and in those of the command line. What it finds, its "
    "operating point, Try it and what you take away keep the confidence the model states by itself."
)


def show_calibration(run: Run, evaluation: Evaluation) -> None:
    """Show whether stated confidence means what it says, and offer to correct it."""
    found = evaluation.calibration
    if not found.bins:
        st.caption("There are no answers to judge.")
        return
    scaled = found.scaled
    chart = evaluation_charts.reliability(found.bins, scaled.bins if scaled else ())
    charts.show(chart, "Reliability curve", key="reliability")
    st.caption(
        f"On average its stated confidence is {percent(found.error.value)} away from how often it is right "
        f"({between(found.error)}; expected calibration error over {count(found.count, 'answer')})."
    )
    if found.sure:
        st.markdown(sureness_sentence(found.sure))
    if scaled:
        stored = Correction(scaled.temperature or 1.0, scaled.bias)
        st.markdown(
            f"Corrected, it is {percent(scaled.error.value)} away ({between(scaled.error)}): the correction "
            f"fitted on the validation part is stored with this model ({stored.words})."
        )
        st.caption(WHERE_CORRECTED)
        if st.button("Drop the correction", key=f"uncalibrate_{run.id}", icon=":material/undo:"):
            drop_correction(run.folder)
            st.rerun(scope="app")
        return
    if evaluation.split != "val":
        st.caption("A correction is fitted on the validation part: choose it above.")
        return
    offered = offered_correction(evaluation)
    if offered is None:
        st.caption("No correction is offered: none that could be fitted helps on pictures it was not fitted on.")
        return
    st.markdown(
        f"A correction ({offered.correction.words}) brings pictures it was not fitted on "
        f"{points(offered.before - offered.after)} points nearer (from {percent(offered.before)} away), and the "
        f"answers that count {points(offered.sure_before - offered.sure_after)} points (from "
        f"{percent(offered.sure_before)})."
    )
    st.caption(WHERE_CORRECTED)
    if st.button("Store the correction with the model", key=f"calibrate_{run.id}", icon=":material/tune:"):
        save_correction(run.folder, offered.correction, evaluation.weights_sha256)
        st.rerun(scope="app")


def show_next_steps(run: Run, evaluation: Evaluation) -> None:
    """Say what to do next, what would gain most first, each sentence with its figure; then lead on."""
    longer = train_longer(run, progress_of(run))
    steps = [longer, *evaluation.next_steps] if longer else evaluation.next_steps
    for sentence in steps:
        st.markdown(f"- {plain(sentence)}")
    if longer:
        next_step("Train it longer", "training.py", key="train_longer", run=run.id)
    if not steps:
        st.markdown("Nothing stands out that more pictures or another setting would clearly mend.")
    next_step("Try it on new pictures", "predict.py", key="to_predict", main=not longer, run=run.id)
