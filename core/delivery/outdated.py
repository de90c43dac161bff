"""Is a file that was made of a run still true of it?"""

from __future__ import annotations

from pathlib import Path

from core.data.dataset import SPLITS
from core.evaluation.figures.operating_point import operating_point_path
from core.evaluation.predict.predictions import predictions_path
from core.training.store import Run

OUTDATED = "The model, its line or the pictures it was judged on changed since: make it again."


def is_outdated(run: Run, made: Path) -> bool:
    """Say whether the model, its line (operating point) or what it saw in a part of the split is newer than a file."""
    behind_it = [operating_point_path(run.folder), *(predictions_path(run.folder, split) for split in SPLITS)]
    if run.best_weights is None:
        return True
    return any(path.stat().st_mtime > made.stat().st_mtime for path in (run.best_weights, *behind_it) if path.is_file())
