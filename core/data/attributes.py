"""What is known about each picture beyond its labels: at which site, with which device, on which day it was taken.

`datasets/<id>/attributes.parquet` holds `file` and a column of text for each attribute, from the tags of
DICOM files and from a table the user brought.
Dates are read off the file names where most of them hold one.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import pandas as pd

from core.data.dataset import Dataset
from core.errors import InputError
from core.files.whole_files import write_parquet
from core.words import count

ATTRIBUTES_FILE = "attributes.parquet"
MOST = 12
"""Columns kept of a table, and days told apart before they are taken by the month."""
_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])(?!\d)")


def attributes_path(dataset: Dataset) -> Path:
    """Return where the attributes of a dataset's pictures are kept."""
    return dataset.root / ATTRIBUTES_FILE


def read_attributes(dataset: Dataset) -> pd.DataFrame:
    """Return one row per picture, by file, a column of text for each attribute; "" where it is not known.

    No column where nothing is known of any picture.
    """
    table = dataset.image_table()
    known = pd.DataFrame(index=pd.Index(table["file"].astype(str), name="file"))
    path = attributes_path(dataset)
    if path.is_file():
        known = known.join(_read(path).set_index("file"))
    if "date" not in known:
        dates = dates_of(table["source"].fillna("").astype(str).tolist())
        if dates:
            known["date"] = dates
    return known.fillna("")


def _read(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_parquet(path)
        return table[["file", *[name for name in table if name != "file"]]]
    except (OSError, ValueError, KeyError) as error:  # pyarrow's own errors are of these kinds
        raise InputError(
            f"{path}, which says site, device or date of each picture, is damaged: bring it back from a copy of the "
            "workspace, or delete it and describe the pictures again."
        ) from error


def save_attributes(dataset: Dataset, known: dict[str, dict[str, str]]) -> None:
    """Keep what the files themselves name, {file: {attribute: value}}; nothing where none does.

    A site's name may tell a person: sites are told apart by number only.
    """
    if not any(known.values()):
        return
    table = pd.DataFrame.from_dict(known, orient="index").fillna("").rename_axis("file")
    if "site" in table:
        numbers = {name: f"site {number}" for number, name in enumerate(dict.fromkeys(filter(None, table["site"])), 1)}
        table["site"] = table["site"].map(lambda name: numbers.get(name, ""))
    write_parquet(table.reset_index(), attributes_path(dataset))


def dates_of(names: list[str]) -> list[str]:
    """Return the day in each file name, the month of more than MOST days; [] unless four in five names hold one."""
    found = [match.groups() if (match := _DATE.search(PurePosixPath(name).name)) else None for name in names]
    days = ["-".join(item) if item else "" for item in found]
    if not days or sum(bool(day) for day in days) < 0.8 * len(days):
        return []
    return days if len(set(days)) <= MOST else [day[:7] for day in days]


def add_attributes(dataset: Dataset, table: Path) -> dict[str, int]:
    """Keep the columns of a CSV table that names pictures; return how many pictures each column is known of.

    The column with the pictures is the one most of whose values are names of this dataset's pictures as they were
    brought in: with folders, without, or without ending. Raises InputError for a table that can't be read or names no
    picture.
    """
    try:
        head = table.read_bytes()[:4096].decode("utf-8-sig", errors="replace").split("\n", 1)[0]
        between = max(",;\t|", key=head.count)
        rows = pd.read_csv(table, sep=between, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # a UnicodeDecodeError is a ValueError
        raise InputError(f"{table.name} can't be read as a table: {' '.join(str(error).split())[:160]}") from error
    images = dataset.image_table()
    keys = _names(images)
    matched = {name: rows[name].map(lambda value: keys.get(_key(value), "")) for name in rows}
    best = max(matched, key=lambda name: int((matched[name] != "").sum()), default=None)
    if best is None or not (matched[best] != "").any():
        example = str(images["source"].iloc[0]) if len(images) else "a.jpg"
        raise InputError(f"No column of {table.name} names a picture of “{dataset.name}”, such as {example}.")
    columns = [name for name in rows if name != best and str(name).strip()][:MOST]
    if not columns:
        raise InputError(f"{table.name} says nothing but the names: add columns such as site, device or date.")
    kept = rows[columns].apply(lambda column: column.str.strip()).assign(file=matched[best])
    kept.columns = [str(name).strip() for name in kept.columns]
    kept = kept[kept["file"] != ""].drop_duplicates("file")
    path = attributes_path(dataset)
    if path.is_file():
        old = _read(path)
        kept = kept.merge(old[["file", *[name for name in old if name not in kept]]], on="file", how="outer").fillna("")
    write_parquet(kept, path)
    return {name: int((kept[name] != "").sum()) for name in kept if name != "file"}


def told(known: dict[str, int], dataset: Dataset) -> str:
    """Say what is known now, and of how many pictures."""
    total = sum(dataset.images.values())
    return "; ".join(f"{name}: known of {count(number, 'picture')} of {total}" for name, number in known.items())


def _names(images: pd.DataFrame) -> dict[str, str]:
    """Return {name as a table may hold it: file}; a short name only where one picture has it."""
    found: dict[str, str] = {}
    for short in (False, True):
        seen: dict[str, set[str]] = {}
        for file, source in zip(images["file"].astype(str), images["source"].fillna("").astype(str), strict=True):
            for path in (PurePosixPath(source), PurePosixPath(file)):
                names = (path.name, path.stem) if short else (path.as_posix(), path.with_suffix("").as_posix())
                for name in names:
                    seen.setdefault(_key(name), set()).add(file)
        found |= {name: next(iter(files)) for name, files in seen.items() if len(files) == 1 and name not in found}
    return found


def _key(name: str) -> str:
    return str(name).strip().replace("\\", "/").lower()
