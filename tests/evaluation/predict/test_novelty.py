"""Telling pictures unlike the training pictures: the limit keeps what it promises, whatever the distances are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.evaluation.predict.novelty import (
    FEWEST_VALIDATION,
    TrainingFeatures,
    conformal_rank,
    fit,
    load_features,
    save_features,
)


def pictures(number: int, features: int = 12, *, centre: float = 0.0, seed: int = 1) -> np.ndarray:
    """Features of skewed pictures that hang together, as those of real ones do."""
    random = np.random.default_rng(seed)
    common = random.exponential(size=(number, 1))
    return (centre + common + random.normal(size=(number, features))).astype(np.float32)


def fitted(training: np.ndarray, validation: np.ndarray) -> TrainingFeatures:
    features = fit(training, validation, {3: training.shape[1]}, "digest")
    assert features is not None
    return features


@pytest.mark.parametrize(
    ("validation", "rank", "share"),
    [(19, 19, 0.05), (39, 38, 0.05), (100, 96, 0.05), (18, 18, 1 / 19), (9, 9, 0.1)],
)
def test_the_limit_is_the_conformal_quantile(validation: int, rank: int, share: float) -> None:
    assert conformal_rank(validation) == (rank, pytest.approx(share))


@pytest.mark.parametrize("validation", [12, 30, 75])
def test_pictures_of_the_same_kind_are_marked_in_the_share_promised(validation: int) -> None:
    marked, trials, new = 0, 300, 20
    for trial in range(trials):
        same = pictures(40 + validation + new, features=4, seed=trial)
        features = fitted(same[:40], same[40 : 40 + validation])
        marked += sum(features.distance(row) > 1 for row in same[40 + validation :])
    expected = (validation + 1 - conformal_rank(validation)[0]) / (validation + 1)
    assert expected <= features.share + 1e-9
    assert marked / (trials * new) == pytest.approx(expected, abs=0.015)


def test_pictures_of_another_kind_lie_beyond_the_limit() -> None:
    features = fitted(pictures(60), pictures(40, seed=2))
    assert all(features.distance(row) > 1.5 for row in pictures(20, centre=9, seed=3))


def test_a_feature_that_never_moved_does_not_decide_alone() -> None:
    training, validation = pictures(60), pictures(40, seed=2)
    training[:, 0] = validation[:, 0] = 5
    features = fitted(training, validation)
    near = training.mean(axis=0)
    assert features.distance(near) < 1
    near[0] += 0.01 * float(np.median(training.std(axis=0)))
    assert features.distance(near) < 1


def test_every_depth_weighs_the_same() -> None:
    training, validation = pictures(60, features=101), pictures(40, features=101, seed=2)
    lone, many = training.mean(axis=0), training.mean(axis=0)
    lone[0] += 6 * training[:, 0].std()
    many[1:] += 6 * training[:, 1:].std(axis=0)
    apart = fit(training, validation, {2: 1, 5: 100}, "digest")
    assert apart is not None
    assert apart.distance(lone) == pytest.approx(apart.distance(many), rel=0.25)
    assert fitted(training, validation).distance(many) > 3 * fitted(training, validation).distance(lone)


def test_without_enough_validation_pictures_nothing_is_claimed() -> None:
    assert fit(pictures(60), pictures(FEWEST_VALIDATION - 1), {0: 12}, "digest") is None
    assert fit(pictures(3), pictures(40), {0: 12}, "digest") is None


def test_what_is_kept_answers_as_before_and_for_its_own_weights_only(tmp_path: Path) -> None:
    features, path = fitted(pictures(60), pictures(40, seed=2)), tmp_path / "run" / "features.npz"
    assert load_features(path, "digest") is None
    save_features(features, path)
    stored = load_features(path, "digest")
    assert stored is not None
    assert stored.distance(pictures(1, seed=4)[0]) == features.distance(pictures(1, seed=4)[0])
    arrays = {"mean": 0, "spread": 0, "vectors": 0}
    assert replace(stored, **arrays) == replace(features, **arrays)
    assert load_features(path, "other") is None
    assert [item.name for item in path.parent.iterdir()] == ["features.npz"]


def test_a_damaged_file_is_as_good_as_none(tmp_path: Path) -> None:
    path = tmp_path / "features.npz"
    save_features(fitted(pictures(60), pictures(40, seed=2)), path)
    path.write_bytes(path.read_bytes()[:-300])
    assert load_features(path, "digest") is None
