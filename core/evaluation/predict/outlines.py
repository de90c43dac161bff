"""What is drawn of labels and predictions beyond their boxes: outlines of masks, turned boxes, key points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.data.dataset import Dataset
from core.data.objects import LabelledObject
from core.evaluation.predict.matching import box_iou
from core.evaluation.predict.predictions import shapes_path

Points = NDArray[np.float64]
_SAME = 0.5
"""Overlap from which a label of the file is the object that was judged."""


def predicted_shapes(run_folder: Path, split: str, file: str) -> dict[int, Points]:
    """Return {row of the stored predictions: (n, 2) points in pixels} of one picture, {} when only boxes are known."""
    path = shapes_path(run_folder, split)
    if not path.is_file():
        return {}
    table = pd.read_parquet(path, filters=[("file", "==", file)])
    return {
        int(row): np.asarray(points, dtype=float).reshape(-1, 2)
        for row, points in zip(table["row"], table["points"], strict=True)
    }


def labelled_shapes(dataset: Dataset, file: str, width: int, height: int, boxes: Points) -> list[LabelledObject | None]:
    """Return for each labelled object, given as (n, 4) boxes in pixels, the label with its outline or key points.

    Labels given twice are judged once, so they are found again by their boxes; None for one that isn't found.
    """
    objects = [item for item in dataset.labelled_image(file, width, height).objects if item.box is not None]
    if not objects or not len(boxes):
        return [None] * len(boxes)
    centres = np.array([item.box for item in objects]) * np.array([width, height, width, height])
    known = np.hstack([centres[:, :2] - centres[:, 2:] / 2, centres[:, :2] + centres[:, 2:] / 2])
    overlaps = box_iou(np.asarray(boxes, dtype=float), known)
    return [objects[int(row.argmax())] if row.max() >= _SAME else None for row in overlaps]
