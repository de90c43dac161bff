"""One run as one zip: made here, brought in on another machine, with its model, curves, log and settings."""

from __future__ import annotations

import json
import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from core.data.reading.archives import extract
from core.errors import InputError
from core.files.whole_files import replaced_whole
from core.spec import TrainingSpec
from core.training.store import Run, RunStore, State
from core.workspace import Workspace, new_id

RECORD = "run.json"
"""The store's row of the run, inside the archive."""
LEFT_OUT = frozenset({"resume.previous.pt", ".reserve", "request"})


def archive_run(workspace: Workspace, run_id: str, out: Path) -> Path:
    """Write a resting run with everything in its folder to the zip `out`, which appears whole or not at all.

    The dataset is not in it. Raises InputError while the run is active or when `out` can't be written.
    """
    run = RunStore(workspace).get(run_id)
    if run.active:
        raise InputError(f"The run {run.id} is {run.state}; archive it when it is at rest.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with replaced_whole(out) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as file:
            file.writestr(RECORD, run.model_dump_json(exclude={"pid", "identity", "position"}, indent=2))
            for path in sorted(run.folder.rglob("*")):
                if ".jobs" in path.parts:
                    continue  # how work in the background went here: paths and processes of this machine
                if path.is_file() and not path.is_symlink() and path.name not in LEFT_OUT:
                    packed = zipfile.ZIP_STORED if path.suffix in (".pt", ".jpg", ".png") else zipfile.ZIP_DEFLATED
                    file.write(path, path.relative_to(run.folder).as_posix(), packed)
    except OSError as error:
        raise InputError(f"{out} can't be written ({error.strerror}); name another place.") from error
    return out


def import_run_archive(workspace: Workspace, path: Path) -> Run:
    """Bring a run in from a zip made by `archive_run`; it gets a new id when its own is taken here.

    Raises InputError for a zip that is no run or is unsafe to unpack; then nothing is left behind. Going on with the
    training needs the same dataset in this workspace; looking, comparing and predicting don't.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    with workspace.staging("run-archive") as staging:
        folder = staging / "run"
        extract(path, folder, workspace.free_bytes())
        record = folder / RECORD
        try:
            run = Run.model_validate(json.loads(record.read_text(encoding="utf-8")))
            TrainingSpec.model_validate_json((folder / "spec.json").read_text(encoding="utf-8"))
        except (OSError, ValueError, ValidationError) as error:
            raise InputError(f"{path.name} is not the archive of a run: run.json or spec.json does not fit.") from error
        if run.active:
            run.state, run.ended = State.INTERRUPTED, datetime.now(UTC)
        taken = {other.id for other in RunStore(workspace).all()}
        if run.id in taken or workspace.run(run.id).exists():
            run.id = new_id(run.dataset_name)
        record.unlink()
        run.pid, run.identity, run.request = None, None, ""
        run._folder = workspace.run(run.id)
        os.replace(folder, run.folder)
    store = RunStore(workspace)
    store.add(run)
    return store.get(run.id)
