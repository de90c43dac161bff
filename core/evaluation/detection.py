"""Everything Graft says about a detector of boxes, masks, keypoints or rotated boxes, from stored predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.crossfit.correction import (
    Correction,
    OfferedCorrection,
    TriedCorrection,
    best_offered,
    try_corrections,
)
from core.evaluation.crossfit.counts import Findings
from core.evaluation.crossfit.expected import Expected
from core.evaluation.figures.cached_figures import CachedFigures, work_out_figures
from core.evaluation.figures.calibration import DETECTIONS_FROM, Calibration, calibration, sure_answers
from core.evaluation.figures.error_budget import error_budget
from core.evaluation.figures.figure import Figure
from core.evaluation.figures.intervals import count_units, draw, exact, exact_ratio, group_members, ratio_interval
from core.evaluation.figures.metrics import f1, ratio
from core.evaluation.figures.operating_point import IOU, OperatingPoint, best_f1_confidence
from core.evaluation.figures.results import NO_OBJECT, ClassFigures, FiguresWithoutTwins, SplitFigures
from core.evaluation.figures.slices import Slices, object_cuts
from core.evaluation.predict.prediction_arrays import CODES, PredictionArrays
from core.evaluation.predict.predictions import PredictionMeta
from core.evaluation.review import confusion
from core.evaluation.verdict import detection_sentences

Table = NDArray[np.float32]


class Detector:
    """A detector's predictions and labels on one split; `at` gives all figures at one operating point."""

    def __init__(
        self,
        predictions: pd.DataFrame,
        truth: pd.DataFrame,
        meta: PredictionMeta,
        cached: CachedFigures | None = None,
        twins: Sequence[str] = (),
    ) -> None:
        """Prepare what doesn't depend on the operating point; `cached` saves working it out anew.

        `twins` are the pictures with a near twin in train.
        """
        self.arrays = PredictionArrays(predictions, truth, meta)
        self.predictions, self.truth, self.images = self.arrays.predictions, self.arrays.truth, self.arrays.images
        self.task, self.classes, self.imgsz = self.arrays.task, self.arrays.classes, self.arrays.imgsz
        self.unusable, self.grouped = self.arrays.unusable, self.arrays.groups is not None
        self.weights = draw(len(self.images), self.arrays.groups)
        self.units = count_units(len(self.images), self.arrays.groups)
        self._member = group_members(len(self.images), self.arrays.groups)
        self._by_group = np.argsort(self._member, kind="stable")
        self._group_starts = np.flatnonzero(np.diff(self._member[self._by_group], prepend=-1))
        self.figures_are_new = cached is None
        self.cached = cached or work_out_figures(self.arrays, self.weights, twins)
        self.calibration = self.cached.calibration
        cuts = object_cuts(self.arrays)
        self._slices = Slices(cuts, self.arrays.true_picture, self.weights, self.units, "recall")
        self._objects = self.arrays.table(self.arrays.true_picture, self.arrays.true_class)
        self._drawn_objects = self.weights @ self._objects
        self._alone = ~self.images["file"].isin(set(self.cached.twins)).to_numpy(dtype=bool)

    @property
    def findings(self) -> Findings:
        """All findings, flat, as the cross-fitting takes them."""
        arrays = self.arrays
        objects = arrays.by_picture(arrays.true_picture).astype(float)
        return Findings(arrays.confidence, arrays.hit, arrays.picture, objects)

    def best_confidence(self) -> float:
        """Return the confidence of the highest F1 over all findings."""
        return best_f1_confidence(self.arrays.confidence, self.arrays.hit, len(self.truth))

    def offered_correction(self, line: float) -> OfferedCorrection | None:
        """Return the correction that helps these findings, None where none does, see `crossfit.correction`."""
        kept = self.arrays.confidence >= DETECTIONS_FROM
        return best_offered(self._tried, self.arrays.hit[kept], self.arrays.confidence[kept] >= line)

    @cached_property
    def _tried(self) -> list[TriedCorrection]:
        """The forms of a correction, fitted once: only what they are worth follows the line."""
        kept = self.arrays.confidence >= DETECTIONS_FROM
        unit = self._member[self.arrays.picture[kept]]
        return try_corrections(self.arrays.confidence[kept], self.arrays.hit[kept], unit)

    def correct_confidence(self, correction: Correction | None) -> None:
        """Add to the calibration how it is after the correction; None takes it away."""
        self.calibration = self.cached.calibration
        if correction is not None:
            kept = self.arrays.confidence >= DETECTIONS_FROM
            said = correction.of(self.arrays.confidence[kept])
            after = calibration(said, self.arrays.hit[kept], self.arrays.picture[kept], self.weights)
            self.calibration = self.calibration.with_scaled(correction.temperature, correction.bias, after)

    def _calibration_at(self, count: int) -> Calibration:
        """Return the calibration with what the first `count` findings, those that are given, say of themselves."""
        arrays = self.arrays
        shown = arrays.confidence[:count], arrays.hit[:count], arrays.picture[:count]
        return replace(self.calibration, sure=sure_answers(*shown, self.weights, self.units))

    def at(self, confidence: float, expected: Expected | None = None) -> SplitFigures:
        """Return all figures, tables and sentences when findings of at least this confidence count.

        `expected` is what to expect on new pictures, where the line or the model was chosen on these.
        """
        arrays, cached = self.arrays, self.cached
        count = arrays.shown(confidence)
        hits = arrays.table(arrays.picture[:count][arrays.hit[:count]], arrays.said[:count][arrays.hit[:count]])
        named = arrays.table(arrays.picture[:count], arrays.said[:count])
        metrics, per_class = self._counts(hits, named)
        missed = arrays.found_at < confidence
        figures = SplitFigures(
            operating_point=OperatingPoint(float(confidence), IOU),
            metrics={**cached.overall, **metrics.figures},
            per_class={
                name: replace(item, figures={**cached.per_class.get(name, {}), **item.figures})
                for name, item in per_class.items()
            },
            errors=error_budget(arrays, confidence, cached.costs),
            calibration=self._calibration_at(count),
            slices=self._slices.measure(~missed),
            confusion=self._confusion(confidence),
            curves=cached.curves,
            pictures=self._pictures(count, missed),
            leak_aware=self._without_twins(hits, named),
        )
        verdict, steps = detection_sentences(figures, self.arrays, missed, expected)
        return replace(figures, sentences=verdict + steps, next_steps=steps)

    def _counts(self, hits: Table, named: Table) -> tuple[ClassFigures, dict[str, ClassFigures]]:
        """Return the figures over all classes, and those of each."""
        objects = self._objects
        drawn = [self.weights @ hits, self.weights @ named, self._drawn_objects]
        units = [self._units(table) for table in (named, objects)]
        per_class = {
            name: self._figures([table[:, index] for table in (hits, named, objects)], [d[:, index] for d in drawn], [
                part[index] for part in units])
            for index, name in enumerate(self.classes)
        }  # fmt: skip
        whole = [self._units(table.sum(axis=1, keepdims=True))[0] for table in (named, objects)]
        metrics = self._figures(
            [table.sum(axis=1) for table in (hits, named, objects)], [d.sum(axis=1) for d in drawn], whole
        )
        with_objects, with_findings = objects.sum(axis=1) > 0, named.sum(axis=1) > 0
        for name, right, asked in (
            ("picture sensitivity", with_objects & with_findings, with_objects),
            ("picture specificity", ~with_objects & ~with_findings, ~with_objects),
        ):
            metrics.figures[name] = self._exact_share(right.astype(np.float32), asked.astype(np.float32))
        return metrics, per_class

    def _units(self, table: Table) -> list[int]:
        """Return how many pictures, or groups, hold something of each column."""
        held = table > 0
        if self.arrays.groups is not None:
            held = np.logical_or.reduceat(held[self._by_group], self._group_starts, axis=0)
        return [int(value) for value in held.sum(axis=0)]

    def _share(self, hits: Table, totals: Table) -> Figure:
        with np.errstate(invalid="ignore", divide="ignore"):
            draws = (self.weights @ hits) / (self.weights @ totals)
        found, whole = float(hits.sum()), float(totals.sum())
        return Figure(ratio(found, whole), *ratio_interval(draws, found, whole, self._units(totals[:, None])[0]))

    def _exact_share(self, hits: Table, totals: Table) -> Figure:
        """Return a share of whole pictures by the rule that decisions go by (Clopper and Pearson)."""
        found, whole = float(hits.sum()), float(totals.sum())
        if self.arrays.groups is None:  # pictures are independent of each other: nothing has to be drawn
            return Figure(ratio(found, whole), *exact(found, whole))
        with np.errstate(invalid="ignore", divide="ignore"):
            draws = (self.weights @ hits) / (self.weights @ totals)
        return Figure(ratio(found, whole), *exact_ratio(draws, found, whole, self._units(totals[:, None])[0]))

    @staticmethod
    def _figures(tables: list[Table], drawn: list[Table], units: list[int]) -> ClassFigures:
        """Return precision, recall, F1 and counts from hits, findings and objects, one number per picture each."""
        hits, named, objects = (float(table.sum()) for table in tables)
        figures: dict[str, Figure] = {}
        with np.errstate(invalid="ignore", divide="ignore"):
            for name, draws, whole, held in (
                ("precision", drawn[0] / drawn[1], named, units[0]),
                ("recall", drawn[0] / drawn[2], objects, units[1]),
            ):
                figures[name] = Figure(ratio(hits, whole), *ratio_interval(draws, hits, whole, held))
            middle = (named + objects) / 2  # F1 is the share of hits in the mean of findings and objects
            score = ratio_interval(2 * drawn[0] / (drawn[1] + drawn[2]), hits, middle if objects else 0, max(units))
        value = f1(figures["precision"].value if named else 0.0, figures["recall"].value) if objects else np.nan
        figures["F1"] = Figure(float(value), *score)
        return ClassFigures(figures, int(objects), int(hits), int(named - hits))

    def _without_twins(self, hits: Table, named: Table) -> FiguresWithoutTwins | None:
        """Return the headline without the pictures that have near twins in train; None when there are none."""
        twins = len(self.cached.twins)
        if not twins:
            return None
        alone = self._alone.astype(np.float32)
        tables = [table.sum(axis=1) * alone for table in (hits, named, self._objects)]
        units = [self._units(table[:, None])[0] for table in tables[1:]]
        figures = self._figures(tables, [self.weights @ table for table in tables], units).figures
        metrics = {name: figures[name] for name in ("recall", "precision", "F1")}
        return FiguresWithoutTwins(twins, int(self._alone.sum()), {**self.cached.without_twins, **metrics})

    def _confusion(self, confidence: float) -> pd.DataFrame:
        """Return counts: one row per labelled class, one column per predicted one, NO_OBJECT last in both."""
        names = [*self.classes, NO_OBJECT]
        return pd.DataFrame(
            confusion(self.arrays, confidence),
            index=pd.Index(names, name="truth"),
            columns=pd.Index(names, name="prediction"),
        )

    def _pictures(self, count: int, missed: NDArray[np.bool_]) -> pd.DataFrame:
        """Return one row per picture, the worst first: objects, hits, misses, false alarms, wrong classes."""
        arrays, pictures = self.arrays, len(self.images)
        where, hit, kind = arrays.picture[:count], arrays.hit[:count], arrays.kind[:count]
        wrong = np.where(hit, 0.0, arrays.confidence[:count])

        def counted(rows: NDArray[np.int64]) -> NDArray[np.int64]:
            return np.bincount(rows, minlength=pictures)

        table = self.images[[name for name in ("file", "source") if name in self.images]].copy()
        table["objects"] = counted(arrays.true_picture)
        table["hits"] = counted(where[hit])
        table["misses"] = counted(arrays.true_picture[missed])
        table["false_alarms"] = counted(where[~hit])
        table["wrong_class"] = counted(where[kind == CODES.index("class")])
        table["near_misses"] = counted(where[kind == CODES.index("place")])
        table["badness"] = table["misses"] + np.bincount(where, weights=wrong, minlength=pictures)
        return table.sort_values("badness", ascending=False, kind="stable").reset_index(drop=True)
