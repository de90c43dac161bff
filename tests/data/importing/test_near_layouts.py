"""Layouts near those that are known: other words, folders and signs. Read, asked or named, never read as another."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.importing.from_upload import import_dataset
from core.data.importing.understanding import understand
from core.errors import InputError
from core.workspace import Workspace
from tests.data.writers import HEIGHT, WIDTH, picture, put


def mask(path: Path, *levels: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.zeros((HEIGHT, WIDTH), np.uint8)
    for number, level in enumerate(levels):
        values[5:20, 5 + 20 * number : 20 + 20 * number] = level
    Image.fromarray(values).save(path)


def gt_fine(root: Path) -> None:
    for n in range(4):
        picture(root / "img" / f"a_{n:06d}_leftImg8bit.png", n)
        mask(root / "lbl" / f"a_{n:06d}_gtFine_labelIds.png", 7, 26)


def good_in_german(root: Path) -> None:
    for n in range(4):
        picture(root / "test" / "gut" / f"{n}.png", n)
        picture(root / "test" / "kratzer" / f"{n}.png", 10 + n)
        mask(root / "ground_truth" / "kratzer" / f"{n}.png", 255)


def boxes_in_one_string(root: Path) -> None:
    for n in range(4):
        picture(root / f"w{n}.png", n)
    rows = ["w0.png,no_box,a", "w1.png,5 6 25 16;30 5 50 20,a", "w2.png,5 6 25 16,b", "w3.png,5 6 25 40,b"]
    put(root / "train.csv", "\n".join(["image_name,BoxesString,domain", *rows]))


def tasks_of_label_studio(root: Path) -> None:
    box = {"x": 20, "y": 20, "width": 30, "height": 20, "rectanglelabels": ["a"]}
    box |= {"original_width": WIDTH, "original_height": HEIGHT}
    tasks = []
    for n in range(4):
        picture(root / f"x{n}.png", n)
        tasks.append({"id": n, "image": f"/data/upload/1/abcd1234-x{n}.png", "annotator": 1, "label": [box]})
    put(root / "min.json", tasks)


def xml_of_16_bits(root: Path) -> None:
    for n in range(4):
        picture(root / f"x{n}.png", n)
        box = "<bndbox><xmin>5</xmin><ymin>6</ymin><xmax>25</xmax><ymax>30</ymax></bndbox>"
        text = f"<annotation><size/><object><name>Öl</name>{box}</object></annotation>"
        (root / f"x{n}.xml").write_bytes(f'<?xml version="1.0" encoding="utf-16"?>{text}'.encode("utf-16"))


def test_part_without_classes(root: Path) -> None:
    for n in range(4):
        picture(root / "train" / ("ok" if n % 2 else "bad") / f"{n}.png", n)
        picture(root / "test" / f"{n}.png", 10 + n)


test_part_without_classes.__test__ = False  # type: ignore[attr-defined]
READ: dict[Callable[[Path], None], tuple[str, dict[str, int], set[str]]] = {
    gt_fine: ("masks", {"level 7": 4, "level 26": 4}, set()),
    good_in_german: ("masks", {"object": 4}, {"empty-label"}),
    boxes_in_one_string: ("table", {"object": 4}, {"empty-label"}),
    tasks_of_label_studio: ("labelstudio", {"a": 4}, set()),
    xml_of_16_bits: ("voc", {"Öl": 4}, set()),
    test_part_without_classes: ("folder-per-class", {"bad": 2, "ok": 2}, {"missing-class"}),
}


@pytest.mark.parametrize("write", READ, ids=lambda write: write.__name__)
def test_it_is_read(workspace: Workspace, tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(tmp_path / "set")
    made = import_dataset(workspace, tmp_path / "set")
    layout, objects, expected = READ[write]
    said = {finding.code for finding in made.findings}
    assert (made.format, made.instances) == (layout, objects)
    assert expected <= said
    assert not said & {"bad-row", "no-labels", "other-files"}


NAMED = {
    "names for numbers": ("labels/{n}.txt", "dent 0.5 0.5 0.2 0.2\n", "“dent”"),
    "pixels": ("labels/{n}.txt", "0 30 20 20 10\n", "pixels"),
    "cut off": ("ann{n}.json", json.dumps({"images": [], "annotations": []})[:-9], "ann0.json"),
}


@pytest.mark.parametrize("kind", NAMED)
def test_it_is_named(workspace: Workspace, tmp_path: Path, kind: str) -> None:
    name, content, words = NAMED[kind]
    for n in range(4):
        picture(tmp_path / "set" / "images" / f"{n}.png", n)
        put(tmp_path / "set" / name.format(n=n), content)
    with pytest.raises(InputError, match=words):
        import_dataset(workspace, tmp_path / "set")


def test_shades_are_no_classes_of_pictures(workspace: Workspace, tmp_path: Path) -> None:
    for n in range(4):
        picture(tmp_path / "set" / "images" / f"{n}.png", n)
        picture(tmp_path / "set" / "masks" / f"{n}.png", 10 + n)
    with pytest.raises(InputError, match="images, masks"):
        import_dataset(workspace, tmp_path / "set")


@pytest.mark.parametrize(
    ("cells", "parted"),
    [
        (["rust", "rust, crack", "rust", "scab"], True),
        (["scab rust", "scab", "rust", "ok"], True),
        (["red car", "car", "blue car", "bus"], False),
        (["Bruch, klein", "Bruch, groß", "ok", "Riss"], False),
        (["N/A", "ok", "bad", "ok"], False),
    ],
)
def test_several_classes_in_a_cell_are_asked_about(
    workspace: Workspace, tmp_path: Path, cells: list[str], parted: bool
) -> None:
    for n, _ in enumerate(cells):
        picture(tmp_path / "set" / f"{n}.png", n)
    put(tmp_path / "set" / "a.csv", "\n".join(["file,label", *(f'{n}.png,"{cell}"' for n, cell in enumerate(cells))]))
    said = understand(workspace, tmp_path / "set")
    assert (said.open_choice is not None and said.open_choice.key == "several") == parted
