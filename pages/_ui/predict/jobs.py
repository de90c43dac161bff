"""Thousands of pictures, or a video, in the background: start, progress with the time left, cancel, what came out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from core.data.palette import class_colour
from core.data.reading.archives import is_archive
from core.delivery.predict.intake import Intake
from core.delivery.predict.job import (
    Job,
    JobRequest,
    cancel_job,
    list_jobs,
    new_job,
    read_job,
    start_job,
)
from core.delivery.predict.model.chosen_model import ChosenModel
from core.delivery.predict.results import limit_words
from core.errors import GraftError
from core.jobs import remove_job
from core.tasks import TASKS
from core.words import ago, count, duration, megabytes, out_of, score, thousands, time_left
from core.workspace import Workspace
from pages._ui.common import charts
from pages._ui.common.formatting import plain
from pages._ui.predict.answers import show_unlike

STEPS = {1: "every frame", 2: "every second frame", 5: "every fifth frame", 10: "every tenth frame"}
FILES = {
    "pictures.csv": ("Every picture (CSV)", "text/csv"),
    "objects.csv": ("Every finding (CSV)", "text/csv"),
    "coco.json": ("COCO JSON", "application/json"),
    "counts.csv": ("Counts over time (CSV)", "text/csv"),
    "annotated.mp4": ("The video", "video/mp4"),
    "annotated.webm": ("The video", "video/webm"),
}
STATES = {
    "finished": "",
    "cancelled": "Stopped early; what was looked at by then is kept.",
    "failed": "It could not be done.",
    "interrupted": "Its process ended before it was done; the tables hold what was looked at by then.",
}
SHOWN = 6


def offer(workspace: Workspace, model: ChosenModel, intake: Intake, confidence: float) -> None:
    """Show what of the given can run in the background, and start it when asked."""
    if intake.waiting:
        st.markdown(
            f"{count(len(intake.waiting), 'picture')} given. Started below, they are looked at in the "
            "background, and you may close this tab meanwhile."
        )
        line = _ask_line(st, confidence, f"predict_job_line_{model.name}")
        tiled = st.toggle(
            "Look at big pictures in tiles",
            value=model.tile is not None,
            key="predict_job_tiled",
            help="Finds small things in large pictures and takes many times as long.",
        )
        if st.button("Look at all of them", key="predict_job_go", type="primary", icon=":material/play_arrow:"):
            _start(workspace, model, line, kind="pictures", tiled=tiled)
    for number, video in enumerate(intake.videos):
        st.markdown(f"**{plain(video.name)}**  \n:small[{megabytes(video.stat().st_size)}]")
        left, right = st.columns(2)
        line = _ask_line(left, confidence, f"predict_video_line_{model.name}_{number}")
        every = right.selectbox(
            "Look at",
            list(STEPS),
            format_func=STEPS.__getitem__,
            key=f"predict_video_every_{number}",
            help="Fewer frames are done sooner; the frames between keep the last answer.",
        )
        if st.button(
            "Run it over the video", key=f"predict_video_go_{number}", type="primary", icon=":material/play_arrow:"
        ):
            _start(workspace, model, line, kind="video", every=every, video=video)


def _ask_line(place: Any, confidence: float, key: str) -> float:
    """Ask in a column, or on the page itself, for the confidence from which a finding counts."""
    line: float = place.slider(
        "Confidence a finding must reach", 0.0, 1.0, round(confidence, 3), 0.005, format="%.3f", key=key
    )
    return line


def _start(
    workspace: Workspace,
    model: ChosenModel,
    line: float,
    *,
    kind: Any,
    video: Path | None = None,
    every: int = 1,
    tiled: bool = False,
) -> None:
    """Give the job its own copy of what was uploaded (moved, not copied) and start it."""
    held: Path | None = st.session_state.get("predict_folder")
    sources: list[Path] = [video] if video is not None else st.session_state["predict_sources"]
    folder = new_job(workspace, video.stem if video is not None else sources[0].stem)
    name = sources[0].name if len(sources) == 1 else f"{sources[0].name} and {count(len(sources) - 1, 'more file')}"
    if held is not None and all(source.is_relative_to(held) for source in sources):
        sources = _moved(sources, held, folder / "given")
        st.session_state["predict_given"] = None  # it lies with the job now
    request = JobRequest(
        kind=kind,
        model=model.name,
        sources=[str(path) for path in sources],
        confidence=line,
        name=name,
        tiled=tiled,
        every=every,
    )
    try:
        start_job(workspace, request, folder)
    except GraftError as error:
        shutil.rmtree(folder, ignore_errors=True)
        st.error(plain(str(error)), icon=":material/error:")
        return
    st.rerun()


def _moved(sources: list[Path], held: Path, target: Path) -> list[Path]:
    """Move uploads below `target`, keeping their names and folders; return what the job is to look at there."""
    places = []
    for source in sources:
        place = target / source.relative_to(held)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(source, place)
        places.append(place)
    loose = [place for place in places if not is_archive(place)]
    if len(loose) <= 1:
        return places
    return [target / "given", *(place for place in places if is_archive(place))]  # names without the upload's folder


def show_jobs(workspace: Workspace) -> None:
    """Show the jobs, the newest first; those under way refresh by themselves."""
    jobs = list_jobs(workspace)
    if not jobs:
        st.caption(
            "Nothing has run in the background yet. Give a folder or a zip with many pictures, or a video, above."
        )
        return
    for job in jobs[:SHOWN]:
        with st.container(key=f"predict_job_{job.id}", border=True):
            if job.state == "running":
                _watch(str(job.folder))
            else:
                show_ended(job)
    if len(jobs) > SHOWN:
        st.caption(f"{count(len(jobs) - SHOWN, 'older one')} in the workspace’s folder predictions.")


@st.fragment(run_every=1)
def _watch(folder: str) -> None:
    job = read_job(Path(folder))
    if job.state != "running":
        st.rerun()
    unit = "frame" if job.request.kind == "video" else "picture"
    if not job.total and not job.done:
        words = "starting"
    else:
        words = (
            f"{out_of(job.done, job.total, unit)}, {time_left(job.seconds_left)}"
            if job.total
            else (count(job.done, unit))
        )
    st.progress(job.fraction, f"{plain(job.request.name)}: {words}")
    if st.button(
        "Stop", key=f"predict_stop_{job.id}", icon=":material/stop:", help="What was looked at by then is kept."
    ):
        with st.spinner("Stopping …"):
            cancel_job(job.folder)
        st.rerun()


def show_ended(job: Job) -> None:
    """Show what came out of a job: a sentence, the chart or the film, and the files."""
    head, bin_ = st.columns([6, 1])
    head.markdown(
        f"**{plain(job.request.name)}**  \n:small[{ago(job.request.created)}, line at {score(job.request.confidence)}]"
    )
    if bin_.button("Delete", key=f"predict_delete_{job.id}", type="tertiary", help="Delete this result"):
        remove_job(job.folder)
        st.rerun()
    if job.error:
        st.error(plain(job.error), icon=":material/error:")
    elif STATES[job.state]:
        st.caption(STATES[job.state])
    if job.request.kind == "video":
        _show_video(job)
    elif job.result.get("pictures") is not None:
        _show_counts(job)
    with st.container(horizontal=True):
        for name, (label, mime) in FILES.items():
            path = job.folder / name
            if path.is_file():
                st.download_button(
                    f"{label}, {megabytes(path.stat().st_size)}",
                    path.read_bytes,
                    name,
                    mime,
                    key=f"predict_file_{job.id}_{name}",
                    icon=":material/download:",
                )


def _show_counts(job: Job) -> None:
    result = job.result
    lost = result["unreadable"]
    sentence = f"{count(result['pictures'] - lost, 'picture')} looked at in {duration(result['seconds'])}"
    if TASKS[result["task"]].finds_objects:
        sentence += f", {count(result['objects'], 'object')} found"
        if result.get("at_limit"):
            sentence += f"; {limit_words(result['max_det'], result['at_limit'])}"
    st.markdown(f"{sentence}." + (f" {count(lost, 'picture')} could not be read; the table says why." if lost else ""))
    show_unlike(result.get("unlike", 0), result["pictures"] - lost, result)
    ranked = sorted(result["by_class"].items(), key=lambda item: -item[1])[:12]
    if ranked:
        words = "Found of each class: " + ", ".join(f"{name} {number}" for name, number in ranked)
        charts.show(class_chart(ranked, result["classes"]), words, key=f"predict_counts_{job.id}")


def class_chart(ranked: list[tuple[str, int]], classes: list[str]) -> Any:
    """Return one bar per class, the most frequent first, in the colours of the classes."""
    chart = charts.figure(height=60 + 28 * len(ranked), hovermode="closest")
    numbers = [number for _, number in ranked]
    chart.add_bar(
        y=charts.axis_names(name for name, _ in ranked),
        x=numbers,
        orientation="h",
        marker={"color": [class_colour(classes.index(name)) for name, _ in ranked], "line": {"width": 0}},
        text=[f" {thousands(number)}" for number in numbers],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:,}<extra></extra>",
    )
    chart.update_yaxes(autorange="reversed", showgrid=False, type="category", nticks=len(ranked) + 1)
    chart.update_xaxes(visible=False, range=[0, max(numbers) * 1.14])
    return chart


def _show_video(job: Job) -> None:
    path = job.folder / str(job.result.get("video", ""))
    if not path.is_file():
        return
    result = job.result
    st.video(str(path), format="video/webm" if path.suffix == ".webm" else "video/mp4")
    most = ", ".join(f"{plain(name)} {number}" for name, number in result["most_at_once"].items()) or "nothing"
    st.markdown(f"{out_of(result['looked_at'], result['frames'], 'frame')} looked at. Most at once: {most}.")
    table = pd.read_csv(job.folder / "counts.csv")
    names = [name for name in table.columns[3:] if table[name].any()]
    chart = counts_chart(table, names)
    charts.show(
        chart, "Found in each frame over time: most at once " + (most or "nothing"), key=f"predict_over_time_{job.id}"
    )


def counts_chart(table: pd.DataFrame, names: list[str]) -> Any:
    """Return the counts of each class over the seconds of the video as steps, in the colours of the classes."""
    chart = charts.figure(height=230)
    classes = list(table.columns[3:])
    for name in names:
        chart.add_scatter(
            x=table["second"],
            y=table[name],
            name=name,
            mode="lines",
            hovertemplate="%{y}",
            line={"color": class_colour(classes.index(name)), "width": 2, "shape": "hv"},
        )
    chart.update_layout(showlegend=len(names) > 0)
    chart.update_xaxes(title={"text": "seconds", "standoff": 4})
    chart.update_yaxes(title="found", rangemode="tozero", tickformat="d", dtick=1 if table["found"].max() < 6 else None)
    return chart
