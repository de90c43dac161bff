"""Write single parts of a dataset's folder: label texts, the image table, the copies; and count what lies in it."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections import Counter
from itertools import chain, count
from pathlib import Path, PurePosixPath

import pandas as pd

from core.data.dataset import (
    SPLITS,
    Dataset,
    LabelledObject,
    format_labels,
)
from core.errors import InputError
from core.tasks import TASKS


def class_folder(name: str) -> str:
    """Return a class name as the name of its folder; the two are the same. Raises InputError when it can't be one."""
    if not name or name in (".", "..") or "/" in name or "\\" in name or "\0" in name or len(name.encode()) > 200:
        raise InputError(f"“{name[:80]}” can't be the name of a class folder: rename it.")
    return name


def write_label(dataset: Dataset, file: str, labels: list[LabelledObject]) -> None:
    """Write one picture's label text."""
    text = format_labels(labels, dataset.task, dataset.keypoint_shape)
    with dataset.label_path(file).open("w", encoding="utf-8", newline="\n") as handle:
        handle.write(text)


def clean_stem(stem: str) -> str:
    """Return a file stem without control characters and what Windows forbids, at most 150 bytes, NFC."""
    stem = unicodedata.normalize("NFC", stem)
    stem = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]', "_", stem).strip(" .")
    while len(stem.encode("utf-8", "replace")) > 150:
        stem = stem[:-1]
    return stem.encode("utf-8", "replace").decode() or "image"


def free_stem(name: str, page: int, taken: Counter[str]) -> str:
    """Return a stem for the picture that no other has, whatever their case: its own, with its folder, or numbered."""
    path = PurePosixPath(name)
    own = clean_stem(path.stem)
    if page:
        own = f"{own}_p{page + 1:04d}"
    folder = path.parent.name
    tries = [own, f"{clean_stem(folder)}_{own}" if folder else own]
    for stem in chain(tries, (f"{own}_{number}" for number in count(2))):
        if not taken[stem.casefold()]:
            taken[stem.casefold()] += 1
            return stem
    raise AssertionError("numbers do not end")


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
    if TASKS[dataset.task].has_class_folders:
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
