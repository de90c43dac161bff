"""What of a workspace takes how much room, and what can be cleaned up at which loss."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core.delivery.predict.job import jobs_root, list_jobs
from core.errors import InputError
from core.training.runs import list_runs
from core.training.store import State
from core.workspace import Workspace, folder_bytes


@dataclass(frozen=True)
class Room:
    """A part of the workspace and the bytes it takes."""

    title: str
    bytes: int
    where: str
    """the page on which single ones are deleted, "" where there is none"""


@dataclass(frozen=True)
class CleanUp:
    """Something that can be removed: its key, what it is, what is lost by it, and the bytes it takes now."""

    key: str
    title: str
    loss: str
    bytes: int


def rooms(workspace: Workspace) -> list[Room]:
    """Return what takes how much, the largest first; a weights folder elsewhere counts as well."""
    known = {
        "Datasets": (workspace.datasets, "Dataset"),
        "Runs with their models": (workspace.runs, "Runs"),
        "Pre-trained weights": (workspace.weights, ""),
        "Models kept in the library": (workspace.root / "library", "Library"),
        "Many pictures and videos looked at": (jobs_root(workspace), "Try it"),
        "Experiments of the Lab": (workspace.root / "lab", "Lab"),
        "Downloads and half-made things": (workspace.staging_root, ""),
    }
    found = [Room(title, folder_bytes(folder), where) for title, (folder, where) in known.items()]
    return sorted(found, key=lambda room: -room.bytes)


def clean_ups(workspace: Workspace) -> list[CleanUp]:
    """Return what can be cleaned up, with what is lost; those that would free nothing are left out."""
    offered = []
    for key, (title, loss, find) in _CLEAN_UPS.items():
        size = sum(folder_bytes(path) if path.is_dir() else path.stat().st_size for path in find(workspace))
        if size:
            offered.append(CleanUp(key, title, loss, size))
    return offered


def clean_up(workspace: Workspace, key: str) -> int:
    """Remove what a clean-up names; return the bytes freed. Raises InputError for one there is none of."""
    if key not in _CLEAN_UPS:
        raise InputError(f"There is no clean-up “{key}”; there are {', '.join(_CLEAN_UPS)}.")
    freed = 0
    for path in list(_CLEAN_UPS[key][2](workspace)):
        if path.is_dir():
            freed += folder_bytes(path)
            shutil.rmtree(path, ignore_errors=True)
        else:
            freed += path.stat().st_size
            path.unlink(missing_ok=True)
    return freed


def _resume_points(workspace: Workspace) -> Iterator[Path]:
    for run in list_runs(workspace):  # one that was paused or interrupted still needs its own
        if run.state in (State.FINISHED, State.STOPPED, State.CANCELLED, State.FAILED) and run.resume_point.is_file():
            yield run.resume_point


def _exports(workspace: Workspace) -> Iterator[Path]:
    for run in list_runs(workspace):
        yield from (path for path in run.folder.glob("exports/*") if path.is_dir())


def _jobs(workspace: Workspace) -> Iterator[Path]:
    yield from (job.folder for job in list_jobs(workspace) if job.state != "running")


def _training_pictures(workspace: Workspace) -> Iterator[Path]:
    for run in list_runs(workspace):
        if not run.active:
            yield from (path for path in (run.folder / "pictures",) if path.is_dir())


_CLEAN_UPS: dict[str, tuple[str, str, Callable[[Workspace], Iterator[Path]]]] = {
    "resume": (
        "Resume points of trainings that have ended",
        "These runs can no longer be trained longer from where they ended; their best models stay.",
        _resume_points,
    ),
    "exports": ("Exports", "They can be made again from the run, which takes a minute or two each.", _exports),
    "predictions": (
        "Many pictures and videos looked at",
        "Their tables and annotated videos are gone; the pictures would have to be looked at again.",
        _jobs,
    ),
    "pictures": (
        "Pictures of how a training went on",
        "“What does it see?” on the pages of these runs is empty; figures and models stay.",
        _training_pictures,
    ),
}
