"""Stored predictions and labels as sorted integer arrays, so that every operating point costs milliseconds.

What a prediction is matched to, and hence the kind of its mistake, doesn't depend on the operating point: it is coded
once. Predictions lie in order of falling confidence, so those that count are the first `shown(confidence)` ones.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.predict.error_kinds import KINDS_OF_FINDINGS, error_kinds
from core.evaluation.predict.predictions import PredictionMeta
from core.spec import USUAL_MAX_DET

Ints = NDArray[np.int64]
CODES = ("hit", *KINDS_OF_FINDINGS)
"""What `kind` holds, by number."""
_MOST_OBJECTS = 1 << 24
"""More than one picture can hold; separates pictures in a joint key."""


class PredictionArrays:
    """The predictions and labels of one split; all indices are rows of `predictions`, `truth` or `images`."""

    def __init__(self, predictions: pd.DataFrame, truth: pd.DataFrame, meta: PredictionMeta) -> None:
        """Sort and code; predictions whose confidence is not a number are left out and counted in `unusable`."""
        confidence = predictions["confidence"].to_numpy(dtype=float)
        finite = np.isfinite(confidence)
        self.unusable = int((~finite).sum())
        kept = np.flatnonzero(finite)
        order = kept[np.argsort(-confidence[kept], kind="stable")]
        self.predictions = predictions.iloc[order].reset_index(drop=True)
        self.stored_row: Ints = order
        """where each prediction lies in the stored table"""
        self.truth = truth
        self.task, self.classes = meta["task"], list(meta["classes"])
        self.imgsz = int(meta.get("imgsz", 640))
        self.max_det = int(meta.get("max_det", USUAL_MAX_DET))
        """findings kept per picture, at most"""
        self.images = pd.DataFrame(meta["images"])
        files = self.files = pd.Index(self.images["file"].astype(str))
        self.groups: list[str] | None = None
        if "group" in self.images:
            names = self.images["group"].fillna("").astype(str).tolist()
            self.groups = names if any(names) else None
        self.confidence = confidence[order]
        self.picture: Ints = files.get_indexer(pd.Index(self.predictions["file"].astype(str))).astype(np.int64)
        self.true_picture: Ints = files.get_indexer(pd.Index(truth["file"].astype(str))).astype(np.int64)
        self.said: Ints = self.predictions["class_id"].to_numpy(dtype=np.int64)
        self.true_class: Ints = truth["class_id"].to_numpy(dtype=np.int64)
        self._keys = self.true_picture * _MOST_OBJECTS + truth["object"].to_numpy(dtype=np.int64)
        self._by_key = np.argsort(self._keys, kind="stable")
        self.hit_row = self._rows("truth")
        self.same_row, self.other_row = self._rows("same_truth"), self._rows("other_truth")
        kinds = pd.Categorical(error_kinds(self.predictions), categories=CODES)
        self.kind: Ints = np.asarray(kinds.codes, dtype=np.int64)
        self.hit: NDArray[np.bool_] = self.hit_row >= 0
        self.found_at = self._highest(self.hit, self.hit_row)
        """confidence with which each object is found, -1 for never"""
        self.named_at = self._highest(self.kind == CODES.index("class"), self.other_row)
        """highest confidence with which each object is given a wrong name, -1 for never"""
        placed = self._highest(self.kind == CODES.index("place"), self.same_row)
        self.explained_at = np.maximum(np.maximum(self.found_at, self.named_at), placed)
        """the same for any explanation TIDE accepts: found, wrong name, badly placed"""

    def size_of(self, file: str) -> tuple[int, int]:
        """Return width and height of a picture in pixels."""
        place = int(self.files.get_indexer(pd.Index([file]))[0])
        width, height = self.images[["width", "height"]].to_numpy(dtype=float)[place]
        return int(width), int(height)

    def shown(self, confidence: float) -> int:
        """Return how many predictions reach a confidence; they are the first ones."""
        return int(np.searchsorted(-self.confidence, -confidence, side="right"))

    def at_limit(self, confidence: float) -> int:
        """Return in how many pictures as many findings reach a confidence as are kept at most: there may be more."""
        return int((self.by_picture(self.picture[: self.shown(confidence)]) >= self.max_det).sum())

    def table(self, pictures: Ints, classes: Ints) -> NDArray[np.float32]:
        """Return how many of each class a picture holds, (pictures, classes)."""
        shape = len(self.images), len(self.classes)
        flat = np.bincount(pictures * shape[1] + classes, minlength=shape[0] * shape[1])
        return flat.reshape(shape).astype(np.float32)

    def by_picture(self, pictures: Ints) -> NDArray[np.float32]:
        """Return how often each picture is named."""
        return np.bincount(pictures, minlength=len(self.images)).astype(np.float32)

    def sides(self) -> NDArray[np.float64]:
        """Return the side of a square of each labelled object's area, in pixels."""
        if "area" in self.truth:
            area = self.truth["area"].to_numpy(dtype=np.float64)
        else:
            width, height = (self.truth[f"{axis}2"] - self.truth[f"{axis}1"] for axis in ("x", "y"))
            area = (width * height).to_numpy(dtype=np.float64)
        sides: NDArray[np.float64] = np.sqrt(np.clip(area, 0, None))
        return sides

    def _rows(self, column: str) -> Ints:
        """Return the row of the labels that a prediction's object number stands for, -1 for none."""
        numbers = self.predictions[column].to_numpy(dtype=np.int64)
        if not len(self._keys):
            return np.full(len(numbers), -1, dtype=np.int64)
        wanted = self.picture * _MOST_OBJECTS + numbers
        ordered = self._keys[self._by_key]
        place = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
        return np.where((numbers >= 0) & (ordered[place] == wanted), self._by_key[place], -1)

    def _highest(self, chosen: NDArray[np.bool_], rows: Ints) -> NDArray[np.float64]:
        """Return for each labelled object the highest confidence of the chosen predictions that point to it."""
        best = np.full(len(self.truth), -1.0)
        chosen = chosen & (rows >= 0)
        np.maximum.at(best, rows[chosen], self.confidence[chosen])
        return best
