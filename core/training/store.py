"""The states of all runs, in one SQLite file of the workspace: who may change what, and what can't happen twice."""

from __future__ import annotations

import json
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, PrivateAttr

from core.errors import InputError
from core.files.safe_files import keep_reserve
from core.spec import TrainingSpec, read_spec
from core.training.records.database import on_node, read_rows, write
from core.training.records.rebuilding import is_damaged, is_sound, rebuild, run_folders
from core.workspace import Workspace


class State(StrEnum):
    """Where a run is; see docs in the README."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


WITH_PROCESS = (State.STARTING, State.RUNNING, State.STOPPING)
"""States in which a worker process should be there."""

ROOM_FOR_RESERVE = 100_000_000
"""Free bytes from which the reserve for a full disk is (again) set aside."""

COLUMNS = {
    "id": "TEXT PRIMARY KEY",
    "name": "TEXT",
    "state": "TEXT",
    "dataset": "TEXT",
    "dataset_name": "TEXT",
    "task": "TEXT",
    "model": "TEXT",
    "strategy": "TEXT",
    "device": "TEXT",
    "created": "TEXT",
    "queued": "REAL",
    "started": "TEXT",
    "ended": "TEXT",
    "attempt": "INTEGER DEFAULT 0",
    "pid": "INTEGER",
    "identity": "TEXT",
    "request": "TEXT DEFAULT ''",
    "more_epochs": "INTEGER DEFAULT 0",
    "cause": "TEXT DEFAULT ''",
    "next_step": "TEXT DEFAULT ''",
    "suggestion": "TEXT DEFAULT '{}'",
    "tags": "TEXT DEFAULT '[]'",
    "notes": "TEXT DEFAULT ''",
    "metrics": "TEXT DEFAULT '{}'",
    "best_epoch": "INTEGER",
    "epochs_done": "INTEGER DEFAULT 0",
    "seconds": "REAL",
}
ACTIVE = "SELECT * FROM runs WHERE state IN ('queued', 'starting', 'running', 'stopping') ORDER BY queued"
_JSON_COLUMNS = ("suggestion", "tags", "metrics")


class Run(BaseModel):
    """One training run as the store knows it."""

    id: str
    name: str
    state: State
    dataset: str
    dataset_name: str
    task: str
    model: str
    strategy: str
    device: str
    created: datetime
    queued: float = 0.0
    started: datetime | None = None
    ended: datetime | None = None
    attempt: int = 0
    pid: int | None = None
    identity: str | None = None
    request: str = ""
    more_epochs: int = 0
    cause: str = ""
    next_step: str = ""
    suggestion: dict[str, Any] = Field(default_factory=dict)
    tags: list[str] = Field(default_factory=list)
    notes: str = ""
    metrics: dict[str, float | None] = Field(default_factory=dict)
    best_epoch: int | None = None
    epochs_done: int = 0
    seconds: float | None = None
    position: int | None = Field(default=None, description="1-based place in the queue of its device, queued runs only")

    _folder: Path = PrivateAttr(default_factory=Path)

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self._folder

    @property
    def spec(self) -> TrainingSpec:
        """What was asked for, from the run's spec.json."""
        return read_spec(self.folder)

    @property
    def events_path(self) -> Path:
        """The file the worker appends its events to."""
        return self.folder / "events.jsonl"

    @property
    def log_path(self) -> Path:
        """The worker's output."""
        return self.folder / "train.log"

    @property
    def best_weights(self) -> Path | None:
        """The best checkpoint so far, None when there is none yet."""
        path = self.folder / "train" / "weights" / "best.pt"
        return path if path.is_file() else None

    @property
    def resume_point(self) -> Path:
        """The state of the training after its last whole epoch, kept by Graft so that a run can always go on."""
        return self.folder / "train" / "weights" / "resume.pt"

    @property
    def active(self) -> bool:
        """True while the run waits or works."""
        return self.state in (State.QUEUED, *WITH_PROCESS)

    @property
    def submitted(self) -> bool:
        """True while the run waits in its executor's own queue (that of a Ray cluster)."""
        return self.state is State.QUEUED and self.identity is not None

    @property
    def resumable(self) -> bool:
        """True when the run rests and can go on: from its last whole epoch, or anew when it never got that far."""
        resting = (State.PAUSED, State.STOPPED, State.FAILED, State.INTERRUPTED)
        return self.state in resting or (self.state is State.FINISHED and self.resume_point.is_file())


class RunStore:
    """Reads and changes the runs of one workspace; every change is one transaction.

    Reading works on a full disk and on one that can be read only. A change raises DiskFull there once even the room
    kept for it is used up, and ReadOnly.
    """

    def __init__(self, workspace: Workspace) -> None:
        """Open the workspace's database, creating its table at the first use.

        Where it is gone, empty or damaged while there are folders of runs, it is made anew from them.
        """
        self.workspace = workspace
        known = {row["name"] for row in self._read("SELECT name FROM pragma_table_info('runs')")}
        if not on_node():
            if not known and run_folders(workspace):
                self._rebuild()
            elif COLUMNS.keys() - known:
                write(workspace.database, _make_table, use_reserve=True)
        if workspace.free_bytes() > ROOM_FOR_RESERVE and not on_node():
            with suppress(OSError):  # full by quota: there is nothing to set aside
                keep_reserve(workspace.root)

    def check(self) -> None:
        """Look the whole database over, and make it anew where it is damaged; the folders of runs are the truth."""
        if run_folders(self.workspace) and not is_sound(self.workspace.database):
            self._rebuild()

    def add(self, run: Run) -> None:
        """Record a new run, in place of what was made of its folder meanwhile."""
        row = _row(run.model_dump(mode="json", exclude={"position"}))
        names, marks = ", ".join(row), ", ".join("?" for _ in row)
        insert = f"INSERT OR REPLACE INTO runs ({names}) VALUES ({marks})"  # noqa: S608
        write(self.workspace.database, lambda database: database.execute(insert, list(row.values())), use_reserve=True)

    def all(self) -> list[Run]:
        """Return all runs, newest first, queued ones with their place in the queue of their device."""
        rows = self._read("SELECT * FROM runs ORDER BY created DESC, id")
        runs = [self._run(row) for row in rows]
        places: dict[str, int] = {}
        for run in sorted((run for run in runs if run.state is State.QUEUED), key=lambda run: run.queued):
            places[run.device] = places.get(run.device, 0) + 1
            run.position = places[run.device]
        return runs

    def active(self) -> list[Run]:
        """Return the runs that wait or work, the oldest first."""
        return [self._run(row) for row in self._read(ACTIVE)]

    def get(self, run_id: str) -> Run:
        """Return one run. Raises InputError when there is none with this id or (only) this name."""
        return find_run(self.all(), run_id)

    def change(
        self,
        run_id: str,
        states: tuple[State, ...] | None = None,
        *,
        of_attempt: int | None = None,
        use_reserve: bool = True,
        **values: Any,
    ) -> bool:
        """Change a run if it is in one of `states` (any when None) and attempts; return whether it was."""
        row = _row(values)
        assignments = ", ".join(f"{name} = ?" for name in row)
        condition, parameters = "id = ?", [*row.values(), run_id]
        if states is not None:
            condition += f" AND state IN ({', '.join('?' for _ in states)})"
            parameters += [str(state) for state in states]
        if of_attempt is not None:
            condition += " AND attempt = ?"
            parameters.append(of_attempt)
        update = f"UPDATE runs SET {assignments} WHERE {condition}"  # noqa: S608
        return write(
            self.workspace.database,
            lambda database: database.execute(update, parameters).rowcount == 1,
            use_reserve=use_reserve,
        )

    def claim_next(self, *, one_a_device: bool = True) -> Run | None:
        """Turn the oldest queued run into a starting one; None when there is none, or none whose device is free.

        One transaction: two servers on one workspace never claim the same run or the same device.
        """

        def claim(database: sqlite3.Connection) -> Run | None:
            run = _next_to_start([self._run(row) for row in database.execute(ACTIVE)], one_a_device)
            if run is None:
                return None
            database.execute(
                "UPDATE runs SET state = 'starting', attempt = attempt + 1, pid = NULL, identity = NULL, "
                "request = '', cause = '', next_step = '', suggestion = '{}', ended = NULL, started = ? WHERE id = ?",
                (datetime.now(UTC).isoformat(), run.id),
            )
            run.attempt, run.state = run.attempt + 1, State.STARTING
            return run

        return write(self.workspace.database, claim, use_reserve=False)

    def remove(self, run_id: str) -> None:
        """Forget a run."""
        delete = "DELETE FROM runs WHERE id = ?"
        write(self.workspace.database, lambda database: database.execute(delete, (run_id,)), use_reserve=True)

    def _read(self, query: str) -> list[sqlite3.Row]:
        """Return what a query finds, from a database made anew where it turns out to be damaged."""
        try:
            return read_rows(self.workspace.database, query)
        except sqlite3.DatabaseError as error:
            if not is_damaged(error) or on_node():
                raise
        self._rebuild()
        return read_rows(self.workspace.database, query)

    def _rebuild(self) -> None:
        rebuild(self.workspace, _make_table, frozenset(COLUMNS))

    def _run(self, row: sqlite3.Row) -> Run:
        values = {name: row[name] for name in row.keys() if row[name] is not None}  # noqa: SIM118
        for name in _JSON_COLUMNS:
            values[name] = _json(values.get(name), [] if name == "tags" else {})
        if values["state"] not in list(State):
            values["cause"] = f"The list of runs says “{values['state']}” of it, which this version does not know."
            values["state"] = State.INTERRUPTED
        run = Run.model_validate(values)
        run._folder = self.workspace.runs / run.id
        return run


def find_run(runs: list[Run], run_id: str) -> Run:
    """Return the run of this id or (only) this name. Raises InputError when there is none."""
    for run in runs:
        if run.id == run_id:
            return run
    named = [run for run in runs if run.name == run_id]
    if len(named) == 1:
        return named[0]
    raise InputError(f"There is no run “{run_id}” in this workspace; `python -m core runs` lists them.")


def _make_table(database: sqlite3.Connection) -> None:
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    database.execute(f"CREATE TABLE IF NOT EXISTS runs ({columns})")
    known = {row["name"] for row in database.execute("SELECT name FROM pragma_table_info('runs')")}
    for name in [name for name in COLUMNS if name not in known]:  # a workspace of an earlier version
        database.execute(f"ALTER TABLE runs ADD COLUMN {name} {COLUMNS[name]}")


def _next_to_start(runs: list[Run], one_a_device: bool) -> Run | None:
    """Return the oldest queued run whose devices are free and which no older one waits for; `runs` oldest first."""
    here = [run for run in runs if not run.submitted]
    busy = {part for run in here if run.state is not State.QUEUED for part in run.device.split(",")}
    for run in here:
        devices = set(run.device.split(","))
        if run.state is State.QUEUED and not (one_a_device and devices & busy):
            return run
        busy |= devices  # an older run waits for this device: a younger one doesn't overtake it
    return None


def _json(text: Any, empty: Any) -> Any:
    """Return what a column holds, empty where it is damaged or of another kind."""
    try:
        value = json.loads(text) if text else empty
    except (TypeError, ValueError):
        return empty
    return value if isinstance(value, type(empty)) else empty


def _row(values: dict[str, Any]) -> dict[str, Any]:
    row = {}
    for name, value in values.items():
        if name not in COLUMNS:
            raise KeyError(name)
        if name in _JSON_COLUMNS:
            value = json.dumps(value)
        elif isinstance(value, datetime):
            value = value.isoformat()
        elif isinstance(value, StrEnum):
            value = str(value)
        row[name] = value
    return row
