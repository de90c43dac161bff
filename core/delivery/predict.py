"""Find things in new pictures with a run's best model or a .pt file; the model itself runs in a child process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from core.errors import GraftError, InputError
from core.models.isolation import isolated_environment
from core.models.weights import check_checkpoint
from core.training.runs import get_run
from core.workspace import Workspace

PICTURE_ENDINGS = frozenset([".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".dcm", ".dicom"])
FALLBACK_CONFIDENCE = 0.25
"""Used for a .pt file and for a run whose operating point was not chosen yet; Ultralytics' own default."""


def predict_pictures(
    workspace: Workspace, model: str, sources: list[Path], *, confidence: float | None = None
) -> dict[str, Any]:
    """Predict on pictures and folders; return one entry a picture, unreadable ones included with the reason.

    `model` is the id of a run or the path of a .pt file (checked by safe loading first). `confidence` (0 to 1)
    defaults to the run's stored operating point. Boxes are x1, y1, x2, y2 in pixels of the picture.
    Raises InputError for an unknown run, a refused checkpoint, or sources without a picture.
    """
    weights, size, stored = _model_files(workspace, model)
    threshold = confidence if confidence is not None else stored or FALLBACK_CONFIDENCE
    if not 0 <= threshold <= 1:
        raise InputError(f"--conf: {threshold} is not between 0 and 1.")
    request = {
        "weights": str(weights),
        "imgsz": size,
        "confidence": threshold,
        "pictures": [str(path.resolve()) for path in find_pictures(sources)],
    }
    child = subprocess.run(
        [sys.executable, "-m", "core.delivery.predictor"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        env=isolated_environment(),
        cwd=Path(__file__).resolve().parents[2],
    )
    if child.returncode != 0:
        raise GraftError(f"Predicting ended early: {(child.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    answer: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    return {"model": model, "weights": str(weights), "confidence": threshold, **answer, "words": _words(answer)}


def find_pictures(sources: list[Path]) -> list[Path]:
    """Return the pictures named by files and folders, folders searched to the bottom, in sorted order.

    Raises InputError for a path that is not there, and when there is no picture at all.
    """
    pictures: list[Path] = []
    for source in sources:
        if source.is_dir():
            found = sorted(path for path in source.rglob("*") if path.suffix.lower() in PICTURE_ENDINGS)
            pictures += [path for path in found if path.is_file() and not path.name.startswith("._")]
        elif source.is_file():
            pictures.append(source)
        else:
            raise InputError(f"There is no file or folder {source}.")
    if not pictures:
        raise InputError(f"No picture found in {', '.join(str(source) for source in sources)}.")
    return pictures


def _model_files(workspace: Workspace, model: str) -> tuple[Path, int | None, float | None]:
    """Return the checkpoint, the size pictures are scaled to, and the stored confidence of the operating point."""
    if model.endswith(".pt"):
        path = Path(model).expanduser()
        check_checkpoint(path)
        return path.resolve(), None, None
    run = get_run(workspace, model)
    if run.best_weights is None:
        raise InputError(f"The run {run.id} has no trained model yet (it is {run.state}).")
    stored = run.folder / "operating_point.json"
    point = json.loads(stored.read_text(encoding="utf-8")) if stored.exists() else {}
    return run.best_weights, run.spec.imgsz, point.get("confidence")


def _words(answer: dict[str, Any]) -> str:
    lines = []
    for picture in answer["pictures"]:
        if picture["error"]:
            lines.append(f"{picture['file']}: {picture['error']}")
        elif "probabilities" in picture:
            best = max(picture["probabilities"], key=picture["probabilities"].get)
            lines.append(f"{picture['file']}: {best} ({picture['probabilities'][best]:.0%})")
        else:
            found = ", ".join(f"{item['class']} {item['confidence']:.0%}" for item in picture["objects"])
            lines.append(f"{picture['file']}: {found or 'nothing found'}")
    return "\n".join(lines)
