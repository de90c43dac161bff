"""Labels as they are drawn: what is kept, in which state, and that nothing is lost."""

from __future__ import annotations

import json
import os

import pytest

from core.data.dataset import Dataset, load_dataset
from core.errors import InputError
from core.files.file_lock import FileLock
from core.labelling.journal import Journal, open_journal
from core.labelling.label import Label, State, fitted
from core.labelling.labelling import Conflict, open_labelling
from core.labelling.settings import add_class, begin, read_settings
from core.tasks import Task
from core.workspace import Workspace
from tests.labelling.conftest import SIZE, ids

BOX = {"class": "cell", "box": (10, 12, 30.5, 20.25)}
DRAWN: dict[Task, dict[str, object]] = {
    "detect": {"objects": [BOX]},
    "segment": {"objects": [{"class": "cell", "points": [(1, 2), (40, 3.5), (20.25, 50)]}]},
    "obb": {"objects": [{"class": "cell", "points": [(-3, 10), (20, -2), (30, 10), (7, 22)]}]},
    "pose": {"objects": [BOX | {"keypoints": [(11, 13, 2), (0, 0, 0), (40, 30, 1)]}]},
    "classify": {"name": "cell"},
}
POINTS = ["nose", "left eye", "right eye"]


def label(**said: object) -> Label:
    return Label.model_validate(said)


def started(dataset: Dataset, task: Task = "detect") -> Dataset:
    begin(dataset, task, POINTS if task == "pose" else None)
    add_class(dataset, "cell")
    return dataset


@pytest.mark.parametrize("task", DRAWN)
def test_what_is_drawn_is_what_is_read_back(alone: Dataset, task: Task) -> None:
    started(alone, task)
    picture = ids(alone)[0]
    drawn = label(**DRAWN[task])
    open_labelling(alone).set(picture, drawn, since=0, by="Ada")
    work = open_labelling(alone)
    kept = work.label(work.picture(picture))
    assert kept.objects == drawn.objects
    assert kept.name == drawn.name
    assert kept.state is State.LABELLED
    assert list(work.states().values()).count(State.OPEN) == len(work.pictures) - 1


def test_what_leaves_the_picture_is_cut_and_a_click_is_no_box() -> None:
    drawn = label(objects=[{"class": "a", "box": (-10, -10, 30, 30)}, {"class": "a", "box": (5, 5, 0.4, 9)}])
    assert [item.box for item in fitted(drawn, "detect", SIZE).objects] == [(0, 0, 20, 20)]


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("detect", {"objects": [{"class": "a", "points": [(0, 0), (1, 1), (2, 2)]}]}),
        ("segment", {"objects": [BOX]}),
        ("obb", {"objects": [{"class": "a", "points": [(0, 0), (9, 1), (2, 20)]}]}),
        ("classify", {"objects": [BOX]}),
        ("detect", {"name": "a"}),
        ("detect", {"objects": [{"class": "a", "box": (float("nan"), 0, 3, 3)}]}),
        ("detect", {"objects": [{"class": "", "box": (0, 0, 3, 3)}]}),
        ("pose", {"objects": [BOX | {"keypoints": [(1, 1, 2)] * 4}]}),
    ],
)
def test_what_is_not_of_the_task_is_refused(task: Task, said: dict[str, object]) -> None:
    with pytest.raises(InputError):
        fitted(label(**said), task, SIZE, 3)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({"state": "nothing"}, State.NOTHING),
        ({"state": "nothing", "objects": [BOX]}, State.LABELLED),
        ({"state": "labelled"}, State.OPEN),
        ({"state": "unsure", "objects": [BOX]}, State.UNSURE),
    ],
)
def test_the_state_follows_from_what_there_is(said: dict[str, object], state: State) -> None:
    assert fitted(label(**said), "detect", SIZE).state is state


def test_a_second_tab_is_told_and_nothing_is_overwritten(alone: Dataset) -> None:
    picture = ids(started(alone))[0]
    first = open_labelling(alone).set(picture, label(objects=[BOX]), since=0, by="Ada")
    with pytest.raises(Conflict) as told:
        open_labelling(alone).set(picture, label(state="nothing"), since=0, by="Bo")
    assert told.value.change == first
    work = open_labelling(alone)
    assert work.label(work.picture(picture)).state is State.LABELLED
    assert open_labelling(alone).set(picture, label(state="nothing"), since=first.number).after.state is State.NOTHING


def test_a_class_is_named_before_it_is_used_and_once(alone: Dataset) -> None:
    started(alone)
    with pytest.raises(InputError, match="dog"):
        open_labelling(alone).set(ids(alone)[0], label(objects=[BOX | {"class": "dog"}]), since=0)
    assert add_class(alone, "  cell ").classes == ["cell"]
    for name in ("", "a/b", ".."):
        with pytest.raises(InputError):
            add_class(alone, name)


def test_a_line_cut_short_by_a_crash_loses_that_change_alone(alone: Dataset) -> None:
    picture, other = ids(started(alone))[:2]
    open_labelling(alone).set(picture, label(objects=[BOX]), since=0)
    path = open_journal(alone).path
    with path.open("ab") as file:
        file.write(b'{"n": 2, "at": "2026-01-01T00:00:00+00:00", "by": "", "pict')
    fresh = Journal(path, FileLock(path.with_suffix(".lock"))).refresh()
    assert [change.number for change in fresh.changes] == [1]
    fresh.change(other, Label(), label(state="nothing"))
    again = Journal(path, FileLock(path.with_suffix(".lock"))).refresh()
    assert [(change.picture, change.number) for change in again.changes] == [(picture, 1), (other, 2)]


def test_another_process_is_heard(alone: Dataset) -> None:
    picture = ids(started(alone))[0]
    journal = open_journal(alone)
    Journal(journal.path, journal.lock).change(picture, Label(), label(state="labelled", objects=[BOX]), "elsewhere")
    assert open_labelling(alone).state(open_labelling(alone).picture(picture)) is State.LABELLED


def test_every_change_is_on_the_disk_when_it_is_answered(alone: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = ids(started(alone))[0]
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_size))
    open_labelling(alone).set(picture, label(objects=[BOX]), since=0)
    lines = open_journal(alone).path.read_bytes()
    assert synced == [len(lines)]
    assert json.loads(lines)["after"]["objects"] == [{"class": "cell", "box": [10.0, 12.0, 30.5, 20.25]}]


def test_the_task_of_labels_that_are_there_stays(workspace: Workspace, alone: Dataset) -> None:
    with pytest.raises(InputError):
        begin(alone, "semantic")
    with pytest.raises(InputError):
        begin(alone, "pose")
    assert begin(alone, "segment").task == "segment"
    assert begin(alone, "obb").task == "obb", "nothing is labelled yet"
    assert read_settings(load_dataset(workspace, alone.id)) is not None
