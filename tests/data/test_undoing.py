"""The last change of a dataset can be taken back, once, and never with it what was done since."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.data.dataset import Dataset, load_dataset
from core.data.editing.classes import edit_classes
from core.data.editing.resplitting import resplit
from core.data.editing.undoing import BEFORE, last_change, undo
from core.data.importing.from_upload import import_dataset
from core.errors import InputError
from core.labelling.label import Label, State
from core.labelling.labelling import open_labelling
from core.labelling.settings import begin
from core.workspace import Workspace, folder_bytes
from tests.data.writers import WRITERS, truth


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    WRITERS["coco"](tmp_path / "set", truth(6))
    return import_dataset(workspace, tmp_path / "set")


def as_lying(dataset: Dataset) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (dataset.root / "labels").rglob("*.txt")}


def test_a_change_is_taken_back_and_what_was_said_meanwhile_stays(workspace: Workspace, dataset: Dataset) -> None:
    first, labels = dataset.classes[0], as_lying(dataset)
    assert not last_change(dataset)
    alone = folder_bytes(dataset.root)
    changed = edit_classes(dataset, {first: None})
    assert as_lying(changed) != labels
    assert last_change(changed) == changed.fixes[-1]
    assert folder_bytes(changed.root) < 1.5 * alone + 20_000, "what did not change is kept once"
    changed.notes = "from the second scanner"
    changed.save()
    undo(load_dataset(workspace, dataset.id))
    restored = load_dataset(workspace, dataset.id)
    assert (restored.checksum, restored.classes, restored.fixes) == (dataset.checksum, dataset.classes, [])
    assert as_lying(restored) == labels
    assert restored.notes == "from the second scanner"
    assert not (restored.root / BEFORE).exists()
    with pytest.raises(InputError, match="no change"):
        undo(restored)


def test_only_the_last_change_is_kept(dataset: Dataset) -> None:
    once = resplit(dataset, "50/50/0", seed=1)
    twice = resplit(once, "50/50/0", seed=2)
    assert not (twice.root / BEFORE / BEFORE).exists()
    assert undo(twice).checksum == once.checksum
    assert not last_change(once)


def test_labels_drawn_since_are_not_lost(dataset: Dataset) -> None:
    changed = resplit(dataset, "50/50/0", seed=1)
    begin(changed)
    assert last_change(changed)
    work = open_labelling(changed)
    work.set(next(iter(work.pictures)), Label(state=State.NOTHING), since=0)
    assert not last_change(changed)
    with pytest.raises(InputError, match="something else"):
        undo(changed)
