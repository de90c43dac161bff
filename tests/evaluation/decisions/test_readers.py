"""Two readers and the model: agreement counted by hand, the pictures where they differ, what can't be compared."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from core.cli import main
from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.errors import InputError
from core.evaluation.decisions.readers import cohens_kappa, compare_readers
from core.evaluation.evaluation import evaluate_run
from core.evaluation.figures.intervals import draw
from core.workspace import Workspace
from tests.evaluation.stored_runs import detector_run
from tests.tiny import write_class_folders, write_yolo_folder


@pytest.fixture
def readings(workspace: Workspace, tmp_path: Path) -> tuple[Dataset, Dataset]:
    """Eight pictures of a square and a disc; the second reader sees nothing in two, and calls one square a disc."""
    folder = write_yolo_folder(tmp_path / "first", train=4, val=8)
    other = tmp_path / "second"
    shutil.copytree(folder, other)
    labels = other / "labels" / "val"
    for number in (0, 1):
        (labels / f"val{number}.txt").write_text("")
    square, disc = (labels / "val2.txt").read_text().splitlines()
    (labels / "val2.txt").write_text(f"1{square[1:]}\n{disc}\n")
    return import_dataset(workspace, folder, name="first"), import_dataset(workspace, other, name="second")


def test_agreement_is_what_a_hand_would_count(workspace: Workspace, readings: tuple[Dataset, Dataset]) -> None:
    detector_run(workspace, readings[0], "run-a", 1.0)
    read = compare_readers(evaluate_run(workspace, "run-a"), *readings)
    assert (read.pictures, read.missing) == (8, 0)
    assert read.readers.same.value == 6 / 8
    assert read.readers.objects.value == pytest.approx(11 / 14)  # 11 in common, 16 and 12
    assert read.readers.per_class["square"].value == pytest.approx(5 / 6.5)
    assert read.readers.per_class["disc"].value == pytest.approx(6 / 7.5)
    assert not read.readers.kappa.is_known  # the first reader sees something everywhere
    assert [row["file"] for row in read.differing[:3]] == ["val/val0.png", "val/val1.png", "val/val2.png"]
    assert read.differing[2] == {"file": "val/val2.png", "first": 2, "second": 2, "only_first": 1, "only_second": 1}
    assert read.model_first.objects.value > read.model_second.objects.value


def test_kappa_is_cohens() -> None:
    """The example of many textbooks: 20 times both say yes, 15 times both no, 5 and 10 times they differ."""
    one = np.repeat([1, 1, 0, 0], [20, 5, 10, 15])
    two = np.repeat([1, 0, 1, 0], [20, 5, 10, 15])
    kappa = cohens_kappa(one, two, draw(50), 50)
    assert kappa.value == pytest.approx(0.4)
    assert 0.1 < kappa.low < 0.2 < 0.6 < kappa.high < 0.7


def test_the_command_line_tells_both_readers(
    workspace: Workspace, readings: tuple[Dataset, Dataset], capsys: pytest.CaptureFixture[str]
) -> None:
    detector_run(workspace, readings[0], "run-a", 1.0)
    assert main(["evaluate", "run-a", "--second", "second", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["readers"]
    assert {"readers", "model_first", "model_second", "differing", "sentences"} <= told.keys()
    assert main(["evaluate", "run-a", "--second", "first"]) == 2
    assert "the first reading itself" in capsys.readouterr().err


def test_what_can_not_be_compared_is_refused(
    workspace: Workspace, readings: tuple[Dataset, Dataset], tmp_path: Path
) -> None:
    detector_run(workspace, readings[0], "run-a", 1.0)
    evaluation = evaluate_run(workspace, "run-a")
    colours = import_dataset(workspace, write_class_folders(tmp_path / "colours"))
    with pytest.raises(InputError, match="of another task"):
        compare_readers(evaluation, readings[0], colours)
    for path in sorted((tmp_path / "second" / "images").rglob("*.png")):
        path.rename(path.with_name(f"other{path.name}"))
        path.with_name(f"other{path.name}").write_bytes(path.with_name(f"other{path.name}").read_bytes() + b"x")
        label = tmp_path / "second" / "labels" / path.parent.name / f"{path.stem}.txt"
        label.rename(label.with_name(f"other{label.name}"))
    others = import_dataset(workspace, tmp_path / "second", name="others")
    with pytest.raises(InputError, match="has none of the val pictures"):
        compare_readers(evaluation, readings[0], others)
