"""A browser on another address of this machine logs in over TLS, trains, and ten wrong passwords lock it out."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from core.training.runs import list_runs
from core.training.store import State
from core.workspace import Workspace
from tests.e2e.conftest import ROOT, Server
from tests.e2e.test_login import PASSWORD, own_address

A_WHILE = 240_000
LABEL = "Password of this workspace"


class TlsServer(Server):
    """The app as `serve` opens it to a network, with a certificate of its own."""

    host: str = ""

    @property
    def address(self) -> str:
        return f"https://{self.host}:{self.port}"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TlsServer]:
    if not shutil.which("openssl"):
        pytest.skip("openssl makes the certificate, and it is not here")
    host, key, certificate = own_address(), tmp_path / "lab.key", tmp_path / "lab.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={host}", "-keyout",
         str(key), "-out", str(certificate), "-addext", f"subjectAltName=IP:{host}"], check=True, capture_output=True,
    )  # fmt: skip
    monkeypatch.setenv("GRAFT_WORKSPACE", str(tmp_path / "workspace"))
    subprocess.run([sys.executable, "-m", "core", "password"], cwd=ROOT, input=PASSWORD + "\n", text=True, check=True)
    assert PASSWORD not in (tmp_path / "workspace" / "access.json").read_text()
    options = ("--host", host, "--cert", str(certificate), "--key", str(key), "--port")
    running = TlsServer(tmp_path / "workspace", command=(sys.executable, "-m", "core", "serve", *options))
    running.host = host
    monkeypatch.setattr("ssl._create_default_https_context", _unverified)
    running.start()
    yield running
    running.kill()


def _unverified() -> object:
    import ssl

    return ssl._create_unverified_context()


def test_it_logs_in_trains_and_is_locked_out(lab: TlsServer, browser: Browser) -> None:
    inside = browser.new_context(ignore_https_errors=True, viewport={"width": 1280, "height": 1600})
    page = inside.new_page()
    page.set_default_timeout(60_000)
    page.goto(lab.address)
    page.get_by_label(LABEL).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text(f"Open to the network at {lab.host}")).to_be_visible()
    page.get_by_role("button", name=re.compile("Try it with the sample set")).first.click()
    page.wait_for_url(re.compile("run="), timeout=A_WHILE)
    workspace = Workspace.open(lab.workspace)
    expect(page.get_by_text(re.compile("Epoch 2 of"))).to_be_visible(timeout=A_WHILE)
    page.get_by_role("button", name="Stop and keep the best").click()
    expect(page.get_by_text("See how good it is")).to_be_visible(timeout=A_WHILE)
    assert list_runs(workspace)[0].state is State.STOPPED

    outside = browser.new_context(ignore_https_errors=True)
    page = outside.new_page()
    page.goto(lab.address)
    answers = []
    for word in [*(f"wrong password {number}" for number in range(11)), PASSWORD]:
        page.get_by_label(LABEL).fill(word)
        with page.expect_response(lambda answer: answer.url.endswith("/login")) as said:
            page.get_by_role("button", name="Log in").click()
        answers.append(said.value.status)
    assert answers == [401] * 10 + [429] * 2, "the right one is refused as well"
    inside.close()
    outside.close()
