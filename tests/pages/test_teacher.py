"""The Model page offers a second model to learn from: none by default, one's own, larger ones that are here."""

from __future__ import annotations

from core.spec import Strategy, TrainingSpec
from core.training.keeping import keep_run
from core.training.runs import start_run, stop_run
from pages._ui.common.draft import spec_code
from pages._ui.home.glossary import WORDS
from tests.pages.conftest import Filled, open_page, texts


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
    spec = app.session_state["drafts"][filled.dataset_id]
    assert f"teacher='library:{kept.id}'" in spec_code(spec)
    assert spec.teacher == f"library:{kept.id}"


def test_what_one_starts_from_is_no_teacher(filled: Filled) -> None:
    app = open_page("model.py", dataset=filled.dataset_id)
    app.selectbox(key=f"spec_{filled.dataset_id}_teacher").set_value(f"run:{filled.run_id}").run()
    app.segmented_control(key=f"spec_{filled.dataset_id}_source").set_value("One of my models").run()
    assert not app.exception
    assert app.selectbox(key=f"spec_{filled.dataset_id}_teacher").value == ""
    assert app.session_state["drafts"][filled.dataset_id].teacher == ""


def test_layers_kept_are_only_written_where_they_are_too_many(filled: Filled) -> None:
    app = open_page("model.py", dataset=filled.dataset_id)
    app.radio(key=f"spec_{filled.dataset_id}_strategy").set_value(Strategy.FROZEN).run()
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
        dataset=filled.dataset_id, task="detect", model="yolo11n", strategy=Strategy.SCRATCH, epochs=1, imgsz=32,
        batch=4, device="cpu", teacher=f"run:{filled.run_id}",
    )  # fmt: skip
    run = start_run(filled.workspace, spec)
    stop_run(filled.workspace, run.id, keep_best=False)
    assert run.spec.teacher_weights["name"] == f"run:{filled.run_id}"
    assert len(run.spec.teacher_weights["sha256"]) == 64
