"""`label-queue`, `propose` and `labels`: what to label next, what a model proposes, the versions of the labels."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from core.verbs.verb import Add, say_progress
from core.workspace import Workspace


def register(add: Add) -> None:
    """Add the verbs of labelling."""
    verb = add(
        "label-queue",
        _queue,
        "List the pictures that are not labelled yet, in the order in which they come: first what a model doubts.",
    )
    verb.add_argument("dataset", help="id or name of a dataset that is being labelled")
    verb.add_argument("--random", action="store_true", help="in random order, whatever a model would ask for")

    verb.add_argument("--like", metavar="FILE", help="those of the training part that are most like this picture first")

    verb = add("propose", _propose, "Let a model propose labels for the pictures that have none yet.")
    verb.add_argument("dataset", help="id or name of a dataset that is being labelled")
    verb.add_argument("run", help="id of a run, library:ID, or the path of a .pt file")

    verb = add("labels", _labels, "List the versions of a dataset's labels; put one back with --version.")
    verb.add_argument("dataset", help="id or name of a dataset")
    verb.add_argument(
        "--export",
        nargs=2,
        metavar=("LAYOUT", "OUT.zip"),
        help="write pictures and labels for another tool: yolo, coco, voc, cvat or labelme",
    )
    verb.add_argument("--judge", action="store_true", help="let the run of every round look at the same pictures first")
    verb.add_argument("--version", type=int, help="put this version back, as a new one; 0: as imported")


def _queue(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.data.dataset import load_dataset
    from core.errors import InputError
    from core.labelling.labelling import open_labelling
    from core.labelling.likeness import find_picture, more_like
    from core.labelling.queue import queue

    work = open_labelling(load_dataset(workspace, parsed.dataset))
    if parsed.like and parsed.random:
        raise InputError("Choose one order: --random or --like FILE.")
    waiting = more_like(work, find_picture(work, parsed.like).id) if parsed.like else queue(work, random=parsed.random)
    rows = [{"file": picture.source, "reason": reason} for picture, reason in waiting]
    lines = [f"{row['file']}: {row['reason']}" for row in rows]
    return {"queue": rows, "words": "\n".join(lines) or "Every picture is labelled, or somebody is unsure of it."}


def _propose(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.data.dataset import load_dataset
    from core.delivery.propose.proposing import propose
    from core.words import count

    made = propose(workspace, load_dataset(workspace, parsed.dataset), parsed.run, say_progress())
    words = f"{count(made['proposals'], 'proposal')} for {count(made['pictures'], 'picture')}"
    if made["left_out"]:
        words += f"; left out, as no class here is called so: {', '.join(sorted(made['left_out']))}"
    return {"pictures": made["pictures"], "proposals": made["proposals"], "words": f"{words}."}


def _labels(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.data.dataset import load_dataset
    from core.data.label_export import export_labels
    from core.lab.rounds import find_rounds
    from core.labelling.journal import open_journal
    from core.labelling.labelling import open_labelling
    from core.labelling.settings import read_settings
    from core.labelling.versions import list_versions, restore_version
    from core.metric_words import is_share, metric_term
    from core.words import count, value_between

    dataset = load_dataset(workspace, parsed.dataset)
    if parsed.version is not None:
        dataset = restore_version(dataset, parsed.version)
    if parsed.export:
        export_labels(dataset, parsed.export[0], Path(parsed.export[1]))
    versions = [
        {"number": item.number, "at": item.at, "by": item.by, "changed": item.changed}
        for item in list_versions(open_journal(dataset))
    ]
    lines = [
        f"version {row['number']}  {row['at']}  {row['by']}  {row['changed']} pictures changed" for row in versions
    ]
    told = "\n".join(lines) or f"The labels of {dataset.name} are as they were imported."
    changed = len(open_labelling(dataset).changed()) if read_settings(dataset) is not None else 0
    if changed:
        told += (
            f"\n{count(changed, 'picture')} changed since {'is' if changed == 1 else 'are'} in no version yet"
            f"{', and not in the zip' if parsed.export else ''}: “Make version” on the Label page makes one."
        )
    rounds = find_rounds(workspace, dataset, judge=parsed.judge)
    for item in rounds.rounds:
        figure = item.why or f"{metric_term(rounds.metric)} {value_between(item.figure, share=is_share(rounds.metric))}"
        told += f"\nround of version {item.version}: {count(item.pictures, 'labelled training picture')}, {figure}"
    told += f"\n{rounds.sentence}" if rounds.sentence else ""
    left = {"changed_since": changed} if changed and parsed.export else {}
    answer = {"version": dataset.labels_version, "versions": versions, "rounds": rounds.as_json()}
    return {**answer, **left, "words": told}
