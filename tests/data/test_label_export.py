"""Labels that go out to another tool come in again as they were."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.data.importing.settings import ImportSettings
from core.data.label_export import LAYOUTS, export_labels
from core.data.objects import format_labels, parse_labels
from core.errors import InputError
from core.labelling.versions import make_version
from core.tasks import Task
from core.workspace import Workspace
from tests.labelling.conftest import alone, ids  # noqa: F401
from tests.labelling.test_labels import DRAWN, started
from tests.labelling.test_versions import say

KEPT_IN_OBB = [(3.0, 10.0), (20.0, 4.0), (23.0, 12.5), (6.0, 18.5)]
CASES = [(layout, task) for layout, (_, tasks) in LAYOUTS.items() for task in tasks]


def labelled(dataset: Dataset, task: Task) -> Dataset:
    started(dataset, task)
    if task == "classify":
        from core.labelling.settings import add_class

        add_class(dataset, "blob & <co>")
    drawn = {"objects": [{"class": "cell", "points": KEPT_IN_OBB}]} if task == "obb" else DRAWN[task]
    for picture in (*ids(dataset, "train")[:2], *ids(dataset, "val")):
        say(dataset, picture, **drawn)
    other = {"name": "blob & <co>"} if task == "classify" else {"state": "nothing"}
    for picture in ids(dataset, "train")[2:4]:
        say(dataset, picture, **other)
    return make_version(dataset)


def seen(dataset: Dataset) -> dict[str, list[float]]:
    """Return the numbers of each picture's labels by its part and name, and its class for classify."""
    found = {}
    for image in dataset.labelled():
        split, name = image.file.split("/")[0], Path(image.file).stem
        numbers: list[float] = [float(len(image.objects))]
        for row in parse_labels(dataset.label_text(image.file) or "", dataset.task, dataset.keypoint_shape):
            numbers += map(float, format_labels([row], dataset.task, dataset.keypoint_shape).split())
        if dataset.task == "classify":
            numbers = [float(image.objects[0].class_id)]
        found[f"{split}/{name}"] = numbers
    return found


@pytest.mark.parametrize(("layout", "task"), CASES)
def test_what_goes_out_comes_in_again(
    layout: str,
    task: Task,
    workspace: Workspace,
    alone: Dataset,  # noqa: F811
    tmp_path: Path,
) -> None:
    dataset = labelled(alone, task)
    out = export_labels(dataset, layout, tmp_path / "out.zip")
    again = import_dataset(workspace, out, settings=ImportSettings(task=task))
    assert (again.task, again.classes) == (dataset.task, dataset.classes)
    before, after = seen(dataset), seen(again)
    assert after.keys() == before.keys()
    for file, numbers in before.items():
        assert after[file] == pytest.approx(numbers, abs=0.0006), file
    assert list(tmp_path.glob(".*")) == []


def test_what_a_layout_cannot_hold_is_refused(alone: Dataset, tmp_path: Path) -> None:  # noqa: F811
    dataset = labelled(alone, "obb")
    with pytest.raises(InputError, match="yolo"):
        export_labels(dataset, "voc", tmp_path / "out.zip")
    with pytest.raises(InputError, match="cvat"):
        export_labels(dataset, "word", tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()


def test_nothing_of_this_machine_is_in_it(alone: Dataset, tmp_path: Path) -> None:  # noqa: F811
    out = export_labels(labelled(alone, "detect"), "yolo", tmp_path / "out.zip")
    with ZipFile(out) as archive:
        assert str(tmp_path).encode() not in archive.read("data.yaml")
