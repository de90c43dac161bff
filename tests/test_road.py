"""The road: what is done and what is next is read from the workspace alone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from core.data.importing.from_upload import import_dataset
from core.planning.drafts import Draft, save_draft
from core.road import CHOSEN, Progress, note, road
from core.spec import TrainingSpec
from core.training.store import Run, RunStore, State
from core.workspace import Workspace
from tests.tiny import write_yolo_folder


def where(workspace: Workspace, dataset: str | None = None, run: str | None = None) -> dict[str, str]:
    return {stage.name: str(stage.progress) for stage in road(workspace, dataset, run)}


def add_run(workspace: Workspace, dataset: str, name: str, state: State, *, weights: bool = False) -> Run:
    run = Run(
        id=name, name=name, state=state, dataset=dataset, dataset_name="Tiny", task="detect", model="yolo11n",
        strategy="scratch", device="cpu", created=datetime.now(UTC),
    )  # fmt: skip
    RunStore(workspace).add(run)
    if weights:
        best = workspace.run(name) / "train" / "weights" / "best.pt"
        best.parent.mkdir(parents=True)
        best.write_bytes(b"weights")
    return RunStore(workspace).get(name)


def test_each_stage_leads_to_the_one_after_it(workspace: Workspace, tmp_path: Path) -> None:
    assert where(workspace) == {
        "Pictures": "next", "Model": "later", "Training": "later", "Evaluation": "later", "Use": "later"
    }  # fmt: skip
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "tiny"), name="Tiny")
    assert list(where(workspace).values()) == ["done", "next", "later", "later", "later"]
    spec = TrainingSpec(dataset=dataset.id, task="detect", model="yolo11n")
    save_draft(workspace, Draft(spec, {"model": "yolo11n"}))  # by opening the Model page
    assert list(where(workspace).values()) == ["done", "next", "later", "later", "later"]
    save_draft(workspace, Draft(spec, {"model": "yolo11n", CHOSEN: True}))
    assert list(where(workspace).values()) == ["done", "done", "next", "later", "later"]
    add_run(workspace, dataset.id, "first", State.RUNNING)
    assert list(where(workspace).values()) == ["done", "done", "under way", "later", "later"]
    run = add_run(workspace, dataset.id, "second", State.FINISHED, weights=True)
    assert list(where(workspace, run=run.id).values()) == ["done", "done", "done", "next", "later"]
    note(run.folder, "Evaluation")
    assert list(where(workspace, run=run.id).values()) == ["done", "done", "done", "done", "next"]
    note(run.folder, "Use")
    assert set(where(workspace, run=run.id).values()) == {"done"}


def test_a_run_of_another_dataset_says_nothing_about_this_one(workspace: Workspace, tmp_path: Path) -> None:
    one = import_dataset(workspace, write_yolo_folder(tmp_path / "one"), name="One")
    two = import_dataset(workspace, write_yolo_folder(tmp_path / "two"), name="Two")
    add_run(workspace, one.id, "of-one", State.FINISHED, weights=True)
    assert where(workspace, two.id, "of-one")["Model"] == "next"
    stages = {stage.name: stage for stage in road(workspace, one.id)}
    assert (stages["Evaluation"].progress, stages["Evaluation"].run) == (Progress.NEXT, "of-one")


def test_a_run_whose_dataset_was_deleted_keeps_its_road(workspace: Workspace) -> None:
    add_run(workspace, "gone-000000", "alone", State.FINISHED, weights=True)
    assert where(workspace, run="alone")["Evaluation"] == "next"
    assert where(workspace, run="alone")["Pictures"] == "done"


def test_of_new_pictures_nothing_is_done_whatever_else_there_is(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "tiny"), name="Tiny")
    run = add_run(workspace, dataset.id, "done", State.FINISHED, weights=True)
    stages = road(workspace, dataset.id, run.id, new=True)
    assert [str(stage.progress) for stage in stages] == ["next", *["later"] * 4]
    assert {(stage.dataset, stage.run) for stage in stages} == {(None, None)}
