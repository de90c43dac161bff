"""From page to page while parts of the page draw themselves anew, on a machine that is slow to answer."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from core.data.importing.from_upload import import_dataset
from core.spec import TrainingSpec
from core.strategies.scratch import SCRATCH
from core.training.runs import start_run, wait_run
from core.workspace import Workspace
from tests.e2e.conftest import Server
from tests.tiny import write_yolo_folder

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.xdist_group("e2e")]


class SlowAnswers:
    """What the server says is held back from a click on until the browser's own timer has asked again."""

    def __init__(self, page: Page) -> None:
        self.clicked = self.asked = False
        self.held: list[str | bytes] = []
        page.route_web_socket(re.compile("_stcore/stream"), self._between)

    def _between(self, browser: WebSocketRoute) -> None:
        server = browser.connect_to_server()

        def to_server(message: str | bytes) -> None:
            asked = BackMsg.FromString(message) if isinstance(message, bytes) else BackMsg()
            self.clicked |= any(widget.trigger_value for widget in asked.rerun_script.widget_states.widgets)
            server.send(message)
            if self.clicked and asked.rerun_script.is_auto_rerun:
                self.asked = True
                for answer in self.held:
                    browser.send(answer)
                self.held.clear()

        def to_browser(message: str | bytes) -> None:
            if self.clicked and not self.asked:
                self.held.append(message)
            else:
                browser.send(message)

        browser.on_message(to_server)
        server.on_message(to_browser)


def test_the_next_page_stands_though_the_last_one_asked_once_more(server: Server, page: Page) -> None:
    workspace = Workspace.open(server.workspace)
    dataset = import_dataset(workspace, write_yolo_folder(server.workspace.parent / "squares", train=16))
    slow = SlowAnswers(page)
    page.goto(f"{server.address}/dataset?dataset={dataset.id}")
    page.get_by_role("button", name=re.compile("Choose a model")).click()
    expect(page).to_have_url(re.compile("/model"), timeout=20_000)
    assert slow.asked, "the browser's timer asked nothing: this test shows nothing"
    page.wait_for_timeout(3_000)  # the answer to the last page's question comes after the new page
    expect(page.get_by_role("heading", name="Model", exact=True)).to_be_visible(timeout=15_000)
    expect(page).to_have_url(re.compile(f"/model.*dataset={dataset.id}"))
    page.get_by_text("How much of that knowledge is kept?").click()
    expect(page.get_by_text("Forget everything and start from random numbers")).to_be_visible()


def test_one_step_back_is_the_page_before(server: Server, page: Page) -> None:
    workspace = Workspace.open(server.workspace)
    dataset = import_dataset(workspace, write_yolo_folder(server.workspace.parent / "shapes", train=16))
    spec = TrainingSpec(
        dataset=dataset.id, task="detect", model="yolo11n", strategy=SCRATCH, epochs=1, imgsz=32, batch=4, device="cpu"
    )
    run = wait_run(workspace, start_run(workspace, spec).id, timeout=180)
    page.goto(f"{server.address}/dataset?dataset={dataset.id}")
    road = page.locator(".st-key-road")
    shown = {
        "Pictures": f"/dataset.*={dataset.id}",
        "Model": f"/model.*={dataset.id}",
        "Training": f"/training.*={run.id}",
    }
    for stage in ("Training", "Model", "Training"):
        road.get_by_role("link", name=stage).click()
        expect(page).to_have_url(re.compile(shown[stage]), timeout=20_000)
        page.wait_for_timeout(1_500)  # it names itself
    for stage in ("Model", "Training", "Pictures"):
        page.go_back()
        page.wait_for_timeout(1_500)
        expect(page).to_have_url(re.compile(shown[stage]), timeout=5_000)
