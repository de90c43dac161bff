"""The time said beforehand: a range that holds in nine of ten, learnt from what trainings took on this machine."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from core.cli import main
from core.data.importing.from_upload import import_dataset
from core.planning.facts import MachineFacts, machine_facts
from core.planning.speed import StepSpeed
from core.planning.taken import MOST, TakenTime, keep_time, known_ratios
from core.planning.time import SPREAD, epoch_seconds, likely_seconds, picture_seconds, slowdown, timed_share
from core.workspace import Workspace, read_json, write_json_atomic
from tests.tiny import write_yolo_folder


@pytest.mark.parametrize("seen", [0, 1, 4, 15])
def test_the_range_holds_in_nine_of_ten_machines(seen: int) -> None:
    random = np.random.default_rng(7)
    held, machines = 0, 2_000
    for _ in range(machines):
        bias, scatter = random.normal(0, SPREAD * 0.7), SPREAD * 0.7  # as far off together as SPREAD
        *before, taken = np.exp(random.normal(bias, scatter, seen + 1))
        told = likely_seconds(100.0, [float(ratio) for ratio in before], measured=True)
        held += bool(told.low <= 100.0 * taken <= told.high)
    assert 0.86 <= held / machines <= 0.98


def test_what_trainings_took_moves_the_range_and_narrows_it() -> None:
    first = likely_seconds(100.0, [], measured=True)
    assert first.value == pytest.approx(100)
    guessed = likely_seconds(100.0, [], measured=False)
    assert guessed.high / guessed.low > first.high / first.low
    slow = likely_seconds(100.0, [2.0, 2.1, 1.9, 2.0, 2.05, 1.95, 2.0, 2.0], measured=False)
    assert 150 < slow.value < 200
    assert slow.high / slow.low < guessed.high / guessed.low / 3
    assert likely_seconds(50.0, [2.0], measured=True).value == pytest.approx(
        likely_seconds(100.0, [2.0], measured=True).value / 2
    )


def test_a_step_takes_longer_on_fewer_cores() -> None:
    assert slowdown(2, 2) == slowdown(4, 2) == 1
    assert slowdown(1, 2) == pytest.approx(441 / 285, rel=0.02)
    assert slowdown(1, 8) > slowdown(4, 8) > 1


def test_where_a_step_computes_longer_less_of_it_is_spared_by_larger_batches() -> None:
    def machine(best: float) -> MachineFacts:
        timed = StepSpeed(machine="m", cores=2, gflop=3.9, plain=best, channels_last=best, bf16=9.0)
        return MachineFacts(speed=timed)

    quick, slow = machine(0.146), machine(0.285)
    assert timed_share(quick, "detect") == pytest.approx(0.75)
    assert 0.8 < timed_share(slow, "detect") < 0.95
    assert timed_share(machine(0.05), "detect") == timed_share(quick, "detect"), "not less than was measured"
    assert timed_share(MachineFacts(), "detect") == 1, "nothing was timed"
    # chest X-rays, yolo11n-cls, 2 cores with AVX2: epochs of 16.8 to 22.3 s, mostly 17 to 18
    epoch = epoch_seconds(slow, task="classify", gflops=0.5, imgsz=224, batch=16, train=480, val=120)
    assert epoch == pytest.approx(17, rel=0.15)


def test_fewer_cores_than_the_steps_were_timed_on_take_longer() -> None:
    timed = StepSpeed(machine="m", cores=2, gflop=3.9, plain=0.4, channels_last=0.3, bf16=9.0)
    one, two = (MachineFacts(cores=cores, speed=timed) for cores in (1, 2))
    assert picture_seconds(one, 1.0) == pytest.approx(picture_seconds(two, 1.0) * slowdown(1, 2))
    assert picture_seconds(MachineFacts(cores=4, speed=timed), 1.0) == picture_seconds(two, 1.0)


def test_a_plan_counts_the_cores_that_may_be_used(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFT_CORES", "1")
    assert machine_facts(workspace, "cpu").cores == 1


def test_times_are_kept_by_machine_device_and_task_and_the_newest_only(workspace: Workspace) -> None:
    for taken in range(1, MOST + 6):
        keep_time(workspace, device="cpu", task="detect", expected=10, seconds=10 * taken)
    keep_time(workspace, device="cuda", task="detect", expected=10, seconds=5)
    keep_time(workspace, device="cpu", task="classify", expected=10, seconds=40)
    assert known_ratios(workspace, "cpu") == {
        "detect": tuple(float(taken) for taken in range(6, MOST + 6)), "classify": (4.0,),
    }  # fmt: skip
    assert known_ratios(workspace, "cuda") == {"detect": (0.5,)}
    assert machine_facts(workspace, "cpu").ratios == known_ratios(workspace, "cpu")
    other = TakenTime(machine="another", device="mps", task="detect", expected=1, seconds=1)
    write_json_atomic(workspace.root / "times.json", {"trainings": [other.model_dump()]})
    assert known_ratios(workspace, "mps") == {}, "of another machine"


def test_cores_that_were_chosen_are_not_said_to_be_busy_with_others(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRAFT_CORES", "1")
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "squares", train=4, val=4))
    assert main(["plan", dataset.id, "--device", "cpu", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["busy_cores"] == 0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"trainings": 3}', '{"trainings": [{"machine": 1}]}'])
def test_a_damaged_file_is_begun_anew(workspace: Workspace, text: str) -> None:
    (workspace.root / "times.json").write_text(text)
    assert known_ratios(workspace, "cpu") == {}
    keep_time(workspace, device="cpu", task="detect", expected=10, seconds=20)
    assert math.isclose(known_ratios(workspace, "cpu")["detect"][0], 2)
    assert len(read_json(workspace.root / "times.json")["trainings"]) == 1
