"""Large label files are read in pieces, and column by column: to the same set as small ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.data.importing.from_upload import import_dataset
from core.data.importing.settings import ImportSettings
from core.data.importing.uploads import read_upload
from core.data.reading.tree import read_folder
from core.errors import InputError
from core.workspace import Workspace
from tests.data.writers import picture, put, truth, write_coco


@pytest.mark.parametrize("damage", ["", "cut off", "twice"])
def test_a_coco_file_in_pieces_is_the_same_as_a_whole_one(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    root = tmp_path / "set"
    write_coco(root, truth(8))
    whole = import_dataset(workspace, root)
    (file,) = root.rglob("*.json")
    content = json.loads(file.read_text())
    content = {key: content[key] for key in ("annotations", "images", "categories")}  # the largest list first
    if damage == "cut off":
        content = {"categories": content.pop("categories"), "images": content.pop("images"), **content}
    if damage == "twice":  # a key that stands twice can't be found by its place
        content["info"] = {"images": []}
    content["annotations"].append("no object")
    text = json.dumps(content, indent=3)
    file.write_text(text[: len(text) * 2 // 3] if damage == "cut off" else text)
    monkeypatch.setattr("core.data.reading.json_stream.LARGE", 1)
    monkeypatch.setattr("core.data.reading.json_stream.STEP", 300)
    if damage == "cut off":
        with pytest.raises(InputError, match=file.name):
            import_dataset(workspace, root)
        return
    pieces = import_dataset(workspace, root)
    assert (pieces.checksum, pieces.classes) == (whole.checksum, whole.classes)
    assert "bad-row" in {finding.code for finding in pieces.findings}


SHEETS = {
    "corners": ("file,xmin,ymin,xmax,ymax,label", "p{0}.png,1,{1},9,30,dent"),
    "sizes with decimals": ("file,label,x,y,width,height", "p{0}.png,dent,1.5,{1},9.25,30"),
    "centres": ("label,file,xc,yc,w,h", "dent,p{0}.png,20,1{1},9,10"),
    "a group and a size": ("file,w,patient,img_width,img_height,x,y,h,label", "p{0}.png,9,k{0},64,48,2,{1},9,dent"),
    "parts": ("file,split,xmin,ymin,xmax,ymax,label", "p{0}.png,train,1,{1},9,30,dent"),
}
ODD = {
    "": "",
    "no box": ",,,",
    "no numbers": "a,b,c,d",
    "decimal commas": '"1,5","2,5","7,5","8,5"',
    "not there": None,
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("kind", SHEETS)
def test_rows_at_once_are_the_same_as_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, odd: str
) -> None:
    heads, row = SHEETS[kind]
    for number in range(3):
        picture(tmp_path / f"p{number}.png", number)
    rows = [row.format(number % 3, number) for number in range(12)]
    named = heads.split(",")
    box = [name for name in named if name in ("xmin", "ymin", "xmax", "ymax", "x", "y", "width", "height", "w", "h",
                                              "xc", "yc")]  # fmt: skip
    if ODD[odd]:
        cells = dict(zip(named, rows[7].split(","), strict=True))
        values = [part.strip('"') for part in ODD[odd].split('","' if '"' in ODD[odd] else ",")]
        cells |= dict(zip(box, values, strict=True))
        rows[7] = ",".join(f'"{cells[name]}"' for name in named)
    if ODD[odd] is None:
        rows[7] = rows[7].replace("p1.png", "gone.png")
    put(tmp_path / "labels.csv", "\n".join([heads, *rows]))

    def found() -> tuple[list[object], dict[str, int]]:
        read = read_upload(read_folder(tmp_path), ImportSettings())
        told = [
            (image.name, image.group, image.declared, image.unit, [(item.class_id, item.box) for item in image.objects])
            for image in read.images
        ]
        return told, dict(read.problems.counts)

    monkeypatch.setattr("core.data.formats.table.AT_ONCE", 5)
    at_once = found()
    monkeypatch.setattr("core.data.formats.table._Reading._settle", lambda *_: None)  # each row is the first
    assert at_once == found()
    assert sum(len(image[4]) for image in at_once[0]) >= 11
