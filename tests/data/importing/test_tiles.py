"""Big pictures cut into tiles: every label lies where its object is drawn, and nothing is lost or moved."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.cli import main
from core.data.checks.checking import check_dataset
from core.data.dataset import Dataset, load_dataset
from core.data.importing.from_upload import import_dataset
from core.data.importing.settings import ImportSettings
from core.data.importing.tiles import LEAST_PART, OVERLAP, Tile, cut_into_tiles, in_tile, tiles_of
from core.data.objects import LabelledObject, format_labels
from core.delivery.predict.model.chosen_model import choose_model
from core.errors import InputError
from core.tasks import Task
from core.workspace import Workspace
from tests.evaluation.stored_runs import trained
from tests.pages.conftest import open_alone, open_page
from tests.tiny import write_class_folders

COLOURS = [(250, 0, 0), (0, 250, 0), (0, 0, 250)]
NAMES = ["it's", "crack: fine", "Rißß"]


def written(folder: Path, task: Task, *, pictures: int = 4, width: int = 410, height: int = 300) -> Path:
    """Write big grey pictures with up to four objects each, no two of which overlap, one kind of shape per class."""
    random = np.random.default_rng(3)
    for number in range(pictures):
        split = "val" if number % 2 else "train"
        picture = Image.new("RGB", (width, height), (128, 128, 128))
        objects = []
        for place in range(4 if number else 1):  # one picture with a single object: most of its tiles are empty
            cx, cy = width * (0.25 + 0.5 * (place % 2)), height * (0.25 + 0.5 * (place // 2))
            half = random.uniform(8, 50, 2)
            if task == "obb":
                turn = np.radians(random.uniform(5, 40))
                corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
                points = corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + (cx, cy)
            elif task == "segment":
                points = np.array([[0, -1], [1, 0.2], [0.3, 1], [-1, 0.5]]) * half + (cx, cy)
            else:
                points = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half + (cx, cy)
            class_id = int(random.integers(3))
            ImageDraw.Draw(picture).polygon([tuple(point) for point in points], fill=COLOURS[class_id])
            low, high = points.min(0) / (width, height), points.max(0) / (width, height)
            box = (*((low + high) / 2), *(high - low))
            objects.append(LabelledObject(class_id, box, polygon=points / (width, height)))
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True, exist_ok=True)
        picture.save(folder / "images" / split / f"big picture {number}.png")
        (folder / "labels" / split / f"big picture {number}.txt").write_text(format_labels(objects, task))
    names = json.dumps(NAMES)
    (folder / "data.yaml").write_text(f"train: images/train\nval: images/val\nnames: {names}\n", encoding="utf-8")
    return folder


def cut(workspace: Workspace, folder: Path, task: Task, size: int = 128) -> tuple[Dataset, Dataset]:
    dataset = import_dataset(workspace, folder, settings=ImportSettings(task=task))
    return dataset, cut_into_tiles(workspace, dataset.id, size)


@pytest.mark.parametrize("task", ["detect", "segment", "obb"])
def test_every_label_of_a_tile_lies_on_what_is_drawn_there(workspace: Workspace, tmp_path: Path, task: Task) -> None:
    _, tiles = cut(workspace, written(tmp_path / "big", task), task)
    assert tiles.classes == NAMES
    assert tiles.tile == 128
    seen = 0
    for picture in tiles.labelled():
        assert max(picture.width, picture.height) <= 128
        mask = Image.new("L", (picture.width, picture.height), 0)
        for item in picture.objects:
            x, y, w, h = item.box
            points = (
                item.polygon
                if item.polygon is not None
                else np.array([[x - w / 2, y - h / 2], [x + w / 2, y - h / 2], [x + w / 2, y + h / 2],
                               [x - w / 2, y + h / 2]])
            ) * (picture.width, picture.height)  # fmt: skip
            ImageDraw.Draw(mask).polygon([tuple(point) for point in points], fill=item.class_id + 1)
        labelled, pixels = np.asarray(mask), np.asarray(Image.open(tiles.image_path(picture.file)).convert("RGB"))
        for class_id, colour in enumerate(COLOURS):
            here, there = (pixels == colour).all(axis=2), labelled == class_id + 1
            sliver = LEAST_PART * 100 * 100  # of the largest object there can be
            assert (here & ~there).sum() <= sliver + 60, "an object that is drawn is labelled"
            beside = here.sum() if task == "obb" else 0.02 * here.sum()  # a turned box around a cut one is larger
            assert (there & ~here).sum() <= beside + 200, "what is labelled is drawn"
            seen += bool(there.any())
    assert seen > 20


def test_every_object_is_whole_in_a_tile_when_it_is_smaller_than_the_overlap() -> None:
    random = np.random.default_rng(1)
    for _ in range(300):
        width, height, size = (int(value) for value in random.integers(65, 900, 3))
        tiles = tiles_of(width, height, size)
        side = max(1.0, round(size * OVERLAP) - 1.0)
        w, h = min(side, width), min(side, height)
        x, y = random.uniform(w / 2, width - w / 2), random.uniform(h / 2, height - h / 2)
        item = LabelledObject(0, (x / width, y / height, w / width, h / height))
        parts = [in_tile(item, width, height, tile, "detect") for tile in tiles]
        areas = [part.box[2] * tile.width * part.box[3] * tile.height if part else 0
                 for part, tile in zip(parts, tiles, strict=True)]  # fmt: skip
        assert max(areas) == pytest.approx(w * h, rel=1e-6)
        assert all(tile.left + tile.width <= width and tile.top + tile.height <= height for tile in tiles)


def test_a_sliver_is_not_labelled() -> None:
    item = LabelledObject(0, (0.5, 0.5, 0.4, 0.4))  # 30 to 70 of 100 pixels
    assert in_tile(item, 100, 100, Tile(0, 0, 33, 100), "detect") is None  # 3 of 40 columns
    assert in_tile(item, 100, 100, Tile(0, 0, 35, 100), "detect") is not None
    assert in_tile(item, 100, 100, Tile(80, 0, 20, 100), "detect") is None
    small = LabelledObject(0, (0.5, 0.5, 0.12, 0.12))  # 44 to 56
    assert in_tile(small, 100, 100, Tile(0, 0, 47, 100), "detect") is None  # a quarter, but 3 columns
    assert in_tile(small, 100, 100, Tile(0, 0, 49, 100), "detect") is not None
    thin = LabelledObject(0, (0.5, 0.5, 0.9, 0.03))
    assert in_tile(thin, 100, 100, Tile(0, 0, 49, 100), "detect") is not None, "it is as thin as a whole"


def test_parts_groups_and_the_original_stay(workspace: Workspace, tmp_path: Path) -> None:
    dataset, tiles = cut(workspace, written(tmp_path / "big", "detect"), "detect")
    assert load_dataset(workspace, dataset.id) == dataset
    table = tiles.image_table()
    assert set(table["split"]) == {"train", "val"}
    assert table["group"].nunique() == 4
    assert (table.groupby("group")["split"].nunique() == 1).all()
    per_picture = len(tiles_of(410, 300, 128))
    assert (table["split"] == "val").sum() == 2 * per_picture
    train = table[table["split"] == "train"]
    assert (train["objects"] == 0).sum() <= (train["objects"] > 0).sum()
    assert not {"leak-across-splits", "duplicate-image", "near-duplicate-image"} & {
        item.code for item in tiles.findings
    }
    assert dataset.split_note in tiles.split_note


def test_objects_that_several_tiles_share_are_told_and_empty_tiles_are_no_fault(
    workspace: Workspace, tmp_path: Path
) -> None:
    dataset, tiles = cut(workspace, written(tmp_path / "big", "detect", width=1200, height=900), "detect", 200)
    found = {item.code: item.count for item in tiles.findings}
    whole, parts = sum(dataset.instances.values()), sum(tiles.instances.values())
    assert 0 < found["in-several-tiles"] <= whole
    assert found["in-several-tiles"] <= parts - whole
    table = tiles.image_table()
    assert (table["objects"] == 0).mean() > 0.5
    assert "mostly-background" not in found
    assert found == {item.code: item.count for item in check_dataset(tiles)}


def test_a_model_that_learned_from_tiles_looks_at_tiles(workspace: Workspace, tmp_path: Path) -> None:
    dataset, tiles = cut(workspace, written(tmp_path / "big", "detect"), "detect")
    trained(workspace, tiles, "run-on-tiles")
    trained(workspace, dataset, "run-on-whole")
    assert choose_model(workspace, "run-on-tiles").tile == 128
    assert "tiles of 128" in choose_model(workspace, "run-on-tiles").words()
    assert choose_model(workspace, "run-on-whole").tile is None
    assert "tiles" not in choose_model(workspace, "run-on-whole").words()


def test_what_can_not_be_cut_is_refused_with_the_reason(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, written(tmp_path / "big", "detect"))
    for size, words in ((32, "64"), (5000, "4096"), (410, "410")):
        with pytest.raises(InputError, match=words):
            cut_into_tiles(workspace, dataset.id, size)
    classes = import_dataset(workspace, write_class_folders(tmp_path / "classes"))
    with pytest.raises(InputError, match="classify"):
        cut_into_tiles(workspace, classes.id, 64)
    bare = import_dataset(workspace, tmp_path / "big", settings=ImportSettings(pictures_alone=True))
    with pytest.raises(InputError, match="labelled"):
        cut_into_tiles(workspace, bare.id, 128)
    assert not list(workspace.staging_root.glob("tiles*"))


def test_the_command_line_and_the_page_cut(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = import_dataset(workspace, written(tmp_path / "big", "detect", width=900, height=700))
    assert main(["tiles", dataset.id, "--size", "128", "--json"]) == 0
    made = load_dataset(workspace, json.loads(capsys.readouterr().out)["id"])
    assert made.tile == 128
    small = open_alone("dataset.py", dataset=made.id)
    assert not small.exception
    assert not [item for item in small.number_input if item.key == f"tile_{made.id}"], "no larger than a tile"
    page = open_alone("dataset.py", dataset=dataset.id)
    assert not page.exception
    page.number_input(key=f"tile_{dataset.id}").set_value(160).run()
    page.button(key=f"cut_{dataset.id}").click().run()
    assert not page.exception
    assert main(["datasets", "--json"]) == 0
    names = {item["name"] for item in json.loads(capsys.readouterr().out)["datasets"]}
    assert any(name.endswith("tiles of 160") for name in names)


def test_a_plan_that_can_not_see_small_objects_leads_to_the_tiles(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "dots"
    for number in range(4):
        split = "val" if number == 3 else "train"
        picture = Image.new("RGB", (1600, 1200), (90, 90, 90))
        ImageDraw.Draw(picture).rectangle([200, 300 + number, 211, 311 + number], fill=(250, 0, 0))
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True, exist_ok=True)
        picture.save(folder / "images" / split / f"{number}.png")
        box = (205.5 / 1600, (305.5 + number) / 1200, 12 / 1600, 12 / 1200)
        (folder / "labels" / split / f"{number}.txt").write_text(f"0 {' '.join(map(str, box))}\n")
    (folder / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [dot]\n")
    dataset = import_dataset(workspace, folder)
    page = open_page("model.py", dataset=dataset.id)
    assert not page.exception
    assert [item for item in page.button if item.key == "to_tiles"]
    tiles = cut_into_tiles(workspace, dataset.id, 480)
    page = open_page("model.py", dataset=tiles.id)
    assert not page.exception
    assert not [item for item in page.button if item.key == "to_tiles"]
