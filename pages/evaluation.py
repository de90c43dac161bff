"""Evaluation: how good a trained model is, how sure that is, where it fails and what to do next."""

import streamlit as st

from core.data.dataset import Dataset, load_dataset
from core.errors import GraftError, InputError
from core.evaluation.decisions.drawn_line import has_line
from core.evaluation.evaluation import FLATTERED, Evaluation
from core.evaluation.predict.error_kinds import KINDS as ERROR_WORDS
from core.labelling.labelling import open_labelling
from core.labelling.settings import read_settings
from core.metric_words import validator_words
from core.road import note
from core.tasks import TASKS
from core.training.store import Run
from core.words import SPLIT_WORDS, count
from pages._ui.common import charts, frame
from pages._ui.common.cells import Notebook, next_step, python_fold
from pages._ui.common.chosen_run import chosen_run
from pages._ui.common.formatting import plain
from pages._ui.evaluation import charts as evaluation_charts
from pages._ui.evaluation.attributes import ask_attributes
from pages._ui.evaluation.decisions import show_decisions
from pages._ui.evaluation.evaluations import evaluation_of, is_ready, progress_of
from pages._ui.evaluation.figures import (
    show_calibration,
    show_classes,
    show_curves,
    show_next_steps,
    show_parts,
    show_verdict,
)
from pages._ui.evaluation.mistakes import (
    show_gallery_cell,
    show_label_errors,
    show_matrix,
    show_missed_below,
    show_why,
)
from pages._ui.evaluation.operating_point import (
    at_drawn_line,
    line_class,
    line_leaves,
    show_line,
    show_operating_point,
)
from pages._ui.evaluation.predicting import predict_with_bar
from pages._ui.evaluation.readers import show_second_reader
from pages._ui.label.proposing import label_more

workspace = frame.workspace()


def dataset_of(run: Run) -> Dataset | None:
    """Return the run's dataset, None when it was deleted."""
    try:
        return load_dataset(workspace, run.dataset)
    except InputError:
        return None


def load(run: Run, dataset: Dataset | None, split: str) -> Evaluation:
    """Return the evaluation, predicting first where needed; ends the page with a sentence when it can't be had."""
    try:
        ready = dataset is None or is_ready(run, split)
        if split == "test" and dataset is not None:
            open_test(run, dataset, ready=ready)
        elif not ready:
            predict_with_bar(workspace, run, split)
        return evaluation_of(workspace, run, split)
    except GraftError as error:
        st.error(str(error), icon=":material/error:")
        line_leaves(run)
        st.stop()


def open_test(run: Run, dataset: Dataset, *, ready: bool) -> None:
    """Open the test part by a click that is recorded, once a session and run; ends the page until then."""
    opened = len(load_dataset(workspace, dataset.id).test_openings)
    if st.session_state.get(f"test_opened_{run.id}") and ready:
        st.caption(f"The test part was opened {count(opened, 'time')} so far, this one included.")
        return
    st.markdown(
        "The test part is closed. Look at it once, when everything is decided: figures you keep looking at and tuning "
        f"for turn too rosy. It was opened {count(opened, 'time')} so far, and each opening is kept."
    )
    if not st.button("Open the test part", key="open_test", icon=":material/lock_open:"):
        line_leaves(run)
        st.stop()
    st.session_state[f"test_opened_{run.id}"] = True
    predict_with_bar(workspace, run, "test", open_test=True)
    st.rerun()  # so that nothing says any more that it is closed


def labels_since(dataset: Dataset, split: str) -> str:
    """Say that labels of these pictures were changed since and don't count yet; "" where none were."""
    if read_settings(dataset) is None:
        return ""
    changed = sum(picture.split == split for picture in open_labelling(dataset).changed())
    if not changed:
        return ""
    number = dataset.labels_version
    by = f"version {number} of the labels" if number else "the labels as they were imported"
    return (
        f"The labels of {count(changed, 'picture')} here were changed since. The figures are still by {by}, until a "
        "training, or you on the Label page, makes a version of the changes."
    )


@st.fragment
def show_sheet(run: Run, dataset: Dataset | None) -> None:
    """Show all cells; a fragment, so that a move of the line draws the cells anew and nothing around them."""
    learned = f", labels of version {version}" if (version := run.spec.labels_version) else ""
    page = Notebook("Evaluation", f"{run.name}: {run.model} on {run.dataset_name}{learned}")
    with page.cell("How good is it?"):
        there = [split for split in ("val", "test", "train") if dataset is None or dataset.images.get(split)]
        split = st.segmented_control(
            "Judged on the pictures for", there, default=there[0], key=f"split_{run.id}", required=True,
            format_func=lambda name: SPLIT_WORDS[name], wrap=True)  # fmt: skip
        if split == "train":
            st.caption(FLATTERED)
        split = split or there[0]
        evaluation = load(run, dataset, split)
        evaluation = at_drawn_line(workspace, run, evaluation)
        show_verdict(evaluation)
        if dataset is not None and (said := labels_since(dataset, split)):
            st.info(said, icon=":material/edit_note:")
        if run.active:
            st.info(
                "The training has not ended: this is its best model so far, and another may come.",
                icon=":material/schedule:",
            )
        else:
            note(run.folder, "Evaluation")
        if split == "val" and (told := validator_words(progress_of(run).ultralytics)):
            st.caption(plain(told))
        python_fold(
            "from core.workspace import Workspace\nfrom core.evaluation.evaluation import evaluate_run\n\n"
            f"evaluation = evaluate_run(Workspace.current(), {run.id!r}, {split!r})\n"
            "print(evaluation.summary()['words'])",
            key="verdict",
        )
    bar = st.container(key="evaluation_bar", horizontal=True, vertical_alignment="center", gap="small")
    if has_line(evaluation):
        over_all = "mAP, costs" if evaluation.detector is not None else "AUROC"
        with page.cell(
            "Where should the line be drawn?",
            f"All counts and pictures on this page follow it; {over_all} and curves are over all confidences.",
        ):
            show_operating_point(workspace, run, evaluation)
    if not TASKS[evaluation.task].names_pixels:
        with page.cell("What would be decided?", "What the answers come to for whoever passes or rejects by them."):
            show_decisions(run, evaluation)
    with page.cell("How good is each class?"):
        show_classes(evaluation)
    hint = "" if evaluation.detector is None else "Solid lines are your labels, dashed ones the model’s answers."
    if TASKS[evaluation.task].names_pixels:
        hint = "The pictures with the most wrong pixels first."
    with page.cell("Show me the pictures", hint):
        show_gallery_cell(evaluation, dataset)
    with page.cell("What does it mix up?"):
        show_matrix(evaluation, dataset)
    if evaluation.slices:
        with page.cell("Where does it fail?"):
            show_parts(evaluation)
            if dataset is not None:
                ask_attributes(dataset)
    with page.cell("What does it look at?"):
        show_why(run, evaluation, dataset)
    if evaluation.errors:
        hint = (
            "Points of mAP50 that repairing each kind alone would gain, at all confidences; how often, at the line. "
            "An object is missed outright when no finding is on it, not even a badly placed or misnamed one."
        )
        with page.cell("What do the mistakes cost?", hint):
            charts.show(evaluation_charts.error_budget(evaluation.errors, ERROR_WORDS), "Error budget", key="budget")
            show_missed_below(evaluation)
    if evaluation.curves:
        with page.cell("How do the figures move?"):
            show_curves(evaluation)
    if not TASKS[evaluation.task].names_pixels:  # a pixel's class is told without how sure it is
        with page.cell("Can it be taken at its word?", "Of what it is 80 % sure, 80 of 100 should be right."):
            show_calibration(run, evaluation)
        hint = "Sometimes the model is right and the label is wrong. Nothing is changed."
        with page.cell("Are the labels right?", hint):
            show_label_errors(workspace, evaluation, dataset)
            show_second_reader(workspace, evaluation, dataset)
    with page.cell("What next?"):
        show_what_next(run, evaluation, dataset)
    with bar:
        show_bar(run, evaluation, page)


def show_what_next(run: Run, evaluation: Evaluation, dataset: Dataset | None) -> None:
    """Say what would help most, and lead on; back to the training while it goes on."""
    if run.active:
        st.markdown("Let it learn to its end first; what to do then is told here.")
        next_step("Watch it learn", "training.py", key="to_training", run=run.id)
        return
    show_next_steps(run, evaluation)
    next_step("Take it away", "deliver.py", key="to_deliver", main=False, run=run.id)
    next_step("Compare it with another run", "compare.py", key="to_compare", main=False, run=run.id)
    label_more(workspace, run, dataset)
    if st.button("Train again, with one thing changed", key="train_again"):
        frame.go_to("model.py", dataset=run.dataset)


def show_bar(run: Run, evaluation: Evaluation, page: Notebook) -> None:
    """Show what stays in view: the verdict, the line, and the way to each cell."""
    verdict = next(iter(evaluation.sentences), "").partition(";")[0].removesuffix(".")
    st.markdown(f"**{plain(verdict)}**", width="stretch")
    if evaluation.detector is not None or line_class(run, evaluation):
        show_line(run, evaluation)
    with st.popover("Contents", key="contents", icon=":material/toc:"):
        page.contents()


def show_page() -> None:
    """Show the page."""
    run = chosen_run(
        workspace,
        "Evaluation",
        "How good the model is, how sure that is, and where it fails.",
        nothing="There is no trained model yet.",
        soon="It is evaluated as soon as its first epoch is done.",
        key="evaluation",
    )
    show_sheet(run, dataset_of(run))


show_page()
