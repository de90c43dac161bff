"""Find things in new pictures with a run's best model or a .pt file; the model itself runs in a child process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, cast

from core.data.images.video import is_video
from core.data.reading.archives import extract, is_archive
from core.delivery.predict.entry import ComparedWith, Counts, Entry, LoadedModel, Predicted
from core.delivery.predict.model.chosen_model import ChosenModel, choose_model
from core.delivery.predict.model.unlike import (
    TOO_LITTLE,
    compared_with,
    is_unlike,
    kept_features,
    mark,
    not_compared_words,
    unlike_words,
)
from core.delivery.predict.model.warm import WarmPredictor
from core.delivery.predict.results import ResultWriter, at_limit, counted, entry_words, limit_words
from core.errors import GraftError, InputError
from core.tasks import TASKS
from core.words import count
from core.workspace import Workspace

PICTURE_ENDINGS = frozenset(
    [".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".heif", ".dcm", ".dicom", ".ima"]
)

LEARNING_SECONDS = 1800.0
"""The training and validation pictures of a run, up to 700 of them, may take so long to look at."""


class Found(NamedTuple):
    """A picture file and how results name it: below the folder it was found in, else by its name."""

    path: Path
    name: str


def find_pictures(sources: list[Path]) -> list[Found]:
    """Return the pictures named by files and folders, folders searched to the bottom, in sorted order.

    Raises InputError for a path that is not there, and when there is no picture at all.
    """
    pictures: list[Found] = []
    for source in sources:
        if source.is_dir():
            inside = sorted(path for path in source.rglob("*") if path.suffix.lower() in PICTURE_ENDINGS)
            pictures += [
                Found(path.resolve(), path.relative_to(source).as_posix())
                for path in inside
                if path.is_file() and not path.name.startswith("._")
            ]
        elif is_video(source.name) and source.is_file():
            raise InputError(f"{source.name} is a video: give it on the page “Try it”, which draws on it and counts.")
        elif source.is_file():
            pictures.append(Found(source.resolve(), source.name))
        else:
            raise InputError(f"There is no file or folder {source}.")
    if not pictures:
        raise InputError(f"No picture found in {', '.join(str(source) for source in sources)}.")
    return pictures


def predict_picture(
    predictor: WarmPredictor, model: ChosenModel, picture: Path, confidence: float, *, tiled: bool = False
) -> list[Entry]:
    """Return an entry for every page of a picture, what falls below `confidence` (0 to 1) left out.

    A picture the model can't cope with gets its reason. Raises InputError when the checkpoint is refused.
    """
    try:
        answer = predictor.ask(
            "predict", model, picture=str(picture), confidence=confidence, max_det=model.max_det, window=model.window,
            tiled=tiled, tile=model.tile, features=str(model.features or ""),
        )  # fmt: skip
    except InputError:
        raise
    except GraftError as error:
        return [
            {
                "file": str(picture),
                "page": 1,
                "width": 0,
                "height": 0,
                "objects": [],
                "error": f"not looked at: {error}",
            }
        ]
    entries: list[Entry] = answer["pictures"]
    return [model.at_line(entry) for entry in entries]


def what_it_learned_from(predictor: WarmPredictor, model: ChosenModel) -> ComparedWith | None:
    """Return what new pictures are compared with, None where it isn't known what the model learned from.

    A run's pictures are looked at where that was not done yet, which takes up to some minutes. Raises GraftError when
    that fails.
    """
    if model.run_folder is None:
        return compared_with(kept_features(model.features, model.weights))
    found: ComparedWith | None = predictor.ask("learn", model, patience=LEARNING_SECONDS, run=str(model.run_folder))[
        "compared_with"
    ]
    return found


def predict_pictures(
    workspace: Workspace,
    model: str,
    sources: list[Path],
    *,
    confidence: float | None = None,
    out: Path | None = None,
    listen: Callable[[Entry], None] | None = None,
    keep: bool = True,
    tiled: bool | None = None,
) -> Predicted:
    """Predict on pictures, folders and archives; return what was used and one entry per picture, unreadable ones too.

    `model` is the id of a run or the path of a .pt file (loaded weights-only). `confidence` (0 to 1) defaults to the
    run's stored operating point. With `out`, pictures.csv, objects.csv and coco.json are written there as the answers
    come and the entries are not kept in memory; nor without `keep`, when `listen` gets each one and only the counts are
    returned. Boxes are x1, y1, x2, y2 in pixels. `tiled`: look at big pictures in tiles; left open, where the model
    learned from tiles.
    Raises InputError for an unknown run, a refused checkpoint, sources without a picture, or a confidence given for a
    model that finds no objects.
    """
    chosen = choose_model(workspace, model)
    if confidence is not None and not 0 <= confidence <= 1:
        raise InputError(f"--conf: {confidence} is not between 0 and 1.")
    with workspace.staging("predict", scratch=True) as folder:
        pictures = find_pictures(_unpacked(workspace, sources, folder))
        in_tiles = chosen.tile is not None if tiled is None else tiled
        return _predict(pictures, chosen, confidence, out, listen, keep, in_tiles)


def _unpacked(workspace: Workspace, sources: list[Path], folder: Path) -> list[Path]:
    places = []
    for number, source in enumerate(sources):
        if source.is_file() and is_archive(source):
            extract(source, folder / str(number), workspace.free_bytes())
            places.append(folder / str(number))
        else:
            places.append(source)
    return places


def _predict(
    pictures: list[Found],
    chosen: ChosenModel,
    line: float | None,
    out: Path | None,
    listen: Callable[[Entry], None] | None,
    keep: bool,
    tiled: bool,
) -> Predicted:
    predictor, threshold = WarmPredictor(), chosen.confidence if line is None else line
    try:
        described = cast(LoadedModel, predictor.ask("load", chosen))
        if line is not None and not TASKS[described["task"]].finds_objects and not chosen.positive:
            each = "picture" if TASKS[described["task"]].names_pictures else "pixel"
            raise InputError(
                f"--conf: this model gives each {each} its likeliest class; no confidence is asked of it."
                " A line can be drawn for one of two classes: see `evaluate`."
            )
        used: Predicted = {
            "model": chosen.name,
            "weights": str(chosen.weights),
            "task": described["task"],
            "imgsz": described["imgsz"],
            "window": chosen.window,
            "confidence": threshold,
            "max_det": chosen.max_det,
        }
        if chosen.positive:
            chosen = replace(chosen, confidence=threshold)
            used["positive"] = chosen.positive
        known = None
        try:
            known = what_it_learned_from(predictor, chosen)
        except GraftError as error:  # the answers are as good without
            used["not_compared"] = str(error)
        if known is not None:
            used["compared_with"] = known
        else:
            used.setdefault("not_compared", TOO_LITTLE)
        entries = _entries(predictor, chosen, pictures, threshold, listen, tiled)
        if out is None and keep:
            kept = []
            for entry in entries:
                entry.pop("mask", None)
                kept.append(entry)
            return used | {
                "pictures": kept,
                "words": "\n".join(f"{item['file']}: {entry_words(item)}{mark(item)}" for item in kept),
            }
        if out is None:
            counts = _totals(entries)
            return used | {"counts": counts, "words": _words(counts, used)}
        limited = 0
        with ResultWriter(out, described["classes"], distances=known is not None) as writer:
            for entry in entries:
                limited += at_limit(entry)
                writer.add(entry)
    finally:
        predictor.close()
    masks = ("masks",) if TASKS[described["task"]].names_pixels else ()
    files = {name: str(out / name) for name in ("pictures.csv", "objects.csv", "coco.json", *masks)}
    counts = {
        "pictures": writer.pictures, "unreadable": writer.unreadable, "objects": writer.objects, "at_limit": limited,
    }  # fmt: skip
    if known is not None:
        counts["unlike"] = writer.unlike
    words = f"{_words(counts, used)} Written to {out}."
    return used | {"counts": counts, "words": words, "files": files}


def _totals(entries: Iterator[Entry]) -> Counts:
    counts: Counts = {"pictures": 0, "unreadable": 0, "objects": 0, "at_limit": 0}
    for entry in entries:
        counts["pictures"] += 1
        counts["unreadable"] += bool(entry["error"])
        counts["objects"] += len(entry["objects"])
        counts["at_limit"] += at_limit(entry)
        if "unlike" in entry:
            counts["unlike"] = counts.get("unlike", 0) + is_unlike(entry)
    return counts


def _words(counts: Counts, used: Predicted) -> str:
    lost = f"{counts['unreadable']} could not be read, " if counts["unreadable"] else ""
    found = f"{count(counts['objects'], 'object')} found"
    if TASKS[used["task"]].names_pixels:
        found = f"every pixel {'of the others ' if lost else ''}has its class"
    if TASKS[used["task"]].names_pictures:
        found = f"each {'of the others ' if lost else ''}has its class"
    limit = f" {limit_words(used['max_det'], counts['at_limit'])}." if counts["at_limit"] else ""
    compared = not_compared_words(used.get("not_compared", ""))
    if "compared_with" in used:
        looked_at = counts["pictures"] - counts["unreadable"]
        compared = unlike_words(counts.get("unlike", 0), looked_at, used["compared_with"])
    return f"{count(counts['pictures'], 'picture')}, {lost}{found}.{limit} {compared}"


def _entries(
    predictor: WarmPredictor,
    model: ChosenModel,
    pictures: list[Found],
    confidence: float,
    listen: Callable[[Entry], None] | None,
    tiled: bool,
) -> Iterator[Entry]:
    for picture in pictures:
        for entry in predict_picture(predictor, model, picture.path, confidence, tiled=tiled):
            named: Entry = {**entry, "file": picture.name, "objects": counted(entry, confidence)}
            if listen is not None:
                listen(named)
            yield named
