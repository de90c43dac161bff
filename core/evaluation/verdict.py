"""The verdict in plain words, each sentence with the figure it rests on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from core.evaluation.detection import Detector


def percent(value: float) -> str:
    """Return a share as "92 %", a dash when it is not known."""
    return f"{100 * value:.0f} %" if math.isfinite(value) else "–"


def between(figure: dict[str, float]) -> str:
    """Return "92 %, between 83 and 97 %" for a figure with its interval."""
    if not math.isfinite(figure["low"]):
        return percent(figure["value"])
    return f"{percent(figure['value'])}, between {100 * figure['low']:.0f} and {percent(figure['high'])}"


def plural(count: int, noun: str) -> str:
    """Return "1 picture", "2 pictures"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def detection_sentences(
    figures: dict[str, Any], detector: Detector, missed: NDArray[np.bool_]
) -> tuple[list[str], list[str]]:
    """Return the verdict on a detector, the headline first, and what to do next, each with the figure it rests on."""
    objects, pictures = len(detector.truth), len(detector.images)
    found = objects - int(missed.sum())
    alarms = int(figures["pictures"]["false_alarms"].sum())
    alarm_words = f"{plural(alarms, 'false alarm') if alarms else 'no false alarm'} in {plural(pictures, 'picture')}"
    recall = figures["metrics"]["recall"]
    sentences = []
    if objects == 0:
        sentences.append(f"No object is labelled in these pictures: only false alarms can be counted, {alarm_words}.")
    elif detector.predictions.empty:
        sentences.append(
            f"Finds none of {plural(objects, 'object')} in {plural(pictures, 'picture')}: the model gives no findings "
            "at all. Train longer, or start from pre-trained weights."
        )
    else:
        sentences.append(f"Finds {found} of {plural(objects, 'object')} ({between(recall)}), {alarm_words}.")
    if detector.unusable:
        sentences.append(f"{plural(detector.unusable, 'prediction')} had no usable confidence and were left out.")
    if objects:
        sentences += _weak_spot(figures, found, objects)
        steps = _next_steps(figures, detector, missed)
        return sentences, _small_set(recall, pictures, objects, detector.grouped) + steps
    return sentences, []


def _weak_spot(figures: dict[str, Any], found: int, objects: int) -> list[str]:
    known = {name: item for name, item in figures["per_class"].items() if item["objects"] >= 5}
    if len(known) < 2 or found == 0:
        return []
    name, item = min(known.items(), key=lambda pair: pair[1]["recall"]["value"])
    if item["recall"]["value"] > found / objects - 0.1:
        return []
    return [f"“{name}” is the weak spot: {item['found']} of {item['objects']} found ({between(item['recall'])})."]


def _small_set(recall: dict[str, float], pictures: int, objects: int, grouped: bool) -> list[str]:
    width = recall["high"] - recall["low"]
    if pictures == 1:
        return ["One picture says nothing about others: label more pictures before you rely on these figures."]
    if math.isfinite(width) and (width > 0.2 or objects < 30):
        what = "pictures of new groups" if grouped else "pictures"
        return [
            f"This set is small ({plural(objects, 'object')} in {plural(pictures, 'picture')}): about {3 * pictures} "
            f"more {what} to check on would halve the interval."
        ]
    return []


def _next_steps(figures: dict[str, Any], detector: Detector, missed: NDArray[np.bool_]) -> list[str]:
    steps = []
    lost = int(missed.sum())
    small = int((detector.coded.sides()[missed] < 32).sum())
    if lost >= 4 and small * 2 >= lost:
        steps.append(
            f"{small} of {lost} misses are under 32 px: train with larger pictures (image size above {detector.imgsz})."
        )
    worse = [item for item in figures["slices"] if item["worse"] and item["by"] not in ("size", "class")]
    steps += [
        f"Objects {part_words(item)} are found clearly less often: {item['found']} of {item['objects']} "
        f"({between(item)}). Add such pictures to training."
        for item in worse
    ]
    matrix = figures["confusion"].to_numpy()[:-1, :-1].copy()
    np.fill_diagonal(matrix, 0)
    if matrix.size and matrix.max() >= 3:
        row, column = np.unravel_index(matrix.argmax(), matrix.shape)
        names = detector.classes
        steps.append(f"“{names[row]}” is taken for “{names[column]}” {matrix.max()} times: check the labels of both.")
    return steps


def classification_sentences(
    metrics: dict[str, dict[str, float]],
    per_class: dict[str, Any],
    slices: list[dict[str, Any]],
    right: int,
    pictures: int,
) -> tuple[list[str], list[str]]:
    """Return the verdict on a classifier, the headline first, and what to do next."""
    if not pictures:
        return ["There is no picture to judge: nothing can be said."], []
    sentences = [f"Names {right} of {plural(pictures, 'picture')} rightly ({between(metrics['top1'])})."]
    known = {name: item for name, item in per_class.items() if item["objects"] >= 5}
    if len(known) > 1:
        name, item = min(known.items(), key=lambda pair: pair[1]["recall"]["value"])
        if item["recall"]["value"] < right / pictures - 0.1:
            sentences.append(
                f"“{name}” is the weak spot: {item['found']} of {item['objects']} ({between(item['recall'])})."
            )
    steps = []
    if pictures == 1:
        steps.append("One picture says nothing about others: check on more pictures before you rely on this.")
    elif metrics["top1"]["high"] - metrics["top1"]["low"] > 0.2 or pictures < 30:
        steps.append(f"This set is small: about {3 * pictures} more pictures to check on would halve the interval.")
    steps += [
        f"Pictures {part_words(item)} are named rightly clearly less often: {item['found']} of {item['objects']} "
        f"({between(item)}). Add such pictures to training."
        for item in slices
        if item["worse"] and item["by"] != "class"
    ]
    return sentences, steps


def part_words(item: dict[str, Any]) -> str:
    """Return a slice as words that go after "pictures" or "objects"."""
    return {"source": f"from “{item['slice']}”", "group": f"of “{item['slice']}”"}.get(item["by"], item["slice"])
