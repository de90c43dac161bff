"""The records of the tasks agree with Ultralytics and with one another."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import get_args

import pytest

from core.delivery.predict.drawing import LAYERS
from core.metric_words import METRICS
from core.tasks import TASKS, Task, TaskRecord


def test_there_is_one_record_for_each_task() -> None:
    assert list(TASKS) == list(get_args(Task))
    assert all(record.name == name for name, record in TASKS.items())
    assert len({record.suffix for record in TASKS.values()}) == len(TASKS)


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
def test_a_record_names_the_classes_that_ultralytics_itself_uses(task: TaskRecord) -> None:
    from ultralytics import YOLO

    own = YOLO(f"yolo26n{task.suffix}.yaml").task_map[task.name]  # builds the smallest network of the task
    assert resolve_name(task.trainer) is own["trainer"]
    assert resolve_name(task.validator) is own["validator"]
    assert resolve_name(task.network) is own["model"]


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
def test_what_a_record_shows_is_known_where_it_is_shown(task: TaskRecord) -> None:
    assert set(task.layers) <= set(LAYERS)
    assert set(task.report_figures) <= set(METRICS)
    assert task.finds_objects == bool(task.shape)
