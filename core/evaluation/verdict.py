"""The verdict in plain words, each sentence with the figure it rests on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.evaluation.crossfit.expected import Expected
from core.evaluation.figures.calibration import SureAnswers
from core.evaluation.figures.figure import Figure
from core.evaluation.figures.intervals import count_units
from core.evaluation.figures.results import ClassFigures, FiguresWithoutTwins, SplitFigures
from core.evaluation.figures.slices import Slice
from core.evaluation.judgement import has_learned
from core.evaluation.predict.error_kinds import KINDS
from core.evaluation.predict.prediction_arrays import PredictionArrays
from core.metric_words import is_share
from core.words import between, count, out_of, percent, points, score, span, thousands, times, value_between

SMALL = 32.0
"""Side in pixels under which an object counts as small, as COCO counts."""
WORTH_SAYING = 0.02
"""Gain of mAP50 from which the costliest kind of mistake is spoken of."""
FEW_GROUPS = 10
"""Below so many groups the intervals are a little short (bench/interval_coverage.py: 91 to 99 of 100 with five)."""
LOSSES = {
    "class": "Check the labels of the classes it mixes up, and show it more of both.",
    "place": "Train longer or at a larger size, and label all boxes as tightly.",
    "both": "Train longer: it sees that something is there, and not yet what and where.",
    "duplicate": "Train longer, or look at how objects that touch are labelled.",
    "background": "Label what was forgotten, and add pictures without objects.",
    "missed": "Add pictures that show such objects, or train longer.",
}
"""What to do about each kind of mistake."""
Step = tuple[float, str]
"""What a step could gain, as a share of all objects or of mAP50, and the sentence that says it."""
NEARLY = 0.05
"""Stated confidence this near to how often it is right is as good as right."""
MENTIONED = 0.05
"""Confidence from which an object that was missed counts as seen."""


def detection_sentences(
    figures: SplitFigures, arrays: PredictionArrays, missed: NDArray[np.bool_], expected: Expected | None = None
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
            "at all."
        )
    elif expected is None:
        sentences.append(f"Finds {out_of(found, objects, 'object')} ({value_between(recall)}), {alarm_words}.")
    else:
        recall, right = expected.metrics["recall"], expected.metrics["precision"]
        sentences.append(
            f"Finds {out_of(found, objects, 'object')}, {alarm_words}; on new ones expect {_in_brackets(recall)} found "
            f"and {_in_brackets(right)} of its findings right."
        )
        sentences.append(expected.sentence)
    if arrays.unusable:
        sentences.append(f"{count(arrays.unusable, 'prediction')} had no usable confidence and were left out.")
    if full := arrays.at_limit(figures.operating_point.threshold):
        sentences.append(
            f"In {count(full, 'picture')} {thousands(arrays.max_det)} findings reach the line, as many as are kept at "
            f"most: there may be more. Train with a higher limit (--set max_det={2 * arrays.max_det})."
        )
    if objects:
        groups = 0 if arrays.groups is None else count_units(pictures, arrays.groups)
        sentences += _weak_spots(figures.slices)
        sentences += small_set(recall, pictures, groups, objects=objects, few=objects < 30)
        steps = _next_steps(figures, arrays, missed)
        return sentences, [sentence for _, sentence in sorted(steps, key=lambda step: -step[0])]
    return sentences, []


def _in_brackets(figure: Figure) -> str:
    """Return a share with its interval in brackets: `86 % (between 76 and 95 %)`."""
    return f"{percent(figure.value)} ({between(figure)})" if figure.has_interval else percent(figure.value)


def _weak_spots(slices: Sequence[Slice]) -> list[str]:
    """Name the classes that are clearly worse than the rest, by the one rule of `slices`, the worst first."""
    worse = sorted((item for item in slices if item.by == "class" and item.worse), key=lambda item: item.figure.value)
    if not worse:
        return []
    named = ", ".join(
        f"“{item.name}” ({out_of(item.found, item.objects)}, {value_between(item.figure)})" for item in worse
    )
    how = "found" if worse[0].metric == "recall" else "named rightly"
    spots = "The weak spot is" if len(worse) == 1 else "The weak spots are"
    return [f"{spots} {named}: {how} clearly less often than the rest."]


def small_set(
    figure: Figure, pictures: int, groups: int, *, objects: int | None = None, few: bool = False
) -> list[str]:
    """Say that a set is too small to judge on, in what it is counted by: groups where pictures belong together.

    It is small where the interval of `figure` is wide, where it holds `few` things, or fewer than FEW_GROUPS of its
    `groups` (0: the pictures stand for themselves).
    """
    if pictures == 1:
        return ["One picture says nothing about others: label more pictures before you rely on these figures."]
    width = figure.high - figure.low
    if not math.isfinite(width) or not (width > 0.2 or few or 0 < groups < FEW_GROUPS):
        return []
    held = "" if objects is None else f"{count(objects, 'object')} in "
    held += count(pictures, "picture")
    held += f" of {count(groups, 'group')}, such as patients or parts" if groups else ""
    more = f"{thousands(3 * (groups or pictures))} more {'groups' if groups else 'pictures'}"
    return [f"This set is small ({held}): about {more} to check on would halve the interval."]


def _next_steps(figures: SplitFigures, arrays: PredictionArrays, missed: NDArray[np.bool_]) -> list[Step]:
    """Return what would help, each sentence with the count it rests on, and the share of all objects in that count."""
    lost, objects = int(missed.sum()), len(arrays.truth)
    exact = figures.metrics["mAP50-95"].value
    if not has_learned(exact):
        sentence = (
            f"It has learned next to nothing yet (mAP50-95 {score(exact)}): train longer, or label more pictures. What "
            "its mistakes are says little before."
        )
        return [(1.0, sentence)]
    steps = _about_misses(arrays, missed) if lost >= 4 else []
    steps += _largest_loss(figures)
    line = figures.operating_point.threshold
    unsure = np.sort(arrays.found_at[missed & (arrays.found_at >= MENTIONED)])[::-1]
    if lost >= 4 and len(unsure) * 2 >= lost:
        lower = math.floor(float(unsure[(len(unsure) - 1) // 2]) * 100) / 100
        if 0 < lower < line:
            gained, shown = int((missed & (arrays.found_at >= lower)).sum()), arrays.shown(line)
            alarms = int((~arrays.hit[shown : arrays.shown(lower)]).sum())
            sentence = (
                f"{out_of(len(unsure), lost)} misses were seen, but with too little confidence: a line at "
                f"{lower:.2f} finds {thousands(gained)} more, for {count(alarms, 'more false alarm')}."
            )
            steps.append(((gained - alarms) / objects, sentence))
    for item in figures.slices:
        if item.worse and item.by not in ("size", "class"):
            sentence = (
                f"Objects {slice_words(item)} are found clearly less often: {out_of(item.found, item.objects)} "
                f"({value_between(item.figure)}). Add such pictures to training."
            )
            steps.append(((item.objects - item.found) / objects, sentence))
    matrix = figures.confusion.to_numpy()[:-1, :-1].copy()
    np.fill_diagonal(matrix, 0)
    if matrix.size and matrix.max() >= 3:
        row, column = np.unravel_index(matrix.argmax(), matrix.shape)
        names = arrays.classes
        sentence = f"“{names[row]}” is taken for “{names[column]}” {matrix.max()} times: check the labels of both."
        steps.append((int(matrix.max()) / objects, sentence))
    empty = int((arrays.by_picture(arrays.true_picture) == 0).sum())
    if not empty and len(arrays.images) >= 10:
        sentence = (
            f"None of the {count(len(arrays.images), 'picture')} is empty: if empty ones come up in practice, add "
            "some, or nobody knows how often it raises a false alarm on them."
        )
        steps.append((0.0, sentence))
    if lost * 2 > objects and not any(gain > 0 for gain, _ in steps):
        sentence = (
            f"It misses {out_of(lost, objects, 'object')}, and no one cause stands out: train longer, start from "
            "pre-trained weights, or add pictures."
        )
        steps.append((lost / objects, sentence))
    return steps


def _largest_loss(figures: SplitFigures) -> list[Step]:
    """Return what to do about the kind of mistake, of those made at this line, that costs most by the error budget."""
    made = {kind: cost for kind, cost in figures.errors.items() if cost.count}
    kind, cost = max(made.items(), key=lambda item: item[1].cost, default=("", None))
    if cost is None or not cost.cost >= WORTH_SAYING:
        return []
    sentence = (
        f"Of the mistakes at this line one kind costs most, {KINDS[kind]} ({times(cost.count)}): mending it alone, "
        f"over all confidences, would bring {points(cost.cost)} points of mAP50. {LOSSES[kind]}"
    )
    return [(cost.cost, sentence)]


def _about_misses(arrays: PredictionArrays, missed: NDArray[np.bool_]) -> list[Step]:
    """Return what most of the misses have in common: their class, their size."""
    lost, objects, steps = int(missed.sum()), len(arrays.truth), list[Step]()
    by_class = np.bincount(arrays.true_class[missed], minlength=len(arrays.classes))
    most, labelled = int(by_class.argmax()), np.bincount(arrays.true_class, minlength=len(arrays.classes))
    share_of_all = labelled[most] / max(labelled.sum(), 1)
    if by_class[most] * 2 >= lost and by_class[most] / lost > share_of_all + 0.15:
        mine = int(by_class[most])
        sentence = f"Add pictures of “{arrays.classes[most]}”: {out_of(mine, lost)} misses are of this class."
        steps.append((mine / objects, sentence))
    tiny = arrays.sides() < SMALL
    small = int(tiny[missed].sum())
    if small * 2 >= lost and small / lost > tiny.mean() + 0.15:
        longest = int(arrays.images[["width", "height"]].to_numpy(dtype=float).max())
        size = min(2 * arrays.imgsz, math.ceil(longest / 32) * 32)
        advice = (
            f"the pictures are up to {longest} px, the model sees them at {arrays.imgsz}: train at {size}"
            if size > arrays.imgsz
            else "the model sees all that the pictures hold: take them from closer"
        )
        steps.append((small / objects, f"{out_of(small, lost)} misses are under {SMALL:.0f} px: {advice}."))
    return steps


def classification_sentences(
    metrics: dict[str, Figure],
    per_class: dict[str, ClassFigures],
    slices: list[Slice],
    right: int,
    pictures: int,
    expected: Expected | None = None,
    groups: int = 0,
) -> tuple[list[str], list[str]]:
    """Return the verdict on a classifier, the headline first, and what to do next.

    `groups` counts what the pictures belong together by, such as patients; 0 where they stand for themselves.
    """
    if not pictures:
        return ["There is no picture to judge: nothing can be said."], []
    top1 = metrics["top1"]
    if expected is not None and expected.epoch:
        top1 = expected.metrics["top1"]
        sentences = [f"Names {out_of(right, pictures, 'picture')} rightly; of new ones expect {_in_brackets(top1)}."]
    else:
        sentences = [f"Names {out_of(right, pictures, 'picture')} rightly ({value_between(top1)})."]
    if expected is not None:
        sentences.append(expected.sentence)
    sentences += _weak_spots(slices)
    known = {name: item for name, item in per_class.items() if item.objects >= 5}
    if len(known) == 2 == len(per_class):
        told = " and ".join(
            f"{out_of(item.found, item.objects)} “{name}” ({value_between(item.figures['recall'])})"
            for name, item in known.items()
        )
        sentences.append(f"Told rightly are {told}: the sensitivity for one is the specificity for the other.")
    sentences += small_set(top1, pictures, groups, few=pictures < 30)
    worse = [item for item in slices if item.worse and item.by != "class"]
    steps = [
        f"Pictures {slice_words(item)} are named rightly clearly less often: {out_of(item.found, item.objects)} "
        f"({value_between(item.figure)}). Add such pictures to training."
        for item in sorted(worse, key=lambda item: item.found - item.objects)
    ]
    return sentences, steps


def sureness_sentence(sure: SureAnswers) -> str:
    """Say whether the answers that count can be taken at their word, by the signed gap between word and truth."""
    said, gap = percent(sure.confidence), sure.gap
    facts = (
        f"Its {count(sure.count, 'answer')} that count are {said} sure on average and right in {percent(sure.correct)}"
    )
    if abs(gap.value) <= NEARLY:
        return f"{facts}: taken together, nearly as sure as they are right."
    if not gap.decided:
        return f"{facts}. With so few, that may be chance."
    direction = "too sure of itself" if gap.value > 0 else "not sure enough"
    low, high = sorted((abs(gap.low), abs(gap.high)))
    return f"{facts}: it is {direction}, by {points(abs(gap.value))} points ({span(low, high)})."


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
