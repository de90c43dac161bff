"""Numbers, times and states in the words a reader expects: units, sensible digits, no false precision."""

from __future__ import annotations

from datetime import UTC, datetime

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
STATE_COLOURS = {
    "running": "green",
    "starting": "green",
    "stopping": "gray",
    "finished": "green",
    "failed": "red",
    "interrupted": "orange",
}
SPLIT_WORDS = {"train": "training", "val": "validation", "test": "test"}
METRIC_WORDS = {
    "mAP50": "Found well (mAP50)",
    "mAP50-95": "Exact fit (mAP50-95)",
    "mask mAP50": "Outlined well (mask mAP50)",
    "mask mAP50-95": "Outlined exactly (mask mAP50-95)",
    "pose mAP50": "Points well (pose mAP50)",
    "pose mAP50-95": "Points exactly (pose mAP50-95)",
    "precision": "Right alarms (precision)",
    "recall": "Found of all (recall)",
    "top1": "First guess (top-1)",
    "top5": "Five guesses (top-5)",
}
_AGAIN = " Measured while it trains; the Evaluation page asks the finished model again and may differ a little."
METRIC_HELP = {
    "mAP50": "How well objects are found over all confidences, 0 to 1; a box counts when it overlaps the labelled one "
    "by half (mean average precision at IoU 0.5)." + _AGAIN,
    "mAP50-95": "The same, averaged over ever stricter overlaps (IoU 0.5 to 0.95): it rewards boxes that fit exactly."
    + _AGAIN,
    "precision": "Of all the objects it reports, the share that are really there, at the confidence with the best "
    "balance (highest F1).",
    "recall": "Of all the objects that are there, the share it finds, at the confidence with the best balance "
    "(highest F1).",
    "top1": "The share of validation pictures whose class is guessed right at the first try.",
    "top5": "The share of validation pictures whose class is among the five best guesses.",
}
AS_PERCENT = frozenset({"precision", "recall", "top1", "top5"})
"""Metrics that are shares of something countable; the others are scores between 0 and 1."""


def state_words(state: str) -> str:
    """Return a run's state in words."""
    return STATE_WORDS.get(str(state), str(state))


def state_badge(state: str) -> str:
    """Return a run's state as a Markdown badge: green when it goes well, red or amber when it needs someone."""
    return f":{STATE_COLOURS.get(str(state), 'gray')}-badge[{state_words(state)}]"


def count(number: int, singular: str, plural: str | None = None) -> str:
    """Return a number with its noun: `1 picture`, `1,240 pictures`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def megabytes(number: float) -> str:
    """Return a number of bytes as kB, MB or GB with two or three digits."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= size:
            value = number / size
            return f"{value:.1f} {unit}" if value < 10 else f"{value:,.0f} {unit}"
    return f"{number:.0f} bytes"


def duration(seconds: float | None) -> str:
    """Return a length of time as a person says it: `40 s`, `4 min`, `2 h 10 min`; a dash when unknown."""
    if seconds is None:
        return "–"
    seconds = max(0, round(seconds))
    if seconds < 90:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes and hours < 24 else f"{hours} h"


def time_left(seconds: float | None) -> str:
    """Return the time left in a clause: `about 4 min left`, `time left not known yet`."""
    return "time left not known yet" if seconds is None else f"about {duration(seconds)} left"


def percent(fraction: float | None) -> str:
    """Return a fraction (0 to 1) as a percentage: whole numbers, one digit below 1 %; a dash when unknown."""
    if fraction is None or fraction != fraction:
        return "–"
    value = fraction * 100
    return f"{value:.1f} %" if 0 < value < 1 else f"{value:.0f} %"


def score(value: float | None) -> str:
    """Return a score between 0 and 1, such as mAP, with three digits; a dash when unknown."""
    return "–" if value is None or value != value else f"{value:.3f}"


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """Return when something happened: `just now`, `12 min ago`, `yesterday`, else the date."""
    if moment is None:
        return "–"
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
    if seconds < 172800:
        return "yesterday"
    return f"{moment.day} {moment:%B %Y}"


def metric_words(name: str) -> str:
    """Return a metric in plain words with its term of art in brackets."""
    return METRIC_WORDS.get(name, name)


def metric_value(name: str, value: float | None) -> str:
    """Return a metric's value as people read it: shares as percentages, scores with three digits."""
    return percent(value) if name in AS_PERCENT else score(value)


def plain(text: str) -> str:
    """Escape a name of the user's for use inside Markdown, so that it shows as it is written."""
    special = "\\`*_{}[]()#+-.!|<>$~:"
    return "".join("\\" + letter if letter in special else letter for letter in text)
