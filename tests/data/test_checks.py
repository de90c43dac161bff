"""The doctor finds what was planted and nothing else; fixes act on the imported copy only and are written down."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from core.data.checks.checking import check_dataset
from core.data.dataset import load_dataset
from core.data.editing.classes import edit_classes
from core.data.editing.fixes import FIXES, apply_fix
from core.data.findings.problems import KINDS, Problems
from core.data.importing.from_upload import import_dataset
from core.data.importing.settings import ImportSettings
from core.errors import InputError
from tests.data.writers import WRITERS, picture, put, truth


def codes(dataset) -> dict[str, int]:
    return {item.code: item.count for item in dataset.findings}


def split_set(root: Path, train: int = 30, val: int = 25, label: str = "0 0.5 0.5 0.4 0.4\n") -> None:
    for split, count, start in (("train", train, 0), ("val", val, 500)):
        for number in range(count):
            picture(root / "images" / split / f"{split}{number}.png", start + number)
            put(
                root / "labels" / split / f"{split}{number}.txt",
                label.replace("0.4", f"0.{3 + number % 5}{number % 7}"),
            )
    put(root / "data.yaml", "train: images/train\nval: images/val\nnames: [a]\n")


def scene(seed: int, size: int = 320) -> Image.Image:
    """A picture with structure at every scale, as photographs have."""
    random = np.random.default_rng(seed)
    total = np.zeros((size, size, 3))
    for cells, strength in ((4, 90), (12, 60), (40, 40)):
        layer = Image.fromarray(random.integers(0, 255, (cells, cells, 3), dtype=np.uint8))
        total += np.asarray(layer.resize((size, size), Image.Resampling.BICUBIC), dtype=float) * strength / 255
    return Image.fromarray(np.clip(total, 0, 255).astype(np.uint8))


def recompressed(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue()))


def cropped(image: Image.Image, share: float = 0.02) -> Image.Image:
    x, y = max(1, round(share * image.width)), max(1, round(share * image.height))
    return image.crop((x, y, image.width - x, image.height - y))


DISGUISES = {
    "mirrored": ImageOps.mirror,
    "upside down": ImageOps.flip,
    "recompressed": lambda image: recompressed(image, 50),
    "cropped": cropped,
    "cropped at one side": lambda image: image.crop((round(0.02 * image.width), 0, image.width, image.height)),
    "turned": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "all at once": lambda image: recompressed(ImageOps.mirror(cropped(image)), 70),
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_every_planted_leak_is_found(workspace, tmp_path, disguise):
    root = tmp_path / "set"
    for split, seeds in (("train", range(12)), ("val", range(20, 26))):
        for seed in seeds:
            path = root / "images" / split / f"{seed}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            scene(seed).save(path, quality=92)
            put(root / "labels" / split / f"{seed}.txt", f"0 0.5 0.5 0.2 0.{seed + 10}\n")
    for seed in range(0, 12, 2):
        DISGUISES[disguise](scene(seed)).convert("RGB").save(root / "images/val" / f"leak{seed}.jpg", quality=92)
        put(root / "labels/val" / f"leak{seed}.txt", "0 0.5 0.5 0.2 0.2\n")
    dataset = import_dataset(workspace, root)
    leak = next(item for item in dataset.findings if item.code == "leak-across-splits")
    assert leak.count == 6
    assert all("leak" in example for example in leak.examples)
    assert "near-duplicate-image" not in codes(dataset)


def test_a_sound_set_has_no_warning(workspace, tmp_path):
    split_set(tmp_path / "set")
    dataset = import_dataset(workspace, tmp_path / "set")
    assert dataset.findings == []


def test_checking_again_finds_the_same(workspace, tmp_path):
    WRITERS["yolo"](tmp_path / "set", truth(8))
    put(tmp_path / "set/labels/part_00.txt", "0 0.5 0.5 0 0\n0 0.5 0.5 0.2 0.2\n")
    dataset = import_dataset(workspace, tmp_path / "set")
    assert "zero-size-box" in codes(dataset)
    assert check_dataset(load_dataset(workspace, dataset.id)) == dataset.findings


def few_pictures(root: Path) -> None:
    split_set(root, 1, 1)


def no_val(root: Path) -> None:
    split_set(root)
    put(root / "data.yaml", "train: images/train\nval: images/val\nnames: [a]\n")
    for path in [*(root / "images/val").iterdir()]:
        path.write_bytes(b"broken")


def other_brightness(root: Path) -> None:
    split_set(root)
    for path in (root / "images/val").iterdir():
        with Image.open(path) as image:
            dark = image.point(lambda level: level // 4)
        dark.save(path)


def other_size(root: Path) -> None:
    split_set(root)
    for number in range(25):
        picture(root / "images/val" / f"val{number}.png", 500 + number, (256, 192))


def rare_class(root: Path) -> None:
    split_set(root, 30, 25, "0 0.5 0.5 0.4 0.4\n0 0.2 0.2 0.1 0.4\n")
    put(root / "data.yaml", "train: images/train\nval: images/val\nnames: [a, b]\n")
    put(root / "labels/train/train0.txt", "1 0.5 0.5 0.2 0.2\n")
    put(root / "labels/val/val0.txt", "1 0.5 0.5 0.2 0.2\n")


def class_missing(root: Path) -> None:
    split_set(root)
    put(root / "data.yaml", "train: images/train\nval: images/val\nnames: [a, b, c]\n")
    put(root / "labels/train/train0.txt", "1 0.5 0.5 0.2 0.2\n")
    put(root / "labels/val/val0.txt", "2 0.5 0.5 0.2 0.2\n")


def tiny_boxes(root: Path) -> None:
    split_set(root)
    put(root / "labels/train/train0.txt", "0 0.5 0.5 0.02 0.02\n")


def small_in_large(root: Path) -> None:
    split_set(root)
    Image.new("RGB", (1600, 1200), "grey").save(root / "images/train/train0.png")
    put(root / "labels/train/train0.txt", "0 0.5 0.5 0.005 0.005\n")  # 8 by 6 pixels there, 3.2 by 2.4 at 640


def all_the_same(root: Path) -> None:
    split_set(root, label="0 0.5 0.5 0.25 0.25\n")


def background(root: Path) -> None:
    split_set(root, label="")
    put(root / "labels/train/train0.txt", "0 0.5 0.5 0.2 0.2\n")


def nothing_labelled(root: Path) -> None:
    split_set(root, label="")


@pytest.mark.parametrize(
    ("make", "expected", "blocks"),
    [
        (few_pictures, {"too-few-images": 2, "small-val": 1}, True),
        (other_brightness, {"brightness-shift": 1}, False),
        (other_size, {"size-shift": 1}, False),
        (rare_class, {"class-imbalance": 1, "few-objects": 1}, False),
        (class_missing, {"class-missing-in-train": 1, "class-missing-in-val": 1}, False),
        (tiny_boxes, {"tiny-in-picture": 1, "tiny-object": None}, False),
        (small_in_large, {"tiny-object": 1, "tiny-in-picture": None}, False),
        (all_the_same, {"identical-boxes": 55}, False),
        (background, {"mostly-background": 54, "empty-label": 54}, False),
        (nothing_labelled, {"no-labels": 55}, True),
        (no_val, {"unreadable-image": 25}, False),
    ],
)
def test_what_is_planted_is_found(workspace, tmp_path, make, expected, blocks):
    make(tmp_path / "set")
    dataset = import_dataset(workspace, tmp_path / "set")
    found = codes(dataset)
    assert {code: found.get(code) for code in expected} == expected
    assert bool(dataset.errors) is blocks


def test_groups_that_straddle_are_found_and_mended(workspace, tmp_path):
    root = tmp_path / "set"
    split_set(root)
    dataset = import_dataset(workspace, root, settings=ImportSettings(group_by=r"(\d)\.png$"))
    assert codes(dataset)["group-across-splits"] == 10
    mended = apply_fix(dataset, "group-across-splits")
    assert "group-across-splits" not in codes(mended)


def named_parts(root: Path, names: list[str]) -> None:
    """Lay out 24 pictures called `<name>_<number>`, half of them in train and half in val."""
    for number in range(24):
        split = "train" if number % 2 else "val"
        stem = f"{names[number % len(names)]}_{number}"
        picture(root / "images" / split / f"{stem}.png", number)
        put(root / "labels" / split / f"{stem}.txt", f"0 0.5 0.5 0.2 0.{number + 10}\n")
    put(root / "data.yaml", "train: images/train\nval: images/val\nnames: [a]\n")


def test_patients_named_in_file_names_are_noticed_and_kept_together(workspace, tmp_path):
    named_parts(tmp_path / "set", [f"person{number}_virus" for number in range(7)])
    dataset = import_dataset(workspace, tmp_path / "set")
    assert codes(dataset)["group-in-names"] == 7
    fixed = apply_fix(dataset, "group-in-names")
    assert not {"group-in-names", "group-across-splits"} & set(codes(fixed))
    table = fixed.image_table()
    assert table["group"].nunique() == 7
    assert table.groupby("group")["split"].nunique().max() == 1


@pytest.mark.parametrize(
    "names",
    [
        [f"image{number}" for number in range(7)],
        [f"person{number}" for number in range(3)],
        [f"person{number}" for number in range(24)],
        [f"compart{number}" for number in range(7)],
    ],
)
def test_numbers_that_name_no_patient_are_no_finding(workspace, tmp_path, names):
    named_parts(tmp_path / "set", names)
    assert "group-in-names" not in codes(import_dataset(workspace, tmp_path / "set"))


def broken_for_fixes(root: Path) -> None:
    split_set(root)
    put(root / "data.yaml", "train: images/train\nval: images/val\nnames: [dent, Dents, spare]\n")
    put(root / "labels/train/train0.txt", "0 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.2 0.2\n1 0.5 0.5 0.02 0.02\n")
    put(root / "labels/val/val0.txt", "1 0.5 0.5 0.3 0.2\n")
    (root / "labels/train/train1.txt").unlink()
    data = (root / "images/train/train2.png").read_bytes()
    (root / "images/train/train3.png").write_bytes(data)
    shutil.copy(root / "labels/train/train2.txt", root / "labels/train/train3.txt")
    (root / "images/val/val3.png").write_bytes(data)
    for number in range(4, 8):
        put(root / "labels/val" / f"val{number}.txt", "0 0.5 0.5 0.3 0.3\n")


@pytest.mark.parametrize(
    "code",
    [
        "missing-label",
        "duplicate-box",
        "tiny-in-picture",
        "class-names-alike",
        "unused-class",
        "duplicate-image",
        "leak-across-splits",
    ],
)
def test_a_fix_mends_its_finding_and_is_written_down(workspace, tmp_path, code):
    root = tmp_path / "set"
    broken_for_fixes(root)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    dataset = import_dataset(workspace, root)
    assert code in codes(dataset)
    fixed = apply_fix(dataset, code)
    assert code not in codes(fixed)
    assert len(fixed.fixes) == 1
    stored = load_dataset(workspace, dataset.id)
    assert stored.fixes == fixed.fixes
    assert stored.findings == fixed.findings
    assert sum(1 for _ in stored.labelled()) == sum(stored.images.values()) == len(stored.image_table())
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before
    assert import_dataset(workspace, root).findings == dataset.findings
    assert not list(workspace.staging_root.iterdir())


def test_of_copies_labelled_otherwise_each_is_kept(workspace, tmp_path):
    root = tmp_path / "classes"
    for place, name in enumerate(("good", "bad")):
        for number in range(6):
            picture(root / name / f"{number}.png", 10 * place + number)
    for copy in ("good/copy.png", "bad/same.png"):
        shutil.copy(root / "good/0.png", root / copy)
    dataset = import_dataset(workspace, root)
    told = {item.code: item for item in dataset.findings}
    assert told["copies-disagree"].count == 1
    assert not told["copies-disagree"].fix
    assert told["duplicate-image"].count == 1
    fixed = apply_fix(dataset, "duplicate-image")
    assert fixed.instances == {"bad": 7, "good": 6}, "a label of either kind is left"
    assert "copies-disagree" in codes(fixed)


def test_equal_files_with_other_boxes_are_told(workspace, tmp_path):
    root = tmp_path / "set"
    split_set(root)
    names = sorted((root / "images/train").iterdir())
    shutil.copy(names[0], root / "images/train/again.png")
    put(root / "labels/train/again.txt", "0 0.25 0.25 0.1 0.1\n")
    dataset = import_dataset(workspace, root)
    assert "copies-disagree" in codes(dataset)
    assert "duplicate-image" not in codes(dataset)


def test_fixes_that_do_not_exist_are_refused(workspace, tmp_path):
    split_set(tmp_path / "set")
    dataset = import_dataset(workspace, tmp_path / "set")
    for code in ("unreadable-image", "nonsense", "duplicate-box"):
        with pytest.raises(InputError):
            apply_fix(dataset, code)


def test_every_offered_fix_exists_and_every_fix_is_offered():
    assert {code for code, kind in KINDS.items() if kind.fix} == set(FIXES)


def test_classes_are_renamed_merged_dropped_and_reordered(workspace, tmp_path):
    known = truth(8)
    WRITERS["coco"](tmp_path / "set", known)
    dataset = import_dataset(workspace, tmp_path / "set")
    dents = dataset.instances["dent"]
    scratches = dataset.instances["scratch"]
    edited = edit_classes(dataset, {"dent": "Delle"}, ["scratch", "Delle"])
    assert edited.classes == ["scratch", "Delle"]
    assert edited.instances == {"scratch": scratches, "Delle": dents}
    assert "names:\n  0: scratch\n  1: Delle" in (edited.root / "data.yaml").read_text()
    merged = edit_classes(edited, {"scratch": "flaw", "Delle": "flaw"})
    assert merged.instances == {"flaw": dents + scratches}
    assert set(merged.source_mapping.values()) == {0}
    for bad in ({"nothing": "x"}, {"flaw": " "}, {"flaw": None}):
        with pytest.raises(InputError):
            edit_classes(merged, bad)


def test_a_dropped_class_takes_its_objects_along(workspace, tmp_path):
    WRITERS["coco"](tmp_path / "set", truth(8))
    dataset = import_dataset(workspace, tmp_path / "set")
    dropped = edit_classes(dataset, {"dent": None})
    assert dropped.classes == ["scratch"]
    assert dropped.instances == {"scratch": dataset.instances["scratch"]}
    assert int(dropped.image_table()["objects"].sum()) == dataset.instances["scratch"]


def test_class_folders_are_merged_without_losing_a_picture(workspace, tmp_path):
    root = tmp_path / "set"
    for place, name in enumerate(("cat", "Cat", "dog")):
        for number in range(5):
            picture(root / name / f"{number}.png", 10 * place + number)
    dataset = import_dataset(workspace, root)
    fixed = apply_fix(dataset, "class-names-alike")
    assert sum(fixed.instances.values()) == 15
    assert len(fixed.classes) == 2
    for split in ("train", "val"):
        assert sorted(path.name for path in (fixed.root / "images" / split).iterdir()) == fixed.classes
    assert sum(1 for item in fixed.labelled() if item.objects) == 15


def test_ten_examples_are_told_and_the_others_kept_to_be_looked_through() -> None:
    problems = Problems()
    for number in range(12):
        problems.note("zero-size-box", f"{number}.png")
    found = problems.findings()[0]
    assert (found.count, len(found.examples), len(found.files)) == (12, 10, 12)
