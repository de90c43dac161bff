"""Two servers work on one workspace: whoever comes second is told, and nothing of either is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest

from core.data.dataset import Dataset
from core.errors import InputError
from core.files.file_lock import FileLock
from core.labelling.journal import Journal
from core.labelling.label import State
from core.labelling.labelling import Conflict, open_labelling
from core.labelling.settings import add_class, read_settings
from core.labelling.versions import list_versions, make_version
from core.processes.starting import PROJECT
from core.workspace import Workspace
from tests.labelling.conftest import ids
from tests.labelling.test_labels import BOX, label, started

ROUNDS = 14
OTHER = """
import json, sys
from contextlib import suppress
from core.errors import InputError
from core.data.dataset import load_dataset
from core.labelling.label import Label
from core.labelling.labelling import Conflict, open_labelling
from core.labelling.settings import add_class
from core.labelling.versions import make_version
from core.workspace import Workspace

dataset = load_dataset(Workspace.open(sys.argv[1]), sys.argv[2])
work, pictures = open_labelling(dataset), json.loads(sys.argv[3])
box = json.loads(sys.argv[4])
print("ready", flush=True)
sys.stdin.readline()
refused = 0
for number in range(int(sys.argv[5])):
    add_class(dataset, f"theirs {number}")
    for picture in pictures:
        last = work.journal.refresh().last.get(picture)
        said = Label.model_validate({"objects": [{**box, "box": (number, 1, 9, 9)}]})
        try:
            work.set(picture, said, since=last.number if last else 0, by="Them")
        except Conflict:
            refused += 1
    if number == 10:
        with suppress(InputError):  # the other has just made one, and nothing was changed since
            make_version(dataset, by="Them")
print(json.dumps(refused))
"""


def other_server(workspace: Workspace, dataset: Dataset, pictures: list[str], rounds: int) -> subprocess.Popen[str]:
    """Start another process on the same workspace; it waits for a line before it changes labels."""
    child = subprocess.Popen(
        [sys.executable, "-c", OTHER, str(workspace.root), dataset.id, json.dumps(pictures), json.dumps(BOX),
         str(rounds)],
        cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def test_two_processes_lose_nothing_of_each_other(workspace: Workspace, alone: Dataset) -> None:
    started(alone)
    shared, mine, theirs = ids(alone, "train")[:3]
    work = open_labelling(alone)
    child = other_server(workspace, alone, [shared, theirs], ROUNDS)
    assert child.stdin is not None
    child.stdin.write("go\n")
    child.stdin.flush()
    refused = 0
    for number in range(ROUNDS):
        add_class(alone, f"mine {number}")
        for picture in (shared, mine):
            last = work.journal.refresh().last.get(picture)
            said = label(objects=[{**BOX, "box": (number, 2, 9, 9)}])
            try:
                work.set(picture, said, since=last.number if last else 0, by="Me")
            except Conflict:
                refused += 1
        if number == 12:
            with suppress(InputError):
                make_version(alone, by="Me")
    out, _ = child.communicate(timeout=60)
    refused += int(out)
    fresh = Journal(work.journal.path, FileLock(workspace.root / "any.lock")).refresh()
    numbers = sorted([item.number for item in fresh.changes] + [item.number for item in fresh.marks])
    lines = 4 * ROUNDS - refused + len(fresh.marks)
    assert numbers == list(range(1, lines + 1)), "each line has a number of its own, and none is missing"
    versions = [version.number for version in list_versions(fresh)]
    assert versions == list(range(1, len(versions) + 1))
    assert versions
    of_shared = [item for item in fresh.changes if item.picture == shared]
    for one, following in pairwise(of_shared):
        assert following.before == one.after, "nobody wrote over what they had not seen"
    settings = read_settings(alone)
    assert settings is not None
    assert len(settings.classes) == 1 + 2 * ROUNDS
    last = {picture: fresh.last[picture].after for picture in (shared, mine, theirs)}
    dataset = make_version(alone)
    for picture, said in last.items():
        assert open_labelling(dataset).label(open_labelling(dataset).picture(picture)) == said


def test_the_second_process_is_told_what_the_first_one_made(workspace: Workspace, alone: Dataset) -> None:
    started(alone)
    picture = ids(alone)[0]
    work = open_labelling(alone)
    child = other_server(workspace, alone, [picture], 1)
    child.communicate("go\n", timeout=60)
    with pytest.raises(Conflict) as told:
        work.set(picture, label(state="nothing"), since=0, by="Me")
    assert told.value.change.by == "Them"
    assert work.states()[picture] is State.LABELLED


def test_a_lock_is_given_back_when_its_holder_is_killed(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from core.files.file_lock import FileLock\n"
    code += "with FileLock(Path(sys.argv[1])):\n    print('held', flush=True); sys.stdin.read()"
    path = tmp_path / "a.lock"
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    child.kill()
    child.wait()
    with FileLock(path) as lock, lock:
        assert path.exists()
