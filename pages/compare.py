"""Compare: runs side by side on the very same pictures, and whether one is really better."""

import pandas as pd
import streamlit as st

from core.data.dataset import Dataset, list_datasets, load_dataset
from core.errors import GraftError, InputError
from core.evaluation.compare import Comparison, compare_evaluations, differing_settings
from core.evaluation.evaluation import Evaluation
from core.metric_words import headline_among, is_share, metric_term, metric_title, own_figures
from core.spec import TrainingSpec
from core.tasks import TASKS
from core.training.records.progress import read_progress
from core.training.runs import list_runs
from core.training.store import Run
from core.words import SPLIT_WORDS, count, value_from_to
from pages._ui.common import charts, frame
from pages._ui.common.cells import Notebook, empty, next_step, python_fold
from pages._ui.common.formatting import plain
from pages._ui.common.pictures import Tile, show_picture
from pages._ui.evaluation import charts as evaluation_charts
from pages._ui.evaluation.evaluations import evaluation_of, is_ready, stamp_of
from pages._ui.evaluation.gallery import MOST_DRAWN, picture_marks, surest_marks
from pages._ui.evaluation.predicting import predict_with_bar
from pages._ui.model.plan_cell import SETTING_WORDS

MOST = 6
"""Runs compared at a time; more would not be told apart on the charts."""
COLOURS = (charts.LEAF, "#0072B2", "#E69F00", "#CC79A7", "#56B4E9", "#D55E00")
LONGEST = 24
"""Letters a run's name may have to stand in a sentence and on a chart; longer ones are told once, by a letter."""
WHAT_IS_TOLD = (
    "“Expected” is what new pictures will give, as on the Evaluation page: corrected for the choice of line and epoch, "
    "where these pictures had a say in it. Everything else, and every difference, is counted on these pictures."
)
FIGURES = (
    "mAP50",
    "mAP50-95",
    "mask mAP50",
    "mask mAP50-95",
    "pose mAP50",
    "pose mAP50-95",
    "rotated box mAP50",
    "rotated box mAP50-95",
    "mAP75",
    "recall",
    "precision",
    "F1",
    "top1",
    "balanced_accuracy",
    "AUROC",
    "mIoU",
    "pixel_accuracy",
)

workspace = frame.workspace()


@st.cache_data(max_entries=20, show_spinner="Working out how sure the difference is …")
def _comparison(key: tuple[object, ...], _first: Evaluation, _second: Evaluation) -> Comparison:  # noqa: ARG001
    return compare_evaluations(_first, _second, differing_settings(workspace, _first.run, _second.run))


def comparison_of(a: Run, b: Run, split: str) -> Comparison:
    """Return the comparison of two runs, kept until one of them changes."""
    first, second = (evaluation_of(workspace, run, split) for run in (a, b))
    key = [(run.id, stamp_of(run, split), made.operating_point.threshold) for run, made in ((a, first), (b, second))]
    return _comparison((str(workspace.root), split, *key), first, second)


def choose_runs() -> tuple[list[Run], Dataset]:
    """Return the runs to compare and their dataset; ends the page when there are not two of one dataset."""
    trained = [run for run in list_runs(workspace) if run.best_weights is not None and not run.active]
    families: dict[tuple[str, str], list[Run]] = {}
    for run in trained:
        families.setdefault((run.dataset, run.task), []).append(run)
    families = {key: runs for key, runs in families.items() if len(runs) > 1}
    if not families:
        if not trained and not list_datasets(workspace):
            empty("It takes two trained runs on one dataset to compare. It begins with pictures.",
                  "Bring in your pictures", "dataset.py", key="compare_begin")  # fmt: skip
        elif not trained:
            empty("It takes two trained runs on one dataset to compare. None has been trained yet.", "Train one",
                  "model.py", key="compare_first")  # fmt: skip
        empty(
            "It takes two trained runs on one dataset to compare. Train a second one with one thing changed: another "
            "model, strategy or picture size.", "Plan another training", "model.py", key="compare_empty",
        )  # fmt: skip
    wanted = frame.current_id("run")
    keys = list(families)
    start = next((index for index, key in enumerate(keys) if any(run.id == wanted for run in families[key])), 0)
    key = keys[start]
    if len(keys) > 1:
        key = st.selectbox("Dataset", keys, index=start, key="compare_dataset",
                           format_func=lambda item: families[item][0].dataset_name)  # fmt: skip
    by_id = {run.id: run for run in families[key]}
    ids = list(by_id)
    first = [wanted] if wanted in by_id else []
    default = [*first, *[item for item in ids if item not in first]][:2]
    chosen = st.multiselect(
        "Runs, the one to compare with first", ids, default=default, max_selections=MOST, key=f"compare_{key[0]}",
        format_func=lambda item: f"{by_id[item].name} ({by_id[item].model}, {item[-6:]})",
    )  # fmt: skip
    if len(chosen) < 2:
        st.caption("Choose at least two.")
        st.stop()
    try:
        dataset = load_dataset(workspace, key[0])
    except InputError:
        st.markdown("The dataset of these runs is not in this workspace any more, so they can’t be judged anew.")
        st.stop()
    return [by_id[item] for item in chosen], dataset


def compared(runs: list[Run], split: str) -> list[Comparison]:
    """Return the first run against each of the others; ends the page with a sentence when it can't be done."""
    try:
        for run in runs:
            if not is_ready(run, split):
                predict_with_bar(workspace, run, split, who=f"{run.name}: ")
        return [comparison_of(runs[0], run, split) for run in runs[1:]]
    except GraftError as error:
        st.error(str(error), icon=":material/error:")
        st.stop()


def show_differences(runs: list[Run], comparisons: list[Comparison]) -> None:
    """Show the difference of each figure with its interval."""
    for run, comparison in zip(runs[1:], comparisons, strict=True):
        if len(comparisons) > 1:
            st.markdown(f"**{plain(names_of(runs)[run.id])}**")
        chart = evaluation_charts.differences(
            [(metric_title(name), item) for name, item in comparison.metrics.items()],
            names_of(runs)[runs[0].id], names_of(runs)[run.id],
        )  # fmt: skip
        charts.show(chart, "Differences with their intervals", key=f"differences_{run.id}")
    st.caption(
        "In points of 100, as counted on these pictures for both alike. A bar that touches the zero line decides "
        "nothing (95 %, paired bootstrap)."
    )


def names_of(runs: list[Run]) -> dict[str, str]:
    """Return {id: name}; a letter for each where a name is too long to stand in a sentence and on a chart.

    Where runs share a name the end of the id tells them apart.
    """
    full = full_names_of(runs)
    if max(map(len, full.values())) <= LONGEST:
        return full
    return {identifier: chr(ord("A") + number) for number, identifier in enumerate(full)}


def full_names_of(runs: list[Run]) -> dict[str, str]:
    """Return {id: name}, with the end of the id where runs share a name."""
    shared = {run.name for run in runs if sum(other.name == run.name for other in runs) > 1}
    return {run.id: f"{run.name} ({run.id[-6:]})" if run.name in shared else run.name for run in runs}


def show_letters(runs: list[Run]) -> None:
    """Say once which letter stands for which run."""
    short, full = names_of(runs), full_names_of(runs)
    if short != full:
        st.markdown("  \n".join(f"**{short[run.id]}** is {plain(full[run.id])}." for run in runs))


def show_figures(runs: list[Run], split: str) -> None:
    """Show the figures of each run with their intervals, side by side, as the Evaluation page tells them."""
    evaluations = {run.id: evaluation_of(workspace, run, split) for run in runs}
    table: dict[str, dict[str, str]] = {}
    for name in own_figures(runs[0].task, [name for name in FIGURES if name in evaluations[runs[0].id].metrics]):
        told = {run: item for run, made in evaluations.items() if (item := made.told(name)) is not None}
        if not told:
            continue
        words = {item.word or "counted" for item in told.values()}
        corrected = any(item.word for item in told.values())
        same = f", {next(iter(words))}" if corrected and len(words) == 1 else ""
        table[metric_title(name) + same] = {
            names_of(runs)[run]: value_from_to(item.figure, share=is_share(name))
            + (f", {item.word or 'counted'}" if corrected and not same else "")
            for run, item in told.items()
        }
    st.dataframe(pd.DataFrame(table).T.rename_axis("figure"), width="stretch", placeholder="–")
    st.caption(WHAT_IS_TOLD)


def show_learning(runs: list[Run]) -> None:
    """Show how each run learned."""
    chart = charts.figure(height=300, showlegend=True)
    for run, colour in zip(runs, COLOURS, strict=False):
        table = read_progress(run).curves
        column = headline_among(run.task, map(str, table))
        if column is None:
            continue
        chart.add_scatter(
            x=table["epoch"], y=table[column], name=f"{names_of(runs)[run.id]}, {metric_term(column)}",
            mode="lines+markers", line={"color": colour, "width": 2.2}, marker={"size": 5}, hovertemplate="%{y:.3f}",
        )  # fmt: skip
    chart.update_xaxes(title="epoch", tickformat="d")
    charts.show(chart, "How each run learned, epoch by epoch", key="compare_learning")
    st.caption(
        "Counted by Ultralytics’ validator on the way; the figures above are counted anew, as the model is used."
    )


def show_pictures(runs: list[Run], comparison: Comparison, dataset: Dataset) -> None:
    """Show pictures one run gets right and the other does not, side by side."""
    first, second = runs[0], next(run for run in runs if run.id == comparison.b)
    table = comparison.pictures
    names = names_of(runs)
    options = {
        "b": f"{names[second.id]} does better ({int((table['b'] < table['a']).sum())})",
        "a": f"{names[first.id]} does better ({int((table['a'] < table['b']).sum())})",
    }
    side = st.segmented_control("Pictures where", list(options), default="b", format_func=options.__getitem__,
                                key=f"side_{comparison.b}", required=True, wrap=True)  # fmt: skip
    part = table[table["b"] < table["a"]] if side == "b" else table[table["a"] < table["b"]]
    if part.empty:
        st.caption("There is none.")
        return
    evaluations = [evaluation_of(workspace, run, comparison.split) for run in (first, second)]
    cut = False
    for row in part.head(6).to_dict("records"):
        columns = st.columns(2)
        for column, run, evaluation, mistakes in zip(
            columns, (first, second), evaluations, (row["a"], row["b"]), strict=True
        ):
            mistake = "wrong pixel" if TASKS[evaluation.task].names_pixels else "mistake"
            words = f"{names[run.id]}: {count(int(mistakes), mistake)}" if mistakes else f"{names[run.id]}: all right"
            if TASKS[evaluation.task].names_pictures:
                answer = evaluation.pictures.set_index("file").loc[row["file"]]
                words = f"{names[run.id]}: says {answer['prediction']} (is {answer['truth']})"
            marks = picture_marks(evaluation, row["file"], dataset)
            shown = surest_marks(marks)
            cut = cut or len(shown) < len(marks)
            with column:
                show_picture(Tile(dataset.image_path(row["file"]), shown, plain(words), words), 600)
    if cut:
        st.caption(f"Where a model finds more than {MOST_DRAWN} things, the {MOST_DRAWN} it is surest of are drawn.")
    if len(part) > 6:
        st.caption(f"The 6 clearest of {len(part)}.")


def show_settings(comparisons: list[Comparison], runs: list[Run]) -> None:
    """Show what was set differently."""
    names = list(dict.fromkeys(name for item in comparisons for name in item.settings))
    if not names:
        st.markdown("Nothing was set differently: what differs is chance.")
        return
    specs = [run.spec.model_dump(mode="json") for run in runs]
    rows = {
        names_of(runs)[run.id]: [_setting(spec.get(name, (spec.get("extra") or {}).get(name))) for name in names]
        for run, spec in zip(runs, specs, strict=True)
    }
    titles = {name: field.title for name, field in TrainingSpec.model_fields.items()}
    words = [SETTING_WORDS.get(name) or titles.get(name) or name for name in names]
    st.dataframe(pd.DataFrame(rows, index=pd.Index(words, name="setting")), width="stretch")


def _setting(value: object) -> str:
    if isinstance(value, dict):  # the starting point
        return ", ".join(part for part in (value.get("origin"), value.get("sha256", "")[:12]) if part)
    return "–" if value is None else str(value)


def show_page() -> None:
    """Show the page."""
    page = Notebook("Compare", "Is one run really better than another, or is it chance?")
    with page.cell("Which runs?"):
        runs, dataset = choose_runs()
        splits = [name for name in ("val", "train") if dataset.images.get(name)]
        if dataset.images.get("test") and not dataset.test_locked:
            splits.insert(1, "test")
        split = st.segmented_control("Judged on the pictures for", splits, default=splits[0], key="compare_split",
                                     format_func=SPLIT_WORDS.__getitem__, required=True, wrap=True)  # fmt: skip
    with page.cell("Is it better?"):
        comparisons = compared(runs, split or splits[0])
        show_letters(runs)
        for comparison in comparisons:
            first, *rest = [_named(sentence, names_of(runs)) for sentence in comparison.sentences]
            st.markdown(f"### {plain(first)}")
            for sentence in rest:
                st.markdown(plain(sentence))
        show_differences(runs, comparisons)
        python_fold(
            "from core.workspace import Workspace\nfrom core.evaluation.compare import compare_runs\n\n"
            f"comparison = compare_runs(Workspace.current(), {runs[0].id!r}, {runs[1].id!r}, {split!r})\n"
            "print(comparison.summary()['words'])",
            key="compare",
        )
    with page.cell("The figures side by side", "Each with its 95 % interval."):
        show_figures(runs, split or splits[0])
    with page.cell("How did they learn?"):
        show_learning(runs)
    with page.cell("Where do they disagree?"):
        chosen = comparisons[0]
        if len(comparisons) > 1:
            chosen = st.selectbox(
                "Against", comparisons, key="compare_against", format_func=lambda item: names_of(runs)[item.b]
            )
        show_pictures(runs, chosen, dataset)
    with page.cell("What was set differently?"):
        show_settings(comparisons, runs)
        better = [item.b if item.judgement == "b" else item.a for item in comparisons if item.judgement in ("a", "b")]
        if len(comparisons) == 1 and better:
            next_step("Try the better one on new pictures", "predict.py", key="compare_predict", run=better[0])
        else:
            next_step("Try one on new pictures", "predict.py", key="compare_predict", run=runs[0].id)


def _named(sentence: str, names: dict[str, str]) -> str:
    for identifier, name in names.items():
        sentence = sentence.replace(identifier, name)
    return sentence


show_page()
