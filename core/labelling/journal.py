"""Every change of every label, in the order it was made: one line of JSON each, on the disk before the next one.

    {"n": 17, "at": "2026-03-01T10:00:00+00:00", "by": "Ada", "picture": SHA-256, "before": {...}, "after": {...}}
    {"n": 18, "at": "...", "by": "Ada", "version": 2, "note": "..."}

A picture is named by its digest: that stays when it is moved to another part or gets another name. Nothing is ever
taken out, so any earlier state can be had again. A line that a crash cut short is passed over.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from core.data.dataset import Dataset
from core.files.file_lock import FileLock
from core.labelling.label import Label
from core.labelling.lock import labelling_lock
from core.labelling.settings import FOLDER


@dataclass(frozen=True)
class Change:
    """One change of one picture's label."""

    number: int
    at: str
    by: str
    picture: str
    before: Label
    after: Label


@dataclass(frozen=True)
class VersionMark:
    """A version was made of all changes before this line."""

    number: int
    at: str
    by: str
    version: int
    note: str


@dataclass
class Journal:
    """The journal of one dataset. Safe to be used from several threads, and from several processes at once."""

    path: Path
    lock: FileLock
    """held by who changes labels or the pictures that there are, also from another process"""
    changes: list[Change] = field(default_factory=list)
    marks: list[VersionMark] = field(default_factory=list)
    last: dict[str, Change] = field(default_factory=dict)
    """the latest change of each picture"""
    _read_to: int = 0
    _number: int = 0

    @property
    def taken_over(self) -> int:
        """The number of the line of the latest version; changes up to it are in the dataset."""
        return self.marks[-1].number if self.marks else 0

    def refresh(self) -> Journal:
        """Read what was written since the last look, also by another process."""
        with self.lock.threads:
            try:
                with self.path.open("rb") as file:
                    if file.seek(0, os.SEEK_END) < self._read_to:  # another file: an older copy was put back
                        self.changes, self.marks, self.last = [], [], {}
                        self._read_to = self._number = 0
                    file.seek(self._read_to)
                    fresh = file.read()
            except FileNotFoundError:
                return self
            whole, newline, _ = fresh.rpartition(b"\n")
            for line in whole.split(b"\n"):
                self._take(line)
            self._read_to += len(whole) + len(newline)
        return self

    def change(self, picture: str, before: Label, after: Label, by: str = "") -> Change:
        """Write a change and return it once it is on the disk."""
        with self.lock:
            self._write({"by": by, "picture": picture, "before": before.as_json(), "after": after.as_json()})
            return self.last[picture]

    def mark(self, version: int, by: str = "", note: str = "") -> VersionMark:
        """Write that a version was made."""
        with self.lock:
            self._write({"by": by, "version": version, "note": note})
            return self.marks[-1]

    def of_picture(self, picture: str) -> list[Change]:
        """Return the changes of a picture, the earliest first."""
        return [change for change in self.changes if change.picture == picture]

    def _write(self, entry: dict[str, Any]) -> None:
        self.refresh()
        head = {"n": self._number + 1, "at": datetime.now(UTC).isoformat(timespec="seconds")}
        line = json.dumps(head | entry, ensure_ascii=False).encode() + b"\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            if file.tell() > self._read_to:  # the rest of a line that a crash cut short
                line = b"\n" + line
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self.refresh()

    def _take(self, line: bytes) -> None:
        try:
            entry = json.loads(line)
            number, at, by = int(entry["n"]), str(entry["at"]), str(entry["by"])
            if "version" in entry:
                self.marks.append(VersionMark(number, at, by, int(entry["version"]), str(entry.get("note", ""))))
            else:
                before, after = (Label.model_validate(entry[side]) for side in ("before", "after"))
                change = Change(number, at, by, str(entry["picture"]), before, after)
                self.changes.append(change)
                self.last[change.picture] = change
        except (ValueError, KeyError, TypeError, ValidationError):
            return  # cut short by a crash, or written by a newer version
        self._number = max(self._number, number)


@lru_cache(maxsize=32)
def _opened(path: Path, lock: FileLock) -> Journal:
    return Journal(path, lock)


def open_journal(dataset: Dataset) -> Journal:
    """Return the journal of a dataset as it is now; one object per file in a process."""
    return _opened(dataset.root / FOLDER / "journal.jsonl", labelling_lock(dataset)).refresh()
