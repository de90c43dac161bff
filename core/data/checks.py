"""The doctor: every check of an imported dataset, each a pure function that gives a finding or none."""

from __future__ import annotations

from core.data.dataset import Dataset, Finding
from core.data.problems import make_finding


def check_dataset(dataset: Dataset) -> list[Finding]:
    """Run every check anew and return all findings, those of the import that no check can repeat included."""
    found = list(dataset.findings)
    known = {item.code for item in found}
    if sum(dataset.instances.values()) == 0 and "no-labels" not in known:
        found.append(make_finding("no-labels", sum(dataset.images.values()), []))
    return found
