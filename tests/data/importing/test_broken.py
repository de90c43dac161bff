"""Broken variants of every layout: each ends in the finding that names it or in a clear refusal, never in a crash."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from PIL import Image

from core.data.importing.from_upload import import_dataset
from core.errors import InputError
from tests.data.writers import WRITERS, picture, put, truth

Break = Callable[[Path], None]
REFUSED = "refused"


def first(root: Path, pattern: str) -> Path:
    return sorted(root.rglob(pattern))[0]


def on_text(pattern: str, old: str, new: str) -> Break:
    def change(root: Path) -> None:
        path = first(root, pattern)
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


def text_is(pattern: str, content: str | bytes) -> Break:
    def change(root: Path) -> None:
        path = first(root, pattern)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content)

    return change


def add_text(pattern: str, content: str) -> Break:
    def change(root: Path) -> None:
        path = first(root, pattern)
        path.write_text(path.read_text() + content)

    return change


def remove(pattern: str) -> Break:
    return lambda root: first(root, pattern).unlink()


def cut(pattern: str, share: float = 0.5) -> Break:
    def change(root: Path) -> None:
        path = first(root, pattern)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])

    return change


def on_json(pattern: str, change: Callable) -> Break:
    def apply(root: Path) -> None:
        path = first(root, pattern)
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return apply


def small(root: Path) -> None:
    path = first(root, "*part_00.*g")
    Image.new("RGB", (5, 5)).save(path)


def pictures_gone(root: Path) -> None:
    for path in [*root.rglob("*.png"), *root.rglob("*.jpg")]:
        path.unlink()


def doubled_picture(root: Path) -> None:
    suffix = first(root, "part_00.*g").suffix
    shutil.copy(first(root, f"part_00{suffix}"), first(root, f"part_01{suffix}"))


def add_cells(*rows: list[object]) -> Break:
    def change(root: Path) -> None:
        book = openpyxl.load_workbook(root / "labels.xlsx")
        for row in rows:
            book.active.append(row)
        book.save(root / "labels.xlsx")

    return change


def _other_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("letter.txt", "no workbook")


COMMON: list[tuple[str, Break, str]] = [
    ("cut picture", cut("*part_00.*g"), "unreadable-image"),
    ("picture of no bytes", text_is("*part_00.*g", b""), "unreadable-image"),
    ("text as picture", text_is("*part_00.*g", b"hello"), "unreadable-image"),
    ("tiny picture", small, "image-too-small"),
    ("picture gone", remove("*part_00.*g"), "image-missing"),
    ("no pictures", pictures_gone, REFUSED),
    ("picture copied over another", doubled_picture, "copies-disagree|leak-across-splits"),
    ("archive junk", lambda root: put(root / "__MACOSX" / "._part_00.png", "x"), "archive-junk"),
    ("stray file", lambda root: put(root / "notes.docx", "x"), "other-files"),
]

YOLO = [
    ("label without a number", text_is("*part_00.txt", "dent 0.5 0.5 0.1 0.1\n"), "bad-row"),
    ("three columns", text_is("*part_00.txt", "0 0.5 0.5\n"), "bad-row"),
    ("nan", text_is("*part_00.txt", "0 nan 0.5 0.1 0.1\n"), "bad-row"),
    ("infinite", text_is("*part_00.txt", "0 inf 0.5 0.1 0.1\n"), "bad-row"),
    ("fractional class", text_is("*part_00.txt", "0.5 0.5 0.5 0.1 0.1\n"), "bad-row"),
    ("zero size", text_is("*part_00.txt", "0 0.5 0.5 0 0.1\n"), "zero-size-box"),
    ("over the edge", text_is("*part_00.txt", "0 0.98 0.5 0.2 0.1\n"), "box-out-of-range"),
    ("outside", text_is("*part_00.txt", "0 1.5 0.5 0.2 0.1\n"), "box-outside"),
    ("class too high", text_is("*part_00.txt", "7 0.5 0.5 0.1 0.1\n"), "class-out-of-range"),
    ("negative class", text_is("*part_00.txt", "-1 0.5 0.5 0.1 0.1\n"), "class-out-of-range"),
    ("six columns", text_is("*part_00.txt", "0 0.5 0.5 0.1 0.1 0.9\n"), "extra-columns"),
    ("mixed box and outline", text_is("*part_00.txt", "0 0.1 0.1 0.5 0.1 0.5 0.5\n"), "mixed-labels"),
    ("same row twice", text_is("*part_00.txt", "0 0.5 0.5 0.1 0.1\n0 0.5 0.5 0.1 0.1\n"), "duplicate-box"),
    ("empty label", text_is("*part_00.txt", ""), "empty-label"),
    ("label gone", remove("*part_00.txt"), "missing-label"),
    ("binary label", text_is("*part_00.txt", bytes(range(256))), "bad-row"),
]

TABLES: dict[str, list[tuple[str, Break, str]]] = {
    "yolo": [
        *YOLO,
        ("label of no picture", lambda root: put(root / "labels/other.txt", "0 .5 .5 .1 .1"), "image-missing"),
        ("yaml path nowhere", on_text("data.yaml", "images_val", "gone/away"), "yaml-path-missing"),
        ("yaml cut", text_is("data.yaml", "names: [dent, scra"), REFUSED),
        ("yaml with wrong ids", text_is("data.yaml", "names: {a: dent}"), REFUSED),
        ("names alike", on_text("data.yaml", "'scratch'", "'Dents'"), "class-names-alike"),
        ("name without objects", on_text("data.yaml", "'scratch'", "'scratch', 'stain'"), "unused-class"),
        ("no names", remove("data.yaml"), "no-class-names"),
        ("val is train", text_is("data.yaml", "train: images\nval: images\nnames: [a, b]"), "splits-share-folder"),
        (
            "list of missing pictures",
            lambda root: (
                put(root / "train.txt", "images/part_00.png\nimages/gone.png"),
                put(root / "val.txt", "images/part_01.png"),
            ),
            "list-entry-missing|not-in-split",
        ),
    ],
    "yolo-beside": [entry for entry in YOLO if entry[0] not in ("label gone",)],
    "coco": [
        ("cut JSON", cut("*.json"), REFUSED),
        (
            "no such category",
            on_json("*.json", lambda c: c["annotations"][0].update(category_id=5)),
            "class-out-of-range",
        ),
        ("no category", on_json("*.json", lambda c: c["annotations"][0].pop("category_id")), "class-out-of-range"),
        ("no such image", on_json("*.json", lambda c: c["annotations"][0].update(image_id=5)), "bad-row"),
        ("short box", on_json("*.json", lambda c: c["annotations"][0].update(bbox=[1, 2])), "bad-row"),
        ("box of words", on_json("*.json", lambda c: c["annotations"][0].update(bbox=["a"] * 4)), "bad-row"),
        ("empty box", on_json("*.json", lambda c: c["annotations"][0].update(bbox=[9, 9, 0, 4])), "zero-size-box"),
        ("negative box", on_json("*.json", lambda c: c["annotations"][0].update(bbox=[9, 9, -3, 4])), "zero-size-box"),
        (
            "over the edge",
            on_json("*.json", lambda c: c["annotations"][0].update(bbox=[50, 9, 40, 4])),
            "box-out-of-range",
        ),
        ("crowd", on_json("*.json", lambda c: c["annotations"][0].update(iscrowd=1)), "crowd-left-out"),
        ("other size", on_json("*.json", lambda c: c["images"][0].update(width=128, height=96)), "size-mismatch"),
        (
            "bad run length",
            on_json("*.json", lambda c: c["annotations"][0].update(segmentation={"size": [9, 9], "counts": [1, 2]})),
            "bad-row",
        ),
        (
            "spare category",
            on_json("*.json", lambda c: c["categories"].append({"id": 99, "name": "x"})),
            "unused-class-dropped",
        ),
        ("category without id", on_json("*.json", lambda c: c["categories"][0].pop("id")), REFUSED),
        ("picture not listed", on_json("*.json", lambda c: c["images"].pop(0)), "missing-label"),
    ],
    "voc": [
        ("cut XML", cut("*part_00.xml"), "unreadable-label"),
        ("empty XML", text_is("*part_00.xml", ""), "unreadable-label"),
        ("other root", text_is("*part_00.xml", "<note/>"), "unreadable-label"),
        (
            "no name",
            on_text("*part_00.xml", "<name>dent</name>", ""),
            "bad-row",
        ),
        ("words as corner", on_text("*part_00.xml", "<xmin>", "<xmin>x"), "bad-row"),
        ("no box", on_text("*part_00.xml", "bndbox>", "box>"), "unreadable-label"),
        ("label without picture", lambda root: put(root / "Annotations/x.xml", "<annotation/>"), "image-missing"),
        ("declared size is zero", on_text("*part_00.xml", "<width>64<", "<width>0<"), ""),
        ("declared size is other", on_text("*part_00.xml", "<width>64<", "<width>128<"), "size-mismatch"),
        ("label gone", remove("*part_00.xml"), "missing-label"),
        (
            "list of missing pictures",
            lambda root: (
                put(root / "ImageSets/Main/train.txt", "part_00\npart_01\ngone"),
                put(root / "ImageSets/Main/val.txt", "part_02"),
            ),
            "list-entry-missing|not-in-split",
        ),
        (
            "two labels of one picture",
            lambda root: shutil.copytree(root / "Annotations", root / "more"),
            "several-labels",
        ),
    ],
    "labelme": [
        ("cut JSON", cut("*part_00.json"), "unreadable-label"),
        ("a list", text_is("*part_00.json", "[]"), "unreadable-label"),
        ("no shapes", text_is("*part_00.json", '{"imagePath": "part_00.png"}'), "unreadable-label"),
        ("a line", on_json("*part_00.json", lambda c: c["shapes"][0].update(shape_type="line")), "other-shape"),
        ("no points", on_json("*part_00.json", lambda c: c["shapes"][0].pop("points")), "bad-row"),
        (
            "points of words",
            on_json("*part_00.json", lambda c: c["shapes"][0].update(points=[["a", 1], [2, 3]])),
            "bad-row",
        ),
        (
            "two points of a polygon",
            on_json("*part_00.json", lambda c: c["shapes"][0].update(shape_type="polygon")),
            "bad-row",
        ),
        ("no label", on_json("*part_00.json", lambda c: c["shapes"][0].pop("label")), "bad-row"),
        (
            "no size of a box",
            on_json("*part_00.json", lambda c: c["shapes"][0].update(points=[[3, 3], [3, 9]])),
            "zero-size-box",
        ),
        (
            "outside",
            on_json("*part_00.json", lambda c: c["shapes"][0].update(points=[[300, 3], [400, 9]])),
            "box-outside",
        ),
        (
            "one outline among boxes",
            on_json(
                "*part_00.json",
                lambda c: c["shapes"][0].update(points=[[1, 1], [20, 1], [9, 20]], shape_type="polygon"),
            ),
            "mixed-labels",
        ),
        ("other size", on_json("*part_00.json", lambda c: c.update(imageWidth=640)), "size-mismatch"),
    ],
    "cvat": [
        ("cut XML", cut("*.xml"), REFUSED),
        ("no number", on_text("*.xml", 'xtl="', 'xtl="x'), "bad-row"),
        ("no label", on_text("*.xml", '<box label="dent"', "<box"), "bad-row"),
        ("unknown picture", on_text("*.xml", 'name="part_00.png"', 'name="gone.png"'), "image-missing"),
        ("no picture name", on_text("*.xml", 'name="part_00.png"', ""), "image-missing"),
        ("polyline", on_text("*.xml", "<box ", '<polyline label="dent" points="1,1;2,2"/><box '), "other-shape"),
        ("two points", on_text("*.xml", "<box ", '<polygon label="dent" points="1,1;2,2"/><box '), "bad-row"),
        (
            "bad mask",
            on_text("*.xml", "<box ", '<mask label="dent" rle="9,9" left="0" top="0" width="2" height="2"/><box '),
            "bad-row",
        ),
        (
            "outline among boxes",
            on_text("*.xml", "<box ", '<polygon label="dent" points="1,1;20,1;9,9"/><box '),
            "mixed-labels",
        ),
        ("other size", on_text("*.xml", 'width="64"', 'width="640"'), "size-mismatch"),
        ("label never used", on_text("*.xml", "<label>", "<label><name>x</name></label><label>"), "unused-class"),
        (
            "outside",
            on_text("*.xml", "<box ", '<box label="dent" xtl="200" ytl="1" xbr="210" ybr="9"/><box '),
            "box-outside",
        ),
    ],
    "createml": [
        ("cut JSON", cut("*.json"), REFUSED),
        ("no coordinates", on_json("*.json", lambda c: c[0]["annotations"][0].pop("coordinates")), "bad-row"),
        ("words", on_json("*.json", lambda c: c[0]["annotations"][0]["coordinates"].update(x="a")), "bad-row"),
        ("no width", on_json("*.json", lambda c: c[0]["annotations"][0]["coordinates"].pop("width")), "bad-row"),
        ("no label", on_json("*.json", lambda c: c[0]["annotations"][0].pop("label")), "bad-row"),
        (
            "zero size",
            on_json("*.json", lambda c: c[0]["annotations"][0]["coordinates"].update(width=0)),
            "zero-size-box",
        ),
        (
            "over the edge",
            on_json("*.json", lambda c: c[0]["annotations"][0]["coordinates"].update(x=63, width=20)),
            "box-out-of-range",
        ),
        (
            "outside",
            on_json("*.json", lambda c: c[0]["annotations"][0]["coordinates"].update(x=630, width=20)),
            "box-outside",
        ),
        ("unknown picture", on_json("*.json", lambda c: c[0].update(image="gone.png")), "image-missing"),
        ("no picture", on_json("*.json", lambda c: c[0].pop("image")), "image-missing"),
        ("no annotations", on_json("*.json", lambda c: c[0].pop("annotations")), "empty-label"),
        ("picture not listed", on_json("*.json", lambda c: c.pop(0)), "missing-label"),
    ],
    "labelstudio": [
        ("cut JSON", cut("*.json"), REFUSED),
        (
            "no original size",
            on_json("*.json", lambda c: [r.pop("original_width") for r in c[0]["annotations"][0]["result"]]),
            "bad-row",
        ),
        ("words", on_json("*.json", lambda c: c[0]["annotations"][0]["result"][0]["value"].update(x="a")), "bad-row"),
        (
            "no label",
            on_json("*.json", lambda c: c[0]["annotations"][0]["result"][0]["value"].update(rectanglelabels=[])),
            "bad-row",
        ),
        (
            "brush without a stroke",
            on_json(
                "*.json", lambda c: c[0]["annotations"][0]["result"][0].update(value={"brushlabels": ["a"], "rle": []})
            ),
            "bad-row",
        ),
        (
            "two annotators",
            on_json("*.json", lambda c: c[0]["annotations"].append(c[0]["annotations"][0])),
            "several-labels",
        ),
        ("cancelled", on_json("*.json", lambda c: c[0]["annotations"][0].update(was_cancelled=True)), "missing-label"),
        (
            "zero size",
            on_json("*.json", lambda c: c[0]["annotations"][0]["result"][0]["value"].update(width=0)),
            "zero-size-box",
        ),
        (
            "over the edge",
            on_json("*.json", lambda c: c[0]["annotations"][0]["result"][0]["value"].update(x=90, width=30)),
            "box-out-of-range",
        ),
        (
            "outside",
            on_json("*.json", lambda c: c[0]["annotations"][0]["result"][0]["value"].update(x=190)),
            "box-outside",
        ),
        ("unknown picture", on_json("*.json", lambda c: c[0]["data"].update(image="/x/gone.png")), "image-missing"),
        ("picture not listed", on_json("*.json", lambda c: c.pop(0)), "missing-label"),
    ],
    "csv": [
        ("no number", add_text("labels.csv", "part_00.png,dent,x,1,2,3\n"), "bad-row"),
        ("missing cells", add_text("labels.csv", "part_00.png,dent\n"), ""),
        ("half a box", add_text("labels.csv", "part_00.png,dent,1,2\n"), "bad-row"),
        ("no class", add_text("labels.csv", "part_00.png,,1,1,9,9\n"), "bad-row"),
        ("unknown picture", add_text("labels.csv", "gone.png,dent,1,1,9,9\n"), "image-missing"),
        ("zero size", add_text("labels.csv", "part_00.png,dent,5,1,5,9\n"), "zero-size-box"),
        ("corners swapped", add_text("labels.csv", "part_00.png,dent,30,30,9,9\n"), "corners-swapped"),
        ("over the edge", add_text("labels.csv", "part_00.png,dent,50,1,90,9\n"), "box-out-of-range"),
        ("outside", add_text("labels.csv", "part_00.png,dent,150,1,190,9\n"), "box-outside"),
        ("the same row twice", add_text("labels.csv", "part_00.png,dent,1,1,9,9\n" * 2), "duplicate-box"),
        ("names alike", add_text("labels.csv", "part_00.png,Dents,1,1,9,9\n"), "class-names-alike"),
        ("no heads that are known", on_text("labels.csv", "filename,class", "foo,bar"), REFUSED),
        ("one box covers all", add_text("labels.csv", "part_00.png,dent,0,0,64,48\n"), "whole-image-box"),
    ],
    "excel": [
        ("cut workbook", cut("*.xlsx"), REFUSED),
        ("text as workbook", text_is("*.xlsx", "a,b"), REFUSED),
        ("zip that is no workbook", lambda root: _other_zip(root / "labels.xlsx"), REFUSED),
        ("words as corner", add_cells(["part_00.png", "dent", "x", 1, 2, 3]), "bad-row"),
        ("a day as corner", add_cells(["part_00.png", "dent", date(2026, 1, 1), 1, 2, 3]), "bad-row"),
        ("half a box", add_cells(["part_00.png", "dent", 1, 2]), "bad-row"),
        ("no class", add_cells(["part_00.png", None, 1, 1, 9, 9]), "bad-row"),
        ("unknown picture", add_cells(["gone.png", "dent", 1, 1, 9, 9]), "image-missing"),
        ("zero size", add_cells(["part_00.png", "dent", 5, 1, 5, 9]), "zero-size-box"),
        ("corners swapped", add_cells(["part_00.png", "dent", 30, 30, 9, 9]), "corners-swapped"),
        ("over the edge", add_cells(["part_00.png", "dent", 50, 1, 90, 9]), "box-out-of-range"),
        ("outside", add_cells(["part_00.png", "dent", 150, 1, 190, 9]), "box-outside"),
        ("the same row twice", add_cells(*[["part_00.png", "dent", 1, 1, 9, 9]] * 2), "duplicate-box"),
        ("names alike", add_cells(["part_00.png", "Dents", 1, 1, 9, 9]), "class-names-alike"),
        ("empty rows", add_cells([None], [None, None], ["part_00.png", "dent", 0, 0, 64, 48]), "whole-image-box"),
    ],
}

CASES = [
    pytest.param(layout, change, expected, id=f"{layout}: {name}")
    for layout in TABLES
    for name, change, expected in [*TABLES[layout], *COMMON]
]


@pytest.mark.parametrize(("layout", "change", "expected"), CASES)
def test_a_broken_set_is_named_or_refused(workspace, tmp_path, layout, change, expected):
    root = tmp_path / "set"
    WRITERS[layout](root, truth(6))
    change(root)
    if expected == REFUSED:
        with pytest.raises(InputError) as caught:
            import_dataset(workspace, root)
        assert len(str(caught.value)) > 30
        assert not list(workspace.datasets.iterdir())
        assert not list(workspace.staging_root.iterdir())
        return
    dataset = import_dataset(workspace, root)
    found = {item.code: item for item in dataset.findings}
    assert not expected or any(code in found for code in expected.split("|")), sorted(found)
    for code in expected.split("|"):
        if code in found and code not in ("leak-across-splits", "unused-class-dropped"):
            assert found[code].count > 0
            assert found[code].examples


MASKS: list[tuple[str, Break, str]] = [
    ("cut mask", cut("masks/0.png"), "unreadable-label"),
    ("text as mask", text_is("masks/0.png", "x"), "unreadable-label"),
    ("mask gone", remove("masks/0.png"), "missing-label"),
    ("picture gone", remove("images/0.png"), "image-missing"),
    ("other size", lambda root: Image.new("L", (128, 96), 255).save(root / "masks/0.png"), "size-mismatch"),
    ("black mask", lambda root: Image.new("L", (64, 48)).save(root / "masks/0.png"), "empty-label"),
    ("white mask", lambda root: Image.new("L", (64, 48), 255).save(root / "masks/0.png"), "whole-image-box"),
    ("cut picture", cut("images/0.png"), "unreadable-image"),
    ("speck", lambda root: _dots(root, [(30, 40)]), "mask-specks"),
    ("ring", lambda root: _ring(root), "hole-filled"),
    ("many levels", lambda root: _smooth(root), "task-assumed"),
    ("soft edges", lambda root: _soft_edges(root), "task-assumed"),
]


def _dots(root: Path, dots: list[tuple[int, int]]) -> None:
    with Image.open(root / "masks/0.png") as image:
        mask = image.copy()
    for x, y in dots:
        mask.putpixel((x, y), 255)
    mask.save(root / "masks/0.png")


def _ring(root: Path) -> None:
    mask = Image.new("L", (64, 48))
    mask.paste(255, (5, 5, 40, 40))
    mask.paste(0, (15, 15, 30, 30))
    mask.save(root / "masks/0.png")


def _smooth(root: Path) -> None:
    Image.effect_noise((64, 48), 100).save(root / "masks/0.png")


def _soft_edges(root: Path) -> None:
    with Image.open(root / "masks/0.png") as image:
        soft = image.resize((31, 23)).resize((64, 48), Image.Resampling.BICUBIC)
    soft.save(root / "masks/0.png")


@pytest.mark.parametrize(("change", "expected"), [pytest.param(b, c, id=a) for a, b, c in MASKS])
def test_broken_masks(workspace, tmp_path, change, expected):
    root = tmp_path / "set"
    for number in range(4):
        picture(root / "images" / f"{number}.png", number)
        mask = Image.new("L", (64, 48))
        mask.paste(255, (4, 4, 30, 20 + number))
        (root / "masks").mkdir(exist_ok=True)
        mask.save(root / "masks" / f"{number}.png")
    change(root)
    dataset = import_dataset(workspace, root)
    assert expected in {item.code for item in dataset.findings}


FOLDERS: list[tuple[str, Break, str]] = [
    ("one class", lambda root: shutil.rmtree(root / "b"), REFUSED),
    ("cut picture", cut("a/0.png"), "unreadable-image"),
    ("text as picture", text_is("a/0.png", "x"), "unreadable-image"),
    ("stray picture", lambda root: picture(root / "stray.png", 70), "not-in-split"),
    ("stray text", lambda root: put(root / "a/notes.doc", "x"), "other-files"),
    ("tiny picture", lambda root: Image.new("L", (4, 4)).save(root / "a/0.png"), "image-too-small"),
    ("copy in the same class", lambda root: shutil.copy(root / "a/0.png", root / "a/9.png"), "duplicate-image"),
    ("copy in another class", lambda root: shutil.copy(root / "a/0.png", root / "b/9.png"), "copies-disagree"),
    ("names alike", lambda root: (root / "b").rename(root / "A"), "class-names-alike"),
    ("class only in test", lambda root: picture(root / "test/c/1.png", 77), "class-missing-in-train"),
    ("junk", lambda root: put(root / "a/Thumbs.db", "x"), "archive-junk"),
]


@pytest.mark.parametrize(("change", "expected"), [pytest.param(b, c, id=a) for a, b, c in FOLDERS])
def test_broken_class_folders(workspace, tmp_path, change, expected):
    root = tmp_path / "set"
    for place, name in enumerate("ab"):
        for number in range(4):
            picture(root / name / f"{number}.png", 10 * place + number)
    change(root)
    if expected == REFUSED:
        with pytest.raises(InputError):
            raise_when_blocked(import_dataset(workspace, root))
        return
    findings = import_dataset(workspace, root).findings
    assert expected in {item.code for item in findings}
    told = " ".join(name for item in findings for name in (*item.examples, *item.files))
    assert "<" not in told, "objects of Python in a message"


def raise_when_blocked(dataset) -> None:
    """A set that imports but can't be trained on is refused by its errors."""
    if dataset.errors:
        raise InputError(dataset.errors[0].message)
