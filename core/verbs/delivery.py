"""`predict`, `export`, `report`, `notebook`, `bundle`: a trained model on new pictures, and what is taken away."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from core.evaluation.decisions.settings import DecisionSettings
from core.verbs.verb import Add, say_progress, settings_from
from core.words import count
from core.workspace import Workspace


def register(add: Add) -> None:
    """Add the verbs of the delivery room."""
    verb = add("predict", _predict, "Find things in new pictures with a trained model.")
    verb.add_argument("model", metavar="RUN_OR_WEIGHTS", help="id of a run, or a .pt file")
    verb.add_argument("source", nargs="+", type=Path, help="pictures or folders")
    verb.add_argument(
        "--tiled", action=argparse.BooleanOptionalAction, default=None,
        help="look at big pictures in tiles; left out, where the model learned from tiles",
    )  # fmt: skip
    verb.add_argument("--conf", type=float, help="confidence a finding must reach, 0 to 1")
    verb.add_argument("--out", type=Path, help="write pictures.csv, objects.csv and coco.json into this folder")

    verb = add("export", _export, "Export a run's model to another format and check the exported file against it.")
    verb.add_argument("run", help="id of a run")
    verb.add_argument("format", help="onnx, torchscript, openvino, ncnn, ...; `formats` lists them all")
    verb.add_argument(
        "--head",
        choices=("auto", "as-evaluated", "nms-free"),
        default="auto",
        help="nms-free: YOLO26's head that needs no suppression of doubles; auto: for phones and small devices",
    )
    verb.add_argument("--half", action="store_true", help="16-bit numbers (FP16)")

    verb = add("report", _report, "Write a report on a run: one HTML file that prints well and asks for nothing.")
    verb.add_argument("run", help="id of a run")
    verb.add_argument("out", type=Path, metavar="OUT.html", help="where to write it")
    verb.add_argument(
        "--kind", choices=("report", "claim", "card"), default="report",
        help="claim: the CLAIM 2024 checklist for medical imaging; card: a model card; both filled as far as is known",
    )  # fmt: skip
    verb.add_argument("--study", type=Path, help="JSON of what only people know, for the checklist and the card")
    verb.add_argument("--title", default="", help="default: the run's name")
    verb.add_argument("--author", default="", help="who made it")
    verb.add_argument("--no-pictures", action="store_true", help="leave the example pictures out")
    for name, field in DecisionSettings.model_fields.items():
        verb.add_argument(f"--{name}", help=f"{field.title}. {field.description}".replace("%", "%%"))
    verb.add_argument("--second", default="", help="a dataset of the same pictures with the labels of a second reader")

    verb = add("notebook", _notebook, "Write a notebook (or script) that does the same run with plain Ultralytics.")
    verb.add_argument("run", help="id of a run")
    verb.add_argument("out", type=Path, metavar="OUT.ipynb", help="where to write it; ending in .py, it is a script")

    verb = add("bundle", _bundle, "Pack a run's model with scripts, settings, model card and digests into one zip.")
    verb.add_argument("run", help="id of a run")
    verb.add_argument("out", type=Path, metavar="OUT.zip", help="where to write it")


def _predict(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.delivery.predict.entry import Entry
    from core.delivery.predict.model.unlike import mark
    from core.delivery.predict.predicting import predict_pictures
    from core.delivery.predict.results import entry_words

    def say(entry: Entry) -> None:
        print(f"{entry['file']}: {entry_words(entry)}{mark(entry)}", flush=True)

    answer = predict_pictures(
        workspace,
        parsed.model,
        parsed.source,
        confidence=parsed.conf,
        out=parsed.out,
        tiled=parsed.tiled,
        listen=None if parsed.json else say,
        keep=parsed.json and parsed.out is None,
    )
    return dict(answer)


def _export(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.delivery.export.exporting import ExportOptions, describe, export_run, verdict_words
    from core.delivery.export.formats import export_formats

    if parsed.format == "formats":
        known = [describe(item) for item in export_formats()]
        lines = [f"{item['format']:12} {', '.join(item['runs_on']):32} {item['obstacle'] or 'ready'}" for item in known]
        return {"formats": known, "words": "\n".join(lines)}
    options = ExportOptions(head=parsed.head, half=parsed.half)
    record = export_run(workspace, parsed.run, parsed.format, options, progress=say_progress())
    told = record.stored() | {"outdated": record.outdated, "words": verdict_words(record)}
    return told | {"failed": record.outcome == "failed"}


def _report(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.delivery.report.report import ReportSettings, write_report

    stated = {name: getattr(parsed, name) for name in DecisionSettings.model_fields}
    if parsed.kind != "report":
        from core.delivery.checklists.document import write_document

        asked = settings_from(DecisionSettings, stated)
        path, still_open = write_document(workspace, parsed.run, parsed.out, parsed.kind, parsed.study, asked)
        told = f"Written: {path}. {count(still_open, 'field')} open." if still_open else f"Written: {path}"
        return {"run": parsed.run, "report": str(path), "bytes": path.stat().st_size, "open": still_open, "words": told}
    words = {
        "title": parsed.title,
        "second": parsed.second,
        "author": parsed.author,
        "pictures": not parsed.no_pictures,
    }
    settings = settings_from(ReportSettings, {**stated, **words})
    path = write_report(workspace, parsed.run, parsed.out, settings, progress=say_progress())
    return {"run": parsed.run, "report": str(path), "bytes": path.stat().st_size, "words": f"Written: {path}"}


def _bundle(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.delivery.bundle.bundle import make_bundle

    made = make_bundle(workspace, parsed.run, parsed.out, progress=say_progress())
    without = f" It holds no ONNX file: {made['without']}" if made["without"] else ""
    return {**made, "words": f"Written: {parsed.out}.{without}"}


def _notebook(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.delivery.notebook.notebook import write_notebook

    path = write_notebook(workspace, parsed.run, parsed.out)
    return {"run": parsed.run, "notebook": str(path), "words": f"Written: {path}"}
