"""The list of runs made anew: the run folders are the truth, `graft.db` only says it quickly.

A copy of the database is kept beside it (`graft.backup.db`, by SQLite's own backup) at each start and end of a run. A
database that is gone, emptied or damaged is replaced by that copy; what is in no copy is read from the folders: what
was asked for, how it ended, its figures. Tags and notes of such runs are lost, and that is said. A damaged file is
kept.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.spec import SPEC_FILE, read_spec
from core.training.records.database import WAIT_SECONDS, ReadOnly, read_rows, write
from core.training.records.events import Event, final_event, last_attempt, read_events
from core.words import count
from core.workspace import Workspace, read_json, write_json_atomic

LOCK = ".rebuilding.lock"
NOTE = "graft.rebuilt.json"
"""In the workspace: what was made anew and when, until the user has read it."""


def is_damaged(error: sqlite3.Error) -> bool:
    """Say whether an error is about what is in the file, not about a lock, a missing table or a full disk."""
    return type(error) is sqlite3.DatabaseError


def is_sound(file: Path) -> bool:
    """Say whether a file is a whole SQLite database with a list of runs in it."""
    if not file.is_file() or not file.stat().st_size:
        return False
    try:
        whole = bool(read_rows(file, "PRAGMA quick_check(1)")[0][0] == "ok")
        return whole and bool(read_rows(file, "SELECT name FROM pragma_table_info('runs')"))
    except sqlite3.Error:
        return False


def run_folders(workspace: Workspace) -> list[Path]:
    """Return the folders of runs, by name."""
    return sorted(path for path in workspace.runs.glob("*") if (path / SPEC_FILE).is_file())


def backup_of(workspace: Workspace) -> Path:
    """Return where the copy of the database is kept."""
    return workspace.database.with_name("graft.backup.db")


def keep_backup(workspace: Workspace) -> None:
    """Copy the database beside itself, whole or not at all; without room for it the older copy stays."""
    backup = backup_of(workspace)
    part = backup.with_name(f".{backup.name}.{os.getpid()}")
    with suppress(OSError, sqlite3.Error):
        try:
            with closing(sqlite3.connect(workspace.database)) as source, closing(sqlite3.connect(part)) as target:
                source.backup(target)
            os.replace(part, backup)
        finally:
            part.unlink(missing_ok=True)


def rebuild(workspace: Workspace, make_table: Callable[[sqlite3.Connection], None], columns: frozenset[str]) -> None:
    """Make the database anew from its copy and from the run folders; what was damaged is kept under another name.

    One process does it, others wait and find it done; nobody sees it half done.
    """
    if workspace.read_only:
        raise ReadOnly(workspace.root)
    with closing(sqlite3.connect(workspace.root / LOCK, timeout=WAIT_SECONDS, isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")  # the system gives it back when this process ends, however it ends
        if not is_sound(workspace.database):
            _rebuild(workspace, make_table, columns)


def _rebuild(workspace: Workspace, make_table: Callable[[sqlite3.Connection], None], columns: frozenset[str]) -> None:
    file, now = workspace.database, datetime.now(UTC)
    part = file.with_name(f".{file.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    from_copy = is_sound(backup_of(workspace))
    if from_copy:
        shutil.copyfile(backup_of(workspace), part)
    folders = {folder.name: folder for folder in run_folders(workspace)}
    unreadable: list[str] = []

    def fill(database: sqlite3.Connection) -> list[str]:
        make_table(database)
        listed = {row[0] for row in database.execute("SELECT id FROM runs").fetchall()}
        for gone in listed - folders.keys():
            database.execute("DELETE FROM runs WHERE id = ?", (gone,))
        added = []
        for name in folders.keys() - listed:
            row = _row_of(workspace, folders[name], now)
            if row is None:
                unreadable.append(name)
                continue
            row = {key: value for key, value in row.items() if key in columns}
            names, marks = ", ".join(row), ", ".join("?" for _ in row)
            insert = f"INSERT OR IGNORE INTO runs ({names}) VALUES ({marks})"  # noqa: S608
            database.execute(insert, list(row.values()))
            added.append(name)
        return added

    try:
        added = write(part, fill, use_reserve=True)
        kept = _set_aside(file, f"{now:%Y%m%d-%H%M%S}")
        os.replace(part, file)
    finally:
        for ending in ("", "-wal", "-shm"):
            part.with_name(part.name + ending).unlink(missing_ok=True)
    note = {
        "at": now.isoformat(timespec="seconds"), "from_copy": from_copy, "kept_as": kept,
        "from_folders": sorted(added), "unreadable": sorted(unreadable),
    }  # fmt: skip
    with suppress(OSError):
        write_json_atomic(workspace.root / NOTE, note)


def rebuilt_words(workspace: Workspace) -> str:
    """Say what was made anew since the user last looked; "" for nothing."""
    note = read_json(workspace.root / NOTE)
    if not note:
        return ""
    said = "The list of runs (graft.db) was lost or damaged and has been made anew from the run folders"
    said += " and the last copy of it." if note.get("from_copy") else "."
    if note.get("from_folders"):
        said += f" Tags and notes are lost for {count(len(note['from_folders']), 'run')}."
    if note.get("unreadable"):
        named = ", ".join(note["unreadable"])
        said += f" {SPEC_FILE} is damaged in {named}: bring it back from a copy, or delete the folder."
    return said + (f" The damaged file is kept as {note['kept_as']}." if note.get("kept_as") else "")


def forget_note(workspace: Workspace) -> None:
    """The user has read what was made anew."""
    with suppress(OSError):
        (workspace.root / NOTE).unlink(missing_ok=True)


def _set_aside(file: Path, moment: str) -> str:
    """Give the damaged database a second name, and move its log away; return that name, "" when nothing was in it."""
    kept = file.with_name(f"graft.damaged-{moment}.db")
    holds = file.is_file() and file.stat().st_size > 0
    if holds:
        with suppress(OSError):  # a disk that knows no links, or has no room for a copy: it is replaced all the same
            _link(file, kept)
    for ending in ("-wal", "-shm"):
        part = file.with_name(file.name + ending)
        with suppress(FileNotFoundError):
            os.replace(part, kept.with_name(kept.name + ending)) if holds else part.unlink()
    return kept.name if kept.is_file() else ""


def _link(file: Path, other: Path) -> None:
    try:
        os.link(file, other)
    except OSError:
        shutil.copyfile(file, other)


def _row_of(workspace: Workspace, folder: Path, now: datetime) -> dict[str, Any] | None:
    """Return the row of a run as its folder tells it, None when what was asked for can't be read."""
    try:
        spec = read_spec(folder)
    except InputError:
        return None
    events, _ = read_events(folder / "events.jsonl")
    last = last_attempt(events)
    final = final_event(last)
    dataset = read_json(workspace.dataset(spec.dataset) / "dataset.json")
    row: dict[str, Any] = {
        "id": folder.name,
        "name": spec.name or folder.name,
        "dataset": spec.dataset,
        "dataset_name": str(dataset.get("name") or spec.dataset),
        "task": spec.task,
        "model": spec.model,
        "strategy": str(spec.strategy),
        "device": "cpu" if spec.device == "auto" else spec.device,
        "created": datetime.fromtimestamp((folder / SPEC_FILE).stat().st_mtime, UTC).isoformat(),
        "notes": f"Listed anew from its folder on {now:%Y-%m-%d}; its tags and notes were lost.",
        **_figures(events, final or {}),
    }
    if not last:
        return row | {"state": "paused", "cause": "It was waiting when the list of runs was lost; resume it."}
    begun = last[0]
    row |= {"attempt": int(begun.get("attempt") or 1), "started": _moment(begun)}
    row["device"] = begun.get("device") or row["device"]
    if final is None:  # whether its worker lives is looked at next, as always
        return row | {"state": "running", "identity": begun.get("identity"), "pid": begun.get("pid")}
    told = {key: str(final[key]) for key in ("cause", "next_step") if final.get(key)}
    return row | {"state": final["kind"], "ended": _moment(final), **told}


def _figures(events: list[Event], final: Event) -> dict[str, Any]:
    """Return the figures a run ended with; what its last event does not tell is that of its best epoch so far."""
    epochs = [event for event in events if event["kind"] == "epoch"]
    best = next((event for event in reversed(epochs) if event.get("best")), {})
    return {
        "metrics": json.dumps(final.get("metrics") or best.get("metrics") or {}),
        "best_epoch": final.get("best_epoch", best.get("epoch")),
        "epochs_done": final.get("epochs_done", epochs[-1]["epoch"] if epochs else 0),
        "seconds": final.get("seconds"),
    }


def _moment(event: dict[str, Any]) -> str:
    return datetime.fromtimestamp(float(event.get("time") or 0), UTC).isoformat()
