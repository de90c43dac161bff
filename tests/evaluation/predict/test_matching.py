"""The matcher and the kinds of mistakes, on cases small enough to work out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.evaluation.predict.error_kinds import error_kinds
from core.evaluation.predict.matching import box_iou, from_bits, match, match_in_range, nearest, to_bits
from core.evaluation.predict.prediction_arrays import CODES, PredictionArrays

HALF = np.array([0.5])


def test_overlap_of_half_covered_boxes() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [5.0, 0, 15, 10], [20.0, 20, 30, 30]])
    overlaps = box_iou(boxes[:1], boxes)
    assert np.allclose(overlaps, [[1.0, 50 / 150, 0.0]])


def test_the_surer_prediction_takes_the_object_and_the_second_is_left_over() -> None:
    overlaps = np.array([[0.6, 0.9]])
    assert match(overlaps, np.array([0]), np.array([0, 0]), HALF)[:, 0].tolist() == [0, -1]


def test_a_prediction_takes_the_next_best_object_when_its_favourite_is_gone() -> None:
    overlaps = np.array([[0.9, 0.8], [0.1, 0.6]])
    assert match(overlaps, np.array([0, 0]), np.array([0, 0]), HALF)[:, 0].tolist() == [0, 1]


def test_another_class_never_matches() -> None:
    assert match(np.array([[0.9]]), np.array([1]), np.array([0]), HALF)[:, 0].tolist() == [-1]


def test_an_overlap_of_exactly_the_threshold_counts() -> None:
    assert match(np.array([[0.5]]), np.array([0]), np.array([0]), HALF)[:, 0].tolist() == [0]


def test_nothing_to_match() -> None:
    assert match(np.zeros((0, 2)), np.zeros(0, dtype=int), np.array([0, 1])).tolist() == [[-1] * 10] * 2
    assert match(np.zeros((2, 0)), np.array([0, 1]), np.zeros(0, dtype=int)).shape == (0, 10)


def test_nearest_of_its_own_and_of_another_class() -> None:
    overlaps = np.array([[0.3], [0.7]])
    own = nearest(overlaps, np.array([0, 1]), np.array([0]), same=True)
    other = nearest(overlaps, np.array([0, 1]), np.array([0]), same=False)
    assert (own[0].tolist(), own[1].tolist(), other[0].tolist(), other[1].tolist()) == ([0], [0.3], [1], [0.7])


def test_bits_come_back_as_they_went() -> None:
    correct = np.random.default_rng(0).random((50, 10)) > 0.5
    assert (from_bits(to_bits(correct)) == correct).all()


def test_the_kinds_of_mistakes() -> None:
    rows = [  # truth, same_truth, same_iou, other_truth, other_iou
        (0, 0, 0.9, -1, 0.0, "hit"),
        (-1, 0, 0.8, -1, 0.0, "duplicate"),
        (-1, -1, 0.0, 1, 0.7, "class"),
        (-1, 2, 0.3, -1, 0.0, "place"),
        (-1, -1, 0.0, 3, 0.2, "both"),
        (-1, -1, 0.0, -1, 0.05, "background"),
    ]
    columns = ["truth", "same_truth", "same_iou", "other_truth", "other_iou", "kind"]
    table = pd.DataFrame(rows, columns=columns).assign(file="a", class_id=0, confidence=0.9)
    assert error_kinds(table).tolist() == table["kind"].tolist()
    truth = pd.DataFrame({"file": "a", "object": range(5), "class_id": 0})
    images = [{"file": "a", "width": 9, "height": 9}]
    arrays = PredictionArrays(table, truth, {"task": "detect", "classes": ["pit"], "images": images})
    assert [CODES[code] for code in arrays.kind] == table["kind"].tolist()
    assert (arrays.found_at < 0).tolist() == [False, True, True, True, True]
    assert (arrays.explained_at < 0).tolist() == [False, False, False, True, True]


def test_objects_of_another_size_are_taken_only_where_no_other_fits() -> None:
    overlaps, classes = np.array([[0.6], [0.9]]), np.array([0, 0])
    for apart, taken in (([False, True], 0), ([True, False], 1), ([True, True], 1), ([False, False], 1)):
        matched = match_in_range(overlaps, classes, np.array([0]), np.array(apart), HALF)
        assert matched[:, 0].tolist() == [taken]
    strict = match_in_range(overlaps, classes, np.array([0]), np.array([False, True]), np.array([0.75]))
    assert strict[:, 0].tolist() == [1]
