"""What each round of labelling brought: counted as it was then, compared on the same pictures alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.cli import main
from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.lab.rounds import OTHER_PICTURES, find_rounds, labelled_at
from core.labelling.labelling import open_labelling
from core.labelling.settings import begin
from core.labelling.versions import make_version, restore_version
from core.workspace import Workspace
from pages._ui.label.rounds import rounds_code
from tests.evaluation.stored_runs import detector_run
from tests.labelling.conftest import alone, ids  # noqa: F401
from tests.labelling.test_labels import BOX, started
from tests.labelling.test_versions import say
from tests.pages.conftest import open_alone, text_of
from tests.tiny import write_yolo_folder


@pytest.fixture
def mended(workspace: Workspace, tmp_path: Path) -> Dataset:
    """Squares and discs, the labels of whose training pictures were mended once; 24 pictures to judge on."""
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "shapes", train=6, val=24))
    begin(dataset)
    say(dataset, ids(dataset, "train")[0], state="nothing")
    return make_version(dataset)


def learned(workspace: Workspace, dataset: Dataset, name: str, found: float, version: int) -> None:
    run = detector_run(workspace, dataset, name, found)
    path = workspace.run(run.id) / "spec.json"
    spec = json.loads(path.read_text())
    path.write_text(json.dumps(spec | {"labels_version": version}))


def test_pictures_are_counted_as_they_were_labelled_then(workspace: Workspace, alone: Dataset) -> None:  # noqa: F811
    started(alone)
    train, val = ids(alone, "train"), ids(alone, "val")
    for picture in (*train[:2], val[0]):
        say(alone, picture, objects=[BOX])
    dataset = make_version(alone)
    for picture in (*train[2:5], val[1]):
        say(dataset, picture, objects=[BOX])
    say(dataset, train[0], state="unsure", objects=[BOX])
    dataset = make_version(dataset)
    dataset = restore_version(dataset, 1)
    say(dataset, train[6], objects=[BOX])
    work = open_labelling(dataset)
    assert [labelled_at(work, version) for version in range(4)] == [0, 2, 4, 2]


@pytest.mark.parametrize(
    ("before", "after", "claims"), [(0.1, 0.95, "gained"), (0.95, 0.1, "lost"), (0.6, 0.65, "chance")]
)
def test_a_gain_is_claimed_only_where_it_is_none_of_chance(
    workspace: Workspace, mended: Dataset, before: float, after: float, claims: str
) -> None:
    learned(workspace, mended, "first", before, 0)
    assert find_rounds(workspace, mended).rounds == (), "nothing was learned from what was drawn here"
    learned(workspace, mended, "other", after, 1)
    rounds = find_rounds(workspace, mended)
    assert [(item.version, item.run, item.pictures) for item in rounds.rounds] == [(0, "first", 6), (1, "other", 6)]
    assert all(item.figure.has_interval for item in rounds.comparable)
    assert (rounds.rounds[0].figure.value < rounds.rounds[1].figure.value) == (before < after)
    assert claims in rounds.sentence
    assert ("still pay." in rounds.sentence) == (claims == "gained")


def test_rounds_judged_on_other_pictures_are_said_to_be(
    workspace: Workspace, mended: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    learned(workspace, mended, "first", 0.3, 1)
    say(mended, ids(mended, "val")[-1], state="nothing")
    dataset = make_version(mended)
    learned(workspace, dataset, "other", 0.9, 2)
    rounds = find_rounds(workspace, dataset)
    assert [(item.version, item.why) for item in rounds.rounds] == [(1, OTHER_PICTURES), (2, "")]
    assert [item.version for item in rounds.to_judge] == [1]
    assert not rounds.rounds[0].figure.is_known
    assert main(["labels", dataset.id, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(item["version"], item["comparable"], item["value"] is None) for item in told["rounds"]] == [
        (1, False, True), (2, True, False),
    ]  # fmt: skip
    scope: dict[str, object] = {}
    exec(rounds_code(dataset.id).replace(", judge=True", ""), scope)
    assert capsys.readouterr().out.strip().endswith(rounds.sentence)
    page = open_alone("label.py", dataset=dataset.id)
    assert not page.exception
    assert OTHER_PICTURES in text_of(page)
    assert "second round" in text_of(page)
    assert [item.label for item in page.button if item.key == "label_judge"] == [
        "Judge 1 round on the pictures there are now"
    ]
