"""`evaluate` and `compare`: how good a run is."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.evaluation.decisions.line_settings import LineSettings
from core.evaluation.decisions.settings import DecisionSettings
from core.metric_words import validator_words
from core.verbs.verb import Add, say_progress, settings_from
from core.words import times
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.evaluation.decisions.readers import Readers
    from core.evaluation.evaluation import Evaluation


def register(add: Add) -> None:
    """Add the verbs of the evaluation room."""
    verb = add("evaluate", _evaluate, "Say how good a run is, with intervals.")
    verb.add_argument("run", help="id of a run")
    verb.add_argument(
        "--split",
        choices=("val", "test", "train"),
        default="val",
        help="which part of the dataset; test opens the test part, and each opening is recorded and counted",
    )

    for name, field in {**LineSettings.model_fields, **DecisionSettings.model_fields}.items():
        option = f"--{name.replace('_', '-')}"
        verb.add_argument(option, help=f"{field.title}. {field.description}".replace("%", "%%"))
    verb.add_argument("--keep", action="store_true", help="keep the line that is drawn with the model")

    verb.add_argument("--second", help="a dataset of the same pictures with the labels of a second reader: agreement")

    verb = add("compare", _compare, "Say whether one run is better than another, on the same pictures.")
    verb.add_argument("a", help="id of a run")
    verb.add_argument("b", help="id of another run on the same dataset")
    verb.add_argument("--split", choices=("val", "test", "train"), default="val", help="which part of the dataset")


def _evaluate(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.evaluation.decisions.decide import counted_words, decide
    from core.evaluation.decisions.drawn_line import draw_line, keep_line
    from core.evaluation.evaluation import FLATTERED, evaluate_run
    from core.evaluation.figures.figure import plain_values
    from core.evaluation.label_errors import find_label_errors
    from core.training.advice import train_longer
    from core.training.records.progress import read_progress
    from core.training.runs import get_run

    settings = settings_from(DecisionSettings, {name: getattr(parsed, name) for name in DecisionSettings.model_fields})
    run, opens = get_run(workspace, parsed.run), parsed.split == "test"
    drawn = settings_from(LineSettings, {name: getattr(parsed, name) for name in LineSettings.model_fields})
    if parsed.keep and drawn.line is None and drawn.aim is None:
        raise InputError("--keep: say which line, with --aim or --line.")
    evaluation = evaluate_run(workspace, run.id, split=parsed.split, open_test=opens, progress=say_progress())
    evaluation = draw_line(evaluation, drawn, settings.good)
    if parsed.keep:
        keep_line(workspace, evaluation)
    if evaluation.test_openings is not None:
        print(f"The test part was opened {times(evaluation.test_openings)} so far, this one included.", file=sys.stderr)
    doubtful = find_label_errors(workspace, evaluation).to_dict("records")
    summary, longer = evaluation.summary(), train_longer(run, read_progress(run))
    if parsed.split == "train":
        summary["words"] = f"{FLATTERED}\n{summary['words']}"
    if longer:
        summary["words"] += f"\n{longer}"
    validator = read_progress(run).ultralytics if parsed.split == "val" else {}
    if said := validator_words(validator):
        summary["words"] += f"\n{said}"
    decisions = decide(evaluation, settings)
    told = [counted_words(decisions), *decisions.sentences] if decisions.units else decisions.sentences
    summary["words"] += "\n\n" + "\n".join(told)
    readers = {}
    if parsed.second:
        read = _readers(workspace, evaluation, parsed.second)
        readers["readers"] = plain_values(read)
        summary["words"] += "\n\n" + "\n".join(read.sentences)
    judged = {"label_errors": plain_values(doubtful), "decisions": plain_values(decisions)}
    return {**summary, "advice": longer, "ultralytics": validator, **judged, **readers}


def _readers(workspace: Workspace, evaluation: Evaluation, second: str) -> Readers:
    from core.data.dataset import load_dataset
    from core.evaluation.decisions.readers import compare_readers
    from core.evaluation.predict.predictions import run_dataset

    other = load_dataset(workspace, second)
    dataset = run_dataset(workspace.run(evaluation.run))
    if other.id == dataset.id:
        raise InputError(f"“{other.name}” is the first reading itself; import the second reader's labels beside it.")
    return compare_readers(evaluation, dataset, other)


def _compare(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.evaluation.compare import compare_runs
    from core.training.runs import get_run

    a, b = (get_run(workspace, name).id for name in (parsed.a, parsed.b))
    return compare_runs(workspace, a, b, parsed.split, progress=say_progress()).summary()
