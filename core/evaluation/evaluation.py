"""How good a run is on a part of its dataset: the value the pages, the report and the command line read."""

from __future__ import annotations

import dataclasses
import math
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.data.dataset import Dataset
from core.errors import InputError
from core.evaluation.classification import offered_class_correction
from core.evaluation.classifier import Classifier
from core.evaluation.crossfit.correction import OfferedCorrection, load_correction
from core.evaluation.crossfit.expected import Choosing, Expected, expected_of_detector
from core.evaluation.crossfit.rules import MAX_F1, rule_of
from core.evaluation.detection import Detector
from core.evaluation.figures.class_line import ClassLine, line_of
from core.evaluation.figures.figure import Figure, plain_values
from core.evaluation.figures.operating_point import (
    FALLBACK_CONFIDENCE,
    StoredPoint,
    load_operating_point,
    save_operating_point,
)
from core.evaluation.figures.results import PictureMark, SplitFigures
from core.evaluation.loading import known_twins, load_choosing, load_detector, with_attributes
from core.evaluation.pixels import judged_pixels
from core.evaluation.predict.error_kinds import KINDS
from core.evaluation.predict.prediction_arrays import CODES
from core.evaluation.predict.predictions import (
    are_fresh,
    predictions_path,
    present_dataset,
    read_meta,
    truth_path,
)
from core.evaluation.predicting import predict_split
from core.evaluation.review import find_cases, worst_first
from core.evaluation.verdict import twins_sentence
from core.jobs import Report
from core.spec import SPEC_FILE
from core.tasks import TASKS
from core.words import times
from core.workspace import Workspace

FLATTERED = "The model learned from these very pictures: expect flattery."
"""What is said of the training part."""


class Told(NamedTuple):
    """A headline figure as every page tells it, and what it is: the same word stands at the same figure everywhere."""

    figure: Figure
    word: Literal["", "expected", "counted"]
    """expected: of new pictures, corrected for choosing; counted: on these pictures; "" where nothing is corrected"""

    @property
    def clause(self) -> str:
        """The word to stand behind the figure's name: `, expected`."""
        return f", {self.word}" if self.word else ""


@dataclass(frozen=True, kw_only=True)
class Evaluation(SplitFigures):
    """One run on one split at one operating point; every figure, table and sentence shares that point."""

    run: str
    split: str
    task: str
    classes: list[str]
    images: int
    predictions: pd.DataFrame = field(repr=False)
    truth: pd.DataFrame = field(repr=False)
    weights_sha256: str = ""
    """digest of the weights judged"""
    groups: dict[str, str] = field(default_factory=dict, repr=False)
    """{picture: patient, part or other group}, {} where nothing is grouped"""
    test_openings: int | None = None
    """how often the test part was opened, None for other parts"""
    detector: Detector | None = field(default=None, repr=False)
    expected: Expected | None = None
    """the headline corrected for what was chosen on these pictures; None but for the validation part"""
    choosing: Choosing | None = field(default=None, repr=False)
    """what the correction of another line needs"""
    point: StoredPoint | None = None
    """the line stored with the model, and the rule that chose it"""
    classifier: Classifier | None = field(default=None, repr=False)

    @cached_property
    def cases(self) -> pd.DataFrame:
        """Every hit, mistake and miss behind the counts, the worst first (`review.find_cases`); empty to classify."""
        if self.detector is None:
            return pd.DataFrame()
        found = find_cases(self.detector.arrays, self.operating_point.threshold)
        return worst_first(found).reset_index(drop=True)

    def told(self, name: str) -> Told | None:
        """Return a headline figure: what to expect of new pictures where these had a say in a choice, else as counted.

        None where the figure is not known for this task.
        """
        corrected = self.expected is not None and (self.expected.line or self.expected.epoch)
        if corrected and self.expected is not None and name in self.expected.metrics:
            return Told(self.expected.metrics[name], "expected")
        figure = self.metrics.get(name)
        return None if figure is None else Told(figure, "counted" if corrected else "")

    def at(self, confidence: float | None, point: StoredPoint | None = None, *, positive: str = "") -> Evaluation:
        """Return the evaluation at another operating point (0 to 1), without predicting again.

        `point` is what is stored with the model by now, where that has changed. A classifier of two classes names
        `positive` from the confidence on, by default the class of the stored line; without one the likelier class.
        """
        if confidence is not None and not 0 <= confidence <= 1:
            raise InputError(f"The confidence {confidence} is not between 0 and 1.")
        point = point or self.point
        if self.classifier is not None:
            positive = positive or (point.positive if point else "")
            line = None
            if confidence is not None and len(self.classes) == 2 and positive in self.classes:
                line = ClassLine(self.classes.index(positive), confidence)
            figures, predictions, expected = self.classifier.at(line, point)
            return dataclasses.replace(self, **vars(figures), predictions=predictions, expected=expected, point=point)
        if self.detector is None or confidence is None:
            return self
        expected = None
        if self.choosing is not None:
            expected = _expected(self.choosing, self.detector, point, confidence)
        figures = self.detector.at(confidence, expected)
        return dataclasses.replace(self, **vars(figures), expected=expected, point=point)

    def marks(self, file: str) -> list[PictureMark]:
        """Return what to draw on a picture: its labels, then the findings that count."""
        if self.detector is None:
            return []
        arrays, threshold = self.detector.arrays, self.operating_point.threshold
        number = arrays.files.get_loc(file)
        labels = np.flatnonzero(arrays.true_picture == number)
        mine = np.flatnonzero(arrays.picture[: arrays.shown(threshold)] == number)
        marks = [
            PictureMark("truth", self.classes[arrays.true_class[row]], box, math.nan,
                        "found" if arrays.found_at[row] >= threshold else "missed", int(row))
            for row, box in zip(labels, _boxes(arrays.truth, labels), strict=True)
        ]  # fmt: skip
        return marks + [
            PictureMark("prediction", self.classes[arrays.said[row]], box, float(arrays.confidence[row]),
                        CODES[arrays.kind[row]], int(arrays.stored_row[row]))
            for row, box in zip(mine, _boxes(arrays.predictions, mine), strict=True)
        ]  # fmt: skip

    def summary(self) -> dict[str, Any]:
        """Return the figures as plain JSON values, what is not defined as null."""
        names = ("run", "split", "images", "operating_point", "metrics", "per_class", "errors", "calibration", "slices")
        summary: dict[str, Any] = {name: plain_values(getattr(self, name)) for name in names}
        if self.expected is not None:
            summary["expected"] = plain_values(self.expected)
        if self.leak_aware is not None:
            summary["leak_aware"] = plain_values(self.leak_aware)
        if self.detector is not None:
            arrays = self.detector.arrays
            summary["max_det"] = arrays.max_det
            summary["at_limit"] = arrays.at_limit(self.operating_point.threshold)
        if self.test_openings is not None:
            summary["test_openings"] = self.test_openings
        sentences = [*self.sentences, *filter(None, [twins_sentence(self.leak_aware)])]
        return summary | {"sentences": sentences, "words": "\n".join(sentences)}


def _boxes(table: pd.DataFrame, rows: NDArray[np.int64]) -> list[tuple[float, ...]]:
    return [tuple(box) for box in table.iloc[rows][["x1", "y1", "x2", "y2"]].to_numpy(dtype=float).tolist()]


def evaluate_run(
    workspace: Workspace,
    run_id: str,
    split: str = "val",
    *,
    open_test: bool = False,
    progress: Report | None = None,
) -> Evaluation:
    """Evaluate a run's best model on one split, predicting first where that was not done yet.

    The operating point is the stored one; without one for these weights the confidence of the highest F1 on the
    validation part is chosen and stored. A locked test part is only looked at with `open_test`. Each opening, and
    each time a model looks at test pictures, is recorded in the dataset; what was seen by then can be read again
    without. Raises InputError for an unknown run or split, a split without pictures, or a locked test part.
    """
    folder = workspace.run(run_id)
    if not (folder / SPEC_FILE).is_file():
        raise InputError(f"There is no run “{run_id}” in this workspace; `python -m core runs` lists them.")
    dataset = present_dataset(folder)
    ready = predictions_path(folder, split).is_file() and are_fresh(folder, split, dataset)
    openings = _open_test(dataset, open_test=open_test, ready=ready) if split == "test" else None
    if not ready:
        predict_split(workspace, run_id, split, progress)
    meta = with_attributes(read_meta(folder, split), dataset)
    predictions, truth = pd.read_parquet(predictions_path(folder, split)), pd.read_parquet(truth_path(folder, split))
    weights = meta["weights_sha256"]
    correction, detector, classifier = load_correction(folder, weights), None, None
    choosing = load_choosing(folder, split, meta)
    expected, point = None, None
    if TASKS[meta["task"]].names_pictures:
        point = load_operating_point(folder)
        if point is not None and not (point.positive and point.suits(weights)):
            point = None  # of another state of the model
        classifier = Classifier(predictions, truth, meta, known_twins(dataset, split), correction, choosing)
        figures, predictions, expected = classifier.at(line_of(point, meta["classes"]), point)
    elif TASKS[meta["task"]].names_pixels:
        figures = judged_pixels(predictions, truth, meta, known_twins(dataset, split))
    else:
        detector = load_detector(folder, split, dataset, predictions, truth, meta)
        confidence = _operating_confidence(workspace, run_id, split, dataset, detector, weights, progress)
        detector.correct_confidence(correction)
        point = load_operating_point(folder)
        if choosing is not None:
            expected = _expected(choosing, detector, point, confidence)
        figures = detector.at(confidence, expected)
    return Evaluation(
        **vars(figures),
        run=run_id,
        split=split,
        task=meta["task"],
        classes=meta["classes"],
        images=len(meta["images"]),
        predictions=predictions if detector is None else detector.predictions,
        truth=truth,
        weights_sha256=weights,
        groups={item["file"]: group for item in meta["images"] if (group := item.get("group"))},
        test_openings=openings,
        detector=detector,
        expected=expected,
        choosing=choosing,
        point=point,
        classifier=classifier,
    )


def _expected(choosing: Choosing, detector: Detector, point: StoredPoint | None, line: float) -> Expected:
    return expected_of_detector(
        choosing, detector.findings, rule_of(point, line), line, detector.weights, detector.arrays.groups
    )


def offered_correction(evaluation: Evaluation) -> OfferedCorrection | None:
    """Return what would correct how sure the model says it is, None where that does not help, or can't be told.

    Fit it on the validation part only; `correction.save_correction` stores it.
    """
    if evaluation.detector is not None:
        return evaluation.detector.offered_correction(evaluation.operating_point.threshold)
    return offered_class_correction(evaluation.predictions, evaluation.truth, evaluation.classes, evaluation.groups)


def _open_test(dataset: Dataset | None, *, open_test: bool, ready: bool) -> int:
    """Record the opening of the test part; return how often it was opened."""
    if dataset is None:
        return 0  # it was deleted: what was seen of it stays
    if not dataset.images.get("test"):
        return len(dataset.test_openings)
    if dataset.test_locked and not open_test and not ready:
        opened = times(len(dataset.test_openings))
        raise InputError(
            f"The test part of “{dataset.name}” is locked: open it deliberately, once the model is chosen "
            f"(`evaluate RUN --split test`, or on the evaluation page). It was opened {opened} so far."
        )
    if open_test or not ready:
        dataset.test_openings.append(datetime.now(UTC))
        dataset.save()
    return len(dataset.test_openings)


def _operating_confidence(
    workspace: Workspace,
    run_id: str,
    split: str,
    dataset: Dataset | None,
    detector: Detector,
    weights: str,
    progress: Report | None,
) -> float:
    folder = workspace.run(run_id)
    stored = load_operating_point(folder)
    if stored is not None and stored.suits(weights):
        return stored.confidence
    if split == "val":
        confidence = detector.best_confidence()
        with suppress(OSError):  # a full or read-only disk: it is chosen again the next time
            save_operating_point(folder, confidence, chosen_on="val", rule=MAX_F1, weights_sha256=weights)
        return confidence
    if dataset is None or not dataset.images.get("val"):
        return FALLBACK_CONFIDENCE
    on_val = evaluate_run(workspace, run_id, "val", progress=progress).operating_point.confidence
    return FALLBACK_CONFIDENCE if on_val is None else on_val


__all__ = ["KINDS", "Evaluation", "evaluate_run"]
