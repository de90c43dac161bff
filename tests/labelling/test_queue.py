"""What to label next, and what a model's answers become in the editor."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.cli import main
from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.delivery.propose.proposing import NO_FINDING, proposed, uncertainty
from core.delivery.propose.saving import best_line, line_that_saves
from core.labelling.labelling import open_labelling
from core.labelling.proposals import Proposals, Proposed, one_per_thing, overlap, read_proposals, save_proposals
from core.labelling.queue import CHECK, UNLIKE, UNSURE, doubtful_first, queue
from core.workspace import Workspace
from tests.evaluation.stored_runs import detector_run
from tests.labelling.conftest import ids
from tests.labelling.test_labels import BOX, started
from tests.labelling.test_versions import say
from tests.tiny import write_yolo_folder

Said = Callable[..., dict[str, Any]]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Runs a verb and returns its JSON."""

    def run(*words: str) -> dict[str, Any]:
        capsys.readouterr()
        assert main([*words, "--json"]) == 0
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return run


def test_ten_twins_do_not_come_in_a_row() -> None:
    random = np.random.default_rng(0)
    twins = {f"twin{n}": np.array([5.0, 0.0], np.float32) + random.normal(0, 0.01, 2) for n in range(10)}
    others = {f"other{n}": random.normal(0, 2, 2) for n in range(10)}
    unsure = dict.fromkeys(twins, 0.9) | dict.fromkeys(others, 0.5)
    vectors = {name: vector.astype(np.float32) for name, vector in (twins | others).items()}
    order = [name for name, _ in doubtful_first(unsure, vectors, [])]
    assert sorted(order) == sorted(unsure)
    assert sum(name.startswith("twin") for name in order[:8]) == 1


def test_what_is_like_a_labelled_picture_comes_last() -> None:
    vectors = {
        name: np.array(place, np.float32) for name, place in (("old", (0, 0)), ("near", (0.1, 0)), ("far", (9, 9)))
    }
    order = doubtful_first({"near": 0.4, "far": 0.2}, vectors, ["old"])
    assert order == [("far", UNLIKE), ("near", UNSURE)]
    assert [name for name, _ in doubtful_first({"near": 0.4, "far": 0.2}, {}, [])] == ["near", "far"]


def test_pictures_to_check_on_come_at_random_and_in_proportion(alone: Dataset, said: Said) -> None:
    started(alone)
    train, val = ids(alone, "train"), ids(alone, "val")
    order = [(item, UNSURE) for item in reversed(train)]
    save_proposals(alone, Proposals(model="m", title="m", at="now", line=0.5, pictures={}, order=order))
    waiting = queue(open_labelling(alone))
    assert [picture.id for picture, reason in waiting if reason == UNSURE] == train[::-1]
    places = [place for place, (picture, reason) in enumerate(waiting) if reason == CHECK]
    assert {waiting[place][0].id for place in places} == set(val)
    assert places[0] < 5 <= places[1], "one in each half"
    say(alone, train[-1], objects=[BOX])
    told = said("label-queue", alone.id)["queue"]
    assert len(told) == 9
    assert set(told[0]) == {"file", "reason"}
    assert said("label-queue", alone.id, "--random")["queue"] != told


def test_versions_are_listed_and_put_back_from_the_command_line(alone: Dataset, said: Said) -> None:
    from core.labelling.versions import make_version

    started(alone)
    assert said("labels", alone.id) == {"version": 0, "versions": [], "rounds": []}
    say(alone, ids(alone)[0], objects=[BOX])
    say(alone, ids(alone)[1], objects=[BOX])
    dataset = make_version(alone, by="Ada")
    say(dataset, ids(dataset)[0], state="unsure")
    make_version(dataset)
    told = said("labels", alone.id, "--version", "1")
    assert told["version"] == 3
    assert [(item["number"], item["by"], item["changed"]) for item in told["versions"]] == [
        (1, "Ada", 2), (2, "", 1), (3, "", 1),
    ]  # fmt: skip
    assert main(["labels", alone.id, "--version", "7"]) == 2


@pytest.mark.parametrize(
    ("found", "least", "most"),
    [
        ({"objects": []}, NO_FINDING, NO_FINDING),
        ({"objects": [{"confidence": 0.5}]}, 1, 1),
        ({"objects": [{"confidence": 0.99}, {"confidence": 0.02}]}, 0, 0.1),
        ({"objects": [], "probabilities": {"a": 0.5, "b": 0.49, "c": 0.01}}, 0.98, 1),
        ({"objects": [], "probabilities": {"a": 0.99, "b": 0.01}}, 0, 0.03),
    ],
)
def test_a_model_is_unsure_near_the_line(found: Any, least: float, most: float) -> None:
    assert least <= uncertainty(found, 0.5) <= most


def test_answers_become_shapes_of_the_editor(alone: Dataset) -> None:
    square = [[10.0, 10.0], [20.0, 10.0], [30.0, 10.0], [30.0, 30.0], [10.0, 30.0]]
    found: Any = {
        "objects": [
            {"class": "cell", "confidence": 0.4, "box": [1, 2, 11, 22]},
            {"class": "cell", "confidence": 0.9, "box": [10, 10, 30, 30], "polygon": square},
            {"class": "cell", "confidence": 0.6, "box": [0, 0, 9, 9], "corners": [[0, 0], [9, 0], [9, 9], [0, 9]]},
            {"class": "cell", "confidence": 0.5, "box": [0, 0, 9, 9], "keypoints": [[1, 1, 0.9], [2, 2, 0.1]]},
            {"class": "cell", "confidence": 0.01, "box": [0, 0, 9, 9]},
        ]
    }
    outline, turned, points, box = proposed(found, 0.05)
    assert outline.points == [(10, 10), (30, 10), (30, 30), (10, 30)], "the point on the edge is left out"
    assert turned.points is not None
    assert points.keypoints == [(1, 1, 2), (2, 2, 0)]
    assert box.box == (1, 2, 10, 20)
    assert overlap(turned, turned) == pytest.approx(1)
    assert proposed({"objects": [], "probabilities": {"a": 0.2, "b": 0.8}}, 0.05) == [
        Proposed(name="b", confidence=0.8)
    ]
    started(alone)
    save_proposals(alone, Proposals(model="m", title="m", at="now", line=0.5, pictures={ids(alone)[0]: [box]}))
    kept = read_proposals(alone)
    assert kept is not None
    assert kept.pictures == {ids(alone)[0]: [box]}


def test_of_one_thing_the_surest_is_proposed_and_what_is_below_the_line_is_not_counted() -> None:
    def box(name: str, confidence: float, left: float) -> Proposed:
        return Proposed(name=name, confidence=confidence, box=(left, 0, 100, 50))

    found = [box("cell", 0.3, 10), box("blob", 0.7, 0), box("cell", 0.6, 60), box("cell", 0.1, 400)]
    kept = one_per_thing(found)
    assert [item.confidence for item in kept] == [0.7, 0.6, 0.1], "82 % of overlap are one thing, 25 % are two"
    proposals = Proposals(model="m", title="M", at="now", line=0.6, pictures={"a": kept})
    assert proposals.count == 2
    assert [item.name for item in proposals.sure("a")] == ["blob", "cell"]
    assert len(one_per_thing([Proposed(name="cell", confidence=0.9)] * 2)) == 2, "a class has no place"


@pytest.mark.parametrize(
    ("saved", "line"),
    [
        ([1, 1, 1, -1, -1], 0.7),  # right, right, right, false, false
        ([1, -1, 1, 1, -1], 0.6),
        ([1, -1, -1, -1, 1], 0.9),
        ([-1, 1, -1, -1, -1], 0.33),  # it never pays: the model's own line
        ([], 0.33),
    ],
)
def test_the_line_of_proposals_is_where_taking_over_saves_most(saved: list[int], line: float) -> None:
    confidence = np.array([0.9, 0.8, 0.7, 0.6, 0.5][: len(saved)])
    assert best_line(confidence, np.array(saved, dtype=np.int64), 0.33) == pytest.approx(line)


def test_findings_of_equal_confidence_pass_the_line_together() -> None:
    assert best_line(np.array([0.9, 0.8, 0.8]), np.array([1, 1, -1]), 0.33) == pytest.approx(0.9)


def test_the_line_of_a_run_comes_from_its_validation_pictures(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "shapes", train=4, val=8))
    perfect, useless = (detector_run(workspace, dataset, name, found) for name, found in (("good", 1), ("bad", 0)))
    line = line_that_saves(workspace.run(perfect.id), 0.9)
    assert 0.3 < line < 0.55, "all it finds is right from .4 on; the false ones are at .3"
    assert line_that_saves(workspace.run(useless.id), 0.9) == 0.9
    assert line_that_saves(None, 0.9) == 0.9
