"""One small trained run for all tests of delivery: trained once a session, copied for each test."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.data.importing.from_upload import import_dataset
from core.spec import TrainingSpec
from core.strategies.scratch import SCRATCH
from core.training.runs import get_run, start_run, wait_run
from core.training.store import Run, State
from core.workspace import Workspace
from tests.tiny import write_yolo_folder

PATIENT = "mueller_1947-03-05"
"""Stands in the names of the pictures, as patients' names do."""


@dataclass(frozen=True)
class Trained:
    """A workspace with one finished run."""

    workspace: Workspace
    run_id: str

    @property
    def run(self) -> Run:
        return get_run(self.workspace, self.run_id)


def train_tiny(folder: Path) -> Trained:
    """Import squares and discs whose file names name a patient, and train one epoch on them from scratch."""
    source = write_yolo_folder(folder / "given")
    for kind in ("images", "labels"):
        for path in sorted((source / kind).rglob("*.*")):
            path.rename(path.with_name(f"{PATIENT}_{path.name}"))
    workspace = Workspace.open(folder / "workspace")
    dataset = import_dataset(workspace, source, name="Squares & <discs>")
    spec = TrainingSpec(
        dataset=dataset.id, task="detect", model="yolo26n", strategy=SCRATCH, epochs=1, imgsz=64, batch=4,
        device="cpu", name="A <b>small</b> run",
    )  # fmt: skip
    run = wait_run(workspace, start_run(workspace, spec).id, timeout=240)
    assert run.state is State.FINISHED, run.cause
    return Trained(workspace, run.id)


def copied(trained: Trained, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Trained:
    """Return a copy of the workspace that one test may change."""
    root = folder / "copied"
    shutil.copytree(trained.workspace.root, root)
    monkeypatch.setenv("GRAFT_WORKSPACE", str(root))
    return Trained(Workspace.open(root), trained.run_id)
