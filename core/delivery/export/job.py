"""Child process: export one model, then run the exported file and the checkpoint on the same pictures and compare.

    python -m core.delivery.export.job JOB_FOLDER

Ultralytics may neither install nor download anything here, and no library may report home: OpenVINO's converter would
send usage events unless told otherwise, so its telemetry package is kept out and every connection is refused.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
import traceback
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from core.data.dataset import Dataset
from core.delivery.export.exporting import export_folder
from core.delivery.export.formats import find_format
from core.delivery.export.record import ExportedFile, ExportJob, ExportRecord
from core.delivery.export.verification import TOLERANCE, compare, pictures_for_check
from core.errors import InputError
from core.evaluation.predict.predictions import best_weights, run_dataset
from core.files.digests import file_sha256
from core.jobs import Progress, Report, run_job
from core.spec import read_spec
from core.tasks import TASKS
from core.ultralytics.clean_checkpoint import forget_paths
from core.ultralytics.networks import has_nms_free_head
from core.ultralytics.offline import enter_isolation
from core.words import score
from core.workspace import write_json_atomic

PACKAGES = ("ultralytics", "torch", "onnx", "onnxslim", "onnxruntime", "openvino", "ncnn", "pnnx", "coremltools", "MNN")


class NetworkRefused(RuntimeError):
    """A library tried to reach the network during an export."""


def refuse_network() -> None:
    """From now on, let no Python code in this process open a connection; can't be undone."""
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # the converter has a silent stand-in for it

    def guard(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect" and isinstance(arguments[1], tuple):
            raise NetworkRefused(f"an export never uses the network, but something asked for {arguments[1][0]}")

    sys.addaudithook(guard)


def export_job(asked: dict[str, Any], report: Report) -> dict[str, Any]:
    """Export as the job says; write files and `export.json` into the run's folder and return the record."""
    job = ExportJob.model_validate(asked)
    run_folder, chosen = Path(job.run), find_format(job.format)
    target = export_folder(run_folder, chosen.name)
    making = run_folder / "exports" / f".{chosen.name}-making"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    weights = best_weights(run_folder)
    record = ExportRecord(
        format=chosen.name,
        title=chosen.title,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        half=job.half,
        weights_sha256=file_sha256(weights),
        machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} processor threads",
        versions=_versions(),
    )
    began = time.monotonic()
    try:
        report(Progress(f"Exporting to {chosen.title}", 0, 0))
        dataset = run_dataset(run_folder)
        exported = _export(run_folder, dataset, weights, job, making, record)
        record.seconds = round(time.monotonic() - began, 1)
        record.files = _files(exported, making)
        if chosen.unverifiable:
            record.outcome, record.reason = "unverified", chosen.unverifiable
        else:
            _verify(dataset, making / f"{run_folder.name}.pt", exported, record, report)
    except InputError as error:
        record.reason = str(error)
    except Exception as error:  # whatever a converter raises becomes the reason the user reads; the log has it all
        traceback.print_exc()
        record.reason = _reason(error)
    for left in making.iterdir():
        if not any(item.name.split("/")[0] == left.name for item in record.files):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    write_json_atomic(making / "export.json", record.stored())
    shutil.rmtree(target, ignore_errors=True)
    making.rename(target)
    return record.stored()


def _export(
    run_folder: Path, dataset: Dataset, weights: Path, job: ExportJob, making: Path, record: ExportRecord
) -> Path:
    spec = read_spec(run_folder)
    chosen = find_format(job.format)
    copy = making / f"{run_folder.name}.pt"
    shutil.copyfile(weights, copy)
    refuse_network()
    enter_isolation()
    from ultralytics import YOLO

    os.chdir(making)  # converters leave files of their own where they stand
    model: Any = YOLO(copy.name)
    forget_paths(model.model, dataset.name)  # converters write the path of the data into the file
    free = has_nms_free_head(model.model)
    if job.asked == "nms-free" and not free:
        raise InputError("This model has no NMS-free head (YOLO26 has one); export it as evaluated.")
    nms_free = job.head == "nms-free" and free
    options: dict[str, Any] = {"format": chosen.name, "imgsz": spec.imgsz, "device": "cpu", "max_det": spec.max_det}
    if job.half:
        options["quantize"] = 16
    if nms_free:
        options["nms"] = False
    if chosen.facts.nvidia:
        options["device"] = 0
    if chosen.name == "onnx" and not TASKS[model.task].names_pictures:
        options["dynamic"] = True  # pictures keep their shape, as when the run was evaluated
    record.imgsz, record.max_det, record.dynamic = spec.imgsz, spec.max_det, bool(options.get("dynamic"))
    record.head, record.has_nms_free = "nms-free" if nms_free else "as-evaluated", free
    exported = Path(model.export(**options))
    if not exported.exists():
        raise InputError("The converter ended without leaving a file.")
    return exported.resolve()


def _verify(dataset: Dataset, checkpoint: Path, exported: Path, record: ExportRecord, report: Report) -> None:
    pictures = pictures_for_check(dataset)
    check = compare(
        checkpoint,
        exported,
        pictures,
        imgsz=record.imgsz,
        max_det=record.max_det,
        rect=record.dynamic,
        nms_free=record.head == "nms-free",
        half=record.half,
        report=report,
    )
    record.check = check
    apart = abs(check.difference)
    if apart <= TOLERANCE:
        record.outcome = "verified"
    else:
        record.outcome = "differs"
        record.reason = (
            f"Its {check.metric} is {score(apart)} away from the checkpoint's, more than {TOLERANCE}: don't use it "
            "without a closer look."
        )
    if check.head_cost is not None and check.head_cost > TOLERANCE:
        record.reason += (
            f" The NMS-free head itself scores {score(check.head_cost)} less than the answers Graft evaluated; "
            "train longer, or export as evaluated."
        )
    if record.format == "openvino" and not record.half:
        record.reason += _openvino_precision()
    record.reason = record.reason.strip()


def _openvino_precision() -> str:
    """Say why boxes move where OpenVINO computes with fewer digits than the file holds, which it does unasked."""
    import openvino

    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return ""
    return (
        " On processors like this one OpenVINO computes with 16-bit numbers (bfloat16) of its own accord, so boxes "
        "move a little, and of two doubles the other one may stay."
    )


def _files(exported: Path, making: Path) -> list[ExportedFile]:
    paths = sorted(path for path in exported.rglob("*") if path.is_file()) if exported.is_dir() else [exported]
    paths = [path for path in paths if "__pycache__" not in path.parts]
    return [
        ExportedFile(
            name=path.relative_to(making.resolve()).as_posix(), bytes=path.stat().st_size, sha256=file_sha256(path)
        )
        for path in paths
    ]


def _reason(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"The package “{error.name}” is not installed here, and nothing is installed unasked."
    if isinstance(error, MemoryError):
        return "There was not enough memory. Close other programs, or export on a larger machine."
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return f"The converter gave up: {first[:300]}"


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # not installed, so it had no part in it
    return found


if __name__ == "__main__":
    sys.exit(run_job(Path(sys.argv[1]), export_job))
