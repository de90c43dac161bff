"""What a table or a file name says of pictures, and figures divided by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.cli import main
from core.data.attributes import add_attributes, dates_of, read_attributes
from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.errors import InputError
from core.evaluation.evaluation import evaluate_run
from core.workspace import Workspace
from tests.evaluation.stored_runs import detector_run
from tests.tiny import write_yolo_folder


@pytest.fixture
def shapes(workspace: Workspace, tmp_path: Path) -> Dataset:
    return import_dataset(workspace, write_yolo_folder(tmp_path / "shapes", train=4, val=8))


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "sites.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_figures_are_divided_by_the_columns_of_a_table(workspace: Workspace, shapes: Dataset, tmp_path: Path) -> None:
    rows = "".join(f"{n},VAL{n}.PNG,{'north' if n < 4 else 'south'},{n}\n" for n in range(8))
    assert main(["describe", shapes.name, str(table(tmp_path, "no;picture;site;lot\n".replace(";", ",") + rows))]) == 0
    known = read_attributes(shapes)
    assert known.loc["val/val2.png", "site"] == "north"
    assert known.loc["train/train0.png", "site"] == ""
    detector_run(workspace, shapes, "run-a", 1.0)
    parts = {(item.by, item.name): item for item in evaluate_run(workspace, "run-a").slices}
    assert parts["site", "north"].objects == parts["site", "south"].objects == 8
    add_attributes(shapes, table(tmp_path, "file;device\nval0;A\n"))
    assert {"site", "lot", "device"} <= set(read_attributes(shapes))  # a second table adds to the first


@pytest.mark.parametrize(
    ("text", "words"),
    [("picture,site\nnobody.png,north\n", "No column of sites.csv names a picture"),
     ("picture\nval0.png\n", "nothing but the names"), ("", "can't be read")],
)  # fmt: skip
def test_a_table_that_says_nothing_is_refused(shapes: Dataset, tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        add_attributes(shapes, table(tmp_path, text))


def test_days_are_read_off_names_and_many_days_by_the_month() -> None:
    assert dates_of(["a/20240131_1.png", "b/2024-02-01-x.png"]) == ["2024-01-31", "2024-02-01"]
    assert dates_of(["20240131.png", "x.png"]) == []
    assert dates_of([f"2024-03-{day:02d}.png" for day in range(1, 20)]) == ["2024-03"] * 19
    assert dates_of(["12345678901.png", "90100084.jpg"]) == []
