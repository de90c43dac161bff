"""What a damaged file of a dataset does: it is named, or made anew, and the other datasets go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.data.checks import check_dataset
from core.data.dataset import Dataset, damaged_datasets, list_datasets, load_dataset
from core.data.importing import import_dataset
from core.errors import InputError
from core.workspace import Workspace
from tests.tiny import write_yolo_folder


@pytest.fixture
def two(workspace: Workspace, tmp_path: Path) -> tuple[Dataset, Dataset]:
    made = [import_dataset(workspace, write_yolo_folder(tmp_path / name, train=6, val=3)) for name in ("one", "other")]
    return made[0], made[1]


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"id": 3}'])
def test_a_dataset_that_can_not_be_read_is_named_and_the_other_goes_on(
    workspace: Workspace, two: tuple[Dataset, Dataset], content: str | None
) -> None:
    hurt, whole = two
    path = hurt.root / "dataset.json"
    path.unlink() if content is None else path.write_text(content)
    assert [item.id for item in list_datasets(workspace)] == [whole.id]
    assert set(damaged_datasets(workspace)) == {hurt.id}
    with pytest.raises(InputError, match=r"dataset\.json"):
        load_dataset(workspace, hurt.id)


@pytest.mark.parametrize("damage", ["gone", "empty", "scribbled", "cut"])
def test_the_table_of_pictures_is_made_anew(workspace: Workspace, two: tuple[Dataset, Dataset], damage: str) -> None:
    dataset = two[0]
    path, before = dataset.root / "images.parquet", dataset.image_table()
    if damage == "gone":
        path.unlink()
    else:
        whole = path.read_bytes()
        path.write_bytes({"empty": b"", "scribbled": b"x" * 999, "cut": whole[: len(whole) // 2]}[damage])
    after = load_dataset(workspace, dataset.id).image_table()
    same = ["file", "split", "width", "height", "objects", "sha256"]
    assert after[same].to_dict("records") == before[same].to_dict("records")
    assert after["brightness"].to_numpy() == pytest.approx(before["brightness"].to_numpy(), abs=1.5)
    assert not [item for item in check_dataset(dataset) if item.severity == "error"]
    assert path.is_file(), "it is kept for the next time"


def test_a_set_without_its_pictures_says_so(two: tuple[Dataset, Dataset]) -> None:
    dataset = two[0]
    (dataset.root / "images.parquet").unlink()
    for picture in dataset.root.glob("images/*/*"):
        picture.unlink()
    with pytest.raises(InputError, match="holds no pictures"):
        dataset.image_table()
