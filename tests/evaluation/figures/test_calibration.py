"""Stated confidence against how often it is right, and its correction."""

from pathlib import Path

import numpy as np
import pytest

from core.evaluation.figures.calibration import (
    calibration,
    drop_temperature,
    fit_class_temperature,
    fit_temperature,
    load_temperature,
    save_temperature,
    scaled,
    scaled_probabilities,
)
from core.evaluation.figures.intervals import draw


def answers(count: int, temperature: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Confidences of a model that is honest once its logits are divided by `temperature`."""
    random = np.random.default_rng(seed)
    honest = random.uniform(0.02, 0.98, count)
    return scaled(honest, 1 / temperature), random.random(count) < honest


def test_an_honest_model_has_no_error_and_a_boastful_one_has() -> None:
    honest, boastful = calibration(*answers(20_000, 1.0)), calibration(*answers(20_000, 3.0))
    assert honest.error.value < 0.01
    assert boastful.error.value > 0.1
    assert sum(item.count for item in boastful.bins) == 20_000


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_fitted_temperature_is_the_one_that_was_put_in(temperature: float) -> None:
    confidence, correct = answers(20_000, temperature)
    fitted = fit_temperature(confidence, correct)
    assert fitted == pytest.approx(temperature, rel=0.05)
    after = scaled(confidence, fitted)
    assert calibration(after, correct).error.value < 0.015
    assert (np.argsort(after) == np.argsort(confidence)).all()


def test_the_interval_of_the_error_holds_it_and_shrinks() -> None:
    widths = []
    for count in (200, 5000):
        confidence, correct = answers(count, 2.0)
        found = calibration(confidence, correct, np.arange(count), draw(count))
        assert found.error.low <= found.error.value <= found.error.high
        widths.append(found.error.high - found.error.low)
    assert widths[1] < widths[0] / 2


def test_a_classifier_is_corrected_too() -> None:
    random = np.random.default_rng(0)
    honest = random.dirichlet(np.full(4, 0.7), 8000)
    truth = np.array([random.choice(4, p=row) for row in honest])
    boastful = scaled_probabilities(honest, 0.5)
    fitted = fit_class_temperature(boastful, truth)
    assert fitted == pytest.approx(2.0, rel=0.1)
    assert scaled_probabilities(boastful, fitted).sum(axis=1) == pytest.approx(np.ones(8000))


def test_too_little_to_go_by_gives_no_temperature() -> None:
    assert fit_temperature(np.full(5, 0.9), np.array([True, False, True, True, False])) is None
    assert fit_temperature(np.full(50, 0.9), np.ones(50, dtype=bool)) is None
    assert fit_class_temperature(np.zeros((0, 3)), np.zeros(0, dtype=int)) is None


def test_the_correction_belongs_to_the_weights_it_was_fitted_on(tmp_path: Path) -> None:
    assert load_temperature(tmp_path) is None
    save_temperature(tmp_path, 1.7, "abc")
    assert load_temperature(tmp_path, "abc") == 1.7
    assert load_temperature(tmp_path, "other") is None
    drop_temperature(tmp_path)
    assert load_temperature(tmp_path, "abc") is None
