"""The library page: keep, bring in, refuse, and go on to a training from a kept model."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.models.library import list_models
from core.training.keeping import keep_run
from core.workspace import Workspace
from pages._ui.common.draft import OWN_MODEL
from tests.models.test_weights import write_hostile_checkpoint
from tests.pages.conftest import Filled, button, open_page, texts

pytestmark = pytest.mark.slow


def test_a_run_is_kept_under_a_name_and_a_training_is_planned_from_it(filled: Filled) -> None:
    app = open_page("library.py")
    assert "None yet" in texts(app)
    app.text_input(key="library_keep_name").set_value("Line 3")
    button(app, "Keep its best model").click().run(timeout=120)
    assert not app.exception, app.exception
    (model,) = list_models(filled.workspace)
    assert (model.name, model.run) == ("Line 3", filled.run_id)
    assert app.dataframe[0].value["Name"].tolist() == ["Line 3"]
    assert "in the library already" in texts(app)
    app.session_state[f"spec_{filled.dataset_id}_source"] = OWN_MODEL
    app.session_state[f"spec_{filled.dataset_id}_own_run"] = f"library:{model.id}"
    app.query_params["dataset"] = filled.dataset_id
    app.switch_page("model.py").run()
    assert not app.exception, app.exception
    assert "Line 3" in texts(app) + str([item.options for item in app.selectbox])


def test_a_hostile_file_is_refused_on_the_page_and_nothing_runs(workspace: Workspace, tmp_path: Path) -> None:
    hostile, marker = tmp_path / "model.pt", tmp_path / "it-ran"
    write_hostile_checkpoint(hostile, marker)
    app = open_page("library.py")
    app.text_input(key="library_place").set_value(str(hostile)).run()
    button(app, "Bring in").click().run(timeout=120)
    assert "could run commands" in app.error[0].value
    assert not marker.exists()
    assert list_models(workspace) == []


def test_no_network_is_said_with_what_can_be_done(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.files import fetching
    from core.models import weights

    monkeypatch.setattr(weights, "OFFICIAL_RELEASE", "http://127.0.0.1:9/")
    monkeypatch.setattr(fetching, "FIRST_WAIT", 0.01)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    app = open_page("library.py")
    button(app, "Download").click().run()
    assert "can't be reached" in app.error[0].value
    assert "USB stick" in texts(app)
    assert list(workspace.weights.glob("*.pt")) == []


def test_the_model_page_lists_kept_models(filled: Filled) -> None:
    model = keep_run(filled.workspace, filled.run_id, name="Kept one")
    app = open_page("model.py", dataset=filled.dataset_id)
    app.segmented_control(key=f"spec_{filled.dataset_id}_source").set_value(OWN_MODEL).run()
    chosen = app.selectbox(key=f"spec_{filled.dataset_id}_own_run")
    assert "Kept one (library)" in chosen.options
    assert chosen.value == f"library:{model.id}"
