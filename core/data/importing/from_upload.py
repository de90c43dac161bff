"""From whatever people upload to a dataset on disk: staged, checked, moved into place by one rename."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from core.data.dataset import Dataset, load_dataset, write_data_yaml
from core.data.findings.problems import Problems
from core.data.formats import detect_format, layouts
from core.data.images.page import TooLarge, UnreadableImage
from core.data.images.windows import Window
from core.data.importing.placing import Placed, write_dataset
from core.data.importing.preparing import Ready, Recipe, TooSmall, prepare
from core.data.importing.settings import ImportSettings
from core.data.reading.archives import FOREIGN_ARCHIVES, extract, is_archive
from core.data.reading.source_dataset import SourceDataset, SourceImage
from core.data.reading.tree import Tree, is_junk, merge_trees, read_folder
from core.data.splits import group_of, parse_ratio
from core.errors import InputError
from core.jobs import Progress, Report
from core.processes.lifetime import PROJECT
from core.tasks import TASKS, Task
from core.words import count
from core.workspace import Workspace, new_id

SAMPLE = PROJECT / "sample_data" / "surface_defects.zip"
SAMPLE_NAME = "Surface defects (sample)"


_Result = list[Ready] | Exception


class _Meter:
    """Passes progress on at most ten times per second and estimates the time left from the stage's own pace."""

    def __init__(self, report: Report | None) -> None:
        self.report = report
        self.stage = ""
        self.started = self.last = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        if self.report is None:
            return
        now = time.monotonic()
        if stage != self.stage:
            self.stage, self.started, self.last = stage, now, 0.0
        if now - self.last < 0.1 and done < total:
            return
        self.last = now
        passed = now - self.started
        left = passed / done * (total - done) if done and passed > 0.5 else None
        self.report(Progress(stage, done, total, left))


def import_dataset(
    workspace: Workspace,
    source: Path | list[Path],
    *,
    settings: ImportSettings | None = None,
    name: str | None = None,
    progress: Report | None = None,
) -> Dataset:
    """Import a zip, tar, folder or several of them as one dataset and return it.

    The source is never changed; half-made things live in the workspace's staging and vanish on any failure.
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
    meter = _Meter(progress)
    title = " ".join((name or _title(sources)).split())[:120] or "dataset"
    with workspace.staging("import") as stage:
        tree, moved = _gather(workspace, sources, stage, meter)
        meter("Looking at the layout", 0, 1)
        found = _read(tree, settings.task)
        if not found.images:
            raise InputError(f"{tree.label} holds no picture that can be used.")
        _note_leftovers(tree, found)
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
            classes=found.classes,
            images={},
            instances={},
            keypoint_shape=found.keypoint_shape,
            flip_idx=found.flip_idx,
            source=", ".join(item.name for item in sources),
            source_mapping=found.source_mapping,
        )
        dataset._root = stage / "dataset"
        write_dataset(dataset, found, placed, settings, meter)
        home = workspace.dataset(identifier)
        # One rename makes it appear, whole; data.yaml names its place, so it is written again there.
        dataset.root.rename(home)
        dataset._root = home
        write_data_yaml(dataset)
    return load_dataset(workspace, identifier)


def import_sample(workspace: Workspace, progress: Report | None = None) -> Dataset:
    """Import the labelled set that ships with Graft. Raises InputError when the file is missing."""
    if not SAMPLE.exists():
        raise InputError("The sample set is missing: run `python sample_data/make_sample.py` once.")
    return import_dataset(workspace, SAMPLE, name=SAMPLE_NAME, progress=progress)


def _title(sources: list[Path]) -> str:
    first = sources[0].resolve().name
    for suffix in (".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar"):
        if first.lower().endswith(suffix):
            return first[: -len(suffix)]
    return first


def _gather(workspace: Workspace, sources: list[Path], stage: Path, meter: _Meter) -> tuple[Tree, bool]:
    """Return the files of all sources and whether they are our own unpacked copies, which may be moved."""
    trees = []
    loose: dict[str, Path] = {}
    for number, source in enumerate(sources):
        if not source.exists():
            raise InputError(f"{source} does not exist: check the name.")
        if source.is_dir():
            if workspace.root.is_relative_to(source.resolve()):
                raise InputError(f"{source} contains the workspace itself: name the folder with your pictures.")
            trees.append(read_folder(source))
        elif is_archive(source):
            trees.append(
                extract(
                    source,
                    stage / f"unpacked{number}",
                    workspace.free_bytes(),
                    lambda done, total: meter("Unpacking", done, total),
                )
            )
        elif not is_junk(source.name):
            loose[source.name] = source
    if loose:
        trees.append(Tree(dict(sorted(loose.items())), label="files"))
    merged = merge_trees(trees)
    merged.label = ", ".join(source.name for source in sources)  # what the user knows; used in messages from here on
    if not merged.files:
        raise InputError(f"{merged.label} is empty: there is nothing to import.")
    return merged, all(is_archive(source) and not source.is_dir() for source in sources)


def _read(tree: Tree, task: Task | None) -> SourceDataset:
    module = detect_format(tree)
    if module is None:
        if not tree.pictures:
            raise InputError(_no_pictures(tree))
        raise InputError(f"{tree.label} is not a layout I know yet; these are: " + "; ".join(layouts()) + ".")
    found: SourceDataset = module.read(tree, task)
    if task and found.task != task:
        raise InputError(
            f"{tree.label} can't be read as {task}: its labels ({module.LAYOUT}) make it {found.task}. "
            "Leave the task empty or label the pictures accordingly."
        )
    if found.drop_unused:
        _drop_unused(found)
    return found


def _no_pictures(tree: Tree) -> str:
    """Return the sentence for an upload without a single picture: what it holds instead, and what to do."""
    inner = [name for name in tree.files if is_archive(Path(name)) or name.lower().endswith(FOREIGN_ARCHIVES)]
    if inner and len(inner) == len(tree.files) == 1 and inner[0] == tree.label:
        return f"{inner[0]} is an archive that can't be opened here: unpack it and pack the folder as a zip file."
    if inner:
        return (
            f"{tree.label} holds no pictures but {'another archive' if len(inner) == 1 else 'other archives'} "
            f"({', '.join(inner[:3])}), and those are not opened: unpack them first, or import them themselves."
        )
    if list(tree.files) == [tree.label]:
        return f"{tree.label} is neither an archive nor a picture: give a zip or tar file, or a folder with pictures."
    files = "one other file" if len(tree.files) == 1 else count(len(tree.files), "other file")
    return f"{tree.label} holds no pictures ({files}): add the pictures that the labels belong to, and import again."


def _drop_unused(found: SourceDataset) -> None:
    """Leave classes without objects out of the class list; the order of the others stays."""
    used = {item.class_id for image in found.images for item in image.objects}
    unused = [number for number in range(len(found.classes)) if number not in used]
    if not unused or not used:
        return
    new = {old: number for number, old in enumerate(sorted(used))}
    for number in unused:
        found.problems.note("unused-class-dropped", found.classes[number])
    for image in found.images:
        for item in image.objects:
            item.class_id = new[item.class_id]
    found.classes = [found.classes[old] for old in sorted(used)]
    found.source_mapping = {name: new[old] for name, old in found.source_mapping.items() if old in new}


def _note_leftovers(tree: Tree, found: SourceDataset) -> None:
    problems = found.problems
    for name in tree.junk:
        problems.note("archive-junk", name)
    for name in tree.links:
        problems.note("link-not-followed", name)
    listed = {image.name for image in found.images} | found.used
    for name in tree.files:
        if name not in listed:
            archive = is_archive(Path(name)) or name.lower().endswith(FOREIGN_ARCHIVES)
            problems.note("nested-archive" if archive else "other-files", name)
    if found.assumed:
        problems.note("task-assumed", more=found.assumed)


def _prepare_all(found: SourceDataset, recipe: Recipe, stage: Path, meter: _Meter) -> list[Placed]:
    """Decode, check and hash every picture on all cores; what can't be read is noted and left out."""
    folder = stage / "pictures"
    folder.mkdir()
    problems = found.problems
    coordinates = not TASKS[found.task].names_pictures

    def work(numbered: tuple[int, SourceImage]) -> _Result:
        number, image = numbered
        chosen = recipe
        if coordinates and image.objects and recipe.pages == "all":
            chosen = Recipe(recipe.window, "first", recipe.may_move, recipe.tag)
        try:
            return prepare(image.path, folder / f"{number:07d}", chosen, image.declared)
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
