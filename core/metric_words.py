"""The figures a model is judged by: one name for each, what it means, and how its value reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.tasks import TASKS
from core.words import percent, score


@dataclass(frozen=True)
class Metric:
    """A figure a model is judged by: its name in files, what people read for it, and what it means."""

    plain: str
    """in everyday words"""
    term: str
    """the field's own word"""
    clause: str
    """what its value is a measure of, to stand behind the value"""
    help: str
    share: bool = False
    """a share of something countable, read in percent; else a score from 0 to 1"""


METRICS = {
    "recall": Metric(
        "found", "recall", "of all labelled objects",
        "Of all the objects that are there, the share it finds, at the chosen confidence.", share=True,
    ),
    "precision": Metric(
        "right", "precision", "of what it reports",
        "Of all the objects it reports, the share that are really there, at the chosen confidence.", share=True,
    ),
    "F1": Metric(
        "balance", "F1", "of found and right", "The harmonic mean of found (recall) and right (precision), 0 to 1."
    ),
    "mAP50": Metric(
        "found well", "mAP50", "over all confidences",
        "How well objects are found over all confidences, 0 to 1; a box counts when it overlaps the labelled one by "
        "half (mean average precision at IoU 0.5).",
    ),
    "mAP50-95": Metric(
        "exact fit", "mAP50-95", "found and placed exactly",
        "How well objects are found over all confidences and ever stricter overlaps (IoU 0.5 to 0.95), 0 to 1: it "
        "rewards boxes that fit exactly.",
    ),
    "mAP75": Metric(
        "close fit", "mAP75", "found and placed closely",
        "How well objects are found over all confidences when a box must overlap by three quarters (IoU 0.75), 0 to 1.",
    ),
    "mask mAP50": Metric(
        "outlined well", "mask mAP50", "found and outlined well",
        "As mAP50, measured by the outlines instead of the boxes around them.",
    ),
    "mask mAP50-95": Metric(
        "outlined exactly", "mask mAP50-95", "found and outlined exactly",
        "As mAP50-95, measured by the outlines instead of the boxes around them.",
    ),
    "pose mAP50": Metric(
        "points well", "pose mAP50", "found with its points near",
        "As mAP50, measured by how near the key points lie instead of by the boxes around them.",
    ),
    "pose mAP50-95": Metric(
        "points exactly", "pose mAP50-95", "found with its points exact",
        "As mAP50-95, measured by how near the key points lie instead of by the boxes around them.",
    ),
    "rotated box mAP50": Metric(
        "turned well", "rotated box mAP50", "found, placed and turned well",
        "As mAP50, measured by the turned boxes.",
    ),
    "rotated box mAP50-95": Metric(
        "turned exactly", "rotated box mAP50-95", "found, placed and turned exactly",
        "As mAP50-95, measured by the turned boxes.",
    ),
    "top1": Metric(
        "first guess right", "top-1", "of all pictures",
        "The share of pictures whose class is guessed right at the first try.", share=True,
    ),
    "top5": Metric(
        "right in five guesses", "top-5", "of all pictures",
        "The share of pictures whose class is among the five best guesses.", share=True,
    ),
    "balanced_accuracy": Metric(
        "mean over classes", "balanced accuracy", "each class counted alike",
        "The share guessed right in each class, averaged over the classes.", share=True,
    ),
    "AUROC": Metric(
        "classes told apart", "AUROC", "ranks a class above the others",
        "How often a picture of a class gets more confidence for it than a picture of another class, 0 to 1.",
    ),
    "mIoU": Metric(
        "overlap", "mIoU", "of areas with labels, mean over classes",
        "How much of the area that a class covers in the labels or in the answer is covered in both, averaged over the "
        "classes (mean intersection over union).", share=True,
    ),
    "pixel_accuracy": Metric(
        "right of all pixels", "pixel accuracy", "of all pixels", "The share of pixels that get their class.",
        share=True,
    ),
}  # fmt: skip
"""Every figure that people read, in the order in which they are shown. The keys are the names in files."""


def metric_words(name: str) -> str:
    """Return a metric in plain words with its term of art in brackets, for the middle of a sentence."""
    metric = METRICS.get(name)
    return f"{metric.plain} ({metric.term})" if metric else name


def metric_title(name: str) -> str:
    """Return a metric as a title: `Exact fit (mAP50-95)`."""
    words = metric_words(name)
    return words[:1].upper() + words[1:]


def metric_term(name: str) -> str:
    """Return the field's own word for a metric, for the head of a column or the end of a line."""
    return METRICS[name].term if name in METRICS else name.replace("_", " ")


def metric_help(name: str, *, in_training: bool = False) -> str | None:
    """Return what a metric means in a sentence or two; `in_training` adds that it was measured on the way."""
    metric = METRICS.get(name)
    if metric is None:
        return None
    again = " Counted by Ultralytics’ validator while it trains; in the end the figure is that of the Evaluation page."
    return metric.help + (again if in_training else "")


def is_share(name: str) -> bool:
    """Say whether a metric is a share of something countable, read in percent."""
    return name in METRICS and METRICS[name].share


def metric_value(name: str, value: float | None) -> str:
    """Return a metric's value as people read it: shares as percentages, scores with three digits."""
    return percent(value) if is_share(name) else score(value)


def metric_list(metrics: Mapping[str, float | None]) -> str:
    """Return the figures that are known in a line: `mAP50 0.921, recall 83 %`."""
    return ", ".join(
        f"{metric_term(name)} {metric_value(name, value)}" for name, value in metrics.items() if value is not None
    )


def validator_words(metrics: Mapping[str, float | None]) -> str:
    """Tell a run's figures as Ultralytics' validator counts them, and why they differ; "" where they aren't known."""
    figures = metric_list(metrics)
    if not figures:
        return ""
    why = []
    if not {"top1", "top5"} & set(metrics):
        why.append("pads a picture by the others of its batch")
    if "mAP50" in metrics:
        why += ["lets a box have several classes", "compares masks coarsely"]
    reason = f"It {', '.join(why[:-1])}{' and ' if len(why) > 1 else ''}{why[-1]}; the" if why else "The"
    told = f"As Ultralytics’ validator counts it, for comparing with papers: {figures}."
    return f"{told} {reason} best epoch was chosen by it."


GUESSES = 5
"""Guesses that top-5 gives a model: with as many classes or fewer one of them is always right, and it is not told."""


def own_figures(task: str, names: Iterable[str]) -> list[str]:
    """Return the figures that a task is told by: of mAP those of its own measure, such as the mask, where it has one.

    “mAP50” alone is that of the boxes to some and that of the outlines to others; one of them is told, under its name.
    """
    names, measure = list(names), TASKS[task].measure
    own = {name.removeprefix(f"{measure} ") for name in names if measure and name.startswith(f"{measure} ")}
    return [name for name in names if name not in own]


def headline_among(task: str, names: Iterable[str]) -> str | None:
    """Return the task's headline metric as it is called among the figures of a run, None where it is not there.

    AveragePrecisions are told by the task's own measure, such as the mask, before that of the boxes.
    """
    record, there = TASKS[task], set(names)
    return next((name for name in (f"{record.measure} {record.headline}", record.headline) if name in there), None)
