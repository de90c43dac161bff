"""What an experiment stores is read and stored again without a change, also as versions before wrote it."""

import json
import math

import pytest

from core.evaluation.figures.figure import Difference, Figure
from core.lab.results import (
    CurveResult,
    NamedFigure,
    ProductResult,
    RaceResult,
    Result,
    Row,
    SizePoint,
    TransferResult,
    TuneResult,
)

ROW = {"label": "A", "model": "yolo11n", "strategy": "frozen", "runs": ["r"], "epochs": 3, "value": 0.4, "low": 0.3,
       "high": 0.5, "seconds": 1.5, "state": "finished", "note": ""}  # fmt: skip
NOT_YET = {"value": None, "low": None, "high": None, "seconds": None, "epochs": 0, "state": "racing"}
ENDS = {"value": 0.1, "low": -0.1, "high": 0.2}
STORED = [
    (RaceResult, {"rungs": [1, 3], "done": 0, "board": [ROW, ROW | NOT_YET], "racing": ["A"]}),
    (RaceResult, {"rungs": [1], "done": 1, "board": [ROW], "racing": ["A"], "behind": {"A": ENDS}}),
    (TransferResult, {"ways": [{"way": "with", "runs": ["r"], "strategy": "frozen", **ENDS, "seconds": 2.0,
                                "curve": {"seconds": [1.0], "values": [0.1]}}], "difference": ENDS,
                      "zero_shot": {"classes": {"a": "A"}, **ENDS, "trained": 0.3, "gain": ENDS, "sentence": "S."}}),
    (CurveResult, {"points": [{"pictures": 4, "seed": 0, "run": "r", **ENDS}], "curve": {}, "explained": None,
                   "looks_ahead": False}),
    (ProductResult, {"figures": [{"name": "old", **ENDS}], "changes": {"old": ENDS}, "dataset": "d", "run": "r",
                     "new_classes": []}),
    (TuneResult, {"tries": [{"name": "as planned", "settings": {"lr0": 0.1, "imgsz": 64}, "runs": ["r"], **ENDS,
                             "seconds": 1.0, "wall": 2.0}], "gain": ENDS, "best": "as planned",
                  "take": {"strategy": "frozen", "imgsz": 64, "extra": {"lr0": 0.1}}}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "stored"), STORED, ids=lambda value: getattr(value, "__name__", ""))
def test_what_is_stored_stays_as_it_is(kind: type[Result], stored: dict) -> None:
    assert json.dumps(kind.read(stored).stored()) == json.dumps(stored)


def test_a_figure_lies_flat_in_its_row_and_nan_is_null() -> None:
    row = Row(label="A", figure=Figure(0.5, 0.4, math.nan)).model_dump(mode="json")
    assert (row["value"], row["low"], row["high"]) == (0.5, 0.4, None)
    assert "figure" not in row
    assert math.isnan(Row.model_validate(row).figure.high)


def test_what_nobody_has_set_is_not_stored() -> None:
    race = RaceResult(rungs=[3], done=0)
    assert race.stored() == {"rungs": [3], "done": 0}
    race.behind = {"B": Difference(-0.1, math.nan, 0.1)}
    assert race.stored()["behind"] == {"B": {"value": -0.1, "low": None, "high": 0.1}}
    assert CurveResult.read({"points": []}).looks_ahead, "as versions before stored it"


def test_rows_are_told_apart_by_what_they_hold() -> None:
    assert ProductResult(figures=[NamedFigure(name="old")]).stored()["figures"][0] == {
        "name": "old", "value": None, "low": None, "high": None,
    }  # fmt: skip
    with pytest.raises(ValueError, match="pictures"):
        SizePoint.model_validate({"value": 0.1})
