"""What every test can ask for: a workspace of its own, the shared real data where it is, tiny pictures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real datasets and checkpoints; tests that use it skip where it is absent."""
    folder = Path(os.environ.get("GRAFT_SHARED") or ROOT.parent / "shared")
    if not (folder / "data").is_dir():
        pytest.skip("the shared real data is not on this machine (GRAFT_SHARED)")
    return folder


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """An empty workspace that GRAFT_WORKSPACE names."""
    monkeypatch.setenv("GRAFT_WORKSPACE", str(tmp_path / "workspace"))
    return Workspace.current()
