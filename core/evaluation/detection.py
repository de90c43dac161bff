"""Everything Graft says about a detector of boxes, masks, keypoints or rotated boxes, from stored predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.curves import precision_recall_curves, thinned, threshold_curve
from core.evaluation.errors import error_budget, error_costs, error_kinds, missed_objects
from core.evaluation.intervals import ap_draws, draw, interval, share_interval, wilson
from core.evaluation.matching import IOU_THRESHOLDS, from_bits
from core.evaluation.metrics import ap_by_class, f1, ratio
from core.evaluation.review import confusion, find_cases, worst_first
from core.evaluation.thresholds import IOU, best_f1_confidence
from core.evaluation.verdict import detection_sentences

Figure = dict[str, float]
MEASURES = {"segment": "mask", "pose": "pose"}
_CALIBRATION_FROM = 0.05
"""Findings below this confidence are left out of the calibration: thousands of them would hide the rest."""
SMALL, LARGE = 32.0, 96.0
"""COCO's limits of small and large objects: the side, in pixels, of a square of the object's area."""


class Detector:
    """A detector's predictions and labels on one split; `at` gives all figures at one operating point."""

    def __init__(self, predictions: pd.DataFrame, truth: pd.DataFrame, meta: dict[str, Any]) -> None:
        """Compute what doesn't depend on the operating point: areas under the curve, curves, calibration."""
        finite = np.isfinite(predictions["confidence"].to_numpy(dtype=float))
        self.unusable = int((~finite).sum())
        self.predictions = predictions[finite].reset_index(drop=True)
        self.truth, self.task, self.classes = truth, meta["task"], list(meta["classes"])
        self.imgsz = int(meta.get("imgsz", 640))
        self.images = pd.DataFrame(meta["images"])
        self.place = {file: index for index, file in enumerate(self.images["file"])}
        groups = self.images["group"].fillna("").astype(str).tolist() if "group" in self.images else None
        self.grouped = bool(groups) and any(groups or [])
        self.weights = draw(len(self.images), groups)
        self.picture = self.predictions["file"].map(self.place).to_numpy(dtype=int)
        self.true_picture = truth["file"].map(self.place).to_numpy(dtype=int)
        self.predicted_class = self.predictions["class_id"].to_numpy(dtype=int)
        self.true_class = truth["class_id"].to_numpy(dtype=int)
        self.confidence = self.predictions["confidence"].to_numpy(dtype=float)
        self.areas, self.class_areas = self._areas("task_tp")
        measure = MEASURES.get(self.task)
        if measure:
            self.areas[f"{measure} mAP50"] = self.areas["mAP50"]
            self.areas[f"{measure} mAP50-95"] = self.areas["mAP50-95"]
            boxes, _ = self._areas("tp")
            self.areas |= {f"box {name}": boxes[name] for name in ("mAP50", "mAP50-95")}
        self.costs = error_costs(self.predictions, truth)
        self.curves = self._curves()
        self.calibration = self._calibration()

    def best_confidence(self) -> float:
        """Return the confidence of the highest F1 over all findings."""
        return best_f1_confidence(self.confidence, self.predictions["truth"].to_numpy() >= 0, len(self.truth))

    def at(self, confidence: float) -> dict[str, Any]:
        """Return all figures, tables and sentences when findings of at least this confidence count."""
        shown = self.predictions[self.confidence >= confidence]
        hit = shown["truth"].to_numpy() >= 0
        missed = missed_objects(shown, self.truth, excuse_near=False)
        cases = worst_first(find_cases(self.predictions, self.truth, confidence)).reset_index(drop=True)
        metrics, per_class = self._counts(shown, hit)
        figures: dict[str, Any] = {
            "operating_point": {"confidence": float(confidence), "iou": IOU},
            "metrics": {**self.areas, **metrics},
            "per_class": {
                name: {**self.class_areas.get(index, {}), **per_class[name]} for index, name in enumerate(self.classes)
            },
            "errors": error_budget(self.predictions, self.truth, confidence, self.costs),
            "calibration": self.calibration,
            "slices": self._slices(missed),
            "confusion": self._confusion(cases),
            "cases": cases,
            "curves": self.curves,
            "pictures": self._pictures(shown, hit, missed),
        }
        figures["sentences"] = detection_sentences(figures, self, missed)
        return figures

    def _areas(self, column: str) -> tuple[dict[str, Figure], dict[int, dict[str, Figure]]]:
        correct = from_bits(self.predictions[column].to_numpy(dtype=np.int64), len(IOU_THRESHOLDS))
        values = ap_by_class(correct, self.confidence, self.predicted_class, self.true_class)
        draws = {}
        for class_id in values:
            mine = self.predicted_class == class_id
            objects = np.bincount(self.true_picture[self.true_class == class_id], minlength=len(self.images))
            draws[class_id] = ap_draws(
                self.weights, correct[mine], self.confidence[mine], self.picture[mine], objects.astype(np.float32)
            )
        parts = {"mAP50": [0], "mAP50-95": list(range(10)), "mAP75": [5]}
        overall: dict[str, Figure] = {}
        per_class: dict[int, dict[str, Figure]] = {class_id: {} for class_id in values}
        for name, columns in parts.items():
            for class_id, areas in values.items():
                low, high = interval(draws[class_id][:, columns].mean(axis=1))
                per_class[class_id][name] = {"value": float(areas[columns].mean()), "low": low, "high": high}
            if not values:
                overall[name] = {"value": float("nan"), "low": float("nan"), "high": float("nan")}
                continue
            stacked = np.array([item[:, columns].mean(axis=1) for item in draws.values()])
            known = np.isfinite(stacked)
            with np.errstate(invalid="ignore", divide="ignore"):
                means = np.where(known, stacked, 0).sum(axis=0) / known.sum(axis=0)
            low, high = interval(means)
            value = float(np.mean([item[columns].mean() for item in values.values()]))
            overall[name] = {"value": value, "low": low, "high": high}
        return overall, per_class

    def _table(self, picture: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return how many of each class a picture holds, (pictures, classes)."""
        table = np.zeros((len(self.images), len(self.classes)), dtype=np.float32)
        np.add.at(table, (picture, classes), 1)
        return table

    def _counts(self, shown: pd.DataFrame, hit: NDArray[np.bool_]) -> tuple[dict[str, Figure], dict[str, Any]]:
        where = self.picture[shown.index.to_numpy()]
        said = shown["class_id"].to_numpy(dtype=int)
        hits, named = self._table(where[hit], said[hit]), self._table(where, said)
        objects = self._table(self.true_picture, self.true_class)
        drawn = [self.weights @ table for table in (hits, named, objects)]
        per_class = {
            name: self._figures([table[:, index] for table in (hits, named, objects)], [d[:, index] for d in drawn])
            for index, name in enumerate(self.classes)
        }
        metrics = self._figures([table.sum(axis=1) for table in (hits, named, objects)], [d.sum(axis=1) for d in drawn])
        for name in ("objects", "found", "false_alarms"):
            metrics.pop(name)
        with_objects, with_findings = objects.sum(axis=1) > 0, named.sum(axis=1) > 0
        for name, right, asked in (
            ("picture sensitivity", with_objects & with_findings, with_objects),
            ("picture specificity", ~with_objects & ~with_findings, ~with_objects),
        ):
            low, high = share_interval(self.weights, right.astype(np.float32), asked.astype(np.float32))
            metrics[name] = {"value": ratio(float(right.sum()), float(asked.sum())), "low": low, "high": high}
        return metrics, per_class

    @staticmethod
    def _figures(tables: list[NDArray[np.float32]], drawn: list[NDArray[np.float32]]) -> dict[str, Any]:
        hits, named, objects = (float(table.sum()) for table in tables)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratios = {"precision": drawn[0] / drawn[1], "recall": drawn[0] / drawn[2]}
            score = interval(2 * drawn[0] / (drawn[1] + drawn[2]))
        figures: dict[str, Any] = {}
        for name, whole in (("precision", named), ("recall", objects)):
            low, high = interval(ratios[name])
            if not low < high:  # no draw differs: the bootstrap would claim certainty
                low, high = wilson(hits, whole)
            figures[name] = {"value": ratio(hits, whole), "low": low, "high": high}
        value = f1(figures["precision"]["value"] if named else 0.0, figures["recall"]["value"]) if objects else np.nan
        figures["F1"] = {"value": float(value), "low": score[0], "high": score[1]}
        return {**figures, "objects": int(objects), "found": int(hits), "false_alarms": int(named - hits)}

    def _confusion(self, cases: pd.DataFrame) -> pd.DataFrame:
        """Return counts: a row a labelled class, a column a predicted one, "background" last in both."""
        names = [*self.classes, "background"]
        return pd.DataFrame(
            confusion(cases, len(self.classes)),
            index=pd.Index(names, name="truth"),
            columns=pd.Index(names, name="prediction"),
        )

    def _pictures(self, shown: pd.DataFrame, hit: NDArray[np.bool_], missed: NDArray[np.bool_]) -> pd.DataFrame:
        """Return a row a picture, the worst first: objects, hits, misses, false alarms, wrong classes."""
        count = len(self.images)
        where = self.picture[shown.index.to_numpy()]
        kinds = error_kinds(shown).to_numpy()
        wrong = np.where(hit, 0.0, shown["confidence"].to_numpy())
        table = self.images[[name for name in ("file", "source") if name in self.images]].copy()
        table["objects"] = np.bincount(self.true_picture, minlength=count)
        table["hits"] = np.bincount(where[hit], minlength=count)
        table["misses"] = np.bincount(self.true_picture[missed], minlength=count)
        table["false_alarms"] = np.bincount(where[~hit], minlength=count)
        table["wrong_class"] = np.bincount(where[kinds == "class"], minlength=count)
        table["near_misses"] = np.bincount(where[kinds == "place"], minlength=count)
        table["badness"] = table["misses"] + np.bincount(where, weights=wrong, minlength=count)
        return table.sort_values("badness", ascending=False, kind="stable").reset_index(drop=True)

    def _curves(self) -> dict[str, pd.DataFrame]:
        """Return the curves: "precision_recall" with a column class, and "confidence" (F1, FROC) over all findings."""
        by_class = precision_recall_curves(self.predictions, self.truth)
        tables = [table.assign(**{"class": self.classes[class_id]}) for class_id, table in by_class.items()]
        columns = ["class", "recall", "precision", "confidence"]
        precision_recall = pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)
        confidence = threshold_curve(self.predictions, len(self.truth), len(self.images))
        return {"precision_recall": precision_recall, "confidence": thinned(confidence)}

    def _calibration(self) -> dict[str, Any]:
        """Return the expected calibration error (Naeini et al. 2015, ten equal bins) and the reliability curve."""
        kept = self.confidence >= _CALIBRATION_FROM
        correct = self.predictions["truth"].to_numpy()[kept] >= 0
        return calibration(self.confidence[kept], correct) | {"from_confidence": _CALIBRATION_FROM}

    def _slices(self, missed: NDArray[np.bool_]) -> list[dict[str, Any]]:
        """Return recall by size, place and brightness, each with its interval, and whether it is clearly worse."""
        truth, slices = self.truth, []
        if truth.empty:
            return []
        width, height = (truth[f"{axis}2"] - truth[f"{axis}1"] for axis in ("x", "y"))
        side = np.sqrt(np.clip(width * height, 0, None)).to_numpy()
        cuts: dict[str, dict[str, NDArray[np.bool_]]] = {
            "size": {
                "small (under 32 px)": side < SMALL,
                "medium (32 to 96 px)": (side >= SMALL) & (side < LARGE),
                "large (96 px and more)": side >= LARGE,
            }
        }
        picture = self.images.iloc[self.true_picture]
        x = ((truth["x1"] + truth["x2"]) / 2).to_numpy() / picture["width"].to_numpy(dtype=float)
        y = ((truth["y1"] + truth["y2"]) / 2).to_numpy() / picture["height"].to_numpy(dtype=float)
        edge = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y)) < 0.15
        cuts["position"] = {"near the edge of the picture": edge, "well inside the picture": ~edge}
        if "brightness" in self.images and self.images["brightness"].notna().all() and len(self.images) >= 6:
            limits = np.quantile(self.images["brightness"], [1 / 3, 2 / 3])
            light = picture["brightness"].to_numpy(dtype=float)
            cuts["brightness"] = {
                "in the darkest third": light < limits[0],
                "in the brightest third": light > limits[1],
            }
        for by, parts in cuts.items():
            for name, mask in parts.items():
                if mask.any():
                    slices.append({"by": by, "slice": name, **self._slice(mask, missed)})
        return slices

    def _slice(self, mask: NDArray[np.bool_], missed: NDArray[np.bool_]) -> dict[str, Any]:
        count = len(self.images)
        counted = [
            np.bincount(self.true_picture[chosen], minlength=count).astype(np.float32)
            for chosen in (mask & ~missed, mask, ~mask & ~missed, ~mask)
        ]
        drawn = [self.weights @ numbers for numbers in counted]
        with np.errstate(invalid="ignore", divide="ignore"):
            difference = interval(drawn[0] / drawn[1] - drawn[2] / drawn[3])
        low, high = share_interval(self.weights, counted[0], counted[1])
        found, objects = int(counted[0].sum()), int(counted[1].sum())
        value = ratio(found, objects)
        # Wilson beside the bootstrap: draws of "5 of 5 found" never vary, and would make any other slice look worse
        rest_low, _ = wilson(float(counted[2].sum()), float(counted[3].sum()))
        worse = bool(objects >= 5 and (~mask).sum() >= 5 and difference[1] < 0 and value < rest_low)
        return {
            "metric": "recall",
            "value": value,
            "low": low,
            "high": high,
            "objects": objects,
            "found": found,
            "worse": worse,
        }


def calibration(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> dict[str, Any]:
    """Return {"ece", "count", "bins": [{"confidence", "correct", "count"}]} over ten equal bins of confidence."""
    bins, error = [], 0.0
    place = np.minimum((confidence * 10).astype(int), 9)
    for index in range(10):
        mine = place == index
        if mine.any():
            said, right = float(confidence[mine].mean()), float(correct[mine].mean())
            bins.append({"confidence": said, "correct": right, "count": int(mine.sum())})
            error += abs(said - right) * mine.sum() / len(confidence)
    return {"ece": float(error) if bins else float("nan"), "count": len(confidence), "bins": bins}
