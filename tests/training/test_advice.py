"""When training longer is advised: the last epoch is the best and the curve still rises."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from core.spec import TrainingSpec
from core.training.advice import train_longer
from core.training.records.progress import RunProgress, read_progress
from core.training.store import Run, RunStore, State
from core.workspace import Workspace


def finished(workspace: Workspace, values: list[float], state: State = State.FINISHED) -> Run:
    """A run whose events tell of these mAP50-95, one per epoch."""
    run = Run(
        id="curve", name="curve", state=state, dataset="d", dataset_name="d", task="detect", model="yolo11n",
        strategy="fine-tune", device="cpu", created=datetime.now(UTC),
    )  # fmt: skip
    folder = workspace.run(run.id)
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text(TrainingSpec(dataset="d", task="detect", epochs=len(values)).model_dump_json())
    events = [
        {"kind": "epoch", "epoch": number, "epochs": len(values), "metrics": {"mAP50": value, "mAP50-95": value}}
        for number, value in enumerate(values, start=1)
    ]
    store = RunStore(workspace)
    store.add(run)
    kept = store.get(run.id)
    kept.events_path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return kept


def advice_for(run: Run) -> str:
    return train_longer(run, read_progress(run))


@pytest.mark.parametrize(
    ("values", "advised"),
    [
        ([0.05, 0.15, 0.27], True),
        ([0.1, 0.3, 0.5, 0.6, 0.65, 0.7], True),
        ([0.1, 0.3, 0.5, 0.7, 0.701, 0.702], False),
        ([0.1, 0.5, 0.4], False),
        ([0.3], False),
    ],
)
def test_a_curve_that_rises_to_its_end_asks_for_more(workspace: Workspace, values: list[float], advised: bool) -> None:
    assert bool(advice_for(finished(workspace, values))) == advised


def test_a_stopped_run_is_not_asked_to_go_on(workspace: Workspace) -> None:
    assert advice_for(finished(workspace, [0.1, 0.3, 0.5], State.STOPPED)) == ""


def test_a_best_epoch_that_is_not_the_last_is_named_while_it_trains(workspace: Workspace) -> None:
    assert "improving" in read_progress(finished(workspace, [0.1, 0.3, 0.5])).sentence
    last = RunProgress(best_epoch=2, rows={1: {}, 2: {}, 3: {}}).sentence
    assert "improving" not in last
    assert "2" in last
