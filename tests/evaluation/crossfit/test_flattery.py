"""Figures counted on the pictures that chose line and epoch are too high, and by how much is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.evaluation.crossfit.counts import Counts, Findings, best_epochs, fixed, flattery, highest_f1
from core.evaluation.crossfit.epochs import MOST, epochs_folder, findings_of, fitness_of, keep_epoch, read_epochs
from core.evaluation.crossfit.expected import Choosing, expected_of_classifier
from core.evaluation.crossfit.folds import draw_folds
from core.evaluation.crossfit.rules import rule_of
from core.evaluation.figures.operating_point import StoredPoint, load_operating_point, save_operating_point
from core.ultralytics.trainers.epoch_answers import EpochAnswers
from tests.evaluation.crossfit.made_up import coin_epochs, noisy_findings


def test_pictures_of_a_group_share_a_fold() -> None:
    member = np.repeat(np.arange(7), 3)
    folds = draw_folds(member, 3, 8)
    assert folds.shape == (8, 21)
    for row in folds:
        assert set(row) == {0, 1, 2}
        assert all(len(set(row[member == group])) == 1 for group in range(7))
    assert draw_folds(np.array([0, 0]), 3, 2).tolist() == [[0, 0], [0, 0]]


def test_a_choice_among_coins_is_seen_to_flatter() -> None:
    """Fifteen equally good epochs, right in 70 of 100: the best looks better, cross-fitted it is as good as it is."""
    counted, expected = [], []
    for seed in range(40):
        random = np.random.default_rng(seed)
        epochs = coin_epochs(random, epochs=15, pictures=40, right=0.7)
        folds = draw_folds(np.arange(40), seed=seed)

        def fitness(epoch: int, pictures: np.ndarray, epochs: list[Findings] = epochs) -> float:
            return float(epochs[epoch].hit[pictures].mean())

        everything = np.ones(40, dtype=bool)
        kept = int(np.argmax([fitness(epoch, everything) for epoch in range(15)]))
        raw = epochs[kept].counts(0.0, everything)
        counted.append(raw.hits.mean())
        expected.append(
            (raw - flattery(epochs[0], folds, fixed(0.0), epochs, best_epochs(fitness, range(15), folds))).hits.mean()
        )
    assert np.mean(counted) > 0.79
    assert np.mean(expected) == pytest.approx(0.70, abs=0.02)


def test_of_equal_epochs_the_latest_is_chosen_wherever_it_stands() -> None:
    folds = draw_folds(np.arange(9))
    assert set(best_epochs(lambda _epoch, _pictures: 0.5, [7, 9, 3, 5], folds).ravel()) == {1}


def test_a_line_that_no_picture_moves_does_not_flatter() -> None:
    found = noisy_findings(np.random.default_rng(0), pictures=30, overlap=False)
    folds = draw_folds(np.arange(30))
    assert flattery(found, folds, fixed(0.5)).hits.tolist() == [0.0] * 30
    lost = [
        flattery(noisy_findings(np.random.default_rng(seed), pictures=20, overlap=True), folds[:, :20], highest_f1)
        for seed in range(20)
    ]
    assert np.mean([item.hits.sum() - item.findings.sum() / 2 for item in lost]) > 0.05  # F1 comes out too high


def test_the_counts_at_a_line() -> None:
    found = Findings(np.array([0.9, 0.6, 0.3]), np.array([True, False, True]), np.array([0, 0, 1]), np.array([1.0, 1]))
    counts = found.counts(0.5, np.ones(2, dtype=bool))
    assert (counts.hits.tolist(), counts.findings.tolist()) == ([1, 0], [2, 0])
    assert isinstance(counts - counts, Counts)


def answers(seed: int, pictures: int = 6) -> EpochAnswers:
    random = np.random.default_rng(seed)
    right = np.sort(random.random((2 * pictures, 10)) < 0.6, axis=1)[:, ::-1]
    return EpochAnswers(
        files=[f"val/{number}.png" for number in range(pictures)],
        found=np.full(pictures, 2), labelled=np.full(pictures, 2), true_classes=np.tile([0, 1], pictures),
        classes=np.tile([0, 1], pictures), confidence=random.uniform(0.1, 1, 2 * pictures),
        right=right, right_by_task=right,
    )  # fmt: skip


def test_the_best_epochs_are_kept_and_read_the_best_first(tmp_path: Path) -> None:
    for epoch in range(1, MOST + 4):
        keep_epoch(tmp_path, epoch, 0.5 if epoch == 2 else epoch / 1000, answers(epoch))
    read = read_epochs(tmp_path)
    assert list(read) == [2, *range(MOST + 3, 4, -1)]
    assert len(list(epochs_folder(tmp_path).glob("*.npz"))) == MOST
    np.testing.assert_allclose(read[2].confidence, answers(2).confidence, atol=1e-6)
    assert read[2].files == answers(2).files
    keep_epoch(tmp_path, 10, 0.9, answers(10))  # gone back to after an interruption: what came later is not known yet
    assert list(read_epochs(tmp_path))[:2] == [10, 2]
    assert max(read_epochs(tmp_path)) == 10
    (epochs_folder(tmp_path) / "2.npz").write_bytes(b"cut off")
    assert read_epochs(tmp_path) == {}


def test_fitness_is_that_of_the_training_over_the_chosen_pictures() -> None:
    one, place = answers(0), np.arange(6)
    whole = fitness_of([one], place, "detect")(0, np.ones(6, dtype=bool))
    half = fitness_of([one], place, "detect")(0, np.arange(6) < 3)
    assert 0 < whole < 1
    assert whole != half
    assert fitness_of([one], place, "segment")(0, np.ones(6, dtype=bool)) == pytest.approx(2 * whole)
    found = findings_of(one, place[::-1], 6, "detect")
    assert found.picture.tolist() == [5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0]
    assert found.hit.tolist() == one.right[:, 0].tolist()


def test_answers_of_other_pictures_are_passed_over() -> None:
    files = [f"val/{number}.png" for number in range(6)]
    assert Choosing(files, None, {1: answers(1), 2: answers(2)}, "detect").knows_epochs
    assert not Choosing([*files[:5], "val/other.png"], None, {1: answers(1)}, "detect").knows_epochs
    assert not Choosing(files, None, {}, "detect").knows_epochs


def test_a_classifier_without_its_epochs_is_told_as_counted() -> None:
    expected = expected_of_classifier(Choosing([f"{n}" for n in range(20)], None, {}, "classify"), np.arange(20) < 15)
    assert expected.metrics["top1"].value == 0.75
    assert not expected.epoch
    assert "kept no answers" in expected.sentence


def test_the_rule_of_a_line_is_known_or_it_was_drawn_by_hand(tmp_path: Path) -> None:
    save_operating_point(tmp_path, 0.4, chosen_on="val", rule="Few false alarms", aim="precision",
                         options={"at_least": 0.9})  # fmt: skip
    point = load_operating_point(tmp_path)
    assert point is not None
    assert rule_of(point, 0.41) is None
    rule = rule_of(point, 0.4)
    assert rule is not None
    found = Findings(np.array([0.9, 0.8, 0.7]), np.array([True, True, False]), np.array([0, 1, 2]), np.ones(3))
    assert 0.7 < rule(found, np.ones(3, dtype=bool)) <= 0.8
    assert rule_of(StoredPoint(confidence=0.4, chosen_on="val", rule="chosen by hand"), 0.4) is None
    assert rule_of(StoredPoint(confidence=0.4, chosen_on="val", rule="max F1"), 0.4) is highest_f1
