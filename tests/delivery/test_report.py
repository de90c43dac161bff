"""The report: complete, discreet, and alone with itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser

from core.data.importing.from_upload import import_dataset
from core.delivery.report.figures import curves, interval, matrix
from core.delivery.report.report import ReportSettings, write_report
from core.delivery.report.words import how_to_use, operating_point
from core.errors import InputError
from core.evaluation.decisions.drawn_line import draw_line, keep_line
from core.evaluation.decisions.line_settings import LineSettings
from core.evaluation.evaluation import evaluate_run
from core.evaluation.figures.figure import Figure
from core.metric_words import metric_title, metric_value
from core.training.advice import train_longer
from core.training.records.events import read_events
from core.training.records.progress import read_progress
from core.training.runs import get_run
from core.workspace import Workspace
from tests.delivery.trained_run import PATIENT, Trained
from tests.evaluation.stored_runs import detector_run, store, trained
from tests.tiny import write_class_folders, write_yolo_folder


@pytest.mark.slow
def test_report_holds_what_was_promised_and_names_no_file(trained_copy: Trained, tmp_path: Path) -> None:
    out = write_report(trained_copy.workspace, trained_copy.run_id, tmp_path / "report.html")
    html = out.read_text(encoding="utf-8")
    assert out.stat().st_size < 8_000_000
    for heading in ("Intended use", "Limits", "Dataset card", "How it was trained", "Figures by class", "Weak spots",
                    "Every setting", "Digests and versions"):  # fmt: skip
        assert f"<h2>{heading}</h2>" in html, heading
    evaluation = evaluate_run(trained_copy.workspace, trained_copy.run_id)
    for name in ("recall", "mAP50-95"):  # the same figure by the same word as on the Evaluation page
        told = evaluation.told(name)
        assert told is not None
        assert f"{metric_title(name)}{told.clause}</span><b>{metric_value(name, told.figure.value)}</b>" in html
    assert PATIENT not in html
    assert str(trained_copy.workspace.root) not in html
    assert "A &lt;b&gt;small&lt;/b&gt; run" in html
    assert "<b>small</b>" not in html
    assert "data:image/jpeg" in html
    assert not re.search(r"<script|\bsrc=\"(?!data:)|<link|url\(|@import", html)


@pytest.mark.slow
def test_settings_of_a_report_are_heeded(trained_copy: Trained, tmp_path: Path) -> None:
    settings = ReportSettings(
        title="Line 4", author="QA", intended_use="Only on line 4.", pictures=False, signatures=True
    )
    html = write_report(trained_copy.workspace, trained_copy.run_id, tmp_path / "report.html", settings).read_text(
        encoding="utf-8"
    )
    assert "<h1>Line 4</h1>" in html
    assert "Only on line 4." in html
    assert "Checked by" in html
    assert "data:image/jpeg" not in html


@pytest.mark.slow
def test_what_the_evaluation_advises_first_stands_in_the_report(trained_copy: Trained, tmp_path: Path) -> None:
    run = get_run(trained_copy.workspace, trained_copy.run_id)
    kept = [event for event in read_events(run.events_path)[0] if event["kind"] != "epoch"]
    rising = [
        {
            "kind": "epoch",
            "epoch": number,
            "epochs": 4,
            "seconds": 1.0,
            "fitness": value,
            "metrics": {"mAP50-95": value},
        }
        for number, value in enumerate((0.1, 0.25, 0.4, 0.55), start=1)
    ]
    run.events_path.write_text("".join(json.dumps(event) + "\n" for event in [*kept[:1], *rising, *kept[1:]]))
    advice = train_longer(run, read_progress(run))
    assert advice
    html = write_report(trained_copy.workspace, run.id, tmp_path / "report.html").read_text(encoding="utf-8")
    assert f"<h2>What would make it better</h2>\n<ul><li>{advice}" in html


@pytest.mark.slow
@pytest.mark.e2e
def test_report_opens_from_disk_without_a_request_and_prints(
    trained_copy: Trained, tmp_path: Path, browser: Browser
) -> None:
    out = write_report(trained_copy.workspace, trained_copy.run_id, tmp_path / "report.html")
    context = browser.new_context(offline=True)
    page = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(out.as_uri())
    broken = page.eval_on_selector_all("img", "images => images.filter(i => !i.naturalWidth).length")
    pdf = page.pdf(prefer_css_page_size=True)
    context.close()
    assert [url for url in asked if not url.startswith("data:")] == [out.as_uri()]
    assert complaints == []
    assert broken == 0
    assert pdf.startswith(b"%PDF")


def test_a_run_without_a_model_has_no_report(trained_copy: Trained, tmp_path: Path) -> None:
    weights = trained_copy.run.best_weights
    assert weights is not None
    weights.unlink()
    with pytest.raises(InputError, match="no trained model"):
        write_report(trained_copy.workspace, trained_copy.run_id, tmp_path / "report.html")


def test_drawings_escape_names_and_bear_gaps() -> None:
    assert "<b>" not in matrix(["<b>x</b>"], ["<b>x</b>"], [[1]], "t")
    drawn = curves({"loss": [1.0, float("nan"), 0.5]}, "Loss", best=3)
    assert "nan" not in drawn
    assert drawn.count("<circle") == 1
    assert curves({"loss": [float("nan")]}, "Loss") == ""
    assert interval(Figure(low=0, high=1), "t") == ""


def test_a_model_that_finds_nothing_right_chose_no_line(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "shapes", train=4, val=6))
    told = {}
    for run_id, found in (("blind", 0.0), ("sure", 1.0)):
        detector_run(workspace, dataset, run_id, found)
        told[run_id] = operating_point(get_run(workspace, run_id), evaluate_run(workspace, run_id))
    assert "F1" in told["sure"]
    assert "F1" not in told["blind"]
    assert "0.25" in told["blind"]


def test_the_line_of_two_classes_is_told(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, write_class_folders(tmp_path / "colours", count=20))
    table = dataset.image_table()
    files = table[table["split"] == "val"]["file"].tolist()
    true = [dataset.classes.index(Path(file).parent.name) for file in files]
    red = dataset.classes.index("red")
    scores = {f"p{index}": [0.8 if index == said else 0.2 for said in true] for index in range(2)}
    predictions = pd.DataFrame({"file": files, "class_id": true, "confidence": 0.8} | scores)
    trained(workspace, dataset, "run-a")
    store(workspace, dataset, "run-a", predictions, pd.DataFrame({"file": files, "class_id": true}))
    run, plain = get_run(workspace, "run-a"), evaluate_run(workspace, "run-a")
    assert "likeliest" in operating_point(run, plain)
    keep_line(workspace, draw_line(plain, LineSettings(line=0.15, positive=dataset.classes[red])))
    evaluation = evaluate_run(workspace, "run-a")
    assert "“red” from a confidence of 0.150" in operating_point(run, evaluation)
    assert any("0.150" in line for line in how_to_use(run, evaluation))
