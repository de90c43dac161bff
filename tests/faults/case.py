"""A fault that can be tried in a moment: what is done to the workspace, what is asked of it then, and what is said."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.cli import main
from tests.faults.place import Place

FULL = 1
"""Bytes left on a disk that is as good as full; less can't be asked of a file system."""


def nothing(_place: Place) -> None:
    """Leave the workspace as it is."""


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    what: str
    """the fault, in words"""
    asked: tuple[str, ...]
    """the verb of the command line with its words, see Place.words"""
    said: tuple[str, ...]
    """what stands in the answer, on whichever stream"""
    code: int = 0
    do: Callable[[Place], None] = nothing
    """what is done to the workspace beforehand"""
    room: int = FULL
    """bytes left, where a disk is filled up"""
    again: bool = True
    """whether it works once there is room again"""


@dataclass
class Outcome:
    """What came of a case."""

    code: int
    text: str
    lost: list[str]
    """what was listed or readable before and is not any more"""
    left: list[str]
    """half-written files that stayed"""
    afterwards: int | None = None
    """the exit code of the same verb once there is room again"""


def ask(words: list[str]) -> tuple[int, str]:
    """Run a verb as the command line does; return its exit code and all it said."""
    out, told = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(told):
        code = main(words)
    return code, out.getvalue() + told.getvalue()


def listed(place: Place) -> dict[str, str]:
    """Return what a user finds in the workspace by reading it, as texts that can be compared."""
    found = {}
    for verb in (["datasets", "--json"], ["runs", "--json"], ["lab", "--json"], ["models", "--json"]):
        code, text = ask(verb)
        found[verb[0]] = text if code == 0 else f"ended with {code}"
    for path in sorted((place.folder / "workspace").rglob("*")):
        if (
            path.is_file()
            and path.suffix in (".json", ".parquet", ".txt", ".png", ".pt")
            and ".staging" not in str(path)
        ):
            found[str(path)] = str(path.stat().st_size)
    return found


KEPT = (".reserve", ".rebuilding.lock")
"""Small files of Graft's own that stay."""


def half_written(place: Place) -> list[str]:
    """Return files that a write which came to nothing has left behind."""
    return [
        str(path.relative_to(place.folder))
        for path in place.folder.rglob("*")
        if path.is_file()
        and (path.name.endswith(".part") or (path.name.startswith(".") and path.name not in KEPT))
    ]  # fmt: skip


def fill_up(filler: Path, room: int) -> None:
    """Write until `room` bytes or less are left on the disk of `filler`."""
    with filler.open("wb") as file:
        for size in (1 << 20, 4096):
            while shutil.disk_usage(filler.parent).free > room:
                try:
                    os.write(file.fileno(), b"x" * min(size, max(1, shutil.disk_usage(filler.parent).free - room)))
                except OSError:
                    break


def try_case(case: Case, place: Place, filler: Path | None = None, *, do: bool = True) -> Outcome:
    """Do to the place what the case says, ask, and look what has become of it; with `filler` on a full disk.

    Without `do` the fault is there already.
    """
    os.environ["GRAFT_WORKSPACE"] = str(place.folder / "workspace")
    if do:
        case.do(place)
    before = listed(place) if filler else {}
    if filler:
        fill_up(filler, case.room)
    code, text = ask(place.words(*case.asked))
    afterwards = None
    left = half_written(place) if filler else []
    if filler:
        filler.unlink()
        if case.again:
            now = listed(place)
            lost = [name for name, value in before.items() if now.get(name) != value]
            afterwards = ask(place.words(*case.asked))[0]
            return Outcome(code, text, lost, left, afterwards)
    return Outcome(code, text, [], left, afterwards)


def as_json(outcomes: dict[str, Outcome]) -> str:
    """Return outcomes as a child hands them over."""
    return json.dumps({name: asdict(item) for name, item in outcomes.items()})


def from_json(text: str) -> dict[str, Outcome]:
    """Return outcomes as a child handed them over: the last line it printed."""
    found: dict[str, dict[str, Any]] = json.loads(text.strip().splitlines()[-1])
    return {name: Outcome(**item) for name, item in found.items()}
