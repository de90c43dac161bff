"""Strategies as objects: what each sets, and that a record brings back the very same one."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from core.spec import TrainingSpec
from core.strategies import STRATEGIES, Strategy
from core.strategies.fine_tune import FINE_TUNE
from core.strategies.strategy import strategy_named
from core.strategies.two_stage import TWO_STAGE


def spec(strategy: Strategy | str) -> TrainingSpec:
    return TrainingSpec.model_validate({"dataset": "dents", "task": "detect", "strategy": strategy})


def test_the_five_are_listed_in_their_order_under_the_names_records_use() -> None:
    assert [item.name for item in STRATEGIES] == ["fine-tune", "frozen", "two-stage", "discriminative", "scratch"]
    assert list(Strategy.known) == [item.name for item in STRATEGIES]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=str)
def test_a_record_brings_back_the_very_same_strategy(strategy: Strategy) -> None:
    written = spec(strategy).model_dump_json()
    assert f'"strategy":"{strategy.name}"' in written
    assert TrainingSpec.model_validate_json(written).strategy is strategy
    assert spec(strategy.name).model_dump()["strategy"] == strategy.name
    assert pickle.loads(pickle.dumps(strategy)) is copy.deepcopy(strategy) is strategy


def test_an_unknown_one_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValidationError, match="two-stage"):
        spec("three-stage")


def test_the_default_adjusts_everything() -> None:
    assert TrainingSpec(dataset="dents", task="detect").strategy is FINE_TUNE
    assert FINE_TUNE.reuses
    assert not FINE_TUNE.freezes


@pytest.mark.parametrize(("epochs", "first"), [(2, 1), (3, 1), (10, 3), (100, 30)])
def test_a_first_stage_leaves_epochs_for_the_second(epochs: int, first: int) -> None:
    assert TWO_STAGE.first_stage(epochs) == first
    assert FINE_TUNE.first_stage(epochs) == 0


@pytest.fixture
def made_up() -> Iterator[Strategy]:
    yield Strategy(name="gentle", order=9, words="Adjust everything at half the rate", term="gentle", lesson="Gently.",
                   backbone_rate=0.5)  # fmt: skip
    del Strategy.known["gentle"]


def test_a_new_one_is_known_wherever_a_name_is_read(made_up: Strategy) -> None:
    assert strategy_named("gentle") is made_up
    assert spec("gentle").strategy.backbone_rate == 0.5
