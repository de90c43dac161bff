"""What every test can ask for: a workspace of its own, the shared real data where it is, tiny pictures."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.processes.starting import prepare
from core.workspace import Workspace

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[1]
# Test processes share the machine, and two runs of one seed are alike to the last bit only on equally many cores.
os.environ.setdefault("GRAFT_CORES", "1")
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


MANY = 20
"""Tests in one go from which on a warm process pays: its imports take as long as those of three children."""


@pytest.fixture(autouse=True)
def warm(request: pytest.FixtureRequest) -> None:
    """Have the children of a whole test run begin from warm, as those of the app do; xdist's workers share it.

    Asked for each test: one that imports Ultralytics itself changes the environment, and with it which process fits.
    """
    if len(request.session.items) >= MANY:
        prepare()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real datasets and checkpoints; tests that use it skip where it is absent."""
    folder = Path(os.environ.get("GRAFT_SHARED") or ROOT.parent / "shared")
    if not (folder / "data").is_dir():
        pytest.skip("the shared real data is not on this machine (GRAFT_SHARED)")
    return folder


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """An empty workspace that GRAFT_WORKSPACE names."""
    monkeypatch.setenv("GRAFT_WORKSPACE", str(tmp_path / "workspace"))
    return Workspace.current()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium, one per test process (Playwright can't be started twice in one); in CI it must be there."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("there is no Chromium, and CI must have one (.ci/run installs it)")
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, headless=True, args=CHROMIUM_OPTIONS)
        yield running
        running.close()
