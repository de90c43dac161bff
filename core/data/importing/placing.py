"""Write an imported dataset's folder: pictures and labels under their splits, the image table, the findings."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from core.data.attributes import save_attributes
from core.data.checks.checking import check_dataset
from core.data.copies import save_copies
from core.data.dataset import IMAGE_COLUMNS, SPLITS, Dataset, Split, write_data_yaml
from core.data.findings.problems import Problems
from core.data.images.fingerprints import hash_text, perceptual_hash
from core.data.images.windows import Window
from core.data.importing.preparing import Ready
from core.data.importing.settings import ImportSettings
from core.data.importing.uploads import Meter
from core.data.leakage import find_copies, together
from core.data.objects import LabelledObject, format_labels
from core.data.reading.geometry import to_fractions
from core.data.reading.source_dataset import SourceDataset, SourceImage
from core.data.splits import Item, SplitPlan, group_of, parse_ratio, plan
from core.data.writing import (
    class_folder,
    clean_stem,
    free_stem,
    recount,
    save_table,
    write_pixels,
)
from core.tasks import TASKS


@dataclass(slots=True)
class Placed:
    """A picture of the source and one of its prepared pages."""

    image: SourceImage
    ready: Ready

    @property
    def labels(self) -> SourceImage:
        """The picture with the objects of this page."""
        if self.image.by_page is None:
            return self.image
        return replace(self.image, objects=[*self.image.by_page.get(self.ready.page, [])])

    @property
    def source(self) -> str:
        """The name in the upload, with the page for files of several."""
        return f"{self.image.name}#{self.ready.page + 1}" if self.ready.page else self.image.name


@dataclass(frozen=True, slots=True)
class Labels:
    """What is known of a picture's labels once they are written beside it, so that millions are not held."""

    first: int | None
    """class of the first object, which is the picture's in classification"""
    classes: frozenset[int]
    count: int
    written: Path | None
    """where their text waits for its place"""

    @classmethod
    def of(cls, objects: list[LabelledObject], dataset: Dataset, picture: Path) -> Labels:
        """Write the text of objects beside their picture and return what is known of them."""
        known = TASKS[dataset.task]
        as_text = known.has_label_files and not known.has_masks
        written = picture.with_name(f"{picture.name}.txt") if as_text and objects else None
        if written is not None:
            text = format_labels(objects, dataset.task, dataset.keypoint_shape)
            written.write_text(text, encoding="utf-8", newline="\n")
        first = objects[0].class_id if objects else None
        return cls(first, frozenset(item.class_id for item in objects), len(objects), written)


def write_dataset(
    dataset: Dataset, found: SourceDataset, placed: list[Placed], settings: ImportSettings, meter: Meter
) -> None:
    """Fill `dataset.root` from prepared pictures and complete `dataset` (counts, checksum, split note, findings)."""
    problems = found.problems
    placed = sorted(placed, key=lambda item: (item.image.name, item.ready.page))
    objects = []
    for item, following in zip(placed, [*placed[1:], None], strict=True):
        has_labels = item.ready.page == 0 or item.image.by_page is not None or TASKS[found.task].names_pictures
        size = item.ready.width, item.ready.height
        made = to_fractions(item.labels, size, found.task, found.classes, problems) if has_labels else []
        objects.append(Labels.of(made, dataset, item.ready.path))
        if following is None or following.image is not item.image:
            item.image.objects = []  # a sheet of a million rows is held once, not twice
    groups = _groups(placed, settings)
    copies = [] if dataset.tile else _find_copies(placed, meter)  # whole pictures were compared before they were cut
    chosen = _choose_split(found, placed, objects, groups, copies, settings)
    for item, place in zip(placed, chosen.places, strict=True):
        if place is None:
            problems.note("not-in-split", item.source)
    dataset.split_note = chosen.note
    _make_folders(dataset, {place for place in chosen.places if place})
    rows = _write_files(dataset, placed, objects, groups, chosen, problems, meter)
    objects.clear()  # they are on the disk now
    write_table(dataset, rows)
    known = {item.source: item.ready.known for item in placed}
    save_attributes(dataset, {str(row["file"]): known[str(row["source"])] for row in rows})
    save_copies(dataset, copies)
    recount(dataset)
    if any("windowed" in item.ready.changes for item in placed):
        dataset.window = Window.parse(settings.window).sentence()
    dataset.window_setting = Window.parse(settings.window).name
    dataset.test_locked = settings.lock_test and bool(dataset.images.get("test"))
    dataset.findings = problems.findings()
    meter("Checking", 0, 1)
    dataset.findings = check_dataset(dataset)
    write_data_yaml(dataset)
    dataset.save(durable=False)  # the upload is still with the user; the disk may write the pictures in its own time
    meter("Checking", 1, 1)


def _find_copies(placed: list[Placed], meter: Meter) -> list[tuple[str, str]]:
    meter("Looking for copies", 0, 1)
    copies = find_copies({item.ready.sha256: (item.ready.thumb, item.ready.path) for item in placed})
    meter("Looking for copies", 1, 1)
    return copies


def _groups(placed: list[Placed], settings: ImportSettings) -> list[str]:
    """Return the group of every picture: by the pattern, the DICOM tag, or what the source says.

    DICOM values are identity: they are replaced by numbers (patient 1, patient 2, ...). Unasked, PatientID is used
    where at least five patients are told apart; anonymised files often share one.
    """
    wish = settings.group_by or ""
    if wish and not wish.startswith("dicom:"):
        return [group_of(item.image.name, wish) for item in placed]
    tagged = [item.ready.group for item in placed]
    if not wish and len({value for value in tagged if value}) < 5:
        tagged = [""] * len(placed)
    word = "patient" if wish in ("", "dicom:PatientID") else wish.removeprefix("dicom:")
    numbers: dict[str, str] = {}
    for value in tagged:
        if value:
            numbers.setdefault(value, f"{word} {len(numbers) + 1}")
    return [numbers.get(value, item.image.group) for value, item in zip(tagged, placed, strict=True)]


def _choose_split(
    found: SourceDataset,
    placed: list[Placed],
    objects: list[Labels],
    groups: list[str],
    copies: list[tuple[str, str]],
    settings: ImportSettings,
) -> SplitPlan:
    """Plan the split; near-duplicates and pages of one file stay together when a split is made."""
    given = [item.image.split for item in placed]
    ratio = parse_ratio(settings.split) if settings.split else None
    shared = "splits-share-folder" in found.problems.counts
    complete = {"train", "val"} <= {split for split in given if split}
    if ratio is not None or not complete or shared or not settings.keep_source_split:
        keys = [
            group or (item.image.name if item.ready.page else "") for item, group in zip(placed, groups, strict=True)
        ]
        paged = {item.image.name for item in placed if item.ready.page}
        keys = [
            key or (item.image.name if item.image.name in paged else "") for item, key in zip(placed, keys, strict=True)
        ]
        if settings.keep_duplicates_together:
            keys = together([item.ready.sha256 for item in placed], keys, copies)
    else:
        keys = groups
    items = [Item(item.source, labels.classes, key) for item, labels, key in zip(placed, objects, keys, strict=True)]
    keep = settings.keep_source_split and not shared
    return plan(items, given, ratio=ratio, keep=keep, seed=settings.seed)


def _make_folders(dataset: Dataset, splits: set[Split]) -> None:
    """Create the split folders; for classify every class folder in every split, or class numbers would shift."""
    for split in SPLITS:
        if split not in splits:
            continue
        if TASKS[dataset.task].has_class_folders:
            for name in dataset.classes:
                (dataset.root / "images" / split / class_folder(name)).mkdir(parents=True)
        else:
            (dataset.root / "images" / split).mkdir(parents=True)
            dataset.label_path(f"{split}/any").parent.mkdir(parents=True)


def _write_files(
    dataset: Dataset,
    placed: list[Placed],
    objects: list[Labels],
    groups: list[str],
    chosen: SplitPlan,
    problems: Problems,
    meter: Meter,
) -> list[dict[str, object]]:
    taken: dict[str, Counter[str]] = {}
    rows: list[dict[str, object]] = []
    hashes = perceptual_hash(np.stack([item.ready.thumb for item in placed]))  # all at once: one by one is far slower
    for number, (item, labels, group, split) in enumerate(zip(placed, objects, groups, chosen.places, strict=True)):
        if split is None:
            item.ready.path.unlink()
            continue
        folder: str = split
        if TASKS[dataset.task].has_class_folders:
            folder = f"{split}/{class_folder(dataset.classes[labels.first or 0])}"
        scope = taken.setdefault(folder.partition("/")[2], Counter())
        stem = free_stem(item.image.name, item.ready.page, scope)
        if stem != clean_stem(PurePosixPath(item.image.name).stem) and not item.ready.page:
            problems.note("renamed-image", f"{item.image.name} -> {stem}{item.ready.suffix}")
        file = f"{folder}/{stem}{item.ready.suffix}"
        item.ready.path.rename(dataset.image_path(file))
        if TASKS[dataset.task].has_label_files and item.image.labelled:
            if item.image.page_pixels is not None:
                size = (item.ready.width, item.ready.height)
                write_pixels(dataset, file, item.image.page_pixels(item.ready.page), size)
            elif item.image.pixels is not None and item.ready.page == 0:
                write_pixels(dataset, file, item.image.pixels(), (item.ready.width, item.ready.height))
            elif labels.written is not None:
                labels.written.rename(dataset.label_path(file))
            else:
                dataset.label_path(file).write_bytes(b"")
        rows.append(_row(item, file, split, labels.count, group) | {"phash": hash_text(hashes[number])})
        if number % 200 == 0:
            meter("Writing", number, len(placed))
    return rows


def _row(item: Placed, file: str, split: str, objects: int, group: str) -> dict[str, object]:
    ready = item.ready
    return {
        "file": file,
        "split": split,
        "source": item.source,
        "width": ready.width,
        "height": ready.height,
        "objects": objects,
        "sha256": ready.sha256,
        "brightness": ready.brightness,
        "group": group,
        "bits": ready.bits,
    }


def write_table(dataset: Dataset, rows: list[dict[str, object]]) -> None:
    """Write images.parquet, sorted by file."""
    save_table(dataset, pd.DataFrame(rows)[list(IMAGE_COLUMNS)])
