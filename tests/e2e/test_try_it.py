"""Somebody tries a model in the browser: uploads a picture, moves the line, sees a video play."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.delivery.predict.job import JobRequest, start_job
from core.evaluation.figures.operating_point import save_operating_point
from core.workspace import Workspace
from tests.delivery.predict.test_batch import wait
from tests.delivery.predict.test_video import write_video
from tests.delivery.trained_run import train_tiny
from tests.e2e.conftest import Server


@pytest.mark.e2e
@pytest.mark.slow
def test_a_picture_is_uploaded_the_line_moved_and_a_video_plays(server: Server, page: Page, tmp_path: Path) -> None:
    made = train_tiny(server.workspace.parent)
    assert made.workspace.root == server.workspace
    workspace = Workspace.open(server.workspace)
    save_operating_point(made.run.folder, 0.002)  # after one epoch from scratch it is sure of nothing
    source = write_video(tmp_path / "belt.mp4")
    wait(start_job(workspace, JobRequest(kind="video", model=made.run_id, sources=[str(source)], confidence=0.001)))
    picture = next((workspace.dataset(made.run.dataset) / "images" / "val").glob("*.png"))
    page.goto(f"{server.address}/predict?run={made.run_id}")
    page.get_by_test_id("stFileUploaderDropzoneInput").last.set_input_files(picture)
    found = page.get_by_role("heading", name=re.compile(r"Found [1-9]\d* object"))
    expect(found).to_be_visible()
    slider = page.get_by_role("slider", name="Confidence a finding must reach").first
    slider.focus()
    slider.press("End")
    expect(page.get_by_role("heading", name="Found 0 objects.")).to_be_visible()
    plays = page.locator("video").evaluate(
        "async video => { video.muted = true; await video.play();"
        " await new Promise(done => setTimeout(done, 700)); return [video.readyState, video.currentTime]; }"
    )
    assert plays[0] >= 2
    assert plays[1] > 0
