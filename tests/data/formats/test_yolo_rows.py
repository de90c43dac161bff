"""Label texts as other programs write them: predictions, decimal commas, odd file names, odd yaml files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.data.findings.problems import Problems
from core.data.importing.from_upload import import_dataset
from core.data.reading.yolo_rows import guess_task, objects_of, read_rows, strip_predictions
from tests.data.writers import picture, put

OUTLINE = "0.1 0.1 0.5 0.12 0.6 0.5 0.2 0.6 0.12 0.3"
CORNERS = "0.2 0.2 0.6 0.3 0.5 0.6 0.1 0.5"
POINTS = "0.4 0.4 2 0.45 0.5 1 0.5 0.45 2"
BOX = "0.45 0.45 0.3 0.3"


def codes(dataset) -> dict[str, int]:
    return {item.code: item.count for item in dataset.findings}


def write(root: Path, rows: list[str], names: str = "[a, b]", extra: str = "") -> Path:
    for number, row in enumerate(rows):
        picture(root / "images" / f"{number}.png", number)
        put(root / "labels" / f"{number}.txt", row)
    put(root / "data.yaml", f"train: images\nval: nowhere\nnames: {names}\n{extra}")
    return root


@pytest.mark.parametrize(
    ("row", "task", "extra"),
    [
        (f"0 {OUTLINE} 0.87", "segment", ""),
        (f"0 {OUTLINE} 0.87 TRACK", "segment", ""),
        (f"0 {CORNERS} 0.87", "obb", ""),
        (f"0 {CORNERS} 0.87 TRACK", "obb", ""),
        (f"0 {BOX} 0.87", "detect", ""),
        (f"0 {BOX} 0.87 TRACK", "detect", ""),
        (f"0 {BOX} {POINTS} 0.87", "pose", "kpt_shape: [3, 3]\n"),
        (f"0 {BOX} {POINTS} 0.87 TRACK", "pose", "kpt_shape: [3, 3]\n"),
        (f"0 {BOX} {POINTS} 0.87", "pose", ""),
    ],
)
def test_what_a_model_writes_at_the_end_is_left_out(workspace, tmp_path, row, task, extra):
    rows = [row.replace("TRACK", str(number + 1)) + "\n" for number in range(6)]
    dataset = import_dataset(workspace, write(tmp_path / "set", rows, extra=extra))
    plain = [line.replace(" 0.87", "").split(" TRACK")[0] for line in [row] * 6]
    clean = import_dataset(workspace, write(tmp_path / "clean", plain, extra=extra))
    assert dataset.task == clean.task == task
    assert codes(dataset)["extra-columns"] == 6
    assert dataset.instances == clean.instances == {"a": 6, "b": 0}
    assert dataset.checksum == clean.checksum


def test_keypoints_without_a_confidence_are_left_alone():
    """Nine numbers and more of an odd count are keypoints before they are an outline with a confidence."""
    rows = read_rows("\n".join([f"0 {BOX} {POINTS}"] * 4))
    problems = Problems()
    strip_predictions([("a.txt", rows)], None, problems)
    assert not problems.counts
    task, shape, _ = guess_task([rows], None)
    assert (task, shape) == ("pose", (3, 3))


def test_one_row_of_many_with_a_number_too_much_is_a_damaged_row(workspace, tmp_path):
    rows = [f"0 {OUTLINE}\n"] * 5 + [f"0 {OUTLINE} 0.5\n"]
    dataset = import_dataset(workspace, write(tmp_path / "set", rows))
    assert codes(dataset)["bad-row"] == 1
    assert dataset.instances["a"] == 5


def test_confidences_of_points_become_seen_or_not(workspace, tmp_path):
    row = f"0 {BOX} 0.4 0.4 0.93 0.45 0.5 0.12 0.5 0.45 0.7 0.9\n"
    dataset = import_dataset(workspace, write(tmp_path / "set", [row] * 4, extra="kpt_shape: [3, 3]\n"))
    assert dataset.task == "pose"
    assert codes(dataset)["keypoint-confidence"] == 4
    assert next(iter(dataset.labelled())).objects[0].keypoints[:, 2].tolist() == [2, 0, 2]


@pytest.mark.parametrize(
    "row",
    [
        "1 0,5 0,5 0,2 0,25",
        "1\t0,5\t0,5\t0,2\t0,25",
        "1;0,5;0,5;0,2;0,25",
        "1,0,5,0,5,0,2,0,25",
        "1 0,5 0.5 0,2 0,25",
        "1 5e-1 0,5 2,0e-1 0,25".replace("2,0e-1", "0,2"),
    ],
)
def test_decimal_commas(row):
    rows = read_rows(row)
    assert rows.rows == [(1, [0.5, 0.5, 0.2, 0.25])]
    assert rows.decimal_comma


@pytest.mark.parametrize(
    "row", ["1,0.5,0.5,0.2,0.25", "1, 0.5, 0.5, 0.2, 0.25", "1;0.5;0.5;0.2;0.25", "1 .5 .5 .2 .25"]
)
def test_commas_that_part_numbers(row):
    rows = read_rows(row)
    assert rows.rows == [(1, [0.5, 0.5, 0.2, 0.25])]
    assert not rows.decimal_comma


def test_corners_with_commas_between_x_and_y_are_no_decimals():
    assert read_rows("0 10,20 30,20 30,40 10,40").rows == [(0, [10, 20, 30, 20, 30, 40, 10, 40])]


def test_decimal_commas_are_said(workspace, tmp_path):
    dataset = import_dataset(workspace, write(tmp_path / "set", ["1 0,5 0,5 0,2 0,25\n"] * 4))
    assert (dataset.task, dataset.instances) == ("detect", {"a": 0, "b": 4})
    assert codes(dataset)["decimal-comma"] == 4


def test_a_label_file_named_after_the_whole_picture(workspace, tmp_path):
    root = tmp_path / "set"
    for number in range(4):
        picture(root / "images" / f"{number}.png", number)
        put(root / "labels" / f"{number}.png.txt", "0 0.5 0.5 0.2 0.2\n")
    picture(root / "images" / "0.jpg", 9)
    put(root / "labels" / "0.jpg.txt", "1 0.5 0.5 0.2 0.2\n")
    put(root / "classes.txt", "a\nb\n")
    dataset = import_dataset(workspace, root)
    assert dataset.instances == {"a": 4, "b": 1}
    assert "label-shared" not in codes(dataset)


def test_two_pictures_with_one_label_file_are_said(workspace, tmp_path):
    root = tmp_path / "set"
    for number in range(3):
        picture(root / f"{number}.png", number)
        picture(root / f"{number}.jpg", number + 10)
        put(root / f"{number}.txt", "0 0.5 0.5 0.2 0.2\n")
    found = {item.code: item for item in import_dataset(workspace, root).findings}
    assert found["label-shared"].count == 3
    assert "0.jpg" in found["label-shared"].examples[0]
    assert "0.png" in found["label-shared"].examples[0]


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ("[yes, no]", ["yes", "no"]),
        ("[on, off]", ["on", "off"]),
        ("{0: true, 1: null}", ["true", "null"]),
        ("[010, 1.50]", ["010", "1.50"]),
        ("[2024-01-01, 1:30]", ["2024-01-01", "1:30"]),
        ("['yes', \"no\"]", ["yes", "no"]),
    ],
)
def test_class_names_stay_as_they_are_written(workspace, tmp_path, names, wanted):
    rows = [f"{number % 2} 0.5 0.5 0.2 0.2\n" for number in range(4)]
    assert import_dataset(workspace, write(tmp_path / "set", rows, names)).classes == wanted


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a_model.yaml", "nc: 2\nbackbone:\n  - [-1, 1, Conv, [64, 3, 2]]\nhead:\n  - [-1, 1, Detect, [nc]]\n"),
        ("a_model.yaml", "nc: 2\nnames: [x, y]\nbackbone: []\nhead: []\n"),
        ("args.yaml", "task: detect\nmode: train\ndata: data.yaml\n"),
        ("compose.yml", "services: &names\n  a: *names\n"),
        ("broken.yaml", "names: [a, b\n"),
        ("a_nc.yaml", "nc: 2\n"),
    ],
)
def test_other_yaml_files_beside_data_yaml(workspace, tmp_path, name, content):
    root = write(tmp_path / "set", ["0 0.5 0.5 0.2 0.2\n", "1 0.5 0.5 0.2 0.2\n"] * 2, "[ok, rotten]")
    put(root / name, content)
    dataset = import_dataset(workspace, root)
    assert dataset.classes == ["ok", "rotten"]
    assert "no-class-names" not in codes(dataset)


def test_a_second_list_of_other_classes_is_said(workspace, tmp_path):
    root = write(tmp_path / "set", ["0 0.5 0.5 0.2 0.2\n"] * 4, "[ok, rotten]")
    put(root / "old.yaml", "names: [rotten, ok]\n")
    found = {item.code: item for item in import_dataset(workspace, root).findings}
    assert "old.yaml" in found["names-differ"].examples[0]


@pytest.mark.parametrize("value", ["", " null", " ~", " # none"])
def test_entries_without_a_value(workspace, tmp_path, value):
    extra = f"download:{value}\ntest:{value}\npath:{value}\n"
    dataset = import_dataset(workspace, write(tmp_path / "set", ["0 0.5 0.5 0.2 0.2\n"] * 4, extra=extra))
    assert dataset.classes == ["a", "b"]
    assert "yaml-download-ignored" not in codes(dataset)


@pytest.mark.parametrize(
    ("menu", "classes"),
    [
        ("dent\nscratch\n", ["dent", "scratch"]),
        ("dog\nperson\ncat\ntv\ncar\nmeatballs\nmarinara sauce\ntomato soup\n", ["class_0", "class_1"]),
        ("dent\n", ["class_0", "class_1"]),
    ],
)
def test_the_menu_of_labelimg(workspace, tmp_path, menu, classes):
    """Its names are taken where it is the user's own and knows every class number, else not."""
    root = tmp_path / "set"
    for number in range(4):
        picture(root / f"{number}.png", number)
        put(root / f"{number}.txt", f"{number % 2} 0.5 0.5 0.2 0.2\n")
    put(root / "data" / "predefined_classes.txt", menu)
    dataset = import_dataset(workspace, root)
    assert dataset.classes == classes
    assert ("names-from-list" in codes(dataset)) == (classes[0] == "dent")


def test_rows_of_a_track_of_one_object(tmp_path):
    rows = read_rows("\n".join(["0 0.5 0.5 0.2 0.25 0.9 1"] * 3))
    problems = Problems()
    strip_predictions([("a.txt", rows)], None, problems)
    (item, *_) = objects_of(rows, "detect", None, "a.txt", problems)
    assert np.allclose(item.box, (0.4, 0.375, 0.6, 0.625))
