"""Every page opens, empty and in use, and the web process stays light."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.workspace import Workspace
from pages._ui.common.frame import ROAD
from tests.pages.conftest import PAGES, ROOT, Filled, open_page, texts


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_in_an_empty_workspace(name: str, workspace: Workspace) -> None:
    app = open_page(name)
    assert app.title, "a page has a title"
    assert texts(app).strip()


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_page_opens_in_a_used_workspace(name: str, filled: Filled) -> None:
    app = open_page(name, dataset=filled.dataset_id, run=filled.run_id)
    assert app.title
    assert app.header, "a page is a column of cells"


@pytest.mark.parametrize("name", PAGES)
def test_page_survives_an_address_that_names_nothing(name: str, workspace: Workspace) -> None:
    open_page(name, dataset="gone-000000", run="../../etc/passwd")


def test_every_page_is_on_the_road() -> None:
    assert set(PAGES) <= {step.file for step in ROAD}


def test_page_without_its_frame_stops_quietly(workspace: Workspace) -> None:
    from streamlit.testing.v1 import AppTest

    for name in PAGES:
        app = AppTest.from_file(str(ROOT / "pages" / name), default_timeout=30).run()
        assert not app.exception, name
        assert not app.title, f"{name} showed itself without the frame"


OPEN_ALL = """
import json, sys
from tests.pages.conftest import PAGES, open_page
for name in PAGES:
    open_page(name, dataset=sys.argv[1], run=sys.argv[2])
heavy = ("torch", "ultralytics", "torchvision", "onnxruntime", "openvino", "ray")
print(json.dumps([name for name in heavy if name in sys.modules]))
"""


@pytest.mark.slow
def test_web_process_never_imports_torch_or_ultralytics(filled: Filled) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OPEN_ALL, filled.dataset_id, filled.run_id],
        cwd=ROOT,
        env={**os.environ, "GRAFT_WORKSPACE": str(filled.workspace.root)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.strip().splitlines()[-1]) == []


def _widget_calls(path: Path) -> list[ast.Call]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]


KEYED = {
    "button", "text_input", "text_area", "number_input", "selectbox", "multiselect", "radio", "checkbox", "slider",
    "select_slider", "segmented_control", "pills", "file_uploader", "data_editor", "download_button", "pagination",
    "form_submit_button",
}  # fmt: skip
DESCRIBED = {"image", "plotly_chart", "data_editor", "table"}


@pytest.mark.parametrize("path", sorted((ROOT / "pages").rglob("*.py")), ids=lambda path: path.name)
def test_widgets_have_keys_and_pictures_have_words(path: Path) -> None:
    for call in _widget_calls(path):
        assert isinstance(call.func, ast.Attribute)
        given = {keyword.arg for keyword in call.keywords}
        owner = call.func.value
        on_streamlit = isinstance(owner, ast.Name) and owner.id in ("st", "left", "right", "margin")
        if not on_streamlit or None in given:
            continue
        where = f"{path.name}:{call.lineno}: {call.func.attr}"
        assert call.func.attr not in KEYED or "key" in given, f"{where} has no key"
        assert call.func.attr not in DESCRIBED or "alt" in given, f"{where} has no alternative text"


@pytest.mark.parametrize(
    ("page", "kind"),
    [
        ("evaluation.py", "run"),
        ("predict.py", "run"),
        ("deliver.py", "run"),
        ("training.py", "run"),
        ("dataset.py", "dataset"),
        ("model.py", "dataset"),
        ("lab.py", "experiment"),
    ],
)
def test_an_address_that_names_something_unknown_shows_nothing_else_in_its_place(
    filled: Filled, page: str, kind: str
) -> None:
    app = open_page(page, **{kind: "gone123"})
    assert "gone123" in texts(app)
    assert filled.run.name not in texts(app)
    assert "Tiny set" not in "\n".join(item.value for item in app.title)
    if kind == "run":
        app.selectbox(key="unknown_run").select(filled.run_id).run()
        assert not app.exception
        assert app.query_params["run"] in (filled.run_id, [filled.run_id])
        assert not app.error
