"""A hook in every Python process, children included, that writes down and stops what dials or looks up beyond here."""

from __future__ import annotations

import os
from pathlib import Path

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


def hooked(folder: Path) -> dict[str, str]:
    """Return an environment in which every Python process carries the hook; its notes go to `folder`."""
    (folder / "hook").mkdir()
    (folder / "hook" / "sitecustomize.py").write_text(HOOK)
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([str(folder / "hook"), str(ROOT)]),
        "DIALLED": str(folder / "dialled.txt"),
        "GRAFT_WORKSPACE": str(folder / "workspace"),
        "GRAFT_CONFIG_DIR": str(folder / "config"),  # no font of an earlier run lies there
        "GRAFT_CORES": "1",
    }


def dialled(folder: Path) -> str:
    """Return what was dialled beyond this machine, "" for nothing."""
    notes = folder / "dialled.txt"
    return notes.read_text() if notes.exists() else ""


def processes(folder: Path) -> int:
    """Return how many processes carried the hook."""
    return len(set((folder / "dialled.txt.processes").read_text().split()))
