"""Points that labelling tools name one by one, brought into one order for the whole set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from core.data.reading.source_dataset import Points, SourceObject

Point = tuple[float, float, float]
"""x, y in pixels, and 2 seen, 1 hidden, 0 not labelled"""


@dataclass
class Skeletons:
    """Objects with named points; `names` is their order, that of the project where it states one."""

    names: list[str] = field(default_factory=list)
    found: list[tuple[SourceObject, dict[str, Point]]] = field(default_factory=list)

    def add(self, item: SourceObject, points: dict[str, Point]) -> SourceObject:
        """Note the points of an object; one without a box gets the box around its points."""
        self.found.append((item, points))
        item.keypoints = np.zeros((0, 3))  # filled in when all names are known
        if item.box is None and item.polygon is None:
            item.box = box_around([point for point in points.values() if point[2] > 0])
        elif item.box is None and item.polygon is not None:
            low, high = item.polygon.min(axis=0), item.polygon.max(axis=0)
            item.box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        item.polygon = None
        return item

    def settle(self) -> tuple[tuple[int, int] | None, list[int] | None]:
        """Put the points of all objects in order; return (points, 3) and the order after a mirror image, if known."""
        if not self.found:
            return None, None
        used = {name for _, points in self.found for name in points}
        names = [name for name in self.names if name in used]
        names += [name for _, points in self.found for name in points if name not in names]
        names = list(dict.fromkeys(names))
        for item, points in self.found:
            item.keypoints = np.array([points.get(name, (0.0, 0.0, 0.0)) for name in names], dtype=float)
        return (len(names), 3), mirror_order(names)


def box_around(points: Sequence[Point]) -> tuple[float, float, float, float] | None:
    """Return the box around points, at least two pixels wide and high; None when there is no point."""
    if not points:
        return None
    places: Points = np.array([point[:2] for point in points], dtype=float)
    low, high = places.min(axis=0), places.max(axis=0)
    thin = high - low < 2
    low, high = np.where(thin, low - 1, low), np.where(thin, high + 1, high)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def mirror_order(names: list[str]) -> list[int] | None:
    """Return which point takes whose place in a mirror image, by left and right in their names; None if unclear."""
    mirrored = [_mirror(name) for name in names]
    order = [names.index(other) if other in names else place for place, other in enumerate(mirrored)]
    return order if sorted(order) == list(range(len(names))) else None


def _mirror(name: str) -> str:
    for one, other in (("left", "right"), ("Left", "Right"), ("LEFT", "RIGHT")):
        if one in name:
            return name.replace(one, other)
        if other in name:
            return name.replace(other, one)
    for end, other in (("_l", "_r"), ("_r", "_l"), ("_L", "_R"), ("_R", "_L")):
        if name.endswith(end):
            return name[: -len(end)] + other
    return name
