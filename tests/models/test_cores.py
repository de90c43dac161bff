"""How many cores the network works with: all there are, fewer while other programs need them."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from core.processes.cores import SharedCores, Work, available_cores, cores_for


@pytest.mark.parametrize(
    ("available", "logical", "busy", "expected"),
    [
        (2, 2, 0.0, 2),
        (2, 2, 0.39, 2),
        (2, 2, 0.41, 1),
        (2, 2, 5.0, 1),
        (4, 8, 3.0, 4),
        (4, 8, 5.0, 3),
        (8, 64, 30.0, 8),
    ],
)
def test_others_get_the_cores_they_keep_busy(available: int, logical: int, busy: float, expected: int) -> None:
    assert cores_for(available, logical, busy) == expected


@pytest.mark.parametrize("words", ["100000 100000", "150000 100000"])
def test_a_containers_quota_is_kept(tmp_path: Path, words: str) -> None:
    quota = tmp_path / "cpu.max"
    quota.write_text(words + "\n", encoding="ascii")
    assert available_cores(quota) == 1


@pytest.mark.parametrize("words", ["max 100000", "", "what is this"])
def test_no_quota_leaves_the_machines_cores(tmp_path: Path, words: str) -> None:
    quota = tmp_path / "cpu.max"
    quota.write_text(words, encoding="ascii")
    assert available_cores(quota) == available_cores(tmp_path / "missing") >= 1


def test_the_environment_decides_where_it_says_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    try:
        monkeypatch.setenv("GRAFT_CORES", "3")
        SharedCores()
        assert torch.get_num_threads() == 3
        monkeypatch.setenv("GRAFT_CORES", "all of them")
        SharedCores()
        assert torch.get_num_threads() == available_cores()
    finally:
        torch.set_num_threads(before)


def test_a_core_is_left_at_once_and_taken_back_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRAFT_CORES")
    before, clock = torch.get_num_threads(), [Work(0.0, 0.0, 0.0)]
    cores = SharedCores(lambda: clock[0])
    cores.available = cores.used = cores.logical = 2
    torch.set_num_threads(2)

    def pass_by(seconds: float, others: float) -> int:
        last = clock[0]
        clock[0] = Work(last.at + seconds, last.own + seconds, last.all + seconds * (1 + others))
        cores.adapt()
        assert torch.get_num_threads() == cores.used
        return cores.used

    try:
        assert pass_by(3, 0.0) == 2
        assert pass_by(1, 1.0) == 2  # too soon to look
        assert pass_by(3, 1.0) == 1
        assert [pass_by(3, 0.1) for _ in range(4)] == [1, 1, 1, 2]
        pass_by(3, 1.0)
        assert [pass_by(3, share) for share in (0.1, 0.1, 1.0, 0.1, 0.1, 0.1, 0.1)] == [1, 1, 1, 1, 1, 1, 2]
    finally:
        torch.set_num_threads(before)


def test_what_others_did_before_the_first_step_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRAFT_CORES")
    before = torch.get_num_threads()
    try:
        for others, used in ((0.2, 2), (1.0, 1)):
            cores = SharedCores(lambda: Work(5.0, 4.0, 4.0 + 5 * others), Work(0.0, 0.0, 0.0))  # noqa: B023
            cores.available = cores.used = cores.logical = 2
            cores.adapt()
            assert cores.used == used
    finally:
        torch.set_num_threads(before)


def test_the_work_of_others_is_seen_and_ones_own_taken_off() -> None:
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(psutil.cpu_count() or 1)]
    try:
        time.sleep(0.3)
        before = Work.now()
        time.sleep(1.0)
        assert Work.now().busy_with_others(before) > 0.5
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert Work(2.0, 2.0, 3.0).busy_with_others(Work(0.0, 0.0, 0.0)) == 0.5  # one's own share is taken off
