"""An import in a child process, so that the pages stay quick and a rerun, a reload or a closed tab doesn't end it.

A job is a folder in the workspace's staging: `job.json` (what to import), `progress.json` (rewritten by the child),
`result.json` (written once: the dataset's id, or the reason it was refused). Uploads lie in its `upload/` folder and
are removed with it. Run as `python -m core.data.import_job FOLDER` by `start_import`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import GraftError, InputError
from core.processes import end_process_tree, is_alive, process_identity
from core.workspace import Workspace, read_json, write_json_atomic

JOB_PATTERN = re.compile(r"^import_\d+_\d+_[0-9a-f]{8}$")
SAMPLE = "sample"
"""The source that stands for the sample set that ships with Graft."""
PUBLIC = "public:"
"""What the name of a public set to download follows, as a source."""
_REPORT_EVERY = 0.3
"""Seconds between two rewritings of progress.json."""


@dataclass(frozen=True)
class ImportState:
    """How far an import is."""

    running: bool
    stage: str = "starting"
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    dataset_id: str | None = None
    error: str | None = None

    @property
    def fraction(self) -> float:
        """Share of the present stage that is done, 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0


def new_job(workspace: Workspace) -> Path:
    """Make the folder of a new import; put uploads into its `upload/`. It is swept after this process has gone."""
    folder = workspace.lasting_staging("import")
    (folder / "upload").mkdir()
    return folder


def job_folder(workspace: Workspace, job_id: str) -> Path | None:
    """Return the folder of a job id as it stands in an address, None when there is no such job."""
    if not JOB_PATTERN.match(job_id):
        return None
    folder = workspace.staging_root / job_id
    return folder if (folder / "job.json").exists() else None


def running_imports(workspace: Workspace) -> list[str]:
    """Return the ids of the imports under way, so that a closed tab finds its import again."""
    folders = [path for path in workspace.staging_root.glob("import_*") if job_folder(workspace, path.name)]
    return [folder.name for folder in folders if read_import(folder).running]


def start_import(
    workspace: Workspace,
    folder: Path,
    source: Sequence[Path] | str,
    *,
    settings: dict[str, Any] | None = None,
    name: str = "",
) -> str:
    """Start the child that imports `source` (files and folders, SAMPLE, or PUBLIC and a name); return the job's id."""
    named = source if isinstance(source, str) else [str(path) for path in source]
    job = {"workspace": str(workspace.root), "source": named, "settings": settings or {}, "name": name}
    write_json_atomic(folder / "job.json", job)
    with (folder / "import.log").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "core.data.import_job", str(folder)],
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    write_json_atomic(folder / "process.json", {"pid": child.pid, "identity": process_identity(child.pid)})
    return folder.name


def read_import(folder: Path) -> ImportState:
    """Look how far a job is; a child that has gone without a result is an error with the end of its log."""
    progress = read_json(folder / "progress.json")
    process = read_json(folder / "process.json")
    alive = is_alive(process.get("pid"), process.get("identity"))  # before the result: it is written before the end
    result = read_json(folder / "result.json")
    if result:
        return ImportState(False, "done", dataset_id=result.get("dataset"), error=result.get("error"))
    if not alive:
        log = folder / "import.log"
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
        reason = f" ({lines[-1]})" if lines else ""
        return ImportState(False, error=f"The import ended before it was done{reason}. Nothing was kept; try again.")
    return ImportState(
        True,
        progress.get("stage", "starting"),
        progress.get("done", 0),
        progress.get("total", 0),
        progress.get("seconds_left"),
    )


def end_import(folder: Path) -> None:
    """End a job's child if it still runs and remove the job with its upload; a finished dataset stays."""
    process = read_json(folder / "process.json")
    if process.get("identity"):
        end_process_tree(process["pid"], process["identity"], grace=3)
    shutil.rmtree(folder, ignore_errors=True)


def main(folder: Path) -> int:
    """Do the import a job folder describes; write its progress and its result there."""
    from core.data.importing import ImportSettings, Progress, import_dataset, import_sample

    job = read_json(folder / "job.json")
    workspace = Workspace.open(job["workspace"])
    last = 0.0

    def report(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last >= _REPORT_EVERY or progress.done == progress.total:
            last = time.monotonic()
            fields = ("stage", "done", "total", "seconds_left")
            write_json_atomic(
                folder / "progress.json", {field: getattr(progress, field) for field in fields}, durable=False
            )

    try:
        if job["source"] == SAMPLE:
            dataset = import_sample(workspace, progress=report)
        elif isinstance(job["source"], str):
            from core.models.public_sets import import_public_set

            dataset = import_public_set(workspace, job["source"].removeprefix(PUBLIC), progress=report)
        else:
            settings = ImportSettings.model_validate(job["settings"])
            sources = [Path(path) for path in job["source"]]
            dataset = import_dataset(workspace, sources, settings=settings, name=job["name"] or None, progress=report)
    except InputError as error:
        write_json_atomic(folder / "result.json", {"error": str(error)})
        return 2
    except GraftError as error:
        write_json_atomic(folder / "result.json", {"error": str(error)})
        return 1
    write_json_atomic(folder / "result.json", {"dataset": dataset.id})
    shutil.rmtree(folder / "upload", ignore_errors=True)  # nobody may come back for the result; the space is free now
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
