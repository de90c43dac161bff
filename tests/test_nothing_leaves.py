"""The whole road, and no process on it looks up a name or dials an address beyond this machine.

Every process, children included, loads a hook (Python's own audit events) that writes down and stops what leaves.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny import write_yolo_folder

ROOT = Path(__file__).resolve().parents[1]
HOOK = """
import os, sys

HERE = {"localhost", "127.0.0.1", "::1", "", "0.0.0.0", None}

def watch(event, given):
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = given[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(given[1], tuple):
        host = given[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host in HERE or str(host).startswith("127."):
        return
    with open(os.environ["DIALLED"], "a") as file:
        file.write(f"{event} {given[-1] if event == 'socket.connect' else host} from {sys.argv}\\n")
    raise OSError(f"{host} lies beyond this machine")

sys.addaudithook(watch)
with open(os.environ["DIALLED"] + ".processes", "a") as file:
    file.write(f"{os.getpid()}\\n")
"""
ROAD = """
import json, sys
from pathlib import Path
from core import cli
source, out = sys.argv[1:3]
def go(*words):
    import contextlib, io
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = cli.main([*words, "--json"])
    assert code == 0, (words, code, said.getvalue())
    return json.loads(said.getvalue().strip().splitlines()[-1])
dataset = go("import", source)["id"]
go("check", dataset)
small = ["--epochs", "1", "--imgsz", "64", "--batch", "4", "--device", "cpu"]
run = go("train", dataset, "--model", "starter", *small)["id"]
go("evaluate", run)
go("predict", run, source + "/images/val")
go("export", run, "onnx")
go("report", run, out + "/report.html")
go("notebook", run, out + "/notebook.ipynb")
go("bundle", run, out + "/bundle.zip")
"""


def hooked(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which every Python process carries the hook."""
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(HOOK)
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "hook"), str(ROOT)]),
        "DIALLED": str(tmp_path / "dialled.txt"),
        "GRAFT_WORKSPACE": str(tmp_path / "workspace"),
        "GRAFT_CONFIG_DIR": str(tmp_path / "config"),  # no font of an earlier run lies there
        "GRAFT_CORES": "1",
    }


def test_the_hook_sees_and_stops_what_leaves(tmp_path: Path) -> None:
    environment = hooked(tmp_path)
    code = "import socket; socket.getaddrinfo('localhost', 1); socket.create_connection(('198.51.100.7', 9), timeout=1)"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "198.51.100.7" in (tmp_path / "dialled.txt").read_text()


@pytest.mark.slow
def test_no_step_of_the_road_leaves_this_machine(tmp_path: Path) -> None:
    source = write_yolo_folder(tmp_path / "set", 6, 4)
    done = subprocess.run(
        [sys.executable, "-c", ROAD, str(source), str(tmp_path)],
        cwd=ROOT, env=hooked(tmp_path), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    dialled = tmp_path / "dialled.txt"
    assert not dialled.exists(), dialled.read_text()
    processes = (tmp_path / "dialled.txt.processes").read_text().split()
    assert len(processes) >= 4, "the children ran without the hook"
