"""Outlines, rotated boxes and keypoints: there and back to half a pixel, and broken in ten ways and more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from core.data.formats.masks import detect, read
from core.data.importing.from_upload import import_dataset
from core.data.reading.tree import read_folder
from core.errors import InputError
from tests.data.writers import HEIGHT, WIDTH, picture, put

OUTLINE = np.array([[10.0, 6], [40, 9], [52, 30], [25, 40], [8, 22]])
CORNERS = np.array([[20.0, 10], [40, 16], [34, 36], [14, 30]])
POINTS = np.array([[26.0, 12, 2], [34, 14, 1], [0, 0, 0]])
BOX = (0.5, 0.5, 0.5, 0.6)
SIZE = np.array([WIDTH, HEIGHT])


def row(*numbers: object) -> str:
    return " ".join(f"{number:.6f}" if isinstance(number, float) else str(number) for number in numbers) + "\n"


def flat(points: np.ndarray) -> list[float]:
    return [float(value) for value in (points / SIZE).ravel()]


def pose(points: np.ndarray = POINTS) -> list[float]:
    return [value for x, y, seen in points.tolist() for value in (x / WIDTH, y / HEIGHT, seen)]


GOOD = {"segment": row(0, *flat(OUTLINE)), "obb": row(0, *flat(CORNERS)), "pose": row(0, *BOX, *pose())}


def write_yolo(root: Path, task: str, count: int = 4) -> None:
    for number in range(count):
        picture(root / "images" / f"{number}.png", number)
        put(root / "labels" / f"{number}.txt", GOOD[task])
    extra = "kpt_shape: [3, 3]\nflip_idx: [1, 0, 2]\n" if task == "pose" else ""
    put(root / "data.yaml", f"path: .\ntrain: images\nval: images_val\nnames: [a, b]\n{extra}")


@pytest.mark.parametrize("task", GOOD)
def test_yolo_shapes_come_back(workspace, tmp_path, task):
    write_yolo(tmp_path / "set", task)
    dataset = import_dataset(workspace, tmp_path / "set")
    assert dataset.task == task
    for image in dataset.labelled():
        (item,) = image.objects
        if task == "pose":
            assert np.abs(item.keypoints[:2, :2] * SIZE - POINTS[:2, :2]).max() < 0.5
            assert item.keypoints[:, 2].tolist() == [2, 1, 0]
            assert np.allclose(item.box, BOX, atol=1e-5)
        else:
            assert np.abs(item.polygon * SIZE - (OUTLINE if task == "segment" else CORNERS)).max() < 0.5
    if task == "pose":
        assert (dataset.keypoint_shape, dataset.flip_idx) == ((3, 3), [1, 0, 2])


def labelme(root: Path) -> None:
    for number in range(3):
        picture(root / f"{number}.png", number)
        shape = {"label": "a", "points": OUTLINE.tolist(), "shape_type": "polygon"}
        put(root / f"{number}.json", {"shapes": [shape], "imagePath": f"{number}.png", "imageWidth": WIDTH,
                                      "imageHeight": HEIGHT})  # fmt: skip


def cvat(root: Path) -> None:
    text = ";".join(f"{x:g},{y:g}" for x, y in OUTLINE)
    images = ""
    for number in range(3):
        picture(root / f"{number}.png", number)
        images += f'<image name="{number}.png" width="{WIDTH}" height="{HEIGHT}"><polygon label="a" points="{text}"/>'
        images += "</image>"
    put(root / "annotations.xml", f"<annotations>{images}</annotations>")


def labelstudio(root: Path) -> None:
    tasks = []
    for number in range(3):
        picture(root / f"{number}.png", number)
        value = {"points": (100 * OUTLINE / SIZE).tolist(), "polygonlabels": ["a"]}
        result = {"type": "polygonlabels", "original_width": WIDTH, "original_height": HEIGHT, "value": value}
        tasks.append({"id": number, "data": {"image": f"{number}.png"}, "annotations": [{"result": [result]}]})
    put(root / "export.json", tasks)


@pytest.mark.parametrize("write", [labelme, cvat, labelstudio])
def test_outlines_of_labelling_tools_come_back(workspace, tmp_path, write: Callable[[Path], None]):
    write(tmp_path / "set")
    dataset = import_dataset(workspace, tmp_path / "set")
    assert (dataset.task, dataset.classes) == ("segment", ["a"])
    for image in dataset.labelled():
        (item,) = image.objects
        assert np.abs(item.polygon * SIZE - OUTLINE).max() < 0.5


BROKEN: dict[str, list[tuple[str, str, str]]] = {
    "segment": [
        ("two points", row(0, 0.1, 0.1, 0.5, 0.5), "mixed-labels"),
        ("odd numbers", row(0, 0.1, 0.1, 0.5, 0.1, 0.5, 0.5, 0.3), "bad-row"),
        ("no area", row(0, *[0.5, 0.5] * 4), "zero-size-box"),
        ("a line", row(0, 0.1, 0.5, 0.3, 0.5, 0.6, 0.5), "zero-size-box"),
        ("over the edge", row(0, 0.8, 0.2, 1.3, 0.2, 1.3, 0.6, 0.8, 0.6), "box-out-of-range"),
        ("outside", row(0, 1.2, 0.2, 1.5, 0.2, 1.5, 0.6), "box-outside"),
        ("word", "0 0.1 0.1 x 0.1 0.5 0.5\n", "bad-row"),
        ("nan", "0 0.1 0.1 nan 0.1 0.5 0.5\n", "bad-row"),
        ("unknown class", row(5, *flat(OUTLINE)), "class-out-of-range"),
        ("class with a fraction", row(0.5, *flat(OUTLINE)), "bad-row"),
        ("twice", GOOD["segment"] * 2, "duplicate-box"),
        ("class alone", "0\n", "bad-row"),
    ],
    "obb": [
        ("three corners", row(0, 0.1, 0.1, 0.5, 0.1, 0.5, 0.5), "mixed-labels"),
        ("box row", row(0, *BOX), "mixed-labels"),
        ("odd numbers", row(0, *flat(CORNERS), 0.3), "bad-row"),
        ("no area", row(0, *[0.5, 0.5] * 4), "zero-size-box"),
        ("over the edge", row(0, *flat(CORNERS + np.array([40, 0]))), "box-out-of-range"),
        ("outside", row(0, *flat(CORNERS + np.array([200, 0]))), "box-outside"),
        ("word", "0 " + "x " * 8 + "\n", "bad-row"),
        ("infinite", "0 inf" + " 0.5" * 7 + "\n", "bad-row"),
        ("unknown class", row(9, *flat(CORNERS)), "class-out-of-range"),
        ("negative class", row(-1, *flat(CORNERS)), "class-out-of-range"),
        ("twice", GOOD["obb"] * 2, "duplicate-box"),
    ],
    "pose": [
        ("a point too few", row(0, *BOX, *pose()[:-3]), "bad-row"),
        ("a point too many", row(0, *BOX, *pose(), 0.5, 0.5, 2.0), "bad-row"),
        ("no points", row(0, *BOX), "bad-row"),
        ("word", row(0, *BOX).strip() + " x" * 9 + "\n", "bad-row"),
        ("nan", row(0, *BOX).strip() + " nan" * 9 + "\n", "bad-row"),
        ("no width", row(0, 0.5, 0.5, 0.0, 0.6, *pose()), "zero-size-box"),
        ("over the edge", row(0, 0.9, 0.5, 0.5, 0.6, *pose()), "box-out-of-range"),
        ("outside", row(0, 1.9, 0.5, 0.5, 0.6, *pose()), "box-outside"),
        ("unknown class", row(2, *BOX, *pose()), "class-out-of-range"),
        ("class with a fraction", row(0.5, *BOX, *pose()), "bad-row"),
        ("twice", GOOD["pose"] * 2, "duplicate-box"),
        ("nothing", "", "empty-label"),
    ],
}


@pytest.mark.parametrize(
    ("task", "content", "expected"),
    [pytest.param(task, text, code, id=f"{task}: {name}") for task in BROKEN for name, text, code in BROKEN[task]],
)
def test_a_broken_row_is_named(workspace, tmp_path, task, content, expected):
    root = tmp_path / "set"
    write_yolo(root, task, 6)
    put(root / "labels/0.txt", content)
    dataset = import_dataset(workspace, root)
    found = {item.code: item for item in dataset.findings}
    assert dataset.task == task
    assert expected in found, sorted(found)
    assert found[expected].examples
    assert sum(dataset.images.values()) == 6


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_masks_of_any_kind_never_crash_the_reader(tmp_path, data):
    root = tmp_path / "set"
    for number in range(2):
        picture(root / "images" / f"{number}.png", number)
        mode = data.draw(st.sampled_from(["1", "L", "P", "LA", "RGB", "RGBA", "I;16"]))
        width, height = data.draw(st.integers(1, 70)), data.draw(st.integers(1, 50))
        levels = np.random.default_rng(data.draw(st.integers(0, 99))).integers(0, data.draw(st.integers(1, 255)),
                                                                                (height, width))  # fmt: skip
        mask = Image.fromarray(levels.astype(np.uint8))
        mask = Image.fromarray(levels.astype(np.uint16)) if mode == "I;16" else mask.convert(mode)
        (root / "masks").mkdir(exist_ok=True)
        path = root / "masks" / f"{number}.png"
        mask.save(path)
        content = path.read_bytes()
        path.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    tree = read_folder(root)
    detect(tree)
    try:
        found = read(tree, None)
    except InputError:
        return
    for image in found.images:
        for item in image.objects:
            assert np.isfinite(item.polygon).all()
            assert 0 <= item.class_id < len(found.classes)
