"""`race`, `transfer`, `curve`, `product`, `tune` and `lab`: experiments from the command line."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from pydantic import BaseModel

from core.lab.experiment import CurveSettings, ProductSettings, RaceSettings, TransferSettings, TuneSettings
from core.strategies import STRATEGIES
from core.verbs.verb import Add, settings_from
from core.workspace import Workspace

KINDS: dict[str, type[BaseModel]] = {
    "race": RaceSettings,
    "transfer": TransferSettings,
    "curve": CurveSettings,
    "product": ProductSettings,
    "tune": TuneSettings,
}
HELP = {
    "race": "Race models and strategies on one dataset; ends with a recommendation and how sure it is.",
    "transfer": "Train with and without pre-trained knowledge; says what the knowledge bought in time and quality.",
    "curve": "Train on parts of the pictures; says what twice as many pictures would bring.",
    "product": "Let a model of yours learn a new dataset; says what it gained on the new and lost on the old pictures.",
    "tune": "Search better settings (learning rate, strategy, picture size, augmentation) within a time.",
}

PLANNED = ("epochs", "imgsz", "batch")
"""Settings that come from the plan for the dataset when they are not given."""


def register(add: Add) -> None:
    """Add the verbs for experiments."""
    for kind, model in KINDS.items():
        verb = add(kind, _start, HELP[kind])
        if kind == "product":
            verb.add_argument("run", help="id of the run whose model goes on learning")
        verb.add_argument("dataset", help="id or name of a dataset")
        if kind == "race":
            verb.add_argument(
                "--contender",
                action="append",
                metavar="MODEL[:STRATEGY]",
                help="one entry of the race, repeatable: yolo11n:two-stage. Default: the small models whose weights "
                "are here, fine-tuned and frozen.",
            )
        _add_fields(verb, model)
        verb.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help="any Ultralytics training argument, repeatable",
        )
        verb.add_argument("--detach", action="store_true", help="start it and return at once")
        verb.set_defaults(kind=kind)
    verb = add("lab", _lab, "List the experiments, or show, wait for or stop one.")
    verb.add_argument("experiment", nargs="?", help="id of an experiment")
    verb.add_argument("--wait", action="store_true", help="wait until it has ended")
    verb.add_argument("--stop", action="store_true", help="stop it; the best of what was trained is kept")


def _add_fields(verb: argparse.ArgumentParser, model: type[BaseModel]) -> None:
    """Add an option for every setting that is a number, a text, a yes or no, or a list of words."""
    for name, field in model.model_fields.items():
        if name in ("kind", "run", "extra", "contenders") or (name == "seeds" and model is ProductSettings):
            continue
        flag = "--" + name.replace("_", "-")
        default = field.get_default(call_default_factory=True)
        shown = ",".join(default) if isinstance(default, list) else str(default)
        if name in PLANNED:
            shown = "that of the quick plan"
        text = f"{field.title}. {field.description} Default: {shown}.".replace("%", "%%")
        if field.annotation is bool:
            verb.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=text)
        elif name == "strategy":
            verb.add_argument(flag, choices=[item.name for item in STRATEGIES], help=text)
        elif isinstance(default, list):
            verb.add_argument(flag, metavar="A,B", type=lambda words: words.split(","), help=text)
        else:
            kind: Any = field.annotation if field.annotation in (int, float) else str
            verb.add_argument(flag, type=kind, metavar="N" if kind is not str else "NAME", help=text)


def _start(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.data.dataset import load_dataset
    from core.lab.experiment import parse_contender
    from core.lab.jobs import start_experiment
    from core.lab.suggest import suggest_contenders, suggest_settings
    from core.training.arguments import parse_setting

    model = KINDS[parsed.kind]
    dataset = load_dataset(workspace, parsed.dataset)
    values: dict[str, Any] = suggest_settings(workspace, dataset, model)
    given = {name: getattr(parsed, name, None) for name in model.model_fields if name not in ("kind", "extra")}
    values |= {name: value for name, value in given.items() if value is not None}
    values["extra"] = values.get("extra", {}) | dict(parse_setting(item) for item in parsed.set)
    if parsed.kind == "race":
        named = [parse_contender(text) for text in parsed.contender or []]
        values["contenders"] = named or suggest_contenders(workspace, dataset.task)
    experiment = start_experiment(workspace, dataset.id, settings_from(model, values))
    if parsed.detach:
        return _answer(experiment)
    return _wait(workspace, experiment.id)


def _wait(workspace: Workspace, experiment_id: str) -> dict[str, Any]:
    from core.lab.jobs import wait_experiment

    said: list[str] = []

    def say(status: Any) -> None:
        if status.message and (not said or said[-1] != status.message):
            said.append(status.message)
            print(f"{experiment_id}: {status.message}", file=sys.stderr)

    return _answer(wait_experiment(workspace, experiment_id, on_status=say))


def _lab(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.lab.experiment import damaged_experiments
    from core.lab.jobs import get_experiment, list_experiments, stop_experiment

    if parsed.experiment is None:
        found = list_experiments(workspace)
        rows = [
            {"id": item.id, "kind": item.settings.kind, "dataset": item.dataset, "state": str(item.status.state)}
            for item in found
        ]
        damaged = damaged_experiments(workspace)
        words = "\n".join([*(f"{row['id']}  {row['kind']}  {row['state']}" for row in rows), *damaged])
        return {"experiments": rows, "words": words or "No experiments yet: `python -m core race DATASET`."}
    if parsed.stop:
        stop_experiment(workspace, parsed.experiment)
    if parsed.wait or parsed.stop:
        return _wait(workspace, parsed.experiment)
    return _answer(get_experiment(workspace, parsed.experiment))


def _answer(experiment: Any) -> dict[str, Any]:
    status = experiment.status
    lines = [f"{experiment.id}: {status.state}. {status.message}".strip()]
    if status.cause:
        lines.append(f"  {status.cause}")
    lines += status.sentences
    lines += [f"  {key}: {reason}" for key, reason in status.refused.items()]
    return {
        "id": experiment.id,
        "kind": experiment.settings.kind,
        "dataset": experiment.dataset,
        "state": str(status.state),
        "recommendation": status.sentences[0] if status.sentences else None,
        "sentences": status.sentences,
        "result": status.result,
        "runs": status.runs,
        "refused": status.refused,
        "cause": status.cause,
        "words": "\n".join(lines),
        "failed": str(status.state) == "failed",
    }
