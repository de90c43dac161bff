"""The first page: one obvious button, for somebody new and for somebody who has begun."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import pytest

from core.demo.preparing import preparation
from core.lab.experiment import Contender, Experiment, RaceSettings, save_experiment
from core.models.starter.checkpoint import CHECKPOINT, STARTER_WORDS
from core.training.runs import edit_run
from core.training.store import RunStore
from core.workspace import Workspace
from tests.pages.conftest import Filled, button, open_page, texts


@pytest.mark.skipif(not CHECKPOINT.is_file(), reason="no starter checkpoint in this copy")
def test_the_sample_begins_with_the_starter_where_nothing_else_is(workspace: Workspace) -> None:
    app = open_page("home.py")
    assert button(app, "Try it with the sample set")
    assert STARTER_WORDS in texts(app)
    assert "Go on where you were" not in texts(app)
    (workspace.weights / "yolo11n.pt").write_bytes(b"there")
    app.run()
    assert STARTER_WORDS not in texts(app)
    assert "It begins with yolo11n" in texts(app)


@pytest.mark.slow
def test_whoever_has_a_run_is_led_to_its_result(filled: Filled) -> None:
    app = open_page("home.py")
    assert "Go on where you were" in texts(app)
    assert button(app, "See how good it is")


@pytest.mark.slow
def test_a_run_of_the_lab_is_not_where_somebody_was(filled: Filled) -> None:
    mine = RunStore(filled.workspace).get(filled.run_id)
    shutil.copytree(mine.folder, filled.workspace.run("control"))
    control = {"id": "control", "name": "Later", "created": datetime.now(UTC)}
    RunStore(filled.workspace).add(mine.model_copy(update=control))
    assert any("Later" in item.value for item in open_page("home.py").markdown)
    race = Experiment(id="tiny-race-abc123", name="Race", dataset=mine.dataset, dataset_name=mine.dataset_name,
                      task="detect", settings=RaceSettings(contenders=[Contender(model="yolo11n")] * 2))  # fmt: skip
    save_experiment(filled.workspace, race)
    edit_run(filled.workspace, "control", tags=[race.id])
    app = open_page("home.py")
    led = next(item.value for item in app.markdown if item.value.startswith("**"))
    assert "Later" not in led
    assert button(app, "See how good it is")


def test_home_says_what_a_demonstration_is_being_prepared_with(workspace: Workspace) -> None:
    title = "The demonstration is being prepared"
    with preparation(workspace) as told:
        told.say(3, "training on Drawn leaves, epoch 2 of 9")
        app = open_page("home.py")
        assert title in [item.value for item in app.header]
        assert "Nothing has been trained" not in texts(app)
        assert "epoch 2 of 9" in app.get("progress")[0].proto.text
    again = open_page("home.py")
    assert title not in [item.value for item in again.header]
    assert "Nothing has been trained" in texts(again)
