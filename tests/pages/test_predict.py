"""The page to try a model: pictures given, answers shown, the line moved without asking the model again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.delivery.predict.intake import MOST
from core.delivery.predict.job import list_jobs
from core.delivery.predict.model.warm import warm_predictor
from tests.delivery.predict.test_batch import rows_of, wait
from tests.models.test_weights import write_hostile_checkpoint
from tests.pages.conftest import Filled, button, given_many_pictures, open_page, texts


def with_pictures(filled: Filled) -> AppTest:
    app = open_page("predict.py", run=filled.run_id)
    app.segmented_control(key="predict_way").set_value("Its own validation pictures").run()
    button(app, "Take 8 of them").click().run()
    assert not app.exception, app.exception
    return app


def found(app: AppTest) -> str:
    return next(item.value for item in app.markdown if item.value.startswith("### Found"))


@pytest.mark.slow
def test_the_line_moves_without_asking_the_model_again(filled: Filled) -> None:
    app = with_pictures(filled)
    line = app.slider(key=f"predict_line_{filled.run_id}")
    assert "Pictures are scaled to 32 pixels" in texts(app).replace("\\", "")
    before = app.session_state["predict_answers"]
    assert sum(len(answers) for answers in before.values()) == 4
    warm_predictor().close()  # no model any more: whoever asks starts one
    line.set_value(line.min).run()
    low = found(app)
    app.slider(key=f"predict_line_{filled.run_id}").set_value(1.0).run()
    assert not app.exception, app.exception
    assert found(app) == "### Found 0 objects in 0 of 4 pictures."
    assert low.endswith("of 4 pictures.")


def told_of_unlike(unlike: int, pictures: int, told: dict[str, object]) -> AppTest:
    def page(unlike: int, pictures: int, told: dict[str, object]) -> None:
        from pages._ui.predict.answers import show_unlike

        show_unlike(unlike, pictures, told)

    return AppTest.from_function(page, args=(unlike, pictures, told)).run()


def test_unlike_pictures_are_warned_of_and_it_is_said_where_nothing_is_known() -> None:
    told = {"compared_with": {"training": 60, "validation": 30, "share": 0.05}}
    warned = told_of_unlike(3, 40, told)
    assert not warned.exception
    assert "3 of 40" in warned.warning[0].value
    assert "5 %" in warned.warning[0].value
    calm = told_of_unlike(0, 40, told)
    assert not calm.warning
    assert "None of the 40" in calm.caption[0].value
    unknown = told_of_unlike(0, 40, {})
    assert not unknown.warning
    assert "not compared" in unknown.caption[0].value
    assert "None" not in unknown.caption[0].value
    assert "a broken file" in told_of_unlike(0, 40, {"not_compared": "a broken file"}).caption[0].value


@pytest.mark.slow
def test_looking_inside_and_at_the_heat(filled: Filled) -> None:
    app = with_pictures(filled)
    button(app, "Where does it look?").click().run()
    button(app, "Look inside the model").click().run()
    assert not app.exception, app.exception
    assert not app.error
    words = texts(app)
    for depth in ("Early: edges", "Middle: textures", "Late: parts and shapes"):
        assert depth in words
    assert "not on this machine" in words, "the tiny run's base was never downloaded"


@pytest.mark.slow
def test_a_place_on_this_machine_with_a_broken_picture(filled: Filled, tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(folder / "dark.png")
    (folder / "broken.jpg").write_bytes(b"no picture")
    app = open_page("predict.py", run=filled.run_id)
    app.segmented_control(key="predict_way").set_value("A place on this machine").run()
    app.text_input(key="predict_place").set_value(str(folder))
    button(app, "Look at it").click().run()
    assert not app.exception, app.exception
    assert any("broken" in item.value and "read" in item.value for item in app.warning)
    assert "### Found" in texts(app)
    app.text_input(key="predict_place").set_value("/no/such/place")
    button(app, "Look at it").click().run()
    assert any("There is no" in item.value for item in app.error)


@pytest.mark.slow
def test_a_run_beside_a_damaged_checkpoint_says_why_and_goes_on(filled: Filled) -> None:
    (filled.workspace.weights / "notes.pt").write_bytes(b"hello")
    app = with_pictures(filled)
    app.selectbox(key=f"predict_beside_{filled.run_id}").set_value(str(filled.workspace.weights / "notes.pt")).run()
    assert not app.exception, app.exception
    assert any("is refused" in item.value.replace("\\", "") for item in app.error)
    assert "### Found" in texts(app)


@pytest.mark.slow
def test_more_than_the_page_shows_runs_in_the_background(filled: Filled, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    app = given_many_pictures(filled, folder)
    button(app, "Look at all of them").click().run()
    assert not app.exception, app.exception
    job = wait(list_jobs(filled.workspace)[0])
    assert job.state == "finished", job.error
    assert len(rows_of(job)) == MOST + 1
    app.run()
    assert f"{MOST + 1} pictures looked at" in texts(app)
    button(app, "Delete").click().run()
    assert list_jobs(filled.workspace) == []
    assert len(list(folder.iterdir())) == MOST + 1


@pytest.mark.slow
def test_a_hostile_checkpoint_is_refused_on_the_page_and_nothing_runs(filled: Filled, tmp_path: Path) -> None:
    hostile, marker = tmp_path / "hostile.pt", tmp_path / "it-ran"
    write_hostile_checkpoint(hostile, marker)
    app = open_page("predict.py", run=filled.run_id)
    app.file_uploader(key="predict_weights_0").set_value(("hostile.pt", hostile.read_bytes(), "application/zip")).run()
    assert not app.exception, app.exception
    assert any("hostile.pt is refused" in item.value.replace("\\", "") for item in app.error)
    assert not marker.exists()
    assert not list(filled.workspace.weights.glob("hostile*"))
