"""Many look at one run: its events are read once, what is new is seen at once, and a rewritten file is read anew."""

from __future__ import annotations

import json

from core.planning.time import end_seconds
from core.training.records.progress import read_progress, read_turns
from core.training.store import RunStore, State
from core.workspace import Workspace
from pages._ui.common.looking import run_now
from tests.training.test_advice import finished


def epoch(number: int, value: float) -> str:
    return json.dumps({"kind": "epoch", "epoch": number, "epochs": 9, "metrics": {"mAP50": value}}) + "\n"


def test_what_is_new_is_seen_and_what_was_handed_out_stays(workspace: Workspace) -> None:
    run = finished(workspace, [0.1, 0.2])
    before = read_progress(run)
    assert before.epochs_done == 2
    with run.events_path.open("a") as file:
        file.write(epoch(3, 0.3) + '{"kind": "finished", "metrics": {}}\n{"kind": "ep')  # the last line is torn
    after = read_progress(run)
    assert (before.epochs_done, after.epochs_done) == (2, 3)
    assert after.final is not None
    assert [event["kind"] for event in read_turns(run)] == ["finished"]


def test_a_rewritten_file_is_read_anew(workspace: Workspace) -> None:
    run = finished(workspace, [0.1, 0.2, 0.3])
    assert read_progress(run).epochs_done == 3
    run.events_path.write_text(epoch(1, 0.9) + epoch(2, 0.8) * 9)  # longer than before, and another one
    assert read_progress(run).rows[1]["mAP50"] == 0.9
    run.events_path.unlink()
    assert read_progress(run).epochs_done == 0


def test_a_shared_look_sees_a_change_at_once(workspace: Workspace) -> None:
    run = finished(workspace, [0.1])
    assert run_now(workspace, run.id).notes == ""
    RunStore(workspace).change(run.id, notes="changed")
    assert run_now(workspace, run.id).notes == "changed"
    RunStore(workspace).change(run.id, state=State.FAILED)
    assert run_now(workspace, run.id).state is State.FAILED


def test_the_last_look_says_how_far_it_is_and_how_long_it_takes(workspace: Workspace) -> None:
    run = finished(workspace, [0.1, 0.2])
    known = read_progress(run)

    def say(time: float, kind: str, **fields: object) -> None:
        with run.events_path.open("a") as file:
            file.write(json.dumps({"time": time, "kind": kind, **fields}) + "\n")

    say(100, "phase", phase="finishing")
    say(110, "look", message="first", done=0, total=0)
    assert read_progress(run).seconds_left is None
    say(114, "look", message="first", done=2, total=12)
    first = read_progress(run)
    assert (first.looked, first.to_look_at, first.seconds_left) == (2, 12, 20)
    say(130, "look", message="second", done=0, total=0)  # the next pictures have a pace of their own
    say(140, "look", message="second", done=5, total=6)
    second = read_progress(run)
    assert (second.message, second.seconds_left, second.epochs_done) == ("second", 2, known.epochs_done)


def test_the_first_epoch_is_told_by_its_own_pace(workspace: Workspace) -> None:
    run = finished(workspace, [0.1])
    run.events_path.write_text("")

    def say(time: float, kind: str, **fields: object) -> None:
        with run.events_path.open("a") as file:
            file.write(json.dumps({"time": time, "kind": kind, **fields}) + "\n")

    say(10, "preflight", seconds_per_batch=5.0, seconds_estimate=220.0)  # 110 per epoch: ten steps, and 60 beside
    say(20, "epoch_start", epoch=1, epochs=2, batches=10)
    say(21, "batch", epoch=1, batch=1, batches=10)
    assert read_progress(run).seconds_left == 220 - 11 + end_seconds(110)
    say(25, "batch", epoch=1, batch=5, batches=10)  # a second per step, not five
    assert read_progress(run).seconds_left == 44 - 11 + end_seconds(22)
    say(52, "epoch", epoch=1, epochs=2, seconds=32.0)  # its first look took long: the next will not
    assert read_progress(run).seconds_left == 22 + end_seconds(22)
    say(53, "epoch_start", epoch=2, epochs=2, batches=10)
    say(81, "epoch", epoch=2, epochs=3, seconds=28.0)  # it goes on: by what it took, beside the first steps
    assert read_progress(run).seconds_left == 25 + end_seconds(25)
