"""Which pictures of a dataset show the same: found once, at import, and again where the list of them is damaged."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from core.data.dataset import Dataset
from core.data.images.decoding import load_rgb
from core.data.images.fingerprints import thumbnail
from core.data.images.page import UnreadableImage
from core.data.leakage import find_copies
from core.files.whole_files import write_parquet

NAME = "copies.parquet"


def save_copies(dataset: Dataset, copies: list[tuple[str, str]]) -> None:
    """Keep the pairs of digests whose pictures show the same."""
    write_parquet(pd.DataFrame(copies, columns=["one", "other"], dtype=str), dataset.root / NAME)


def read_copies(dataset: Dataset) -> list[tuple[str, str]]:
    """Return the pairs of digests whose pictures show the same, [] for a dataset made without them.

    A list that is damaged is made anew from the pictures, which takes as long as it took at import.
    """
    path = dataset.root / NAME
    if not path.exists():
        return []
    try:
        table = pd.read_parquet(path)
        return list(zip(table["one"].astype(str), table["other"].astype(str), strict=True))
    except (OSError, ValueError, KeyError):  # pyarrow's own errors are of these kinds
        found = _look_for_copies(dataset)
    with suppress(OSError):  # a workspace that can't be written to is looked at all the same
        save_copies(dataset, found)
    return found


def _look_for_copies(dataset: Dataset) -> list[tuple[str, str]]:
    table, pictures = dataset.image_table(), dict[str, tuple[NDArray[Any], Path]]()
    for file, digest in zip(table["file"], table["sha256"].astype(str), strict=True):
        path = dataset.image_path(file)
        with suppress(UnreadableImage, OSError):  # the checks name it
            pictures[digest] = thumbnail(load_rgb(path)), path
    return find_copies(pictures)
