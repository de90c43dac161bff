"""A figure with its 95 % interval: the one shape in which every number of an evaluation is passed on."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np


@dataclass(frozen=True)
class Figure:
    """A figure and the two ends of its 95 % interval, each NaN when it is not defined."""

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan

    @property
    def is_known(self) -> bool:
        """True when the figure itself is defined."""
        return math.isfinite(self.value)

    @property
    def has_interval(self) -> bool:
        """True when both ends are defined."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def as_dict(self) -> dict[str, float]:
        """Return {"value", "low", "high"} as they are, NaN included."""
        return asdict(self)

    def plain(self) -> dict[str, float | None]:
        """Return {"value", "low", "high"} as plain JSON values, what is not defined as null."""
        return {key: finite(number) for key, number in self.as_dict().items()}


@dataclass(frozen=True)
class Difference(Figure):
    """One figure minus another, with its 95 % interval."""

    @property
    def decided(self) -> bool:
        """True when the interval leaves out zero."""
        return self.low > 0 or self.high < 0

    def __neg__(self) -> Difference:
        return Difference(-self.value, -self.high, -self.low)


UNKNOWN = Figure()
"""What could not be worked out."""


@runtime_checkable
class Stored(Protocol):
    """What has a form of its own to be stored in, or told on standard output."""

    def as_dict(self) -> dict[str, Any]:
        """Return its keys and values, NaN for what is not defined."""


def finite(number: float) -> float | None:
    """Return the number, None when it is NaN or infinite."""
    return number if math.isfinite(number) else None


def plain_values(value: Any) -> Any:
    """Return a figure or a structure of figures as plain JSON values, what is not finite as null."""
    if isinstance(value, Stored):
        value = value.as_dict()
    if isinstance(value, dict):
        return {str(key): plain_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_values(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return finite(value) if isinstance(value, float) else value
