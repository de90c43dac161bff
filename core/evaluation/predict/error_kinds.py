"""What kinds of mistakes a detector makes: the six kinds of TIDE.

Source: Bolya et al., "TIDE: A General Toolbox for Identifying Object Detection Errors", ECCV 2020: overlaps of 0.5
count as found, overlaps of 0.1 as near.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

FOUND, NEAR = 0.5, 0.1
KINDS = {
    "class": "right place, wrong class",
    "place": "right class, badly placed",
    "both": "near an object, wrong class and badly placed",
    "duplicate": "one object found twice",
    "background": "a finding where nothing is labelled",
    "missed": "a labelled object missed outright",
}
KINDS_OF_FINDINGS = tuple(kind for kind in KINDS if kind != "missed")


def error_kinds(predictions: pd.DataFrame) -> pd.Series:
    """Return each prediction's kind: "hit" or one of KINDS but "missed"."""
    hit, same, other = predictions["truth"] >= 0, predictions["same_iou"], predictions["other_iou"]
    kinds = np.select(
        [hit, same >= FOUND, other >= FOUND, same >= NEAR, other >= NEAR],
        ["hit", "duplicate", "class", "place", "both"],
        "background",
    )
    return pd.Series(kinds, index=predictions.index, dtype=object)
