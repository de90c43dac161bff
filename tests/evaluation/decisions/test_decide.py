"""Decisions about whole units: counted by hand, bounded exactly, carried over to a stated prevalence."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from core.cli import main
from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.data.importing.settings import ImportSettings
from core.evaluation.decisions.decide import counted_words, decide, unit_word
from core.evaluation.decisions.rates import at_prevalence, exact_rate
from core.evaluation.decisions.settings import DecisionSettings, read_share
from core.evaluation.decisions.units import good_class
from core.evaluation.evaluation import evaluate_run
from core.evaluation.figures.operating_point import save_operating_point
from core.evaluation.predict.predictions import meta_path, predictions_path, truth_path
from core.workspace import Workspace
from tests.evaluation.stored_runs import detector_run, store, trained
from tests.tiny import write_class_folders, write_yolo_folder


@pytest.mark.parametrize(
    ("groups", "unit"),
    [
        ({}, "picture"),
        ({"val/patient003_1.png": "003"}, "patient"),
        ({"val/1.png": "patient 3"}, "patient"),
        ({"val/lot3_patientroom.png": "3"}, "unit"),
    ],
)
def test_a_unit_is_a_patient_where_the_groups_or_their_files_say_so(groups: dict[str, str], unit: str) -> None:
    assert unit_word(groups) == unit


def test_the_bound_where_nothing_was_missed() -> None:
    rate = exact_rate(0, 60)
    assert (rate.value, rate.low) == (0, 0)
    assert rate.high == pytest.approx(1 - 0.025 ** (1 / 60))  # 5.96 %
    assert exact_rate(60, 60).low == pytest.approx(0.025 ** (1 / 60))
    assert exact_rate(3, 20).low == pytest.approx(0.0321, abs=1e-4)  # Clopper and Pearson's own table
    assert exact_rate(3, 20).high == pytest.approx(0.3789, abs=1e-4)
    assert not exact_rate(0, 0).is_known


def test_what_rates_come_to_at_a_stated_prevalence() -> None:
    found = at_prevalence(0.02, escaped=5, bad=50, overkilled=4, good=100)
    assert found["PPV"].value == pytest.approx(0.02 * 0.9 / (0.02 * 0.9 + 0.98 * 0.04))
    assert found["NPV"].value == pytest.approx(0.98 * 0.96 / (0.98 * 0.96 + 0.02 * 0.1))
    assert found["escaped"].value == pytest.approx(0.002)
    assert found["overkill"].value == pytest.approx(0.98 * 0.04)
    assert found["passed defective"].value == pytest.approx(1 - found["NPV"].value)
    for figure in found.values():
        assert figure.low < figure.value < figure.high
    rarer = at_prevalence(0.0005, escaped=5, bad=50, overkilled=4, good=100)
    assert rarer["PPV"].value < found["PPV"].value
    without_good = at_prevalence(0.02, 5, 50, 0, 0)
    assert not without_good["PPV"].is_known
    assert without_good["escaped"].is_known


@pytest.mark.parametrize(
    ("text", "share"),
    [("2 %", 0.02), ("0.02", 0.02), ("500 ppm", 5e-4), ("1,200ppm", 1.2e-3), ("5‰", 5e-3), ("", None)],
)
def test_a_share_is_read_as_people_write_it(text: str, share: float | None) -> None:
    assert read_share(text) == (None if share is None else pytest.approx(share))


@pytest.mark.parametrize("text", ["2", "120 %", "often", "-1 %", "0", "0 %"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        DecisionSettings(prevalence=text)  # type: ignore[arg-type]


def test_the_good_class_is_known_by_its_name_or_asked_for() -> None:
    nothing = DecisionSettings()
    assert good_class(["NORMAL", "PNEUMONIA"], nothing) == 0
    assert good_class(["dent", "not_ok", "ok"], nothing) == 2
    assert good_class(["dent", "not_ok"], nothing) is None
    assert good_class(["cat", "dog"], nothing) is None
    assert good_class(["cat", "dog"], DecisionSettings(good="dog")) == 1


def test_one_rule_for_shares_of_pictures_on_the_page_and_in_decisions(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "shapes", train=4, val=8))
    detector_run(workspace, dataset, "run-half", 0.5)
    evaluation = evaluate_run(workspace, "run-half").at(0.9)
    shown, decided = evaluation.metrics["picture sensitivity"], decide(evaluation).rates["escape rate"].figure
    assert 0 < shown.value < 1
    assert (shown.value, shown.low, shown.high) == pytest.approx((1 - decided.value, 1 - decided.high, 1 - decided.low))


def test_where_rates_and_counts_differ_it_is_said_why(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "shapes", train=4, val=8))
    detector_run(workspace, dataset, "run-half", 0.5)
    made = decide(evaluate_run(workspace, "run-half"))
    assert made.counts is not None
    plain = counted_words(replace(made, counts=replace(made.counts, line_chosen=False, epoch_chosen=False)))
    for line, epoch in ((True, False), (False, True), (True, True)):
        same = replace(made.counts, line_chosen=line, epoch_chosen=epoch)
        assert counted_words(replace(made, counts=same)) == plain
        other = replace(same, escapes=made.counts.escapes + 0.4)
        said = counted_words(replace(made, counts=other)).removeprefix(plain)
        assert "anew" in said
        assert ("the line" in said, "epoch" in said) == (line, epoch), "what was not chosen here is told as chosen"


@pytest.fixture
def parts(workspace: Workspace, tmp_path: Path) -> Dataset:
    """Eight pictures of four parts, two each; the last two parts have nothing wrong with them."""
    folder = write_yolo_folder(tmp_path / "shapes", train=4, val=8)
    for number in range(8):
        label = folder / "labels" / "val" / f"val{number}.txt"
        for path in (label, folder / "images" / "val" / f"val{number}.png"):
            path.rename(path.with_name(f"part{number // 2}_{number}{path.suffix}"))
        if number >= 4:
            label.with_name(f"part{number // 2}_{number}.txt").write_text("")
    return import_dataset(workspace, folder, settings=ImportSettings(group_by=r"(part\d)"))


def run_on(workspace: Workspace, dataset: Dataset) -> None:
    """Part 0 is found in one of its pictures, part 1 in none; part 2 raises a false alarm, part 3 none."""
    detector_run(workspace, dataset, "run-a", 1.0)
    path = predictions_path(workspace.run("run-a"), "val")
    table = pd.read_parquet(path)
    first = table[table["file"].str.contains("part0_0") & (table["truth"] >= 0)].assign(confidence=0.9)
    alarm = first.head(1).assign(
        file=next(item.file for item in dataset.labelled("val") if "part2_5" in item.file), truth=-1, tp=0, task_tp=0
    )
    pd.concat([first, alarm]).to_parquet(path)
    weights = json.loads(meta_path(workspace.run("run-a"), "val").read_text())["weights_sha256"]
    save_operating_point(workspace.run("run-a"), 0.5, chosen_on="val", rule="chosen by hand", weights_sha256=weights)


def test_several_pictures_are_one_decision(workspace: Workspace, parts: Dataset) -> None:
    run_on(workspace, parts)
    made = decide(evaluate_run(workspace, "run-a"), DecisionSettings(unit="part", prevalence=0.5))
    assert (made.units, made.bad, made.rejected, made.escaped, made.overkilled) == (4, 2, 2, 1, 1)
    assert made.counts is not None
    assert made.counts.bad.tolist() == [True, True, False, False]
    assert made.counts.rejected.tolist() == [True, False, True, False]
    assert made.rates["escape rate"].figure.value == 0.5
    assert made.rates["PPV"].figure.value == 0.5
    assert "about 250 get through" in made.sentences[0], "what is missed comes first"
    assert any("Of 1,000 parts, about 250 good ones are thrown out" in line for line in made.sentences)
    pictures = len(made.counts.files)
    assert pictures > 4
    assert any("4 parts" in line and f"{pictures} pictures" in line for line in made.sentences)
    assert any("half of what is rejected" in line or "person look" in line for line in made.sentences)
    single = decide(evaluate_run(workspace, "run-a").at(0.95), DecisionSettings(unit="part"))
    assert (single.rejected, single.escaped, single.overkilled) == (0, 2, 0)
    assert any("0 of 2 good parts rejected: below 85 %" in sentence for sentence in single.sentences)


def test_the_command_line_tells_them_with_their_definitions(
    workspace: Workspace, parts: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    run_on(workspace, parts)
    assert main(["evaluate", "run-a", "--json", "--prevalence", "500 ppm", "--unit", "part"]) == 0
    told = json.loads(capsys.readouterr().out)["decisions"]
    assert (told["unit"], told["prevalence"], told["passed"]) == ("part", 0.0005, 2)
    assert told["rates"]["escape rate"].keys() == {"value", "low", "high", "count", "of", "definition"}
    assert "500 ppm" in told["rates"]["PPV"]["definition"]
    assert "1,000,000 parts" in told["sentences"][0]
    assert main(["evaluate", "run-a", "--prevalence", "often"]) == 2
    assert "--prevalence" in capsys.readouterr().err


def test_a_classifier_decides_by_its_good_class(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, write_class_folders(tmp_path / "colours", count=20))
    table = dataset.image_table()
    files = sorted(table[table["split"] == "val"]["file"], reverse=True)
    true = [int("red" in file.split("/")[1]) for file in files]
    said = [1 - true[0], *true[1:]]
    trained(workspace, dataset, "colour-run")
    rows = {
        "file": files,
        "class_id": said,
        "confidence": 0.9,
        "p0": [1.0 - s for s in said],
        "p1": [float(s) for s in said],
    }
    store(workspace, dataset, "colour-run", pd.DataFrame(rows), pd.DataFrame({"file": files, "class_id": true}))
    evaluation = evaluate_run(workspace, "colour-run")
    asked = decide(evaluation)
    assert asked.units == 0
    assert "Which class" in asked.sentences[0]
    made = decide(evaluation, DecisionSettings(good="blue"))
    assert (made.bad, made.escaped, made.overkilled) == (sum(true), true[0], 1 - true[0])
    assert any("“blue”" in line for line in made.sentences)
    assert "top5" not in evaluation.metrics, "of so few classes five guesses always name the right one"
    rare = decide(evaluation, DecisionSettings(good="blue", prevalence=1e-6)).sentences
    assert any("nothing wrong" in line for line in rare)
    assert made.counts is not None
    assert made.counts.has_line, "of two classes it has one"
    assert predictions_path(workspace.run("colour-run"), "val").is_file()
    assert truth_path(workspace.run("colour-run"), "val").is_file()


def test_without_good_units_nothing_is_said_of_overkill(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "shapes", train=4, val=8))
    detector_run(workspace, dataset, "run-a", 0.7)
    made = decide(evaluate_run(workspace, "run-a"), DecisionSettings(prevalence=0.02))
    assert made.bad == made.units == 8
    assert math.isnan(made.rates["overkill rate"].figure.value)
    assert any("none is among these pictures" in sentence for sentence in made.sentences)
