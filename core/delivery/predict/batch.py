"""Thousands of pictures through one model in bounded memory; runs in a job's process (core.delivery.predict.job)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from core.data.reading.archives import extract, is_archive
from core.delivery.predict.entry import Entry, PicturesSummary, PixelEntry
from core.delivery.predict.model.answering import find_in, pages_of
from core.delivery.predict.model.chosen_model import ChosenModel
from core.delivery.predict.model.unlike import compared_with
from core.delivery.predict.predicting import find_pictures
from core.delivery.predict.results import ResultWriter, at_limit, counted
from core.evaluation.predict.novelty import TrainingFeatures
from core.evaluation.predict.predictor import Predictor


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
    known: TrainingFeatures | None = None,
) -> PicturesSummary:
    """Look at every picture of files, folders and archives; write pictures.csv, objects.csv and coco.json to `folder`.

    With `known`, what the model learned from, pictures unlike that are marked. `tick(done, total)` is told in pictures
    and stops the work by returning False; what is written by then stays.
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
    limited = 0
    with ResultWriter(folder, predictor.classes, distances=known is not None) as writer:
        for done, picture in enumerate(pictures, 1):
            for page in pages_of(picture.path, model.window):
                entry = _looked_at(predictor, page, model, confidence, tiled, known)
                entry["file"] = picture.name
                entry["objects"] = counted(entry, confidence)
                limited += at_limit(entry, confidence)
                writer.add(entry)
            if done % 50 == 0:
                writer.flush()
            go_on = tick(done, len(pictures))
            if not go_on:
                break
    summary: PicturesSummary = {
        "pictures": writer.pictures,
        "unreadable": writer.unreadable,
        "objects": writer.objects,
        "by_class": dict(writer.by_class),
        "classes": predictor.classes,
        "task": predictor.model.task,
        "imgsz": model.imgsz or predictor.imgsz,
        "window": model.window,
        "max_det": model.max_det,
        "at_limit": limited,
    }
    compared = compared_with(known)
    return summary | {"unlike": writer.unlike, "compared_with": compared} if compared else summary


def _looked_at(
    predictor: Predictor,
    page: PixelEntry,
    model: ChosenModel,
    confidence: float,
    tiled: bool,
    known: TrainingFeatures | None,
) -> Entry:
    """Return the entry of a page with what is found in it, or with the reason why it can't be read or looked at."""
    image = page.pop("image", None)
    if image is None:
        return page
    entry: Entry = page
    try:
        return model.at_line({**entry, **find_in(predictor, image, model.imgsz, confidence, model.max_det,
                                                 tiled=tiled, tile=model.tile, known=known)})  # fmt: skip
    except (RuntimeError, ValueError, MemoryError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:200]
        return {**entry, "error": f"not looked at: {reason}"}
