"""How unlike a picture is to those a model learned from, told in the model's own features.

A model answers on any picture, on one of another organ, product or camera as well, and its confidence doesn't say that
it has never seen the like (Hendrycks and Gimpel 2017). So a picture is laid beside the training pictures. Its features
(core.evaluation.predict.pooled_features) are divided by their spread there, and every depth weighs the same. Two
distances are taken: to the nearest training pictures (deep nearest neighbours, Sun et al. 2022) and to all of them by
how features go together (Mahalanobis, Lee et al. 2018, with the covariance shrunk as by Ledoit and Wolf 2004). Each is
measured in what it is between one half of the training pictures and the other, and the larger one counts: a change of
contrast showed on chest X-rays in the first, on circuit boards in the second (`bench/unlike.py`).

The limit is set on the validation pictures, which the model didn't learn from, by the split-conformal quantile
(Vovk et al. 2005; Bates et al. 2023 for this use): of n of them it is the ceil((n + 1)(1 - share))-th smallest
distance, so that a new picture of the same kind lies beyond it with a probability of at most `share`, whatever the
model and however the distances are spread.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

FEATURES_FILE = "training_features.npz"
"""Of a run in its folder `evaluation/`, of a kept model beside its weights."""
NEIGHBOURS = 5
"""Training pictures that the first distance is measured to, the nearest ones."""
UNIT = 0.9
"""Share of one half's pictures that lie nearer to the other half than what is called 1."""
FEWEST_TRAINING = 4
"""Pictures, so that each half has two."""
SHARE = 0.05
"""Pictures of the same kind that are marked all the same, as a share."""
FEWEST_VALIDATION = 9
"""With fewer validation pictures no limit is set: more than one in ten of the same kind would have to be marked."""
FLOOR = 0.01
"""A feature that hardly differs between the training pictures is divided by this share of the usual spread."""

Distances = Callable[[NDArray[np.float32]], tuple[NDArray[np.float64], NDArray[np.float64]]]
"""Pictures (rows) to how far each lies from the nearest known ones, and from all of them."""


@dataclass(frozen=True)
class TrainingFeatures:
    """What a model saw in the pictures it learned from, and from which distance on a picture is unlike them."""

    layers: tuple[int, ...]
    """numbers of the layers whose channels are the features"""
    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    """of each feature, times the root of how many there are at its depth"""
    vectors: NDArray[np.float16]
    """(pictures, features), less their mean, divided by their spread"""
    units: tuple[float, float]
    """what either distance is between two halves of the training pictures"""
    limit: float
    share: float
    """of pictures of the same kind, that at most are marked (0 to 1)"""
    validation: int
    """pictures the limit was set on"""
    weights_sha256: str

    def distance(self, features: NDArray[np.float32]) -> float:
        """Return how far a picture with these (features,) lies from the training pictures; 1 is the limit."""
        scaled = ((features - self.mean) / self.spread)[None]
        return float(_larger(self._both(scaled), self.units)[0]) / self.limit

    @cached_property
    def _both(self) -> Distances:
        return _distances_to(self.vectors.astype(np.float32))


def fit(
    training: NDArray[np.float32],
    validation: NDArray[np.float32],
    layers: dict[int, int],
    weights_sha256: str,
) -> TrainingFeatures | None:
    """Return what new pictures are compared with, from two arrays (pictures, features).

    `layers` says how many features each layer has, by its number, in their order. None where there are too few
    validation pictures to set a limit on, or hardly any training pictures.
    """
    if len(training) < FEWEST_TRAINING or len(validation) < FEWEST_VALIDATION:
        return None
    mean, spread = training.mean(axis=0), training.std(axis=0)
    spread = np.maximum(spread, max(FLOOR * float(np.median(spread)), 1e-6))
    features = np.array(list(layers.values()))
    spread = (spread * np.sqrt(np.repeat(features, features))).astype(np.float32)
    vectors = ((training - mean) / spread).astype(np.float16)
    known = vectors.astype(np.float32)
    units = tuple(float(np.quantile(each, UNIT)) for each in _distances_to(known[::2])(known[1::2]))
    units = (max(units[0], 1e-6), max(units[1], 1e-6))
    rank, share = conformal_rank(len(validation))
    distances = _larger(_distances_to(known)((validation - mean) / spread), units)
    limit = max(float(np.sort(distances)[rank - 1]), 1e-6)
    return TrainingFeatures(tuple(layers), mean, spread, vectors, units, limit, share, len(validation), weights_sha256)


def conformal_rank(pictures: int, share: float = SHARE) -> tuple[int, float]:
    """Return which of the distances of so many validation pictures is the limit, from 1, and the share it promises.

    With fewer than 1 / share - 1 of them that is the largest one, and the share that can be promised is higher.
    """
    rank = math.ceil((pictures + 1) * (1 - share) - 1e-9)
    return (rank, share) if rank <= pictures else (pictures, 1 / (pictures + 1))


def _distances_to(known: NDArray[np.float32]) -> Distances:
    """Return what measures the distance of pictures (rows) from known ones: to the nearest, and to all of them."""
    count, size = known.shape
    middle = known.mean(axis=0)
    centred = (known - middle).astype(np.float64)
    covariance = centred.T @ centred / count
    even = np.trace(covariance) / size
    apart = ((covariance - even * np.eye(size)) ** 2).sum()
    noise = (((centred**2).sum(axis=1) ** 2).sum() / count - (covariance**2).sum()) / count
    shrunk = min(max(noise / apart, 0.0), 1.0) if apart > 0 else 1.0
    ridge = max(1e-6 * even, 1e-12)  # where all pictures agree
    root = np.linalg.cholesky((1 - shrunk) * covariance + (shrunk * even + ridge) * np.eye(size))
    squares = (known**2).sum(axis=1)

    def measure(rows: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        squared = (rows**2).sum(axis=1)[:, None] + squares - 2 * rows @ known.T
        nearest = np.sort(np.sqrt(np.maximum(squared, 0)), axis=1)[:, :NEIGHBOURS].mean(axis=1)
        from_all = solve_triangular(root, (rows - middle).T, lower=True, check_finite=False)
        return nearest.astype(np.float64), np.linalg.norm(from_all, axis=0)

    return measure


def _larger(both: tuple[NDArray[np.float64], NDArray[np.float64]], units: tuple[float, float]) -> NDArray[np.float64]:
    """Return the larger of two distances of each picture, each in its unit."""
    larger: NDArray[np.float64] = np.maximum(both[0] / units[0], both[1] / units[1])
    return larger


def features_path(run_folder: Path) -> Path:
    """Return where a run keeps what its best model saw in the training pictures."""
    return run_folder / "evaluation" / FEATURES_FILE


def save_features(features: TrainingFeatures, path: Path) -> None:
    """Write the features to an .npz file; a reader finds the old one or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    arrays: dict[str, Any] = {item.name: np.asarray(getattr(features, item.name)) for item in fields(features)}
    try:
        with temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def load_features(path: Path, weights_sha256: str) -> TrainingFeatures | None:
    """Return the features stored for these weights, None where there are none, of other weights, or damaged ones."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return _stored(stored, weights_sha256)
    except (OSError, ValueError, KeyError, BadZipFile):
        return None


def _stored(stored: Any, weights_sha256: str) -> TrainingFeatures | None:
    if str(stored["weights_sha256"]) != weights_sha256:
        return None
    return TrainingFeatures(
        layers=tuple(stored["layers"].tolist()),
        mean=stored["mean"],
        spread=stored["spread"],
        vectors=stored["vectors"],
        units=tuple(stored["units"].tolist()),
        limit=float(stored["limit"]),
        share=float(stored["share"]),
        validation=int(stored["validation"]),
        weights_sha256=weights_sha256,
    )
