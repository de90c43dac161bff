"""What labelling tools really write: groups, points, brush strokes, skeletons, pictures inside the label file."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.data.formats.tools.labelstudio import decode_brush
from core.data.importing.from_upload import import_dataset
from tests.data.writers import HEIGHT, WIDTH, picture, put

SQUARE = [[10, 6], [30, 6], [30, 26], [10, 26]]
SIZE = np.array([WIDTH, HEIGHT])


def codes(dataset) -> dict[str, int]:
    return {item.code: item.count for item in dataset.findings}


def first(dataset):
    return next(iter(dataset.labelled())).objects


def corners(item) -> np.ndarray:
    """Left, top, right, bottom in pixels."""
    x, y, w, h = item.box
    return np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2]) * np.tile(SIZE, 2)


def labelme(root: Path, shapes: list[dict[str, Any]], count: int = 3, **more: Any) -> Path:
    for number in range(count):
        picture(root / f"{number}.png", number)
        content = {"shapes": shapes, "imagePath": f"{number}.png", "imageWidth": WIDTH, "imageHeight": HEIGHT}
        put(root / f"{number}.json", content | more)
    return root


def shape(label: str, kind: str, points: list[list[float]], group: object = None, **more: object) -> dict[str, Any]:
    return {"label": label, "points": points, "shape_type": kind, "group_id": group} | more


@pytest.mark.parametrize("kind", ["Rectangle", "RECTANGLE", "Polygon", "Circle"])
def test_labelme_shapes_in_capitals(workspace, tmp_path, kind):
    points = SQUARE if kind == "Polygon" else [[10, 6], [30, 26]]
    dataset = import_dataset(workspace, labelme(tmp_path / "set", [shape("a", kind, points)]))
    assert dataset.instances == {"a": 3}
    assert "other-shape" not in codes(dataset)


def test_labelme_shapes_of_one_group_are_one_object(workspace, tmp_path):
    far = [[40, 30], [50, 30], [50, 40]]
    shapes = [
        shape("worm", "polygon", SQUARE, 1),
        shape("worm", "polygon", far, 1),
        shape("worm", "polygon", far),
        shape("leaf", "polygon", SQUARE, 1),
    ]
    dataset = import_dataset(workspace, labelme(tmp_path / "set", shapes))
    assert dataset.instances == {"leaf": 3, "worm": 6}
    assert codes(dataset)["parts-joined"] == 3
    widest = max((item for item in first(dataset)), key=lambda item: item.box[2])
    assert np.abs(corners(widest) - [10, 6, 50, 40]).max() < 0.5


def test_labelme_boxes_of_one_group_are_one_box(workspace, tmp_path):
    shapes = [shape("a", "rectangle", [[2, 2], [9, 9]], 3), shape("a", "rectangle", [[20, 20], [40, 30]], 3)]
    dataset = import_dataset(workspace, labelme(tmp_path / "set", shapes))
    assert dataset.task == "detect"
    assert np.abs(corners(first(dataset)[0]) - [2, 2, 40, 30]).max() < 0.5


def test_points_of_a_group_with_a_box_are_keypoints(workspace, tmp_path):
    shapes = [
        shape("hand", "rectangle", [[5, 5], [40, 40]], 1),
        shape("left_tip", "point", [[10, 12]], 1),
        shape("right_tip", "point", [[30, 14]], 1, flags={"occluded": True}),
        shape("lone", "point", [[1, 1]]),
    ]
    dataset = import_dataset(workspace, labelme(tmp_path / "set", shapes))
    assert (dataset.task, dataset.keypoint_shape, dataset.flip_idx) == ("pose", (2, 3), [1, 0])
    assert np.allclose(first(dataset)[0].keypoints * [WIDTH, HEIGHT, 1], [[10, 12, 2], [30, 14, 1]], atol=0.1)
    assert codes(dataset)["other-shape"] == 3


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_pictures_inside_the_label_file(workspace, tmp_path, prefix):
    root = tmp_path / "set"
    for number in range(4):
        picture(tmp_path / f"{number}.png", number)
        data = prefix + base64.b64encode((tmp_path / f"{number}.png").read_bytes()).decode()
        content = {"shapes": [shape("a", "rectangle", [[10, 6], [30, 26]])], "imagePath": f"../{number}.png",
                   "imageData": data, "imageWidth": WIDTH, "imageHeight": HEIGHT}  # fmt: skip
        put(root / f"{number}.json", content)
    before = {path.name: path.read_bytes() for path in root.iterdir()}
    dataset = import_dataset(workspace, root)
    assert dataset.instances == {"a": 4}
    assert np.abs(corners(first(dataset)[0]) - [10, 6, 30, 26]).max() < 0.5
    assert {Path(name).name for name in dataset.image_table()["file"]} == {f"{number}.png" for number in range(4)}
    assert {path.name: path.read_bytes() for path in root.iterdir()} == before


def test_a_damaged_picture_inside_a_label_file_is_said(workspace, tmp_path):
    root = labelme(tmp_path / "set", [shape("a", "rectangle", [[10, 6], [30, 26]])])
    put(root / "x.json", {"shapes": [], "imagePath": "x.png", "imageData": "no picture", "imageWidth": 9})
    put(root / "y.json", {"shapes": [], "imagePath": "y.png", "imageData": "é", "imageWidth": 9})
    dataset = import_dataset(workspace, root)
    assert codes(dataset)["unreadable-image"] == 2
    assert sum(dataset.images.values()) == 3


def test_other_json_beside_labelme_is_no_label(workspace, tmp_path):
    root = labelme(tmp_path / "set", [shape("a", "polygon", SQUARE)])
    put(root / "settings.json", {"theme": "dark"})
    put(root / "result.json", [1, 2])
    picture(root / "x.png", 9)
    put(root / "x.json", '{"shapes": [')
    found = codes(import_dataset(workspace, root))
    assert found["other-files"] == 2
    assert found["unreadable-label"] == 1


@pytest.mark.parametrize("extra", [[], [shape("a", "rectangle", [[2, 2], [9, 9]])]])
def test_rotation_boxes_of_x_anylabeling(workspace, tmp_path, extra):
    turned = [[30, 10], [60, 25], [50, 45], [20, 30]]
    shapes = [shape("a", "rotation", turned, direction=0.46), *extra]
    dataset = import_dataset(workspace, labelme(tmp_path / "set", shapes))
    assert dataset.task == "obb"
    assert dataset.instances == {"a": 3 + 3 * len(extra)}
    assert np.abs(first(dataset)[0].polygon * SIZE - turned).max() < 0.5


def cvat(root: Path, inner: str, labels: str = "", count: int = 3) -> Path:
    images = ""
    for number in range(count):
        picture(root / f"{number}.png", number)
        images += f'<image name="{number}.png" width="{WIDTH}" height="{HEIGHT}">{inner}</image>'
    meta = f"<meta><task><labels>{labels}</labels></task></meta>"
    put(root / "annotations.xml", f"<annotations>{meta}{images}</annotations>")
    return root


SKELETON = (
    '<skeleton label="hand"><points label="a" outside="0" occluded="0" points="20,10"/>'
    '<points label="c" outside="0" occluded="1" points="40,30"/>'
    '<points label="b" outside="1" occluded="0" points="1,1"/></skeleton>'
)
HAND = "<label><name>hand</name><type>skeleton</type></label>" + "".join(
    f"<label><name>{name}</name><parent>hand</parent></label>" for name in "abc"
)


def test_skeletons_of_cvat(workspace, tmp_path):
    dataset = import_dataset(workspace, cvat(tmp_path / "set", SKELETON, HAND))
    assert (dataset.task, dataset.classes, dataset.keypoint_shape) == ("pose", ["hand"], (3, 3))
    (item,) = first(dataset)
    assert np.allclose(item.keypoints * [WIDTH, HEIGHT, 1], [[20, 10, 2], [0, 0, 0], [40, 30, 1]], atol=0.1)
    assert np.abs(corners(item) - [20, 10, 40, 30]).max() < 0.5


def test_an_ellipse_of_cvat_is_turned(workspace, tmp_path):
    inner = '<ellipse label="a" cx="32" cy="24" rx="20" ry="5" rotation="90"/>'
    dataset = import_dataset(workspace, cvat(tmp_path / "set", inner))
    assert np.abs(corners(first(dataset)[0]) - [27, 4, 37, 44]).max() < 0.5


@pytest.mark.parametrize("shown", ["0", "1"])
def test_boxes_between_key_frames_are_filled_in(workspace, tmp_path, shown):
    root = tmp_path / "set"
    for number in range(5):
        picture(root / f"frame_{number:06d}.png", number)
    box = '<box frame="{}" outside="{}" xtl="{}" ytl="4" xbr="{}" ybr="20"/>'
    track = box.format(0, 0, 0, 10) + box.format(4, shown, 20, 30)
    put(root / "annotations.xml", f'<annotations><track label="a">{track}</track></annotations>')
    dataset = import_dataset(workspace, root)
    assert dataset.instances == {"a": 5 if shown == "0" else 4}
    assert codes(dataset)["track-filled"] == 3
    table = dataset.image_table().set_index("file")["source"]
    middle = next(item for item in dataset.labelled() if table[item.file].endswith("2.png"))
    assert np.abs(corners(middle.objects[0]) - [10, 4, 20, 20]).max() < 0.5


def labelstudio(root: Path, results: list[dict[str, Any]], key: str = "annotations", count: int = 3) -> Path:
    tasks = []
    for number in range(count):
        picture(root / f"{number}.png", number)
        sized = [{"original_width": WIDTH, "original_height": HEIGHT} | item for item in results]
        tasks.append({"id": number, "data": {"image": f"{number}.png"}, key: [{"result": sized}]})
    put(root / "export.json", tasks)
    return root


def percent(left: float, top: float, right: float, bottom: float) -> dict[str, float]:
    return {"x": 100 * left / WIDTH, "y": 100 * top / HEIGHT, "width": 100 * (right - left) / WIDTH,
            "height": 100 * (bottom - top) / HEIGHT, "rotation": 0}  # fmt: skip


RECTANGLE = {"id": "r", "type": "rectanglelabels", "value": percent(10, 6, 30, 26) | {"rectanglelabels": ["hand"]}}


def test_completions_of_old_label_studio(workspace, tmp_path):
    dataset = import_dataset(workspace, labelstudio(tmp_path / "set", [RECTANGLE], "completions"))
    assert dataset.instances == {"hand": 3}
    assert np.abs(corners(first(dataset)[0]) - [10, 6, 30, 26]).max() < 0.5


def point(label: str, x: float, y: float, **more: object) -> dict[str, Any]:
    value = {"x": 100 * x / WIDTH, "y": 100 * y / HEIGHT, "width": 0.5, "keypointlabels": [label]}
    return {"id": label, "type": "keypointlabels", "value": value} | more


@pytest.mark.parametrize("link", ["parent", "relation", "inside"])
def test_points_of_label_studio_go_to_their_box(workspace, tmp_path, link):
    more: dict[str, object] = {"parentID": "r"} if link == "parent" else {}
    results = [RECTANGLE, point("tip", 12, 8, **more), point("base", 28, 24, **more)]
    if link == "relation":
        results += [{"type": "relation", "from_id": name, "to_id": "r"} for name in ("tip", "base")]
    dataset = import_dataset(workspace, labelstudio(tmp_path / "set", results))
    assert (dataset.task, dataset.instances, dataset.keypoint_shape) == ("pose", {"hand": 3}, (2, 3))
    assert np.allclose(first(dataset)[0].keypoints * [WIDTH, HEIGHT, 1], [[12, 8, 2], [28, 24, 2]], atol=0.1)


def test_points_without_an_object_are_left_out_and_said(workspace, tmp_path):
    dataset = import_dataset(workspace, labelstudio(tmp_path / "set", [RECTANGLE, point("tip", 60, 40)]))
    assert dataset.task == "detect"
    assert codes(dataset)["other-shape"] == 3


def test_points_and_nothing_else_are_one_object_per_picture(workspace, tmp_path):
    studio = labelstudio(tmp_path / "studio", [point("tip", 12, 8), point("base", 28, 24)])
    plain = labelme(tmp_path / "plain", [shape("tip", "point", [[12, 8]]), shape("base", "point", [[28, 24]])])
    for root in (studio, plain):
        dataset = import_dataset(workspace, root)
        assert (dataset.task, dataset.instances, dataset.keypoint_shape) == ("pose", {"object": 3}, (2, 3))
        assert codes(dataset)["points-alone"] == 3
        assert np.abs(corners(first(dataset)[0]) - [12, 8, 28, 24]).max() < 0.5


def test_a_box_and_its_label_with_one_id(workspace, tmp_path):
    place = percent(10, 6, 30, 26)
    results = [
        {"id": "r", "type": "rectangle", "value": place},
        {"id": "r", "type": "labels", "value": place | {"labels": ["dent"]}},
        {"id": "r", "type": "textarea", "value": place | {"text": ["deep"]}},
    ]
    dataset = import_dataset(workspace, labelstudio(tmp_path / "set", results))
    assert dataset.instances == {"dent": 3}
    assert not {"other-shape", "bad-row"} & set(codes(dataset))


def test_an_ellipse_of_label_studio_is_turned_in_pixels(workspace, tmp_path):
    value = {"x": 50, "y": 50, "radiusX": 100 * 20 / WIDTH, "radiusY": 100 * 5 / HEIGHT, "rotation": 90}
    result = {"id": "e", "type": "ellipselabels", "value": value | {"ellipselabels": ["a"]}}
    dataset = import_dataset(workspace, labelstudio(tmp_path / "set", [result]))
    assert np.abs(corners(first(dataset)[0]) - [27, 4, 37, 44]).max() < 0.5


def brush(mask: np.ndarray) -> list[int]:
    """Write a mask as Label Studio does: RGBA, blocks of one repeated value of up to 256."""
    values = np.repeat(mask.ravel()[:, None] * 255, 4, axis=1).ravel()
    bits = f"{values.size:032b}{7:05b}" + f"{2:04b}{3:04b}{7:04b}{15:04b}"
    place = 0
    while place < values.size:
        end = place
        while end < values.size and end - place < 60_000 and values[end] == values[place]:
            end += 1
        bits += f"1{3:02b}{end - place - 1:016b}{int(values[place]):08b}"
        place = end
    bits += "0" * (-len(bits) % 8)
    return [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]


def test_brush_strokes_of_label_studio(workspace, tmp_path):
    mask = np.zeros((HEIGHT, WIDTH), int)
    mask[6:26, 10:30] = 1
    value = {"format": "rle", "rle": brush(mask), "brushlabels": ["crack"]}
    result = {"id": "b", "type": "brushlabels", "value": value}
    dataset = import_dataset(workspace, labelstudio(tmp_path / "set", [result]))
    assert (dataset.task, dataset.instances) == ("segment", {"crack": 3})
    assert np.abs(corners(first(dataset)[0]) - [10, 6, 30, 26]).max() < 0.5


@pytest.mark.parametrize("damage", ["cut", "size", "empty"])
def test_damaged_brush_strokes_are_refused(damage):
    mask = np.random.default_rng(0).integers(0, 2, (8, 9))
    good = brush(mask)
    assert (decode_brush(good, 8, 9) == mask).all()
    bad, height = (good[:20], 8) if damage == "cut" else (good, 9) if damage == "size" else ([], 8)
    with pytest.raises(ValueError, match="brush mask"):
        decode_brush(bad, height, 9)


OUTLINES = {
    "rectlabel": "<polygon>" + "".join(f"<x{n}>{x}</x{n}><y{n}>{y}</y{n}>" for n, (x, y) in enumerate(SQUARE, 1))
    + "</polygon>",
    "with a box": "<bndbox><xmin>10</xmin><ymin>6</ymin><xmax>30</xmax><ymax>26</ymax></bndbox><polygon>"
    + "".join(f"<x{n}>{x}</x{n}><y{n}>{y}</y{n}>" for n, (x, y) in enumerate(SQUARE, 1)) + "</polygon>",
    "labelme online": "<polygon>" + "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in SQUARE) + "</polygon>",
}  # fmt: skip


@pytest.mark.parametrize("kind", OUTLINES)
def test_outlines_in_voc(workspace, tmp_path, kind):
    root = tmp_path / "set"
    for number in range(3):
        picture(root / f"{number}.png", number)
        put(root / f"{number}.xml", f"<annotation><object><name>a</name>{OUTLINES[kind]}</object></annotation>")
    dataset = import_dataset(workspace, root)
    assert (dataset.task, dataset.instances) == ("segment", {"a": 3})
    assert np.abs(first(dataset)[0].polygon * SIZE - SQUARE).max() < 0.5
    assert "bad-row" not in codes(dataset)


def test_pictures_inside_label_files_can_be_as_large_as_others(workspace, tmp_path):
    """What lies inside is treated like any picture: a bomb in it is one."""
    buffer = io.BytesIO()
    Image.new("L", (64, 48)).save(buffer, "BMP")
    data = bytearray(buffer.getvalue())
    data[18:26] = (60_000).to_bytes(4, "little") * 2
    root = labelme(tmp_path / "set", [shape("a", "polygon", SQUARE)])
    put(root / "x.json", json.dumps({"shapes": [], "imagePath": "x.png", "imageData": base64.b64encode(data).decode()}))
    with pytest.raises(Exception, match="60,000 x 60,000"):
        import_dataset(workspace, root)
