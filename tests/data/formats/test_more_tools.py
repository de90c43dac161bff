"""VIA, Supervisely, Darwin, Datumaro and Labelbox: there and back, their other shapes, and broken in each way."""

from __future__ import annotations

import base64
import io
import json
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from core.data.importing.from_upload import import_dataset
from core.data.importing.settings import ImportSettings
from core.data.importing.understanding import understand
from tests.data.formats.test_readers_hold import copied, damage, read_all, scramble, write_all
from tests.data.formats.test_round_trip import boxes_of
from tests.data.tool_writers import TOOL_WRITERS
from tests.data.writers import CLASSES, HEIGHT, WIDTH, picture, put, truth

SQUARE = [[10, 6], [30, 6], [30, 26], [10, 26]]
XY = [{"x": x, "y": y} for x, y in SQUARE]
SIZE = np.array([WIDTH, HEIGHT])
CALM = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


def codes(dataset) -> dict[str, int]:
    return {item.code: item.count for item in dataset.findings}


@pytest.mark.parametrize("layout", TOOL_WRITERS)
def test_boxes_come_back_to_half_a_pixel(workspace, tmp_path, layout):
    known = truth()
    TOOL_WRITERS[layout](tmp_path / "set", known)
    dataset = import_dataset(workspace, tmp_path / "set")
    assert (dataset.task, dataset.classes) == ("detect", CLASSES)
    assert dataset.format == layout.split("-")[0]
    found = boxes_of(dataset)
    for stem, objects in known.objects.items():
        expected = np.array([item[1:] for item in sorted(objects)], dtype=float)
        assert np.abs(np.array([item[1:] for item in found[stem]]) - expected).max() < 0.5
    assert dataset.instances == dict(Counter(item[0] for objects in known.objects.values() for item in objects))
    assert not {"other-files", "bad-row", "image-missing"} & set(codes(dataset))


@pytest.fixture(scope="module")
def layouts(tmp_path_factory):
    return write_all(tmp_path_factory.mktemp("layouts"), TOOL_WRITERS)


@pytest.mark.parametrize("layout", TOOL_WRITERS)
@CALM
@given(data=st.data())
def test_damaged_label_files(layouts, tmp_path, layout, data):
    root = copied(layouts, layout, tmp_path / "set")
    files = sorted(path for path in root.rglob("*") if path.suffix in (".json", ".csv", ".ndjson"))
    damage(data.draw(st.sampled_from(files)), data)
    read_all(root)


@pytest.mark.parametrize("layout", ["via", "via-3", "supervisely", "darwin", "datumaro", "labelbox"])
@CALM
@given(data=st.data())
def test_json_with_anything_in_any_place(layouts, tmp_path, layout, data):
    root = copied(layouts, layout, tmp_path / "set")
    path = sorted([*root.rglob("*.json"), *root.rglob("*.ndjson")])[0]
    first, *rest = path.read_text().split("\n")
    content = json.loads(first)
    scramble(content, data)
    path.write_text("\n".join([json.dumps(content), *rest]))
    read_all(root)


def one(root: Path, content: object, name: str = "labels.json", count: int = 3) -> Path:
    """Write pictures 0.png, 1.png ... and the label file; `N` in its text stands for each number in turn."""
    for number in range(count):
        picture(root / f"{number}.png", number)
    put(root / name, content)
    return root


def via(shape: dict[str, Any], attributes: dict[str, Any], count: int = 3) -> dict[str, Any]:
    region = {"shape_attributes": shape, "region_attributes": attributes}
    return {f"{n}.png": {"filename": f"{n}.png", "regions": {"0": region}, "file_attributes": {}} for n in range(count)}


POLYGON = {"name": "polygon", "all_points_x": [x for x, _ in SQUARE], "all_points_y": [y for _, y in SQUARE]}


@pytest.mark.parametrize(
    ("shape", "box"),
    [
        (POLYGON, [10, 6, 30, 26]),
        ({"name": "circle", "cx": 20, "cy": 16, "r": 10}, [10, 6, 30, 26]),
        ({"name": "ellipse", "cx": 32, "cy": 24, "rx": 20, "ry": 5, "theta": np.pi / 2}, [27, 4, 37, 44]),
    ],
)
def test_shapes_of_via(workspace, tmp_path, shape, box):
    dataset = import_dataset(workspace, one(tmp_path / "set", via(shape, {"kind": "a"})))
    assert (dataset.task, dataset.instances) == ("segment", {"a": 3})
    assert np.abs(np.array(boxes_of(dataset)["0"][0][1:]) - box).max() < 0.5


def test_via_lines_are_left_out_and_said(workspace, tmp_path):
    content = via(POLYGON, {"kind": "a"})
    content["0.png"]["regions"]["1"] = {"shape_attributes": {"name": "polyline"}, "region_attributes": {"kind": "a"}}
    content["1.png"]["regions"]["1"] = {"shape_attributes": POLYGON, "region_attributes": {}}
    found = codes(import_dataset(workspace, one(tmp_path / "set", content)))
    assert (found["other-shape"], found["bad-row"]) == (1, 1)


def test_via_without_attributes_has_one_class(workspace, tmp_path):
    assert import_dataset(workspace, one(tmp_path / "set", via(POLYGON, {}))).classes == ["object"]


def test_via_asks_which_attribute_is_the_class(workspace, tmp_path):
    root = one(tmp_path / "set", via(POLYGON, {"colour": "red", "shape_of_it": "round"}))
    choice = understand(workspace, root).open_choice
    assert choice is not None
    assert {option.value for option in choice.options} == {"colour", "shape_of_it"}
    dataset = import_dataset(workspace, root, settings=ImportSettings(choices={"attribute": "colour"}))
    assert dataset.classes == ["red"]
    put(root / "labels.json", via(POLYGON, {"colour": "red", "class": {"bad": True, "good": False}}))
    assert import_dataset(workspace, root).classes == ["bad"]


def png_of(mask: np.ndarray) -> str:
    buffer = io.BytesIO()
    image = Image.new("RGBA", mask.shape[::-1])
    image.putalpha(Image.fromarray((mask * 255).astype(np.uint8)))
    image.save(buffer, "PNG")
    return base64.b64encode(zlib.compress(buffer.getvalue())).decode()


def supervisely(root: Path, items: list[dict[str, Any]], tags: list[str] = ()) -> Path:
    put(root / "meta.json", {"classes": [{"title": "hand", "shape": "graph", "geometry_config": {
        "nodes": {"n1": {"label": "tip"}, "n2": {"label": "base"}}}}, {"title": "a", "shape": "any"}]})  # fmt: skip
    for number in range(3):
        picture(root / "d" / "img" / f"{number}.png", number)
        size = {"height": HEIGHT, "width": WIDTH}
        content = {"tags": [{"name": tag} for tag in tags], "size": size, "objects": items}
        put(root / "d" / "ann" / f"{number}.png.json", content)
    return root


def test_masks_and_outlines_of_supervisely(workspace, tmp_path):
    mask = np.ones((20, 20), bool)
    items = [
        {"classTitle": "a", "geometryType": "bitmap", "bitmap": {"data": png_of(mask), "origin": [10, 6]}},
        {"classTitle": "a", "geometryType": "polygon", "points": {"exterior": SQUARE, "interior": [SQUARE]}},
        {"classTitle": "a", "geometryType": "bitmap", "bitmap": {"data": "damaged", "origin": [10, 6]}},
        {"classTitle": "a", "geometryType": "line", "points": {"exterior": SQUARE}},
    ]
    dataset = import_dataset(workspace, supervisely(tmp_path / "set", items))
    assert (dataset.task, dataset.instances["a"]) == ("segment", 6)
    for item in boxes_of(dataset)["0"]:
        assert np.abs(np.array(item[1:]) - [10, 6, 30, 26]).max() < 0.5
    found = codes(dataset)
    assert (found["bad-row"], found["other-shape"], found["hole-filled"]) == (3, 3, 3)


def test_graphs_of_supervisely_are_keypoints_and_tags_parts(workspace, tmp_path):
    nodes = {"n2": {"loc": [30, 26]}, "n1": {"loc": [10, 6], "disabled": True}}
    root = supervisely(tmp_path / "set", [{"classTitle": "hand", "geometryType": "graph", "nodes": nodes}])
    dataset = import_dataset(workspace, root)
    assert (dataset.task, dataset.keypoint_shape) == ("pose", (2, 3))
    item = next(iter(dataset.labelled())).objects[0]
    assert np.allclose(item.keypoints * [WIDTH, HEIGHT, 1], [[10, 6, 1], [30, 26, 2]], atol=0.1)
    tagged = supervisely(tmp_path / "tagged", [], ["test", "dull"])
    assert import_dataset(workspace, tagged).instances == {"dull": 3}
    size = {"height": HEIGHT, "width": WIDTH}
    put(tagged / "d" / "ann" / "1.png.json", {"tags": [{"name": "shiny"}], "size": size, "objects": []})
    assert import_dataset(workspace, tagged).images == {"train": 1, "val": 0, "test": 2}


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ({"polygon": {"paths": [XY]}, "bounding_box": {"x": 0, "y": 0, "w": 1, "h": 1}}, ""),
        ({"polygon": {"path": XY}}, ""),
        ({"complex_polygon": {"path": [XY, XY]}}, "parts-joined"),
        ({"ellipse": {"center": {"x": 20, "y": 16}, "radius": {"x": 10, "y": 10}, "angle": 0.3}}, ""),
        ({"line": {"path": XY}, "bounding_box": {"x": 0, "y": 0, "w": 1, "h": 1}}, "other-shape"),
        ({"polygon": {"paths": [[{"x": 1}]]}}, "bad-row"),
    ],
)
def test_shapes_of_darwin(workspace, tmp_path, item, code):
    root = tmp_path / "set"
    for number in range(3):
        picture(root / f"{number}.png", number)
        whole = {"name": "a", "polygon": {"path": XY}, "bounding_box": {"x": 9, "y": 9, "w": 5, "h": 5}}
        image = {"filename": f"{number}.png", "width": WIDTH, "height": HEIGHT, "workview_url": "x"}
        put(root / f"{number}.json", {"image": image, "annotations": [whole, {"name": "a"} | item]})
    dataset = import_dataset(workspace, root)
    assert dataset.task == "segment"
    assert dataset.instances == {"a": 3 if code in ("other-shape", "bad-row") else 6}
    assert not code or codes(dataset)[code] == 3
    for found in boxes_of(dataset)["0"]:
        assert np.abs(np.array(found[1:]) - [10, 6, 30, 26]).max() < 0.5


def test_skeletons_and_tags_of_darwin(workspace, tmp_path):
    root = tmp_path / "set"
    for number in range(3):
        picture(root / f"{number}.png", number)
        nodes = [{"name": "tip", "x": 10, "y": 6}, {"name": "base", "x": 30, "y": 26, "occluded": True}]
        item = {"name": f"{number}.png", "path": "/", "slots": [{"width": WIDTH, "height": HEIGHT}]}
        put(root / f"{number}.json", {"item": item, "annotations": [{"name": "hand", "skeleton": {"nodes": nodes}}]})
    dataset = import_dataset(workspace, root)
    assert (dataset.task, dataset.keypoint_shape) == ("pose", (2, 3))
    for number in range(3):
        item = {"name": f"{number}.png", "slots": [{}]}
        put(root / f"{number}.json", {"item": item, "annotations": [{"name": f"c{number % 2}", "tag": {}}]})
    assert import_dataset(workspace, root).instances == {"c0": 2, "c1": 1}


FLAT = [value for pair in SQUARE for value in pair]


def runs(mask: np.ndarray) -> dict[str, Any]:
    flat = mask.T.ravel()
    edges = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1, [flat.size]])
    return {"size": list(mask.shape), "counts": np.diff(edges).tolist()}


def datumaro(items: list[dict[str, Any]], count: int = 3) -> dict[str, Any]:
    categories = {"label": {"labels": [{"name": "a"}, {"name": "b"}]},
                  "points": {"items": [{"label_id": 0, "labels": ["tip", "base"]}]}}  # fmt: skip
    listed = [{"id": str(n), "annotations": items, "image": {"path": f"{n}.png"}} for n in range(count)]
    return {"info": {}, "categories": categories, "items": listed}


def test_shapes_of_datumaro(workspace, tmp_path):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[6:26, 10:30] = True
    items = [
        {"type": "polygon", "label_id": 0, "points": FLAT},
        {"type": "mask", "label_id": 0, "rle": runs(mask)},
        {"type": "ellipse", "label_id": 0, "points": [10, 6, 30, 26]},
        {"type": "polygon", "label_id": 0, "points": FLAT, "group": 1},
        {"type": "polygon", "label_id": 0, "points": FLAT, "group": 1},
        {"type": "cuboid_3d", "label_id": 0},
        {"type": "polygon", "label_id": 7, "points": FLAT},
        {"type": "mask", "label_id": 0, "rle": {"size": [1, 1], "counts": [9]}},
    ]
    dataset = import_dataset(workspace, one(tmp_path / "set", datumaro(items)))
    assert (dataset.task, dataset.instances) == ("segment", {"a": 12, "b": 0})
    for item in boxes_of(dataset)["0"]:
        assert np.abs(np.array(item[1:]) - [10, 6, 30, 26]).max() < 0.6
    found = codes(dataset)
    assert [found[code] for code in ("parts-joined", "other-shape", "class-out-of-range", "bad-row")] == [3] * 4


@pytest.mark.parametrize(
    ("item", "task"),
    [
        ({"type": "rotated_bbox", "label_id": 0, "cx": 32, "cy": 24, "w": 40, "h": 10, "r": 90}, "obb"),
        ({"type": "bbox", "label_id": 0, "bbox": [12, 19, 40, 10], "attributes": {"rotation": 90}}, "obb"),
        ({"type": "points", "label_id": 0, "points": [27, 4, 37, 44], "visibility": [2, 1]}, "pose"),
        ({"type": "skeleton", "label_id": 0, "elements": [{"type": "points", "points": [27, 4]},
                                                         {"type": "points", "points": [37, 44]}]}, "pose"),
    ],
)  # fmt: skip
def test_turned_boxes_and_points_of_datumaro(workspace, tmp_path, item, task):
    dataset = import_dataset(workspace, one(tmp_path / "set", datumaro([item])))
    assert (dataset.task, dataset.instances["a"]) == (task, 3)
    assert np.abs(np.array(boxes_of(dataset)["0"][0][1:]) - [27, 4, 37, 44]).max() < 0.5
    assert task == "obb" or dataset.keypoint_shape == (2, 3)


def test_a_mask_kept_at_labelbox_is_said(workspace, tmp_path):
    label = {"objects": [{"title": "a", "polygon": XY}, {"title": "a", "instanceURI": "https://x.example/m.png"}]}
    content = [{"External ID": f"{n}.png", "Label": label, "Labeled Data": "https://x.example/y"} for n in range(3)]
    dataset = import_dataset(workspace, one(tmp_path / "set", content))
    assert (dataset.format, dataset.task, dataset.instances) == ("labelbox", "segment", {"a": 3})
    assert codes(dataset)["other-shape"] == 3
