"""Everything an engineer needs to run a model elsewhere, in one zip: weights, settings, scripts, model card, digests.

`predict.py` needs only ultralytics, `predict_onnx.py` only onnxruntime, numpy and Pillow; both read `model.json` and
answer as Graft does. What they read pictures with, `pictures/`, is a copy of Graft's own modules, so it can't differ.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any, TypedDict

import jinja2

from core.data.images.windows import Window
from core.delivery.export.exporting import ExportOptions, export_folder, export_run, read_export
from core.delivery.export.formats import find_format
from core.delivery.export.record import ExportRecord
from core.delivery.report import words
from core.errors import InputError
from core.evaluation.evaluation import evaluate_run
from core.evaluation.predict.predictions import NMS_IOU, run_dataset
from core.files.digests import file_sha256
from core.jobs import Progress, Report, run_job
from core.processes.children import run_child
from core.tasks import TASKS
from core.training.records.progress import read_progress
from core.training.runs import get_run
from core.training.store import Run
from core.words import score
from core.workspace import Workspace

FILES = Path(__file__).resolve().parent / "files"
CORE = Path(__file__).resolve().parents[2]
READER = "core.data.images.decoding"
"""What reads a picture; with what it imports, numpy and Pillow, and for some formats a package more."""
OWN_IMPORT = re.compile(r"^(\s*from) (core(?:\.\w+)*)\.(\w+)(?= import)", re.MULTILINE)
STRIDE = 32
"""Largest stride of the detectors of the catalogue: sides of a prepared picture are multiples of it."""
COPYING_SECONDS = 300
"""Loading, writing and loading again takes seconds; a large model on a slow disk needs more."""


NO_BUNDLE = (
    "There is no bundle for models that give every pixel its class: its scripts name objects and pictures only. Take "
    "the ONNX export, or the notebook, along."
)


class WindowNumbers(TypedDict):
    """How pictures of more than 8 bits are brought to 8: the fields of core.data.images.windows.Window."""

    kind: str
    """auto: by each picture's own levels; levels; preset: levels in Hounsfield units"""
    low: float
    high: float
    name: str


class ModelSettings(TypedDict):
    """What the bundle's scripts go by: the content of `model.json`."""

    run: str
    name: str
    task: str
    names: list[str]
    imgsz: int
    stride: int
    dynamic: bool
    confidence: float
    positive: str | None
    """of a classifier of two classes with a line, the one it names from `confidence` on"""
    nms_iou: float
    max_det: int
    """findings kept of a picture, at most"""
    keypoint_shape: list[int] | None
    preprocessing: str
    window: WindowNumbers
    weights_sha256: str
    dataset_sha256: str


class BundleMade(TypedDict):
    """A bundle that was written."""

    run: str
    bundle: str
    bytes: int
    files: dict[str, str]
    """{name: SHA-256}"""
    without: str
    """why it holds no ONNX file, "" when it does"""


def make_bundle(workspace: Workspace, run_id: str, out: Path, *, progress: Report | None = None) -> BundleMade:
    """Write the bundle of a run to `out` (a .zip); return what is in it.

    The ONNX file is exported and checked first where that was not done yet; where it can't be, the bundle says why and
    goes without. Raises InputError for an unknown run, a run without a model, or a place that can't be written to.
    """
    say = progress or (lambda _step: None)
    run = get_run(workspace, run_id)
    if run.best_weights is None:
        raise InputError(f"The run {run.id} has no trained model yet (it is {run.state}).")
    if not TASKS[run.spec.task].fits_bundle:
        raise InputError(NO_BUNDLE)
    onnx, reason = _onnx(workspace, run, progress)
    say(Progress("Packing", 0, 0))
    with workspace.staging("bundle", scratch=True) as folder:
        _clean_copy(run, folder / "model.pt")
        if onnx is not None:
            name = onnx.files[0].name
            shutil.copyfile(export_folder(run.folder, "onnx") / name, folder / "model.onnx")
        settings = _settings(workspace, run, onnx)
        (folder / "model.json").write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        shutil.copyfile(FILES / "predict.py", folder / "predict.py")
        if onnx is not None:
            shutil.copyfile(FILES / "predict_onnx.py", folder / "predict_onnx.py")
        write_reader(folder / "pictures")
        (folder / "README.md").write_text(_card(workspace, run, settings, onnx, reason, folder), encoding="utf-8")
        digests = _digests(folder)
        sums = "".join(f"{digest}  {name}\n" for name, digest in digests.items())
        (folder / "SHA256SUMS").write_text(sums, encoding="utf-8")
        packed = folder / "bundle.zip"
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in (*digests, "SHA256SUMS"):
                archive.write(folder / name, f"{run.id}/{name}")
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(packed, out)
        except OSError as error:
            raise InputError(f"{out} can't be written ({error.strerror}); choose another place.") from error
    return {"run": run.id, "bundle": str(out), "bytes": out.stat().st_size, "files": digests, "without": reason}


def _onnx(workspace: Workspace, run: Run, progress: Report | None) -> tuple[ExportRecord | None, str]:
    """Return the record of a verified ONNX export and why there is none."""
    record = read_export(run, "onnx")
    wanted = ("verified", "as-evaluated", False, False)
    if record is not None and (record.outcome, record.head, record.half, record.outdated) == wanted:
        return record, ""
    obstacle = find_format("onnx").obstacle
    if obstacle:
        return None, obstacle
    record = export_run(workspace, run.id, "onnx", ExportOptions(head="as-evaluated"), progress=progress)
    if record.outcome != "verified":
        return None, f"The export was not good enough to be passed on. {record.reason}"
    return record, ""


def write_reader(folder: Path) -> None:
    """Write the package that reads pictures as Graft does: copies of its own modules, side by side."""
    folder.mkdir()
    shutil.copyfile(FILES / "pictures.py", folder / "__init__.py")
    waiting, copied = [READER], set()
    while waiting:
        module = waiting.pop()
        if module in copied:
            continue
        copied.add(module)
        source = CORE.parent.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
        waiting += [f"{found[2]}.{found[3]}" for found in OWN_IMPORT.finditer(source)]
        alone = OWN_IMPORT.sub(r"\1 .\3", source)
        (folder / f"{module.rpartition('.')[2]}.py").write_text(alone, encoding="utf-8")


def _digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file by its name below a folder, in alphabetical order."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in files}


def _clean_copy(run: Run, target: Path) -> None:
    run_child(
        "core.ultralytics.clean_checkpoint",
        {"source": str(run.best_weights), "target": str(target), "dataset": run.dataset_name or run.dataset},
        timeout=COPYING_SECONDS,
        failure=f"The weights of {run.id} could not be copied",
    )


def _settings(workspace: Workspace, run: Run, onnx: ExportRecord | None) -> ModelSettings:
    dataset = run_dataset(run.folder)
    evaluation = evaluate_run(workspace, run.id)
    window = Window.parse(dataset.window_setting)
    assert run.best_weights is not None
    return {
        "run": run.id,
        "name": run.name,
        "task": dataset.task,
        "names": dataset.classes,
        "imgsz": -(-run.spec.imgsz // STRIDE) * STRIDE if not TASKS[dataset.task].names_pictures else run.spec.imgsz,
        "stride": STRIDE,
        "dynamic": onnx is not None and onnx.dynamic,
        "confidence": evaluation.operating_point.threshold,
        "positive": evaluation.operating_point.positive,
        "nms_iou": NMS_IOU,
        "max_det": run.spec.max_det,
        "keypoint_shape": list(dataset.keypoint_shape) if dataset.keypoint_shape else None,
        "preprocessing": "middle square of the picture scaled to imgsz by its shorter side, RGB, divided by 255"
        if TASKS[dataset.task].names_pictures
        else "longer side scaled to imgsz, padded with grey 114 to whole strides, RGB, divided by 255",
        "window": {"kind": window.kind, "low": window.low, "high": window.high, "name": window.name},
        "weights_sha256": file_sha256(run.best_weights),
        "dataset_sha256": dataset.checksum,
    }


def _card(
    workspace: Workspace, run: Run, settings: ModelSettings, onnx: ExportRecord | None, reason: str, folder: Path
) -> str:
    dataset, evaluation = run_dataset(run.folder), evaluate_run(workspace, run.id)
    about = {
        "model.pt": "weights for Ultralytics",
        "model.onnx": "weights for ONNX Runtime",
        "model.json": "names, picture size, operating point",
        "pictures/__init__.py": "reads pictures as Graft does, with the modules beside it",
        "predict.py": "needs ultralytics",
        "predict_onnx.py": "needs onnxruntime, numpy, pillow",
    }
    check = onnx.check if onnx is not None else None
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FILES),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  # Markdown, not HTML
        keep_trailing_newline=True,
    )
    origin = run.spec.transfer["origin"] if run.spec.transfer else ""
    return environment.get_template("README.md.j2").render(
        title=run.name,
        sentences=evaluation.sentences,
        interval_note=words.interval_note(evaluation, dataset),
        settings=settings,
        started_from="random numbers" if not run.spec.strategy.reuses else ", ".join(filter(None, (run.model, origin))),
        trained=f"{run.created:%Y-%m-%d}",
        trained_on=words.trained_on(run, dataset, read_progress(run)),
        has_onnx=onnx is not None,
        no_onnx=reason,
        onnx_words=f"Checked against the checkpoint on {check.pictures} pictures: {check.metric} "
        f"{score(check.exported)} and {score(check.checkpoint)}."
        if check
        else "",
        how_to_use=words.how_to_use(run, evaluation),
        window=dataset.window,
        intended_use=words.intended_use(evaluation, dataset),
        not_for=words.not_for(evaluation, dataset),
        limits=words.limits(evaluation, dataset),
        files=[(name, digest, about.get(name, "")) for name, digest in _digests(folder).items()],
    )


def bundle_path(run: Run) -> Path:
    """Return where the pages keep a run's bundle."""
    return run.folder / "exports" / f"{run.id}-bundle.zip"


def bundle_job(job: dict[str, Any], report: Report) -> dict[str, Any]:
    """Child: make the bundle of a run in its own folder."""
    workspace = Workspace.open(job["workspace"])
    return dict(make_bundle(workspace, job["run"], bundle_path(get_run(workspace, job["run"])), progress=report))


if __name__ == "__main__":
    sys.exit(run_job(Path(sys.argv[1]), bundle_job))
