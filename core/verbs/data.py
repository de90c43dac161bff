"""`import`, `check` and `datasets`: what goes in."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.verbs.verb import Add, say_progress, settings_from
from core.workspace import Workspace


def register(add: Add) -> None:
    """Add the verbs of the data room."""
    verb = add("import", _import, "Read pictures, labelled or not (zip, tar.gz, folder, video), into the workspace.")
    verb.add_argument(
        "source",
        nargs="+",
        type=Path,
        help="archives, folders or videos of one set, or the name of a public set, such as brain-tumor",
    )
    verb.add_argument("--name", help="what to call the dataset")
    verb.add_argument("--into", metavar="DATASET", help="add the pictures to a dataset that is being labelled")
    _add_import_settings(verb)
    verb.add_argument("--dry-run", action="store_true", help="say what would be imported, and write nothing")

    verb = add("check", _check, "Look through a dataset for problems; fix one with --fix.")
    verb.add_argument("dataset", help="id or name of a dataset")
    verb.add_argument("--fix", metavar="CODE", help="apply the fix of this finding to the imported copy")

    verb = add(
        "describe", _describe, "Say at which site, with which device or when each picture was taken, by a table."
    )
    verb.add_argument("dataset", help="id or name of a dataset")
    verb.add_argument("table", type=Path, help="a CSV: one column names the pictures, each other one is an attribute")

    verb = add("tiles", _tiles, "Cut the big pictures of a dataset into tiles, as a new dataset.")
    verb.add_argument("dataset", help="id or name of a dataset")
    verb.add_argument("--size", type=int, default=640, help="pixels of a tile. Default: 640.")

    add("datasets", _datasets, "List the imported datasets.")


def _add_import_settings(parser: argparse.ArgumentParser) -> None:
    from core.data.importing.settings import CHOICES, ImportSettings

    parser.add_argument(
        "--choose",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="which reading is meant where several fit (--dry-run lists them)",
    )
    parser.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="MEANING=NAME",
        help="which column of a sheet is what: label=diagnosis, file=path, group=patient, split=set",
    )
    for name, field in ImportSettings.model_fields.items():
        if name == CHOICES:
            continue
        flag, text = f"--{name.replace('_', '-')}", (field.description or "").replace("%", "%%")
        if field.annotation is bool:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=text)
        else:
            parser.add_argument(flag, default=None, help=text)


def _import(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.data.importing.from_upload import import_dataset
    from core.data.importing.public_sets import find_public_set, import_public_set
    from core.data.importing.settings import CHOICES, ImportSettings
    from core.data.importing.understanding import understand

    workspace.sweep_staging()  # what a killed import left takes space that this one may need
    values = {name: getattr(parsed, name, None) for name in ImportSettings.model_fields}
    settings = settings_from(ImportSettings, values | {CHOICES: _choices(parsed)})
    if parsed.into:
        return _add(parsed, workspace, settings)
    if parsed.dry_run:
        return _understanding_answer(understand(workspace, parsed.source, settings=settings, progress=say_progress()))
    if len(parsed.source) == 1 and not parsed.source[0].exists() and find_public_set(str(parsed.source[0])):
        dataset = import_public_set(
            workspace, str(parsed.source[0]), settings=settings, title=parsed.name, progress=say_progress()
        )
        return _dataset_answer(dataset)
    dataset = import_dataset(workspace, parsed.source, settings=settings, name=parsed.name, progress=say_progress())
    return _dataset_answer(dataset)


def _add(parsed: argparse.Namespace, workspace: Workspace, settings: Any) -> dict[str, Any]:
    from core.data.dataset import load_dataset
    from core.labelling.adding import add_pictures
    from core.words import count

    if parsed.dry_run or parsed.name:
        raise InputError("--into adds to a dataset that is there: leave --dry-run and --name out.")
    dataset = load_dataset(workspace, parsed.into)
    new, known = add_pictures(workspace, dataset, parsed.source, settings=settings, progress=say_progress())
    there = f"; {known} were there already" if known else ""
    return {"id": dataset.id, "new": new, "known": known, "words": f"{count(new, 'picture')} added{there}."}


def _choices(parsed: argparse.Namespace) -> dict[str, str]:
    """Return what --choose and --column say, by the keys of the choices. Raises InputError for one without “=”."""
    from core.data.reading.choices import COLUMN

    found = {}
    for flag, given, before in (("--choose", parsed.choose, ""), ("--column", parsed.column, COLUMN)):
        for text in given:
            key, sign, value = text.partition("=")
            if not sign or not key.strip() or not value.strip():
                raise InputError(f"{flag} {text}: write it as KEY=VALUE, such as {flag} label=diagnosis.")
            found[before + key.strip()] = value.strip()
    return found


def _understanding_answer(understood: Any) -> dict[str, Any]:
    record: dict[str, Any] = understood.record()
    lines = [f"read as {understood.layout}: {understood.layout_words}"]
    if understood.task:
        lines.append(f"  task:     {understood.task}")
        lines.append("  pictures: " + ", ".join(f"{part} {number}" for part, number in understood.images.items()))
        lines.append("  objects:  " + ", ".join(f"{name} {number}" for name, number in understood.objects.items()))
    lines += [f"  {item.severity.value}: {item.message}" for item in (*understood.left_out, *understood.noticed)]
    for choice in understood.choices:
        lines.append(f"  choice: {choice.question} " + (choice.why or f"Taken: {choice.taken}" if choice.taken else ""))
        lines += [f"    {choice.option(option.value)}   {option.meaning}" for option in choice.options]
    return record | {"words": "\n".join(lines)}


def _describe(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.data.attributes import add_attributes, told
    from core.data.dataset import load_dataset

    dataset = load_dataset(workspace, parsed.dataset)
    known = add_attributes(dataset, parsed.table)
    return {"id": dataset.id, "attributes": known, "words": told(known, dataset)}


def _dataset_answer(dataset: Any) -> dict[str, Any]:
    lines = [f"{dataset.name} ({dataset.id}): {dataset.task}, read as {dataset.format}"]
    lines.append("  pictures: " + ", ".join(f"{split} {count}" for split, count in dataset.images.items() if count))
    lines.append("  objects:  " + ", ".join(f"{name} {count}" for name, count in dataset.instances.items()))
    for item in dataset.findings:
        mended = f" (--fix {item.code}: {item.fix[:1].lower()}{item.fix[1:]})" if item.fix else ""
        lines.append(f"  {item.severity.value}: {item.message}{mended}")
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
    from core.data.checks.checking import check_dataset
    from core.data.dataset import load_dataset
    from core.data.editing.fixes import apply_fix

    dataset = load_dataset(workspace, parsed.dataset)
    if parsed.fix:
        dataset = apply_fix(dataset, parsed.fix)
    dataset.findings = check_dataset(dataset)
    return _dataset_answer(dataset)


def _tiles(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.data.dataset import load_dataset
    from core.data.importing.tiles import cut_into_tiles

    dataset = load_dataset(workspace, parsed.dataset)
    return _dataset_answer(cut_into_tiles(workspace, dataset.id, parsed.size, progress=say_progress()))


def _datasets(_parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.data.dataset import damaged_datasets, list_datasets

    found, damaged = list_datasets(workspace), damaged_datasets(workspace)
    for sentence in damaged.values():
        print(sentence, file=sys.stderr)
    lines = [f"{item.id}  {item.name}  {item.task}  {sum(item.images.values())} pictures" for item in found]
    rows = [{"id": item.id, "name": item.name, "task": item.task, "images": item.images} for item in found]
    return {
        "datasets": rows,
        "damaged": damaged,
        "words": "\n".join(lines) or "No datasets yet: `python -m core import SOURCE`.",
    }
