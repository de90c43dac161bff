"""The Lab page: a question is asked, its cost is said, and every kind of answer is shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from core.data.importing.from_upload import import_dataset
from core.lab.experiment import (
    Contender,
    CurveSettings,
    Experiment,
    LabState,
    ProductSettings,
    RaceSettings,
    Status,
    TransferSettings,
    TuneSettings,
    read_experiments,
    save_experiment,
)
from core.lab.jobs import stop_experiment, wait_experiment
from core.workspace import Workspace
from pages._ui.home.glossary import LEAF, WORDS, picture
from tests.pages.conftest import Filled, button, open_page, texts
from tests.tiny import write_class_folders

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("lab")]


def ended(filled: Filled, kind: str, settings: Any, sentences: list[str], result: dict[str, Any]) -> Experiment:
    """Write an experiment that has ended, as its driver leaves it."""
    experiment = Experiment(
        id=f"tiny-{kind}-0a1b2c", name=kind, dataset=filled.dataset_id, dataset_name="Tiny set", task="detect",
        settings=settings,
    )  # fmt: skip
    save_experiment(filled.workspace, experiment)
    runs = {"yolo11n, scratch": filled.run_id}
    experiment.write_status(Status(state=LabState.FINISHED, sentences=sentences, result=result, runs=runs))
    return experiment


def row(label: str, **changes: Any) -> dict[str, Any]:
    known = {"label": label, "model": "yolo11n", "strategy": "scratch", "runs": [], "epochs": 9, "value": 0.4,
             "low": 0.3, "high": 0.5, "seconds": 60.0, "state": "finished", "note": ""}  # fmt: skip
    return known | changes


FIGURE = {"value": 0.4, "low": 0.3, "high": 0.5, "seconds": 60.0, "strategy": "x", "runs": []}
ANSWERS = [
    (
        "race",
        RaceSettings(contenders=[Contender(model="yolo11n"), Contender(model="yolov8n")]),
        {"rungs": [3, 9], "board": [row("yolo11n, scratch"), row("B", state="stopped", note="Stopped.")]},
    ),
    (
        "transfer",
        TransferSettings(),
        {"ways": [FIGURE | {"way": way, "curve": {"seconds": [1, 2], "values": [0.1, 0.4]}} for way in ("a", "b")],
         "zero_shot": {"classes": {"cat": "cat"}, "value": 0.1, "low": 0.0, "high": 0.2}},
    ),
    (
        "curve",
        CurveSettings(),
        {"points": [{"pictures": n, "value": 0.4, "low": 0.3, "high": 0.5} for n in (4, 8)],
         "curve": {name: [4, 8, 16, 32] for name in ("pictures", "value", "low", "high")}},
    ),
    (
        "tune",
        TuneSettings(),
        {"tries": [FIGURE | {"name": name, "settings": {"lr0": 0.002}, "wall": 9.0} for name in ("a", "try 2")],
         "best": "try 2", "take": {"strategy": "frozen", "imgsz": 64, "extra": {"lr0": 0.002}}},
    ),
    (
        "product",
        ProductSettings(run="x"),
        {"figures": [FIGURE | {"name": f"{part} pictures, {when}"} for part in ("old", "new")
                     for when in ("before", "after")], "run": "x", "new_classes": []},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "settings", "result"), ANSWERS, ids=[kind for kind, *_ in ANSWERS])
def test_an_answer_comes_first(filled: Filled, kind: str, settings: Any, result: dict[str, Any]) -> None:
    experiment = ended(filled, kind, settings, ["Take A: it is <b>fine</b>.", "Because."], result)
    app = open_page("lab.py", experiment=experiment.id)
    assert app.header[0].value == "The answer"
    assert "### Take A" in texts(app)
    assert len(app.get("plotly_chart")) >= 1
    assert "Open" in [item.label for item in open_page("lab.py", dataset=filled.dataset_id).button]


def test_the_recommended_training_is_planned_with_one_click(filled: Filled) -> None:
    kind, settings, result = ANSWERS[0]
    experiment = ended(filled, kind, settings, ["yolo11n, scratch: take it."], result)
    app = open_page("lab.py", experiment=experiment.id)
    button(app, "Train yolo11n, scratch longer").click().run()
    assert not app.exception
    assert app.title[0].value == "Training"
    assert "yolo11n" in texts(app)


def test_a_race_is_started_and_stopped_in_the_browser(filled: Filled) -> None:
    app = open_page("lab.py", dataset=filled.dataset_id)
    assert "trainings" in texts(app), "the cost is said beforehand"
    button(app, "Start").click().run()
    assert not app.exception
    experiment = read_experiments(filled.workspace)[0]
    assert app.header[0].value == "How is it going?"
    stop_experiment(filled.workspace, experiment.id)
    assert wait_experiment(filled.workspace, experiment.id, 60).status.state is LabState.STOPPED


def test_every_word_has_a_picture_and_a_place() -> None:
    assert len(WORDS) == 7
    for word in WORDS:
        drawing = picture(word)
        assert set(re.findall(r'(?:fill|stroke)="(#\w+|\w+)"', drawing)) <= {"currentColor", "none", LEAF}, (
            "it follows light and dark"
        )
        assert len(list(ElementTree.fromstring(drawing))) > 2
        assert word.seen
        assert word.page.endswith(".py")
        assert word.place


def test_a_word_leads_to_its_question(filled: Filled) -> None:
    app = open_page("lab.py", dataset=filled.dataset_id)
    assert app.radio(key="lab_kind").value == "race"
    app.button(key="learn_Few-shot").click().run()
    assert app.radio(key="lab_kind").value == "curve"
    assert not app.exception


def test_missing_weights_are_said_and_offered_before_a_race(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, write_class_folders(tmp_path / "kinds"), name="Kinds")
    app = open_page("lab.py", dataset=dataset.id)
    assert "No pre-trained weights for this task are on this machine" in texts(app)
    assert [item.label for item in app.button if item.label.startswith("Download yolo")]
    (workspace.weights / "yolo11n-cls.pt").write_bytes(b"there")
    app.run()
    assert not app.exception
    assert "No pre-trained weights" not in texts(app)
    assert not [item for item in app.button if item.label.startswith("Download yolo")]
    race = app.multiselect(key=f"lab_{dataset.id}_race_models")
    assert race.value == ["yolo11n-cls", *race.value[1:]], "what was fetched takes part"
