"""Export a run's best model to another format and check the exported file against it, in a child process.

What comes out lies in `runs/<id>/exports/<format>/`: the files and `export.json` (outcome, files with their digests,
what was compared and how). The outcome is one of OUTCOMES; nothing is exported without a look at the result.
"""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.delivery.export.formats import PREFERS_NMS_FREE, ExportFormat, export_formats, find_format
from core.delivery.export.record import OUTCOMES, ExportJob, ExportRecord
from core.errors import GraftError, InputError
from core.files.digests import file_sha256
from core.jobs import JobState, Report, read_job, remove_job, run_job_folder, start_job, wait_job
from core.tasks import Task
from core.training.runs import get_run
from core.training.store import Run
from core.words import milliseconds, percent, score
from core.workspace import Workspace


class ExportOptions(BaseModel):
    """How a model is exported; the defaults suit most."""

    model_config = ConfigDict(extra="forbid")

    head: Literal["auto", "as-evaluated", "nms-free"] = Field(
        default="auto",
        title="Last step",
        description="nms-free: the model itself names each object once (YOLO26's NMS-free head), so that nothing has "
        "to be sorted out afterwards; as-evaluated: the answers Graft evaluated, from which doubles are removed "
        "afterwards (NMS). auto takes nms-free for phones and small devices, where the model and the format can.",
    )
    half: bool = Field(
        default=False,
        title="16-bit numbers",
        description="Half the size and often quicker on graphics cards and phones, a little less exact (FP16).",
    )


def start_export(workspace: Workspace, run_id: str, name: str, options: ExportOptions | None = None) -> Path:
    """Start an export that goes on by itself; return the job's folder for `read_job`.

    Raises InputError for an unknown run or format, a run without a model, a format that can't be made on this
    machine (with the reason), or while another export of this run is under way.
    """
    options = options or ExportOptions()
    chosen, run = find_format(name), get_run(workspace, run_id)
    if run.best_weights is None:
        raise InputError(f"The run {run.id} has no trained model yet (it is {run.state}).")
    if chosen.obstacle:
        how = f" Install it with: {chosen.install}" if chosen.install else ""
        raise InputError(f"{chosen.title} can't be made here. {chosen.obstacle}{how}")
    if options.half and not chosen.half:
        raise InputError(f"{chosen.title} can't be made with 16-bit numbers.")
    if options.head == "nms-free" and not chosen.nms_free(_task(run)):
        raise InputError(f"{chosen.title} can't carry the NMS-free head; export it as evaluated.")
    busy = [other for other in export_formats() if export_state(run, other.name).running]
    if busy:
        raise InputError(f"{busy[0].title} is being exported from this run; wait until it is done, or cancel it.")
    head = options.head
    if head == "auto":
        head = "nms-free" if chosen.name in PREFERS_NMS_FREE and chosen.nms_free(_task(run)) else "as-evaluated"
    job = ExportJob(run=str(run.folder), format=chosen.name, head=head, half=options.half, asked=options.head)
    folder = run_job_folder(run.folder, f"export-{chosen.name}")
    return start_job(folder, "core.delivery.export.job", job.model_dump(mode="json"))


def export_run(
    workspace: Workspace,
    run_id: str,
    name: str,
    options: ExportOptions | None = None,
    *,
    progress: Report | None = None,
) -> ExportRecord:
    """Export and check a run's best model; return the content of its `export.json`.

    Raises InputError as `start_export`, and GraftError when the child ended without a result. A failed export is
    no exception: its outcome is "failed" and its reason says why.
    """
    folder = start_export(workspace, run_id, name, options)
    wait_job(folder, progress)
    record = read_export(get_run(workspace, run_id), find_format(name).name)
    if record is None:
        raise GraftError("The export ended without a result; try again.")
    return record


def export_state(run: Run, name: str) -> JobState:
    """Return how far the export to a format is."""
    return read_job(run_job_folder(run.folder, f"export-{name}"))


def cancel_export(run: Run, name: str) -> None:
    """End an export under way; an earlier result stays."""
    remove_job(run_job_folder(run.folder, f"export-{name}"))
    shutil.rmtree(run.folder / "exports" / f".{name}-making", ignore_errors=True)


def export_folder(run_folder: Path, name: str) -> Path:
    """Return where the export to a format lies."""
    return run_folder / "exports" / name


def read_export(run: Run, name: str) -> ExportRecord | None:
    """Return what is recorded of an export, None when there was none."""
    path = export_folder(run.folder, name) / "export.json"
    try:
        record = ExportRecord.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    weights = run.best_weights
    record.outdated = weights is None or record.weights_sha256 != file_sha256(weights)
    return record


def list_exports(run: Run) -> list[ExportRecord]:
    """Return the records of all exports of a run, in the order of the formats."""
    records = (read_export(run, item.name) for item in export_formats())
    return [record for record in records if record is not None]


def remove_export(run: Run, name: str) -> None:
    """Delete an export with its files."""
    cancel_export(run, name)
    shutil.rmtree(export_folder(run.folder, find_format(name).name), ignore_errors=True)


def pack_export(run: Run, name: str) -> Path:
    """Return one file to download: the exported file itself, or a zip of a folder and its `export.json`.

    Raises InputError when there is no such export.
    """
    record = read_export(run, name)
    if record is None or not record.files:
        raise InputError(f"There is no {name} export of {run.id}; make one first.")
    folder = export_folder(run.folder, name)
    target = folder / f"{run.id}-{name}.zip"
    if not target.is_file():
        part = target.with_suffix(".part")
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for item in record.files:
                archive.write(folder / item.name, item.name)
            archive.write(folder / "export.json", "export.json")
        part.replace(target)
    return target


def describe(item: ExportFormat) -> dict[str, Any]:
    """Return a format as plain JSON values: what it is, needs, where it runs, and whether it can be made here."""
    return {
        "format": item.name,
        "title": item.title,
        "runs_on": list(item.facts.places),
        "words": item.facts.words,
        "needs": list(item.facts.packages),
        "obstacle": item.obstacle,
        "unverifiable": item.unverifiable,
    }


def verdict_words(record: ExportRecord) -> str:
    """Say in one or two sentences how an export went."""
    check = record.check
    if check is None or record.outcome not in ("verified", "differs"):
        return f"{record.title}: {OUTCOMES[record.outcome]}. {record.reason}".strip()
    speed = check.milliseconds
    apart = "no box to compare"
    if check.box_difference is not None:
        apart = f"boxes {check.typical_box_difference:.2g} px apart (median), at most {check.box_difference:.2g} px"
    if check.pixels_apart is not None:
        apart = f"{percent(check.pixels_apart)} of the pixels get another class"
    if check.metric == "top-1":
        apart = f"probabilities at most {check.confidence_difference:.2g} apart"
    return (
        f"{record.title}: {OUTCOMES[record.outcome]}. On {check.pictures} {check.part} pictures "
        f"{check.metric} {score(check.exported)} against the checkpoint's {score(check.checkpoint)}; {apart}; "
        f"{milliseconds(speed.exported)} a picture against {milliseconds(speed.checkpoint)} on this machine. "
        f"{record.reason}"
    ).strip()


def _task(run: Run) -> Task:
    return run.spec.task


__all__ = ["OUTCOMES", "ExportOptions", "export_run", "list_exports", "start_export"]
