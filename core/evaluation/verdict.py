"""The verdict in plain words, each sentence with the figure it rests on."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from core.evaluation.figures.figure import Figure
from core.evaluation.figures.results import ClassFigures, FiguresWithoutTwins, SplitFigures
from core.evaluation.figures.slices import Slice
from core.evaluation.predict.prediction_arrays import PredictionArrays
from core.metric_words import is_share
from core.words import count, out_of, thousands, value_between

SMALL = 32.0
"""Side in pixels under which an object counts as small, as COCO counts."""
MENTIONED = 0.05
"""Confidence from which an object that was missed counts as seen."""


def detection_sentences(
    figures: SplitFigures, arrays: PredictionArrays, missed: NDArray[np.bool_]
) -> tuple[list[str], list[str]]:
    """Return the verdict on a detector, the headline first, and what to do next, each with the figure it rests on."""
    objects, pictures = len(arrays.truth), len(arrays.images)
    found = objects - int(missed.sum())
    alarms = int(figures.pictures["false_alarms"].sum())
    alarm_words = f"{count(alarms, 'false alarm') if alarms else 'no false alarm'} in {count(pictures, 'picture')}"
    recall = figures.metrics["recall"]
    sentences = []
    if objects == 0:
        sentences.append(f"No object is labelled in these pictures: only false alarms can be counted, {alarm_words}.")
    elif arrays.predictions.empty:
        sentences.append(
            f"Finds none of {count(objects, 'object')} in {count(pictures, 'picture')}: the model gives no findings "
            "at all. Train longer, or start from pre-trained weights."
        )
    else:
        sentences.append(f"Finds {out_of(found, objects, 'object')} ({value_between(recall)}), {alarm_words}.")
    if arrays.unusable:
        sentences.append(f"{count(arrays.unusable, 'prediction')} had no usable confidence and were left out.")
    if objects:
        sentences += _weak_spot(figures, found, objects) + _small_set(
            recall, pictures, objects, arrays.groups is not None
        )
        steps = _next_steps(figures, arrays, missed)
        return sentences, steps
    return sentences, []


def _weak_spot(figures: SplitFigures, found: int, objects: int) -> list[str]:
    known = {name: item for name, item in figures.per_class.items() if item.objects >= 5}
    if len(known) < 2 or found == 0:
        return []
    name, item = min(known.items(), key=lambda pair: pair[1].figures["recall"].value)
    recall = item.figures["recall"]
    if recall.value > found / objects - 0.1:
        return []
    return [f"“{name}” is the weak spot: {out_of(item.found, item.objects)} found ({value_between(recall)})."]


def _small_set(recall: Figure, pictures: int, objects: int, grouped: bool) -> list[str]:
    width = recall.high - recall.low
    if pictures == 1:
        return ["One picture says nothing about others: label more pictures before you rely on these figures."]
    if math.isfinite(width) and (width > 0.2 or objects < 30):
        what = "pictures of new groups" if grouped else "pictures"
        return [
            f"This set is small ({count(objects, 'object')} in {count(pictures, 'picture')}): about "
            f"{thousands(3 * pictures)} more {what} to check on would halve the interval."
        ]
    return []


def _next_steps(figures: SplitFigures, arrays: PredictionArrays, missed: NDArray[np.bool_]) -> list[str]:
    """Return what would help most, each sentence with the count it rests on."""
    lost = int(missed.sum())
    steps = _about_misses(arrays, missed) if lost >= 4 else []
    line = figures.operating_point.threshold
    unsure = np.sort(arrays.found_at[missed & (arrays.found_at >= MENTIONED)])[::-1]
    if lost >= 4 and len(unsure) * 2 >= lost:
        lower = math.floor(float(unsure[(len(unsure) - 1) // 2]) * 100) / 100
        if 0 < lower < line:
            gained, shown = int((missed & (arrays.found_at >= lower)).sum()), arrays.shown(line)
            alarms = int((~arrays.hit[shown : arrays.shown(lower)]).sum())
            steps.append(
                f"{out_of(len(unsure), lost)} misses were seen, but with too little confidence: a line at "
                f"{lower:.2f} finds {thousands(gained)} more, for {count(alarms, 'more false alarm')}."
            )
    steps += [
        f"Objects {slice_words(item)} are found clearly less often: {out_of(item.found, item.objects)} "
        f"({value_between(item.figure)}). Add such pictures to training."
        for item in figures.slices
        if item.worse and item.by not in ("size", "class")
    ]
    matrix = figures.confusion.to_numpy()[:-1, :-1].copy()
    np.fill_diagonal(matrix, 0)
    if matrix.size and matrix.max() >= 3:
        row, column = np.unravel_index(matrix.argmax(), matrix.shape)
        names = arrays.classes
        steps.append(f"“{names[row]}” is taken for “{names[column]}” {matrix.max()} times: check the labels of both.")
    empty = int((arrays.by_picture(arrays.true_picture) == 0).sum())
    if not empty and len(arrays.images) >= 10:
        steps.append(
            f"None of the {count(len(arrays.images), 'picture')} is empty: if empty ones come up in practice, add "
            "some, or nobody knows how often it raises a false alarm on them."
        )
    return steps


def _about_misses(arrays: PredictionArrays, missed: NDArray[np.bool_]) -> list[str]:
    """Return what most of the misses have in common: their class, their size."""
    lost, steps = int(missed.sum()), []
    by_class = np.bincount(arrays.true_class[missed], minlength=len(arrays.classes))
    most, labelled = int(by_class.argmax()), np.bincount(arrays.true_class, minlength=len(arrays.classes))
    share_of_all = labelled[most] / max(labelled.sum(), 1)
    if by_class[most] * 2 >= lost and by_class[most] / lost > share_of_all + 0.15:
        steps.append(
            f"Add pictures of “{arrays.classes[most]}”: {out_of(int(by_class[most]), lost)} misses are of this class."
        )
    small = int((arrays.sides()[missed] < SMALL).sum())
    if small * 2 >= lost:
        longest = int(arrays.images[["width", "height"]].to_numpy(dtype=float).max())
        size = min(2 * arrays.imgsz, math.ceil(longest / 32) * 32)
        advice = (
            f"the pictures are up to {longest} px, the model sees them at {arrays.imgsz}: train at {size}"
            if size > arrays.imgsz
            else "cut large pictures into tiles, or take closer ones"
        )
        steps.append(f"{out_of(small, lost)} misses are under {SMALL:.0f} px: {advice}.")
    return steps


def classification_sentences(
    metrics: dict[str, Figure],
    per_class: dict[str, ClassFigures],
    slices: list[Slice],
    right: int,
    pictures: int,
) -> tuple[list[str], list[str]]:
    """Return the verdict on a classifier, the headline first, and what to do next."""
    if not pictures:
        return ["There is no picture to judge: nothing can be said."], []
    sentences = [f"Names {out_of(right, pictures, 'picture')} rightly ({value_between(metrics['top1'])})."]
    known = {name: item for name, item in per_class.items() if item.objects >= 5}
    if len(known) > 1:
        name, item = min(known.items(), key=lambda pair: pair[1].figures["recall"].value)
        recall = item.figures["recall"]
        if recall.value < right / pictures - 0.1:
            sentences.append(
                f"“{name}” is the weak spot: {out_of(item.found, item.objects)} ({value_between(recall)})."
            )
    if len(known) == 2 == len(per_class):
        told = " and ".join(
            f"{out_of(item.found, item.objects)} “{name}” ({value_between(item.figures['recall'])})"
            for name, item in known.items()
        )
        sentences.append(f"Told rightly are {told}: the sensitivity for one is the specificity for the other.")
    if pictures == 1:
        sentences.append("One picture says nothing about others: check on more pictures before you rely on this.")
    elif metrics["top1"].high - metrics["top1"].low > 0.2 or pictures < 30:
        sentences.append(
            f"This set is small: about {thousands(3 * pictures)} more pictures to check on would halve the interval."
        )
    steps = [
        f"Pictures {slice_words(item)} are named rightly clearly less often: {out_of(item.found, item.objects)} "
        f"({value_between(item.figure)}). Add such pictures to training."
        for item in slices
        if item.worse and item.by != "class"
    ]
    return sentences, steps


def twins_sentence(aware: FiguresWithoutTwins | None) -> str:
    """Say how the headline stands without the pictures that have near twins in train, "" when there are none."""
    if aware is None:
        return ""
    twins = count(aware.twins, "picture")
    if not aware.images:
        return f"All {twins} have near twins in the training part: nothing here was new to the model."
    parts = []
    titles = {"recall": "found", "precision": "right", "top1": "right", "mAP50-95": "mAP50-95", "mIoU": "mIoU"}
    for name, title in titles.items():
        figure = aware.metrics.get(name)
        if figure is None or not figure.is_known:
            continue
        parts.append(f"{title} {value_between(figure, share=is_share(name))}")
    have = "has a near twin" if aware.twins == 1 else "have near twins"
    others = f"Over the other {thousands(aware.images)}: {'; '.join(parts)}."
    return f"{twins} here {have} in the training part, which flatters. {others}"


def slice_words(item: Slice) -> str:
    """Return a slice as words that go after "pictures" or "objects"."""
    return {"source": f"from “{item.name}”", "group": f"of “{item.name}”"}.get(item.by, item.name)
