"""What transfer bought, in words that the figures carry."""

from __future__ import annotations

import pytest

from core.evaluation.figures.figure import Difference
from core.lab.cross_dataset import Predicted, figures, zero_shot_sentence
from core.lab.kinds.transfer import LearningCurve, transfer_sentences
from core.lab.predict_child import same_names

FAST = LearningCurve([20, 40, 60], [0.3, 0.5, 0.6])
SLOW = LearningCurve([60, 120, 1200], [0.1, 0.3, 0.45])


@pytest.mark.parametrize(
    ("known", "scratch", "between", "expected"),
    [
        (
            FAST,
            SLOW,
            Difference(0.15, 0.05, 0.25),
            ["reached in 40 s of training what training from scratch had not reached in 20 min", "better by 15 points"],
        ),
        (FAST, SLOW, Difference(0.15, -0.05, 0.25), ["reached in 40 s", "don’t decide"]),
        (
            FAST,
            LearningCurve([10, 29], [0.0, 0.001]),
            Difference(0.5, 0.4, 0.7),
            [
                "reached 0.600 of mAP50-95 in 60 s of training; from scratch nothing to speak of was learned in 29 s",
                "50",
            ],
        ),
        (LearningCurve([9], [0.0]), LearningCurve([9], [0.0]), Difference(0.0, 0.0, 0.0), ["Neither"]),
        (SLOW, FAST, Difference(-0.15, -0.2, -0.1), ["got as far", "not quality"]),
    ],
)
def test_sentences(known: LearningCurve, scratch: LearningCurve, between: Difference, expected: list[str]) -> None:
    said = transfer_sentences(known, scratch, between, "mAP50-95")
    for sentence, words in zip(said, expected, strict=True):
        assert words in sentence


def test_what_was_reached_is_told_as_the_evaluation_counts_it() -> None:
    said = transfer_sentences(
        FAST, LearningCurve([29], [0.0]), Difference(0.5, 0.4, 0.7), "mAP50-95", ended=(0.618, 0.0)
    )
    assert "0.618" in said[0]
    assert "0.600" not in said[0]


def test_classes_are_the_same_under_small_differences_of_writing() -> None:
    names = ["person", "Fire_Hydrant", "bus", "glasses"]
    assert same_names(["Persons", "fire hydrant", "glass", "bus", "crack"], names) == {
        "Persons": "person",
        "fire hydrant": "Fire_Hydrant",
        "bus": "bus",
    }


def test_zero_shot_says_which_classes() -> None:
    assert "all your classes" in zero_shot_sentence({"cat": "cat"}, 1, 0.4, 0.6)
    assert "1 of your 3 classes (cat)" in zero_shot_sentence({"cat": "cat"}, 3, 0.4, 0.6)


def test_a_model_that_finds_every_label_scores_one_and_one_that_finds_half_less(tiny) -> None:
    table = tiny.image_table()
    files = table[table["split"] == "val"]["file"].tolist()
    pictures = {}
    for file in files:
        rows = []
        for item in tiny.labelled_image(file, 64, 64).objects:
            x, y, w, h = (64 * value for value in item.box)
            rows.append([tiny.classes[item.class_id], 0.9, x - w / 2, y - h / 2, x + w / 2, y + h / 2])
        pictures[file] = rows
    perfect = figures(Predicted("detect", {}, pictures), tiny, files, tiny.classes)
    assert perfect[0] == pytest.approx(1.0, abs=0.01)
    halved = {file: rows if number % 2 else [] for number, (file, rows) in enumerate(pictures.items())}
    half = figures(Predicted("detect", {}, halved), tiny, files, tiny.classes)
    assert 0.3 < half[0] < 0.7
    assert (perfect - half)[1:].min() >= -1e-6, "the same draws for both"
    assert figures(Predicted("detect", {}, {}), tiny, files, tiny.classes)[0] == 0.0
