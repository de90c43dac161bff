"""A real server on a free port, and a tab in a real Chromium."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import Error as PlaywrightError

ROOT = Path(__file__).resolve().parents[2]
expect.set_options(timeout=60_000)  # a busy machine is slow, not wrong


@dataclass
class Server:
    """A running app; `process` may be killed and `start` called again on the same workspace.

    `command` starts it in `folder` and takes the port last; `named` says whether GRAFT_WORKSPACE names the workspace.
    """

    workspace: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    command: tuple[str, ...] = (sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port")
    folder: Path = ROOT
    named: bool = True

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        if not self.port:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
        log_path = self.workspace.parent / "server.log"
        environment = {**os.environ, "NO_COLOR": "1", "GRAFT_WORKSPACE": str(self.workspace) if self.named else ""}
        began = time.monotonic()
        with log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.command, str(self.port)],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )
        while time.monotonic() - began < 60:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended at once:\n{log_path.read_text()[-3000:]}")
            try:
                with urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=1) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"the server did not answer:\n{log_path.read_text()[-3000:]}")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """The app on an empty workspace of its own."""
    running = Server(tmp_path / "workspace")
    running.start()
    yield running
    running.kill()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh tab, 1280 pixels wide."""
    context = browser.new_context(viewport={"width": 1280, "height": 1600})
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell with a failure where the browser was by then and what stood there: what vanished is seldom seen twice."""
    report = yield
    page = getattr(item, "funcargs", {}).get("page")
    if report.when == "call" and report.failed and page is not None and not page.is_closed():
        with suppress(PlaywrightError):
            report.sections.append(
                ("the page", f"{page.url}\n{page.locator('body').inner_text(timeout=5_000)[:6_000]}")
            )
    return report
