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
    boxes: list[tuple[float, float, float, float]] = []
    texts: list[str] = []
    has_file = np.ones(len(table), dtype=bool)
    index = {name: number for number, name in enumerate(dataset.classes)}
    for row, file in enumerate(table["file"]):
        if TASKS[dataset.task].has_class_folders:
            rows.append(row)
            classes.append(index[file.split("/")[1]])
            boxes.append((0.5, 0.5, 1.0, 1.0))
            texts.append("")
            continue
        with reading_label(dataset.label_path(file)):
            text = dataset.label_text(file)
            if text is None:
                has_file[row] = False
                continue
            for line in text.splitlines():
                parts = line.split()
                if not parts:
                    continue
                values = [float(part) for part in parts[1:]]
                if TASKS[dataset.task].has_polygons:
                    x, y = values[0::2], values[1::2]
                    left, right, top, bottom = min(x), max(x), min(y), max(y)
                    box = ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
                else:
                    box = (values[0], values[1], values[2], values[3])
                rows.append(row)
                classes.append(int(parts[0]))
                boxes.append(box)
                texts.append(line)
    return Labels(
        np.array(rows, dtype=np.int64),
        np.array(classes, dtype=np.int64),
        np.array(boxes, dtype=np.float64).reshape(-1, 4),
        texts,
        has_file,
    )
