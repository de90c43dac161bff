"""What people drop on the Dataset page: a folder of folders keeps its classes, loose pictures go in as one set."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.data.dataset import Dataset, list_datasets
from core.workspace import Workspace
from tests.data.writers import picture, put
from tests.e2e.conftest import Server
from tests.e2e.test_first_model import A_WHILE

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.xdist_group("e2e")]


def drop(page: Page, *paths: Path) -> None:
    """Drop files and folders of this machine on the page, as a hand would."""
    zone = page.get_by_test_id("stFileUploaderDropzone").first
    expect(zone).to_be_visible()
    box = zone.bounding_box()
    assert box is not None
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2, "data": data}
    browser = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        browser.send("Input.dispatchDragEvent", {"type": kind, **at})


def imported(server: Server, page: Page) -> Dataset:
    """Import what was understood, and return the newest dataset."""
    before = len(list_datasets(Workspace.open(server.workspace)))
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("What was read?")).to_be_visible(timeout=A_WHILE)
    after = list_datasets(Workspace.open(server.workspace))
    assert len(after) == before + 1
    return max(after, key=lambda item: item.created)


def test_what_is_dropped_goes_in_as_it_lay(server: Server, page: Page, tmp_path: Path) -> None:
    for number in range(8):
        picture(tmp_path / "fruit" / ("ripe" if number % 2 else "green") / f"{number // 2}.png", number)
    page.goto(f"{server.address}/dataset")
    drop(page, tmp_path / "fruit")
    expect(page.get_by_text("Read as one folder per class")).to_be_visible(timeout=A_WHILE)
    dataset = imported(server, page)
    assert dataset.name == "fruit"
    assert dataset.classes == ["green", "ripe"]
    assert sum(dataset.images.values()) == 8, "pictures of one name lie in both folders"

    loose = [tmp_path / "fruit" / kind / "0.png" for kind in ("green", "ripe")] + [
        tmp_path / "fruit" / "ripe" / "1.png"
    ]
    page.goto(f"{server.address}/dataset?new=1")
    drop(page, *loose)
    expect(page.get_by_text("3 pictures")).to_be_visible(timeout=A_WHILE)
    dataset = imported(server, page)
    assert sum(dataset.images.values()) == 3
    expect(page.get_by_role("button", name="Label the pictures")).to_be_visible()

    put(tmp_path / "list.xlsx", "no pictures")
    page.goto(f"{server.address}/dataset?new=1")
    drop(page, tmp_path / "list.xlsx")
    expect(page.get_by_text("there are no pictures with it")).to_be_visible(timeout=A_WHILE)
