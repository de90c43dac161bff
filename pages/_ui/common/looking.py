"""What many look at at once: read once for all of them, and drawn less often the more they are."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import streamlit as st

from core.training.reconcile import refresh_runs
from core.training.store import Run, find_run
from core.workspace import Workspace

SHARED_SECONDS = 0.5
"""How old a look at the runs may be for another viewer to see it too; a change in the list of runs ends it at once."""
FEW = 6
"""Viewers of live pages up to whom every part keeps its pace."""
SEEN_SECONDS = 40.0
"""Seconds after which a viewer whose page has not asked again counts as gone."""

_LOCK = threading.Lock()
_LOOKS: dict[Path, tuple[float, tuple[object, ...], list[Run]]] = {}
_SEEN: dict[str, float] = {}


def run_now(workspace: Workspace, run_id: str) -> Run:
    """Return a run with its true state, as `get_run` does, at most SHARED_SECONDS old. Raises InputError."""
    with _LOCK:  # thirty viewers wait for one look instead of each taking their own
        moment, stamp = time.monotonic(), _stamp(workspace.database)
        known = _LOOKS.get(workspace.root)
        if known is None or moment - known[0] > SHARED_SECONDS or known[1] != stamp:
            runs = refresh_runs(workspace)
            _LOOKS[workspace.root] = known = time.monotonic(), _stamp(workspace.database), runs
    return find_run(known[2], run_id)


def _stamp(database: Path) -> tuple[object, ...]:
    """Return what changes with the list of runs: its file, and the log beside it where that holds anything."""
    found: list[object] = []
    for path in (database, database.with_name(f"{database.name}-wal")):
        try:
            stat = path.stat()
        except FileNotFoundError:
            continue
        if stat.st_size:  # who only reads makes an empty log and removes it
            found += [stat.st_size, stat.st_mtime_ns]
    return tuple(found)


def slowness() -> int:
    """Return how many times less often live parts are drawn for so many viewers: 1, 2, 4 ... Counts this one in."""
    viewer = st.session_state.setdefault("viewer", f"{time.time_ns()}-{threading.get_ident()}")
    now = time.monotonic()
    with _LOCK:
        _SEEN[viewer] = now
        for gone in [name for name, seen in _SEEN.items() if now - seen > SEEN_SECONDS]:
            del _SEEN[gone]
        times = 1
        while len(_SEEN) > FEW * times:
            times *= 2
        return times
