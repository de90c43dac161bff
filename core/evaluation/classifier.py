"""A classifier's answers on one split: all figures at one line, as `detection.Detector` gives them of a detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from core.evaluation.classification import classified
from core.evaluation.crossfit.correction import Correction
from core.evaluation.crossfit.counts import Findings
from core.evaluation.crossfit.expected import Choosing, ChosenLine, Expected, expected_of_classifier
from core.evaluation.crossfit.rules import rule_of
from core.evaluation.figures.class_line import ClassLine, named_by
from core.evaluation.figures.operating_point import StoredPoint
from core.evaluation.figures.results import SplitFigures
from core.evaluation.predict.predictions import PredictionMeta


class AtLine(NamedTuple):
    """What a classifier is worth at a line."""

    figures: SplitFigures
    predictions: pd.DataFrame
    """with the class and the confidence of what is named at the line"""
    expected: Expected | None


@dataclass(frozen=True)
class Classifier:
    """What a classifier said of the pictures of a split, and what they are labelled."""

    predictions: pd.DataFrame
    """as stored: `class_id` is the likeliest class"""
    truth: pd.DataFrame
    meta: PredictionMeta
    twins: list[str]
    correction: Correction | None = None
    choosing: Choosing | None = None

    def at(self, line: ClassLine | None, point: StoredPoint | None = None) -> AtLine:
        """Return what of an evaluation depends on the line.

        Without a line each picture is named by its likeliest class. `point` is the line stored with the model: only
        one that was chosen on these pictures by a rule can be corrected for that.
        """
        predictions = named_by(self.predictions, line)
        expected = self._expected(predictions, line, point)
        figures = classified(predictions, self.truth, self.meta, self.twins, self.correction, expected, line)
        return AtLine(figures, predictions, expected)

    def _expected(
        self, predictions: pd.DataFrame, line: ClassLine | None, point: StoredPoint | None
    ) -> Expected | None:
        """Return what to expect of new pictures, over the pictures of the part in their order."""
        if self.choosing is None:
            return None
        files = pd.Index([item["file"] for item in self.meta["images"]])
        numbers = files.get_indexer(pd.Index(predictions["file"].astype(str)))
        truth = self.truth["class_id"].to_numpy(dtype=int)
        right = np.zeros(len(files), dtype=bool)
        right[numbers] = predictions["class_id"].to_numpy(dtype=int) == truth
        if line is None:
            return expected_of_classifier(self.choosing, right)
        likely, positive = np.zeros(len(files)), np.zeros(len(files), dtype=bool)
        likely[numbers] = np.nan_to_num(predictions[f"p{line.positive}"].to_numpy(dtype=float))
        positive[numbers] = truth == line.positive
        findings = Findings(likely, positive, np.arange(len(files)), positive.astype(float))
        return expected_of_classifier(self.choosing, right, ChosenLine(findings, rule_of(point, line.confidence)))
