"""DOTA, KITTI, Cityscapes, Ultralytics NDJSON, Hugging Face; and layouts that are named because they are not read."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from core.data.importing.from_upload import import_dataset
from core.data.importing.settings import ImportSettings
from core.data.importing.understanding import understand
from core.errors import InputError
from tests.data.formats.test_readers_hold import json_values, read_all
from tests.data.formats.test_round_trip import boxes_of
from tests.data.writers import HEIGHT, WIDTH, picture, put

BOX = [10, 6, 30, 26]
CORNERS = [[20, 10], [40, 16], [34, 36], [14, 30]]


def codes(dataset) -> dict[str, int]:
    return {item.code: item.count for item in dataset.findings}


def near(dataset, stem: str = "0", box: list[int] = BOX) -> bool:
    return bool(np.abs(np.array(boxes_of(dataset)[stem][0][1:]) - box).max() < 0.5)


def pictures(root: Path, count: int = 3, folder: str = "images") -> Path:
    for number in range(count):
        picture(root / folder / f"{number}.png", number)
    return root


@pytest.mark.parametrize("head", ["", "imagesource:GoogleEarth\ngsd:0.146\n"])
def test_dota(workspace, tmp_path, head):
    root = pictures(tmp_path / "set")
    row = " ".join(str(value) for pair in CORNERS for value in pair)
    for number in range(3):
        put(root / "labelTxt" / f"{number}.txt", f"{head}{row} plane 0\n{row} ship 1\n")
    put(root / "labelTxt" / "2.txt", f"{head}{row} plane 0\n1 2 3\n")
    put(root / "labelTxt" / "1.txt", head)
    dataset = import_dataset(workspace, root)
    assert (dataset.format, dataset.task, dataset.instances) == ("dota", "obb", {"plane": 2, "ship": 1})
    item = next(image for image in dataset.labelled() if image.objects).objects[0]
    assert np.abs(item.polygon * [WIDTH, HEIGHT] - CORNERS).max() < 0.5
    assert codes(dataset)["bad-row"] == 1
    assert "missing-label" not in codes(dataset)


@pytest.mark.parametrize("score", ["", " 0.9"])
def test_kitti(workspace, tmp_path, score):
    root = pictures(tmp_path / "set", folder="training/image_2")
    tail = "1.6 1.5 3.2 -2.7 1.7 3.6 -1.3"
    for number in range(3):
        rows = [f"Car 0.00 0 -1.57 10.00 6.00 30.00 26.00 {tail}{score}", f"DontCare -1 -1 -10 1 2 3 4 {tail}{score}"]
        put(root / "training/label_2" / f"{number}.txt", "\n".join(rows) + "\n")
    put(root / "training/label_2" / "2.txt", f"Van 0.00 0 -1.57 10 6 30 26 {tail}\nbroken row\n")
    dataset = import_dataset(workspace, root)
    assert (dataset.format, dataset.task, dataset.instances) == ("kitti", "detect", {"Car": 2, "Van": 1})
    assert near(dataset)
    found = codes(dataset)
    assert (found["crowd-left-out"], found["bad-row"]) == (2, 1)


def test_cityscapes(workspace, tmp_path):
    root = tmp_path / "set"
    square = [[10, 6], [30, 6], [30, 26], [10, 26]]
    for part in ("train", "val"):
        for number in range(2):
            base = f"{part}{number}_000000_000019"
            picture(root / "leftImg8bit" / part / "bonn" / f"{base}_leftImg8bit.png", number + 10 * (part == "val"))
            labels = {"car": square, "cargroup": square, "ego vehicle": square, "road": square[:2]}
            objects = [{"label": label, "polygon": points} for label, points in labels.items()]
            content = {"imgHeight": HEIGHT, "imgWidth": WIDTH, "objects": objects}
            put(root / "gtFine" / part / "bonn" / f"{base}_gtFine_polygons.json", content)
            picture(root / "gtFine" / part / "bonn" / f"{base}_gtFine_labelIds.png", 99)
    dataset = import_dataset(workspace, root)
    assert (dataset.format, dataset.task, dataset.instances) == ("cityscapes", "segment", {"car": 4})
    assert dataset.images == {"train": 2, "val": 2, "test": 0}
    found = codes(dataset)
    assert (found["crowd-left-out"], found["bad-row"]) == (4, 4)
    assert "missing-label" not in found


NDJSON: dict[str, tuple[str, list[float]]] = {
    "boxes": ("detect", [0, 20 / WIDTH, 16 / HEIGHT, 20 / WIDTH, 20 / HEIGHT]),
    "segments": ("segment", [0, 10 / WIDTH, 6 / HEIGHT, 30 / WIDTH, 6 / HEIGHT, 30 / WIDTH, 26 / HEIGHT]),
    "obb": ("obb", [0, *(np.array(CORNERS) / [WIDTH, HEIGHT]).ravel().tolist()]),
    "pose": ("pose", [0, 20 / WIDTH, 16 / HEIGHT, 20 / WIDTH, 20 / HEIGHT, 0.2, 0.2, 2, 0.3, 0.3, 1]),
    "classification": ("classify", [0]),
}


def ndjson(root: Path, key: str, row: list[float], **head: Any) -> Path:
    pictures(root, 4)
    lines: list[dict[str, Any]] = [{"type": "dataset", "class_names": {"0": "a", "1": "b"}} | head]
    for number in range(4):
        own = [number % 2, *row[1:]]
        annotations = {key: [own[0] if key == "classification" else own]}
        split = "val" if number == 3 else "train"
        lines.append({"type": "image", "file": f"{number}.png", "url": "https://x.example/1", "width": WIDTH,
                      "height": HEIGHT, "split": split, "annotations": annotations})  # fmt: skip
    put(root / "data.ndjson", "\n".join(map(json.dumps, lines)))
    return root


@pytest.mark.parametrize("key", NDJSON)
@pytest.mark.parametrize("says_task", [True, False])
def test_ultralytics_ndjson(workspace, tmp_path, key, says_task):
    task, row = NDJSON[key]
    head = {"task": task} if says_task else {}
    dataset = import_dataset(workspace, ndjson(tmp_path / "set", key, row, **head))
    assert (dataset.format, dataset.task, dataset.classes) == ("ultralytics-ndjson", task, ["a", "b"])
    assert dataset.instances == {"a": 2, "b": 2}
    assert dataset.images == {"train": 3, "val": 1, "test": 0}
    if key in ("boxes", "segments"):
        assert near(dataset)


def test_ndjson_lacks_are_said(workspace, tmp_path):
    root = ndjson(tmp_path / "set", "boxes", NDJSON["boxes"][1])
    rows = {"gone.png": [[0, 0.5, 0.5, 0.1, 0.1]], "0.png": [[7, 0.5, 0.5, 0.1, 0.1], ["x"]]}
    lines = [{"type": "image", "file": name, "annotations": {"boxes": boxes}} for name, boxes in rows.items()]
    with (root / "data.ndjson").open("a") as file:
        file.write("\n" + "\n".join(map(json.dumps, lines)))
    found = codes(import_dataset(workspace, root))
    assert (found["image-missing"], found["class-out-of-range"], found["bad-row"]) == (1, 1, 1)
    for path in (root / "images").iterdir():
        path.rename(path.with_stem("other" + path.stem))
    with pytest.raises(InputError, match="NDJSON"):
        import_dataset(workspace, root)


def metadata(root: Path, rows: list[dict[str, Any]], name: str = "metadata.jsonl") -> Path:
    pictures(root, len(rows), "train")
    put(root / "train" / name, "\n".join(json.dumps({"file_name": f"{n}.png"} | row) for n, row in enumerate(rows)))
    return root


def test_metadata_with_boxes(workspace, tmp_path):
    rows = [{"objects": {"bbox": [[10, 6, 20, 20], [40, 20, 5, 5]], "categories": ["dent", "scratch"]}}] * 4
    dataset = import_dataset(workspace, metadata(tmp_path / "set", rows))
    assert (dataset.format, dataset.task, dataset.instances) == ("hugging-face", "detect", {"dent": 4, "scratch": 4})
    assert near(dataset)


def test_numbers_of_classes_get_the_names_of_the_card(workspace, tmp_path):
    rows = [{"objects": {"bbox": [[10, 6, 20, 20]], "category": [n % 2]}} for n in range(4)]
    root = metadata(tmp_path / "set", rows)
    assert codes(import_dataset(workspace, root))["no-class-names"] == 2
    put(
        root / "README.md",
        """---
dataset_info:
  features:
  - name: image
    dtype: image
  - name: objects
    sequence:
    - name: category
      dtype:
        class_label:
          names:
            '0': dent
            '1': scratch
---
# A set
""",
    )
    assert import_dataset(workspace, root).instances == {"dent": 2, "scratch": 2}


def test_corners_or_sizes_is_a_choice(workspace, tmp_path):
    rows = [{"objects": {"bbox": [[10, 6, 30, 26], [40, 30, 63, 47]], "category": ["a", "a"]}}] * 4
    root = metadata(tmp_path / "set", rows)
    (choice,) = understand(workspace, root).choices
    assert choice.taken == "xyxy"
    dataset = import_dataset(workspace, root)
    assert near(dataset)
    other = import_dataset(workspace, root, settings=ImportSettings(choices={"boxes": "xywh"}))
    assert not near(other)


@pytest.mark.parametrize("shape", ["flat", "list", "fractions"])
def test_other_shapes_of_rows(workspace, tmp_path, shape):
    if shape == "flat":
        row: dict[str, Any] = {"bbox": [10, 6, 20, 20], "label": "a"}
    elif shape == "list":
        row = {"annotations": [{"bbox": [10, 6, 20, 20], "label": "a"}]}
    else:
        row = {"objects": {"bbox": [[10 / WIDTH, 6 / HEIGHT, 20 / WIDTH, 20 / HEIGHT]], "label": ["a"]}}
    dataset = import_dataset(workspace, metadata(tmp_path / "set", [row] * 4))
    assert (dataset.task, dataset.instances) == ("detect", {"a": 4})
    assert near(dataset)


def test_metadata_with_a_class_per_picture(workspace, tmp_path):
    dataset = import_dataset(workspace, metadata(tmp_path / "set", [{"label": f"c{n % 2}"} for n in range(4)]))
    assert (dataset.task, dataset.instances) == ("classify", {"c0": 2, "c1": 2})


def test_captions_are_no_labels(workspace, tmp_path):
    with pytest.raises(InputError, match="text"):
        import_dataset(workspace, metadata(tmp_path / "set", [{"text": "a dog"}] * 4))


def png(number: int) -> bytes:
    buffer = io.BytesIO()
    values = np.random.default_rng(number).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(values).resize((WIDTH, HEIGHT)).save(buffer, "PNG")
    return buffer.getvalue()


def table(rows: list[dict[str, Any]], names: list[str] | None) -> pa.Table:
    made = pa.Table.from_pylist(rows)
    label = {"_type": "ClassLabel", "names": names}
    nested = {"feature": {"bbox": {}, "category": label}, "_type": "Sequence"}
    features = {"image": {"_type": "Image"}, "label": label, "objects": nested}
    if names:
        made = made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    return made


def write(made: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(made, path, row_group_size=2)
        return
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, made.schema) as stream:
        stream.write_table(made, max_chunksize=2)


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
@pytest.mark.parametrize("named", [True, False])
def test_pictures_inside_parquet_and_arrow(workspace, tmp_path, suffix, named):
    root = tmp_path / "set"
    for part, numbers in (("train", range(5)), ("test", range(5, 7))):
        rows = [
            {"image": {"bytes": png(n), "path": f"{n}.png" if named else None}, "width": WIDTH, "height": HEIGHT,
             "objects": {"bbox": [[10.0, 6, 20, 20]], "category": [n % 2]}}
            for n in numbers
        ]  # fmt: skip
        write(table(rows, ["dent", "scratch"]), root / "data" / f"{part}-00000-of-00001{suffix}")
    dataset = import_dataset(workspace, root)
    assert (dataset.format, dataset.task, dataset.classes) == ("hugging-face", "detect", ["dent", "scratch"])
    assert dataset.instances == {"dent": 4, "scratch": 3}
    assert dataset.images["test"] == 2
    for image in dataset.labelled():
        assert np.abs(np.array(image.objects[0].box) * np.tile([WIDTH, HEIGHT], 2) - [20, 16, 20, 20]).max() < 0.5
    digests = {path.read_bytes() for path in (dataset.root / "images").rglob("*.png")}
    assert digests == {png(n) for n in range(7)}


def test_classes_of_parquet(workspace, tmp_path):
    rows = [{"image": {"bytes": png(n), "path": None}, "label": n % 2} for n in range(6)]
    write(table(rows, ["well", "ill"]), tmp_path / "set" / "train-00000-of-00001.parquet")
    dataset = import_dataset(workspace, tmp_path / "set")
    assert (dataset.task, dataset.instances) == ("classify", {"ill": 3, "well": 3})


def test_damaged_parquet(workspace, tmp_path):
    rows = [{"image": {"bytes": png(n) if n else b"", "path": None}, "label": n % 2} for n in range(6)]
    path = tmp_path / "set" / "train.parquet"
    write(table(rows, ["well", "ill"]), path)
    assert codes(import_dataset(workspace, path.parent))["unreadable-image"] == 1
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError):
        import_dataset(workspace, path.parent)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(row=st.dictionaries(st.sampled_from(["objects", "bbox", "label", "category", "width", "file_name", "annotations",
                                             "type", "class_names", "file"]), json_values, max_size=5))  # fmt: skip
def test_json_lines_with_anything_in_them(tmp_path, row):
    root = tmp_path / "set"
    if not root.exists():
        pictures(root, 2, "train")
    put(root / "train" / "metadata.jsonl", "\n".join(json.dumps({"file_name": "0.png"} | row) for _ in range(2)))
    read_all(root)
    put(
        root / "train" / "metadata.jsonl",
        "\n".join(
            json.dumps(line)
            for line in ({"type": "dataset", "class_names": {"0": "a"}} | row, {"type": "image", "file": "0.png"} | row)
        ),
    )
    read_all(root)


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("train.tfrecord-00000-of-00002", b"\0\1", "TFRecord"),
        ("data.record", b"\0\1", "TFRecord"),
        ("data.mdb", b"\0\1", "LMDB"),
        ("digitStruct.mat", b"MATLAB 5.0", "MATLAB"),
        ("pathmnist.npz", b"PK", "NumPy"),
        ("set.h5", b"\x89HDF\r\n", "HDF5"),
        ("batch.pkl", b"\x80\x04", "pickle"),
        ("labels.geojson", b"{}", "GeoJSON"),
        ("a.nrrd", b"NRRD0004", "NRRD"),
        ("output.manifest", b"{}", "Ground Truth"),
        ("v1.0-mini/sample.json", b"[]", "nuScenes"),
        ("seq/gt/gt.txt", b"1,1,2,3,4,5,1,1,1\n", "MOTChallenge"),
        ("data.jsonl", b'{"source-ref": "s3://x"}', "Ground Truth"),
        ("data.jsonl", b'{"caption": "x"}', "file_name"),
        ("data.jsonl", b'{"caption', "cut off"),
    ],
)
@pytest.mark.parametrize("beside", [True, False])
def test_a_layout_that_is_not_read_is_named(workspace, tmp_path, file, content, words, beside):
    root = tmp_path / "set"
    if beside:
        pictures(root)
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        import_dataset(workspace, root)
    assert path.name in str(caught.value)


@pytest.mark.parametrize("file", ["scan.svs", "cells.czi", "IMG_1.CR2", "page.pdf"])
def test_what_is_no_picture_is_named_where_there_is_none(workspace, tmp_path, file):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / file).write_bytes(b"\0")
    with pytest.raises(InputError, match="which is not read"):
        import_dataset(workspace, tmp_path / "set")


def test_a_video_beside_labelled_pictures_stops_nothing(workspace, tmp_path):
    root = metadata(tmp_path / "set", [{"label": f"c{n % 2}"} for n in range(4)])
    (root / "clip.mp4").write_bytes(b"\0")
    (root / "best.pt").write_bytes(b"\0")
    assert codes(import_dataset(workspace, root))["other-files"] == 2
