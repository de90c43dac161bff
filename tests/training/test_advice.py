"""When training longer is advised: the last epoch is the best and the curve still rises."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from core.spec import TrainingSpec
from core.training.advice import RISING, end_is_decided, held_figures, more_time, train_longer
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
        {
            "kind": "epoch",
            "epoch": number,
            "epochs": len(values),
            "metrics": {"mAP50": value, "mAP50-95": value},
            "fitness": value,
        }
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
    last = RunProgress(best_epoch=2, improved_epoch=2, rows={1: {}, 2: {}, 3: {}}).sentence
    assert "improving" not in last
    assert "2" in last


def test_of_equal_epochs_the_last_is_kept_and_is_no_improvement(workspace: Workspace) -> None:
    run = finished(workspace, [0.5, 0.9, 0.8, 0.9])
    progress = read_progress(run)
    assert (progress.best_epoch, progress.improved_epoch) == (4, 2)
    assert "improving" not in progress.sentence
    again = {"kind": "epoch", "epoch": 2, "epochs": 4, "metrics": {"mAP50-95": 0.4}, "fitness": 0.4}
    with run.events_path.open("a") as events:
        events.write(json.dumps(again) + "\n")
    progress = read_progress(run)  # gone back to after an interruption: what came before still counts
    assert (progress.best_epoch, progress.best_fitness, progress.metrics["mAP50-95"]) == (1, 0.5, 0.5)


def test_what_more_time_brings_is_said_with_an_interval_and_nothing_is_lost(workspace: Workspace) -> None:
    run = finished(workspace, [0.1, 0.25, 0.36, 0.44, 0.50, 0.55])
    expected = more_time(run, read_progress(run))
    assert expected is not None
    assert expected.epochs == 3
    assert expected.metric == "mAP50-95"
    assert expected.rise.low is not None
    assert expected.rise.high is not None
    assert 0 <= expected.rise.low <= expected.rise.value <= expected.rise.high
    assert expected.rise.value > RISING
    assert expected.rise.value <= 0.05 * 3, "no faster than it rose over the last third"


@pytest.mark.parametrize("best", [0.8, 0.9375, 1.0])
def test_no_more_than_all_can_be_right(workspace: Workspace, best: float) -> None:
    run = finished(workspace, [best - 0.5, best - 0.35, best - 0.2, best - 0.1, best - 0.04, best])
    expected = more_time(run, read_progress(run))
    assert expected is not None
    assert expected.rise.value <= (expected.rise.high or 0) <= 1 - best


def test_a_share_of_few_pictures_promises_nothing_narrow(workspace: Workspace) -> None:
    seen = [0.50, 0.53, 0.545, 0.55, 0.555, 0.557]
    run = finished(workspace, seen)
    classifier = run.model_copy(update={"spec": run.spec.model_copy(update={"task": "classify"}), "task": "classify"})
    rows: dict[int, dict[str, object]] = {
        epoch: {"epoch": epoch, "top1": value, "seconds": 15.0} for epoch, value in enumerate(seen, start=1)
    }
    few, many = (
        more_time(classifier, RunProgress(rows=rows, preflight={"val_images": pictures})) for pictures in (32, 3200)
    )
    assert few is not None
    assert many is not None
    assert (few.rise.high or 0) > 0.15 > 0.05 > (many.rise.high or 0)


def test_epochs_in_which_a_held_rate_falls_are_left_out(workspace: Workspace) -> None:
    run = finished(workspace, [0.1] * 6)
    held = run.spec.model_copy(update={"goes_on": True})
    (run.folder / "spec.json").write_text(held.model_dump_json())
    rates = [0.0005, 0.001, 0.001, 0.001, 0.0004, 0.0001, 0.001]
    values = [0.1, 0.2, 0.3, 0.35, 0.5, 0.6, 0.4]
    rows = {
        epoch: {"epoch": epoch, "learning_rate": rate, "mAP50-95": value}
        for epoch, (rate, value) in enumerate(zip(rates, values, strict=True), start=1)
    }
    again = RunStore(workspace).get(run.id)
    assert held_figures(again, RunProgress(rows=rows)) == ("mAP50-95", [0.1, 0.2, 0.3, 0.35, 0.4])


def test_the_end_of_a_run_that_goes_on_is_decided_once_its_rate_falls(workspace: Workspace) -> None:
    run = finished(workspace, [0.1] * 3, State.RUNNING)

    def at(run: Run, done: int, epochs: int) -> bool:
        return end_is_decided(run, RunProgress(epochs=epochs, rows={epoch: {} for epoch in range(1, done + 1)}))

    assert not any(at(run, done, 11) for done in range(12)), "it was not asked to go on"
    (run.folder / "spec.json").write_text(run.spec.model_copy(update={"goes_on": True}).model_dump_json())
    goes_on = RunStore(workspace).get(run.id)
    assert [at(goes_on, done, 11) for done in (0, 7, 8, 11)] == [False, False, True, True], "the last 3 of 11"
