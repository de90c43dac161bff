"""The headline again without the pictures that have a near twin in train: those the model may know by heart."""

from __future__ import annotations

from core.data.copies import read_copies
from core.data.dataset import Dataset
from core.data.leakage import Union


def twins_in_train(dataset: Dataset, split: str) -> list[str]:
    """Return the pictures of `split` that show the same as one of train: equal files, and the near copies the import
    found (core/data/leakage.py). Empty for train itself and for a dataset whose picture table is gone.
    """
    if split == "train" or not (dataset.root / "images.parquet").is_file():
        return []
    table = dataset.image_table()
    numbers = {digest: number for number, digest in enumerate(dict.fromkeys(table["sha256"].astype(str)))}
    union = Union(len(numbers))
    for one, other in read_copies(dataset):
        if one in numbers and other in numbers:
            union.join(numbers[one], numbers[other])
    sets = [union.find(numbers[digest]) for digest in table["sha256"].astype(str)]
    parts, files = table["split"].tolist(), table["file"].astype(str).tolist()
    in_train = {place for place, part in zip(sets, parts, strict=True) if part == "train"}
    return [file for file, place, part in zip(files, sets, parts, strict=True) if part == split and place in in_train]
