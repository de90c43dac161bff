"""Write single parts of a dataset's folder: label texts, the image table, the copies; and count what lies in it."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from itertools import chain, count
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.data.dataset import SPLITS, Dataset
from core.data.objects import NOT_JUDGED, objects_in_mask, read_mask, write_mask
from core.errors import InputError
from core.files.whole_files import write_parquet
from core.tasks import TASKS

if TYPE_CHECKING:
    import pandas as pd


def class_folder(name: str) -> str:
    """Return a class name as the name of its folder; the two are the same. Raises InputError when it can't be one."""
    if not name or name in (".", "..") or "/" in name or "\\" in name or "\0" in name or len(name.encode()) > 200:
        raise InputError(f"“{name[:80]}” can't be the name of a class folder: rename it.")
    return name


def write_pixels(dataset: Dataset, file: str, mask: NDArray[np.uint8], size: tuple[int, int]) -> None:
    """Write one picture's mask of class ids, brought to the picture's `size` (width, height) where it has another."""
    if (mask.shape[1], mask.shape[0]) != size:
        mask = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
    write_mask(dataset.label_path(file), mask)


def relabel(source: Path, target: Path, new_id: Mapping[int, int | None]) -> int:
    """Write a label file with the class ids of `new_id` (None: dropped) to `target`; return the objects left.

    Pixels of a dropped class are not judged any more. The file is written anew, so a hard link keeps what it was.
    """
    if source.suffix == ".png":
        table = np.full(256, NOT_JUDGED, dtype=np.uint8)
        for old, new in new_id.items():
            table[old] = NOT_JUDGED if new is None else new
        mask = table[read_mask(source)]
        write_mask(target, mask)
        return len(objects_in_mask(mask))
    lines = []
    for line in source.read_text(encoding="utf-8").splitlines():
        number, _, rest = line.partition(" ")
        if number and (new := new_id.get(int(number))) is not None:
            lines.append(f"{new} {rest}\n")
    target.unlink(missing_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("".join(lines), encoding="utf-8", newline="\n")
    return len(lines)


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
    write_parquet(table.sort_values("file", kind="stable"), dataset.root / "images.parquet")


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
            try:
                content = dataset.label_path(file).read_bytes()
            except FileNotFoundError:
                content = b""
            text = (dataset.label_text(file) or "") if TASKS[dataset.task].has_masks else content.decode("utf-8")
            by_split[split].update(int(line.split(" ", 1)[0]) for line in text.splitlines() if line)
            digests.append(hashlib.sha256(content).hexdigest())
    dataset.instances_by_split = {
        split: {name: by_split[split][number] for number, name in enumerate(dataset.classes)}
        for split in SPLITS
        if dataset.images[split]
    }
    dataset.instances = {
        name: sum(by_split[split][number] for split in SPLITS) for number, name in enumerate(dataset.classes)
    }
    dataset.checksum = hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()
