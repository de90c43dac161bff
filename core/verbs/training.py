"""`train`, `runs`, `show`, `stop`, `pause` and `resume`: runs from the command line."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from core.metric_words import metric_list, validator_words
from core.spec import TrainingSpec
from core.strategies import STRATEGIES
from core.strategies.scratch import SCRATCH
from core.verbs.verb import Add, settings_from
from core.words import time_left
from core.workspace import Workspace

SETTINGS = (
    "model", "strategy", "teacher", "epochs", "imgsz", "batch", "seed", "device", "patience", "budget", "goes_on",
    "name",
)  # fmt: skip
"""Fields of the specification that are options of `train`."""


def register(add: Add) -> None:
    """Add the verbs of the training room."""
    verb = add("train", _train, "Fine-tune a pre-trained model on a dataset.")
    verb.add_argument("dataset", help="id or name of a dataset")
    for name in SETTINGS:
        field = TrainingSpec.model_fields[name]
        kind = int if name in ("epochs", "imgsz", "seed", "patience") else str
        choices = [item.name for item in STRATEGIES] if name == "strategy" else None
        default = "none" if field.default == "" else f"{field.default!s}"
        verb.add_argument(
            f"--{name.replace('_', '-')}", type=kind, choices=choices, help=f"{field.description} Default: {default}."
        )
    verb.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="any Ultralytics training argument, repeatable"
    )
    verb.add_argument("--detach", action="store_true", help="start the run and return at once")

    add("runs", _runs, "List the runs, newest first.")
    for name, function, help_text in (
        ("show", _show, "Show one run: state, progress, figures."),
        ("stop", _stop, "Stop a run and keep the best model so far."),
        ("pause", _pause, "Pause a run; the device is freed."),
        ("resume", _resume, "Go on with a paused, stopped or interrupted run."),
    ):
        verb = add(name, function, help_text)
        verb.add_argument("run", help="id of a run")
        if name == "stop":
            discard = "end at once, without a last look at the best model; what it saved stays until you delete it"
            verb.add_argument("--discard", action="store_true", help=discard)
        if name == "resume":
            verb.add_argument("--detach", action="store_true", help="start the run and return at once")
            verb.add_argument("--more-epochs", type=int, default=0, help="train this many epochs more")


def _train(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.data.dataset import load_dataset
    from core.models.weights import default_model
    from core.training.arguments import parse_setting
    from core.training.runs import start_run

    dataset = load_dataset(workspace, parsed.dataset)
    values = {name: getattr(parsed, name) for name in SETTINGS}
    values |= {"dataset": dataset.id, "task": dataset.task, "extra": dict(parse_setting(item) for item in parsed.set)}
    if parsed.model is None and parsed.strategy != SCRATCH.name:
        values["model"] = default_model(workspace, dataset.task)
    run = start_run(workspace, settings_from(TrainingSpec, values))
    return _run_answer(run) if parsed.detach else _wait(run, workspace)


def _wait(run: Any, workspace: Workspace) -> dict[str, Any]:
    from core.training.runs import wait_run

    said: list[tuple[Any, ...]] = []

    def say(progress: Any) -> None:
        now = (progress.phase, progress.epoch, progress.epochs)
        if not said or said[-1] != now:
            said.append(now)
            left = "" if progress.seconds_left is None else f", {time_left(progress.seconds_left)}"
            print(f"{run.id}: {progress.phase}, epoch {progress.epoch} of {progress.epochs}{left}", file=sys.stderr)

    return _run_answer(wait_run(workspace, run.id, on_progress=say))


def _run_answer(run: Any) -> dict[str, Any]:
    weights = run.best_weights
    words = f"{run.id}: {run.state}" if run.name in ("", run.id) else f"{run.id} “{run.name}”: {run.state}"
    if run.cause:
        words += f"\n  {run.cause} {run.next_step}"
    if run.metrics:
        words += "\n  " + metric_list(run.metrics)
    return {
        "id": run.id,
        "name": run.name,
        "state": str(run.state),
        "dataset": run.dataset,
        "model": run.model,
        "best_epoch": run.best_epoch,
        "metrics": run.metrics,
        "weights": str(weights) if weights else None,
        "seconds": run.seconds,
        "cause": run.cause,
        "next_step": run.next_step,
        "words": words + (f"\n  weights: {weights}" if weights else ""),
        "failed": str(run.state) in ("failed", "interrupted"),
    }


def _runs(_parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.training.records.rebuilding import rebuilt_words
    from core.training.runs import list_runs

    runs = list_runs(workspace)
    if said := rebuilt_words(workspace):
        print(said, file=sys.stderr)
    answers = [_run_answer(run) for run in runs]
    words = "\n".join(answer.pop("words") for answer in answers)
    for answer in answers:
        answer.pop("failed")
    return {"runs": answers, "words": words or "No runs yet: `python -m core train DATASET`."}


def _show(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.evaluation.figures.figure import plain_values
    from core.training.advice import more_time
    from core.training.records.progress import read_progress
    from core.training.runs import get_run

    run = get_run(workspace, parsed.run)
    progress = read_progress(run)
    answer = _run_answer(run) | {
        "epoch": progress.epoch,
        "epochs": progress.epochs,
        "fraction": progress.fraction,
        "seconds_left": progress.seconds_left,
        "sentence": progress.sentence,
        "ultralytics": progress.ultralytics,
        "spec": run.spec.model_dump(mode="json"),
        "failed": False,
    }
    answer["words"] += f"\n  epoch {progress.epoch} of {progress.epochs}. {progress.sentence}"
    if (expected := more_time(run, progress)) is not None:
        rise = plain_values(expected.rise)
        answer["more_time"] = {"seconds": expected.seconds, "epochs": expected.epochs, expected.metric: rise}
        answer["words"] += f"\n  {expected.words}"
    if told := validator_words(progress.ultralytics):
        answer["words"] += f"\n  {told}"
    judged = _judged(workspace, run)
    if judged is not None:
        answer["evaluation"] = {name: judged.get(name) for name in ("operating_point", "expected", "sentences")}
        answer["words"] += "".join(f"\n  {sentence}" for sentence in judged["sentences"][:2])
    return answer


def _judged(workspace: Workspace, run: Any) -> dict[str, Any] | None:
    """Return the evaluation of a run that rests, where its predictions are stored; None where they are not."""
    from core.evaluation.evaluation import evaluate_run
    from core.evaluation.predict.predictions import are_fresh, present_dataset

    if run.active or run.best_weights is None or not are_fresh(run.folder, "val", present_dataset(run.folder)):
        return None
    return evaluate_run(workspace, run.id).summary()


def _stop(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.training.runs import get_run, stop_run, wait_run

    before = get_run(workspace, parsed.run)
    stop_run(workspace, parsed.run, keep_best=not parsed.discard)
    answer = _run_answer(wait_run(workspace, parsed.run)) | {"failed": False}
    if not before.active and answer["state"] == str(before.state):
        answer["words"] += "\n  It had ended before: there was nothing to stop."
    return answer


def _pause(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.training.runs import pause_run, wait_run

    pause_run(workspace, parsed.run)
    return _run_answer(wait_run(workspace, parsed.run)) | {"failed": False}


def _resume(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.training.runs import resume_run

    run = resume_run(workspace, parsed.run, more_epochs=parsed.more_epochs)
    return _run_answer(run) if parsed.detach else _wait(run, workspace)
