"""What an experiment starts with, and what it will cost."""

from __future__ import annotations

import pytest

from core.data.dataset import Dataset
from core.lab.cost import estimate
from core.lab.experiment import Contender, CurveSettings, RaceSettings, TransferSettings, TuneSettings
from core.lab.suggest import models_here, suggest_contenders, suggest_settings
from core.strategies.frozen import FROZEN
from core.strategies.scratch import SCRATCH
from core.workspace import Workspace


def labels(workspace: Workspace) -> list[str]:
    return [item.label for item in suggest_contenders(workspace, "detect")]


def test_two_models_race_in_two_strategies(workspace: Workspace) -> None:
    for name in ("yolo11n", "yolo26n", "yolo26s"):
        (workspace.weights / f"{name}.pt").touch()
    assert models_here(workspace, "detect")[:3] == ["yolo26n", "yolo11n", "yolo26s"], "small ones first"
    assert labels(workspace) == [
        "yolo26n, fine-tune", "yolo11n, fine-tune", "yolo26n, two-stage", "yolo11n, two-stage",
    ]  # fmt: skip


def test_what_ships_with_graft_races_with_itself_and_with_scratch(workspace: Workspace) -> None:
    said = labels(workspace)
    assert len(said) >= 3
    assert said[-1].endswith("scratch")
    assert not any(label.startswith("yolo") and not label.endswith("scratch") for label in said), "no weights here"


def test_without_weights_all_start_from_scratch(workspace: Workspace) -> None:
    found = suggest_contenders(workspace, "classify")
    assert {item.strategy for item in found} == {SCRATCH}
    assert len({item.model for item in found}) == len(found) >= 2


def test_settings_come_from_the_quick_plan(workspace: Workspace, tiny: Dataset) -> None:
    values = suggest_settings(workspace, tiny, CurveSettings)
    assert {"epochs", "imgsz", "batch", "model"} <= values.keys()
    CurveSettings.model_validate(values)


def cost(lab: Workspace, tiny: Dataset, settings: object) -> tuple[int, float]:
    known = estimate(lab, tiny, settings)  # type: ignore[arg-type]
    assert f"{known.trainings} training" in known.words
    return known.trainings, known.seconds


def test_more_work_costs_more(lab: Workspace, tiny: Dataset) -> None:
    four = [Contender(model=f"yolo{family}n", strategy=strategy) for family in ("11", "26")
            for strategy in (SCRATCH, FROZEN)]  # fmt: skip
    halved = cost(lab, tiny, RaceSettings(contenders=four, epochs=90))
    whole = cost(lab, tiny, RaceSettings(contenders=four, epochs=90, halving=False))
    assert halved[0] == whole[0] == 4
    assert halved[1] < 0.9 * whole[1]
    assert cost(lab, tiny, RaceSettings(contenders=four, epochs=90, seeds=3))[1] == pytest.approx(
        3 * halved[1], rel=0.1
    )
    short = cost(lab, tiny, TransferSettings(patience_with_scratch=1, epochs=60))
    assert cost(lab, tiny, TransferSettings(patience_with_scratch=5, epochs=60))[1] > short[1]
    assert cost(lab, tiny, CurveSettings(parts=3, seeds=2))[0] == 6
    assert cost(lab, tiny, TuneSettings(minutes=0.1, tries=9))[0] == 2
