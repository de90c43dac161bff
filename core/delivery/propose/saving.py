"""From which confidence on taking a model's proposals over saves the most work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.figures.operating_point import line_at_highest
from core.evaluation.predict.matching import from_bits
from core.evaluation.predict.predictions import predictions_path

USABLE = 4
"""Place in IOU_THRESHOLDS (0.7) of the overlap (IoU) from which a proposal stays as it is.

One that overlaps by 0.5 or more is put right by drawing the thing, as it would have been drawn without it.
"""


def line_that_saves(run_folder: Path | None, fallback: float) -> float:
    """Return the confidence (0 to 1) at which accepting all proposals above it saves the most work.

    Counted on the validation pictures of the run: a proposal that can stay saves one drawing, a false one costs one
    deletion. `fallback` where there are no such predictions, or where taking over never pays.
    """
    path = predictions_path(run_folder, "val") if run_folder else None
    if path is None or not path.is_file():
        return fallback
    table = pd.read_parquet(path)
    if not {"confidence", "task_tp"} <= set(table.columns):
        return fallback
    right = from_bits(table["task_tp"].to_numpy(dtype=np.int64))
    saved = right[:, USABLE].astype(np.int64) - ~right[:, 0]
    return best_line(table["confidence"].to_numpy(dtype=float), saved, fallback)


def best_line(confidence: NDArray[np.float64], saved: NDArray[np.int64], fallback: float) -> float:
    """Return the line above which the sum of `saved` is highest, `fallback` where it is nowhere above 0.

    `saved` says per finding what taking it over saves: 1, 0 or -1.
    """
    usable = np.isfinite(confidence)
    confidence, saved = confidence[usable], saved[usable]
    order = np.argsort(-confidence, kind="stable")
    if not len(order):
        return fallback
    line, most = line_at_highest(confidence[order], np.cumsum(saved[order]))
    return line if most > 0 else fallback
