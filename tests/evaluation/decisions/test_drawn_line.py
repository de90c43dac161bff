"""A line is drawn, counted by everywhere, and kept: of a classifier of two classes, and of a detector."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.cli import main
from core.data.importing.from_upload import import_dataset
from core.delivery.predict.model.chosen_model import choose_model
from core.delivery.predict.results import entry_words, named_class
from core.errors import InputError
from core.evaluation.decisions.decide import decide
from core.evaluation.decisions.drawn_line import draw_line, keep_line
from core.evaluation.decisions.line_settings import LineSettings
from core.evaluation.decisions.settings import DecisionSettings
from core.evaluation.evaluation import Evaluation, evaluate_run
from core.evaluation.figures.operating_point import operating_point_path, save_operating_point
from core.training.keeping import keep_run
from core.workspace import Workspace
from tests.evaluation.stored_runs import detector_run, store, trained
from tests.tiny import write_class_folders, write_yolo_folder

RUN = "xray-run"
ENTRY = {"file": "a.png", "page": 1, "width": 8, "height": 8, "error": None, "objects": []}


@pytest.fixture
def likely(workspace: Workspace, tmp_path: Path) -> np.ndarray:
    """A classifier of red (looked for) and blue; (pictures, 2) how likely each is red, and whether it is."""
    dataset = import_dataset(workspace, write_class_folders(tmp_path / "colours", count=200))
    table = dataset.image_table()
    files = table[table["split"] == "val"]["file"].tolist()
    red = np.array(["red" in file.split("/")[1] for file in files])
    random = np.random.default_rng(3)
    sure = np.clip(random.normal(0.3 + 0.25 * red, 0.2), 0.01, 0.99).round(4)
    number = dataset.classes.index("red")
    scores = {f"p{number}": sure, f"p{1 - number}": 1 - sure}
    said = np.where(sure > 0.5, number, 1 - number)
    predictions = pd.DataFrame(
        {"file": files, "class_id": said, "confidence": np.maximum(sure, 1 - sure)} | dict(sorted(scores.items()))
    )
    trained(workspace, dataset, RUN)
    truth = pd.DataFrame({"file": files, "class_id": np.where(red, number, 1 - number)})
    store(workspace, dataset, RUN, predictions, truth)
    return np.column_stack([sure, red])


def drawn(workspace: Workspace, **asked: object) -> Evaluation:
    settings = LineSettings.model_validate({"positive": "red"} | asked)
    return draw_line(evaluate_run(workspace, RUN), settings)


def test_every_figure_is_by_the_drawn_line(workspace: Workspace, likely: np.ndarray) -> None:
    plain = evaluate_run(workspace, RUN)
    assert plain.operating_point.confidence is None
    made = drawn(workspace, line=0.3)
    sure, red = likely[:, 0], likely[:, 1] > 0
    said = sure >= 0.3
    assert made.per_class["red"].found == int((said & red).sum()) > plain.per_class["red"].found
    assert made.per_class["blue"].found == int((~said & ~red).sum()) < plain.per_class["blue"].found
    assert made.metrics["top1"].value == pytest.approx(float((said == red).mean()))
    assert made.metrics["AUROC"].value == plain.metrics["AUROC"].value, "over all lines"
    assert made.confusion.loc["blue", "red"] == int((said & ~red).sum())
    assert (made.pictures["prediction"] == "red").sum() == said.sum()
    decisions = decide(made)
    assert (decisions.rejected, decisions.escaped) == (int(said.sum()), int((~said & red).sum()))
    assert decisions.counts is not None
    assert decisions.counts.good == "blue", "what is not looked for"
    assert made.summary()["operating_point"] == {"confidence": 0.3, "iou": None, "positive": "red"}


def test_a_line_by_an_aim_keeps_its_word_and_is_corrected_for_its_choice(
    workspace: Workspace, likely: np.ndarray
) -> None:
    made = drawn(workspace, aim="sensitivity", at_least="90%")
    red = likely[:, 1] > 0
    assert made.per_class["red"].found >= 0.9 * red.sum()
    assert made.expected is not None
    assert made.expected.line
    by_hand = drawn(workspace, line=made.operating_point.confidence)
    assert by_hand.expected is not None
    assert not by_hand.expected.line
    counts = decide(made).counts
    assert counts is not None
    assert counts.line_chosen
    assert counts.escapes > decide(made).escaped, "fewest on the pictures it was chosen by"


def test_of_chance_nothing_is_left_once_the_choice_of_the_line_is_accounted_for(
    workspace: Workspace, tmp_path: Path
) -> None:
    dataset = import_dataset(workspace, write_class_folders(tmp_path / "colours", count=60))
    table = dataset.image_table()
    files = table[table["split"] == "val"]["file"].tolist()
    truth = pd.DataFrame({"file": files, "class_id": [int("red" in file.split("/")[1]) for file in files]})
    gains, left = [], []
    for seed in range(25):
        sure = np.random.default_rng(seed).random(len(files))
        predictions = pd.DataFrame({"file": files, "class_id": (sure > 0.5).astype(int),
                                    "confidence": np.maximum(sure, 1 - sure), "p0": 1 - sure, "p1": sure})  # fmt: skip
        name = f"run-{seed}"
        trained(workspace, dataset, name)
        store(workspace, dataset, name, predictions, truth)
        settings = LineSettings(aim="balanced", positive=dataset.classes[1])
        made = draw_line(evaluate_run(workspace, name), settings)
        assert made.expected is not None
        gains.append(made.metrics["top1"].value - 0.5)
        left.append(made.expected.metrics["top1"].value - 0.5)
    assert np.mean(gains) > 0.04
    assert abs(np.mean(left)) < np.mean(gains) / 2


def test_a_kept_line_is_used_by_whatever_comes_after(workspace: Workspace, likely: np.ndarray) -> None:
    made = drawn(workspace, aim="sensitivity", at_least=0.95)
    keep_line(workspace, made)
    again = evaluate_run(workspace, RUN)
    assert again.per_class["red"].found == made.per_class["red"].found
    assert again.expected == made.expected
    model, line = choose_model(workspace, RUN), made.operating_point.threshold
    assert (model.positive, model.confidence) == ("red", line)
    entry = model.at_line({**ENTRY, "probabilities": {"blue": 1 - line, "red": line}})
    assert named_class(entry) == ("red", line), "from the line on"
    assert "by the line" in entry_words(entry)
    entry = model.at_line({**ENTRY, "probabilities": {"blue": 1 - line + 0.01, "red": line - 0.01}})
    assert named_class(entry) == ("blue", 1 - line + 0.01)
    with pytest.raises(InputError, match="red"):
        decide(again, DecisionSettings(good="red"))


def test_a_line_holds_for_the_weights_it_was_chosen_for(workspace: Workspace, likely: np.ndarray) -> None:
    keep_line(workspace, drawn(workspace, line=0.2))
    path = operating_point_path(workspace.run(RUN))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"weights_sha256": "of another state"}))
    assert evaluate_run(workspace, RUN).operating_point.confidence is None
    assert choose_model(workspace, RUN).positive == ""


@pytest.mark.parametrize("weights", ["", "of another state"])
def test_the_library_keeps_the_line_with_the_model(
    workspace: Workspace, likely: np.ndarray, shared: Path, weights: str
) -> None:
    folder = workspace.run(RUN)
    shutil.copyfile(shared / "weights" / "yolo11n-cls.pt", folder / "train" / "weights" / "best.pt")
    save_operating_point(folder, 0.2, positive="red", weights_sha256=weights)
    kept = choose_model(workspace, f"library:{keep_run(workspace, RUN).id}")
    assert (kept.positive, kept.chosen_line) == (("", False) if weights else ("red", True))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"aim": "recall"}, "sensitivity"),
        ({"aim": "balanced", "positive": "green"}, "green"),
        ({"line": 0.2, "positive": ""}, "--positive"),
        ({"aim": "balanced", "line": 0.2}, "one of them"),
        ({"aim": "sensitivity", "at_least": 0.999, "positive": "red"}, None),
    ],
)
def test_what_can_not_be_drawn_is_said(
    workspace: Workspace, likely: np.ndarray, asked: dict[str, object], told: str | None
) -> None:
    if told is None:
        assert drawn(workspace, **asked).per_class["blue"].found >= 0
        return
    with pytest.raises(InputError, match=told):
        drawn(workspace, **asked)


def test_from_the_command_line(
    workspace: Workspace, likely: np.ndarray, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRAFT_WORKSPACE", str(workspace.root))

    def asked(*options: str) -> dict[str, object]:
        code = main(["evaluate", RUN, "--json", *options])
        out, err = capsys.readouterr()
        return json.loads(out) if code == 0 else {"error": err}

    seen = asked("--aim", "specificity", "--at-least", "95 %", "--good", "blue")
    assert seen["operating_point"]["positive"] == "red"
    assert seen["metrics"]["top1"]["value"] != asked()["metrics"]["top1"]["value"], "not kept"
    assert asked("--line", "0.25", "--positive", "red", "--keep")["operating_point"]["confidence"] == 0.25
    assert asked()["operating_point"] == {"confidence": 0.25, "iou": None, "positive": "red"}
    assert "--aim or --line" in asked("--keep")["error"]
    assert "--line" in asked("--line", "2")["error"]
    assert "--at-least" in asked("--aim", "sensitivity", "--at-least", "120 %")["error"]


def test_a_detector_s_line_is_drawn_the_same_way(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "shapes", train=4, val=12))
    detector_run(workspace, dataset, "run-a", 0.8)
    plain = evaluate_run(workspace, "run-a")
    made = draw_line(plain, LineSettings(aim="precision", at_least=0.95))
    assert made.metrics["precision"].value >= 0.95
    keep_line(workspace, made)
    assert evaluate_run(workspace, "run-a").operating_point.confidence == made.operating_point.confidence
    with pytest.raises(InputError, match="recall"):
        draw_line(plain, LineSettings(aim="sensitivity"))
