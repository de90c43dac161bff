"""Numbers, times and states in the words a reader expects: units, sensible digits, no false precision.

Everything that people read is formatted here, on the pages, on the command line, in reports and in errors, so that one
number reads the same wherever it stands. A number that is not known is a dash.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Protocol, TypeGuard

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


def share_words(share: float) -> str:
    """Return a share as somebody stated it: `2.5 %`, or `500 ppm` below one in a thousand."""
    return f"{share * 1e6:g} ppm" if share < 0.001 else f"{share * 100:g} %"


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
