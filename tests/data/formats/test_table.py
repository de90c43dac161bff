"""Sheets as people have them: a column is told by its head or its cells, and asked for where several may be it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from core.data.formats import detect_format
from core.data.importing.settings import ImportSettings
from core.data.importing.uploads import read_upload
from core.data.reading.choices import Undecided
from core.data.reading.source_dataset import SourceDataset
from core.data.reading.tree import read_folder
from core.errors import InputError
from tests.data.writers import HEIGHT, WIDTH, picture, put


def pictures(root: Path, number: int = 8, name: str = "images/p{0}.png") -> Path:
    for place in range(number):
        picture(root / name.format(place), place)
    return root


def understood(root: Path, **choices: str) -> SourceDataset:
    given = {key.replace("__", "."): value for key, value in choices.items()}
    return read_upload(read_folder(root), ImportSettings(choices=given))


def asked(root: Path, **choices: str) -> tuple[str, list[str]]:
    """The key of the question and the readings it offers."""
    with pytest.raises(Undecided) as raised:
        understood(root, **choices)
    return raised.value.choice.key, [option.value for option in raised.value.choice.options]


def classes(found: SourceDataset) -> dict[str, int]:
    return dict(Counter(found.classes[item.class_id] for image in found.images for item in image.objects))


def boxes(found: SourceDataset) -> set[tuple[float, ...] | None]:
    return {item.box for image in found.images for item in image.objects}


def sheet(root: Path, head: str, row: str, number: int = 8, name: str = "labels.csv") -> Path:
    """One row per picture; {n} is its number, {even} 1 or 0, {kind} ok or bad."""
    rows = [row.format(n=n, even=int(n % 2 == 0), kind="ok" if n % 2 else "bad") for n in range(number)]
    put(root / name, "\n".join([head, *rows] if head else rows) + "\n")
    return root


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("path,probability,type", "images/p{n}.png,0.{even},{kind}"),
        ("name;Quality;Grade", "p{n}.png;{kind};{even}"),
        ("image,colour,shape", "p{n},{kind},round{even}"),
        ("image,colour", "p{n},{kind}"),
        ("", "images/p{n}.png,0.{even},{kind}"),
        ("", "images/p{n}.png  0.{even}   {kind}"),
    ],
)
def test_columns_of_which_several_may_be_the_class_are_asked_about(tmp_path: Path, head: str, row: str) -> None:
    root = sheet(pictures(tmp_path), head, row)
    key, options = asked(root)
    assert key == "column.label"
    wanted = options[0] if row.find("{even}") > row.find("{kind}") else options[-1]
    assert classes(understood(root, column__label=wanted)) == {"ok": 4, "bad": 4}


def test_a_sheet_without_heads_is_named_in_the_question(tmp_path: Path) -> None:
    root = sheet(pictures(tmp_path), "", "images/p{n}.png,0.{even},{kind}", name="cells.csv")
    with pytest.raises(Undecided, match=r"cells\.csv has no line of heads"):
        understood(root)


@pytest.mark.parametrize("wanted", ["Cell State", "cell_state", "2"])
def test_a_column_may_be_named_in_any_spelling_or_by_its_number(tmp_path: Path, wanted: str) -> None:
    root = sheet(pictures(tmp_path), "image,Cell State,type", "p{n},{kind},t{even}")
    assert classes(understood(root, column__label=wanted)) == {"ok": 4, "bad": 4}
    with pytest.raises(InputError, match="Cell State"):
        understood(root, column__label="no such")


@pytest.mark.parametrize(
    ("head", "row", "wanted"),
    [
        ("filename,label,occluded,confidence", "p{n}.png,{kind},{even},0.9", {"ok": 4, "bad": 4}),
        ("image_id,dx,dx_type,age,sex,localization", "p{n},{kind},histo,4{n},f,back{even}", {"ok": 4, "bad": 4}),
        ("id_code,diagnosis", "p{n},{even}", {"0": 4, "1": 4}),
        ("image,level", "p{n},{even}", {"0": 4, "1": 4}),
        ("file,class_id,class_name", "p{n}.png,{even},{kind}", {"ok": 4, "bad": 4}),
        ("Image Index,Finding Labels,Follow-up #,View Position", "p{n}.png,{kind},{even},PA", {"ok": 4, "bad": 4}),
        ("", "p{n}.png,{kind}", {"ok": 4, "bad": 4}),
    ],
)
def test_helper_columns_are_no_classes(tmp_path: Path, head: str, row: str, wanted: dict[str, int]) -> None:
    assert classes(understood(sheet(pictures(tmp_path), head, row))) == wanted


def test_columns_of_0_and_1_are_classes_and_helpers_among_them_are_not(tmp_path: Path) -> None:
    root = pictures(tmp_path)
    rows = [f"p{n},{int(n % 2 == 0)},{int(n % 2 == 1)},1" for n in range(8)]
    put(root / "labels.csv", "\n".join(["image,healthy,rust,is_verified", *rows]))
    assert classes(understood(root)) == {"healthy": 4, "rust": 4}


def test_several_classes_of_one_picture_are_asked_about_never_guessed(tmp_path: Path) -> None:
    root = pictures(tmp_path)
    rows = ["p0,1,1,0", "p1,0,0,1", "p2,1,0,0", "p3,0,1,0", "p4,0,0,1", "p5,0,0,1", "p6,1,1,0", "p7,0,0,0"]
    put(root / "_classes.csv", "\n".join(["filename, scratch, dent, ok", *rows]))
    key, options = asked(root)
    assert key == "several"
    assert {"leave-out", "combination", "has=dent"} <= set(options)
    left = understood(root, several="leave-out")
    assert classes(left) == {"scratch": 1, "dent": 1, "ok": 3, "none": 1}
    assert left.problems.counts["several-classes"] == 2
    assert classes(understood(root, several="has=dent")) == {"dent": 3, "no dent": 5}
    assert classes(understood(root, several="combination"))["dent + scratch"] == 2


@pytest.mark.parametrize("rows", [["p{0},a|b", "p{0},a"], ["p{0},a", "p{0},b"]])
def test_several_in_one_cell_or_in_several_rows_are_the_same(tmp_path: Path, rows: list[str]) -> None:
    lines = [row.format(n) for n in range(8) for row in rows] + ["p0,a"]
    put(pictures(tmp_path) / "labels.csv", "\n".join(["image,label", *lines]))
    assert asked(tmp_path)[0] == "several"


def test_grades_are_classes_in_order_or_cut_where_the_user_says(tmp_path: Path) -> None:
    root = pictures(tmp_path)
    grades = ["0.0", "0", "0.3333333333333333", "0,3333333333333333", "0.6666666666666666", "1.0", "1", "1.0"]
    put(root / "cells.csv", "\n".join(["path;probability", *(f"p{n}.png;{g}" for n, g in enumerate(grades))]))
    assert understood(root).classes == ["0", "0.333333", "0.666667", "1"]
    cut = understood(root, grades="0.5")
    assert (cut.classes, classes(cut)) == (["below 0.5", "0.5 and more"], {"below 0.5": 4, "0.5 and more": 4})
    assert classes(understood(root, grades="0.2"))["below 0.2"] == 2


def test_measured_values_are_too_many_to_be_classes_and_are_asked_about(tmp_path: Path) -> None:
    root = pictures(tmp_path, 30)
    put(root / "cells.csv", "\n".join(["path,probability", *(f"p{n}.png,{n / 30:.4f}" for n in range(30))]))
    assert asked(root, column__label="probability") == ("grades", ["0.5"])
    assert classes(understood(root, grades="0.5")) == {"below 0.5": 15, "0.5 and more": 15}


@pytest.mark.parametrize(
    ("head", "row", "name"),
    [
        ("ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax", "p{n},x,{kind},1,.25,.5,.125,.5", "ok"),
        ("image_id,width,height,bbox,source", 'p{n},64,48,"[16.0, 6.0, 16.0, 18.0]",usask', "object"),
        ("filename,xmin,ymin,xmax,ymax,occluded,truncated", "p{n}.png,16,6,32,24,{even},1", "object"),
        ("patientId,x,y,width,height,Target", "p{n},16.0,6.0,16.0,18.0,1", "Target"),
        ("img;x_center;y_center;w;h;class", "p{n};24;15;16;18;{kind}", "ok"),
        ("Image Index,Finding Label,Bbox [x,y,w,h],,", "p{n}.png,{kind},16,6,16,18,,", "ok"),
        ("", "images/p{n}.png,16,6,32,24,{kind}", "ok"),
    ],
)  # fmt: skip
def test_boxes_of_every_sheet_come_out_alike(tmp_path: Path, head: str, row: str, name: str) -> None:
    found = understood(sheet(pictures(tmp_path), head, row))
    assert found.task == "detect"
    assert set(found.classes) == ({"ok", "bad"} if "{kind}" in row else {name})
    scale = (WIDTH, HEIGHT, WIDTH, HEIGHT) if found.images[0].unit == "fraction" else (1, 1, 1, 1)
    assert {tuple(np.multiply(box, scale)) for box in boxes(found) if box} == {(16, 6, 32, 24)}


@pytest.mark.parametrize(("numbers", "wanted"), [("60,40,64,48", (60, 40, 64, 48)), ("30,20,10,9", (30, 20, 40, 29))])
def test_numbers_decide_what_one_box_column_holds(tmp_path: Path, numbers: str, wanted: tuple[int, ...]) -> None:
    root = sheet(pictures(tmp_path), "image,bbox,label", f'p{{n}},"[{numbers}]",{{kind}}')
    assert boxes(understood(root)) == {wanted}


def test_what_both_may_be_is_recorded_and_can_be_chosen(tmp_path: Path) -> None:
    root = sheet(pictures(tmp_path), "image,bbox,label", 'p{n},"[10 10 20 20]",{kind}')
    tree = read_folder(root)
    found = read_upload(tree, ImportSettings())
    assert tree.choices.made["box"].taken == "size"
    assert found.problems.counts == {"reading-chosen": 1}
    assert not understood(root, box="size").problems.counts, "what the user chose is no finding"
    assert boxes(understood(root, box="corners")) == {(10, 10, 20, 20)}


def test_rows_without_a_box_are_pictures_with_nothing_on_them(tmp_path: Path) -> None:
    root = pictures(tmp_path)
    rows = [f"p{n},{'10,10,20,20,1' if n < 6 else ',,,,0'}" for n in range(8)]
    put(root / "labels.csv", "\n".join(["patientId,x,y,width,height,Target", *rows]))
    found = understood(root)
    assert (classes(found), len(found.images)) == ({"Target": 6}, 8)
    assert all(image.labelled for image in found.images)


def test_crowds_and_names_of_codes_are_read(tmp_path: Path) -> None:
    root = sheet(
        pictures(tmp_path), "ImageID,LabelName,XMin,XMax,YMin,YMax,IsGroupOf", "p{n},/m/{kind},.1,.5,.2,.6,{even}"
    )
    put(root / "class-descriptions.csv", "/m/ok,Orange\n/m/bad,Lemon\n/m/x,Other\n")
    found = understood(root)
    assert classes(found) == {"Orange": 4}
    assert found.problems.counts == {"crowd-left-out": 4}


def test_run_lengths_are_outlines(tmp_path: Path) -> None:
    root = pictures(tmp_path)
    runs = " ".join(f"{1 + (10 + column) * HEIGHT + 5} 8" for column in range(12))  # x 10 to 22, y 5 to 13
    put(
        root / "train.csv",
        "\n".join(["ImageId,ClassId,EncodedPixels", *(f"p{n}.png,{n % 2 + 1},{runs}" for n in range(6)), "p6.png,1,"]),
    )
    found = understood(root)
    assert (found.task, classes(found)) == ("segment", {"1": 3, "2": 3})
    outline = found.images[0].objects[0].polygon
    assert outline is not None
    assert [*outline.min(axis=0), *outline.max(axis=0)] == [10, 5, 22, 13]


def test_patients_stay_together_and_a_column_names_the_parts(tmp_path: Path) -> None:
    root = sheet(pictures(tmp_path), "Image Index,Finding Labels,Patient ID,Split", "p{n}.png,{kind},17{even},train")
    found = understood(root)
    assert {image.group for image in found.images} == {"170", "171"}
    assert {image.split for image in found.images} == {"train"}
    assert {image.group for image in understood(root, column__group="none").images} == {""}


def test_a_sheet_for_each_part_finds_pictures_of_one_name(tmp_path: Path) -> None:
    for seed, part in enumerate(("train", "val")):
        for number in range(4):
            picture(tmp_path / part / "img" / f"p{number}.png", 10 * seed + number)
        sheet(tmp_path, "file,label", "p{n}.png,{kind}" if part == "train" else "p{n}.png,ok", 4, f"{part}.csv")
    found = understood(tmp_path)
    assert Counter((image.split, found.classes[image.objects[0].class_id]) for image in found.images) == {
        ("train", "ok"): 2, ("train", "bad"): 2, ("val", "ok"): 4,
    }  # fmt: skip


def test_a_text_of_two_columns_is_a_sheet(tmp_path: Path) -> None:
    root = sheet(pictures(tmp_path), "", "images/p{n}.png {kind}", name="list.txt")
    assert classes(understood(root)) == {"ok": 4, "bad": 4}


def test_a_sheet_that_names_no_picture_is_named_in_the_refusal(tmp_path: Path) -> None:
    root = sheet(pictures(tmp_path), "scan,label", "s{n},{kind}", name="study.csv")
    with pytest.raises(InputError, match=r"study\.csv.*scan, label"):
        understood(root)


def test_a_sheet_of_facts_beside_class_folders_does_not_take_over(tmp_path: Path) -> None:
    for number in range(8):
        picture(tmp_path / ("ok" if number % 2 else "bad") / f"p{number}.png", number)
    sheet(tmp_path, "file,machine,operator", "p{n}.png,m{even},{kind}")
    found = detect_format(read_folder(tmp_path))
    assert found is not None
    assert found.NAME == "folder-per-class"


def test_a_title_above_the_heads_and_columns_of_their_own_value_do_not_confuse(tmp_path: Path) -> None:
    root = sheet(pictures(tmp_path), "Line 3 2026,,,\nfile,verdict,plate,operator", "p{n}.png,{kind},X{n},op{even}")
    assert classes(understood(root)) == {"ok": 4, "bad": 4}
