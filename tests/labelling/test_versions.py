"""Versions: what a training gets of the labels, what waits, and the way back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.data.dataset import Dataset, load_dataset
from core.data.editing.classes import edit_classes
from core.data.importing.from_upload import import_dataset
from core.errors import InputError
from core.labelling.adding import add_pictures
from core.labelling.journal import open_journal
from core.labelling.label import State
from core.labelling.labelling import open_labelling
from core.labelling.readers import for_second_reader
from core.labelling.settings import begin
from core.labelling.versions import list_versions, make_version, restore_version
from core.tasks import TASKS, Task
from core.workspace import Workspace
from tests.labelling.conftest import ids, write_pictures
from tests.labelling.test_labels import BOX, DRAWN, label, started
from tests.tiny import write_yolo_folder


def say(dataset: Dataset, picture: str, by: str = "", **said: object) -> None:
    work = open_labelling(dataset)
    last = work.journal.last.get(picture)
    work.set(picture, label(**said), since=last.number if last else 0, by=by)


def again(workspace: Workspace, dataset: Dataset) -> Dataset:
    return load_dataset(workspace, dataset.id)


@pytest.mark.parametrize("task", DRAWN)
def test_a_version_holds_what_was_drawn_and_nothing_else(workspace: Workspace, alone: Dataset, task: Task) -> None:
    started(alone, task)
    train, val = ids(alone, "train"), ids(alone, "val")
    for picture in (*train[:2], val[0]):
        say(alone, picture, **DRAWN[task])
    say(alone, train[2], state="unsure", **DRAWN[task])
    drawn = {picture: open_labelling(alone).label(open_labelling(alone).picture(picture)) for picture in train[:3]}
    made = make_version(alone, by="Ada")
    dataset = again(workspace, alone)
    assert dataset.labels_version == made.labels_version == 1
    assert dataset.task == task
    assert dataset.classes == ["cell"]
    assert dataset.images == {"train": 2, "val": 1, "test": 0}
    assert dataset.instances == {"cell": 3}
    assert {path.name for path in (dataset.root / "images").rglob("*.png")} == {
        Path(file).name for file in dataset.image_table()["file"]
    }
    assert len(list((dataset.root / "waiting").rglob("*.png"))) == 7
    work = open_labelling(dataset)
    assert {picture: work.label(work.picture(picture)) for picture in train[:3]} == drawn
    assert work.changed() == []
    if task != "classify":
        assert len(list((dataset.root / "labels").rglob("*.txt"))) == 3
    if task == "pose":
        assert dataset.keypoint_shape == (3, 3)
        assert dataset.flip_idx == [0, 2, 1]


def test_nothing_here_is_learned_from_and_open_is_not(workspace: Workspace, alone: Dataset) -> None:
    started(alone)
    one, two, *rest = ids(alone)
    say(alone, one, objects=[BOX])
    say(alone, two, state="nothing")
    dataset = make_version(alone)
    texts = {path.stem: path.read_text() for path in (dataset.root / "labels").rglob("*.txt")}
    assert sorted(len(text.splitlines()) for text in texts.values()) == [0, 1]
    assert [open_labelling(dataset).states()[picture] for picture in (one, two, rest[0])] == [
        State.LABELLED, State.NOTHING, State.OPEN,
    ]  # fmt: skip
    for picture in rest:
        say(dataset, picture, objects=[BOX])
    whole = make_version(dataset)
    assert sum(whole.images.values()) == 10
    assert not (whole.root / "waiting.parquet").exists()
    assert whole.images == alone.images, "each stays in its part"


def test_pixels_go_through_the_label_files_unchanged(workspace: Workspace, alone: Dataset) -> None:
    started(alone)
    picture = ids(alone)[0]
    boxes = [(10.0 + n * 0.37, 3.0 + n * 0.41, 20.13, 17.77) for n in range(9)]
    say(alone, picture, objects=[{"class": "cell", "box": box} for box in boxes])
    dataset = make_version(alone)
    work = open_labelling(dataset)
    back = [item.box for item in work.label(work.picture(picture)).objects]
    for drawn, kept in zip(boxes, back, strict=True):
        assert kept == pytest.approx(drawn, abs=0.011)


def test_an_earlier_version_comes_back_as_a_new_one(workspace: Workspace, alone: Dataset) -> None:
    started(alone)
    one, two, three = ids(alone)[:3]
    say(alone, one, objects=[BOX])
    say(alone, two, state="nothing")
    first = make_version(alone, by="Ada")
    say(first, one, by="Bo", objects=[BOX, BOX | {"box": (50, 30, 9, 9)}])
    say(first, three, by="Bo", objects=[BOX])
    second = make_version(first, by="Bo")
    assert second.instances == {"cell": 3}
    third = restore_version(second, 1, by="Ada")
    assert third.labels_version == 3
    assert third.instances == {"cell": 1}
    assert sum(third.images.values()) == 2
    told = list_versions(open_journal(third))
    assert [(item.number, item.by, item.changed) for item in told] == [(1, "Ada", 2), (2, "Bo", 2), (3, "Ada", 2)]
    with pytest.raises(InputError):
        restore_version(third, 1)
    with pytest.raises(InputError):
        restore_version(third, 9)


def test_an_imported_set_keeps_its_own_labels_and_ids(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "shapes", train=3, val=2))
    before = {path.name: path.read_text() for path in (dataset.root / "labels").rglob("*.txt")}
    begin(dataset)
    work = open_labelling(dataset)
    assert set(work.states().values()) == {State.LABELLED}
    picture = work.picture(ids(dataset)[0])
    old = work.label(picture)
    assert [item.name for item in old.objects] == ["square", "disc"]
    say(dataset, picture.id, objects=[item.model_dump(by_alias=True) for item in old.objects[1:]])
    after = make_version(dataset)
    assert after.classes == ["square", "disc"]
    texts = {path.name: path.read_text() for path in (after.root / "labels").rglob("*.txt")}
    assert len(texts) == 5
    changed = {name for name, text in texts.items() if before[name] != text}
    assert changed == {Path(picture.file).with_suffix(".txt").name}
    assert restore_version(after, 0).instances == dataset.instances


def test_a_class_is_changed_and_a_picture_moves_to_its_folder(workspace: Workspace, alone: Dataset) -> None:
    started(alone, "classify")
    from core.labelling.settings import add_class

    add_class(alone, "blob")
    pictures = ids(alone)
    for number, picture in enumerate(pictures):
        say(alone, picture, name="cell" if number % 2 else "blob")
    first = make_version(alone)
    assert first.instances == {"blob": 5, "cell": 5}
    say(first, pictures[0], name="cell")
    say(first, pictures[2], state="unsure", name="cell")
    second = make_version(first)
    assert second.instances == {"blob": 3, "cell": 6}
    assert open_labelling(second).states()[pictures[2]] is State.UNSURE
    assert TASKS[second.task].has_class_folders


def test_without_a_change_there_is_no_version(workspace: Workspace, alone: Dataset) -> None:
    started(alone)
    with pytest.raises(InputError):
        make_version(alone)
    say(alone, ids(alone)[0], state="unsure")
    with pytest.raises(InputError):
        make_version(alone)
    kept = json.loads((alone.root / "dataset.json").read_text())
    assert kept["labels_version"] == 0


def test_more_pictures_wait_and_what_is_there_is_not_added_again(
    workspace: Workspace, alone: Dataset, tmp_path: Path
) -> None:
    started(alone)
    before = ids(alone)
    say(alone, before[0], objects=[BOX])
    dataset = make_version(alone)
    more = write_pictures(tmp_path / "more", 14)  # the same noise: ten of them are there
    assert add_pictures(workspace, dataset, [more]) == (4, 10)
    work = open_labelling(dataset)
    assert len(work.pictures) == 14
    fresh = [picture for picture in work.pictures.values() if picture.id not in before]
    assert all(picture.waits and work.path(picture).is_file() for picture in fresh)
    assert {work.state(picture) for picture in fresh} == {State.OPEN}
    for picture in fresh:
        say(dataset, picture.id, objects=[BOX])
    assert sum(make_version(dataset).images.values()) == 5
    assert list(workspace.staging_root.iterdir()) == []


@pytest.mark.parametrize("task", ["detect", "classify"])
def test_a_second_reader_gets_the_pictures_and_nothing_of_the_first(
    workspace: Workspace, alone: Dataset, task: Task
) -> None:
    started(alone, task)
    for picture in ids(alone)[:6]:
        say(alone, picture, **DRAWN[task])
    first = make_version(alone)
    second = for_second_reader(workspace, first)
    work, other = open_labelling(first), open_labelling(second)
    assert {p.id: p.split for p in other.pictures.values()} == {p.id: p.split for p in work.pictures.values()}
    assert set(other.states().values()) == {State.OPEN}
    assert (other.settings.task, other.settings.classes) == (task, ["cell"])
    for picture in ids(second)[:4]:
        say(second, picture, **DRAWN[task])
    assert sum(make_version(second).images.values()) == 4
    assert again(workspace, first).labels_version == 1


def test_a_class_that_got_another_name_is_not_there_twice(workspace: Workspace, alone: Dataset) -> None:
    started(alone)
    say(alone, ids(alone)[0], objects=[BOX])
    say(alone, ids(alone)[1], objects=[BOX])
    dataset = edit_classes(make_version(alone), {"cell": "blob"})
    work = open_labelling(dataset)
    assert work.settings.classes == ["blob"]
    assert [item.name for item in work.label(work.picture(ids(dataset)[0])).objects] == ["blob"]
    say(dataset, ids(dataset)[2], objects=[BOX | {"class": "blob"}])
    assert make_version(dataset).instances == {"blob": 3}
