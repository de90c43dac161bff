"""The doctor: looks an imported dataset over; each check is a pure function that notes what it finds.

Checks of the labels are in checks_labels.py, of the split in checks_splits.py, of copies in leakage.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from core.data.dataset import Dataset, Finding
from core.data.findings.problems import IMPORT_ONLY, Problems, make_finding
from core.data.labels import Labels, read_labels
from core.data.writing import read_copies


@dataclass(frozen=True)
class Examined:
    """What the checks look at: the dataset, its image table, all labels as arrays, near-copies as table rows."""

    dataset: Dataset
    table: pd.DataFrame
    labels: Labels
    copies: list[tuple[int, int]]


def check_dataset(dataset: Dataset) -> list[Finding]:
    """Run every check on the imported copy and return all findings, gravest first.

    What only the import could see (pictures that were unreadable, rows left out) is carried over from
    `dataset.findings`. Nothing is written.
    """
    from core.data.checks.labels import LABEL_CHECKS
    from core.data.checks.splits import SPLIT_CHECKS

    table = dataset.image_table()
    examined = Examined(dataset, table, read_labels(dataset, table), copies_by_row(dataset, table))
    problems = Problems()
    for check in (*LABEL_CHECKS, *SPLIT_CHECKS):
        check(examined, problems)
    fresh = problems.findings()
    kept = [
        make_finding(item.code, item.count, item.examples).model_copy(update={"message": item.message})
        for item in dataset.findings
        if item.code in IMPORT_ONLY
    ]
    rank = {"error": 0, "warning": 1, "info": 2}
    return sorted([*fresh, *kept], key=lambda item: rank[item.severity.value])


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
