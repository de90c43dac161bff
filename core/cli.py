"""The command line: the same road as the dashboard, one function a verb.

Every verb takes `--json`: then one JSON object goes to stdout and everything else to stderr. Exit codes: 0 done,
2 the input is unusable (one line says why and what to do), 1 anything else.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from core.errors import GraftError, InputError
from core.training.spec import Strategy, TrainingSpec
from core.workspace import Workspace

Verb = Callable[[argparse.Namespace, Workspace], dict[str, Any]]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}. `python -m core {self.prog.split()[-1]} --help` shows how to call it.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; return the exit code."""
    try:
        parsed = _parser().parse_args(arguments)
        answer = parsed.verb(parsed, Workspace.current())
    except InputError as error:
        print(f"graft: {error}", file=sys.stderr)
        return 2
    except GraftError as error:
        print(f"graft: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("graft: stopped waiting; what runs goes on (`python -m core runs`).", file=sys.stderr)
        return 1
    words = answer.pop("words", None)
    failed = answer.pop("failed", False)
    print(json.dumps(answer, ensure_ascii=False, default=str) if parsed.json else words or json.dumps(answer, indent=2))
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m core", description="Graft without the browser: import, train, evaluate, predict.")
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")

    def add(name: str, verb: Verb, help_text: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=help_text, description=help_text)
        added.add_argument("--json", action="store_true", help="print one JSON object on stdout")
        added.set_defaults(verb=verb)
        return added

    verb = add("import", _import, "Read a labelled set (zip, tar.gz or folder) into the workspace.")
    verb.add_argument("source", nargs="+", type=Path, help="archives or folders of one set")
    verb.add_argument("--name", help="what to call the dataset")
    _add_import_settings(verb)

    verb = add("check", _check, "Look through a dataset for problems; fix one with --fix.")
    verb.add_argument("dataset", help="id or name of a dataset")
    verb.add_argument("--fix", metavar="CODE", help="apply the fix of this finding to the imported copy")

    add("datasets", _datasets, "List the imported datasets.")

    verb = add("train", _train, "Fine-tune a pre-trained model on a dataset.")
    verb.add_argument("dataset", help="id or name of a dataset")
    for name in ("model", "strategy", "epochs", "imgsz", "batch", "seed", "device", "patience", "name"):
        field = TrainingSpec.model_fields[name]
        kind = str if name in ("model", "strategy", "device", "name") else int
        choices = [item.value for item in Strategy] if name == "strategy" else None
        verb.add_argument(
            f"--{name}", type=kind, choices=choices, help=f"{field.description} Default: {field.default!s}."
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
            verb.add_argument("--discard", action="store_true", help="cancel instead: keep nothing")
        if name == "resume":
            verb.add_argument("--detach", action="store_true", help="start the run and return at once")
            verb.add_argument("--more-epochs", type=int, default=0, help="train this many epochs more")

    verb = add("evaluate", _evaluate, "Say how good a run is, with intervals.")
    verb.add_argument("run", help="id of a run")
    verb.add_argument("--split", choices=("val", "test", "train"), default="val", help="which part of the dataset")

    verb = add("compare", _compare, "Say whether one run is better than another, on the same pictures.")
    verb.add_argument("a", help="id of a run")
    verb.add_argument("b", help="id of another run on the same dataset")
    verb.add_argument("--split", choices=("val", "test", "train"), default="val", help="which part of the dataset")

    verb = add("predict", _predict, "Find things in new pictures with a trained model.")
    verb.add_argument("model", metavar="RUN_OR_WEIGHTS", help="id of a run, or a .pt file")
    verb.add_argument("source", nargs="+", type=Path, help="pictures or folders")
    verb.add_argument("--conf", type=float, help="confidence a finding must reach, 0 to 1")
    return parser


def _add_import_settings(parser: argparse.ArgumentParser) -> None:
    from core.data.importing import ImportSettings

    for name, field in ImportSettings.model_fields.items():
        flag, text = f"--{name.replace('_', '-')}", (field.description or "").replace("%", "%%")
        if field.annotation is bool:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=text)
        else:
            parser.add_argument(flag, default=None, help=text)


def _settings(model: type[Any], values: dict[str, Any]) -> Any:
    try:
        return model.model_validate({key: value for key, value in values.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "settings"
        raise InputError(f"--{name}: {first['msg'].removeprefix('Value error, ')}.") from error


def _import(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.data.importing import ImportSettings, import_dataset

    settings = _settings(ImportSettings, {name: getattr(parsed, name, None) for name in ImportSettings.model_fields})
    dataset = import_dataset(workspace, parsed.source, settings=settings, name=parsed.name, progress=_say_progress())
    return _dataset_answer(dataset)


def _dataset_answer(dataset: Any) -> dict[str, Any]:
    lines = [f"{dataset.name} ({dataset.id}): {dataset.task}, read as {dataset.format}"]
    lines.append("  pictures: " + ", ".join(f"{split} {count}" for split, count in dataset.images.items() if count))
    lines.append("  objects:  " + ", ".join(f"{name} {count}" for name, count in dataset.instances.items()))
    lines += [f"  {item.severity.value}: {item.message}" for item in dataset.findings]
    return {
        "id": dataset.id,
        "name": dataset.name,
        "task": dataset.task,
        "format": dataset.format,
        "images": {split: dataset.images.get(split, 0) for split in ("train", "val", "test")},
        "classes": dataset.classes,
        "instances": dataset.instances,
        "findings": [
            item.model_dump(mode="json", include={"code", "severity", "count", "message", "examples"})
            for item in dataset.findings
        ],
        "words": "\n".join(lines),
    }


def _check(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.data.checks import check_dataset
    from core.data.dataset import load_dataset
    from core.data.fixes import apply_fix

    dataset = load_dataset(workspace, parsed.dataset)
    if parsed.fix:
        dataset = apply_fix(dataset, parsed.fix)
    dataset.findings = check_dataset(dataset)
    return _dataset_answer(dataset)


def _datasets(_parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.data.dataset import list_datasets

    found = list_datasets(workspace)
    lines = [f"{item.id}  {item.name}  {item.task}  {sum(item.images.values())} pictures" for item in found]
    rows = [{"id": item.id, "name": item.name, "task": item.task, "images": item.images} for item in found]
    return {"datasets": rows, "words": "\n".join(lines) or "No datasets yet: `python -m core import SOURCE`."}


def _train(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.data.dataset import load_dataset
    from core.models.arguments import parse_setting
    from core.training.runs import start_run

    dataset = load_dataset(workspace, parsed.dataset)
    names = ("model", "strategy", "epochs", "imgsz", "batch", "seed", "device", "patience", "name")
    values = {name: getattr(parsed, name) for name in names}
    values |= {"dataset": dataset.id, "task": dataset.task, "extra": dict(parse_setting(item) for item in parsed.set)}
    run = start_run(workspace, _settings(TrainingSpec, values))
    return _run_answer(run) if parsed.detach else _wait(run, workspace)


def _wait(run: Any, workspace: Workspace) -> dict[str, Any]:
    from core.training.runs import wait_run

    said: list[tuple[Any, ...]] = []

    def say(progress: Any) -> None:
        now = (progress.phase, progress.epoch, progress.epochs)
        if not said or said[-1] != now:
            said.append(now)
            left = "" if progress.seconds_left is None else f", about {progress.seconds_left:.0f} s left"
            print(f"{run.id}: {progress.phase}, epoch {progress.epoch} of {progress.epochs}{left}", file=sys.stderr)

    return _run_answer(wait_run(workspace, run.id, on_progress=say))


def _run_answer(run: Any) -> dict[str, Any]:
    weights = run.best_weights
    words = f"{run.id}: {run.state}"
    if run.cause:
        words += f"\n  {run.cause} {run.next_step}"
    if run.metrics:
        words += "\n  " + ", ".join(f"{name} {value:.3f}" for name, value in run.metrics.items() if value is not None)
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
    from core.training.runs import list_runs

    answers = [_run_answer(run) for run in list_runs(workspace)]
    words = "\n".join(answer.pop("words") for answer in answers)
    for answer in answers:
        answer.pop("failed")
    return {"runs": answers, "words": words or "No runs yet: `python -m core train DATASET`."}


def _show(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.training.progress import read_progress
    from core.training.runs import get_run

    run = get_run(workspace, parsed.run)
    progress = read_progress(run)
    answer = _run_answer(run) | {
        "epoch": progress.epoch,
        "epochs": progress.epochs,
        "fraction": progress.fraction,
        "seconds_left": progress.seconds_left,
        "sentence": progress.sentence,
        "spec": run.spec.model_dump(mode="json"),
        "failed": False,
    }
    answer["words"] += f"\n  epoch {progress.epoch} of {progress.epochs}. {progress.sentence}"
    return answer


def _stop(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.training.runs import stop_run, wait_run

    stop_run(workspace, parsed.run, keep_best=not parsed.discard)
    return _run_answer(wait_run(workspace, parsed.run)) | {"failed": False}


def _pause(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.training.runs import pause_run, wait_run

    pause_run(workspace, parsed.run)
    return _run_answer(wait_run(workspace, parsed.run)) | {"failed": False}


def _resume(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.training.runs import resume_run

    run = resume_run(workspace, parsed.run, more_epochs=parsed.more_epochs)
    return _run_answer(run) if parsed.detach else _wait(run, workspace)


def _evaluate(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.evaluation.evaluation import evaluate_run

    return dict(evaluate_run(workspace, parsed.run, split=parsed.split, progress=_say_progress()).summary())


def _compare(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.evaluation.compare import compare_runs

    return compare_runs(workspace, parsed.a, parsed.b, parsed.split, progress=_say_progress()).summary()


def _predict(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.delivery.predict import predict_pictures

    return predict_pictures(workspace, parsed.model, parsed.source, confidence=parsed.conf)


def _say_progress() -> Callable[[Any], None]:
    stages: list[str] = []

    def say(progress: Any) -> None:
        if not stages or stages[-1] != progress.stage:
            stages.append(progress.stage)
            print(f"{progress.stage} ...", file=sys.stderr)

    return say
