"""Numbers, times, metrics and states in the words a reader expects: units, sensible digits, no false precision.

Everything that people read is formatted here, on the pages, on the command line, in reports and in errors, so that one
number reads the same wherever it stands. A number that is not known is a dash.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, TypeGuard

from core.tasks import TASKS

UNKNOWN = "–"
SPLIT_WORDS = {"train": "training", "val": "validation", "test": "test"}
STATE_WORDS = {
    "queued": "waiting in the queue",
    "starting": "starting",
    "running": "training",
    "stopping": "stopping",
    "paused": "paused",
    "finished": "finished",
    "stopped": "stopped, best kept",
    "cancelled": "cancelled",
    "failed": "failed",
    "interrupted": "interrupted",
}


def state_words(state: str) -> str:
    """Return a run's state in words."""
    return STATE_WORDS.get(str(state), str(state))


# Counts


def thousands(value: int) -> str:
    """Return a whole number with its thousands apart: `1,240`."""
    return f"{value:,}"


def count(value: int, singular: str, plural: str | None = None) -> str:
    """Return a number with its noun: `1 picture`, `1,240 pictures`, `2 classes`."""
    ending = "es" if singular.endswith("s") else "s"
    return f"{thousands(value)} {singular if value == 1 else plural or singular + ending}"


def out_of(part: int, whole: int, noun: str = "") -> str:
    """Return a part of a number: `42 of 49`, `42 of 49 objects`."""
    return f"{thousands(part)} of {count(whole, noun) if noun else thousands(whole)}"


def times(value: int) -> str:
    """Return how often something happened: `once`, `3 times`."""
    return "once" if value == 1 else count(value, "time")


def millions(value: int) -> str:
    """Return the number of a network's parameters: `2.6 M`."""
    return f"{value / 1e6:.1f} M"


# Shares of something countable, and scores


class Figure(Protocol):
    """A figure with the two ends of its interval, None or NaN where it is not known."""

    @property
    def value(self) -> float | None:
        """The figure itself."""

    @property
    def low(self) -> float | None:
        """The lower end."""

    @property
    def high(self) -> float | None:
        """The upper end."""


def percent(fraction: float | None) -> str:
    """Return a fraction (0 to 1) as a percentage: `92 %`; a dash when unknown.

    Whole numbers, and one digit below 1 % and above 99 %: only nothing at all is `0 %` and only all of it is `100 %`.
    """
    if not _known(fraction):
        return UNKNOWN
    if 0 < fraction < 0.0005:
        return "under 0.1 %"
    if 0.9995 < fraction < 1:
        return "over 99.9 %"
    return f"{_hundredths(fraction)} %"


def score(value: float | None) -> str:
    """Return a score between 0 and 1, such as mAP or a confidence, with three digits: `0.921`; a dash when unknown."""
    return UNKNOWN if not _known(value) else _fixed(value, 3)


def between(figure: Figure, *, share: bool = True) -> str:
    """Return the interval of a figure as words: `between 83 and 97 %` or, for a score, `between 0.831 and 0.970`."""
    return _interval(figure, share, "between {} and {}")


def from_to(figure: Figure, *, share: bool = True) -> str:
    """Return the interval of a figure for a table: `83 to 97 %` or, for a score, `0.831 to 0.970`."""
    return _interval(figure, share, "{} to {}")


def value_between(figure: Figure, *, share: bool = True) -> str:
    """Return a figure with its interval: `92 %, between 83 and 97 %`; the value alone when the interval is unknown."""
    told, ends = _figure(figure, share)
    return f"{told}, between {ends[0]} and {ends[1]}" if ends else told


def value_from_to(figure: Figure, *, share: bool = True) -> str:
    """Return a figure with its interval for tables and lists: `92 % (83 to 97 %)`, `0.873 (0.831 to 0.912)`."""
    told, ends = _figure(figure, share)
    return f"{told} ({ends[0]} to {ends[1]})" if ends else told


def points(difference: float | None) -> str:
    """Return the size of a difference of shares or scores in points of 100: `14`, and one digit below ten: `0.7`."""
    if not _known(difference):
        return UNKNOWN
    size = abs(100 * difference)
    return _fixed(size, 1) if round(size, 1) < 10 else _fixed(size, 0)


def signed(difference: float | None, *, plus: bool = True) -> str:
    """Return a difference in points of 100 with its sign: `+14`, `−0.7`, `0.0`."""
    size = points(difference)
    if not _known(difference) or size == "0.0":
        return size
    return f"−{size}" if difference < 0 else f"{'+' if plus else ''}{size}"


def span(low: float | None, high: float | None) -> str:
    """Return the interval of a difference in points of 100: `between −2.0 and 9.1`."""
    return f"between {signed(low, plus=False)} and {signed(high, plus=False)}"


def _known(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _fixed(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}"  # adding zero turns a negative zero into a plain one


def _hundredths(fraction: float, digits: int | None = None) -> str:
    if digits is None:
        digits = 1 if 0 < fraction < 0.01 or 0.99 < fraction < 1 else 0
    return _fixed(100 * fraction, digits)


def _ends(low: float, high: float, share: bool) -> tuple[str, str]:
    """Return both ends of an interval, the unit at the second; a narrow one of shares with one digit more."""
    if not share:
        return score(low), score(high)
    digits = 1 if low != high and round(100 * low) == round(100 * high) else None
    return _hundredths(low, digits), f"{_hundredths(high, digits)} %"


def _interval(figure: Figure, share: bool, form: str) -> str:
    low, high = figure.low, figure.high
    if not (_known(low) and _known(high)):
        return "interval not known"
    return form.format(*_ends(low, high, share))


def _figure(figure: Figure, share: bool) -> tuple[str, tuple[str, str] | None]:
    value, low, high = figure.value, figure.low, figure.high
    told = percent(value) if share else score(value)
    if not (_known(value) and _known(low) and _known(high)):
        return told, None
    ends = _ends(low, high, share)
    if share and "." in ends[0] and "." in ends[1] and 0 < value < 1:
        told = f"{_hundredths(value, 1)} %"  # else a value could stand outside of its own narrow interval
    return told, ends


# Time


def duration(seconds: float | None) -> str:
    """Return a length of time as a person says it: `40 s`, `2 min 30 s`, `35 min`, `2 h 10 min`, `3 days`.

    Seconds up to 90, tens of seconds up to ten minutes, then minutes, and hours from a day on; a dash when unknown.
    """
    if not _known(seconds):
        return UNKNOWN
    seconds = max(0, round(seconds))
    if seconds < 90:
        return f"{seconds} s"
    if seconds < 595:
        return _two(round(seconds, -1), 60, "min", "s")
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return _two(minutes, 60, "h", "min")
    hours = round(seconds / 3600)
    return f"{hours} h" if hours < 48 else _two(hours, 24, "days", "h")


def about(seconds: float | None) -> str:
    """Return a length of time that is an estimate: `about 35 min`, `an unknown time`."""
    return f"about {duration(seconds)}" if _known(seconds) else "an unknown time"


def time_left(seconds: float | None) -> str:
    """Return the time left in a clause: `about 4 min left`, `time left not known yet`."""
    return "time left not known yet" if not _known(seconds) else f"{about(seconds)} left"


def milliseconds(value: float | None) -> str:
    """Return a very short time: `61 ms`, and one digit below ten."""
    if not _known(value):
        return UNKNOWN
    return f"{_fixed(value, 1 if value < 10 else 0)} ms"


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """Return when something happened: `just now`, `12 min ago`, `yesterday`, else the date."""
    if moment is None:
        return UNKNOWN
    now = now or datetime.now(UTC)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = (now - moment).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 5400:
        return f"{round(seconds / 60)} min ago"
    if seconds < 86400:
        return f"{round(seconds / 3600)} h ago"
    return "yesterday" if seconds < 172800 else date(moment)


def date(moment: datetime) -> str:
    """Return a day: `4 April 2026`."""
    return f"{moment.day} {moment:%B %Y}"


def _two(small: int, size: int, large_unit: str, small_unit: str) -> str:
    large, rest = divmod(small, size)
    return f"{large} {large_unit} {rest} {small_unit}" if rest else f"{large} {large_unit}"


# Bytes


def megabytes(value: float | None) -> str:
    """Return a number of bytes as kB, MB or GB of 1,000: `5.6 MB`, `121 MB`; a dash when unknown."""
    return _bytes(value, 1000)


def memory(value: float | None) -> str:
    """Return a number of bytes as memory is sold, in MB or GB of 1,024: `16 GB`; a dash when unknown."""
    return _bytes(value, 1024)


def _bytes(value: float | None, step: int) -> str:
    if not _known(value):
        return UNKNOWN
    for unit, power in (("GB", 3), ("MB", 2), ("kB", 1)):
        shown = value / step**power
        if shown >= 0.9995:
            return f"{_fixed(shown, 1)} {unit}" if shown < 9.95 else f"{thousands(round(shown))} {unit}"
    return count(round(value), "byte")


# Metrics


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
        "found well", "mAP50", "found well, over all confidences",
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
    again = " Measured while it trains; the Evaluation page asks the finished model again and may differ a little."
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
        f"{metric_term(name)} {metric_value(name, value)}" for name, value in metrics.items() if _known(value)
    )


def headline_among(task: str, names: Iterable[str]) -> str | None:
    """Return the task's headline metric as it is called among the figures of a run, None where it is not there.

    AveragePrecisions are told by the task's own measure, such as the mask, before that of the boxes.
    """
    record, there = TASKS[task], set(names)
    return next((name for name in (f"{record.measure} {record.headline}", record.headline) if name in there), None)
