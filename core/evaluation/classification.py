"""Figures of a classification model, each with its 95 % interval by bootstrap over pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.crossfit.correction import Correction, OfferedCorrection, best_class_correction
from core.evaluation.crossfit.expected import Expected
from core.evaluation.figures.average_precision import mean_known
from core.evaluation.figures.calibration import calibration, sure_answers
from core.evaluation.figures.class_line import ClassLine
from core.evaluation.figures.figure import Figure
from core.evaluation.figures.intervals import Weights, area_interval, count_units, draw, share_interval
from core.evaluation.figures.metrics import ratio
from core.evaluation.figures.operating_point import OperatingPoint
from core.evaluation.figures.results import ClassFigures, FiguresWithoutTwins, SplitFigures
from core.evaluation.figures.slices import Slices, picture_cuts
from core.evaluation.predict.predictions import PredictionMeta
from core.evaluation.verdict import classification_sentences
from core.metric_words import GUESSES
from core.words import score


def auroc_draws(weights: Weights, scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return a class's area under the ROC curve in every draw (ties count half), NaN without both kinds of pictures."""
    values, place = np.unique(scores, return_inverse=True)
    positives = np.zeros((len(weights), len(values)))
    negatives = np.zeros((len(weights), len(values)))
    rows = np.arange(len(weights))[:, None]
    for target, mask in ((positives, positive), (negatives, ~positive)):
        np.add.at(target, (rows, place[mask][None, :]), weights[:, mask])
    below = np.cumsum(negatives, axis=1) - negatives / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        result: NDArray[np.float64] = (positives * below).sum(axis=1) / (positives.sum(axis=1) * negatives.sum(axis=1))
    return result


def classification_metrics(
    probabilities: NDArray[np.float64],
    truth: NDArray[np.int64],
    answer: NDArray[np.int64],
    weights: Weights,
    classes: list[str],
    units: int,
) -> tuple[dict[str, Figure], dict[str, ClassFigures]]:
    """Return the figures over all pictures and a class.

    `probabilities` is (pictures, classes), `answer` (pictures,) the class each is given, `units` the pictures or groups
    drawn. Over all: top1, top5 (of more than five classes), balanced_accuracy (mean recall of the classes that occur)
    and AUROC (one class against the rest, mean of those classes). A class: precision, recall, F1, AUROC.
    """
    count = len(truth)
    everything = np.vstack([np.ones((1, count), dtype=np.float32), weights])  # row 0 is the set as it is
    named_rightly = {"top1": answer == truth}
    if len(classes) > GUESSES:
        ranks = np.argsort(-probabilities, axis=1, kind="stable")
        named_rightly["top5"] = (ranks[:, :GUESSES] == truth[:, None]).any(axis=1)
    overall: dict[str, Figure] = {}
    for name, right in named_rightly.items():
        ends = share_interval(weights, right.astype(np.float32), np.ones(count, dtype=np.float32), units)
        overall[name] = Figure(float(right.mean()) if count else float("nan"), *ends)
    per_class: dict[str, ClassFigures] = {}
    recalls: list[NDArray[np.floating]] = []
    areas: list[NDArray[np.floating]] = []
    for class_id, name in enumerate(classes):
        labelled, said = truth == class_id, answer == class_id
        hit = (labelled & said).astype(np.float32)
        with np.errstate(invalid="ignore", divide="ignore"):
            recall = (everything @ hit) / (everything @ labelled.astype(np.float32))
        area = auroc_draws(everything, probabilities[:, class_id], labelled)
        if labelled.any():
            recalls.append(recall)
            areas.append(area)
        figures = {"AUROC": _figure(area, int(labelled.sum()), units)}
        middle = (labelled.astype(np.float32) + said) / 2
        for key, whole in (("precision", said), ("recall", labelled), ("F1", middle)):
            part = np.asarray(whole, dtype=np.float32)
            figures[key] = Figure(
                ratio(float(hit.sum()), float(part.sum())), *share_interval(weights, hit, part, units)
            )
        per_class[name] = ClassFigures(figures, int(labelled.sum()), int(hit.sum()))
    for name, draws in (("balanced_accuracy", recalls), ("AUROC", areas)):
        overall[name] = _figure(mean_known(draws, len(everything)), count, units)
    return overall, per_class


def _figure(draws: NDArray[np.floating], count: int, units: int) -> Figure:
    value = float(draws[0])
    return Figure(value, *area_interval(value, draws[1:], count, units))


def classified(
    predictions: pd.DataFrame,
    truth: pd.DataFrame,
    meta: PredictionMeta,
    twins: list[str],
    correction: Correction | None = None,
    expected: Expected | None = None,
    line: ClassLine | None = None,
) -> SplitFigures:
    """Return all figures, tables and sentences of a classifier from its stored predictions, as `Detector.at` does.

    `predictions` hold the classes named at the `line` (`class_line.named_by`). Pictures whose probabilities are not
    numbers are left out, and told. `correction` is the one stored with the run; `expected` what to expect on new
    pictures, where the model was chosen on these.
    """
    classes, table = meta["classes"], pd.DataFrame(meta["images"])
    probabilities = predictions[[f"p{index}" for index in range(len(classes))]].to_numpy(dtype=float)
    usable = np.isfinite(probabilities).all(axis=1)
    predictions, truth = predictions[usable].reset_index(drop=True), truth[usable].reset_index(drop=True)
    probabilities = probabilities[usable]
    labelled, said = truth["class_id"].to_numpy(dtype=int), predictions["class_id"].to_numpy(dtype=int)
    images = table.set_index("file").reindex(predictions["file"]).reset_index()
    groups = images["group"].fillna("").astype(str).tolist() if "group" in images else None
    groups = groups if groups and any(groups) else None
    weights, units = draw(len(truth), groups), count_units(len(truth), groups)
    metrics, per_class = classification_metrics(probabilities, labelled, said, weights, classes, units)
    right, place = labelled == said, np.arange(len(truth))
    matrix = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(matrix, (labelled, said), 1)
    confidence = predictions["confidence"].to_numpy(dtype=float)
    pictures = pd.DataFrame(
        {
            "file": predictions["file"],
            "truth": [classes[index] for index in labelled],
            "prediction": [classes[index] for index in said],
            "confidence": confidence,
            "hits": right.astype(int),
            "misses": (~right).astype(int),
            "badness": np.where(right, -confidence, confidence),
        }
    )
    cuts = {"class": {name: labelled == index for index, name in enumerate(classes)}, **picture_cuts(images, place)}
    slices = Slices(cuts, place, weights, units, "accuracy").measure(right)
    reliability = replace(
        calibration(confidence, right, place, weights), sure=sure_answers(confidence, right, place, weights, units)
    )
    if correction is not None:
        after = calibration(correction.of_classes(probabilities)[place, said], right, place, weights)
        reliability = reliability.with_scaled(correction.temperature, correction.bias, after)
    sentences, steps = classification_sentences(
        metrics, per_class, slices, int(right.sum()), len(truth), expected, units if groups else 0
    )
    if line is not None and len(truth):
        name = classes[line.positive]
        sentences.insert(
            1, f"A picture is called “{name}” from a confidence of {score(line.confidence)} in it (the line)."
        )
    if (~usable).any():
        sentences.append(f"{int((~usable).sum())} pictures had no usable answer (not a number) and were left out.")
    return SplitFigures(
        operating_point=OperatingPoint(line.confidence, positive=classes[line.positive]) if line else OperatingPoint(),
        metrics=metrics,
        per_class=per_class,
        errors={},
        calibration=reliability,
        slices=slices,
        confusion=pd.DataFrame(
            matrix, index=pd.Index(classes, name="truth"), columns=pd.Index(classes, name="prediction")
        ),
        curves={},
        pictures=pictures.sort_values("badness", ascending=False, kind="stable").reset_index(drop=True),
        leak_aware=_without_twins(probabilities, labelled, said, images, groups, classes, twins),
        sentences=sentences + steps,
        next_steps=steps,
    )


def offered_class_correction(
    predictions: pd.DataFrame, truth: pd.DataFrame, classes: list[str], groups: dict[str, str]
) -> OfferedCorrection | None:
    """Return the correction that helps a classifier's stored predictions, None as in `best_class_correction`.

    `groups` is the group of each file that has one; pictures of one group are fitted on, or judged, together.
    """
    probabilities = predictions[[f"p{index}" for index in range(len(classes))]].to_numpy(dtype=float)
    usable = np.isfinite(probabilities).all(axis=1)
    files = predictions["file"][usable]
    unit = pd.factorize(pd.Series([groups.get(file) or file for file in files], dtype=object))[0].astype(np.int64)
    return best_class_correction(probabilities[usable], truth["class_id"].to_numpy(dtype=int)[usable], unit)


def _without_twins(
    probabilities: NDArray[np.float64],
    labelled: NDArray[np.int64],
    said: NDArray[np.int64],
    images: pd.DataFrame,
    groups: list[str] | None,
    classes: list[str],
    twins: list[str],
) -> FiguresWithoutTwins | None:
    """Return the headline without the pictures that have near twins in train; None when there are none."""
    alone = ~images["file"].isin(set(twins)).to_numpy(dtype=bool)
    count, left = int((~alone).sum()), int(alone.sum())
    if not count:
        return None
    if not left:
        return FiguresWithoutTwins(count, 0)
    chosen = None if groups is None else [name for name, keep in zip(groups, alone, strict=True) if keep]
    figures, _ = classification_metrics(
        probabilities[alone], labelled[alone], said[alone], draw(left, chosen), classes, count_units(left, chosen)
    )
    return FiguresWithoutTwins(count, left, figures)
