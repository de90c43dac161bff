"""The run folders are the truth: a lost or damaged list of runs is made anew, and that is said."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from core.spec import TrainingSpec
from core.training.records.rebuilding import forget_note, is_sound, keep_backup, rebuilt_words
from core.training.runs import list_runs
from core.training.store import RunStore, State
from core.workspace import Workspace
from tests.training.test_advice import finished


def folder_of(workspace: Workspace, name: str, *events: dict[str, object]) -> Path:
    """The folder of a run, as a worker leaves it."""
    folder = workspace.run(name)
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text(TrainingSpec(dataset="d", task="detect", name=name.title()).model_dump_json())
    (folder / "events.jsonl").write_text("".join(json.dumps({"time": 1.0, **event}) + "\n" for event in events))
    return folder


@pytest.fixture
def used(workspace: Workspace) -> Workspace:
    """A workspace with a run in the list, and three that are known by their folders alone."""
    finished(workspace, [0.1, 0.5])
    started = {"kind": "started", "pid": 1, "identity": "1 never", "attempt": 1, "device": "cpu"}
    epoch = {"kind": "epoch", "epoch": 1, "epochs": 2, "metrics": {"mAP50": 0.4}, "best": True}
    folder_of(workspace, "whole", started, epoch, {"kind": "finished", "metrics": {"mAP50": 0.4}, "best_epoch": 1})
    folder_of(workspace, "gone", started, epoch)
    folder_of(workspace, "waited")
    return workspace


def deleted(file: Path) -> None:
    file.unlink()


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def scribbled(file: Path) -> None:
    file.write_bytes(b"not a database, " * 400)


def torn_inside(file: Path) -> None:
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    file.write_bytes(content)


DAMAGE = [deleted, emptied, scribbled, torn_inside]


@pytest.mark.parametrize("damage", DAMAGE)
def test_every_run_is_there_again(used: Workspace, damage: Callable[[Path], None]) -> None:
    damage(used.database)
    states = {run.id: run.state for run in list_runs(used)}
    assert states["whole"] is State.FINISHED
    assert states["gone"] is State.INTERRUPTED
    assert states["waited"] is State.PAUSED
    assert "curve" in states
    assert RunStore(used).get("whole").metrics["mAP50"] == 0.4
    assert RunStore(used).get("Whole").best_epoch == 1
    assert is_sound(used.database)
    assert "made anew" in rebuilt_words(used)
    assert bool(list(used.root.glob("graft.damaged-*.db"))) == (damage in (scribbled, torn_inside))
    forget_note(used)
    assert rebuilt_words(used) == ""


def test_what_only_the_list_knew_comes_back_from_its_copy(used: Workspace) -> None:
    list_runs(used)
    RunStore(used).change("curve", notes="The one for the board", tags=["keep"])
    keep_backup(used)
    scribbled(used.database)
    run = RunStore(used).get("curve")
    assert (run.notes, run.tags) == ("The one for the board", ["keep"])
    assert "from the run folders and the last copy" in rebuilt_words(used)


def test_a_damaged_specification_is_named_and_the_others_go_on(used: Workspace) -> None:
    (used.run("gone") / "spec.json").write_text("{")
    deleted(used.database)
    assert {run.id for run in list_runs(used)} == {"curve", "whole", "waited"}
    assert "spec.json is damaged in gone" in rebuilt_words(used)


def test_a_state_of_another_version_harms_that_run_alone(used: Workspace) -> None:
    with sqlite3.connect(used.database) as database:
        database.execute("UPDATE runs SET state = 'dreaming', tags = 'not json' WHERE id = 'curve'")
    database.close()
    run = RunStore(used).get("curve")
    assert run.state is State.INTERRUPTED
    assert "dreaming" in run.cause
    assert run.tags == []


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_start_of_the_server_finds_the_damage(used: Workspace, damage: Callable[[Path], None]) -> None:
    store = RunStore(used)
    damage(used.database)
    store.check()
    assert is_sound(used.database)
    store.check()
    assert len(list(used.root.glob("graft.damaged-*.db"))) <= 1, "a sound one is left as it is"


def test_an_empty_workspace_has_nothing_to_say(workspace: Workspace) -> None:
    assert list_runs(workspace) == []
    assert rebuilt_words(workspace) == ""
