"""`machine`, `models`, `keep`, `edit-model`, `import-weights`, `download`: what trains, models of your own, weights."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.verbs.verb import Add
from core.words import megabytes
from core.workspace import Workspace


def register(add: Add) -> None:
    """Add the verbs of the models room."""
    add("machine", _machine, "What this machine can train on, and what keeps its graphics card from being used.")

    verb = add("models", _models, "List the models you kept, and the weights that are on this machine.")
    verb.add_argument("--query", default="", help="words to find in name, note, tags, classes, dataset or origin")
    verb.add_argument("--tag", help="only models with this tag")

    verb = add("keep", _keep, "Keep a run's best model in the library; train --model library:ID starts from it.")
    verb.add_argument("run", help="id of a run")
    _add_words(verb)

    verb = add("edit-model", _edit, "Rename, tag or annotate a kept model, or delete it.")
    verb.add_argument("model", help="id or name of a kept model")
    _add_words(verb)
    verb.add_argument("--delete", action="store_true", help="delete it for good")

    verb = add("import-weights", _import, "Take in a .pt file, or all of a folder or USB stick, through safe loading.")
    verb.add_argument("path", type=Path, help="a .pt file or a folder")
    verb.add_argument("--origin", default="", help="where they come from, in your words; kept with them")

    verb = add("download", _download, "Download the official weights of a model, such as yolo26n.")
    verb.add_argument("model", help="a model of the catalogue")


def _machine(_parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.models.machine import describe_machine

    machine = describe_machine(workspace.root)
    return {
        "devices": machine.devices,
        "cards": [asdict(card) for card in machine.cards.usable],
        "listed": [asdict(card) for card in machine.cards.listed],
        "problem": machine.cards.problem,
        "torch": machine.cards.torch,
        "cores": machine.cores,
        "memory_free_bytes": machine.memory_free_bytes,
        "disk_free_bytes": machine.disk_free_bytes,
        "words": machine.words,
    }


def _add_words(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--name", help="what to call it")
    verb.add_argument("--tag", action="append", metavar="TAG", help="a word to find it by, repeatable")
    verb.add_argument("--note", help="what it is for, what to mind")


def _models(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.models.library import list_models
    from core.models.weights import weights_here

    kept = list_models(workspace, query=parsed.query, tag=parsed.tag)
    here = weights_here(workspace)
    lines = [
        f"library:{item.id}  {item.name} ({item.task}, {len(item.classes)} classes): {item.origin}" for item in kept
    ]
    lines = lines or ["No model is kept yet: `python -m core keep RUN` keeps the best model of a run."]
    lines += [f"{name}  {found.origin}" for name, found in here.items()]
    return {
        "models": [item.model_dump(mode="json") for item in kept],
        "weights": [{**found.record(name), "path": str(found.path)} for name, found in here.items()],
        "words": "\n".join(lines),
    }


def _keep(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.training.keeping import keep_run

    tags = tuple(parsed.tag or ())
    return _answer(keep_run(workspace, parsed.run, name=parsed.name or "", tags=tags, note=parsed.note or ""))


def _edit(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.models.library import delete_model, edit_model, get_model

    if parsed.delete:
        model = get_model(workspace, parsed.model)
        freed = delete_model(workspace, model.id)
        return {"id": model.id, "deleted": True, "bytes": freed, "words": f"{model.name} is deleted."}
    if parsed.name is None and parsed.tag is None and parsed.note is None:
        raise InputError("Nothing to change: give --name, --tag, --note or --delete.")
    tags = None if parsed.tag is None else tuple(parsed.tag)
    return _answer(edit_model(workspace, parsed.model, name=parsed.name, tags=tags, note=parsed.note))


def _answer(model: Any) -> dict[str, Any]:
    words = f"{model.name} (library:{model.id}): {model.origin}\n  classes: {', '.join(model.classes)}\n  {model.path}"
    return {**model.model_dump(mode="json"), "path": str(model.path), "words": words}


def _import(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.models.library import import_weights

    def say(done: int, total: int, name: str) -> None:
        print(f"checking {name} ({done + 1} of {total}) ...", file=sys.stderr)

    arrivals = import_weights(workspace, parsed.path, origin=parsed.origin, progress=say)
    if not any(item.taken for item in arrivals):
        more = f" (and {len(arrivals) - 1} more)" if len(arrivals) > 1 else ""
        raise InputError(f"{arrivals[0].words}{more}")
    rows = [{"file": str(item.file), "taken": item.taken, "words": item.words} for item in arrivals]
    words = "\n".join(f"{item.file.name}  {item.words}" for item in arrivals)
    return {"files": rows, "taken": sum(item.taken for item in arrivals), "words": words}


def _download(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.models.catalog import STARTER, find_model
    from core.models.weights import download

    model = find_model(parsed.model)
    if model is None:
        raise InputError(
            f"There is no official model “{parsed.model}”; names are like yolo26n, yolo11s-seg, yolov8m-cls."
        )
    if model is STARTER:
        raise InputError("The starter ships with Graft and needs no download: `train --model starter`.")
    said = -1

    def say(done: int, total: int) -> None:
        nonlocal said
        tenth = done * 10 // total if total else -1
        if tenth > said:
            said = tenth
            print(f"{model.file}: {megabytes(done)} of {megabytes(total)}", file=sys.stderr)

    found = download(workspace, model, say)
    return {**found.record(model.name), "path": str(found.path), "words": f"{found.path}: {found.origin}"}
