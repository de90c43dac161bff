"""A workspace with a dataset and a finished run, made once; opened by the tests of the pages."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.delivery.predict.intake import MOST
from core.spec import TrainingSpec
from core.strategies.scratch import SCRATCH
from core.training.runs import get_run, start_run, wait_run
from core.training.store import Run, State
from core.workspace import Workspace
from tests.tiny import write_yolo_folder

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path.name for path in (ROOT / "pages").glob("*.py") if not path.name.startswith("_"))


@dataclass(frozen=True)
class Filled:
    """A workspace in use."""

    workspace: Workspace
    dataset_id: str
    run_id: str

    @property
    def run(self) -> Run:
        return get_run(self.workspace, self.run_id)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """Import a tiny set and train one real epoch on it."""
    folder = tmp_path_factory.mktemp("pages")
    workspace = Workspace.open(folder / "workspace")
    dataset = import_dataset(workspace, write_yolo_folder(folder / "tiny"), name="Tiny set")
    spec = TrainingSpec(
        dataset=dataset.id, task="detect", model="yolo11n", strategy=SCRATCH, epochs=1, imgsz=32, batch=4,
        device="cpu", name="A <b>tiny</b> run",
    )  # fmt: skip
    run = wait_run(workspace, start_run(workspace, spec).id, timeout=180)
    assert run.state is State.FINISHED, run.cause
    return Filled(workspace, dataset.id, run.id)


@pytest.fixture
def filled(made: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Filled:
    """A copy of the used workspace for one test, which may change it."""
    root = tmp_path / "copied"
    shutil.copytree(made.workspace.root, root)
    monkeypatch.setenv("GRAFT_WORKSPACE", str(root))
    return Filled(Workspace.open(root), made.dataset_id, made.run_id)


@pytest.fixture
def shapes(workspace: Workspace, tmp_path: Path) -> Dataset:
    """Squares and discs, eight pictures of them to judge on."""
    return import_dataset(workspace, write_yolo_folder(tmp_path / "shapes", train=4, val=8))


def open_page(name: str = "home.py", **address: str) -> AppTest:
    """Open a page of the app within its frame; fails the test when the page raises."""
    app = AppTest.from_file(str(ROOT / "pages" / "_app.py"), default_timeout=60)
    app.run()
    for key, value in address.items():
        app.query_params[key] = value
    if name != "home.py":
        app.switch_page(name)
    app.run()
    assert not app.exception, app.exception
    return app


def texts(app: AppTest) -> str:
    """Return all the words on a page."""
    kinds = (app.title, app.header, app.subheader, app.markdown, app.caption, app.error, app.warning, app.success)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def button(app: AppTest, label: str):
    """Return the button with a label."""
    return next(item for item in app.button if item.label == label)


def given_many_pictures(filled: Filled, folder: Path) -> AppTest:
    """Return the page to try a model after it was pointed to a folder with one picture more than it shows."""
    folder.mkdir()
    for number in range(MOST + 1):
        Image.fromarray(np.full((40, 60, 3), number, np.uint8)).save(folder / f"{number}.png")
    app = open_page("predict.py", run=filled.run_id)
    app.segmented_control(key="predict_way").set_value("A place on this machine").run()
    app.text_input(key="predict_place").set_value(str(folder))
    button(app, "Look at it").click().run()
    assert not app.exception, app.exception
    return app


def open_alone(file: str, **address: str) -> AppTest:
    """Run a page without its frame, which is quicker; what it raises is in `exception`."""
    page = AppTest.from_file(str(ROOT / "pages" / file), default_timeout=60)
    page.session_state["frame_ready"] = True
    for key, value in address.items():
        page.query_params[key] = value
    return page.run()


def text_of(page: AppTest) -> str:
    """Return the running text of a page, and its errors."""
    return "\n".join(item.value for item in [*page.markdown, *page.caption, *page.error])
