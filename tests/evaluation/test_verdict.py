"""The sentences of a verdict against the figures beside them."""

from __future__ import annotations

import pandas as pd

from core.evaluation.detection import Detector
from core.evaluation.figures.figure import Figure
from core.evaluation.figures.results import SplitFigures
from core.evaluation.verdict import small_set


def made(found: dict[str, tuple[int, int]], groups: int = 0) -> SplitFigures:
    """Figures of a detector that finds so many of so many objects of each class, one object per picture.

    With `groups` the pictures are those of so many patients.
    """
    classes, truth, rows, images = list(found), [], [], []
    for class_id, (hits, objects) in enumerate(found.values()):
        for number in range(objects):
            file = f"{class_id}_{number}.png"
            box = {"x1": 10.0, "y1": 10.0, "x2": 50.0, "y2": 50.0}
            images.append({"file": file, "width": 100, "height": 100,
                           "group": f"patient {len(images) % groups}" if groups else ""})  # fmt: skip
            truth.append({"file": file, "object": 0, "class_id": class_id, **box})
            if number < hits:
                rows.append(
                    {"file": file, "class_id": class_id, "confidence": 0.9, **box, "tp": 1023, "task_tp": 1023,
                     "truth": 0, "same_truth": 0, "same_iou": 1.0, "other_truth": -1, "other_iou": 0.0}
                )  # fmt: skip
    meta = {"task": "detect", "classes": classes, "images": images, "imgsz": 640}
    detector = Detector(pd.DataFrame(rows), pd.DataFrame(truth), meta)  # type: ignore[arg-type]
    return detector.at(0.5)


def test_all_classes_that_are_clearly_worse_are_named_and_by_one_rule() -> None:
    figures = made({"crazing": (0, 8), "inclusion": (0, 12), "patches": (30, 30), "pitted": (0, 7), "scale": (28, 30)})
    worse = {item.name for item in figures.slices if item.by == "class" and item.worse}
    spots = [sentence for sentence in figures.sentences if "weak spot" in sentence]
    assert worse == {"crazing", "inclusion", "pitted"}
    assert len(spots) == 1
    assert all(f"“{name}”" in spots[0] for name in worse)
    assert "patches" not in spots[0]


def test_a_difference_that_may_be_chance_is_no_weak_spot() -> None:
    figures = made({"pit": (17, 20), "scratch": (19, 20)})
    assert not any("weak spot" in sentence for sentence in figures.sentences)


def test_what_would_gain_most_comes_first() -> None:
    figures = made({"crazing": (0, 30), "patches": (36, 40), "scale": (38, 40)})
    assert "crazing" in figures.next_steps[0] or "missed outright" in figures.next_steps[0]
    assert "None of the" in figures.next_steps[-1]


def test_a_set_of_few_patients_is_small_however_many_objects_it_holds() -> None:
    found = {"pit": (59, 60), "scratch": (60, 60)}
    assert not any("is small" in sentence for sentence in made(found).sentences)
    assert not any("is small" in sentence for sentence in made(found, groups=40).sentences)
    said = next(sentence for sentence in made(found, groups=6).sentences if "is small" in sentence)
    assert "6 groups" in said
    assert "18 more groups" in said


def test_a_set_of_few_patients_is_small_for_a_classifier_and_an_area_too() -> None:
    sure = Figure(0.95, 0.92, 0.97)
    assert not small_set(sure, 200, 0)
    assert "5 groups" in small_set(sure, 200, 5)[0]
    assert "600 more pictures" in small_set(Figure(0.7, 0.5, 0.9), 200, 0)[0]
