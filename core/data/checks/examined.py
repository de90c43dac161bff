"""What the checks look at: the dataset, its image table, all labels as arrays, and pictures that show the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from core.data.copies import read_copies
from core.data.dataset import Dataset
from core.data.findings.problems import Problems
from core.data.labels import Labels


@dataclass(frozen=True)
class Examined:
    """What the checks look at: the dataset, its image table, all labels as arrays, near-copies as table rows."""

    dataset: Dataset
    table: pd.DataFrame
    labels: Labels
    copies: list[tuple[int, int]]


def copies_by_row(dataset: Dataset, table: pd.DataFrame) -> list[tuple[int, int]]:
    """Return pairs of rows of the image table that show the same picture though their files differ."""
    rows: dict[str, int] = {}
    for row, digest in enumerate(table["sha256"]):
        rows.setdefault(digest, row)
    return sorted(
        (min(rows[one], rows[other]), max(rows[one], rows[other]))
        for one, other in read_copies(dataset)
        if one in rows and other in rows
    )


Check = Callable[[Examined, Problems], None]
"""One check: it notes what it finds, at most one kind of finding, with the pictures it concerns."""
