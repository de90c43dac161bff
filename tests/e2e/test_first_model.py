"""A new user's first model, in a real browser: bring in a zip, train, come back, read how good it is."""

from __future__ import annotations

import re
import socket
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.spec import TrainingSpec
from core.training.runs import get_run, list_runs, start_run, stop_run, wait_run
from core.training.store import State
from core.workspace import Workspace
from tests.e2e.conftest import ROOT, Server

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.xdist_group("e2e")]
SAMPLE = ROOT / "sample_data" / "surface_defects.zip"
A_WHILE = 180_000


def no_trouble(page: Page) -> None:
    assert page.get_by_test_id("stException").count() == 0, page.get_by_test_id("stException").first.inner_text()


def test_from_a_zip_to_the_evaluation(server: Server, page: Page) -> None:
    page.goto(f"{server.address}/dataset")
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(SAMPLE)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("What was read?")).to_be_visible(timeout=A_WHILE)
    expect(page.get_by_text("160 pictures").first).to_be_visible()
    no_trouble(page)
    workspace = Workspace.open(server.workspace)
    assert not list(workspace.staging_root.rglob("*.zip")), "the upload is still on the disk"

    page.get_by_role("button", name=re.compile("Choose a model")).click()
    title = page.get_by_role("heading", name="Model", exact=True)
    expect(title).to_be_focused()  # Tab goes on from there, not through the sidebar again
    page.get_by_text("How much of that knowledge is kept?").click()
    page.get_by_text("Forget everything and start from random numbers").click()
    page.get_by_text("Every setting, with its reason").click()
    for label, value in (("Epochs", "1"), ("Image size (pixels)", "64")):
        field = page.get_by_label(label, exact=True).first
        field.fill(value)
        field.press("Enter")
    page.get_by_role("button", name=re.compile("Start training")).click()

    bars = page.get_by_role("progressbar")
    expect(bars.first).to_be_visible(timeout=A_WHILE)
    page.wait_for_url(re.compile("run="))
    page.reload()
    expect(page.get_by_text("See how good it is")).to_be_visible(timeout=A_WHILE)
    no_trouble(page)
    run = list_runs(workspace)[0]
    assert run.state is State.FINISHED
    assert run.spec.epochs == 1

    page.get_by_role("button", name=re.compile("See how good it is")).click()
    expect(page.locator(".st-key-headline_mAP50 [data-testid=stMetric]")).to_be_visible(timeout=A_WHILE)
    expect(page.get_by_text("Nothing stands out")).to_have_count(0)  # of a model from random numbers, after one epoch
    no_trouble(page)
    page.set_viewport_size({"width": 400, "height": 800})
    label = page.locator(".st-key-evaluation_bar [data-testid=stSlider] [data-testid=stWidgetLabel]")
    expect(label).to_be_visible(timeout=A_WHILE)
    assert label.evaluate("item => [...item.querySelectorAll('*')].every(part => part.scrollWidth <= part.clientWidth "
                          "|| getComputedStyle(part).display === 'inline')"), "the line's label is cut"  # fmt: skip


def test_the_run_outlives_tab_and_server(server: Server, page: Page) -> None:
    from core.data.importing.from_upload import import_dataset
    from tests.tiny import write_yolo_folder

    workspace = Workspace.open(server.workspace)
    dataset = import_dataset(workspace, write_yolo_folder(server.workspace.parent / "squares", train=16))
    spec = TrainingSpec(
        dataset=dataset.id,
        task="detect",
        model="yolo11n",
        strategy="scratch",
        epochs=500,
        imgsz=32,
        batch=4,
        name="Long",
    )
    run = start_run(workspace, spec)
    try:
        page.goto(f"{server.address}/training?run={run.id}")
        expect(page.get_by_role("progressbar").first).to_be_visible(timeout=A_WHILE)
        page.close()
        server.kill()
        assert get_run(workspace, run.id).active
        server.start()

        second = page.context.new_page()
        second.goto(server.address)
        expect(second.get_by_text("Long").first).to_be_visible()
        second.goto(f"{server.address}/training?run={run.id}")
        second.get_by_role("button", name="Stop and keep the best").click()
        done = wait_run(workspace, run.id, 90)
        assert done.state is State.STOPPED
        assert done.best_weights is not None
    finally:
        stop_run(workspace, run.id, keep_best=False)


def test_nothing_outside_is_asked_for(server: Server, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for name in ("", "dataset", "model", "training", "runs"):
        page.goto(f"{server.address}/{name}")
        expect(page.locator("[data-testid=stApp]")).to_have_attribute("data-test-script-state", "notRunning")
        no_trouble(page)
    assert [url for url in asked if not url.startswith((server.address, "data:", "blob:"))] == []


def test_the_server_asks_nothing_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither when it listens on all addresses nor when a page from elsewhere knocks."""
    command = (sys.executable, "-m", "core.console", "--address", "0.0.0.0", "--port")
    with socket.create_server(("127.0.0.1", 0)) as proxy:  # what the server asks outside would come by here
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.setenv(name, "127.0.0.1")
        monkeypatch.setenv("GRAFT_PASSWORD", "it listens beyond this machine")
        server = Server(tmp_path / "workspace", command=command)
        knock = "\r\n".join(
            (
                "GET /_stcore/stream HTTP/1.1",
                "Host: localhost",
                "Origin: http://elsewhere.example",
                "Connection: Upgrade",
                "Upgrade: websocket",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                "\r\n",
            )
        )
        try:
            server.start()
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as tab:
                tab.sendall(knock.encode())
                assert b" 403 " in tab.recv(100)
        finally:
            server.kill()
        proxy.settimeout(0)
        with pytest.raises(BlockingIOError):
            proxy.accept()


def test_a_deep_link_on_a_fresh_server_stands_in_the_frame(tmp_path: Path, page: Page) -> None:
    for number in range(5):
        server = Server(tmp_path / f"workspace{number}")
        server.start()
        try:
            page.goto(f"{server.address}/model")
            expect(page.get_by_test_id("stSidebarNav").or_(page.get_by_test_id("stSidebar")).first).to_be_visible()
            expect(page.get_by_role("heading", name="Model")).to_be_visible()
            no_trouble(page)
        finally:
            server.kill()
