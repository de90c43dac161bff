"""A checkpoint is a pickle: what is not weights is refused, and nothing of it runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import GraftError, InputError
from core.models import weights
from core.models.catalog import find_model
from core.models.weights import download, import_file
from core.processes.isolation import isolated_environment
from core.training.starting_points import locate
from core.workspace import Workspace


def write_hostile_checkpoint(path: Path, marker: Path) -> None:
    code = (
        "import sys, os, torch\n"
        "class Hostile:\n"
        "    def __reduce__(self): return (os.system, (f'touch {sys.argv[2]}',))\n"
        "torch.save({'model': Hostile(), 'epoch': -1}, sys.argv[1])\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path), str(marker)], check=True)


@pytest.mark.slow
def test_a_hostile_checkpoint_is_refused_and_nothing_runs(workspace: Workspace, tmp_path: Path) -> None:
    hostile, marker = tmp_path / "model.pt", tmp_path / "it-ran"
    write_hostile_checkpoint(hostile, marker)
    with pytest.raises(InputError, match="could run commands"):
        import_file(workspace, hostile)
    assert not marker.exists()
    assert list(workspace.weights.iterdir()) == []


def test_a_file_that_is_no_checkpoint_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    text = tmp_path / "notes.pt"
    text.write_text("hello")
    with pytest.raises(InputError, match=r"not a PyTorch checkpoint"):
        import_file(workspace, text)


@pytest.mark.slow
def test_a_real_checkpoint_is_taken_in_and_found(workspace: Workspace, shared: Path) -> None:
    taken = import_file(workspace, shared / "weights" / "yolo11n.pt")
    assert taken.path == workspace.weights / "yolo11n.pt"
    assert not taken.official, "rebuilt from an int8 export: not the official digest"
    found = locate(workspace, "yolo11n", "detect")
    assert found is not None
    assert found.sha256 == taken.sha256
    assert locate(workspace, "yolo11n", "segment") is None


def test_a_download_that_fails_says_what_to_do(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "OFFICIAL_RELEASE", "http://127.0.0.1:9/")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    model = find_model("yolo26n")
    assert model is not None
    with pytest.raises(GraftError, match="USB stick"):
        download(workspace, model, attempts=1)


def test_children_are_isolated() -> None:
    environment = isolated_environment()
    assert environment["ULTRALYTICS_SAFE_LOAD"] == "1"
    assert environment["YOLO_OFFLINE"] == "1"
    assert environment["ULTRALYTICS_API_KEY"] == ""


def test_children_take_their_memory_in_large_pages_unless_the_user_said_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    assert isolated_environment()["GLIBC_TUNABLES"] == "glibc.malloc.hugetlb=1"
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=0")
    assert isolated_environment()["GLIBC_TUNABLES"] == "glibc.malloc.hugetlb=0"
