import pandas as pd
import pytest

from core.evaluation.figures.curves import confidence_for, threshold_curve
from core.evaluation.predict.prediction_arrays import PredictionArrays
from core.evaluation.review import confusion, find_cases, picture_verdict, worst_first


def table(rows: list[dict]) -> pd.DataFrame:
    blank = {"x1": 0.0, "y1": 0.0, "x2": 9.0, "y2": 9.0, "truth": -1, "same_truth": -1, "same_iou": 0.0,
             "other_truth": -1, "other_iou": 0.0}  # fmt: skip
    return pd.DataFrame([blank | row for row in rows], columns=["file", "class_id", "confidence", *blank])


def arrays(predictions: pd.DataFrame, truth: pd.DataFrame) -> PredictionArrays:
    images = [{"file": file, "width": 100, "height": 100} for file in "abcd"]
    return PredictionArrays(predictions, truth, {"task": "detect", "classes": ["pit", "dent"], "images": images})


def curve_of(predictions: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    subject = arrays(predictions, truth)
    return threshold_curve(subject.confidence, subject.hit, len(truth), 3)


TRUTH = pd.DataFrame(
    {"file": ["a", "a", "b"], "object": [0, 1, 0], "class_id": [0, 1, 0], "x1": 0.0, "y1": 0.0, "x2": 9.0, "y2": 9.0}
)
PREDICTIONS = table(
    [
        {"file": "a", "class_id": 0, "confidence": 0.9, "truth": 0, "same_truth": 0, "same_iou": 0.8},
        {"file": "a", "class_id": 0, "confidence": 0.8, "other_truth": 1, "other_iou": 0.9},
        {"file": "a", "class_id": 0, "confidence": 0.7, "other_truth": 1, "other_iou": 0.9},
        {"file": "c", "class_id": 1, "confidence": 0.6},
        {"file": "b", "class_id": 0, "confidence": 0.2, "truth": 0, "same_truth": 0, "same_iou": 0.6},
    ]
)


def test_every_object_and_every_prediction_is_one_cell_of_the_matrix() -> None:
    matrix = confusion(arrays(PREDICTIONS, TRUTH), 0.5)
    assert matrix.tolist() == [[1, 0, 1], [1, 0, 0], [1, 1, 0]]  # hit and miss; wrong class; two false answers
    assert matrix[:2].sum() == len(TRUTH)
    assert matrix[:, :2].sum() == 4


def test_a_miss_tells_how_sure_the_model_nearly_was() -> None:
    cases = find_cases(arrays(PREDICTIONS, TRUTH), 0.5)
    missed = cases[cases["kind"] == "missed"]
    assert missed[["file", "confidence"]].to_numpy().tolist() == [["b", 0.2]]
    assert worst_first(cases[cases["kind"] != "hit"])["confidence"].iloc[0] == pytest.approx(0.8)


def test_lowering_the_confidence_finds_it() -> None:
    cases = find_cases(arrays(PREDICTIONS, TRUTH), 0.1)
    assert (cases["kind"] == "hit").sum() == 2
    assert (cases["kind"] == "missed").sum() == 0


@pytest.mark.parametrize(
    ("predictions", "truth"),
    [(PREDICTIONS.iloc[:0], TRUTH), (PREDICTIONS.iloc[3:4], TRUTH.iloc[:0]), (PREDICTIONS.iloc[:0], TRUTH.iloc[:0])],
)
def test_nothing_predicted_or_nothing_labelled(predictions: pd.DataFrame, truth: pd.DataFrame) -> None:
    cases = find_cases(arrays(predictions, truth), 0.5)
    assert len(cases) == len(predictions) + len(truth)
    assert confusion(arrays(predictions, truth), 0.5).sum() == len(cases)
    assert confidence_for(curve_of(predictions, truth), "balanced") is None


def test_picture_verdict_counts_pictures() -> None:
    verdict = picture_verdict(arrays(PREDICTIONS, TRUTH), 0.5)
    assert (verdict.with_objects, verdict.flagged_with, verdict.empty, verdict.flagged_empty) == (2, 1, 2, 1)


def test_aims_choose_the_confidence() -> None:
    curve = curve_of(PREDICTIONS, TRUTH)
    assert curve["found"].tolist() == [1, 1, 1, 1, 2]
    assert confidence_for(curve, "recall", at_least=0.6) == pytest.approx(0.2)
    assert confidence_for(curve, "precision", at_least=0.9) == pytest.approx(0.9)
    assert confidence_for(curve, "cost", miss_cost=10, alarm_cost=1) == pytest.approx(0.2)
    assert confidence_for(curve, "cost", miss_cost=1, alarm_cost=10) == pytest.approx(0.9)
    assert confidence_for(curve, "recall", at_least=0.99) is None


def test_equal_confidences_pass_together() -> None:
    tied = PREDICTIONS.assign(confidence=0.5)
    curve = curve_of(tied, TRUTH)
    assert len(curve) == 1
    assert curve["false_alarms"].item() == 3
