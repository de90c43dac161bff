"""Pictures without any label: they can be looked at, windowed and predicted on, not trained on."""

from __future__ import annotations

from core.data.findings.problems import Problems
from core.data.reading.source_dataset import SourceDataset, SourceImage, split_of
from core.data.reading.tree import Tree
from core.tasks import Task

NAME = "pictures"
LAYOUT = "pictures alone (to be labelled, or to look at)"
SUSPECTS = (".txt", ".xml", ".json", ".csv", ".xlsx", ".yaml", ".yml", ".tsv", ".mat", ".npy", ".npz", ".jsonl",
            ".ndjson", ".parquet", ".arrow", ".feather", ".tfrecord", ".tfrecords", ".record", ".h5", ".hdf5", ".mdb",
            ".rec", ".manifest", ".geojson", ".roi", ".xls", ".ods", ".vott", ".pkl", ".cls")  # fmt: skip
"""Files that hold labels more often than not: pictures beside one of these are not taken for unlabelled in silence."""


def detect(tree: Tree) -> float:
    """Return 0.1 when there are pictures and nothing else that might hold labels."""
    suspects = tree.with_suffix(*SUSPECTS)
    return 0.1 if tree.pictures and not suspects else 0.0


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read the pictures with no objects and no classes."""
    images = [SourceImage(tree.files[name], name, split_of(name), labelled=False) for name in tree.pictures]
    return SourceDataset(NAME, task or "detect", [], images, Problems())
