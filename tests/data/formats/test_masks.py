"""Masks as people lay them out: which picture each belongs to, what its values mean, and when to ask."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.formats import detect_format
from core.data.importing.settings import ImportSettings
from core.data.importing.uploads import read_upload
from core.data.reading.choices import Undecided
from core.data.reading.source_dataset import SourceDataset
from core.data.reading.tree import read_folder
from core.tasks import Task

SIZE = (40, 30)
Spot = tuple[int, int, int]
"""value, left and top of a square of 6 x 6"""


def photo(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(path.as_posix())).integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)


def mask(path: Path, *spots: Spot, mode: type = np.uint8) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.zeros((SIZE[1], SIZE[0]), mode)
    for value, left, top in spots:
        values[top : top + 6, left : left + 6] = value
    Image.fromarray(values).save(path)


def understood(root: Path, task: Task | None = None, **choices: str) -> SourceDataset:
    tree = read_folder(root)
    found = detect_format(tree)
    assert found is not None
    assert found.NAME == "masks", found.NAME
    return read_upload(tree, ImportSettings(task=task, choices=choices))


def marked(found: SourceDataset) -> dict[str, list[tuple[str, int]]]:
    """Picture -> class and left edge of its objects."""
    return {
        image.name: sorted(
            (found.classes[item.class_id], round(float(item.polygon[:, 0].min())))
            for item in image.objects
            if item.polygon is not None
        )
        for image in found.images
    }


def objects(found: SourceDataset) -> Counter[str]:
    return Counter(found.classes[item.class_id] for image in found.images for item in image.objects)


def product(root: Path, *, ground_truth: str = "ground_truth", ending: str = "_mask") -> Path:
    """MVTec AD's layout: the same numbers in every folder."""
    for part, kinds in (("train", ["good"]), ("test", ["good", "scratch", "dent"])):
        for kind in kinds:
            for number in range(3):
                photo(root / part / kind / f"{number:03d}.png")
    for number in range(3):
        mask(root / ground_truth / "scratch" / f"{number:03d}{ending}.png", (255, 2, 3))
        mask(root / ground_truth / "dent" / f"{number:03d}{ending}.png", (255, 20, 3))
    return root


@pytest.mark.parametrize(
    ("folder", "ending"), [("ground_truth", "_mask"), ("GroundTruth", ""), ("gt", "_gt"), ("masks", "-mask")]
)
def test_a_mask_never_goes_to_a_picture_of_another_folder(tmp_path: Path, folder: str, ending: str) -> None:
    found = understood(product(tmp_path / "bottle", ground_truth=folder, ending=ending))
    seen = marked(found)
    assert seen["test/scratch/001.png"] == [("scratch", 2)]
    assert seen["test/dent/001.png"] == [("dent", 20)]
    assert all(seen[name] == [] for name in seen if "/good/" in name)
    assert len(seen) == 12
    assert all(image.labelled for image in found.images)


def test_defects_that_lie_in_test_alone_are_divided_anew_or_kept_on_request(tmp_path: Path) -> None:
    root = product(tmp_path / "bottle")
    assert {image.split for image in understood(root).images} == {None}
    assert {image.split for image in understood(root, split="source").images} == {"train", "test"}
    assert understood(root, classes="one").classes == ["object"]


def test_good_parts_are_background_where_every_pixel_has_a_class(tmp_path: Path) -> None:
    found = understood(product(tmp_path / "bottle"), "semantic")
    good = next(image for image in found.images if "/good/" in image.name)
    assert good.pixels is not None
    assert not good.pixels().any()
    assert len(found.images) == 12


def test_a_mask_beside_its_picture_is_no_picture(tmp_path: Path) -> None:
    for place, folder in enumerate(("MT_Crack", "MT_Blowhole")):
        for number in range(4):
            photo(tmp_path / folder / "Imgs" / f"x{number}.jpg")
            mask(tmp_path / folder / "Imgs" / f"x{number}.png", (255, number + 20 * place, 3))
    found = understood(tmp_path)
    assert marked(found)["MT_Crack/Imgs/x2.jpg"] == [("object", 2)]
    assert marked(found)["MT_Blowhole/Imgs/x2.jpg"] == [("object", 22)]
    assert len(found.images) == 8
    assert objects(understood(tmp_path, classes="folders")) == {"MT_Crack": 4, "MT_Blowhole": 4}


@pytest.mark.parametrize(
    ("picture", "told"),
    [
        ("images/{n}.jpg", "masks/{n}.png"),
        ("train/{n}.png", "train_labels/{n}.png"),
        ("images/{n}.tif", "1st_manual/{n}.gif"),
        ("x/{n}.jpg", "y/{n}.png"),
        ("pics/a/{n}.jpg", "other/a/{n}.bmp"),
        ("image_{n}.png", "mask_{n}.png"),
        ("{n}/image.png", "{n}/mask.png"),
        ("case ({n}).png", "case ({n})_mask.png"),
        ("{n}_sat.jpg", "{n}_mask.png"),
        ("imagesTr/c_{n}_0000.png", "labelsTr/c_{n}.png"),
        ("Data/Images/Anomaly/{n}.JPG", "Data/Masks/Anomaly/{n}.png"),
        ("segmentation/images/{n}.png", "segmentation/masks/{n}.png"),
        ("ISIC_Training_Data/I_{n}.jpg", "ISIC_Training_GroundTruth/I_{n}_segmentation.png"),
        ("train/{n}.png", "train_labels/{n}_L.png"),
    ],
)
def test_masks_are_found_by_any_spelling(tmp_path: Path, picture: str, told: str) -> None:
    for number in range(4):
        photo(tmp_path / picture.format(n=number))
        mask(tmp_path / told.format(n=number), (255, 5 + number, 3))
    seen = marked(understood(tmp_path))
    assert [seen[picture.format(n=number)] for number in range(4)] == [[("object", 5 + n)] for n in range(4)]
    assert len(seen) == 4


@pytest.mark.parametrize("folder", ["masks/{}", "{}_masks", "{}/masks"])
def test_a_folder_of_masks_for_each_class_names_the_class(tmp_path: Path, folder: str) -> None:
    for number in range(4):
        photo(tmp_path / "images" / f"{number}.jpg")
        mask(tmp_path / folder.format("crack") / f"{number}.png", (255, 2, 3))
        mask(tmp_path / folder.format("spall") / f"{number}.png", (255, 22, 3))
    assert marked(understood(tmp_path, classes="folders"))["images/1.jpg"] == [("crack", 2), ("spall", 22)]


def test_two_sets_of_masks_of_the_same_pictures_are_asked_about(tmp_path: Path) -> None:
    for number in range(4):
        photo(tmp_path / "images" / f"{number}.jpg")
        mask(tmp_path / "1st_manual" / f"{number}_manual1.png", (255, 2, 3))
        mask(tmp_path / "mask" / f"{number}_mask.png", (255, 22, 3))
    with pytest.raises(Undecided) as raised:
        understood(tmp_path)
    assert [option.value for option in raised.value.choice.options] == ["1st_manual", "mask", "all"]
    assert marked(understood(tmp_path, **{"mask-folder": "1st_manual"}))["images/1.jpg"] == [("object", 2)]
    assert [left for _, left in marked(understood(tmp_path, **{"mask-folder": "all"}))["images/1.jpg"]] == [2, 22]


def test_several_masks_of_one_picture_are_put_together(tmp_path: Path) -> None:
    for number in range(3):
        photo(tmp_path / "benign" / f"p{number}.png")
        mask(tmp_path / "benign" / f"p{number}_mask.png", (255, 2, 3))
        mask(tmp_path / "benign" / f"p{number}_mask_1.png", (255, 22, 3))
        photo(tmp_path / "nuclei" / f"id{number}" / "images" / f"ab{number}.png")
        for place in range(3):
            mask(tmp_path / "nuclei" / f"id{number}" / "masks" / f"f{number}{place}.png", (255, 10 * place, 9))
    seen = marked(understood(tmp_path))
    assert [left for _, left in seen["benign/p1.png"]] == [2, 22]
    assert [left for _, left in seen["nuclei/id1/images/ab1.png"]] == [0, 10, 20]


def test_a_mask_that_fits_two_pictures_is_left_out_and_told(tmp_path: Path) -> None:
    for number in range(3):
        photo(tmp_path / "images" / f"p{number}.png")
        mask(tmp_path / "masks" / f"p{number}.png", (255, 2, 3))
    photo(tmp_path / "images" / "a" / "twice.png")
    photo(tmp_path / "images" / "b" / "twice.png")
    mask(tmp_path / "masks" / "twice.png", (255, 2, 3))
    found = understood(tmp_path)
    assert found.problems.counts["mask-disputed"] == 1
    assert not marked(found)["images/a/twice.png"]


@pytest.mark.parametrize("names", [("with_mask", "without_mask"), ("label", "other"), ("gt", "golf")])
def test_pictures_in_a_folder_of_such_a_name_are_no_masks(tmp_path: Path, names: tuple[str, str]) -> None:
    for folder in names:
        for number in range(4):
            photo(tmp_path / folder / f"{number}.png")
    found = detect_format(read_folder(tmp_path))
    assert found is not None
    assert found.NAME == "folder-per-class"


def cells(root: Path, mode: type, *, most: int = 5, ending: str = "_masks") -> Path:
    """Label images: every value one cell, a different number in each."""
    for number in range(4):
        photo(root / f"c{number}.tif")
        spots = [(value, 8 * (value % 5), 8 * (value // 5)) for value in range(1, most - number % 3 + 1)]
        mask(root / f"c{number}{ending}.tif", *spots, mode=mode)
    return root


def test_label_images_of_16_bits_are_objects_of_one_class(tmp_path: Path) -> None:
    assert objects(understood(cells(tmp_path, np.uint16))) == {"object": 5 + 4 + 3 + 5}


def test_values_that_may_be_objects_or_classes_are_asked_about(tmp_path: Path) -> None:
    root = cells(tmp_path, np.uint8)
    with pytest.raises(Undecided) as raised:
        understood(root)
    assert {option.value for option in raised.value.choice.options} == {"instances", "classes"}
    assert objects(understood(root, masks="instances")) == {"object": 17}
    assert len(understood(root, masks="classes").classes) == 5


@pytest.mark.parametrize("spots", [[(1, 2, 2), (2, 12, 2), (3, 22, 2)], [(1, 2, 2), (1, 12, 2), (2, 22, 2)]])
def test_values_that_can_be_classes_alone_are_not_asked_about(tmp_path: Path, spots: list[Spot]) -> None:
    for number in range(4):
        photo(tmp_path / "images" / f"{number}.png")
        mask(tmp_path / "masks" / f"{number}.png", *spots)
    assert len(understood(tmp_path).classes) == len({value for value, _, _ in spots})


def test_voc_classes_keep_their_levels_and_255_is_no_class(tmp_path: Path) -> None:
    for number in range(12):
        photo(tmp_path / "JPEGImages" / f"{number}.jpg")
        mask(tmp_path / "SegmentationClass" / f"{number}.png", (number + 1, 2, 3), (15, 12, 3), (255, 22, 3))
    found = understood(tmp_path)
    assert "level 255" not in found.classes
    assert len(found.classes) == 13
    assert "255" in found.assumed


def test_cvat_names_colours_and_parts_touching_objects(tmp_path: Path) -> None:
    cat, dog = (48, 112, 32), (176, 112, 32)
    (tmp_path / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\nCat:48,112,32::\nDog:176,112,32::\nCow:128,128,128::\n"
    )
    for number in range(4):
        photo(tmp_path / "JPEGImages" / f"f{number}.jpg")
        kinds, each = np.zeros((30, 40, 3), np.uint8), np.zeros((30, 40, 3), np.uint8)
        kinds[2:8, 2:14], kinds[12:18, 2:8], kinds[20:26, 2:8] = cat, dog, 128
        each[2:8, 2:8], each[2:8, 8:14], each[12:18, 2:8], each[20:26, 2:8] = (9, 0, 0), (0, 9, 0), (0, 0, 9), 7
        for folder, values in (("SegmentationClass", kinds), ("SegmentationObject", each)):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(values).save(tmp_path / folder / f"f{number}.png")
    sets = tmp_path / "ImageSets" / "Segmentation"
    sets.mkdir(parents=True)
    (sets / "train.txt").write_text("f0\nf1\nf2\n")
    (sets / "val.txt").write_text("f3\n")
    found = understood(tmp_path)
    assert objects(found) == {"Cat": 8, "Dog": 4, "Cow": 4}
    assert Counter(image.split for image in found.images) == {"train": 3, "val": 1}
    assert not found.problems.counts


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("train/_classes.csv", "Pixel Value, Class\n0, background\n1, dent\n2, scratch\n"),
        ("dataset.json", '{"labels": {"background": 0, "dent": 1, "scratch": 2}}'),
        ("dataset.json", '{"labels": {"0": "background", "1": "dent", "2": "scratch"}}'),
        ("classes.txt", "background\ndent\nscratch\n"),
        ("classes.txt", "dent\nscratch\n"),
        ("labels.txt", "1: dent\n2: scratch\n"),
        ("class_dict.csv", "name,r,g,b\nbackground,0,0,0\ndent,1,1,1\nscratch,2,2,2\n"),
    ],
)
@pytest.mark.parametrize("task", [None, "semantic"])
def test_a_sheet_beside_them_names_the_values(tmp_path: Path, file: str, text: str, task: Task | None) -> None:
    for number in range(4):
        photo(tmp_path / "train" / f"{number}.jpg")
        mask(tmp_path / "train" / f"{number}_mask.png", (1, 2, 3), (1 + number % 2, 20, 3))
    (tmp_path / file).write_text(text)
    found = understood(tmp_path, task)
    assert [name for name in found.classes if name != "background"] == ["dent", "scratch"]
    assert not found.problems.counts


def test_a_background_that_is_not_zero_and_a_void_class_are_told_by_name(tmp_path: Path) -> None:
    for number in range(4):
        photo(tmp_path / "images" / f"{number}.jpg")
        values = np.full((30, 40), 7, np.uint8)
        values[2:8, 2:8], values[12:18, 2:8] = 3, 9
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.fromarray(values).save(tmp_path / "masks" / f"{number}.png")
    (tmp_path / "classes.csv").write_text("id,name\n7,background\n3,dent\n9,void\n")
    assert objects(understood(tmp_path)) == {"dent": 4}


def test_masks_saved_as_jpeg_are_one_class(tmp_path: Path) -> None:
    for number in range(4):
        photo(tmp_path / "images" / f"{number}.jpg")
        mask(tmp_path / "masks" / f"{number}.jpg", (255, 6, 3))
    assert objects(understood(tmp_path)) == {"object": 4}
