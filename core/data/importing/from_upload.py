"""From whatever people upload to a dataset on disk: staged, checked, moved into place by one rename."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from core.data.dataset import Dataset, ReadingChosen, load_dataset, write_data_yaml
from core.data.findings.problems import Problems
from core.data.images.page import TooLarge, UnreadableImage
from core.data.images.windows import Window
from core.data.importing.placing import Placed, write_dataset
from core.data.importing.preparing import Ready, Recipe, TooSmall, prepare_source
from core.data.importing.settings import ImportSettings
from core.data.importing.uploads import Meter, chosen_earlier, forget_unpacked, gather, read_upload, source_words
from core.data.reading.archives import is_archive
from core.data.reading.choices import Choice
from core.data.reading.door import readable, reading
from core.data.reading.source_dataset import SourceDataset, SourceImage
from core.data.splits import group_of, parse_ratio
from core.errors import InputError
from core.jobs import Report
from core.processes.garbage import rare_collections
from core.processes.starting import PROJECT
from core.tasks import TASKS
from core.words import count
from core.workspace import Workspace, new_id

SAMPLE = PROJECT / "sample_data" / "surface_defects.zip"
SAMPLE_NAME = "Surface defects (sample)"


_Result = list[Ready] | Exception


def import_dataset(
    workspace: Workspace,
    source: Path | list[Path],
    *,
    settings: ImportSettings | None = None,
    name: str | None = None,
    progress: Report | None = None,
    unpacked: Path | None = None,
    tile: int | None = None,
) -> Dataset:
    """Import a zip, tar, folder or several of them as one dataset and return it.

    The source is never changed; half-made things live in the workspace's staging and vanish on any failure. `unpacked`
    is a folder in staging where `understand` has unpacked the same sources; what lies there is used up. `tile`: the
    pictures are tiles of so many pixels of a dataset's own, see `core.data.importing.tiles`.
    Raises InputError when the layout is unknown, nothing can be read, or the upload is unsafe.
    """
    settings = settings or ImportSettings()
    window = Window.parse(settings.window)
    if settings.split:
        parse_ratio(settings.split)
    if settings.group_by and not settings.group_by.startswith("dicom:"):
        group_of("", settings.group_by)
    sources = [Path(item) for item in (source if isinstance(source, list) else [source])]
    if not sources:
        raise InputError("There is nothing to import: name a zip file or a folder.")
    meter = Meter(progress)
    title = readable(" ".join((name or _title(sources)).split())[:120]) or "dataset"
    with workspace.staging("import") as stage, rare_collections():
        with reading(source_words(sources)):
            tree, moved = gather(workspace, sources, unpacked or stage, meter, settings, keep=unpacked is not None)
            meter("Looking at the layout", 0, 1)
            found = read_upload(tree, settings, chosen_earlier(workspace, sources))
        if unpacked is not None:
            forget_unpacked(unpacked)
        group_by = settings.group_by or ""
        tag = group_by.removeprefix("dicom:") if group_by.startswith("dicom:") else "" if group_by else "PatientID"
        recipe = Recipe(window, settings.pages, moved, tag)
        placed = _prepare_all(found, recipe, stage, meter)
        if not placed:
            examples = found.problems.examples
            first = next(
                (examples[c][0] for c in ("unreadable-image", "image-too-large", "image-too-small") if c in examples),
                "",
            )
            raise InputError(f"None of the {count(len(found.images), 'picture')} can be read (first: {first}).")
        identifier = new_id(title)
        dataset = Dataset(
            id=identifier,
            name=title,
            task=found.task,
            format=found.format,
            classes=[readable(name) for name in found.classes],
            images={},
            instances={},
            tile=tile,
            keypoint_shape=found.keypoint_shape,
            flip_idx=found.flip_idx,
            source=source_words(sources),
            source_mapping=found.source_mapping,
            choices=[_record(choice) for choice in tree.choices.made.values() if choice.kept],
        )
        dataset._root = stage / "dataset"
        write_dataset(dataset, found, placed, settings, meter)
        home = workspace.dataset(identifier)
        # One rename makes it appear, whole; data.yaml names its place, so it is written again there.
        dataset.root.rename(home)
        dataset._root = home
        write_data_yaml(dataset)
    return load_dataset(workspace, identifier)


def _record(choice: Choice) -> ReadingChosen:
    """Return a choice as it is kept with the dataset."""
    return ReadingChosen(
        key=choice.key,
        question=choice.question,
        taken=str(choice.taken),
        options=[option.value for option in choice.options],
        meaning=choice.meaning,
        why=choice.why,
    )


def import_sample(workspace: Workspace, progress: Report | None = None) -> Dataset:
    """Import the labelled set that ships with Graft. Raises InputError when the file is missing."""
    if not SAMPLE.exists():
        raise InputError("The sample set is missing: run `python sample_data/make_sample.py` once.")
    return import_dataset(workspace, SAMPLE, name=SAMPLE_NAME, progress=progress)


def _title(sources: list[Path]) -> str:
    """Return what to call a dataset nobody named: its archive or folder, of loose files the first and how many more."""
    whole = next((source for source in sources if source.is_dir() or is_archive(source)), None)
    if whole is None and len(sources) > 1:
        return f"{sources[0].stem} and {count(len(sources) - 1, 'more file')}"
    first = (whole or sources[0]).resolve().name
    for suffix in (".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar"):
        if first.lower().endswith(suffix):
            return first[: -len(suffix)]
    return first


def _prepare_all(found: SourceDataset, recipe: Recipe, stage: Path, meter: Meter) -> list[Placed]:
    """Decode, check and hash every picture on all cores; what can't be read is noted and left out."""
    folder = stage / "pictures"
    folder.mkdir()
    problems = found.problems
    coordinates = not TASKS[found.task].names_pictures

    def work(numbered: tuple[int, SourceImage]) -> _Result:
        number, image = numbered
        chosen = recipe
        if coordinates and image.objects and recipe.pages == "all":
            chosen = replace(recipe, pages="first")
        try:
            return prepare_source(image, folder / f"{number:07d}", chosen)
        except (UnreadableImage, InputError) as error:
            return error

    placed: list[Placed] = []
    total = len(found.images)
    with ThreadPoolExecutor(max_workers=min(8, (os.cpu_count() or 1) + 1)) as pool:
        for number, result in enumerate(_bounded(pool, work, found.images)):
            image = found.images[number]
            meter("Reading pictures", number + 1, total)
            if isinstance(result, InputError):
                pool.shutdown(cancel_futures=True)
                raise result
            if isinstance(result, Exception):
                _note_unreadable(image, result, problems)
                continue
            for ready in result:
                for code in sorted(ready.changes):
                    note = "only the first page was taken" if code == "multi-page" else ""
                    problems.note(code, f"{image.name}: {note}" if note else image.name)
                placed.append(Placed(image, ready))
            if len(result) > 1:
                problems.note("multi-page", f"{image.name}: {len(result)} pages, each taken as a picture")
    return placed


def _bounded(
    pool: ThreadPoolExecutor, work: Callable[[tuple[int, SourceImage]], _Result], images: list[SourceImage]
) -> Iterator[_Result]:
    """Like pool.map, in order, with at most 64 pictures waiting."""
    waiting: deque[Future[_Result]] = deque()
    for numbered in enumerate(images):
        waiting.append(pool.submit(work, numbered))
        if len(waiting) >= 64:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _note_unreadable(image: SourceImage, error: Exception, problems: Problems) -> None:
    if isinstance(error, TooLarge):
        code = "image-too-large"
    elif isinstance(error, TooSmall):
        code = "image-too-small"
    else:
        code = "unreadable-image"
    problems.note(code, f"{image.name}: {error}")
