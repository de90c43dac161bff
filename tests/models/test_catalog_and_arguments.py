"""The catalogue and the expert settings come from Ultralytics' own files."""

from __future__ import annotations

import pytest

from core.errors import InputError
from core.models.catalog import find_model, model_for_task, models_for
from core.spec import OWN_ARGUMENTS
from core.tasks import TASKS
from core.training.arguments import check_argument, check_value, parse_setting, training_arguments


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


@pytest.mark.parametrize(
    "text",
    ["lr0=99", "momentum=-0.1", "mosaic=2", "hsv_h=much", "untransformed=1.5", "nbs=0", "close_mosaic=2.5", "box=none",
     "cos_lr=3", "warmup_epochs=.inf", "degrees=true", "optimizer=fast", "lrf=none"],
)  # fmt: skip
def test_a_value_that_can_not_be_is_refused_before_there_is_a_run(text: str) -> None:
    with pytest.raises(InputError, match=text.partition("=")[0]):
        parse_setting(text)


@pytest.mark.parametrize("text", ["lr0=1", "nbs=1", "degrees=180", "optimizer=adamw", "fraction=0.5", "scale=[0.5, 2]"])
def test_a_value_at_its_bounds_is_taken(text: str) -> None:
    assert parse_setting(text)[0] == text.partition("=")[0]


@pytest.mark.parametrize("name", [argument.name for argument in training_arguments()])
def test_every_default_is_taken(name: str) -> None:
    check_value(name, next(argument.default for argument in training_arguments() if argument.name == name))


@pytest.mark.parametrize(("text", "message"), [("lr=1", "lr0"), ("epochs=3", "Graft itself"), ("lr0", "KEY=VALUE")])
def test_a_wrong_setting_says_what_to_do(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_setting(text)
    with pytest.raises(InputError):
        check_argument("data")
