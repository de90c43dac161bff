"""What the pages do when someone uses them: import, plan, start, watch, mend, find again."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from core.data.dataset import list_datasets, load_dataset
from core.spec import Strategy, TrainingSpec
from core.training.runs import get_run, list_runs, start_run
from core.training.store import Run, RunStore, State
from core.workspace import Workspace
from pages._ui.training.run_progress import tail, with_suggestion
from tests.pages.conftest import Filled, button, open_page, texts
from tests.tiny import write_yolo_folder


@pytest.mark.slow
def test_a_folder_on_this_machine_goes_in(workspace: Workspace, tmp_path: Path) -> None:
    folder = write_yolo_folder(tmp_path / "My pictures")
    app = open_page("dataset.py")
    app.segmented_control(key="bring_way").set_value("A place on this machine").run()
    app.text_input(key="bring_place").set_value(str(folder)).run()
    button(app, "Import").click().run()
    deadline = time.monotonic() + 60
    while not list_datasets(workspace) and time.monotonic() < deadline:
        app.run()
        assert not app.exception, app.exception
        time.sleep(0.3)
    for _ in range(10):
        app.run()
        if "What was read?" in texts(app):
            break
        time.sleep(0.3)
    assert "12 pictures" in texts(app)
    assert not list(workspace.staging_root.glob("import_*")), "the job's folder is left behind"


def test_a_place_that_is_not_there_is_refused_in_a_sentence(workspace: Workspace) -> None:
    app = open_page("dataset.py")
    app.segmented_control(key="bring_way").set_value("A place on this machine").run()
    app.text_input(key="bring_place").set_value("/no/such/place").run()
    button(app, "Import").click().run()
    assert "There is no" in app.error[0].value
    assert not list_datasets(workspace)


@pytest.mark.slow
def test_what_is_set_on_the_model_page_is_what_is_planned(filled: Filled) -> None:
    app = open_page("model.py", dataset=filled.dataset_id)
    app.number_input(key=f"spec_{filled.dataset_id}_epochs").set_value(7).run()
    app.radio(key=f"spec_{filled.dataset_id}_strategy").set_value(Strategy.FROZEN).run()
    app.multiselect(key=f"spec_{filled.dataset_id}_extra").set_value(["lr0"]).run()
    app.text_input(key=f"spec_{filled.dataset_id}_extra_lr0").set_value("0.005").run()
    assert not app.exception
    app.query_params["plan"] = "1"
    app.switch_page("training.py").run()
    words = texts(app)
    assert "7 epochs" in words
    assert "frozen backbone" in words
    assert "lr0=0.005" in words
    app.switch_page("model.py").run()
    assert app.number_input(key=f"spec_{filled.dataset_id}_epochs").value == 7, "a setting was lost by leaving the page"


@pytest.mark.slow
def test_missing_weights_are_said_before_the_start(filled: Filled) -> None:
    app = open_page("model.py", dataset=filled.dataset_id)
    app.segmented_control(key=f"spec_{filled.dataset_id}_family").set_value("YOLO11").run()
    app.query_params["plan"] = "1"
    app.switch_page("training.py").run()
    assert "are not on this machine yet" in texts(app).replace("\\", "")
    assert button(app, "Start training").disabled


@pytest.mark.slow
def test_a_finished_run_tells_its_result(filled: Filled) -> None:
    app = open_page("training.py", run=filled.run_id)
    assert "Finished after 1 of 1 epochs" in texts(app).replace("\\", "")
    assert any("mAP50" in metric.label for metric in app.metric)
    assert not any("<b>" in element.value and element.allow_html for element in app.markdown)


def put_run(filled: Filled, state: State, **values: object) -> Run:
    """Put the finished run into another state, as the store would hold it."""
    RunStore(filled.workspace).change(filled.run_id, None, state=state, **values)
    return get_run(filled.workspace, filled.run_id)


@pytest.mark.slow
def test_a_failed_run_says_why_and_offers_the_suggestion(filled: Filled) -> None:
    put_run(filled, State.FAILED, cause="It ran out of memory at batch size 4.", next_step="Try batch size 2.",
            suggestion={"batch": 2})  # fmt: skip
    app = open_page("training.py", run=filled.run_id)
    assert "It ran out of memory at batch size 4" in app.error[0].value.replace("\\", "")
    assert button(app, "Start again with batch 2")
    assert button(app, "Resume")


def test_a_suggestion_goes_to_its_field_or_to_the_expert_settings() -> None:
    spec = TrainingSpec(dataset="d", task="detect", batch=8, extra={"mosaic": 0})
    changed = with_suggestion(spec, {"batch": 4, "lr0": 0.001})
    assert (changed.batch, changed.extra) == (4, {"mosaic": 0, "lr0": 0.001})


@pytest.mark.slow
def test_two_runs_queue_and_one_can_be_cancelled(filled: Filled) -> None:
    spec = TrainingSpec(dataset=filled.dataset_id, task="detect", model="yolo11n", strategy=Strategy.SCRATCH,
                        epochs=50, imgsz=32, batch=4, device="cpu")  # fmt: skip
    first, second = (start_run(filled.workspace, spec) for _ in range(2))
    try:
        app = open_page("training.py", run=second.id)
        assert "waiting in the queue" in texts(app)
        button(app, "Cancel").click().run()
        assert get_run(filled.workspace, second.id).state is State.CANCELLED
        assert "cancelled" in texts(app)
    finally:
        app = open_page("training.py", run=first.id)
        button(app, "Cancel").click().run()
    assert get_run(filled.workspace, first.id).state is State.CANCELLED


@pytest.mark.slow
def test_runs_are_renamed_tagged_and_deleted(filled: Filled) -> None:
    app = open_page("runs.py")
    app.session_state["runs_table"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    assert not app.exception, app.exception
    app.text_input(key=f"name_{filled.run_id}").set_value("Better name")
    app.text_area(key=f"notes_{filled.run_id}").set_value("with the new lamp")
    button(app, "Save").click().run()
    run = get_run(filled.workspace, filled.run_id)
    assert (run.name, run.notes) == ("Better name", "with the new lamp")
    app.text_input(key="runs_query").set_value("no such run").run()
    assert "No run fits" in texts(app)
    assert len(list_runs(filled.workspace)) == 1


@pytest.mark.slow
def test_classes_are_renamed_on_the_copy(filled: Filled) -> None:
    app = open_page("dataset.py", dataset=filled.dataset_id)
    table = f"classes_{filled.dataset_id}_0"
    app.session_state[table] = {"edited_rows": {0: {"New name": "box"}}, "added_rows": [], "deleted_rows": []}
    app.run()
    button(app, "Change the classes").click().run()
    assert not app.exception, app.exception
    assert load_dataset(filled.workspace, filled.dataset_id).classes == ["box", "disc"]


@pytest.mark.slow
def test_pictures_are_divided_anew(filled: Filled) -> None:
    app = open_page("dataset.py", dataset=filled.dataset_id)
    app.number_input(key=f"split_{filled.dataset_id}_train").set_value(50).run()
    app.number_input(key=f"split_{filled.dataset_id}_val").set_value(50).run()
    button(app, "Divide anew").click().run()
    assert not app.exception, app.exception
    assert load_dataset(filled.workspace, filled.dataset_id).images["train"] == 6


def test_log_is_shown_without_terminal_codes(tmp_path: Path) -> None:
    class Logged:
        log_path = tmp_path / "train.log"

    Logged.log_path.write_text("one\n\x1b[34mtwo\x1b[0m\n10%|x\r100%|done\n\n", encoding="utf-8")
    assert tail(Logged()) == "one\ntwo\n100%|done"  # type: ignore[arg-type]
