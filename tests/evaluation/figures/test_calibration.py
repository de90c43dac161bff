"""Stated confidence against how often it is right, and its correction."""

from pathlib import Path

import numpy as np
import pytest

from core.evaluation.crossfit.correction import (
    Correction,
    best_class_correction,
    best_offered,
    drop_correction,
    fit_class_temperature,
    fit_temperature,
    load_correction,
    save_correction,
    try_corrections,
)
from core.evaluation.figures.calibration import calibration, sure_answers
from core.evaluation.figures.intervals import draw


def answers(count: int, temperature: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Confidences of a model that is honest once its logits are divided by `temperature`."""
    random = np.random.default_rng(seed)
    honest = random.uniform(0.02, 0.98, count)
    return Correction(1 / temperature).of(honest), random.random(count) < honest


def test_an_honest_model_has_no_error_and_a_boastful_one_has() -> None:
    honest, boastful = calibration(*answers(20_000, 1.0)), calibration(*answers(20_000, 3.0))
    assert honest.error.value < 0.01
    assert boastful.error.value > 0.1
    assert sum(item.count for item in boastful.bins) == 20_000


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_fitted_temperature_is_the_one_that_was_put_in(temperature: float) -> None:
    confidence, correct = answers(20_000, temperature)
    fitted = fit_temperature(confidence, correct)
    assert fitted is not None
    assert fitted.temperature == pytest.approx(temperature, rel=0.05)
    after = fitted.of(confidence)
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
    boastful = Correction(0.5).of_classes(honest)
    fitted = fit_class_temperature(boastful, truth)
    assert fitted is not None
    assert fitted.temperature == pytest.approx(2.0, rel=0.1)
    assert fitted.of_classes(boastful).sum(axis=1) == pytest.approx(np.ones(8000))
    offered = best_class_correction(boastful, truth, np.arange(8000))
    assert offered is not None
    assert offered.after < offered.before / 2


def test_too_little_to_go_by_gives_no_temperature() -> None:
    assert fit_temperature(np.full(5, 0.9), np.array([True, False, True, True, False])) is None
    assert fit_temperature(np.full(50, 0.9), np.ones(50, dtype=bool)) is None
    assert fit_class_temperature(np.zeros((0, 3)), np.zeros(0, dtype=int)) is None


def best_correction(confidence: np.ndarray, correct: np.ndarray, unit: np.ndarray, line: float):
    return best_offered(try_corrections(confidence, correct, unit), correct, confidence >= line)


def sure_of_the_wrong(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A detector's answers: a thousand doubtful ones that are hardly ever right, forty sure ones right in 38 %."""
    random = np.random.default_rng(seed)
    doubtful, sure = random.uniform(0.05, 0.15, 1000), random.uniform(0.88, 0.98, 40)
    correct = np.r_[random.random(1000) < 0.03, np.arange(40) % 8 < 3]
    return np.r_[doubtful, sure], correct


def test_the_many_doubtful_answers_do_not_say_how_sure_it_is() -> None:
    confidence, correct = sure_of_the_wrong()
    fitted = fit_temperature(confidence, correct)
    assert fitted is not None
    assert fitted.temperature < 1, "the temperature alone would have it that it is not sure enough"
    shown, pictures = confidence >= 0.5, np.arange(len(confidence)) % 50
    sure = sure_answers(confidence[shown], correct[shown], pictures[shown], draw(50), 50)
    assert sure is not None
    assert sure.gap.value == pytest.approx(0.93 - 0.375, abs=0.02)
    assert sure.gap.low > 0.3


def test_a_correction_that_makes_the_sure_answers_worse_is_not_offered() -> None:
    confidence, correct = sure_of_the_wrong()
    offered = best_correction(confidence, correct, np.arange(len(confidence)), 0.5)
    if offered is not None:
        assert offered.after < offered.before
        assert offered.sure_after < offered.sure_before
        assert offered.correction.of(np.array([0.93]))[0] < 0.93


def test_an_honest_model_is_offered_no_correction_worth_the_name() -> None:
    confidence, correct = answers(400, 1.0)
    offered = best_correction(confidence, correct, np.arange(400), 0.5)
    assert offered is None or offered.before - offered.after < 0.03


def test_a_bias_corrects_what_a_temperature_can_not() -> None:
    random = np.random.default_rng(1)
    honest = random.uniform(0.02, 0.98, 4000)
    said = Correction(1.0, 1.5).of(honest)
    offered = best_correction(said, random.random(4000) < honest, np.arange(4000), 0.5)
    assert offered is not None
    assert offered.correction.bias == pytest.approx(-1.5, abs=0.2)
    assert offered.after < 0.03 < offered.before


def test_few_sure_answers_leave_doubt() -> None:
    sure = sure_answers(np.full(3, 0.9), np.ones(3, dtype=bool), np.arange(3), draw(3), 3)
    assert sure is not None
    assert not sure.gap.decided


def test_the_correction_belongs_to_the_weights_it_was_fitted_on(tmp_path: Path) -> None:
    assert load_correction(tmp_path) is None
    save_correction(tmp_path, Correction(1.7, 0.2), "abc")
    assert load_correction(tmp_path, "abc") == Correction(1.7, 0.2)
    assert load_correction(tmp_path, "other") is None
    drop_correction(tmp_path)
    assert load_correction(tmp_path, "abc") is None


def test_a_correction_stored_before_there_was_a_bias_still_counts(tmp_path: Path) -> None:
    (tmp_path / "calibration.json").write_text('{"temperature": 1.7, "weights_sha256": "abc"}')
    assert load_correction(tmp_path, "abc") == Correction(1.7)
