"""All labels of a dataset as arrays, for checks and figures that look at every object at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.data.dataset import Dataset, reading_label
from core.tasks import TASKS


@dataclass(frozen=True)
class Labels:
    """One entry per object: row of the image table, class, enclosing box as fractions, and the text of its row."""

    row: NDArray[np.int64]
    class_id: NDArray[np.int64]
    box: NDArray[np.float64]
    """(n, 4) centre x, centre y, width, height; whole picture for classify"""
    text: list[str]
    has_file: NDArray[np.bool_]
    """one entry per picture: is there a label text at all"""


def read_labels(dataset: Dataset, table: pd.DataFrame | None = None) -> Labels:
    """Read every label text of the dataset, in the order of its image table."""
    table = dataset.image_table() if table is None else table
    rows: list[int] = []
    classes: list[int] = []
    boxes: list[NDArray[np.float64]] = []
    texts: list[str] = []
    has_file = np.ones(len(table), dtype=bool)
    index = {name: number for number, name in enumerate(dataset.classes)}
    for row, file in enumerate(table["file"]):
        if TASKS[dataset.task].has_class_folders:
            rows.append(row)
            classes.append(index[file.split("/")[1]])
            boxes.append(np.array([[0.5, 0.5, 1.0, 1.0]]))
            texts.append("")
            continue
        with reading_label(dataset.label_path(file)):
            text = dataset.label_text(file)
            if text is None:
                has_file[row] = False
                continue
            lines = [line for line in text.splitlines() if line.strip()]
            classes += [int(line.split(None, 1)[0]) for line in lines]
            boxes.append(_boxes(lines, outlines=TASKS[dataset.task].has_polygons))
        rows += [row] * len(lines)
        texts += lines
    return Labels(
        np.array(rows, dtype=np.int64),
        np.array(classes, dtype=np.int64),
        np.concatenate([np.zeros((0, 4)), *boxes]),
        texts,
        has_file,
    )


def _boxes(lines: list[str], *, outlines: bool) -> NDArray[np.float64]:
    """Return (n, 4) enclosing boxes of the rows of a label text."""
    if not outlines:
        return np.array([line.split(None, 5)[1:5] for line in lines], dtype=np.float64).reshape(len(lines), 4)
    found = np.empty((len(lines), 4))
    for place, line in enumerate(lines):
        points = np.array(line.split()[1:], dtype=np.float64).reshape(-1, 2)
        low, high = points.min(axis=0), points.max(axis=0)
        found[place] = *((low + high) / 2), *(high - low)
    return found
