"""A drive that answers is never taken for a silent one; tests/faults/long_drives.py tries one that hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.files.answering import check_answers, silent_for, watching

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", ["", "not/there", "a file", "\0"])
def test_whatever_comes_of_the_question_is_an_answer(tmp_path: Path, name: str) -> None:
    (tmp_path / "a file").write_text("x")
    assert silent_for(f"{tmp_path}/{name}") == 0.0
    check_answers(f"{tmp_path}/{name}")


def test_an_answer_holds_for_a_while_and_leaves_no_thread(tmp_path: Path) -> None:
    silent_for(tmp_path)
    before = threading.active_count()
    for _ in range(50):
        assert silent_for(tmp_path) == 0.0
    assert threading.active_count() <= before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_fork_asks_for_itself(tmp_path: Path) -> None:
    from core.files import answering

    key = str(tmp_path)
    answering._questions[key] = answering._Question()  # whoever would answer it is not in the fork
    try:
        child = os.fork()
        if not child:
            os._exit(0 if silent_for(tmp_path) == 0.0 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        del answering._questions[key]


def test_nothing_is_said_where_all_answer(tmp_path: Path) -> None:
    said: list[str] = []
    with watching([tmp_path], said.append, lambda: said.append("back"), lambda: said.append("waits")):
        threading.Event().wait(1.3)
    assert said == []


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="threads hear signals alike here")
def test_no_thread_that_asks_takes_the_ctrl_c_of_the_main_thread(tmp_path: Path) -> None:
    code = """
import os, signal, sys, time
from core.files.answering import watching
nothing = lambda *said: None
with watching([sys.argv[1]], nothing, nothing, nothing):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # as one that waits for a drive: it hears nothing
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(2.5)  # two questions
    assert signal.SIGINT in signal.sigpending()
    signal.sigwait({signal.SIGINT})
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=True)
