"""The doctor: looks an imported dataset over; each check is a pure function that notes what it finds.

Checks of the labels are in labels.py, of the split in splits.py; how copies are found stands in core/data/leakage.py.
"""

from __future__ import annotations

from core.data.checks.examined import Examined, copies_by_row
from core.data.checks.labels import LABEL_CHECKS
from core.data.checks.splits import SPLIT_CHECKS
from core.data.dataset import Dataset, Finding
from core.data.findings.problems import IMPORT_ONLY, Problems, make_finding
from core.data.labels import read_labels


def check_dataset(dataset: Dataset) -> list[Finding]:
    """Run every check on the imported copy and return all findings, gravest first.

    What only the import could see (pictures that were unreadable, rows left out) is carried over from
    `dataset.findings`. Nothing is written.
    """
    table = dataset.image_table()
    examined = Examined(dataset, table, read_labels(dataset, table), copies_by_row(dataset, table))
    problems = Problems()
    for check in (*LABEL_CHECKS, *SPLIT_CHECKS):
        check(examined, problems)
    fresh = problems.findings()
    kept = [
        make_finding(item.code, item.count, item.files or item.examples).model_copy(update={"message": item.message})
        for item in dataset.findings
        if item.code in IMPORT_ONLY
    ]
    rank = {"error": 0, "warning": 1, "info": 2}
    return sorted([*fresh, *kept], key=lambda item: rank[item.severity.value])
