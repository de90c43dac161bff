"""A look at files before they are imported: a job whose unpacked files the import then uses."""

from __future__ import annotations

import shutil
import time
import zipfile
from pathlib import Path

import pytest

from core.data.dataset import load_dataset
from core.data.importing.job import import_job, look_of, new_job, start_import, start_look
from core.errors import InputError
from core.jobs import wait_job
from core.workspace import Workspace
from tests.tiny import write_yolo_folder


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """A zip of a small YOLO set."""
    return Path(shutil.make_archive(str(tmp_path / "tiny"), "zip", write_yolo_folder(tmp_path / "set")))


def test_a_look_says_what_it_is_and_the_import_unpacks_no_second_time(workspace: Workspace, packed: Path) -> None:
    folder = new_job(workspace)
    start_look(workspace, folder, [packed], settings={"split": "50/50"})
    result = wait_job(folder)
    assert (look_of(folder) or {})["settings"] == {"split": "50/50"}
    said = result["understood"]
    assert (said["layout"], said["task"], sum(said["images"].values())) == ("yolo", "detect", 12)
    assert sorted(result["examples"]) == sorted(said["classes"])
    assert all((folder / "examples" / name).stat().st_size > 500 for name in result["examples"].values())
    shutil.rmtree(folder / "examples")
    with zipfile.ZipFile(packed, "w"):
        pass  # the zip is empty now: only what was unpacked can be imported
    start_import(workspace, folder, [packed], settings={"split": "50/50"}, name="N")
    dataset = load_dataset(workspace, wait_job(folder)["dataset"])
    assert dataset.images == said["images"]
    deadline = time.monotonic() + 10
    while list(folder.glob("unpacked*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not list(folder.glob("unpacked*"))
    assert look_of(folder) is None


def test_a_look_at_something_else_says_why_it_cannot_be_read(workspace: Workspace, tmp_path: Path) -> None:
    folder = new_job(workspace)
    (tmp_path / "notes.txt").write_text("hello")
    job = {"workspace": str(workspace.root), "source": [str(tmp_path / "notes.txt")], "settings": {}, "name": ""}
    with pytest.raises(InputError, match=r"notes\.txt"):
        import_job(job | {"look": True, "folder": str(folder)}, lambda progress: None)
