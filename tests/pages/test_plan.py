"""The Model page plans from the time there is; what is changed by hand stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.data.importing.from_upload import import_dataset
from core.models.networks import network_parts
from core.spec import Strategy
from core.workspace import Workspace
from pages._ui.model.network_drawing import network_svg, network_words, part_states
from tests.pages.conftest import button, open_page, texts
from tests.tiny import write_yolo_folder


@pytest.fixture
def opened(workspace: Workspace, tmp_path: Path) -> tuple[AppTest, str]:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "tiny", train=40, val=8), name="Tiny set")
    return open_page("model.py", dataset=dataset.id), dataset.id


def field(app: AppTest, dataset: str, name: str) -> int:
    """What will be trained with: the number typed, else the planned one that the field shows in grey."""
    shown = app.number_input(key=f"spec_{dataset}_{name}")
    return int(shown.placeholder.split()[0] if shown.value is None else shown.value)


def test_the_time_there_is_decides(opened: tuple[AppTest, str]) -> None:
    app, dataset = opened
    balanced = field(app, dataset, "epochs")
    app.segmented_control(key=f"spec_{dataset}_budget").set_value("quick").run()
    assert field(app, dataset, "epochs") < balanced
    app.segmented_control(key=f"spec_{dataset}_budget").set_value("thorough").run()
    assert field(app, dataset, "epochs") > balanced
    app.segmented_control(key=f"spec_{dataset}_budget").set_value("minutes").run()
    few = (app.number_input(key=f"spec_{dataset}_minutes").set_value(2).run(), field(app, dataset, "epochs"))[1]
    app.number_input(key=f"spec_{dataset}_minutes").set_value(60).run()
    assert field(app, dataset, "epochs") > few
    assert not app.exception
    assert f"Epochs {field(app, dataset, 'epochs')}" in texts(app)
    written = app.number_input(key=f"spec_{dataset}_epochs").value
    assert written is None, "the page writes into a field; a number typed meanwhile would be lost"


def test_what_is_changed_by_hand_stays_and_can_go_back(opened: tuple[AppTest, str]) -> None:
    app, dataset = opened
    planned = field(app, dataset, "epochs")
    app.number_input(key=f"spec_{dataset}_epochs").set_value(planned + 3).run()
    app.segmented_control(key=f"spec_{dataset}_budget").set_value("thorough").run()
    assert field(app, dataset, "epochs") == planned + 3
    assert "Set by you" in texts(app)
    app.segmented_control(key=f"spec_{dataset}_budget").set_value("balanced").run()
    button(app, "Back to the plan").click().run()
    assert field(app, dataset, "epochs") == planned
    assert not app.exception


def test_pictures_are_not_mirrored_where_left_and_right_matter(opened: tuple[AppTest, str]) -> None:
    app, dataset = opened
    assert "fliplr" not in texts(app)
    app.checkbox(key=f"spec_{dataset}_sides").set_value(True).run()
    assert "fliplr=0.0" in texts(app)
    assert "You said that left and right matter" in texts(app)


def test_layers_kept_by_hand_go_into_the_plan(opened: tuple[AppTest, str]) -> None:
    app, dataset = opened
    assert not [item for item in app.slider if item.label == "Layers kept as they are"]
    app.radio(key=f"spec_{dataset}_strategy").set_value(Strategy.FROZEN).run()
    app.slider(key=f"spec_{dataset}_freeze").set_value(4).run()
    assert not app.exception
    assert "`freeze=4`" in texts(app)
    assert "Recommended: fine-tuning" in texts(app)


def test_the_drawing_says_what_a_strategy_does() -> None:
    parts = network_parts("yolo11n")
    assert parts is not None
    words = {strategy: part_states(parts, strategy) for strategy in Strategy}
    assert words[Strategy.FINE_TUNE]["backbone"].words == "reused, learns"
    assert words[Strategy.FROZEN]["backbone"].words == "reused, frozen"
    assert words[Strategy.FROZEN]["neck"].frozen_share == 0.0
    assert words[Strategy.TWO_STAGE]["backbone"].words == "first frozen, then learns"
    assert words[Strategy.SCRATCH]["head"].words == "new: random numbers"
    assert part_states(parts, Strategy.FROZEN, 4)["backbone"].words == "4 of 11 layers frozen"
    drawing = network_svg(parts, words[Strategy.FROZEN], "#000")
    assert drawing.count("<rect") == 15, "ten bars and a lock on each of the five frozen ones"
    assert "240 tensors, 1.37 M parameters" in network_words(parts, words[Strategy.FROZEN])
