"""Uploads may be confidential: once they are saved, the server's memory holds none of their bytes."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.data.dataset import list_datasets
from core.workspace import Workspace
from tests.e2e.conftest import ROOT, Server
from tests.e2e.test_first_model import A_WHILE

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.xdist_group("e2e")]
SAMPLE = ROOT / "sample_data" / "surface_defects.zip"


def bytes_held(server: Server) -> int:
    """Return how many bytes of uploads the server holds in memory, as its own figures say."""
    with urllib.request.urlopen(f"{server.address}/_stcore/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    held = [line for line in lines if "UploadedFileManager" in line and not line.startswith("#")]
    return sum(int(float(re.split(r"\s+", line)[-1])) for line in held)


def expect_held(server: Server, page: Page, size: int) -> None:
    """Wait for so many bytes, for seconds: the page is ready a little before the server's own figures are."""
    for _ in range(50):
        if bytes_held(server) == size:
            return
        page.wait_for_timeout(200)
    assert bytes_held(server) == size


def test_an_imported_zip_is_on_the_disk_alone(server: Server, page: Page) -> None:
    page.goto(f"{server.address}/dataset")
    assert bytes_held(server) == 0
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(SAMPLE)
    expect(page.get_by_text("Read as")).to_be_visible(timeout=A_WHILE)
    expect_held(server, page, 0)  # it went to the disk to be looked at, before anything is imported
    assert not list_datasets(Workspace.open(server.workspace))
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("What was read?")).to_be_visible(timeout=A_WHILE)
    assert len(list_datasets(Workspace.open(server.workspace))) == 1
    expect_held(server, page, 0)


def test_pictures_to_try_a_model_on_leave_at_once(server: Server, page: Page, tmp_path: Path) -> None:
    from tests.delivery.trained_run import train_tiny

    made = train_tiny(server.workspace.parent)
    picture = next((made.workspace.dataset(made.run.dataset) / "images" / "val").glob("*.png"))
    page.goto(f"{server.address}/predict?run={made.run_id}")
    page.get_by_test_id("stFileUploaderDropzoneInput").last.set_input_files(picture)
    expect(page.get_by_text("Given: 1 picture")).to_be_visible(timeout=A_WHILE)
    expect_held(server, page, 0)
