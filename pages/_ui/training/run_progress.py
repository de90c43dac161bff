"""How a run is doing, live: state and bars, curves, pictures, log, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

from core.errors import GraftError
from core.metric_words import metric_help, metric_title, metric_value, own_figures, validator_words
from core.planning.learning_curve import LEAST_EPOCHS
from core.spec import TrainingSpec
from core.tasks import TASKS
from core.training.advice import MoreTime, end_is_decided, more_time
from core.training.records.progress import PHASE_WORDS, RunProgress, read_progress
from core.training.runs import list_runs, move_run, pause_run, resume_run, stop_run
from core.training.store import WITH_PROCESS, Run, State
from core.training.worker.pictures import picture_epoch
from core.words import count, duration, megabytes, percent, time_left
from core.workspace import Workspace
from pages._ui.common.cells import next_step
from pages._ui.common.formatting import plain, state_badge
from pages._ui.common.frame import ASSETS
from pages._ui.common.looking import run_now, slowness
from pages._ui.common.pictures import Tile, show_picture
from pages._ui.common.running import begin_run
from pages._ui.training.run_curves import HEADLINES, draw_curves

LIVE_SECONDS = 1.0
CHART_SECONDS = 3.0
SLOWEST_CHART = 30.0
LOG_LINES = 60
MORE_EPOCHS = 20
BEFORE_TRAINING = ("waiting", "checking", "loading")
Draw = Callable[[Workspace, str, bool], None]


def live(
    draw: Callable[[Workspace, str, bool], None], workspace: Workspace, run_id: str, seconds: float | None
) -> None:
    """Draw a part of the page, again every `seconds` while the run is active; less often where many look."""
    times = st.session_state["slowness"] = slowness()
    st.fragment(draw, run_every=seconds and seconds * times)(workspace, run_id, seconds is not None)


def show_state(workspace: Workspace, run_id: str, active: bool) -> None:
    """Show state, bars, time left and the buttons."""
    live(_state, workspace, run_id, LIVE_SECONDS if active else None)


def show_curves(workspace: Workspace, run_id: str, active: bool) -> None:
    """Show the result and the losses over the epochs."""
    live(draw_curves, workspace, run_id, _chart_seconds(workspace, run_id) if active else None)


def show_pictures(workspace: Workspace, run_id: str, active: bool) -> None:
    """Show what the model sees and what it answers."""
    live(_pictures, workspace, run_id, _chart_seconds(workspace, run_id) if active else None)


def show_log(workspace: Workspace, run_id: str, active: bool) -> None:
    """Show the settings and the newest log lines."""
    live(_log, workspace, run_id, CHART_SECONDS if active else None)


def _chart_seconds(workspace: Workspace, run_id: str) -> float:
    """Return how often what changes once per epoch is drawn: half an epoch, within bounds."""
    rows = read_progress(run_now(workspace, run_id)).rows
    last = rows[max(rows)]["seconds"] if rows else None
    return min(max(CHART_SECONDS, (last or 0.0) / 2), SLOWEST_CHART)


def tab_title(run: Run, progress: RunProgress) -> str:
    """Return the title of the browser tab: how far the run is, or how it ended."""
    if run.state in (State.RUNNING, State.STARTING, State.STOPPING):
        return f"{percent(progress.fraction)} · {run.name}"
    return f"{'✓ Finished' if run.state is State.FINISHED else run.state.capitalize()} · {run.name}"


def _state(workspace: Workspace, run_id: str, live_now: bool) -> None:
    run = run_now(workspace, run_id)
    if live_now != run.active:
        st.rerun()  # it has ended, or was gone on with: the whole page changes
    if live_now and slowness() not in (seen := st.session_state.get("slowness", 1), seen // 2):
        st.rerun()  # more look now, or far fewer: all parts change their pace
    progress = read_progress(run)
    st.set_page_config(page_title=tab_title(run, progress))
    if message := st.session_state.pop("run_message", None):
        st.error(plain(message))
    if run.state in (State.FAILED, State.INTERRUPTED):
        _trouble(workspace, run)
    elif run.state is State.QUEUED:
        st.markdown(f"{state_badge(run.state)} {_queue_words(workspace, run)}")
    else:
        st.markdown(f"{state_badge(run.state)} {plain(_sentence(run, progress))}")
    if run.state in (State.RUNNING, State.STARTING, State.STOPPING) and progress.final is None:
        _bars(progress)
    _figures(run, progress)
    expected = more_time(run, progress) if run.state in (State.RUNNING, State.FINISHED) else None
    _what_more_brings(run, progress, expected)
    _buttons(workspace, run, expected.epochs if expected else MORE_EPOCHS)


def offer_message() -> None:
    """Offer that the browser says, with a sound, when the run has ended; nothing happens unless it is asked for."""
    script = (ASSETS / "notify.js").read_text(encoding="utf-8")
    st.html(
        f'<button class="graft-notify" type="button">Tell me when it has ended</button><script>{script}</script>',
        unsafe_allow_javascript=True,
    )


def _queue_words(workspace: Workspace, run: Run) -> str:
    if run.cause:
        return plain(f"It waits: {run.cause}")
    if run.submitted:
        return "It waits in the cluster's queue for a free place and starts by itself."
    working = [other for other in list_runs(workspace, states=set(WITH_PROCESS)) if other.device == run.device]
    left = read_progress(working[0]).seconds_left if working else None
    ahead = f" The one that trains now: {time_left(left)}." if left else ""
    if run.position and run.position > 1:
        return f"Place {run.position} in the queue. It starts by itself when those before it are done.{ahead}"
    return f"It starts as soon as its device is free.{ahead}"


def _sentence(run: Run, progress: RunProgress) -> str:
    if run.state is State.STOPPING:
        return {
            "stop": "Stopping after this step; the best model so far is kept.",
            "pause": "Pausing; the device is free in a moment.",
            "cancel": "Cancelling.",
        }.get(run.request, "Stopping.")
    if run.state is State.CANCELLED:
        return "Cancelled by you."
    if run.state is State.STARTING and progress.final is not None:  # that of the attempt before
        return f"Getting ready to go on after epoch {progress.epochs_done}."
    if progress.phase == "training" and not progress.rows:
        return "Learning; the first result comes at the end of the first epoch."
    return progress.sentence


def _trouble(workspace: Workspace, run: Run) -> None:
    kind = st.error if run.state is State.FAILED else st.warning
    kind(plain(f"{run.cause} {run.next_step}".strip()), title=f"The run {run.state}" if run.state is State.FAILED
         else "The run was interrupted")  # fmt: skip
    if run.suggestion:
        words = ", ".join(f"{name} {value}" for name, value in run.suggestion.items())
        if st.button(f"Start again with {words}", key=f"suggest_{run.id}", type="primary"):
            begin_run(workspace, with_suggestion(run.spec, run.suggestion))
    elif "again" in run.next_step and "ataset" in run.next_step:
        next_step("Look at the dataset", "dataset.py", key=f"dataset_{run.id}", dataset=run.dataset)
    elif "Runs page" in run.cause + run.next_step:
        next_step("Make room on the Runs page", "runs.py", key=f"room_{run.id}")


def with_suggestion(spec: TrainingSpec, suggestion: dict[str, Any]) -> TrainingSpec:
    """Return a specification with suggested settings put in: its own fields, else expert settings."""
    values = spec.model_dump()
    for name, value in suggestion.items():
        if name in TrainingSpec.model_fields:
            values[name] = value
        else:
            values["extra"] = {**values["extra"], name: value}
    return TrainingSpec.model_validate(values)


def _bars(progress: RunProgress) -> None:
    if progress.phase in BEFORE_TRAINING or not progress.epochs:
        st.progress(0.0, text="Getting ready: pictures and model are checked before the first epoch")
        return
    if progress.phase == "finishing":
        done = count(progress.epochs_done, "epoch")
        st.progress(1.0, text=f"Trained {done}, {time_left(progress.seconds_left)}")
        seen = f": picture {progress.looked} of {progress.to_look_at}" if progress.to_look_at else ""
        share = progress.looked / progress.to_look_at if progress.to_look_at else 0.0
        st.progress(share, text=(progress.message or PHASE_WORDS["finishing"]) + seen)
        return
    epoch = min(max(progress.epoch, 1), progress.epochs)
    st.progress(progress.fraction, text=f"Epoch {epoch} of {progress.epochs}, {time_left(progress.seconds_left)}")
    if progress.phase == "training" and progress.batches:
        share = min(1.0, progress.batch / progress.batches)
        st.progress(share, text=f"Step {progress.batch} of {progress.batches} in this epoch")
    else:
        st.progress(1.0, text=PHASE_WORDS.get(progress.phase, progress.phase))


def _figures(run: Run, progress: RunProgress) -> None:
    metrics = progress.metrics or run.metrics or {}
    shown = own_figures(run.task, [name for name in HEADLINES if metrics.get(name) is not None])[:4]
    working = run.state in (State.RUNNING, State.STARTING)
    if shown:
        with st.grid(4, min_column_width=165, gap="small"):
            for name in shown:
                shown_help = metric_help(name, in_training=run.active)
                st.metric(metric_title(name), metric_value(name, metrics[name]), help=shown_help)
            if progress.best_epoch:
                st.metric("Best epoch", f"{progress.best_epoch} of {progress.epochs}")
            st.metric("Time so far" if run.active else "Time", duration(progress.seconds))
    if shown and run.active:
        st.caption(
            "As Ultralytics’ validator counts during training. At the end Graft counts anew, as the model is used."
        )
    elif "top1" in shown:  # the one figure here that the Evaluation page corrects for choosing
        st.caption(
            "Counted on the pictures that the best epoch was chosen on; what to expect of new ones is told on the "
            "Evaluation page."
        )
    if not run.active and (told := validator_words(progress.ultralytics)):
        st.caption(plain(told))
    notes = []
    if working and progress.images_per_second:
        notes.append(f"{count(round(progress.images_per_second), 'picture')} per second")
    if progress.device_name:
        notes.append(f"on {progress.device_name}")
    if working and progress.memory_bytes:
        notes.append(f"{megabytes(progress.memory_bytes)} of memory in all")
    if working and progress.cores and progress.cores < (progress.cores_available or 0):
        notes.append(f"{progress.cores} of {progress.cores_available} processor cores, as other programs are busy")
    if notes:
        text = "; ".join(notes)
        st.caption(plain(f"{text[0].upper()}{text[1:]}."))
    for said in (progress.transfer, progress.preflight if working else {}):  # what is free now is another matter
        if said.get("message"):
            st.caption(plain(str(said["message"])))


def _do(action: Callable[..., Any], *args: Any, **options: Any) -> None:
    """Do what a button says; keep a refusal for the next drawing."""
    try:
        action(*args, **options)
    except GraftError as error:
        st.session_state["run_message"] = str(error)


def _what_more_brings(run: Run, progress: RunProgress, expected: MoreTime | None) -> None:
    """Say what more time would bring, learnt from this run's own curve, and whether it takes it by itself."""
    if expected is None:
        if run.state is State.FINISHED and run.spec.goes_on and len(progress.rows) < LEAST_EPOCHS:
            st.markdown(f"From fewer than {LEAST_EPOCHS} epochs it can’t be told whether more would pay: it ended as "
                        "planned. Train longer to see.")  # fmt: skip
        return
    words = f"Learnt from this run’s own curve: {expected.words}"
    if run.state is State.RUNNING and run.spec.goes_on and not run.more_epochs:
        if end_is_decided(run, progress):
            words += f" Its last epochs have begun: it ends after epoch {progress.epochs}."
        else:
            words += " It goes on for as long as that pays, and ends by itself."
    st.markdown(plain(words))


def _buttons(workspace: Workspace, run: Run, epochs: int) -> None:
    """Offer what can be done with a run; `epochs`: how many more one that has finished is offered."""
    with st.container(horizontal=True):
        if not run.active and run.best_weights is not None:
            next_step("See how good it is", "evaluation.py", key="to_evaluation", run=run.id)
        if run.state in (State.RUNNING, State.STARTING):
            st.button("Stop and keep the best", key=f"stop_{run.id}", on_click=_do, args=(stop_run, workspace, run.id),
                      help="Ends after the present step; the best model so far is kept and checked.")  # fmt: skip
            st.button("Pause", key=f"pause_{run.id}", on_click=_do, args=(pause_run, workspace, run.id),
                      help="Frees the device; it goes on later where it was.")  # fmt: skip
        if run.state in (State.RUNNING, State.STARTING, State.STOPPING, State.QUEUED, State.PAUSED):
            st.button("Cancel", key=f"cancel_{run.id}", type="tertiary", on_click=_do,
                      args=(stop_run, workspace, run.id), kwargs={"keep_best": False},
                      help="Ends at once.")  # fmt: skip
        if run.state is State.QUEUED and run.position and run.position > 1:
            st.button("Move to the front", key=f"front_{run.id}", on_click=_do,
                      args=(move_run, workspace, run.id, 1 - run.position))  # fmt: skip
        if run.resumable:
            if run.state is State.FINISHED:
                st.button(f"Train {count(epochs, 'more epoch')}", key=f"more_{run.id}", on_click=_do,
                          help="It ends by itself, and the best model of all epochs is kept.",
                          args=(resume_run, workspace, run.id), kwargs={"more_epochs": epochs})  # fmt: skip
            else:
                st.button("Resume", key=f"resume_{run.id}", on_click=_do, args=(resume_run, workspace, run.id),
                          type="primary" if run.state in (State.PAUSED, State.INTERRUPTED) else "secondary",
                          help="Goes on after the last whole epoch.")  # fmt: skip


def _pictures(workspace: Workspace, run_id: str, _: bool) -> None:
    run = run_now(workspace, run_id)
    folder = run.folder / "pictures"
    answers = list(folder.glob("validation_*_*.jpg"))
    batch = sorted(folder.glob("batch_*_*.jpg"))
    if not answers and not batch:
        st.caption("Pictures appear here while it trains." if run.active else "This run kept no pictures.")
        return
    if answers:
        epoch = _chosen_epoch(run_id, sorted({picture_epoch(path.name) for path in answers}))
        pixels = TASKS[run.task].names_pixels
        how = "in the colours of the classes" if pixels else "dashed, with confidence), and your labels (solid"
        if TASKS[run.task].names_pictures:
            how = "the answer with its confidence, beside your label"
        padded = "" if TASKS[run.task].names_pictures else ", padded as Ultralytics’ validator pads them"
        st.caption(f"Its answers on the same validation pictures ({how}){padded}")
        _row([path for path in answers if picture_epoch(path.name) == epoch], f"Answers after epoch {epoch}")
    if batch:
        st.caption("As the model sees its training pictures: cropped, turned, coloured and mixed on purpose")
        _row(batch, "Training pictures as the model sees them")


def _chosen_epoch(run_id: str, epochs: list[int]) -> int:
    """Let the user go back in time; the slider follows the newest epoch until it is moved."""
    key, newest = f"picture_epoch_{run_id}", f"picture_newest_{run_id}"
    if st.session_state.get(key) in (None, st.session_state.get(newest)):
        st.session_state[key] = epochs[-1]
    st.session_state[newest] = epochs[-1]
    if len(epochs) == 1:
        return epochs[0]
    if st.session_state[key] not in epochs:
        st.session_state[key] = epochs[-1]
    return int(st.select_slider("See it learn: answers after epoch", epochs, key=key))


def _row(files: list[Path], words: str) -> None:
    with st.grid(3, min_column_width=180, gap="small"):
        for number, path in enumerate(sorted(files), 1):
            show_picture(Tile(path, alt=f"{words}, picture {number}"), 480)


def _log(workspace: Workspace, run_id: str, _: bool) -> None:
    run = run_now(workspace, run_id)
    spec = run.spec
    on = ", then on while it pays" if spec.goes_on else ""
    st.caption(f"{count(spec.epochs, 'epoch')}{on}, {spec.imgsz} pixels, batches of {spec.batch}, seed {spec.seed}, "
               f"{plain(str(spec.strategy))}, device {run.device}")  # fmt: skip
    with st.expander("Newest lines of the log", key=f"log_{run_id}", type="compact"):
        st.code(tail(run) or "Nothing yet.", language=None, height=320)


def tail(run: Run, lines: int = LOG_LINES) -> str:
    """Return the last lines of a run's log, without the terminal's colours and progress bars."""
    try:
        stamp = run.log_path.stat()
        return _tail(str(run.log_path), stamp.st_mtime_ns, stamp.st_size, lines)
    except FileNotFoundError:
        return ""


@lru_cache(maxsize=32)
def _tail(path: str, changed: int, size: int, lines: int) -> str:  # noqa: ARG001  (the stamp tells a changed file)
    with Path(path).open("rb") as file:
        file.seek(max(0, size - 64_000))
        text = file.read().decode("utf-8", errors="replace")
    kept = [_plain_line(line.rstrip("\r")) for line in text.split("\n")[-4 * lines :]]
    return "\n".join([line for line in kept if line.strip()][-lines:])


def _plain_line(line: str) -> str:
    line = line.rsplit("\r", 1)[-1]
    if line.isprintable():
        return line
    out, skip = [], False
    for letter in line:
        if letter == "\x1b":
            skip = True
        elif skip:
            skip = not letter.isalpha()
        elif letter.isprintable():
            out.append(letter)
    return "".join(out)
