"""The Model page plans from the time there is; what is changed by hand stays; a second model may teach."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.data.dataset import load_dataset
from core.data.importing.from_upload import import_dataset
from core.models.networks import network_parts
from core.planning.drafts import load_draft
from core.road import road
from core.spec import TrainingSpec
from core.strategies import STRATEGIES
from core.strategies.fine_tune import FINE_TUNE
from core.strategies.frozen import FROZEN
from core.strategies.scratch import SCRATCH
from core.strategies.two_stage import TWO_STAGE
from core.tasks import TASKS
from core.training.keeping import keep_run
from core.training.runs import start_run, stop_run
from core.workspace import Workspace
from pages._ui.common.draft import plan_words, spec_code
from pages._ui.common.formatting import plain
from pages._ui.home.glossary import WORDS
from pages._ui.model.network_drawing import network_svg, network_words, part_states
from tests.pages.conftest import Filled, button, open_page, texts
from tests.tiny import write_yolo_folder


@pytest.fixture
def opened(workspace: Workspace, tmp_path: Path) -> tuple[AppTest, str]:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "tiny", train=40, val=8), name="Tiny set")
    return open_page("model.py", dataset=dataset.id), dataset.id


def field(app: AppTest, dataset: str, name: str) -> int:
    """What will be trained with: the number typed, else the planned one that the field shows in grey."""
    shown = app.number_input(key=f"spec_{dataset}_{name}")
    return int(shown.placeholder.split()[0] if shown.value is None else shown.value)


def planned(workspace: Workspace, dataset: str) -> TrainingSpec:
    draft = load_draft(workspace, dataset)
    assert draft is not None
    return draft.spec


def test_what_was_typed_is_there_again_after_a_reload(opened: tuple[AppTest, str], workspace: Workspace) -> None:
    app, dataset = opened
    app.segmented_control(key=f"spec_{dataset}_budget").set_value("minutes").run()
    app.number_input(key=f"spec_{dataset}_minutes").set_value(7).run()
    app.number_input(key=f"spec_{dataset}_epochs").set_value(11).run()
    app.text_input(key=f"spec_{dataset}_name").set_value("By hand").run()
    again = open_page("model.py", dataset=dataset)
    assert again.number_input(key=f"spec_{dataset}_minutes").value == 7
    assert again.number_input(key=f"spec_{dataset}_epochs").value == 11
    assert again.text_input(key=f"spec_{dataset}_name").value == "By hand"
    start = open_page("training.py", dataset=dataset, plan="1")
    assert "**11 epochs**" in texts(start)
    assert planned(workspace, dataset).epochs == 11


def test_a_plan_that_can_not_be_read_is_made_anew(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "tiny"), name="Tiny set")
    (workspace.dataset(dataset.id) / "plan.json").write_text('{"spec": {"epochs": "many"}, "typed": 3}')
    assert open_page("model.py", dataset=dataset.id).number_input


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


def test_one_screen_says_what_will_be_done_and_starts_it(opened: tuple[AppTest, str]) -> None:
    app, _ = opened
    assert len(app.header) == 2, "the plan, and one cell of folds"
    assert not button(app, "Start training").disabled
    assert "**40 pictures**" in texts(app)
    assert not [item for item in app.selectbox if item.key == "model_dataset"], "nothing to choose with one dataset"


def test_without_weights_and_network_one_click_leads_to_a_training_from_scratch(opened: tuple[AppTest, str]) -> None:
    app, dataset = opened
    app.segmented_control(key=f"spec_{dataset}_family").set_value("YOLO11").run()
    assert button(app, "Start training").disabled
    button(app, "Train without it, from scratch").click().run()
    assert not app.exception
    assert app.radio(key=f"spec_{dataset}_strategy").value is SCRATCH
    assert not button(app, "Start training").disabled


def test_what_is_changed_by_hand_stays_and_can_go_back(opened: tuple[AppTest, str]) -> None:
    app, dataset = opened
    planned = field(app, dataset, "epochs")
    app.number_input(key=f"spec_{dataset}_epochs").set_value(planned + 3).run()
    app.segmented_control(key=f"spec_{dataset}_budget").set_value("thorough").run()
    assert field(app, dataset, "epochs") == planned + 3
    assert "Set by you" in texts(app)
    assert f"not by the plan: Epochs {planned + 3}." in texts(app), "beside the plan, not in a fold alone"
    app.segmented_control(key=f"spec_{dataset}_budget").set_value("balanced").run()
    button(app, "Back to the plan").click().run()
    assert field(app, dataset, "epochs") == planned
    assert "not by the plan" not in texts(app)
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
    app.radio(key=f"spec_{dataset}_strategy").set_value(FROZEN).run()
    app.slider(key=f"spec_{dataset}_freeze").set_value(4).run()
    assert not app.exception
    assert "`freeze=4`" in texts(app)
    assert "Recommended: fine-tuning" in texts(app)


def test_the_drawing_says_what_a_strategy_does() -> None:
    parts = network_parts("yolo11n")
    assert parts is not None
    words = {strategy: part_states(parts, strategy) for strategy in STRATEGIES}
    assert words[FINE_TUNE]["backbone"].words == "reused, learns"
    assert words[FROZEN]["backbone"].words == "reused, frozen"
    assert words[FROZEN]["neck"].frozen_share == 0.0
    assert words[TWO_STAGE]["backbone"].words == "first frozen, then learns"
    assert words[SCRATCH]["head"].words == "new: random numbers"
    assert part_states(parts, FROZEN, 4)["backbone"].words == "4 of 11 layers frozen"
    drawing = network_svg(parts, words[FROZEN], "#000")
    assert drawing.count("<rect") == 15, "ten bars and a lock on each of the five frozen ones"
    assert "240 tensors, 1.4 M parameters" in network_words(parts, words[FROZEN])


@pytest.mark.slow
def test_what_is_set_on_the_model_page_is_what_is_planned(filled: Filled) -> None:
    app = open_page("model.py", dataset=filled.dataset_id)
    app.number_input(key=f"spec_{filled.dataset_id}_epochs").set_value(7).run()
    app.radio(key=f"spec_{filled.dataset_id}_strategy").set_value(FROZEN).run()
    app.multiselect(key=f"spec_{filled.dataset_id}_extra").set_value(["lr0"]).run()
    app.text_input(key=f"spec_{filled.dataset_id}_extra_lr0").set_value("0.005").run()
    assert not app.exception
    app.query_params["plan"] = "1"
    app.switch_page("training.py").run()
    words = texts(app)
    assert "7 epochs" in words
    assert "frozen backbone" in words
    assert "lr0=0.005" in words
    app.switch_page("model.py").run()
    assert app.number_input(key=f"spec_{filled.dataset_id}_epochs").value == 7, "a setting was lost by leaving the page"


@pytest.mark.slow
def test_missing_weights_are_said_before_the_start(filled: Filled) -> None:
    app = open_page("model.py", dataset=filled.dataset_id)
    app.segmented_control(key=f"spec_{filled.dataset_id}_family").set_value("YOLO11").run()
    app.query_params["plan"] = "1"
    app.switch_page("training.py").run()
    assert "are not on this machine yet" in texts(app).replace("\\", "")
    assert button(app, "Start training").disabled


def test_a_teacher_is_chosen_among_what_is_here(filled: Filled) -> None:
    for name in ("yolo26n", "yolo26s"):
        (filled.workspace.weights / f"{name}.pt").write_bytes(b"not looked at by the page")
    kept = keep_run(filled.workspace, filled.run_id, name="Line 3")
    app = open_page("model.py", dataset=filled.dataset_id)
    app.session_state[f"spec_{filled.dataset_id}_model"] = "yolo26n"
    app.run()
    choice = app.selectbox(key=f"spec_{filled.dataset_id}_teacher")
    assert choice.value == ""
    assert "It also learns from" not in texts(app)
    assert "also runs the teacher" in texts(app)
    offered = " | ".join(choice.options)
    assert "Line 3 (library" in offered
    assert "A <b>tiny</b> run" in offered
    assert "yolo26s (9.5 M" in offered or "yolo26s (10.0 M" in offered
    assert "yolo26n (" not in offered, "it is no larger than itself"
    assert "yolo26m" not in offered, "it is not here"

    choice.set_value(f"library:{kept.id}").run()
    assert not app.exception
    assert f"It also learns from **library:{kept.id}**" in texts(app)
    spec = planned(filled.workspace, filled.dataset_id)
    assert f"teacher='library:{kept.id}'" in spec_code(spec)
    assert spec.teacher == f"library:{kept.id}"


def test_what_one_starts_from_is_no_teacher(filled: Filled) -> None:
    app = open_page("model.py", dataset=filled.dataset_id)
    app.selectbox(key=f"spec_{filled.dataset_id}_teacher").set_value(f"run:{filled.run_id}").run()
    app.segmented_control(key=f"spec_{filled.dataset_id}_source").set_value("One of my models").run()
    assert not app.exception
    assert app.selectbox(key=f"spec_{filled.dataset_id}_teacher").value == ""
    assert planned(filled.workspace, filled.dataset_id).teacher == ""


def test_layers_kept_are_only_written_where_they_are_too_many(filled: Filled) -> None:
    app = open_page("model.py", dataset=filled.dataset_id)
    app.radio(key=f"spec_{filled.dataset_id}_strategy").set_value(FROZEN).run()
    name = f"spec_{filled.dataset_id}_freeze"
    app.slider(key=name).set_value(4).run()
    assert app.slider(key=name).value == 4
    app.slider(key=name).set_value(11).run()
    app.segmented_control(key=f"spec_{filled.dataset_id}_family").set_value("YOLOv8").run()
    assert (app.slider(key=name).value, app.slider(key=name).max) == (10, 10), "its backbone has a layer less"
    assert not app.exception


def test_the_word_leads_to_the_choice() -> None:
    word = next(item for item in WORDS if item.name == "Distillation")
    assert word.page == "model.py"
    assert "distill_model" not in word.place


def test_the_record_of_a_planned_run_names_its_teacher(filled: Filled) -> None:
    spec = TrainingSpec(
        dataset=filled.dataset_id, task="detect", model="yolo11n", strategy=SCRATCH, epochs=1, imgsz=32,
        batch=4, device="cpu", teacher=f"run:{filled.run_id}",
    )  # fmt: skip
    run = start_run(filled.workspace, spec)
    stop_run(filled.workspace, run.id, keep_best=False)
    assert run.spec.teacher_weights["name"] == f"run:{filled.run_id}"
    assert len(run.spec.teacher_weights["sha256"]) == 64


def test_what_the_training_will_see_is_drawn_once_the_fold_is_opened(opened: tuple[AppTest, str]) -> None:
    app, _ = opened
    assert "model_views" not in app.session_state
    app.session_state["fold_views"] = True
    app.run()
    assert not app.exception, app.exception
    seen = next(iter(app.session_state["model_views"].values()))
    assert [len(item.views) for item in seen] == [3, 3, 3, 3]
    assert all(item.file.startswith("train/") for item in seen)


def test_a_model_is_done_on_the_road_when_it_was_chosen_not_when_its_page_was_seen(
    opened: tuple[AppTest, str], workspace: Workspace
) -> None:
    app, dataset = opened

    def model() -> str:
        return next(str(stage.progress) for stage in road(workspace, dataset) if stage.name == "Model")

    app.run()
    assert model() == "next"
    app.segmented_control(key=f"spec_{dataset}_budget").set_value("quick").run()
    assert model() == "done"
    open_page("model.py", dataset=dataset)
    assert model() == "done", "forgotten by a reload"


def test_the_plan_says_why_its_size_is_not_the_usual_one(opened: tuple[AppTest, str], workspace: Workspace) -> None:
    app, dataset = opened
    spec = planned(workspace, dataset)
    assert spec.imgsz != TASKS[spec.task].usual_size
    lines = plan_words(spec, load_dataset(workspace, dataset))
    assert any(f"{TASKS[spec.task].usual_size} is usual" in line and plain(spec.reasons["imgsz"]) in line
               for line in lines)  # fmt: skip
    shown = next(item.value for item in app.markdown if "is usual" in item.value)
    assert plain(spec.reasons["imgsz"]) in shown


def test_the_plan_says_how_far_a_training_may_go_on(opened: tuple[AppTest, str], workspace: Workspace) -> None:
    _, dataset = opened
    spec = planned(workspace, dataset).model_copy(update={"goes_on": True, "epochs": 10})
    words = " ".join(plan_words(spec, load_dataset(workspace, dataset)))
    assert "40 epochs at most" in words
    short = " ".join(plan_words(spec.model_copy(update={"epochs": 2}), load_dataset(workspace, dataset)))
    assert "at most" not in short, "from two epochs it can't be told whether more pays"
    minutes = " ".join(plan_words(spec.model_copy(update={"budget": "2"}), load_dataset(workspace, dataset)))
    assert "2 min" in minutes
    assert "at most" not in minutes, "the minutes are kept: it can't take several times as long"
