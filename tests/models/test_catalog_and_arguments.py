"""The catalogue and the expert settings come from Ultralytics' own files."""

from __future__ import annotations

import pytest

from core.errors import InputError
from core.models.catalog import find_model, model_for_task, models_for
from core.spec import OWN_ARGUMENTS
from core.tasks import TASKS
from core.training.arguments import check_argument, parse_setting, training_arguments


@pytest.mark.parametrize("task", list(TASKS))
def test_every_family_there_is_for_a_task_comes_in_five_sizes(task: str) -> None:
    models = models_for(task)
    families = {"YOLO26"} if task == "semantic" else {"YOLO26", "YOLO11", "YOLOv8"}  # it is newer than the others
    assert len(models) == 5 * len(families)
    assert {model.family for model in models} == families
    assert all(model.parameters > 1_000_000 and model.gflops > 0 for model in models)


def test_a_model_is_found_by_name_and_turned_to_a_task() -> None:
    found = find_model("yolo11n.pt")
    assert found is not None
    assert found.parameters == 2_624_080
    assert model_for_task("yolo26s", "segment").file == "yolo26s-seg.pt"
    with pytest.raises(InputError, match="yolo26n"):
        model_for_task("yolo99z", "detect")


def test_expert_settings_are_those_of_default_yaml() -> None:
    names = {argument.name for argument in training_arguments()}
    assert {"lr0", "mosaic", "nbs", "freeze", "close_mosaic"} <= names
    assert not names & OWN_ARGUMENTS
    assert next(item for item in training_arguments() if item.name == "nbs").default == 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [("lr0=0.005", ("lr0", 0.005)), ("cos_lr=true", ("cos_lr", True)), ("freeze=[0, 1]", ("freeze", [0, 1]))],
)
def test_a_setting_is_read(text: str, expected: tuple[str, object]) -> None:
    assert parse_setting(text) == expected


@pytest.mark.parametrize(("text", "message"), [("lr=1", "lr0"), ("epochs=3", "Graft itself"), ("lr0", "KEY=VALUE")])
def test_a_wrong_setting_says_what_to_do(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_setting(text)
    with pytest.raises(InputError):
        check_argument("data")
