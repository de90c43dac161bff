"""Every layout, written from the same truth, comes back as that truth: classes, boxes to half a pixel, counts."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.dataset import list_datasets
from core.data.formats import FORMATS
from core.data.importing.from_upload import SAMPLE_NAME, import_dataset, import_sample
from core.data.importing.settings import ImportSettings
from tests.data.writers import CLASSES, HEIGHT, WIDTH, WRITERS, picture, pictures, put, truth


def boxes_of(dataset) -> dict[str, list[tuple]]:
    table = dataset.image_table().set_index("file")
    found = {}
    for item in dataset.labelled():
        stem = Path(table.loc[item.file, "source"]).stem
        found[stem] = sorted(
            (
                dataset.classes[label.class_id],
                (label.box[0] - label.box[2] / 2) * item.width,
                (label.box[1] - label.box[3] / 2) * item.height,
                (label.box[0] + label.box[2] / 2) * item.width,
                (label.box[1] + label.box[3] / 2) * item.height,
            )
            for label in item.objects
        )
    return found


@pytest.mark.parametrize("layout", WRITERS)
def test_boxes_come_back_to_half_a_pixel(workspace, tmp_path, layout):
    known = truth()
    root = tmp_path / "set"
    WRITERS[layout](root, known)
    dataset = import_dataset(workspace, root)
    assert dataset.task == "detect"
    assert dataset.classes == CLASSES
    found = boxes_of(dataset)
    assert set(found) == set(known.objects)
    for stem, objects in known.objects.items():
        assert [item[0] for item in found[stem]] == [item[0] for item in sorted(objects)]
        expected = np.array([item[1:] for item in sorted(objects)], dtype=float)
        assert np.abs(np.array([item[1:] for item in found[stem]]) - expected).max() < 0.5
    counted = Counter(item[0] for objects in known.objects.values() for item in objects)
    assert dataset.instances == dict(counted)
    assert sum(dataset.images.values()) == len(known.objects)


@pytest.mark.parametrize("layout", ["yolo", "voc"])
@pytest.mark.parametrize("kind", ["zip", "gztar"])
def test_archives_give_what_folders_give(workspace, tmp_path, layout, kind):
    WRITERS[layout](tmp_path / "set", truth())
    archive = shutil.make_archive(str(tmp_path / "packed"), kind, tmp_path, "set")
    packed = import_dataset(workspace, Path(archive))
    plain = import_dataset(workspace, tmp_path / "set")
    assert packed.checksum == plain.checksum
    assert packed.instances == plain.instances
    assert not list(workspace.staging_root.iterdir())


def test_several_archives_make_one_set(workspace, tmp_path):
    known = truth()
    WRITERS["yolo"](tmp_path / "set", known)
    shutil.make_archive(str(tmp_path / "images"), "zip", tmp_path / "set", "images")
    shutil.make_archive(str(tmp_path / "labels"), "zip", tmp_path / "set", "labels")
    dataset = import_dataset(workspace, [tmp_path / "images.zip", tmp_path / "labels.zip", tmp_path / "set/data.yaml"])
    assert dataset.classes == CLASSES
    assert sum(dataset.instances.values()) == sum(map(len, known.objects.values()))


@pytest.mark.parametrize("levels", [{255: "object"}, {1: "level 1", 2: "level 2"}])
def test_masks_come_back_as_outlines(workspace, tmp_path, levels):
    root = tmp_path / "set"
    for number in range(4):
        picture(root / "images" / f"cell {number}.png", number)
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        for place, level in enumerate(levels):
            mask[5 : 15 + number, 4 + 30 * place : 24 + 30 * place] = level
        (root / "masks").mkdir(exist_ok=True)
        Image.fromarray(mask).save(root / "masks" / f"cell {number}.png")
    dataset = import_dataset(workspace, root)
    assert dataset.task == "segment"
    assert dataset.classes == list(levels.values())
    assert dataset.instances == dict.fromkeys(levels.values(), 4)
    found = boxes_of(dataset)["cell 2"]
    assert np.abs(np.array(found[0][1:]) - [4, 5, 24, 17]).max() < 0.5


def test_outlines_and_run_lengths_of_coco(workspace, tmp_path):
    root = tmp_path / "set"
    for number in range(3):
        picture(root / f"{number}.png", number)
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[10:20, 30:50] = True
    flat = mask.T.ravel()
    changes = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff(np.concatenate([[0], changes, [flat.size]])).tolist()
    images = [{"id": n, "file_name": f"{n}.png", "width": WIDTH, "height": HEIGHT} for n in range(3)]
    outline = [[4, 4, 20, 4, 20, 24, 4, 24]]
    run = {"size": [HEIGHT, WIDTH], "counts": counts}
    annotations = [
        {"id": 1, "image_id": 0, "category_id": 3, "segmentation": outline, "bbox": [4, 4, 16, 20], "iscrowd": 0},
        {"id": 2, "image_id": 1, "category_id": 3, "segmentation": run, "bbox": [30, 10, 20, 10], "iscrowd": 0},
        {"id": 3, "image_id": 2, "category_id": 3, "segmentation": run, "bbox": [0, 0, 5, 5], "iscrowd": 1},
    ]
    content = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 3, "name": "a"}, {"id": 5, "name": "b"}],
    }
    put(root / "labels.json", content)
    dataset = import_dataset(workspace, root)
    assert dataset.task == "segment"
    assert dataset.classes == ["a"]
    found = boxes_of(dataset)
    assert np.abs(np.array(found["0"][0][1:]) - [4, 4, 20, 24]).max() < 0.5
    assert np.abs(np.array(found["1"][0][1:]) - [30, 10, 50, 20]).max() < 0.5
    codes = {item.code: item.count for item in dataset.findings}
    assert codes["crowd-left-out"] == 1
    assert codes["unused-class-dropped"] == 1


def test_keypoints_keep_their_order_and_mirror(workspace, tmp_path):
    root = tmp_path / "set"
    names = ["nose", "left_eye", "right_eye"]
    points = [30, 10, 2, 26, 8, 1, 34, 8, 2]
    for number in range(3):
        picture(root / f"{number}.png", number)
    content = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": WIDTH, "height": HEIGHT} for n in range(3)],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 1, "bbox": [20, 4, 20, 12], "keypoints": points, "iscrowd": 0}
            for n in range(3)
        ],
        "categories": [{"id": 1, "name": "face", "keypoints": names}],
    }
    put(root / "labels.json", content)
    dataset = import_dataset(workspace, root)
    assert dataset.task == "pose"
    assert dataset.keypoint_shape == (3, 3)
    assert dataset.flip_idx == [0, 2, 1]
    item = next(iter(dataset.labelled()))
    assert np.allclose(item.objects[0].keypoints[:, 0] * WIDTH, [30, 26, 34], atol=0.1)
    assert item.objects[0].keypoints[:, 2].tolist() == [2, 1, 2]


def test_rotated_boxes_of_cvat_become_obb(workspace, tmp_path):
    root = tmp_path / "set"
    pictures(root, truth(3))
    images = "".join(
        f'<image name="part_0{n}.png" width="{WIDTH}" height="{HEIGHT}">'
        '<box label="a" xtl="20" ytl="15" xbr="40" ybr="25" rotation="90"/></image>'
        for n in range(3)
    )
    put(root / "annotations.xml", f"<annotations>{images}</annotations>")
    dataset = import_dataset(workspace, root)
    assert dataset.task == "obb"
    box = boxes_of(dataset)["part_00"][0][1:]
    assert np.abs(np.array(box) - [25, 10, 35, 30]).max() < 0.5


@pytest.mark.parametrize("names", [("cat", "dog"), ("Katze groß", "[dog] (2)")])
def test_class_folders_keep_their_order_in_every_split(workspace, tmp_path, names):
    root = tmp_path / "set"
    for place, name in enumerate(names):
        for number in range(5):
            picture(root / "train" / name / f"{number}.jpg", 10 * place + number)
    picture(root / "test" / names[1] / "a b.jpg", 99)
    dataset = import_dataset(workspace, root)
    assert dataset.task == "classify"
    assert dataset.classes == sorted(names)
    assert dataset.images["test"] == 1
    assert dataset.images["val"] == 2
    assert "test is the source's own" in dataset.split_note.lower()
    for split in ("train", "val", "test"):
        assert sorted(path.name for path in (dataset.root / "images" / split).iterdir()) == sorted(names)


def test_a_sheet_with_one_label_per_picture(workspace, tmp_path):
    root = tmp_path / "set"
    pictures(root / "all", truth(6))
    lines = ["image;diagnosis;patient"] + [f"part_0{n};{'ill' if n % 2 else 'well'};p{n // 2}" for n in range(6)]
    put(root / "labels.csv", "\n".join(lines))
    dataset = import_dataset(workspace, root)
    assert dataset.task == "classify"
    assert dataset.instances == {"ill": 3, "well": 3}
    table = dataset.image_table()
    assert sorted(table["group"].unique()) == ["p0", "p1", "p2"]
    assert table.groupby("group")["split"].nunique().max() == 1


def test_split_lists_with_paths_of_another_machine(workspace, tmp_path):
    root = tmp_path / "set"
    known = truth()
    WRITERS["yolo"](root, known)
    (root / "data.yaml").unlink()
    put(root / "data.yaml", f"path: /home/ann/sets\ntrain: train.txt\nval: val.txt\nnames: {CLASSES}\n")
    stems = list(known.objects)
    put(root / "train.txt", "\n".join(f"/home/ann/sets/images/{stem}.png" for stem in stems[:4]))
    put(root / "val.txt", "\n".join(f"C:\\ann\\sets\\images\\{stem}.png" for stem in stems[4:]))
    dataset = import_dataset(workspace, root)
    assert dataset.images == {"train": 4, "val": 2, "test": 0}


def test_roboflow_layout_with_paths_that_lead_up(workspace, tmp_path):
    root = tmp_path / "set"
    known = truth(8)
    for number, stem in enumerate(known.objects):
        part = ("train", "train", "valid", "test")[number % 4]
        picture(root / part / "images" / f"{stem}.jpg", number)
        put(root / part / "labels" / f"{stem}.txt", "1 0.5 0.5 0.2 0.2\n")
    put(
        root / "data.yaml", "train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnc: 2\nnames: [a, b]\n"
    )
    dataset = import_dataset(workspace, root)
    assert dataset.images == {"train": 4, "val": 2, "test": 2}
    assert dataset.instances == {"a": 0, "b": 8}
    assert not {"yaml-path-missing", "not-in-split"} & {item.code for item in dataset.findings}


def test_same_names_in_two_folders_stay_apart(workspace, tmp_path):
    root = tmp_path / "set"
    for place in ("left", "right"):
        for number in range(3):
            picture(root / "images" / place / f"{number}.png", (50 if place == "left" else 70) + number)
            put(root / "labels" / place / f"{number}.txt", f"{int(place == 'right')} 0.5 0.5 0.5 0.5\n")
    dataset = import_dataset(workspace, root)
    assert dataset.instances == {"class_0": 3, "class_1": 3}
    assert dataset.image_table()["file"].is_unique


def test_the_task_can_be_overridden(workspace, tmp_path):
    root = tmp_path / "set"
    for number in range(4):
        picture(root / "images" / f"{number}.png", number)
        put(root / "labels" / f"{number}.txt", "0 0.2 0.2 0.6 0.2 0.6 0.6 0.2 0.6\n")
    assumed = import_dataset(workspace, root)
    assert assumed.task == "obb"
    assert any(item.code == "task-assumed" for item in assumed.findings)
    assert import_dataset(workspace, root, settings=ImportSettings(task="segment")).task == "segment"


def test_the_source_is_never_changed(workspace, tmp_path):
    root = tmp_path / "set"
    WRITERS["coco"](root, truth())
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in root.rglob("*") if path.is_file()}
    import_dataset(workspace, root)
    after = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in root.rglob("*") if path.is_file()}
    assert before == after


def test_the_sample_set_comes_in_whole(workspace):
    seen = []
    dataset = import_sample(workspace, seen.append)
    assert dataset.name == SAMPLE_NAME
    assert dataset.task == "detect"
    assert sum(dataset.images.values()) >= 120
    assert len(dataset.classes) == 3
    assert not dataset.errors
    assert {item.stage for item in seen} >= {"Unpacking", "Reading pictures", "Checking"}
    assert all(0 <= item.done <= item.total for item in seen)


def test_an_unknown_layout_is_refused_and_leaves_nothing(workspace, tmp_path):
    root = tmp_path / "set"
    pictures(root, truth(3))
    put(root / "notes.xml", "<something><else/></something>")
    with pytest.raises(Exception, match="not a layout I know yet; these are: ") as caught:
        import_dataset(workspace, root)
    for module in FORMATS:
        assert module.LAYOUT in str(caught.value)
    assert not list_datasets(workspace)
    assert not list(workspace.staging_root.iterdir())


def test_a_val_path_that_leads_nowhere_is_not_taken_for_train(workspace, tmp_path):
    root = tmp_path / "set"
    for number in range(5):
        picture(root / "train/images" / f"{number}.jpg", number)
        put(root / "train/labels" / f"{number}.txt", "0 0.5 0.5 0.2 0.2\n")
    put(root / "data.yaml", "train: ../train/images\nval: ../valid/images\nnames: [a]\n")
    dataset = import_dataset(workspace, root)
    codes = {item.code for item in dataset.findings}
    assert "yaml-path-missing" in codes
    assert "splits-share-folder" not in codes
    assert dataset.images == {"train": 4, "val": 1, "test": 0}
