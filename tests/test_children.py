"""Short questions to child processes: the answer, its progress, and every way a child can fail to give one."""

from __future__ import annotations

import ast
import contextlib
import importlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy
import psutil
import pytest

from core.errors import GraftError, InputError
from core.jobs import Progress, Report
from core.processes import children, starting
from core.processes.children import answer, run_child

ROOT = Path(__file__).resolve().parents[1]
both_ways = pytest.mark.usefixtures("start_kind")


@pytest.fixture(params=["cold", "warm"])
def start_kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every way a child can behave is tried with one started anew and with one forked from warm."""
    if request.param == "cold":
        monkeypatch.setenv("GRAFT_WARM_MINUTES", "0")
    else:
        warmed()
    return str(request.param)


def warmed() -> None:
    """Have a warm process wait; skip where there can be none."""
    if not starting.prepare():
        pytest.skip("children are forked on Linux alone, with memory to spare")
    deadline = time.monotonic() + 90
    while not starting.ready():
        assert time.monotonic() < deadline, "the warm process never came"
        time.sleep(0.1)


def work(request: dict[str, Any], report: Report) -> dict[str, Any]:
    """Child: do as the request says."""
    if "note" in request:
        Path(request["note"]).write_text(str(os.getpid()))
    match request.get("do"):
        case "count":
            for number in range(4):
                report(Progress("Counting", number, 3))
                time.sleep(request["pause"])
        case "refuse":
            raise InputError("There is nothing to count.")
        case "fail":
            raise GraftError("The counter is worn out.")
        case "stumble":
            raise KeyError("gone")
        case "die":
            os.kill(os.getpid(), request["signal"])
        case "leave":
            print("the last word", file=sys.stderr)
            os._exit(3)
        case "print":
            print("é", "\udc80")  # no text of any encoding
            sys.stdout.buffer.write(b"\xff\xfe{\n" * 10)
            os.write(1, b'{"answer": "not mine"}\n')
            for _ in range(64):
                print("x" * 2**20)
                print("y" * 2**20, file=sys.stderr)
        case "hang":
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
            time.sleep(100)
        case "leave one behind":
            left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
            return {"left": left.pid}
        case "tell":
            return {
                "torch": "torch" in sys.modules,
                "parent": os.getppid(),
                "leader": os.getsid(0) == os.getpid(),
                "dice": [random.random(), float(numpy.random.rand())],
                "variable": os.environ.get("GRAFT_TOLD"),
                "folder": os.getcwd(),
                "files": len(os.listdir("/proc/self/fd")),
            }
        case "not json":
            return {"set": {1, 2}}
    return {"text": "ü" * request.get("size", 1), "given": request.get("given")}


def ask(request: dict[str, Any], timeout: float = 30, **options: Any) -> dict[str, Any]:
    return run_child("tests.test_children", request, timeout=timeout, failure="Counting failed", **options)


def gone(pid: int, within: float = 5) -> bool:
    """Say whether a process ends within some seconds."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def until_there(path: Path) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError):
            if text := path.read_text():
                return text
        time.sleep(0.05)
    raise AssertionError(f"{path.name} never came")


@both_ways
def test_an_answer_of_tens_of_megabytes_to_a_question_of_the_same_size() -> None:
    size = 20 * 2**20
    found = ask({"size": size, "given": "y" * size})
    assert len(found["text"]) == size
    assert len(found["given"]) == size


@pytest.mark.slow
def test_progress_arrives_and_starts_the_time_limit_anew() -> None:
    told: list[Progress] = []
    began = time.monotonic()
    ask({"do": "count", "pause": 3.0}, timeout=10, progress=told.append)
    assert time.monotonic() - began > 10
    assert [(step.stage, step.done, step.total) for step in told] == [("Counting", number, 3) for number in range(4)]


@both_ways
@pytest.mark.parametrize(
    ("do", "kind", "words"),
    [
        ("refuse", InputError, "Counting failed: There is nothing to count."),
        ("fail", GraftError, "Counting failed: The counter is worn out."),
        ("stumble", GraftError, "KeyError: 'gone'"),
        ("not json", GraftError, "TypeError: Object of type set"),
        ("leave", GraftError, "the last word"),
    ],
)
def test_what_the_child_says_last_is_the_error(do: str, kind: type[GraftError], words: str) -> None:
    with pytest.raises(GraftError) as caught:
        ask({"do": do})
    assert type(caught.value) is kind
    assert words in str(caught.value)


@both_ways
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_child_that_dies_by_a_signal_is_told_at_once(number: signal.Signals) -> None:
    with pytest.raises(GraftError, match=str(signal.strsignal(number))) as caught:
        ask({"do": "die", "signal": number})
    assert ("memory" in str(caught.value)) == (number == signal.SIGKILL)


@both_ways
def test_a_module_that_is_not_there_is_named() -> None:
    with pytest.raises(GraftError, match=r"No module named core\.nowhere"):
        run_child("core.nowhere", {}, timeout=30, failure="Counting failed")


@both_ways
def test_what_is_printed_reaches_nobody_and_blocks_nobody() -> None:
    assert ask({"do": "print", "given": 5})["given"] == 5


@pytest.mark.slow
def test_after_a_long_silence_the_child_and_what_it_started_are_ended(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    with pytest.raises(GraftError, match="8 s, so"):
        ask({"do": "hang", "note": str(note)}, timeout=8)
    assert gone(int(note.read_text()))
    assert of_group(int(note.read_text())) == []


@both_ways
def test_what_a_child_leaves_behind_keeps_nobody_waiting_and_is_ended() -> None:
    began = time.monotonic()
    left = ask({"do": "leave one behind"})["left"]
    assert gone(left)
    assert time.monotonic() - began < 20


@both_ways
def test_an_interrupted_caller_ends_the_child(tmp_path: Path) -> None:
    note = tmp_path / "pid"

    def interrupt(_progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask({"do": "count", "pause": 30, "note": str(note)}, progress=interrupt)
    assert gone(int(note.read_text()))


@both_ways
def test_a_child_whose_caller_was_killed_ends_with_all_it_started(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = f"from tests.test_children import ask; ask({{'do': 'hang', 'note': {str(note)!r}}}, timeout=100)"
    caller = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    try:
        pid = int(until_there(note))
        assert not gone(pid, within=3 * children.WATCH_EVERY)
    finally:
        caller.kill()
        caller.wait()
    assert gone(pid)
    assert of_group(pid) == []


def test_a_child_is_a_process_of_its_own_with_what_its_caller_has(
    start_kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAFT_TOLD", "this")
    one, other = ask({"do": "tell"}), ask({"do": "tell"})
    assert one["torch"] == (start_kind == "warm")
    assert one["leader"]
    assert one["dice"] != other["dice"]
    assert one["variable"] == "this"
    assert one["folder"] == str(ROOT)
    assert one["files"] < 12  # no other child's connection among them


def test_a_caller_that_has_imported_opencv_is_in_the_same_circumstances() -> None:
    code = """
import os
from core.processes import starting
from core.processes.isolation import isolated_environment
os.environ["LD_LIBRARY_PATH"] = "/opt/lib"
before = starting._address(isolated_environment())
import cv2
assert "cv2" in os.environ["LD_LIBRARY_PATH"], "it does so no more: the exception can go"
assert before == starting._address(isolated_environment())
assert isolated_environment()["LD_LIBRARY_PATH"] == "/opt/lib"
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_in_other_circumstances_a_child_is_started_anew(start_kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")  # libraries look at it while they are imported
    assert not starting.ready()
    assert ask({"do": "tell"})["torch"] is False


def test_without_its_warm_process_a_child_still_answers_and_the_next_one_is_started_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("GRAFT_WARM_MINUTES", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "6")  # one of its own, which no other test's child comes from
    warmed()
    forked = []

    def kill(_progress: Progress) -> None:
        if not forked:
            child = ask({"do": "tell"})
            forked.append(child["torch"])
            os.kill(child["parent"], signal.SIGKILL)

    assert ask({"do": "count", "pause": 0.2}, progress=kill)["text"]
    assert forked == [True]
    assert not starting.ready()
    assert ask({"do": "tell"})["torch"] is False


def test_a_child_whose_caller_gave_up_waiting_for_it_never_begins(tmp_path: Path) -> None:
    warmed()
    environment = starting.isolated_environment()
    request = {"module": "tests.test_children", "arguments": [], "environment": environment}
    connection = starting._connected(starting._address(environment))
    assert connection is not None
    with (tmp_path / "said").open("w+b") as said, open(os.devnull, "rb") as nothing:
        given = [nothing.fileno(), said.fileno(), said.fileno()]
        socket.send_fds(connection, [json.dumps(request).encode()], given)
        pid = int(json.loads(connection.recv(1024))["pid"])
        connection.close()  # as after too long a wait: the caller has begun another child meanwhile
        assert gone(pid)
        assert said.seek(0, os.SEEK_END) == 0, "the module began: it prints at once"


def of_group(leader: int) -> list[int]:
    """Return the processes of a group that still run."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getpgid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found


def started_modules() -> set[str]:
    """Return every module of core that the code starts as a child, by the functions that take its name."""
    found = set()
    for path in (path for top in ("core", "pages") for path in (ROOT / top).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in ("run_child", "start_child", "start_job"):
                named = [item.value for item in node.args if isinstance(item, ast.Constant)]
                found |= {str(name) for name in named if str(name).startswith("core.")}
    return found


def test_every_child_that_is_started_is_there() -> None:
    modules = started_modules()
    assert len(modules) > 8
    assert [name for name in modules if importlib.util.find_spec(name) is None] == []


if __name__ == "__main__":
    print("garbage without an end, {", end="")
    sys.stdout.flush()
    answer(work)
