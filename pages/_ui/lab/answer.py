"""An experiment at work and at its end: the answer first, the figures under it, the trainings behind it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from core.data.dataset import load_dataset
from core.errors import InputError
from core.evaluation.figures.figure import Figure
from core.lab.cost import estimate
from core.lab.experiment import ENDED, Experiment, LabState, RaceSettings, Status
from core.lab.jobs import delete_experiment, get_experiment, start_experiment, stop_experiment
from core.lab.kinds.transfer import WITH, learning_curve
from core.lab.results import CurveResult, ProductResult, RaceResult, Row, TransferResult, TuneResult
from core.metric_words import headline_among, metric_help, metric_title, metric_words
from core.spec import TrainingSpec
from core.training.records.progress import read_progress
from core.training.runs import list_runs
from core.training.store import Run
from core.words import ago, count, duration, score, state_words
from core.workspace import Workspace
from pages._ui.common import charts
from pages._ui.common.cells import Notebook, next_step, python_fold
from pages._ui.common.draft import open_with
from pages._ui.common.formatting import plain
from pages._ui.common.frame import go_to, page_path
from pages._ui.lab import charts as lab_charts

LIVE_SECONDS = 3.0
ON_THE_WAY = (
    "The dots are counted by Ultralytics’ validator on the way, so that the last may differ a little from the figures "
    "above: those are the evaluation’s."
)
BAR_WORDS = "The bar is where the figure would lie with other validation pictures of the same kind (95 % interval)."
BAR_WORDS_SEEDS = (
    "The bar is where the figure would lie with other validation pictures and other luck in training (95 %)."
)
MORE_SEEDS = 3
SHOWN_TRIES = 8
STATE_BADGES = {
    "waiting": ":gray-badge[starting]",
    "running": ":green-badge[at work]",
    "stopping": ":gray-badge[stopping]",
    "finished": ":green-badge[finished]",
    "stopped": ":gray-badge[stopped by you]",
    "failed": ":red-badge[failed]",
}
ROW_WORDS = {
    "racing": "racing",
    "stopped": "stopped early",
    "finished": "to the end",
    "failed": "not trained",
}


def show_experiment(workspace: Workspace, experiment: Experiment) -> None:
    """Show one experiment; live while it is at work."""
    ended = experiment.status.state in ENDED
    # while it is at work only the cells are drawn anew: what stands above them must stay true
    when = f", {ago(experiment.created)}" if ended else ""
    page = Notebook(experiment.question, f"{experiment.dataset_name}{when}")
    every = None if ended else LIVE_SECONDS

    def live(draw: Any) -> None:
        st.fragment(draw, run_every=every)(workspace, experiment.id, ended)

    with page.cell("The answer" if ended else "How is it going?"):
        live(_answer)
    titles = {"race": "The leaderboard", "curve": "The curve", "transfer": "With and without", "tune": "The tries"}
    with page.cell(titles.get(experiment.settings.kind, "The figures")):
        live(_figures)
    if experiment.settings.kind != "curve":
        with page.cell("How did they learn?", "Every dot is an epoch; only the seconds of training count."):
            live(_courses)
    with page.cell("The trainings behind it", "Ordinary runs: open one to see everything about it."):
        live(_runs)
        python_fold(
            "from core.lab.jobs import get_experiment\nfrom core.workspace import Workspace\n\n"
            f"experiment = get_experiment(Workspace.current(), {experiment.id!r})\n"
            "print(*experiment.status.sentences, sep='\\n')\nprint(experiment.status.result)",
            key="lab_experiment",
        )
    if ended and experiment.status.sentences:
        with page.cell("What now?"):
            _next(workspace, experiment)
    with page.cell("Another question?"):
        if st.button("Back to the Lab", key="lab_back", icon=":material/arrow_back:"):
            go_to("lab.py", dataset=experiment.dataset)
        if ended:
            _offer_delete(workspace, experiment)


def _next(workspace: Workspace, experiment: Experiment) -> None:
    """Offer the one step that follows from the answer."""
    kind, result, settings = experiment.settings.kind, experiment.status.result, experiment.settings
    values: dict[str, Any] = {"dataset": experiment.dataset, "task": experiment.task, "imgsz": settings.imgsz}
    if kind == "product":
        next_step(
            "Look closely at the new model", "evaluation.py", key="lab_next", run=ProductResult.read(result).run or None
        )
        return
    if kind == "curve":
        next_step("See which pictures there are", "dataset.py", key="lab_next", dataset=experiment.dataset)
        return
    if kind == "race":
        rows = RaceResult.read(result).board
        row = next((item for item in rows if item.label == _chosen(experiment)), rows[0])
        values |= {"model": row.model, "strategy": row.strategy}
        words = f"Train {row.label} longer"
    elif kind == "tune":
        values |= {"model": settings.model, "strategy": settings.strategy}  # type: ignore[union-attr]
        taken = TuneResult.read(result).take
        values |= taken.model_dump() if taken is not None else {}
        words = "Train longer with these settings"
    else:
        values |= {"model": settings.model, "strategy": settings.strategy}  # type: ignore[union-attr]
        words = "Train longer with transfer"
    st.caption("The plan opens with these choices; everything in it can still be changed.")
    if st.button(words, key="lab_next", type="primary", icon=":material/arrow_forward:", icon_position="right"):
        open_with(workspace, TrainingSpec.model_validate(values))
        go_to("training.py", dataset=experiment.dataset, plan="1")
    if isinstance(settings, RaceSettings) and settings.seeds < MORE_SEEDS:
        _offer_final(workspace, experiment, settings)


def _offer_final(workspace: Workspace, experiment: Experiment, settings: RaceSettings) -> None:
    """Offer the finalists once more with several trainings each, which shows the luck between trainings."""
    last = {row.label for row in RaceResult.read(experiment.status.result).board if row.state == "finished"}
    finalists = [item for item in settings.contenders if item.label in last]
    if len(finalists) < 2:
        return
    again = settings.model_copy(update={"contenders": finalists, "seeds": MORE_SEEDS, "halving": False})
    try:
        cost = estimate(workspace, load_dataset(workspace, experiment.dataset), again)
        if st.button("Race the finalists again, three trainings each", key="lab_final", help=cost.words):
            go_to("lab.py", experiment=start_experiment(workspace, experiment.dataset, again).id)
    except InputError as error:
        st.caption(plain(str(error)))


def _chosen(experiment: Experiment) -> str:
    """Return the contender the first sentence recommends, the leader when it names several."""
    sentences, rows = experiment.status.sentences, RaceResult.read(experiment.status.result).board
    labels = [row.label for row in rows]
    return next((label for label in labels if sentences and sentences[0].startswith((f"{label}:", f"{label}, or"))), "")


def _offer_delete(workspace: Workspace, experiment: Experiment) -> None:
    with st.popover("Delete this experiment", key="lab_delete_open"):
        both = st.checkbox("Its trainings too", key="lab_delete_runs", value=False)
        if st.button("Delete", key="lab_delete"):
            delete_experiment(workspace, experiment.id, with_runs=both)
            go_to("lab.py", dataset=experiment.dataset)


def _answer(workspace: Workspace, experiment_id: str, was_ended: bool) -> None:
    try:
        experiment = get_experiment(workspace, experiment_id)
    except InputError:
        st.markdown("This experiment was deleted.")
        return
    status = experiment.status
    ended = status.state in ENDED
    if ended and not was_ended:
        st.rerun()
    st.markdown(STATE_BADGES[str(status.state)] + (f" :small[{plain(_time(status))}]" if ended else ""))
    if status.cause:
        st.error(plain(status.cause), title="No answer" if not status.sentences else None)
    if status.sentences:
        first, *rest = status.sentences
        if ended:
            st.markdown(f"### {plain(first)}")
        else:
            st.markdown(f"So far: {plain(first)}")
        for sentence in rest:
            st.markdown(plain(sentence))
    if not ended:
        done, total, message = _progress(status, _mine(workspace, experiment))
        st.progress(done / max(1, total), text=plain(message))
        if status.state is LabState.STOPPING:
            st.caption("What trains now ends after its batch, and keeps its best.")
        elif st.button("Stop and sum up", key="lab_stop", help="What trains now ends and keeps its best so far."):
            stop_experiment(workspace, experiment.id)
            st.rerun(scope="fragment")
    if status.refused and not status.cause:
        for key, reason in status.refused.items():
            st.markdown(f":material/warning: {plain(key)}: {plain(reason)}")


def _time(status: Status) -> str:
    if status.started is None or status.ended is None:
        return ""
    return f"took {duration((status.ended - status.started).total_seconds())}"


def _progress(status: Status, runs: list[Run]) -> tuple[float, float, str]:
    """Return trainings done (with the share of those at work), trainings known of, and what is being done."""
    message = status.message or "Starting."
    done = 0.0
    for run in runs:
        progress = read_progress(run)
        done += progress.fraction if run.active else 1.0
        if run.active and progress.epochs and run.state != "queued":
            message += f" {run.name.rsplit(' (', 1)[0]}: epoch {max(1, progress.epoch)} of {progress.epochs}."
    return min(done, len(runs)), max(len(runs), 1), message


def _mine(workspace: Workspace, experiment: Experiment) -> list[Run]:
    known = {run_id: number for number, run_id in enumerate(experiment.status.runs.values())}
    mine = [run for run in list_runs(workspace) if run.id in known]
    return sorted(mine, key=lambda run: known[run.id])


def _figures(workspace: Workspace, experiment_id: str, _ended: bool) -> None:
    try:
        experiment = get_experiment(workspace, experiment_id)
    except InputError:
        return
    draws = {"race": _race, "transfer": _transfer, "curve": _curve, "tune": _tune, "product": _product}
    if not experiment.status.result:
        st.caption("The first figures come when the first trainings are done.")
        return
    draws[experiment.settings.kind](workspace, experiment)


def _race(workspace: Workspace, experiment: Experiment) -> None:
    result = RaceResult.read(experiment.status.result)
    rows = result.board
    runs = {run.id: run for run in _mine(workspace, experiment)}
    by_label = {row.label: _runs_of(row.label, experiment, runs) for row in rows}
    now = {row.label: _live_row(row, by_label[row.label]) for row in rows if row.state == "racing"}
    known = [row for row in rows if row.figure.is_known]
    chosen = _chosen(experiment) if experiment.status.state in ENDED else ""
    if known:
        charts.show(
            lab_charts.leaderboard(known, metric_words(experiment.metric), chosen),
            "Each contender’s figure with its 95 % interval, the best at the top",
            key="lab_board",
        )
    table = pd.DataFrame(
        [
            {
                "contender": row.label,
                "figure": score(row.figure.value),
                "between": f"{score(row.figure.low)} and {score(row.figure.high)}" if row.figure.has_interval else "–",
                "epochs": row.epochs,
                "training time": duration(row.seconds),
                "state": ROW_WORDS[row.state] + (now.get(row.label, "") if row.state == "racing" else ""),
            }
            for row in rows
        ]
    )
    st.dataframe(table, hide_index=True, key="lab_board_table", alt="The leaderboard as a table")
    for row in rows:
        if row.note:
            st.markdown(f"**{plain(row.label)}** {plain(row.note[0].lower() + row.note[1:])}")
    looks = result.rungs
    if len(looks) > 1:
        st.caption(
            f"All train {count(looks[0], 'epoch')}; then the better half goes on, looked at again after "
            + ", ".join(str(item) for item in looks[1:])
            + " (successive halving). Green is the recommendation, a hollow dot was stopped early."
        )
    st.caption(BAR_WORDS if experiment.settings.seeds == 1 else BAR_WORDS_SEEDS)
    st.caption(f"{metric_title(experiment.metric)}: {metric_help(experiment.metric)}")


def _runs_of(label: str, experiment: Experiment, runs: dict[str, Run]) -> list[Run]:
    parts = experiment.status.runs
    return [
        runs[run] for key, run in parts.items() if (key == label or key.startswith(f"{label}, seed")) and run in runs
    ]


def _live_row(row: Row, runs: list[Run]) -> str:
    """Fill a row that has no comparison yet with what its runs say now; return how far it is, in words."""
    values, epochs = [], 0
    for run in runs:
        progress = read_progress(run)
        epochs = max(epochs, progress.epochs_done)
        main = headline_among(run.task, progress.metrics)
        value = progress.metrics[main] if main else None
        if value is not None:
            values.append(value)
    if values and not row.figure.is_known:
        row.figure, row.epochs = Figure(sum(values) / len(values)), epochs
    return f", epoch {epochs}" if epochs else ""


def _transfer(_workspace: Workspace, experiment: Experiment) -> None:
    result = TransferResult.read(experiment.status.result)
    rows = [
        Row(label=way.way, epochs=len(way.curve.values), figure=way.figure, seconds=way.seconds) for way in result.ways
    ]
    shown = result.zero_shot
    if shown is not None:
        rows.append(Row(label="as it comes (zero-shot)", figure=shown.figure, seconds=0.0))
    charts.show(lab_charts.leaderboard(rows, metric_words(experiment.metric), WITH),
                "The figure with and without transfer, each with its 95 % interval", key="lab_ways")  # fmt: skip
    if shown is not None:
        names = ", ".join(f"{plain(name)} (it says {plain(own)})" for name, own in shown.classes.items())
        st.caption(f"As it comes: judged on {names} only.")


def _curve(_workspace: Workspace, experiment: Experiment) -> None:
    result = CurveResult.read(experiment.status.result)
    curve = lab_charts.trusted_curve(result)
    seen = "The figure of each training against its number of pictures"
    charts.show(lab_charts.set_sizes(result, metric_words(experiment.metric)),
                f"{seen}, with the fitted curve and its band" if curve else seen, key="lab_sizes")  # fmt: skip
    if not curve:
        st.caption("Each dot is a training, with its 95 % interval. No curve is drawn where they follow none.")
        return
    st.caption(
        "Each dot is a training, with its 95 % interval; the line is a − b · n⁻ᶜ through them, dotted where it looks "
        "ahead"
        + (
            ", the band 95 % of the curves through other draws of pictures and trainings."
            if "low" in curve
            else ". A band needs two trainings per size."
        )
    )


def _tune(_workspace: Workspace, experiment: Experiment) -> None:
    result = TuneResult.read(experiment.status.result)
    tries = result.tries
    if not tries:
        st.caption("The first figures come when the first try is done.")
        return
    rows = [{"try": item.name, "figure": score(item.figure.value), "training time": duration(item.seconds),
             **{name: str(value) for name, value in item.settings.items()}} for item in tries]  # fmt: skip
    best = sorted(tries, key=lambda item: -item.figure.value)[:SHOWN_TRIES]
    epochs = experiment.settings.epochs
    shown = [Row(label=item.name, epochs=epochs, figure=item.figure, seconds=item.seconds) for item in best]
    charts.show(lab_charts.leaderboard(shown, metric_words(experiment.metric), result.best),
                "The best tries, each with its 95 % interval", key="lab_best_tries")  # fmt: skip
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="lab_tries", alt="Every try with its settings and figure",
                 placeholder="–")  # fmt: skip


def _product(_workspace: Workspace, experiment: Experiment) -> None:
    result = ProductResult.read(experiment.status.result)
    rows = [Row(label=item.name, figure=item.figure) for item in result.figures]
    charts.show(lab_charts.leaderboard(rows, metric_words(experiment.metric), ""),
                "The figures before and after on the old and on the new pictures", key="lab_product")  # fmt: skip


def _courses(workspace: Workspace, experiment_id: str, _ended: bool) -> None:
    try:
        experiment = get_experiment(workspace, experiment_id)
    except InputError:
        return
    groups: dict[str, list[Run]] = {}
    for run in _mine(workspace, experiment):
        key = next(key for key, run_id in experiment.status.runs.items() if run_id == run.id)
        groups.setdefault(key.split(", seed ")[0], []).append(run)
    lines = []
    chosen = _chosen(experiment) if experiment.settings.kind == "race" else WITH
    for number, (name, runs) in enumerate(groups.items()):
        course = learning_curve(runs, experiment.metric)
        if course.values:
            dash = "dot" if "scratch" in name else "solid"
            colour = charts.LEAF if name == chosen else lab_charts.COLOURS[number % len(lab_charts.COLOURS)]
            lines.append(lab_charts.Line(name, course.seconds, course.values, colour, dash))
    if not lines:
        st.caption("Nothing has finished an epoch yet.")
        return
    charts.show(lab_charts.over_time(lines, metric_words(experiment.metric)),
                "How each learned over the time it trained", key="lab_courses")  # fmt: skip
    st.caption(ON_THE_WAY)


def _runs(workspace: Workspace, experiment_id: str, _ended: bool) -> None:
    try:
        experiment = get_experiment(workspace, experiment_id)
    except InputError:
        return
    runs = _mine(workspace, experiment)
    if not runs:
        st.caption("None has started yet.")
    for run in runs:
        name = run.name.rsplit(" (", 1)[0]
        st.page_link(page_path("training.py"), label=f"{plain(name)}: {state_words(run.state)}",
                     query_params={"run": run.id}, icon=":material/model_training:")  # fmt: skip
