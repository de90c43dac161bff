"""One HTML file on a run for people who decide: two pages of summary first, then everything behind it.

The page asks for nothing from the network (its policy forbids it), stays under 8 MB and prints to A4. Names of files
and of groups never appear in it, since they may carry patients' or parts' numbers: pictures are numbered.
"""

from __future__ import annotations

import base64
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import yaml
from markupsafe import Markup
from pydantic import Field

from core.data.dataset import Dataset, load_dataset
from core.data.palette import class_colour
from core.delivery.report import figures as draw
from core.delivery.report import words
from core.delivery.report.pictures import Example, choose_examples, jpeg_of
from core.delivery.report.rows import (
    Chart,
    ClassCount,
    ClassRow,
    Gallery,
    Headline,
    Picture,
    RateRow,
    ReaderRow,
    SliceRow,
)
from core.errors import GraftError, InputError
from core.evaluation.decisions.decide import Decisions, counted_words, decide, million_words, rate_words
from core.evaluation.decisions.readers import compare_readers
from core.evaluation.decisions.settings import DecisionSettings
from core.evaluation.evaluation import Evaluation, evaluate_run
from core.evaluation.figures.figure import Figure
from core.evaluation.figures.results import ClassFigures
from core.evaluation.predict.error_kinds import KINDS
from core.evaluation.predict.predictions import are_fresh, run_dataset
from core.files.digests import file_sha256
from core.jobs import Progress, Report, run_job
from core.metric_words import is_share, metric_title, metric_value, own_figures
from core.tasks import TASKS
from core.training.advice import train_longer
from core.training.arguments import OF_GRAFT, training_arguments
from core.training.records.progress import read_progress
from core.training.runs import get_run
from core.training.store import Run
from core.words import SPLIT_WORDS, date, from_to, out_of, percent, score, thousands, value_from_to
from core.workspace import Workspace, write_text_atomic

LARGEST = 8_000_000
"""Bytes a report may have, so that it can be sent by mail."""
SIZES = ((560, 82), (420, 76), (300, 68))
"""Longer side in pixels and JPEG quality of the pictures, tried until the report is small enough."""


class ReportSettings(DecisionSettings):
    """What a report says beyond what Graft knows."""

    title: str = Field(default="", max_length=160, title="Title", description="Left empty: the run's name.")
    intended_use: str = Field(
        default="",
        max_length=4000,
        title="Intended use",
        description="Who uses the model, for what, and what a person checks. Left empty, Graft writes a sentence.",
    )
    author: str = Field(default="", max_length=200, title="Made by", description="A person or a department.")
    pictures: bool = Field(
        default=True,
        title="Show example pictures",
        description="Hits and misses. Leave them out when something written into the pictures names a person.",
    )
    second: str = Field(
        default="",
        title="A second reader",
        description="A dataset of the same pictures with the labels of someone else: how far they agree is shown.",
    )
    signatures: bool = Field(
        default=False, title="Room for a signature", description="For a quality file: checked by, date, signature."
    )


def write_report(
    workspace: Workspace,
    run_id: str,
    out: Path,
    settings: ReportSettings | None = None,
    *,
    progress: Report | None = None,
) -> Path:
    """Write the report of a run to `out`; return it.

    It judges on the test part when that was opened for this model, else on the validation part. Raises InputError for
    an unknown run, a run without a model or dataset, or a place that can't be written to.
    """
    run = get_run(workspace, run_id)
    if run.best_weights is None:
        raise InputError(f"The run {run.id} has no trained model yet (it is {run.state}).")
    html = make_report(workspace, run, settings or ReportSettings(), progress)
    try:
        write_text_atomic(out, html)
    except OSError as error:
        raise InputError(f"{out} can't be written ({error.strerror}); choose another place.") from error
    return out


def report_path(run: Run) -> Path:
    """Return where the pages keep a run's report."""
    return run.folder / "exports" / "report.html"


def report_job(job: dict[str, Any], report: Report) -> dict[str, Any]:
    """Child: write the report of a run into its own folder."""
    workspace = Workspace.open(job["workspace"])
    run = get_run(workspace, job["run"])
    settings = ReportSettings.model_validate(job["settings"])
    return {"report": str(write_report(workspace, run.id, report_path(run), settings, progress=report))}


def make_report(workspace: Workspace, run: Run, settings: ReportSettings, progress: Report | None = None) -> str:
    """Return the report as HTML text."""
    say = progress or (lambda _step: None)
    say(Progress("Gathering the figures", 0, 3))
    dataset = run_dataset(run.folder)
    split = "test" if dataset.images.get("test") and are_fresh(run.folder, "test", dataset) else "val"
    if not dataset.images.get(split):
        raise InputError(f"“{dataset.name}” has no {split} pictures to judge the model on; split it again.")
    evaluation = evaluate_run(workspace, run.id, split, progress=progress)
    context = _context(run, dataset, evaluation, settings)
    context |= _readers(workspace, dataset, evaluation, settings.second)
    say(Progress("Choosing pictures", 1, 3))
    examples = choose_examples(evaluation, dataset) if settings.pictures else []
    template = _template()
    for number, (longest, quality) in enumerate(SIZES):
        say(Progress("Writing the page", 2, 3))
        html = template.render(**context, **_pictures(examples, evaluation, dataset, longest, quality))
        if len(html.encode()) < LARGEST or number == len(SIZES) - 1:
            say(Progress("Writing the page", 3, 3))
            return html
    raise GraftError("The report could not be made.")


def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.get_template("report.html.j2")


def _context(run: Run, dataset: Dataset, evaluation: Evaluation, settings: ReportSettings) -> dict[str, Any]:
    progress = read_progress(run)
    spec = run.spec
    confusion = evaluation.confusion
    class_rows, class_columns = _per_class(evaluation)
    stated = {name: getattr(settings, name) for name in DecisionSettings.model_fields}
    decisions = decide(evaluation, DecisionSettings(**stated))
    show_matrix = 1 < len(evaluation.classes) <= 12
    weights = run.best_weights
    assert weights is not None
    return {
        "title": settings.title or run.name,
        "facts": words.facts(run, dataset, settings.author),
        "date": date(datetime.now(UTC)),
        "sentences": [line for line in evaluation.sentences if line not in evaluation.next_steps],
        "next_steps": [*filter(None, [train_longer(run, progress)]), *evaluation.next_steps],
        "headline": _headline(evaluation),
        "decision_words": decisions.sentences,
        "decision_counts": counted_words(decisions) if decisions.units else "",
        "decision_rates": _rates(decisions),
        "interval_note": words.interval_note(evaluation, dataset),
        "trained_on": words.trained_on(run, dataset, progress),
        "operating_point": words.operating_point(run, evaluation),
        "intended_use": [line for line in settings.intended_use.splitlines() if line.strip()]
        or words.intended_use(evaluation, dataset),
        "not_for": words.not_for(evaluation, dataset),
        "limits": words.limits(evaluation, dataset),
        "how_to_use": words.how_to_use(run, evaluation),
        "identity": words.identity(run, dataset, file_sha256(weights)),
        "signatures": settings.signatures,
        "dataset_words": words.dataset_card(dataset),
        "things": TASKS[dataset.task].counted,
        "parts": [
            {"title": title.capitalize(), "images": thousands(dataset.images[part])}
            for part, title in SPLIT_WORDS.items()
            if dataset.images.get(part)
        ],
        "class_counts": _class_counts(dataset),
        "findings": [
            {"severity": str(item.severity), "message": item.message, "why": item.why} for item in dataset.findings
        ],
        "fixes": list(dataset.fixes),
        "notes": [line for line in (dataset.notes, dataset.licence) if line],
        "training_words": words.training(run, progress),
        "plan": [
            {
                "title": words.setting_title(name),
                "value": words.epochs_value(value, progress) if name == "epochs" else words.setting_value(value),
                "reason": words.setting_reason(spec, name, value),
            }
            for name, value in words.plan_settings(spec)
        ],
        "charts": _charts(run),
        "per_class": class_rows,
        "class_columns": class_columns,
        "confusion": draw.matrix(
            list(confusion.index), list(confusion.columns), confusion.to_numpy().tolist(), "Confusion matrix"
        )
        if show_matrix
        else "",
        "errors": [
            {"words": KINDS[kind], "count": thousands(item.count), "cost": score(item.cost)}
            for kind, item in evaluation.errors.items()
        ],
        "slices": _slices(evaluation),
        "slice_metric": "Right" if TASKS[evaluation.task].names_pictures else "Found",
        "calibration": words.calibration(evaluation),
        "settings": _settings(run),
        "digests": words.digests(run, dataset, file_sha256(weights)),
        "picture_note": words.picture_note(evaluation),
    }


def _readers(workspace: Workspace, dataset: Dataset, evaluation: Evaluation, second: str) -> dict[str, Any]:
    """Return what the report says of a second reader, nothing where none is named."""
    if not second:
        return {"reader_words": [], "reader_rows": []}
    read = compare_readers(evaluation, dataset, load_dataset(workspace, second))
    pairs = (read.readers, read.model_first, read.model_second)
    rows = [
        ReaderRow(name, [value_from_to(pair.per_class[name]) if name in pair.per_class else "–" for pair in pairs])
        for name in dataset.classes
        if any(name in pair.per_class for pair in pairs)
    ]
    return {"reader_words": read.sentences, "reader_rows": rows}


def _rates(decisions: Decisions) -> list[RateRow]:
    return [
        RateRow(
            title=rate.title,
            counted="" if rate.part is None else out_of(rate.part, rate.whole or 0),
            expected=rate_words(rate.figure),
            per_million=million_words(rate.figure),
            definition=rate.definition,
        )
        for rate in decisions.rates.values()
    ]


def _headline(evaluation: Evaluation) -> list[Headline]:
    figures = []
    for name in TASKS[evaluation.task].report_figures:
        told = evaluation.told(name)
        if told is None:
            continue
        counted = f"; counted here {metric_value(name, evaluation.metrics[name].value)}"
        figures.append(
            Headline(
                title=f"{metric_title(name)}{told.clause}",
                value=metric_value(name, told.figure.value),
                words=from_to(told.figure, share=is_share(name)) + (counted if told.word == "expected" else ""),
                drawing=_interval(told.figure, metric_title(name)),
            )
        )
    return figures[:4]


def _interval(figure: Figure, title: str) -> Markup:
    return draw.interval(figure, f"{title}: {from_to(figure)}")


def _class_counts(dataset: Dataset) -> list[ClassCount]:
    parts = [part for part in SPLIT_WORDS if dataset.images.get(part)]
    counted = dataset.instances_by_split
    training = sum(counted.get("train", {}).values()) or 1
    rows = []
    for index, name in enumerate(dataset.classes):
        share = counted.get("train", {}).get(name, 0) / training
        rows.append(
            ClassCount(
                name=name,
                colour=class_colour(index),
                counts=[thousands(counted.get(part, {}).get(name, 0)) for part in parts],
                drawing=draw.bar(share, f"{name}: {percent(share)}", class_colour(index)),
            )
        )
    return rows


def _per_class(evaluation: Evaluation) -> tuple[list[ClassRow], list[str]]:
    columns = [name for name in ("IoU", "precision", "F1", "mAP50", "mAP50-95", "AUROC")
               if any(name in item.figures for item in evaluation.per_class.values())]  # fmt: skip
    rows = []
    for index, name in enumerate(evaluation.classes):
        item = evaluation.per_class.get(name, ClassFigures())
        figures, recall, labelled = item.figures, item.figures.get("recall"), item.objects
        rows.append(
            ClassRow(
                name=name,
                colour=class_colour(index),
                labelled=thousands(labelled),
                found=thousands(item.found),
                drawing=_interval(recall, name) if recall and labelled else Markup(),
                words=from_to(recall) if recall and labelled else "nothing labelled here",
                cells=[metric_value(column, figures[column].value) if column in figures else "–" for column in columns],
            )
        )
    return rows, columns


def _slices(evaluation: Evaluation) -> list[SliceRow]:
    rows: list[SliceRow] = []
    groups = 0
    for item in evaluation.slices:
        name = item.name
        if item.by in ("source", "group"):  # names of folders and groups may be those of patients
            groups += 1
            name = f"Source {groups} (name left out)"
        elif item.by == "class":
            continue  # a table of its own
        rows.append(
            SliceRow(
                name=name,
                worse=item.worse,
                labelled=thousands(item.objects),
                found=thousands(item.found),
                drawing=_interval(item.figure, name),
                words=from_to(item.figure),
            )
        )
    return rows if len(rows) <= 16 else [row for row in rows if row.worse][:16]


def _charts(run: Run) -> list[Chart]:
    table = read_progress(run).curves
    if table.empty:
        return []
    names = ("mAP50-95", "mAP50", "mask mAP50-95", "mask mAP50", "pose mAP50-95", "pose mAP50", "top1", "mIoU")
    measured = own_figures(run.task, [name for name in names if name in table])
    charts = []
    if measured:
        series = {name: table[name].astype(float).tolist() for name in measured[:3]}
        drawing = draw.curves(series, "Result on the validation pictures by epoch", best=run.best_epoch, top=1.0)
        charts.append(Chart(drawing, "Result on the validation pictures after each epoch; the best epoch is kept."))
    losses = {
        name: table[name].astype(float).tolist()
        for name in table.columns
        if name.startswith("train/") and table[name].notna().any()
    }
    if losses:
        named = {name.removeprefix("train/").replace("_", " "): line for name, line in losses.items()}
        drawing = draw.curves(named, "Training losses by epoch", best=run.best_epoch)
        charts.append(Chart(drawing, "What the training lowers (losses), on the training pictures."))
    return [chart for chart in charts if chart.drawing]


def _settings(run: Run) -> list[tuple[str, str, bool]]:
    path = run.folder / "train" / "args.yaml"
    if not path.is_file():
        return []
    defaults = {argument.name: argument.default for argument in training_arguments()}
    shown = []
    own = {name: value for name, value in run.spec.extra.items() if name == OF_GRAFT}
    for name, value in sorted({**yaml.safe_load(path.read_text(encoding="utf-8")), **own}.items()):
        if name in words.PLACES_OF_THE_MACHINE:
            continue
        text = Path(value).name if isinstance(value, str) and ("/" in value or "\\" in value) else value
        shown.append((name, words.setting_value(text), name in defaults and defaults[name] != value))
    return shown


def _pictures(
    examples: list[Example], evaluation: Evaluation, dataset: Dataset, longest: int, quality: int
) -> dict[str, Any]:
    galleries: dict[str, list[Picture]] = {}
    for example in examples:
        data = jpeg_of(example, evaluation, dataset, longest, quality)
        if data is not None:
            picture = Picture(base64.b64encode(data).decode("ascii"), example.words)
            galleries.setdefault(example.gallery, []).append(picture)
    first = [pictures[0] for pictures in galleries.values()][:3]
    return {
        "summary_pictures": first,
        "galleries": [Gallery(title, pictures) for title, pictures in galleries.items()],
    }


if __name__ == "__main__":
    sys.exit(run_job(Path(sys.argv[1]), report_job))
