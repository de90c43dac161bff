"""Evaluation: how good a trained model is, how sure that is, where it fails and what to do next."""

import json

import pandas as pd
import streamlit as st

from core.data.dataset import Dataset, load_dataset
from core.data.palette import class_colour
from core.errors import GraftError, InputError
from core.evaluation.curves import confidence_for, threshold_curve
from core.evaluation.errors import KINDS as ERROR_WORDS
from core.evaluation.evaluation import Evaluation, evaluate_run
from core.evaluation.predictions import are_fresh, meta_path, predictions_path
from core.evaluation.review import find_cases, picture_verdict
from core.evaluation.thresholds import save_operating_point
from core.training.runs import get_run, list_runs
from core.training.store import Run
from pages._ui import charts, evaluation_charts, frame
from pages._ui.cells import Notebook, empty, next_step, python_fold
from pages._ui.evaluation_mistakes import show_gallery_cell, show_matrix, show_why
from pages._ui.formatting import SPLIT_WORDS, count, percent, plain

HEADLINES = {
    "recall": ("Found", "of all labelled objects (recall)"),
    "precision": ("Right", "of what it reports (precision)"),
    "mAP50": ("mAP50", "found well, over all confidences"),
    "mAP50-95": ("mAP50-95", "found and placed exactly"),
    "mask mAP50-95": ("Mask mAP50-95", "found and outlined exactly"),
    "pose mAP50-95": ("Pose mAP50-95", "found with its points exact"),
    "top1": ("Right", "first answer (top-1)"),
    "top5": ("Among five", "right within five answers (top-5)"),
    "balanced_accuracy": ("Balanced", "mean over classes (balanced accuracy)"),
    "AUROC": ("AUROC", "ranks a class above the others"),
}
AIMS = {
    "balanced": "Balanced",
    "recall": "Miss as few as possible",
    "precision": "Few false alarms",
    "cost": "By what mistakes cost",
}

workspace = frame.workspace()


def chosen_run() -> Run:
    """Return the run the page is about: the address's, else the newest with a model; ends the page without one."""
    runs = [run for run in list_runs(workspace) if run.best_weights is not None]
    if not runs:
        Notebook("Evaluation", "How good the model is, how sure that is, and where it fails.")
        empty("There is no trained model yet.", "Train one", "training.py", key="evaluation_empty")
    identifier = frame.current_id("run")
    try:
        run = get_run(workspace, identifier) if identifier else runs[0]
    except InputError:
        run = runs[0]  # deleted meanwhile, or an old address
    if run.best_weights is None:
        Notebook("Evaluation", f"{run.name} has no trained model yet.")
        empty("It is evaluated as soon as its first epoch is done.", "Watch it", "training.py", key="evaluation_wait")
    frame.set_current("run", run.id)
    return run


def dataset_of(run: Run) -> Dataset | None:
    """Return the run's dataset, None when it was deleted."""
    try:
        return load_dataset(workspace, run.dataset)
    except InputError:
        return None


@st.cache_resource(max_entries=6, show_spinner="Working out the figures and how sure they are …")
def evaluation_of(root: str, run_id: str, split: str, stamp: tuple[int, int]) -> Evaluation:  # noqa: ARG001
    """Return the evaluation of a run on a split, kept until its predictions or weights change."""
    return evaluate_run(workspace, run_id, split)


def stamp_of(run: Run, split: str) -> tuple[int, int]:
    """Return what changes when the evaluation does."""
    path = predictions_path(run.folder, split)
    weights = run.best_weights
    return (path.stat().st_mtime_ns if path.is_file() else 0, weights.stat().st_mtime_ns if weights else 0)


@st.cache_data(max_entries=50, show_spinner=False)
def fresh(run_id: str, split: str, stamp: tuple[int, int]) -> bool:  # noqa: ARG001
    """Say whether stored predictions fit the weights; asked once a change of either."""
    return are_fresh(workspace.run(run_id), split)


def predict(run: Run, split: str, *, open_test: bool = False) -> None:
    """Look at the pictures of a split with a progress bar, and store what the model sees."""
    with st.container(key="evaluation_predicting"):
        bar = st.progress(0.0, "Starting the model …")
        evaluate_run(
            workspace, run.id, split, open_test=open_test,
            progress=lambda step: bar.progress(
                min(1.0, step.done / max(step.total, 1)), f"{step.stage}: {step.done} of {step.total}"
            ),
        )  # fmt: skip
        bar.empty()


def load(run: Run, dataset: Dataset | None, split: str) -> Evaluation:
    """Return the evaluation, predicting first where needed; ends the page with a sentence when it can't be had."""
    try:
        ready = dataset is None or fresh(run.id, split, stamp_of(run, split))
        if not ready and split == "test" and dataset is not None and dataset.test_locked:
            opened = len(dataset.test_openings)
            st.markdown(
                "The test part is locked. Look at it once, when everything is decided: figures you keep looking at "
                f"and tuning for turn too rosy. It was opened {count(opened, 'time')} so far, and each opening is kept."
            )
            if not st.button("Open the test part", key="open_test", icon=":material/lock_open:"):
                st.stop()
            predict(run, split, open_test=True)
        elif not ready:
            predict(run, split)
        return evaluation_of(str(workspace.root), run.id, split, stamp_of(run, split))
    except GraftError as error:
        st.error(str(error), icon=":material/error:")
        st.stop()


def interval_words(figure: dict, score: bool = False) -> str:
    """Return "between 83 and 97 %" or, for a score, "between 0.83 and 0.97"."""
    if figure.get("low") is None or figure["low"] != figure["low"]:
        return "interval not known"
    if score:
        return f"between {figure['low']:.2f} and {figure['high']:.2f}"
    return f"between {figure['low'] * 100:.0f} and {figure['high'] * 100:.0f} %"


def show_verdict(evaluation: Evaluation) -> None:
    """Show the verdict, then the headline figures with their intervals."""
    first, *rest = evaluation.sentences or ["Nothing can be said about these pictures."]
    st.markdown(f"#### {plain(first)}")
    for sentence in rest:
        st.markdown(plain(sentence))
    names = [name for name in HEADLINES if name in evaluation.metrics]
    if "mask mAP50-95" in names or "pose mAP50-95" in names:
        names.remove("mAP50-95")  # the same figure under its own name
    if evaluation.task == "classify" and len(evaluation.classes) <= 5:
        names = [name for name in names if name != "top5"]
    with st.grid(4, min_column_width=150, gap="small"):
        for name in names:
            title, words = HEADLINES[name]
            figure = evaluation.metrics[name]
            value = figure["value"]
            score = "mAP" in name or name == "AUROC"
            shown = f"{value:.3f}" if score else percent(value)
            with st.container(key=f"headline_{name.replace(' ', '_')}", gap="xxsmall"):
                st.metric(title, shown if value == value else "–")
                st.caption(f"{words}, {interval_words(figure, score)}")
    st.caption("The intervals hold the true figure in 95 of 100 sets like this one (bootstrap over pictures).")


def slider_key(run: Run) -> str:
    """Return the key of the threshold's widget: one a run, so that runs don't share a line."""
    return f"confidence_{run.id}"


def show_threshold(run: Run, evaluation: Evaluation) -> None:
    """Show where the line is drawn between a finding and nothing, what it costs, and keep it."""
    key = slider_key(run)
    detector = evaluation.detector
    curve = threshold_curve(detector.predictions, len(evaluation.truth), evaluation.images)
    if evaluation.split == "val":
        aim = st.segmented_control("What matters most?", list(AIMS), format_func=AIMS.get, key=f"aim_{run.id}")
        options: dict[str, float] = {}
        if aim in ("recall", "precision"):
            words = "Find at least" if aim == "recall" else "Be right in at least"
            options["at_least"] = st.slider(words, 50, 100, 90, 1, format="%d %%", key=f"least_{aim}_{run.id}") / 100
        if aim == "cost":
            left, right = st.columns(2)
            options["miss_cost"] = left.number_input("A miss costs", 0.0, 1e6, 5.0, key=f"miss_{run.id}")
            options["alarm_cost"] = right.number_input("A false alarm costs", 0.0, 1e6, 1.0, key=f"alarm_{run.id}")
        if aim is not None:
            best = confidence_for(curve, aim, **options)

            def take() -> None:
                st.session_state[key] = round(best, 3)

            if best is None:
                st.caption("No confidence reaches that on these pictures.")
            else:
                st.button(f"Set the line to {best:.2f}", key=f"take_{run.id}", on_click=take)
    st.slider(
        "Confidence a finding must reach", 0.0, 1.0, step=0.005, key=key, disabled=evaluation.split != "val",
        help="Lower finds more and raises more false alarms.",
    )  # fmt: skip
    found = evaluation.metrics
    verdict = picture_verdict(detector.predictions, evaluation.truth, list(detector.images["file"]),
                              evaluation.operating_point["confidence"] or 0.0)  # fmt: skip
    lines = [f"Finds **{percent(found['recall']['value'])}** of the objects, is right in "
             f"**{percent(found['precision']['value'])}** of what it reports."]  # fmt: skip
    if verdict.with_objects:
        low, high = verdict.sensitivity_interval
        lines.append(
            f"Of {count(verdict.with_objects, 'picture')} with something in them, {verdict.flagged_with} are flagged "
            f"(sensitivity {percent(verdict.sensitivity)}, between {low * 100:.0f} and {percent(high)})."
        )
    if verdict.empty:
        low, high = verdict.specificity_interval
        quiet = verdict.empty - verdict.flagged_empty
        lines.append(
            f"Of {count(verdict.empty, 'empty picture')}, {quiet} are left alone "
            f"(specificity {percent(verdict.specificity)}, between {low * 100:.0f} and {percent(high)})."
        )
    st.markdown("  \n".join(lines))
    if evaluation.split != "val":
        st.caption("The line is drawn on the validation part and only reported here: anything else would flatter.")
        return
    kept = st.session_state.get(f"kept_{run.id}")
    if st.button("Keep this line for the model", key=f"keep_{run.id}", icon=":material/bookmark:"):
        kept = float(st.session_state[key])
        save_operating_point(run.folder, kept, chosen_on="val", rule="chosen by hand",
                             weights_sha256=weights_digest(run))  # fmt: skip
        st.session_state[f"kept_{run.id}"] = kept
        evaluation_of.clear()
    if kept is not None:
        st.caption(f"Kept: {kept:.3f}. Predicting, export and report use it.")


def weights_digest(run: Run) -> str:
    """Return the digest of the weights the stored predictions come from."""
    digest: str = json.loads(meta_path(run.folder, "val").read_text(encoding="utf-8"))["weights_sha256"]
    return digest


def show_classes(evaluation: Evaluation) -> None:
    """Show each class: how much is found, how exactly, with intervals."""
    rows, table = [], []
    for index, name in enumerate(evaluation.classes):
        item = evaluation.per_class.get(name, {})
        recall = item.get("recall")
        objects = item.get("objects", 0)
        objects = int(objects["value"] if isinstance(objects, dict) else objects)
        if recall and objects:
            rows.append((name, recall, class_colour(index), f"{name}: found {percent(recall['value'])} of {objects}, "
                         f"{interval_words(recall)}"))  # fmt: skip
        entry = {"class": name, "labelled": objects}
        for key in ("recall", "precision", "F1", "mAP50", "mAP50-95", "AUROC"):
            if key in item:
                entry[key] = item[key]["value"]
        table.append(entry)
    if not rows:
        st.caption("No class is labelled in these pictures.")
        return
    rows.sort(key=lambda row: row[1]["value"])
    st.caption("Found of each class (recall), the weakest first, with its 95 % interval")
    chart = evaluation_charts.intervals(rows[:25])
    charts.show(chart, "Recall of each class with its interval", key="class_recall")
    absent = [row["class"] for row in table if not row["labelled"]]
    if absent:
        names = ", ".join(plain(name) for name in absent[:8]) + (" …" if len(absent) > 8 else "")
        st.caption(f"Not labelled in these pictures, so nothing can be said about them: {names}.")
    with st.expander("All figures by class", key="class_table", type="compact"):
        frame_ = pd.DataFrame(table)
        columns = {
            name: st.column_config.NumberColumn(name, format="%.3f") for name in frame_.columns[2:]
        }  # fmt: skip
        st.dataframe(frame_, hide_index=True, column_config=columns)


def show_curves(evaluation: Evaluation) -> None:
    """Show the curves."""
    point = evaluation.operating_point["confidence"]
    bins = evaluation.calibration.get("bins", [])
    names = ["How sure it says it is"]
    if evaluation.curves:
        names = ["False alarms", "By confidence", "By class", *names]
    tabs = dict(zip(names, st.tabs(names), strict=True))
    if evaluation.curves:
        with tabs["False alarms"]:
            st.caption("How much is found when so many false alarms a picture are accepted (FROC)")
            charts.show(evaluation_charts.froc(evaluation.curves["confidence"], point), "FROC curve", key="froc")
        with tabs["By confidence"]:
            st.caption("What moves when the line is drawn elsewhere")
            charts.show(evaluation_charts.by_confidence(evaluation.curves["confidence"], point),
                        "Precision, recall and F1 over the confidence", key="by_confidence")  # fmt: skip
        with tabs["By class"]:
            st.caption("Precision over recall, a line a class")
            if evaluation.curves["precision_recall"].empty:
                st.caption("There is nothing to draw: no class is both labelled and predicted here.")
            else:
                chart = evaluation_charts.precision_recall(evaluation.curves["precision_recall"], evaluation.classes)
                charts.show(chart, "Precision over recall by class", key="precision_recall")
    with tabs["How sure it says it is"]:
        error = evaluation.calibration.get("ece")
        if not bins:
            st.caption("There are no answers to judge.")
            return
        charts.show(evaluation_charts.reliability(bins), "Reliability curve", key="reliability")
        st.caption(f"On average its stated confidence is {percent(error)} away from how often it is right (ECE).")


def show_page() -> None:
    """Show the page."""
    run = chosen_run()
    dataset = dataset_of(run)
    page = Notebook("Evaluation", f"{run.name}: {run.model} on {run.dataset_name}")
    with page.cell("How good is it?"):
        there = [split for split in ("val", "test", "train") if dataset is None or dataset.images.get(split)]
        split = st.segmented_control(
            "Judged on the pictures for", there, default=there[0], key=f"split_{run.id}", required=True,
            format_func=lambda name: SPLIT_WORDS[name],
        )  # fmt: skip
        if split == "train":
            st.caption("The model learned from these very pictures: expect flattery.")
        base = load(run, dataset, split or there[0])
        evaluation, cases = base, None
        if base.detector is not None:
            st.session_state.setdefault(slider_key(run), round(base.operating_point["confidence"] or 0.25, 3))
            evaluation = base.at(float(st.session_state[slider_key(run)]))
            cases = find_cases(base.detector.predictions, base.truth, evaluation.operating_point["confidence"])
        show_verdict(evaluation)
        python_fold(
            "from core.workspace import Workspace\nfrom core.evaluation.evaluation import evaluate_run\n\n"
            f"evaluation = evaluate_run(Workspace.current(), {run.id!r}, {split!r})\n"
            "print(evaluation.summary()['words'])",
            key="verdict",
        )
    if evaluation.detector is not None:
        with page.cell("Where should the line be drawn?", "Every figure and picture on this page follows it."):
            show_threshold(run, evaluation)
    with page.cell("How good is each class?"):
        show_classes(evaluation)
    hint = "" if cases is None else "Solid lines are your labels, dashed ones the model’s answers."
    with page.cell("Show me the pictures", hint):
        show_gallery_cell(evaluation, dataset, cases)
    with page.cell("What does it mix up?"):
        show_matrix(evaluation, dataset, cases)
    with page.cell("What does it look at?"):
        show_why(run, evaluation, dataset)
    if evaluation.errors:
        with page.cell("What do the mistakes cost?", "Points of mAP50 that repairing each kind alone would gain."):
            charts.show(evaluation_charts.error_budget(evaluation.errors, ERROR_WORDS), "Error budget", key="budget")
    with page.cell("How do the figures move?"):
        show_curves(evaluation)
    with page.cell("What next?"):
        next_step("Try it on new pictures", "predict.py", key="to_predict", run=run.id)
        next_step("Compare it with another run", "compare.py", key="to_compare", run=run.id)
        if st.button("Train again, with one thing changed", key="train_again"):
            frame.go_to("model.py", dataset=run.dataset)


show_page()
