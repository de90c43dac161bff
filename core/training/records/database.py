"""The workspace's SQLite file: looking works on a full and a read-only disk, where a change is refused in a sentence.

A usual connection in WAL mode makes small files (`-wal`, `-shm`) before it can read a row. Where there is no room for
them, a connection that has the file to itself keeps its index in memory and needs none to read (sqlite.org/wal.html,
"Use of WAL without shared memory").
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from core.errors import GraftError
from core.files.safe_files import release_reserve
from core.workspace import read_only_words

Answer = TypeVar("Answer")

WAIT_SECONDS = 20
"""How long a connection waits for another one's change."""


class NotWritten(GraftError):
    """A change that was asked for can't be written down."""


class DiskFull(NotWritten):
    """The workspace's disk is full."""

    def __init__(self, root: Path) -> None:
        super().__init__(f"The disk of the workspace ({root}) is full: free some space, then try again.")


class ReadOnly(NotWritten):
    """The workspace may be looked at only."""

    def __init__(self, root: Path) -> None:
        super().__init__(read_only_words(root))


def on_node() -> bool:
    """Say whether this process is a worker on a machine of a cluster.

    The write-ahead log needs memory that all its users share, so that machine only looks at the file as it is.
    """
    return bool(os.environ.get("GRAFT_RUN_IDENTITY"))


def read_rows(file: Path, query: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
    """Return what a query finds; no rows when the file or its table is not there yet.

    Works on a full disk and on one that can be read only.
    """
    if not file.exists():
        return []
    for way in ("frozen",) if on_node() else ("usual", "alone", "frozen"):
        try:
            if way == "frozen" and not on_node() and _has_log(file):
                return _read_copy(file, query, values)
            with closing(_open(file, way)) as database:
                return database.execute(query, values).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            if way == "frozen" or (way == "usual" and not (_has_no_room(error) or _is_read_only(error))):
                raise
    raise AssertionError("the loop returns or raises")


def write(file: Path, work: Callable[[sqlite3.Connection], Answer], *, use_reserve: bool) -> Answer:
    """Do `work` in one transaction, written whole or not at all; return its answer.

    On a full disk it is tried again without the small files, then (when `use_reserve` is set) with the room that was
    kept for it. Raises DiskFull when nothing could be written, ReadOnly where nothing may be.
    """
    if file.parent.is_dir() and not os.access(file.parent, os.W_OK):
        raise ReadOnly(file.parent)
    for way in ("usual", "alone", "with the reserve"):
        if way == "with the reserve" and not (use_reserve and release_reserve(file.parent)):
            break
        try:
            with closing(_open(file, way)) as database:
                database.execute("PRAGMA journal_mode=WAL")
                database.execute("BEGIN IMMEDIATE")
                answer = work(database)  # closing without COMMIT undoes it
                database.execute("COMMIT")
                return answer
        except sqlite3.OperationalError as error:
            if _is_read_only(error):
                raise ReadOnly(file.parent) from error
            if not _has_no_room(error):
                raise
    raise DiskFull(file.parent)


def _open(file: Path, way: str) -> sqlite3.Connection:
    if way == "frozen":  # the file as it is, without what was not yet written into it
        database = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    else:
        database = sqlite3.connect(file, timeout=WAIT_SECONDS, isolation_level=None)
        if way != "usual":
            database.execute("PRAGMA locking_mode=EXCLUSIVE")
    database.row_factory = sqlite3.Row
    return database


def _has_log(file: Path) -> bool:
    """Say whether changes wait beside the database to be written into it."""
    try:
        return file.with_name(f"{file.name}-wal").stat().st_size > 0
    except OSError:
        return False


def _read_copy(file: Path, query: str, values: Sequence[Any]) -> list[sqlite3.Row]:
    """Return what a query finds in a copy elsewhere, into which the waiting changes are written."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / file.name
        for ending in ("", "-wal"):
            shutil.copyfile(file.with_name(file.name + ending), copy.with_name(copy.name + ending))
        with closing(_open(copy, "usual")) as database:
            return database.execute(query, values).fetchall()


def _is_read_only(error: sqlite3.OperationalError) -> bool:
    return "readonly database" in str(error)


def _has_no_room(error: sqlite3.OperationalError) -> bool:
    """Say whether it failed for want of space: named so, or the file beside the database that could not be made."""
    return any(words in str(error) for words in ("full", "disk I/O error", "unable to open"))
