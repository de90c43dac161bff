"""The demonstration: its pictures show what their labels say, and its verb prepares a workspace of its own."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from core.demo.demo import CHESTS, LEAVES, draw_chests, draw_leaves, trained_run
from core.demo.drawings import CHEST_SIDE, LEAF_CLASSES, draw_chest, draw_leaf
from core.demo.preparing import preparation, preparing
from core.training.store import Run, RunStore, State
from core.workspace import Workspace, read_json, write_json_atomic


def test_what_is_boxed_in_a_chest_is_brighter_than_the_same_chest_without_it() -> None:
    for number in range(8):
        sick, boxes = draw_chest(number, patient=3, healthy=False)
        sound, none = draw_chest(number, patient=3, healthy=True)
        assert boxes
        assert not none
        changed = sick.astype(int) - sound
        outside = np.ones(sick.shape, bool)
        for _, left, top, right, bottom in boxes:
            assert 0 <= left < right <= CHEST_SIDE
            part = slice(int(top), int(bottom)), slice(int(left), int(right))
            assert np.percentile(changed[part], 75) > 10
            outside[part] = False
        assert abs(np.median(changed[outside])) <= 8


def test_leaves_differ_by_what_they_have() -> None:
    def red_over_green(kind: str) -> float:
        return float(np.mean([_share(draw_leaf(number, kind)) for number in range(6)]))

    def _share(leaf: np.ndarray) -> float:
        middle = leaf[20:76, 30:66].astype(float)
        return float((middle[..., 0] > middle[..., 1] + 25).mean())

    assert red_over_green("rust") > 0.05
    assert red_over_green("healthy") < 0.01
    bright = {kind: np.mean([np.percentile(draw_leaf(n, kind)[20:76, 30:66, 2], 95) for n in range(6)])
              for kind in LEAF_CLASSES}  # fmt: skip
    assert bright["mildew"] > bright["healthy"] + 40


def test_a_model_that_is_there_is_not_trained_again(workspace: Workspace) -> None:
    leaves = draw_leaves(workspace, 12)
    run = Run(
        id="leaves-000001", name="Leaves", state=State.FINISHED, dataset=leaves.id, dataset_name=leaves.name,
        task="classify", model="yolo26n-cls", strategy="scratch", device="cpu", created=datetime.now(UTC),
    )  # fmt: skip
    RunStore(workspace).add(run)
    assert trained_run(workspace, leaves, "Leaves", 1, 32, 4, print).id == run.id
    assert len(RunStore(workspace).all()) == 1


def test_the_drawn_sets_import_whole_and_divide_by_patient(workspace: Workspace) -> None:
    chests = draw_chests(workspace, 24)
    assert (chests.name, sum(chests.images.values()), chests.errors) == (CHESTS, 24, [])
    table = chests.image_table()
    patients = table["file"].str.extract(r"(patient\d+)")[0]
    assert (table.groupby(patients)["split"].nunique() == 1).all()
    leaves = draw_leaves(workspace, 30)
    assert (leaves.name, leaves.task, leaves.classes) == (LEAVES, "classify", list(LEAF_CLASSES))


def test_a_preparation_is_told_while_its_process_lives(workspace: Workspace) -> None:
    with preparation(workspace) as told:
        assert preparing(workspace) is None
        told.say(2, "training on Drawn leaves")
        now = preparing(workspace)
        assert now is not None
        assert (now.step, now.words) == (2, "training on Drawn leaves")
        file = workspace.root / "demo.json"
        write_json_atomic(file, {**read_json(file), "identity": "another process of this number"})
        assert preparing(workspace) is None, "whoever prepared it is gone"
    assert not file.exists()
