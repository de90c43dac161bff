"""Where it fails: the share found among parts of the objects, or named rightly among parts of the pictures.

A part is called clearly worse only when the difference to the rest can't be chance, with Bonferroni's correction for
the number of parts looked at, and the rest could not be as low by chance either.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from core.evaluation.figures.figure import Figure
from core.evaluation.figures.intervals import Weights, ratio_interval, wilson
from core.evaluation.figures.metrics import ratio
from core.evaluation.predict.matching import SIZES
from core.evaluation.predict.prediction_arrays import PredictionArrays

ATTRIBUTE = "by:"
"""Begins the columns of a picture table that tell of site, device or date (core/data/attributes.py)."""
Mask = NDArray[np.bool_]
Cuts = dict[str, dict[str, Mask]]
FEWEST = 5
"""Objects a part, and the rest, need before anything is said about them."""
MOST_PARTS = 12
"""Sources or groups listed, the largest ones."""
EDGE = 0.15
"""Objects whose centre is nearer to the border, as a share of the picture, are near the edge."""


@dataclass(frozen=True)
class Slice:
    """One part of the objects, or of a classifier's pictures, and how much of it is found or named rightly."""

    by: str
    """what the items are divided by: class, size, position, brightness, source, group, or an attribute such as site"""
    name: str
    metric: str
    """recall, or accuracy of a classifier"""
    figure: Figure
    objects: int
    found: int
    worse: bool
    """clearly worse than the rest, beyond chance"""

    def as_dict(self) -> dict[str, Any]:
        """Return its fields flat, the name as "slice"."""
        named = {"by": self.by, "slice": self.name, "metric": self.metric, **self.figure.as_dict()}
        return named | {"objects": self.objects, "found": self.found, "worse": self.worse}


class Slices:
    """The parts of a set of items (labelled objects, or classified pictures), ready for any operating point."""

    def __init__(self, cuts: Cuts, picture: NDArray[np.int64], weights: Weights, units: int, metric: str) -> None:
        """Take {by: {name: mask over the items}}, each item's picture, and the draws of pictures."""
        named = [(by, name, mask) for by, parts in cuts.items() for name, mask in parts.items() if mask.any()]
        self.names = [(by, name) for by, name, _ in named]
        self.masks = [mask for _, _, mask in named]
        self.picture, self.weights, self.units, self.metric = picture, weights, units, metric
        self._totals = self._drawn([np.ones(len(picture), dtype=bool), *self.masks])

    def _drawn(self, masks: list[Mask]) -> NDArray[np.float64]:
        count = self.weights.shape[1]
        table = np.stack([np.bincount(self.picture[mask], minlength=count) for mask in masks], axis=1)
        return np.asarray(self.weights @ table.astype(np.float32), dtype=np.float64)

    def measure(self, good: Mask) -> list[Slice]:
        """Return how each part fares when these items are the good ones."""
        if not self.names:
            return []
        drawn = self._drawn([good, *[mask & good for mask in self.masks]])
        limit = ndtri(0.025 / len(self.names))
        rows = []
        for index, ((by, name), mask) in enumerate(zip(self.names, self.masks, strict=True), start=1):
            objects, found = int(mask.sum()), int((mask & good).sum())
            rest, rest_found = len(mask) - objects, int(good.sum()) - found
            with np.errstate(invalid="ignore", divide="ignore"):
                draws = drawn[:, index] / self._totals[:, index]
                others = (drawn[:, 0] - drawn[:, index]) / (self._totals[:, 0] - self._totals[:, index])
            units = min(self.units, len(np.unique(self.picture[mask])))
            low, high = ratio_interval(draws, found, objects, units)
            value = ratio(found, objects)
            difference = (draws - others)[np.isfinite(draws - others)]
            spread = float(difference.std()) if len(difference) else 0.0
            gap = value - ratio(rest_found, rest)
            worse = (
                min(objects, rest) >= FEWEST
                and gap < limit * spread
                and value < wilson(rest_found, rest)[0]
                and high < ratio(rest_found, rest)
            )
            rows.append(Slice(by, name, self.metric, Figure(value, low, high), objects, found, bool(worse)))
        return rows


def object_cuts(arrays: PredictionArrays) -> Cuts:
    """Return the parts of the labelled objects: by class, size, position, brightness, source and group."""
    if arrays.truth.empty:
        return {}
    area = arrays.sides() ** 2
    small, large = SIZES["small"][1], SIZES["medium"][1]
    cuts: Cuts = {"class": {}}
    if len(arrays.classes) > 1:
        cuts["class"] = {name: arrays.true_class == index for index, name in enumerate(arrays.classes)}
    cuts["size"] = {
        "small (under 32 px)": area < small,
        "medium (32 to 96 px)": (area >= small) & (area < large),
        "large (96 px and more)": area >= large,
    }
    picture = arrays.images.iloc[arrays.true_picture]
    x = ((arrays.truth["x1"] + arrays.truth["x2"]) / 2).to_numpy() / picture["width"].to_numpy(dtype=float)
    y = ((arrays.truth["y1"] + arrays.truth["y2"]) / 2).to_numpy() / picture["height"].to_numpy(dtype=float)
    edge = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y)) < EDGE
    cuts["position"] = {"near the edge of the picture": edge, "well inside the picture": ~edge}
    return {**cuts, **picture_cuts(arrays.images, arrays.true_picture)}


def picture_cuts(images: pd.DataFrame, picture: NDArray[np.int64]) -> Cuts:
    """Return the parts that follow from an item's picture: by brightness, source folder, attribute and group."""
    cuts: Cuts = {}
    if "brightness" in images and images["brightness"].notna().all() and len(images) >= 6:
        values = images["brightness"].to_numpy(dtype=float)
        low, high = np.quantile(values, [1 / 3, 2 / 3])
        if low < high:
            light = values[picture]
            cuts["brightness"] = {
                "in the darkest third": light < low,
                "in the middle third": (light >= low) & (light <= high),
                "in the brightest third": light > high,
            }
    if "source" in images:
        cuts["source"] = _by_name(_folders(images["source"].fillna("").astype(str).tolist()), picture)
    for column in images:
        if str(column).startswith(ATTRIBUTE):
            cuts[str(column).removeprefix(ATTRIBUTE)] = _by_name(
                images[column].fillna("").astype(str).tolist(), picture
            )
    if "group" in images:
        cuts["group"] = _by_name(images["group"].fillna("").astype(str).tolist(), picture)
    return cuts


def _folders(sources: list[str]) -> list[str]:
    """Return each picture's folder below what all have in common; the names of splits say nothing."""
    parts = [[part for part in PurePosixPath(source).parent.parts if part not in _SAYING_NOTHING] for source in sources]
    common = 0
    while parts and all(len(item) > common and item[common] == parts[0][common] for item in parts):
        common += 1
    return ["/".join(item[common:]) for item in parts]


_SAYING_NOTHING = {"train", "val", "valid", "validation", "test", "images", "."}


def _by_name(names: list[str], picture: NDArray[np.int64]) -> dict[str, Mask]:
    """Return one mask per name with enough items, the largest first; none when there is but one name."""
    if len(set(names) - {""}) < 2:
        return {}
    mine = np.array(names, dtype=object)[picture]
    values, counts = np.unique(mine.astype(str), return_counts=True)
    chosen = [index for index in np.argsort(-counts, kind="stable") if values[index] and counts[index] >= FEWEST]
    return {str(values[index]): mine == values[index] for index in chosen[:MOST_PARTS]}
