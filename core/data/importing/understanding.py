"""What would be imported: layout, task, classes, split, what is left out and what had to be chosen; nothing is written.

Labels are read, pictures are not decoded, but for the few that are shown: what is wrong with a picture itself is found
by the import alone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from PIL import Image

from core.data.checks.labels import note_classes
from core.data.dataset import SPLITS, Finding
from core.data.findings.problems import Problems
from core.data.images.counting import count_pages
from core.data.images.decoding import load_rgb
from core.data.images.page import UnreadableImage
from core.data.images.thumbnails import draw_marks, lay_mask, truth_marks
from core.data.images.windows import Window
from core.data.importing.settings import ImportSettings
from core.data.importing.uploads import CHOSEN, Meter, chosen_earlier, gather, layout_of, read_upload, source_words
from core.data.objects import LabelledImage
from core.data.reading.choices import Choice, Choices, Earlier, Undecided
from core.data.reading.door import reading
from core.data.reading.geometry import to_fractions
from core.data.reading.source_dataset import SourceDataset, SourceImage
from core.data.reading.tree import Tree
from core.data.splits import Item, group_of, parse_ratio, plan
from core.errors import InputError
from core.jobs import Report
from core.processes.garbage import rare_collections
from core.tasks import TASKS, Task
from core.workspace import Workspace

MOST_EXAMPLES = 24
"""Classes of which a picture is drawn."""
UNLABELLED_EXAMPLES = 4
"""Pictures that are drawn where nothing is labelled."""
EXAMPLE_SIDE = 360
"""Longer side of a drawn picture, in pixels."""


@dataclass(frozen=True)
class Understanding:
    """What an upload was understood to be; without a task where a choice is still to be made."""

    layout: str
    """name of the format"""
    layout_words: str
    """what that format is, in words"""
    task: Task | None = None
    classes: list[str] = field(default_factory=list)
    objects: dict[str, int] = field(default_factory=dict)
    """class -> labelled objects, or pictures where the whole picture is labelled"""
    images: dict[str, int] = field(default_factory=dict)
    """part of the split -> pictures; near-copies, which the import keeps in one part, are not looked for yet"""
    split_note: str = ""
    left_out: list[Finding] = field(default_factory=list)
    """what was left out or changed while reading, and why"""
    noticed: list[Finding] = field(default_factory=list)
    """what the checks after the import will say of the classes, so far as the labels alone tell"""
    choices: list[Choice] = field(default_factory=list)
    """where several readings fitted"""
    examples: dict[str, SourceImage] = field(default_factory=dict)
    """class -> a picture with it, as it lies in the upload; without classes some pictures by their names"""

    @property
    def open_choice(self) -> Choice | None:
        """The choice that nobody has made yet, without which nothing can be imported."""
        return next((choice for choice in self.choices if choice.taken is None), None)

    def record(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "layout": self.layout,
            "layout_words": self.layout_words,
            "task": self.task,
            "classes": self.classes,
            "objects": self.objects,
            "images": self.images,
            "split_note": self.split_note,
            "left_out": [_told(item) for item in self.left_out],
            "noticed": [_told(item) for item in self.noticed],
            "choices": [choice.record() for choice in self.choices],
        }


def _told(finding: Finding) -> dict[str, Any]:
    """Return a finding as plain data, without its fix: there is no dataset yet that could be mended."""
    return finding.model_dump(mode="json", include={"code", "severity", "count", "message", "examples", "why"})


def understand(
    workspace: Workspace,
    source: Path | list[Path],
    *,
    settings: ImportSettings | None = None,
    progress: Report | None = None,
    unpacked: Path | None = None,
) -> Understanding:
    """Return what `import_dataset` would make of a source; archives are unpacked in staging and removed again.

    With the folder `unpacked` they are kept there, for the next look and the import. Raises InputError as the import
    would, except where a choice is open: that is in the answer.
    """
    sources = [Path(item) for item in (source if isinstance(source, list) else [source])]
    if not sources:
        raise InputError("There is nothing to import: name a zip file or a folder.")
    meter, settings = Meter(progress), settings or ImportSettings()
    with workspace.staging("look", scratch=True) as stage, reading(source_words(sources)):
        tree, _ = gather(workspace, sources, unpacked or stage, meter, settings, keep=unpacked is not None)
        meter("Looking at the layout", 0, 1)
        with rare_collections():
            return understand_tree(tree, settings, chosen_earlier(workspace, sources))


def understand_tree(tree: Tree, settings: ImportSettings, earlier: dict[str, Earlier] | None = None) -> Understanding:
    """Return what would be made of the files of an upload. Raises InputError as the import would."""
    try:
        found = read_upload(tree, settings, earlier)
    except Undecided:
        choices = list(tree.choices.made.values())
        tree.choices = Choices(dict(settings.choices), earlier=earlier or {})
        module = layout_of(tree, settings)
        return Understanding(module.NAME, module.LAYOUT, choices=choices)
    module = layout_of(tree, settings)
    objects: Counter[str] = Counter()
    examples: dict[str, SourceImage] = {}
    pages = [_pages(image, found, settings) for image in found.images]
    for image, number in zip(found.images, pages, strict=True):
        held = Counter(found.classes[item.class_id] for item in image.all_objects)
        for name, times in held.items():
            objects[name] += times * number if TASKS[found.task].names_pictures else times
        _take_example(examples, image, list(held))
    if not found.classes:
        step = max(1, len(found.images) // UNLABELLED_EXAMPLES)
        examples = {image.name: image for image in found.images[::step][:UNLABELLED_EXAMPLES]}
    images, note = _split(found, pages, settings)
    instances = {name: objects[name] for name in found.classes}
    noticed = Problems()
    if instances:
        note_classes(found.task, instances, noticed)
    return Understanding(
        module.NAME,
        module.LAYOUT,
        found.task,
        found.classes,
        instances,
        images,
        note,
        [item for item in found.problems.findings() if item.code != CHOSEN],
        noticed.findings(),
        list(tree.choices.made.values()),
        examples,
    )


def _take_example(examples: dict[str, SourceImage], image: SourceImage, names: list[str]) -> None:
    """Let a picture stand for a class it shows: one without a picture, else one that shares its own with others."""
    for name in names:
        if name not in examples:
            examples[name] = image
    if any(image is taken for taken in examples.values()):
        return
    shared = Counter(id(taken) for taken in examples.values())
    for name in names:
        if shared[id(examples[name])] > 1:
            examples[name] = image
            return


def draw_examples(understood: Understanding, folder: Path, window: str = "auto") -> dict[str, str]:
    """Draw a picture of each of the first classes with its labels into `folder`; return class -> file name.

    `window` is how pictures of more than 8 bits are shown, as Window.parse reads it.
    """
    folder.mkdir(exist_ok=True)
    drawn = {}
    for number, (name, image) in enumerate(list(understood.examples.items())[:MOST_EXAMPLES]):
        picture = _first_page(image, folder, Window.parse(window))
        if picture is None or understood.task is None:
            continue
        size = picture.size
        picture.thumbnail((EXAMPLE_SIDE, EXAMPLE_SIDE))
        if image.pixels is not None:
            lay_mask(picture, image.pixels())
        else:
            objects = to_fractions(image, size, understood.task, understood.classes, Problems())
            draw_marks(picture, truth_marks(LabelledImage(image.name, *size, objects), understood.classes))
        drawn[name] = f"{number:02d}.jpg"
        picture.save(folder / drawn[name], quality=82)
    return drawn


def _first_page(image: SourceImage, folder: Path, window: Window) -> Image.Image | None:
    """Return a picture's first page in colour, None when it can't be read; `folder` takes one out of another file."""
    path = image.path
    if image.inside is not None:
        path = folder / f"inside{PurePosixPath(image.name).suffix.lower()}"
    try:
        if image.inside is not None:
            path.write_bytes(image.inside())
        return load_rgb(path, window)
    except (UnreadableImage, InputError, OSError, StopIteration):
        return None
    finally:
        if image.inside is not None:
            path.unlink(missing_ok=True)


def _pages(image: SourceImage, found: SourceDataset, settings: ImportSettings) -> int:
    """Return how many pictures a file becomes: all its frames, or the first where its labels are of one."""
    of_one = bool(image.objects) and not TASKS[found.task].names_pictures
    if settings.pages == "first" or of_one:
        return 1
    known = image.page_count > 1 or image.inside is not None or image.by_page is not None
    return image.page_count if known else count_pages(image.path, image.axis)


def _split(found: SourceDataset, pages: list[int], settings: ImportSettings) -> tuple[dict[str, int], str]:
    """Return pictures per part and the sentence on where the split comes from."""
    pattern = settings.group_by if settings.group_by and not settings.group_by.startswith("dicom:") else ""
    items = [
        Item(
            image.name,
            frozenset(item.class_id for item in image.all_objects),
            group_of(image.name, pattern) if pattern else image.group,
        )
        for image in found.images
    ]
    keep = settings.keep_source_split and "splits-share-folder" not in found.problems.counts
    ratio = parse_ratio(settings.split) if settings.split else None
    chosen = plan(items, [image.split for image in found.images], ratio=ratio, keep=keep, seed=settings.seed)
    counts: Counter[str] = Counter()
    for number, place in zip(pages, chosen.places, strict=True):
        if place:
            counts[place] += number
    return {part: counts[part] for part in SPLITS}, chosen.note
