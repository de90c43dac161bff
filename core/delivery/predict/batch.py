"""Thousands of pictures through one model in bounded memory; runs in a job's process (core.delivery.predict.job)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from core.data.reading.archives import extract, is_archive
from core.delivery.predict.entry import PicturesSummary, PixelEntry
from core.delivery.predict.model.chosen_model import ChosenModel
from core.delivery.predict.model.predictor import Predictor, described, pages_of
from core.delivery.predict.predicting import Found, find_pictures
from core.delivery.predict.results import ResultWriter, counted

TOGETHER = 8
"""Pictures of one size that go through the model together; of different sizes each goes alone, as on the page."""


def predict_batch(
    predictor: Predictor,
    sources: list[Path],
    folder: Path,
    model: ChosenModel,
    confidence: float,
    free_bytes: int,
    tick: Callable[[int, int | None], bool],
    *,
    tiled: bool = False,
) -> PicturesSummary:
    """Look at every picture of files, folders and archives; write pictures.csv, objects.csv and coco.json to `folder`.

    `tick(done, total)` is told in pictures and stops the work by returning False; what is written by then stays.
    Returns the counts. Raises InputError for a source that is not there or an archive that is refused.
    """
    places = []
    for number, source in enumerate(sources):
        if source.is_file() and is_archive(source):
            inside = folder / "unpacked" / str(number)
            extract(source, inside, free_bytes)
            places.append(inside)
        else:
            places.append(source)
    pictures = find_pictures(places)
    go_on = tick(0, len(pictures))
    with ResultWriter(folder, predictor.classes) as writer:
        for done, entry in _entries(predictor, pictures, model, confidence, tiled):
            entry["objects"] = counted(entry, confidence)
            writer.add(entry)
            if done % 50 == 0:
                writer.flush()
            go_on = tick(done, len(pictures))
            if not go_on:
                break
    return {
        "pictures": writer.pictures,
        "unreadable": writer.unreadable,
        "objects": writer.objects,
        "by_class": dict(writer.by_class),
        "classes": predictor.classes,
        "task": predictor.model.task,
        "imgsz": model.imgsz or predictor.imgsz,
        "window": model.window,
    }


def _entries(
    predictor: Predictor, pictures: list[Found], model: ChosenModel, confidence: float, tiled: bool
) -> Iterator[tuple[int, PixelEntry]]:
    """Give an entry for every page of every picture in order, with how many pictures are done."""
    waiting: list[tuple[int, PixelEntry]] = []
    for number, picture in enumerate(pictures, 1):
        for entry in pages_of(picture.path, model.window):
            entry["file"] = picture.name
            same = not waiting or _shape(waiting[0][1]) == _shape(entry)
            if waiting and (not same or len(waiting) == TOGETHER):
                yield from _predicted(predictor, waiting, model, confidence, tiled)
                waiting = []
            waiting.append((number, entry))
    yield from _predicted(predictor, waiting, model, confidence, tiled)


def _shape(entry: PixelEntry) -> tuple[int, ...]:
    return entry["image"].shape if "image" in entry else ()


def _predicted(
    predictor: Predictor, waiting: list[tuple[int, PixelEntry]], model: ChosenModel, confidence: float, tiled: bool
) -> Iterator[tuple[int, PixelEntry]]:
    images = [entry.pop("image") for _, entry in waiting if "image" in entry]
    if images and len(images) == len(waiting) and len(images) > 1 and not tiled:
        try:
            results = predictor.results(images, model.imgsz, confidence)
        except (RuntimeError, ValueError, MemoryError):
            results = None  # one of them is to blame: each alone, below, tells which
        if results is not None:
            for (number, entry), result in zip(waiting, results, strict=True):
                yield number, {**entry, **described(result)}
            return
    for place, (number, entry) in enumerate(waiting):
        if not images:
            yield number, entry  # it carries the reason why it can't be read
            continue
        try:
            yield number, {**entry, **predictor.predict(images[place], model.imgsz, confidence, tiled=tiled)}
        except (RuntimeError, ValueError, MemoryError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0][:200]
            yield number, {**entry, "error": f"not looked at: {reason}"}
