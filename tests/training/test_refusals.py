"""What can be known before the first epoch is said before a run is made, with the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.errors import InputError
from core.planning.facts import dataset_facts
from core.planning.plan import complete_spec
from core.spec import TrainingSpec
from core.strategies.scratch import SCRATCH
from core.training.runs import start_run
from core.training.several_gpus import missing_device
from core.training.store import RunStore
from core.workspace import Workspace
from tests.tiny import write_yolo_folder


def spec_for(dataset: Dataset, **changes: object) -> TrainingSpec:
    settings = {"dataset": dataset.id, "task": "detect", "model": "yolo11n", "strategy": SCRATCH, "epochs": 1}
    return TrainingSpec.model_validate(settings | changes)


@pytest.mark.parametrize(("part", "words"), [("train", "nothing to learn from"), ("val", "best epoch")])
def test_a_part_without_any_object_is_refused(workspace: Workspace, tmp_path: Path, part: str, words: str) -> None:
    source = write_yolo_folder(tmp_path / "bare", train=3, val=2)
    for path in (source / "labels" / part).glob("*.txt"):
        path.write_text("")
    dataset = import_dataset(workspace, source)
    with pytest.raises(InputError, match=f"{words}.*Divide the pictures anew"):
        start_run(workspace, spec_for(dataset))
    assert RunStore(workspace).all() == []


def test_a_device_that_is_not_there_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "few", train=2, val=2))
    with pytest.raises(InputError, match="There is no device 63 on this machine"):
        start_run(workspace, spec_for(dataset, device="63"))
    assert RunStore(workspace).all() == []
    assert missing_device("0,1", ["0", "1", "cpu"]) == missing_device("7", None) == ""
    assert "no device 1 " in missing_device("0,1", ["0", "cpu"])


def test_the_limit_of_findings_follows_the_fullest_training_picture(workspace: Workspace, tmp_path: Path) -> None:
    source = write_yolo_folder(tmp_path / "dense", train=2, val=2)
    full = next((source / "labels" / "train").glob("*.txt"))
    full.write_text(
        "".join(f"0 {0.1 + 0.04 * (i % 20):.2f} {0.1 + 0.1 * (i // 20):.2f} 0.03 0.05\n" for i in range(140))
    )
    dataset = import_dataset(workspace, source)
    assert dataset_facts(dataset).fullest == 140
    planned = complete_spec(workspace, dataset, spec_for(dataset))
    assert planned.max_det == 420
    assert "140" in planned.reasons["max_det"]
    asked = TrainingSpec.model_validate({**spec_for(dataset).model_dump(exclude_unset=True), "extra": {"max_det": 50}})
    assert (asked.max_det, asked.extra) == (50, {})
    assert complete_spec(workspace, dataset, asked).max_det == 50
    few = import_dataset(workspace, write_yolo_folder(tmp_path / "few", train=2, val=2))
    assert complete_spec(workspace, few, spec_for(few)).max_det == 300
