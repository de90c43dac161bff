"""The CLAIM checklist and the model card: all items, what is known filled in, what is not marked and counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.cli import main
from core.delivery.checklists.document import sections_of, write_document
from core.delivery.checklists.study import StudyDetails, save_study
from core.errors import InputError
from core.evaluation.decisions.settings import DecisionSettings
from core.evaluation.evaluation import evaluate_run
from core.evaluation.predict.predictions import run_dataset
from tests.delivery.trained_run import PATIENT, Trained


def test_claim_has_its_44_items_and_says_which_are_open(trained: Trained) -> None:
    run = trained.run
    evaluation = evaluate_run(trained.workspace, run.id)
    sections = sections_of("claim", run, run_dataset(run.folder), evaluation, StudyDetails(), DecisionSettings())
    items = [item for _, found in sections for item in found]
    assert [item.number for item in items] == [str(number) for number in range(1, 45)]
    still_open = {item.number for item in items if item.is_open}
    assert {"4", "5", "8", "11", "14", "16", "33", "34", "36", "44"} <= still_open
    assert still_open.isdisjoint({"1", "9", "19", "20", "22", "23", "26", "28", "29", "39", "40"})


@pytest.mark.parametrize("kind", ["claim", "card"])
def test_what_people_say_closes_fields_and_no_file_is_named(trained_copy: Trained, tmp_path: Path, kind: str) -> None:
    run = trained_copy.run
    _, before = write_document(trained_copy.workspace, run.id, tmp_path / "a.html", kind)  # type: ignore[arg-type]
    save_study(run.folder, StudyDetails(sources="Two lines <b>in</b> May", funding="Nobody", contact="Quality"))
    path, after = write_document(trained_copy.workspace, run.id, tmp_path / "a.html", kind)  # type: ignore[arg-type]
    html = path.read_text(encoding="utf-8")
    assert before - after == 2
    assert "Two lines &lt;b&gt;in&lt;/b&gt; May" in html
    assert PATIENT not in html
    assert "http:" not in html
    assert "https:" not in html
    assert html.count('<span class="open">') == after


def test_the_command_line_writes_them_and_counts_what_is_open(
    trained_copy: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "study.json"
    study.write_text(json.dumps({"aims": "To find discs.", "design": "Retrospective."}))
    out = tmp_path / "claim.html"
    assert main(["report", trained_copy.run_id, str(out), "--kind", "claim", "--study", str(study), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["open"] > 5
    assert "Retrospective." in out.read_text(encoding="utf-8")
    study.write_text('{"colour": 1}')
    with pytest.raises(InputError, match="its fields are background"):
        write_document(trained_copy.workspace, trained_copy.run_id, out, "card", study)
