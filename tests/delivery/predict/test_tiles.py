"""Big pictures in tiles: small things are found, and what two tiles see is counted once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import supervision as sv
from PIL import Image

from core.delivery.predict.model.chosen_model import ChosenModel
from core.delivery.predict.model.tiles import OVERLAP, covered_parts, is_worth_tiling, tile_count
from core.delivery.predict.model.warm import WarmPredictor
from core.delivery.predict.predicting import predict_picture


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmPredictor]:
    predictor = WarmPredictor()
    yield predictor
    predictor.close()


@pytest.mark.parametrize(
    ("width", "height", "imgsz"), [(640, 640, 640), (700, 500, 640), (4000, 3000, 640), (96, 200, 64)]
)
def test_the_number_of_tiles_told_is_the_number_cut(width: int, height: int, imgsz: int) -> None:
    overlap = round(imgsz * OVERLAP)
    cut = sv.InferenceSlicer._generate_offset((width, height), (imgsz, imgsz), (overlap, overlap))
    assert tile_count(width, height, imgsz) == len(cut)


def test_tiles_are_offered_where_they_help() -> None:
    assert is_worth_tiling(4000, 3000, 640, "detect")
    assert not is_worth_tiling(700, 500, 640, "detect")
    assert not is_worth_tiling(4000, 3000, 640, "classify")


def test_a_part_of_what_a_neighbour_sees_whole_is_no_finding() -> None:
    whole, part, beside = [100, 100, 180, 140], [100, 100, 128, 140], [180, 100, 200, 140]
    around = [80, 80, 220, 160]  # holds a whole one, and is not held by it
    boxes = np.array([whole, part, beside, around, part, whole], dtype=float)
    classes = np.array([0, 0, 0, 0, 1, 2])
    cut = np.array([False, True, True, True, True, True])
    assert covered_parts(boxes, classes, cut).tolist() == [False, True, False, False, False, False]


@pytest.mark.slow
def test_small_objects_are_found_in_tiles_and_counted_once(shared: Path, warm: WarmPredictor, tmp_path: Path) -> None:
    """A picture with a few large animals, shrunk into a wide plain: scaled down whole they are gone."""
    weights = shared / "weights" / "yolo11n.pt"
    source = next(iter(sorted((shared / "data" / "coco8" / "images" / "train").glob("*25.jpg"))))
    plain = Image.new("RGB", (2560, 2560), (114, 114, 114))
    with Image.open(source) as picture:
        small = picture.resize((picture.width // 2, picture.height // 2))
    for corner in ((100, 100), (2000, 100), (100, 2000), (2000, 2000)):
        plain.paste(small, corner)
    plain.save(tmp_path / "wide.png")
    model = ChosenModel("coco", "coco", weights, 320)
    whole = predict_picture(warm, model, tmp_path / "wide.png", 0.4)[0]["objects"]
    tiled = predict_picture(warm, model, tmp_path / "wide.png", 0.4, tiled=True)[0]["objects"]
    assert len(tiled) > len(whole)
    giraffes = [item for item in tiled if item["class_id"] == 23]
    assert {(item["box"][0] > 1280, item["box"][1] > 1280) for item in giraffes} == {
        (left, top) for left in (False, True) for top in (False, True)
    }, "found in each of the four places"
    boxes = np.array([item["box"] for item in giraffes])
    overlaps = sv.box_iou_batch(boxes, boxes)
    assert (overlaps > 0.5).sum() == len(boxes), "one object, one finding"
