"""Where datasets, runs and weights live: one folder that can be copied to another machine and opened there."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from core.errors import GONE_AWAY, InputError, of_the_system
from core.files.answering import silent_for

SETTINGS_FILE = "settings.json"
"""What holds for the whole workspace (core/settings.py)."""
ID_PATTERN = re.compile(r"^[a-z0-9][a-z0-9-]{0,79}$")


def slug(name: str, fallback: str = "item") -> str:
    """Return `name` as lower-case ASCII letters, digits and hyphens, at most 40 characters, for use in an id."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    cleaned = re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-")[:40].strip("-")
    return cleaned or fallback


def new_id(name: str) -> str:
    """Return a fresh id that starts with the readable part of `name` and ends with six random hex digits."""
    return f"{slug(name)}-{secrets.token_hex(3)}"


def write_text_atomic(path: Path, text: str, *, durable: bool = True) -> None:
    """Write `text` to `path` so that a reader or a crash sees the old file or the new one, never half of it.

    `durable=False` doesn't wait for the disk: after a power cut the file may be missing. It is for what can be made
    again; waiting would also wait for everything else just written (a whole import's pictures).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_json_atomic(path: Path, value: Any, *, durable: bool = True) -> None:
    """Write `value` as indented JSON to `path` atomically; `durable` as in `write_text_atomic`."""
    write_text_atomic(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n", durable=durable)


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a small file, empty when it is missing, half written or something else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def read_only_words(root: Path) -> str:
    """Say what can be done with a workspace that can be read only, and what to do to work in it."""
    return (
        f"The workspace ({root}) can be read only: it can be looked at, nothing in it can be made or changed. To work "
        "in it, copy it to a folder you own and set GRAFT_WORKSPACE to that."
    )


def workspace_folder() -> Path:
    """Return the folder that GRAFT_WORKSPACE names, default `./workspace`, whether it is there or not."""
    return named_folder().resolve()


def named_folder() -> Path:
    """Return the folder that GRAFT_WORKSPACE names as it is written: asks no drive, so it can be said of any."""
    return Path(os.environ.get("GRAFT_WORKSPACE") or "workspace").expanduser()


@dataclass(frozen=True)
class Workspace:
    """One folder with `datasets/<id>/`, `runs/<id>/`, `weights/` and `graft.db`.

    Open it with `Workspace.current()` (the folder named by GRAFT_WORKSPACE, default `./workspace`) or
    `Workspace.open(path)`; both create the folders that are missing. One that is there and can be read only is opened
    to be looked at. Raises InputError when there is none and the folder can't be written to.
    """

    root: Path

    @classmethod
    def current(cls) -> Workspace:
        """Open the workspace named by the environment variable GRAFT_WORKSPACE, default `./workspace`."""
        return cls.open(workspace_folder())

    @classmethod
    def open(cls, root: Path | str) -> Workspace:
        """Open (and where needed create) the workspace at `root`."""
        workspace = cls(Path(root).expanduser().resolve())
        try:
            own_weights = workspace.root / "weights"
            for folder in (workspace.datasets, workspace.runs, own_weights, workspace.staging_root):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if error.errno in GONE_AWAY:
                raise InputError(str(of_the_system(error))) from error
            if workspace.read_only and (workspace.runs.is_dir() or workspace.datasets.is_dir()):
                return workspace
            raise InputError(
                f"The workspace folder {workspace.root} can't be written to ({error.strerror}). "
                "Set GRAFT_WORKSPACE to a folder you own."
            ) from error
        return workspace

    @property
    def read_only(self) -> bool:
        """Whether it is there to be looked at alone: a read-only disk, or a folder of somebody else's."""
        return self.root.is_dir() and not os.access(self.root, os.W_OK)

    def check_writable(self) -> None:
        """Raise InputError in a workspace that can be read only."""
        if self.read_only:
            raise InputError(read_only_words(self.root))

    @property
    def datasets(self) -> Path:
        """The folder with one folder per imported dataset."""
        return self.root / "datasets"

    @property
    def runs(self) -> Path:
        """The folder with one folder per training run."""
        return self.root / "runs"

    @property
    def weights(self) -> Path:
        """The folder with pre-trained checkpoints, one file each: the one of the settings where it is there."""
        chosen = read_json(self.root / SETTINGS_FILE).get("weights_folder")
        if isinstance(chosen, str) and chosen:
            folder = Path(chosen).expanduser()
            if not silent_for(folder) and folder.is_dir():
                return folder
        return self.root / "weights"

    @property
    def database(self) -> Path:
        """The SQLite file that holds the states of the runs and the queue."""
        return self.root / "graft.db"

    @property
    def staging_root(self) -> Path:
        """The folder for uploads and half-made things; nothing in it is listed anywhere."""
        return self.root / ".staging"

    def dataset(self, dataset_id: str) -> Path:
        """Return the folder of a dataset id (existing or not); raises InputError for a malformed id."""
        return self.datasets / _checked(dataset_id, "dataset")

    def run(self, run_id: str) -> Path:
        """Return the folder of a run id (existing or not); raises InputError for a malformed id."""
        return self.runs / _checked(run_id, "run")

    def free_bytes(self) -> int:
        """Return the free disk space, in bytes, where the workspace lives."""
        return shutil.disk_usage(self.root).free

    @contextmanager
    def staging(self, purpose: str, *, scratch: bool = False) -> Iterator[Path]:
        """Give a private folder on the workspace's own disk that is removed at the end, whatever happens.

        Move finished things out of it with `os.replace`/`Path.rename`. The folder's name carries the process id
        and its start time, so that `sweep_staging` can reclaim it after a crash. `scratch`: nothing moves from it into
        the workspace, so a workspace that can be read only gives one elsewhere; else it raises InputError.
        """
        folder = self.lasting_staging(purpose, scratch=scratch)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def lasting_staging(self, purpose: str, *, scratch: bool = False) -> Path:
        """Make a folder in staging that stays; `sweep_staging` reclaims it once this process has gone."""
        if not scratch:
            self.check_writable()
        elif self.read_only:
            return Path(tempfile.mkdtemp(prefix=f"graft-{slug(purpose)}-"))
        folder = self.staging_root / f"{slug(purpose)}_{os.getpid()}_{_started(os.getpid())}_{secrets.token_hex(4)}"
        folder.mkdir(parents=True)
        return folder

    def sweep_staging(self) -> int:
        """Remove what crashed processes left in staging; return the number of bytes freed."""
        freed = 0
        for folder in [] if self.read_only else self.staging_root.iterdir():
            parts = folder.name.split("_")
            if len(parts) == 4 and parts[1].isdigit() and _started(int(parts[1])) == int(parts[2]):
                continue
            freed += folder_bytes(folder)
            shutil.rmtree(folder, ignore_errors=True)
        return freed


def folder_bytes(folder: Path) -> int:
    """Return the sum of the sizes, in bytes, of the files below `folder` (0 when it is gone); links count once."""
    total = 0
    linked: set[int] = set()
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                found = os.lstat(os.path.join(path, name))
            except FileNotFoundError:
                continue  # removed while we look: it no longer takes space
            if found.st_nlink > 1:
                if found.st_ino in linked:
                    continue
                linked.add(found.st_ino)
            total += found.st_size
    return total


def _started(pid: int) -> int:
    """Return a process's start time in centiseconds, 0 when there is no such living process."""
    try:
        process = psutil.Process(pid)
        return 0 if process.status() == psutil.STATUS_ZOMBIE else int(process.create_time() * 100)
    except psutil.NoSuchProcess:
        return 0


def _checked(identifier: str, kind: str) -> str:
    if not ID_PATTERN.match(identifier):
        raise InputError(f"“{identifier}” is not the id of a {kind}; `python -m core {kind}s` lists what there is.")
    return identifier
