"""Pictures without any label: they can be looked at, labelled and predicted on; their names may hold a class."""

from __future__ import annotations

from collections import Counter

from core.data.findings.problems import Problems
from core.data.reading.choices import Option
from core.data.reading.file_names import classes_in_names
from core.data.reading.source_dataset import SourceDataset, SourceImage, SourceObject, split_of
from core.data.reading.tree import Tree
from core.tasks import Task
from core.words import count

NAME = "pictures"
LAYOUT = "pictures alone (to be labelled, to look at, or with the class in each name: dent_12.png)"
SUSPECTS = (".txt", ".xml", ".json", ".csv", ".xlsx", ".yaml", ".yml", ".tsv", ".mat", ".npy", ".npz", ".jsonl",
            ".ndjson", ".parquet", ".arrow", ".feather", ".tfrecord", ".tfrecords", ".record", ".h5", ".hdf5", ".mdb",
            ".rec", ".manifest", ".geojson", ".roi", ".xls", ".ods", ".vott", ".pkl", ".cls")  # fmt: skip
"""Files that hold labels more often than not: pictures beside one of these are not taken for unlabelled in silence."""
KEY, CLASSES, ALONE = "names", "classes", "alone"
MOST_TOLD = 6
"""Classes a question names."""


def detect(tree: Tree) -> float:
    """Return 0.1 when there are pictures and nothing else that might hold labels."""
    suspects = tree.with_suffix(*SUSPECTS)
    return 0.1 if tree.pictures and not suspects else 0.0


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read the pictures with no objects, and with the class in their names where the user says that it is one."""
    named = classes_in_names(tree.pictures) if task in (None, "classify") else {}
    if named and _are_classes(tree, named):
        classes = sorted(set(named.values()))
        index = {name: number for number, name in enumerate(classes)}
        images = [
            SourceImage(tree.files[name], name, split_of(name), [SourceObject(index[said])])
            for name, said in named.items()
        ]
        return SourceDataset(NAME, "classify", classes, images, Problems(), dict(index))
    return unlabelled(tree, task)


def unlabelled(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read the pictures with no objects and no classes, whatever lies beside them."""
    images = [SourceImage(tree.files[name], name, split_of(name), labelled=False) for name in tree.pictures]
    return SourceDataset(NAME, task or "detect", [], images, Problems())


def _are_classes(tree: Tree, named: dict[str, str]) -> bool:
    times = Counter(named.values())
    told = ", ".join(f"{name} {times[name]}" for name in sorted(times)[:MOST_TOLD])
    told += f" and {len(times) - MOST_TOLD} more" if len(times) > MOST_TOLD else ""
    options = [
        Option(CLASSES, f"yes, each picture is of the kind its name says: {told}"),
        Option(ALONE, f"no, they are {count(len(named), 'picture')} without labels, to be labelled here or looked at"),
    ]
    question = f"Nothing but the names of the pictures tells them apart ({next(iter(named))}). Are these their classes?"
    return tree.choices.ask(KEY, question, options) == CLASSES
