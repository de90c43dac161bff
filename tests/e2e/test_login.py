"""A browser on another address of this machine: locked out without the password, at work with it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import ROOT, Server

PASSWORD = "a long password"


def own_address() -> str:
    """An address of this machine that is not the loopback's; the test skips where there is none."""
    for card in psutil.net_if_addrs().values():
        for item in card:
            if item.family == socket.AF_INET and not item.address.startswith("127."):
                return item.address
    pytest.skip("this machine has no address but the loopback")


class LabServer(Server):
    """The app on an address of the network."""

    host: str = ""

    @property
    def address(self) -> str:
        return f"http://{self.host}:{self.port}"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LabServer]:
    monkeypatch.setenv("GRAFT_PASSWORD", PASSWORD)
    host = own_address()
    options = ("--server.address", host, "--server.allowedHosts", host, "--server.corsAllowedOrigins", f"http://{host}")
    command = (sys.executable, "-m", "streamlit", "run", "streamlit_app.py", *options, "--server.port")
    running = LabServer(tmp_path / "workspace", command=command)
    running.host = host
    running.start()
    yield running
    running.kill()


@pytest.mark.e2e
@pytest.mark.slow
def test_who_has_the_password_works_and_nobody_else(lab: LabServer, page: Page) -> None:
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if "Security Policy" in message.text else None)
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(f"{lab.address}/_stcore/host-config", timeout=5)
    assert error.value.code == 401
    page.goto(lab.address)
    page.get_by_label("Password of this workspace").fill("not the password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Password of this workspace").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="New here?")).to_be_visible()
    expect(page.get_by_text(f"Open to the network at {lab.host}")).to_be_visible()
    page.goto(f"{lab.address}/dataset")
    expect(page.locator("input[type=file]").first).to_be_attached()
    assert refused == [], "the policy forbids nothing that the pages need"
    page.goto(f"{lab.address}/logout")
    expect(page.get_by_label("Password of this workspace")).to_be_visible()


@pytest.mark.slow
def test_without_a_password_it_does_not_start_beyond_this_machine(tmp_path: Path) -> None:
    environment = {**os.environ, "GRAFT_WORKSPACE": str(tmp_path / "workspace")}
    environment.pop("GRAFT_PASSWORD", None)
    for words in (("serve", "--host", "0.0.0.0", "--behind-proxy"), ("serve", "--host", own_address())):
        ended = subprocess.run(
            [sys.executable, "-m", "core", *words],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ended.returncode == 2
        assert "password" in ended.stderr
    ended = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.address", "0.0.0.0"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "graft password" in ended.stderr
