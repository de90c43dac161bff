"""COCO and VOC as tools write them: the same names in every part, ids from tables, files that belong together."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.data.importing.settings import ImportSettings
from core.data.importing.uploads import read_upload
from core.data.reading.source_dataset import SourceDataset
from core.data.reading.tree import read_folder
from core.tasks import Task
from tests.data.writers import HEIGHT, WIDTH, picture, put

BOXED = "<annotation>{more}<object><name>dent</name><bndbox><xmin>{x}</xmin><ymin>4</ymin><xmax>30</xmax><ymax>30</ymax></bndbox></object></annotation>"  # noqa: E501


def understood(root: Path, task: Task | None = None) -> SourceDataset:
    return read_upload(read_folder(root), ImportSettings(task=task))


def coco(names: list[str], **more: Any) -> dict[str, Any]:
    box = {"bbox": [4, 5, 20, 10], "category_id": 1, "iscrowd": 0}
    return {
        "images": [{"id": n, "file_name": name, "width": WIDTH, "height": HEIGHT} for n, name in enumerate(names)],
        "annotations": [{"id": n, "image_id": n, **box, **more} for n in range(len(names))],
        "categories": [{"id": 1, "name": "dent"}],
    }


def by_part(found: SourceDataset) -> Counter[tuple[str | None, int]]:
    return Counter((image.split, len(image.objects)) for image in found.images)


@pytest.mark.parametrize(
    ("pictures", "file"),
    [
        ("images/{part}", "annotations/instances_{part}.json"),
        ("images/{part}2017", "annotations/{part}.json"),
        ("{part}/images", "{part}_annotations.coco.json"),
        ("{part}", "labels/{part}/annotations.json"),
    ],
)
def test_the_part_of_a_label_file_tells_pictures_of_one_name_apart(tmp_path: Path, pictures: str, file: str) -> None:
    for seed, part in enumerate(("train", "val")):
        for number in range(3):
            picture(tmp_path / pictures.format(part=part) / f"frame_{number}.png", 10 * seed + number)
        put(tmp_path / file.format(part=part), coco([f"frame_{number}.png" for number in range(3)]))
    found = understood(tmp_path)
    assert by_part(found) == {("train", 1): 3, ("val", 1): 3}
    assert not found.problems.counts


def test_a_file_for_each_video_finds_the_frames_of_its_own(tmp_path: Path) -> None:
    for seed, video in enumerate(("north", "south")):
        for number in range(2):
            picture(tmp_path / "frames" / video / f"{number}.png", 10 * seed + number)
        put(tmp_path / "annotations" / f"{video}.json", coco(["0.png", "1.png"]))
    found = understood(tmp_path)
    assert [len(image.objects) for image in found.images] == [1, 1, 1, 1]


@pytest.mark.parametrize("below", ["train", "val"])
@pytest.mark.parametrize("folder", ["Annotations/{0}", "{0}/Annotations", "labels/{0}"])
def test_voc_files_of_one_name_go_to_their_own_part(tmp_path: Path, folder: str, below: str) -> None:
    for seed, part in enumerate(("train", "val")):
        for number in range(2):
            picture(tmp_path / "JPEGImages" / part / f"{number:04d}.png", 10 * seed + number)
            left = 4 + number + 10 * (part == below)
            put(tmp_path / folder.format(part) / f"{number:04d}.xml", BOXED.format(x=left, more=""))
    found = understood(tmp_path)
    boxes = {image.name: image.objects[0].box for image in found.images}
    assert boxes[f"JPEGImages/{below}/0001.png"] == (15, 4, 30, 30)
    assert by_part(found) == {("train", 1): 2, ("val", 1): 2}


def test_voc_names_the_folder_of_its_picture(tmp_path: Path) -> None:
    for seed, video in enumerate(("north", "south")):
        picture(tmp_path / "frames" / video / "0001.png", seed)
        more = f"<folder>{video}</folder><filename>0001.png</filename>"
        put(tmp_path / "xml" / f"{video}_0001.xml", BOXED.format(x=4 + seed, more=more))
    assert [image.objects[0].box for image in understood(tmp_path).images] == [(4, 4, 30, 30), (5, 4, 30, 30)]


@pytest.mark.parametrize("spell", [float, lambda number: f"{number}.0", str])
def test_ids_that_went_through_a_table_are_the_same_ids(tmp_path: Path, spell: Any) -> None:
    content = coco(["0.png", "1.png"])
    for item in content["annotations"]:
        item["image_id"], item["category_id"] = spell(item["image_id"]), float(item["category_id"])
    for number in range(2):
        picture(tmp_path / f"{number}.png", number)
    put(tmp_path / "labels.json", content)
    found = understood(tmp_path)
    assert [len(image.objects) for image in found.images] == [1, 1]
    assert not found.problems.counts


def test_instances_and_keypoints_of_one_object_are_one_object(tmp_path: Path) -> None:
    names = ["0.png", "1.png"]
    for number, name in enumerate(names):
        picture(tmp_path / "val2017" / name, number)
    outline = [[4, 5, 24, 5, 24, 15, 4, 15]]
    put(tmp_path / "annotations" / "instances_val2017.json", coco(names, segmentation=outline))
    put(tmp_path / "annotations" / "person_keypoints_val2017.json", coco(names, keypoints=[5, 6, 2, 20, 9, 1]))
    for task, wanted in ((None, "pose"), ("segment", "segment")):
        found = understood(tmp_path, task)
        assert found.task == wanted
        assert [len(image.objects) for image in found.images] == [1, 1]
        assert all(item.polygon is not None for image in found.images for item in image.objects)


def test_objects_of_two_files_that_share_no_more_than_a_number_stay_two(tmp_path: Path) -> None:
    picture(tmp_path / "0.png", 0)
    put(tmp_path / "one.json", coco(["0.png"]))
    put(tmp_path / "two.json", coco(["0.png"], bbox=[30, 5, 20, 10]))
    assert [len(image.objects) for image in understood(tmp_path).images] == [2]


def test_outlines_that_cannot_be_drawn_are_told_and_their_boxes_used(tmp_path: Path) -> None:
    names = ["0.png", "1.png", "2.png"]
    for number, name in enumerate(names):
        picture(tmp_path / name, number)
    content = coco(names)
    for item, outline in zip(
        content["annotations"], ([4, 5, 9], [[4, 5, 9, 9]], [[4, 5], [9, 5], [9, 9]]), strict=True
    ):
        item["segmentation"] = outline if isinstance(outline[0], list) else [outline]
    put(tmp_path / "labels.json", content)
    found = understood(tmp_path, "segment")
    assert found.problems.counts["odd-outline"] == 2
    assert [image.objects[0].polygon is None for image in found.images] == [True, True, False]
    assert [len(image.objects) for image in found.images] == [1, 1, 1]


def panoptic(root: Path) -> Path:
    names = ["0.jpg", "1.jpg"]
    segments = [
        {"id": 5, "category_id": 1, "iscrowd": 0},
        {"id": 70_000, "category_id": 2},
        {"id": 9, "category_id": 1, "iscrowd": 1},
    ]
    for number, name in enumerate(names):
        picture(root / "val2017" / name, number)
        ids = np.zeros((HEIGHT, WIDTH), int)
        ids[4:10, 4:10], ids[4:10, 20:30], ids[20:30, 4:10] = 5, 70_000, 9
        colours = np.stack([ids & 255, ids >> 8 & 255, ids >> 16], axis=2).astype(np.uint8)
        (root / "panoptic_val2017").mkdir(exist_ok=True)
        Image.fromarray(colours).save(root / "panoptic_val2017" / f"{number}.png")
    content = coco(names) | {"categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "sky", "isthing": 0}]}
    content["annotations"] = [{"image_id": n, "file_name": f"{n}.png", "segments_info": segments} for n in range(2)]
    put(root / "annotations" / "panoptic_val2017.json", content)
    return root


def test_panoptic_segments_are_objects_and_their_pictures_no_pictures(tmp_path: Path) -> None:
    found = understood(panoptic(tmp_path))
    assert (found.task, found.classes, len(found.images)) == ("segment", ["cat", "sky"], 2)
    assert [len(image.objects) for image in found.images] == [2, 2]
    assert found.problems.counts == {"crowd-left-out": 2}
    put(tmp_path / "annotations" / "instances_val2017.json", coco(["0.jpg", "1.jpg"]))
    both = understood(tmp_path)
    assert (both.format, len(both.images)) == ("coco", 2)


def test_panoptic_keeps_every_pixel_where_that_is_asked(tmp_path: Path) -> None:
    found = understood(panoptic(tmp_path), "semantic")
    assert found.images[0].pixels is not None
    levels, pixels = np.unique(found.images[0].pixels(), return_counts=True)
    assert dict(zip(levels.tolist(), pixels.tolist(), strict=True)) == {0: 36, 1: 60, 255: WIDTH * HEIGHT - 96}


@pytest.mark.parametrize(
    "path", ["{part}/images/{kind}", "images/{part}/{kind}", "{part}/{kind}", "{kind}/{part}", "data/{part}/{kind}"]
)
def test_a_folder_of_pictures_between_part_and_class_is_no_class(tmp_path: Path, path: str) -> None:
    for seed, part in enumerate(("train", "val")):
        for kind in ("ok", "bad"):
            for number in range(2):
                picture(tmp_path / path.format(part=part, kind=kind) / f"{part}{number}.jpg", 10 * seed + number)
    found = understood(tmp_path)
    assert (found.task, found.classes) == ("classify", ["bad", "ok"])
    assert Counter(image.split for image in found.images) == {"train": 4, "val": 4}
