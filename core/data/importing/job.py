"""An import as a job: a child process, so that the pages stay quick and a rerun, a reload or a closed tab keeps it.

The job's folder (see core.jobs) lies in the workspace's staging; uploads are in its `upload/` folder and are removed
with it. Its result is the dataset's id.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.jobs import JobState, Report, read_job, remove_job, run_job, start_job
from core.workspace import Workspace, read_json

JOB_PATTERN = re.compile(r"^import_\d+_\d+_[0-9a-f]{8}$")
SAMPLE = "sample"
"""The source that stands for the sample set that ships with Graft."""
LEFT_AFTER = 24 * 3600
"""Seconds after which a look that was not followed by an import counts as left behind."""
PUBLIC = "public:"
"""What the name of a public set to download follows, as a source."""


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
    """Start the child that imports `source` (files and folders, SAMPLE, or PUBLIC and a name); return the job's id.

    In the folder of a look at the same files what that has unpacked is used.
    """
    return _start(workspace, folder, source, settings, name=name)


def start_look(workspace: Workspace, folder: Path, source: Sequence[Path], *, settings: dict[str, Any]) -> str:
    """Start the child that says what files and folders would be imported as; return the job's id.

    Its result is `understood` (the record of an Understanding) and `examples` (class, or picture where there
    is none, -> a picture in `examples/`).
    """
    return _start(workspace, folder, source, settings, look=True)


def look_of(folder: Path) -> dict[str, Any] | None:
    """Return what a look is asked for (`source`, `settings`), None when the job of this folder is an import."""
    job = read_json(folder / "job.json")
    return job if job.get("look") else None


def sweep_looks(workspace: Workspace) -> None:
    """Remove looks that nobody came back to for a day: they hold uploads and what was unpacked of them."""
    for folder in workspace.staging_root.glob("import_*"):
        old = look_of(folder) is not None and time.time() - folder.stat().st_mtime > LEFT_AFTER
        if old and not read_import(folder).running:
            remove_job(folder)


def _start(
    workspace: Workspace,
    folder: Path,
    source: Sequence[Path] | str,
    settings: dict[str, Any] | None,
    *,
    name: str = "",
    look: bool = False,
) -> str:
    named = source if isinstance(source, str) else [str(path) for path in source]
    job = {
        "workspace": str(workspace.root),
        "source": named,
        "settings": settings or {},
        "name": name,
        "look": look,
        "folder": str(folder),
    }
    # not in a session of its own: the next server sweeps the uploads, so the import ends with the terminal of this one
    start_job(folder, "core.data.importing.job", job, own_session=False)
    return folder.name


def read_import(folder: Path) -> JobState:
    """Look how far an import is; its result has the `dataset`'s id."""
    return read_job(folder, "The import")


def import_job(job: dict[str, Any], report: Report) -> dict[str, Any]:
    """Child: do the import, return the id of the dataset; or look, return what was understood."""
    from core.data.importing.from_upload import import_dataset, import_sample
    from core.data.importing.public_sets import import_public_set
    from core.data.importing.settings import ImportSettings
    from core.data.importing.understanding import draw_examples, understand

    workspace = Workspace.open(job["workspace"])
    if job["source"] == SAMPLE:
        dataset = import_sample(workspace, progress=report)
    elif isinstance(job["source"], str):
        dataset = import_public_set(workspace, job["source"].removeprefix(PUBLIC), progress=report)
    else:
        settings = ImportSettings.model_validate(job["settings"])
        sources = [Path(path) for path in job["source"]]
        folder = Path(job["folder"])
        if job["look"]:
            understood = understand(workspace, sources, settings=settings, progress=report, unpacked=folder)
            drawn = draw_examples(understood, folder / "examples", settings.window)
            return {"understood": understood.record(), "examples": drawn}
        dataset = import_dataset(
            workspace, sources, settings=settings, name=job["name"] or None, progress=report, unpacked=folder
        )
    return {"dataset": dataset.id}


def main(folder: Path) -> int:
    """Child: do the import, and free the space of the uploads: nobody may come back for the result."""
    code = run_job(folder, import_job)
    if code == 0 and look_of(folder) is None:
        for used in (folder / "upload", *folder.glob("unpacked*")):
            shutil.rmtree(used, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
