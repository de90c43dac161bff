"""Keep a run's best model in the library."""

from __future__ import annotations

import shutil

from core.data.dataset import load_dataset
from core.errors import InputError
from core.evaluation.figures.operating_point import load_line_of
from core.evaluation.predict.novelty import FEATURES_FILE, features_path, load_features
from core.models.library import LibraryModel, keep_file
from core.training.store import RunStore
from core.workspace import Workspace


def keep_run(
    workspace: Workspace, run_id: str, *, name: str = "", tags: tuple[str, ...] = (), note: str = ""
) -> LibraryModel:
    """Copy a run's best model into the library. Raises InputError when the run has none (yet)."""
    run = RunStore(workspace).get(run_id)
    if run.best_weights is None:
        raise InputError(f"The run {run.id} has no trained model to keep (it is {run.state}).")
    if run.active:
        raise InputError(f"The run {run.id} is still {run.state}; keep its model when it has ended, or stop it first.")
    spec = run.spec
    try:
        window = load_dataset(workspace, run.dataset).window_setting
    except InputError:
        window = "auto"  # the dataset was deleted meanwhile
    started = f"{spec.model}, from scratch" if not spec.strategy.reuses else spec.model
    if spec.transfer:
        own = ":" in spec.model  # run:<id> and library:<id>: the origin says it in words
        started = spec.transfer["origin"] if own else f"{spec.model}, {spec.transfer['origin']}"
    point = load_line_of(run.folder, run.best_weights)
    kept = keep_file(
        workspace,
        run.best_weights,
        name or run.name,
        tags,
        note,
        origin=f"the best model of the run “{run.name}” on {run.dataset_name}",
        run=run.id,
        dataset_name=run.dataset_name,
        started_from=started,
        imgsz=spec.imgsz,
        figures={key: value for key, value in (run.metrics or {}).items() if value is not None},
        confidence=point.confidence if point else None,
        positive=point.positive if point else "",
        window=window,
        max_det=spec.max_det,
    )
    if load_features(features_path(run.folder), kept.sha256) is not None:
        shutil.copyfile(features_path(run.folder), kept.folder / FEATURES_FILE)
    return kept
