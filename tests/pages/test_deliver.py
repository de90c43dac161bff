"""The page that takes a model away: what is offered, started in the background, and said of what can't be made."""

from __future__ import annotations

import json

import pytest

from core.delivery.report.report import report_path
from core.evaluation.figures.operating_point import save_operating_point
from core.jobs import read_job, run_job_folder, wait_job
from tests.pages.conftest import Filled, button, open_page, texts


@pytest.mark.slow
def test_report_is_made_in_the_background_and_offered(filled: Filled) -> None:
    app = open_page("deliver.py", run=filled.run_id)
    button(app, "Make the report").click().run()
    assert not app.exception, app.exception
    run = filled.run
    wait_job(run_job_folder(run.folder, "report"))
    assert report_path(run).is_file()
    app.run()
    assert any("Save the report" in item.label for item in app.get("download_button"))
    assert button(app, "Make it again")
    assert not app.warning
    save_operating_point(run.folder, 0.77, chosen_on="val")
    app.run()
    assert "changed since" in app.warning[0].value, "the report tells another line"


@pytest.mark.slow
def test_formats_say_what_they_can_do_here(filled: Filled) -> None:
    app = open_page("deliver.py", run=filled.run_id)
    words = texts(app)
    assert "ONNX" in words
    app.segmented_control(key=f"place_{filled.run_id}").set_value("NVIDIA").run()
    assert not app.exception, app.exception
    assert "TensorRT" in texts(app)


@pytest.mark.slow
def test_result_of_an_export_is_shown_with_its_figures(filled: Filled) -> None:
    run = filled.run
    folder = run.folder / "exports" / "onnx"
    folder.mkdir(parents=True)
    (folder / "m.onnx").write_bytes(b"x" * 2000)
    check = {
        "pictures": 4, "part": "validation", "compared": 4, "metric": "mAP50-95", "checkpoint": 0.512,
        "exported": 0.509, "difference": -0.003, "head_cost": None, "box_difference": 0.5,
        "typical_box_difference": 0.02, "boxes": 7, "boxes_without_partner": 0, "confidence_difference": 0.001,
        "milliseconds": {"checkpoint": 20.0, "exported": 9.5},
    }  # fmt: skip
    record = {
        "format": "onnx", "title": "ONNX", "outcome": "verified", "reason": "", "head": "as-evaluated", "half": False,
        "dynamic": True,
        "imgsz": 32, "files": [{"name": "m.onnx", "bytes": 2000, "sha256": "0" * 64}], "check": check,
        "weights_sha256": "not these", "machine": "a machine",
    }  # fmt: skip
    (folder / "export.json").write_text(json.dumps(record), encoding="utf-8")
    app = open_page("deliver.py", run=filled.run_id)
    assert "made from earlier weights" in texts(app), "the weights are not those of the export"
    assert any((item.label, item.value) == ("Change of mAP50-95", "-0.0030") for item in app.metric)
    assert "These figures are for each other only" in texts(app)
    next(item for item in app.button if item.key == "delete_onnx").click().run()
    assert not folder.exists()


def test_job_that_vanished_says_so(filled: Filled) -> None:
    run = filled.run
    folder = run_job_folder(run.folder, "report")
    folder.mkdir(parents=True)
    (folder / "process.json").write_text(json.dumps({"pid": 2**22 + 7, "identity": "gone", "started": 0.0}))
    (folder / "job.log").write_text("Killed\n")
    assert "Killed" in read_job(folder).error
    app = open_page("deliver.py", run=filled.run_id)
    assert any("ended before it was done" in str(item.value) for item in app.error)
