"""The Training page: a result, a failure with its way out, the queue, the log."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.spec import TrainingSpec
from core.strategies.scratch import SCRATCH
from core.training.runs import get_run, start_run
from core.training.store import Run, RunStore, State
from pages._ui.training.run_progress import tail, with_suggestion
from tests.pages.conftest import Filled, button, open_page, texts


@pytest.mark.slow
def test_a_finished_run_tells_its_result(filled: Filled) -> None:
    app = open_page("training.py", run=filled.run_id)
    assert "Finished after 1 of 1 epochs" in texts(app).replace("\\", "")
    assert any("mAP50" in metric.label for metric in app.metric)
    assert not any("<b>" in element.value and element.allow_html for element in app.markdown)


def put_run(filled: Filled, state: State, **values: object) -> Run:
    """Put the finished run into another state, as the store would hold it."""
    RunStore(filled.workspace).change(filled.run_id, None, state=state, **values)
    return get_run(filled.workspace, filled.run_id)


@pytest.mark.slow
def test_a_failed_run_says_why_and_offers_the_suggestion(filled: Filled) -> None:
    put_run(filled, State.FAILED, cause="It ran out of memory at batch size 4.", next_step="Try batch size 2.",
            suggestion={"batch": 2})  # fmt: skip
    app = open_page("training.py", run=filled.run_id)
    assert "It ran out of memory at batch size 4" in app.error[0].value.replace("\\", "")
    assert button(app, "Start again with batch 2")
    assert button(app, "Resume")


def test_a_suggestion_goes_to_its_field_or_to_the_expert_settings() -> None:
    spec = TrainingSpec(dataset="d", task="detect", batch=8, extra={"mosaic": 0})
    changed = with_suggestion(spec, {"batch": 4, "lr0": 0.001})
    assert (changed.batch, changed.extra) == (4, {"mosaic": 0, "lr0": 0.001})


@pytest.mark.slow
def test_two_runs_queue_and_one_can_be_cancelled(filled: Filled) -> None:
    spec = TrainingSpec(dataset=filled.dataset_id, task="detect", model="yolo11n", strategy=SCRATCH,
                        epochs=50, imgsz=32, batch=4, device="cpu")  # fmt: skip
    first, second = (start_run(filled.workspace, spec) for _ in range(2))
    try:
        app = open_page("training.py", run=second.id)
        assert "waiting in the queue" in texts(app)
        button(app, "Cancel").click().run()
        assert get_run(filled.workspace, second.id).state is State.CANCELLED
        assert "cancelled" in texts(app)
    finally:
        app = open_page("training.py", run=first.id)
        button(app, "Cancel").click().run()
    assert get_run(filled.workspace, first.id).state is State.CANCELLED


def test_log_is_shown_without_terminal_codes(tmp_path: Path) -> None:
    class Logged:
        log_path = tmp_path / "train.log"

    Logged.log_path.write_text("one\n\x1b[34mtwo\x1b[0m\n10%|x\r100%|done\n\n", encoding="utf-8")
    assert tail(Logged()) == "one\ntwo\n100%|done"  # type: ignore[arg-type]
