"""Evaluations as all pages keep them: worked out once, until predictions, weights, correction or line change."""

from __future__ import annotations

import streamlit as st

from core.data.attributes import ATTRIBUTES_FILE
from core.evaluation.decisions.drawn_line import has_line
from core.evaluation.evaluation import Evaluation, evaluate_run
from core.evaluation.figures.operating_point import FALLBACK_CONFIDENCE, StoredPoint, load_operating_point
from core.evaluation.predict.predictions import are_fresh, predictions_path, present_dataset
from core.training.records.progress import RunProgress, read_progress
from core.training.store import Run
from core.workspace import Workspace

Stamp = tuple[int, ...]


def stamp_of(run: Run, split: str) -> Stamp:
    """Return what changes when a run's evaluation does: times of predictions, weights, correction, attributes."""
    attributes = run.folder.parents[1] / "datasets" / run.dataset / ATTRIBUTES_FILE
    paths = (predictions_path(run.folder, split), run.best_weights, run.folder / "calibration.json", attributes)
    return tuple(path.stat().st_mtime_ns if path is not None and path.is_file() else 0 for path in paths)


@st.cache_data(max_entries=50, show_spinner=False)
def _fresh(folder: str, split: str, stamp: Stamp, _run: Run) -> bool:  # noqa: ARG001
    return are_fresh(_run.folder, split, present_dataset(_run.folder))


def is_ready(run: Run, split: str) -> bool:
    """Say whether stored predictions fit the weights and the dataset; asked once a change of either."""
    return _fresh(str(run.folder), split, stamp_of(run, split), run)


@st.cache_resource(max_entries=20, show_spinner=False)
def _progress(path: str, changed: int, _run: Run) -> RunProgress:  # noqa: ARG001
    return read_progress(_run)


def progress_of(run: Run) -> RunProgress:
    """Return a run's progress, read again only when its events have changed: they are thousands of lines."""
    changed = run.events_path.stat().st_mtime_ns if run.events_path.is_file() else 0
    return _progress(str(run.events_path), changed, run)


@st.cache_resource(max_entries=12, show_spinner="Working out the figures and how sure they are …")
def _evaluation(root: str, run_id: str, split: str, stamp: Stamp, _workspace: Workspace) -> Evaluation:  # noqa: ARG001
    return evaluate_run(_workspace, run_id, split)


@st.cache_resource(max_entries=24, show_spinner=False)
def _at(
    root: str,  # noqa: ARG001
    run_id: str,  # noqa: ARG001
    split: str,  # noqa: ARG001
    stamp: Stamp,  # noqa: ARG001
    confidence: float | None,
    stored: str,  # noqa: ARG001
    positive: str,
    _made: Evaluation,
    _point: StoredPoint | None,
) -> Evaluation:
    return _made.at(confidence, _point, positive=positive)


def evaluation_of(
    workspace: Workspace, run: Run, split: str, confidence: float | None = None, positive: str = ""
) -> Evaluation:
    """Return the evaluation of a run on a split at a position of the line: by default the stored one.

    A classifier of two classes names `positive` from there on; without a line each picture gets its likeliest class.
    Raises GraftError as `evaluate_run` does.
    """
    key = str(workspace.root), run.id, split, stamp_of(run, split)
    made = _evaluation(*key, workspace)
    if not has_line(made):
        return made
    point = load_operating_point(run.folder)
    if point is not None and not point.suits(made.weights_sha256):
        point = None
    if made.classifier is not None:
        if point is not None and not point.positive:
            point = None
        confidence = point.confidence if point and confidence is None else confidence
    elif confidence is None:  # what is stored with these weights, else what the evaluation chose
        confidence = point.confidence if point else made.operating_point.confidence or FALLBACK_CONFIDENCE
    return _at(*key, confidence, point.model_dump_json() if point else "", positive, made, point)
