"""Write a dataset's folder: pictures and labels under their splits, the image table, the findings."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.data.dataset import (
    IMAGE_COLUMNS,
    SPLITS,
    Dataset,
    LabelledObject,
    Split,
    format_labels,
    write_data_yaml,
)
from core.data.findings.problems import Problems
from core.data.images.fingerprints import hash_text, perceptual_hash
from core.data.images.windows import Window
from core.data.importing.preparing import Ready
from core.data.leakage import find_copies, together
from core.data.reading.geometry import to_fractions
from core.data.reading.source_dataset import SourceDataset, SourceImage
from core.data.splits import Item, SplitPlan, group_of, parse_ratio, plan
from core.errors import InputError

if TYPE_CHECKING:
    from core.data.importing.importing import ImportSettings

Meter = Callable[[str, int, int], None]


@dataclass(slots=True)
class Placed:
    """A picture of the source and one of its prepared pages."""

    image: SourceImage
    ready: Ready

    @property
    def source(self) -> str:
        """The name in the upload, with the page for files of several."""
        return f"{self.image.name}#{self.ready.page + 1}" if self.ready.page else self.image.name


def write_dataset(
    dataset: Dataset, found: SourceDataset, placed: list[Placed], settings: ImportSettings, meter: Meter
) -> None:
    """Fill `dataset.root` from prepared pictures and complete `dataset` (counts, checksum, split note, findings)."""
    from core.data.checks.checking import check_dataset

    problems = found.problems
    placed = sorted(placed, key=lambda item: (item.image.name, item.ready.page))
    objects = [
        to_fractions(item.image, (item.ready.width, item.ready.height), found.task, found.classes, problems)
        if item.ready.page == 0 or found.task == "classify"
        else []
        for item in placed
    ]
    groups = _groups(placed, settings)
    meter("Looking for copies", 0, 1)
    copies = find_copies({item.ready.sha256: (item.ready.thumb, item.ready.path) for item in placed})
    meter("Looking for copies", 1, 1)
    chosen = _choose_split(found, placed, objects, groups, copies, settings)
    for item, place in zip(placed, chosen.places, strict=True):
        if place is None:
            problems.note("not-in-split", item.source)
    dataset.split_note = chosen.note
    _make_folders(dataset, {place for place in chosen.places if place})
    rows = _write_files(dataset, placed, objects, groups, chosen, problems, meter)
    write_table(dataset, rows)
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
    objects: list[list[LabelledObject]],
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
    items = [
        Item(item.source, frozenset(label.class_id for label in labels), key)
        for item, labels, key in zip(placed, objects, keys, strict=True)
    ]
    keep = settings.keep_source_split and not shared
    return plan(items, given, ratio=ratio, keep=keep, seed=settings.seed)


def _make_folders(dataset: Dataset, splits: set[Split]) -> None:
    """Create the split folders; for classify every class folder in every split, or class numbers would shift."""
    for split in SPLITS:
        if split not in splits:
            continue
        if dataset.task == "classify":
            for name in dataset.classes:
                (dataset.root / "images" / split / class_folder(name)).mkdir(parents=True)
        else:
            (dataset.root / "images" / split).mkdir(parents=True)
            (dataset.root / "labels" / split).mkdir(parents=True)


def class_folder(name: str) -> str:
    """Return a class name as the name of its folder; the two are the same. Raises InputError when it can't be one."""
    if not name or name in (".", "..") or "/" in name or "\\" in name or "\0" in name or len(name.encode()) > 200:
        raise InputError(f"“{name[:80]}” can't be the name of a class folder: rename it.")
    return name


def _write_files(
    dataset: Dataset,
    placed: list[Placed],
    objects: list[list[LabelledObject]],
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
        if dataset.task == "classify":
            folder = f"{split}/{class_folder(dataset.classes[labels[0].class_id])}"
        scope = taken.setdefault(folder.partition("/")[2], Counter())
        stem = free_stem(item.image.name, item.ready.page, scope)
        if stem != _clean(PurePosixPath(item.image.name).stem) and not item.ready.page:
            problems.note("renamed-image", f"{item.image.name} -> {stem}{item.ready.suffix}")
        file = f"{folder}/{stem}{item.ready.suffix}"
        item.ready.path.rename(dataset.image_path(file))
        if dataset.task != "classify" and item.image.labelled:
            write_label(dataset, file, labels)
        rows.append(_row(item, file, split, len(labels), group) | {"phash": hash_text(hashes[number])})
        if number % 200 == 0:
            meter("Writing", number, len(placed))
    return rows


def write_label(dataset: Dataset, file: str, labels: list[LabelledObject]) -> None:
    """Write one picture's label text."""
    text = format_labels(labels, dataset.task, dataset.keypoint_shape)
    with dataset.label_path(file).open("w", encoding="utf-8", newline="\n") as handle:
        handle.write(text)


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


def _clean(stem: str) -> str:
    """Return a file stem without control characters and what Windows forbids, at most 150 bytes, NFC."""
    stem = unicodedata.normalize("NFC", stem)
    stem = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]', "_", stem).strip(" .")
    while len(stem.encode("utf-8", "replace")) > 150:
        stem = stem[:-1]
    return stem.encode("utf-8", "replace").decode() or "image"


def free_stem(name: str, page: int, taken: Counter[str]) -> str:
    """Return a stem for the picture that no other has, whatever their case: its own, with its folder, or numbered."""
    path = PurePosixPath(name)
    own = _clean(path.stem)
    if page:
        own = f"{own}_p{page + 1:04d}"
    folder = path.parent.name
    tries = [own, f"{_clean(folder)}_{own}" if folder else own]
    for stem in chain(tries, (f"{own}_{number}" for number in count(2))):
        if not taken[stem.casefold()]:
            taken[stem.casefold()] += 1
            return stem
    raise AssertionError("numbers do not end")


def write_table(dataset: Dataset, rows: list[dict[str, object]]) -> None:
    """Write images.parquet, sorted by file."""
    save_table(dataset, pd.DataFrame(rows)[list(IMAGE_COLUMNS)])


def save_table(dataset: Dataset, table: pd.DataFrame) -> None:
    """Replace images.parquet atomically."""
    temporary = dataset.root / ".images.parquet"
    table = table.sort_values("file", kind="stable")
    table.to_parquet(temporary, index=False)
    os.replace(temporary, dataset.root / "images.parquet")


def save_copies(dataset: Dataset, copies: list[tuple[str, str]]) -> None:
    """Write copies.parquet: pairs of digests whose pictures show the same; found once, at import."""
    table = pd.DataFrame(copies, columns=["one", "other"], dtype=str)
    table.to_parquet(dataset.root / "copies.parquet", index=False)


def read_copies(dataset: Dataset) -> list[tuple[str, str]]:
    """Return the pairs of digests whose pictures show the same, [] for a dataset made without them."""
    path = dataset.root / "copies.parquet"
    if not path.exists():
        return []
    table = pd.read_parquet(path)
    return list(zip(table["one"].astype(str), table["other"].astype(str), strict=True))


def recount(dataset: Dataset) -> None:
    """Fill in pictures and instances per split and class and the checksum from what lies in the folder."""
    table = dataset.image_table()
    dataset.images = {split: int((table["split"] == split).sum()) for split in SPLITS}
    by_split: dict[str, Counter[int]] = {split: Counter() for split in SPLITS}
    digests = list(table["sha256"])
    if dataset.task == "classify":
        index = {name: number for number, name in enumerate(dataset.classes)}
        for file, split in zip(table["file"], table["split"], strict=True):
            by_split[split][index[str(file).split("/")[1]]] += 1
            digests.append(hashlib.sha256(str(file).split("/", 1)[1].encode()).hexdigest())
    else:
        for file, split in zip(table["file"], table["split"], strict=True):
            text = read_label(dataset.label_path(file))
            by_split[split].update(int(line.split(" ", 1)[0]) for line in text.splitlines() if line)
            digests.append(hashlib.sha256(text.encode()).hexdigest())
    dataset.instances_by_split = {
        split: {name: by_split[split][number] for number, name in enumerate(dataset.classes)}
        for split in SPLITS
        if dataset.images[split]
    }
    dataset.instances = {
        name: sum(by_split[split][number] for split in SPLITS) for number, name in enumerate(dataset.classes)
    }
    dataset.checksum = hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def read_label(path: Path) -> str:
    """Return a label text, '' when there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
