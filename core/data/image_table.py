"""The table of a dataset's pictures, made anew from pictures and labels where it is gone or damaged."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from core.errors import InputError
from core.files.digests import file_sha256
from core.files.whole_files import write_parquet

if TYPE_CHECKING:
    import pandas as pd

NAME = "images.parquet"


def read_image_table(root: Path, columns: frozenset[str]) -> pd.DataFrame:
    """Return the table in a dataset's folder; one that can't be read, or lacks a column, is made anew and kept.

    Names of the user's own files and groups are in the table alone: what is made anew has the names of the pictures
    as they lie in the dataset, and no groups. Raises InputError when a picture itself can't be read.
    """
    import pandas as pd

    path = root / NAME
    try:
        table = pd.read_parquet(path)
        if columns <= set(table.columns):
            return table
    except (OSError, ValueError, KeyError):  # pyarrow's own errors are of these kinds
        pass
    table = derive_image_table(root)
    with suppress(OSError):  # a workspace that can't be written to is looked at all the same
        if path.exists():
            os.replace(path, path.with_name(f"damaged.{NAME}"))
        write_parquet(table, path)
    return table


def derive_image_table(root: Path) -> pd.DataFrame:
    """Return the table as the pictures and label files in a dataset's folder tell it."""
    import pandas as pd

    rows = [
        _row(root, path, path.relative_to(root / "images").as_posix())
        for path in sorted((root / "images").rglob("*"))
        if path.is_file()
    ]
    if not rows:
        raise InputError(f"{root / NAME} is damaged and {root / 'images'} holds no pictures: import the set again.")
    return pd.DataFrame(rows)


def _row(root: Path, path: Path, file: str) -> dict[str, Any]:
    split, *folders, _ = file.split("/")
    try:
        with Image.open(path) as image:
            width, height = image.size
            grey = float(np.asarray(image.convert("L"), dtype=np.float32).mean())
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} is damaged ({error}): delete it with its labels, or import the set again.") from error
    label = (root / "labels" / file).with_suffix(".txt")
    objects = len(label.read_text(encoding="utf-8").split("\n")) - 1 if label.is_file() else len(folders)
    return {
        "file": file,
        "split": split,
        "source": file,
        "width": width,
        "height": height,
        "objects": objects,
        "sha256": file_sha256(path),
        "phash": "",
        "brightness": grey,
        "group": "",
        "bits": 8,
    }
