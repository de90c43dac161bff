"""Somebody looks at an evaluation in the browser: the line stays where it was drawn."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.data.importing.from_upload import import_dataset
from core.evaluation.figures.operating_point import load_operating_point
from core.training.runs import get_run
from core.workspace import Workspace
from tests.e2e.conftest import Server
from tests.evaluation.stored_runs import detector_run
from tests.tiny import write_yolo_folder


@pytest.mark.e2e
@pytest.mark.slow
def test_the_line_is_where_it_was_after_a_look_at_the_closed_test_part(
    server: Server, page: Page, tmp_path: Path
) -> None:
    folder = write_yolo_folder(tmp_path / "shapes", train=4, val=6)
    for kind in ("images", "labels"):
        (folder / kind / "test").mkdir()
        for path in sorted((folder / kind / "val").iterdir())[4:]:
            path.rename(folder / kind / "test" / path.name)
    with (folder / "data.yaml").open("a") as file:
        file.write("test: images/test\n")
    workspace = Workspace.open(server.workspace)
    dataset = import_dataset(workspace, folder, name="Shapes")
    run = detector_run(workspace, dataset, "found-most", 0.9)
    page.goto(f"{server.address}/evaluation?run={run.id}")
    line = page.get_by_role("slider", name="Confidence needed").first
    expect(line).to_be_visible()
    line.focus()
    line.press("ArrowRight")
    prevalence = page.get_by_role("textbox", name="How common is it in practice")
    prevalence.fill("2 %")
    prevalence.press("Enter")
    expect(page.get_by_text("Of the 20 with something wrong")).to_be_visible()
    drawn = line.input_value()
    assert float(drawn) > 0.1
    page.get_by_role("radio", name="test").click()
    expect(page.get_by_role("button", name="Open the test part")).to_be_visible()
    page.get_by_role("radio", name="validation").click()
    expect(prevalence).to_be_visible()
    assert line.input_value() == drawn
    prevalence.fill("3 %")
    prevalence.press("Enter")
    expect(page.get_by_text("Of the 30 with something wrong")).to_be_visible()
    assert line.input_value() == drawn

    # Kept, moved on without keeping, and left for another page: it is where it was, not where it was before the test.
    line.focus()
    line.press("ArrowRight")
    page.get_by_role("button", name="Keep this line for the model").click()
    expect(page.get_by_text(f"Kept with the model: a confidence of {float(line.input_value()):.3f}")).to_be_visible()
    kept = load_operating_point(get_run(workspace, run.id).folder)
    assert kept is not None
    assert kept.confidence == pytest.approx(float(line.input_value()), abs=0.0006) != pytest.approx(float(drawn))
    for moves in (0, 1):
        for _ in range(moves):
            line.focus()
            line.press("ArrowRight")
            expect(page.get_by_text("What you see here follows the slider")).to_be_visible()
        there = line.input_value()
        page.get_by_role("link", name="Try it", exact=True).first.click()
        expect(page).to_have_url(re.compile("/predict"))
        expect(line).to_have_count(0)
        page.get_by_role("link", name="Evaluation", exact=True).first.click()
        expect(page.get_by_text("Kept with the model")).to_be_visible()
        assert line.input_value() == there
