"""Make an upload from a number: a tiny sound set in one of several formats, then damaged in a few places.

The same number makes the same upload, so that a number is all that is kept of an input that did harm.
"""

from __future__ import annotations

import io
import json
import random
import tarfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Files = dict[str, bytes]
COUNT = 4
ODD_TEXTS = ["", "../../x", "a" * 300, "\ud800", "=1+1", "nan", "1e400", "\x00", "é", "{}", "None", "-1", "9" * 5000]
ODD_VALUES: list[Any] = [None, -1, 0, 1e308, float("nan"), [], {}, [[]], True, 10**30, *ODD_TEXTS]


@cache
def _picture(number: int, kind: str) -> bytes:
    values = np.random.default_rng(number).integers(0, 255, (24, 32, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    picture = Image.fromarray(values)
    (picture.convert("L") if kind == "GIF" else picture).save(buffer, kind)
    return buffer.getvalue()


def _pictures(folder: str, kind: str = "PNG") -> Files:
    return {f"{folder}p{number}.{kind.lower()}": _picture(number, kind) for number in range(COUNT)}


def yolo(kind: str = "PNG") -> Files:
    """Pictures and rows of text."""
    rows = {f"labels/p{number}.txt": b"0 0.5 0.5 0.4 0.4\n1 0.2 0.2 0.1 0.1\n" for number in range(COUNT)}
    return {"data.yaml": b"train: images\nnames: [a, b]\n", **_pictures("images/", kind), **rows}


def coco() -> Files:
    """Pictures and one COCO file with boxes, outlines and run lengths."""
    images = [{"id": n, "file_name": f"p{n}.png", "width": 32, "height": 24} for n in range(COUNT)]
    marks: list[dict[str, Any]] = [
        {"id": n, "image_id": n, "category_id": 1 + n % 2, "bbox": [2, 2, 9, 9], "area": 81, "iscrowd": 0,
         "segmentation": [[2, 2, 11, 2, 11, 11, 2, 11]]} for n in range(COUNT)
    ]  # fmt: skip
    marks.append({"id": 9, "image_id": 0, "category_id": 1, "segmentation": {"size": [24, 32], "counts": [8, 9, 751]}})
    kinds = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
    content = {"images": images, "annotations": marks, "categories": kinds}
    return {"annotations.json": json.dumps(content).encode(), **_pictures("images/", "JPEG")}


def labelme() -> Files:
    """A JSON file beside each picture."""
    found = _pictures("")
    for number in range(COUNT):
        shape = {"label": "a", "points": [[2, 2], [12, 2], [12, 12]], "shape_type": "polygon", "group_id": None}
        content = {"shapes": [shape], "imagePath": f"p{number}.png", "imageHeight": 24, "imageWidth": 32}
        found[f"p{number}.json"] = json.dumps(content).encode()
    return found


def voc() -> Files:
    """An XML file for each picture."""
    found = _pictures("JPEGImages/", "JPEG")
    for number in range(COUNT):
        box = "<bndbox><xmin>2</xmin><ymin>2</ymin><xmax>12</xmax><ymax>12</ymax></bndbox>"
        found[f"Annotations/p{number}.xml"] = (
            f"<annotation><filename>p{number}.jpeg</filename><size><width>32</width><height>24</height></size>"
            f"<object><name>a</name>{box}</object></annotation>"
        ).encode()
    return found


def sheet() -> Files:
    """A CSV of boxes."""
    rows = [f"p{number}.png,a,2,2,12,12" for number in range(COUNT)]
    return {"labels.csv": "\n".join(["file,class,xmin,ymin,xmax,ymax", *rows]).encode(), **_pictures("images/")}


def folders() -> Files:
    """One folder per class, of several kinds of pictures."""
    return _pictures("dent/", "TIFF") | _pictures("scratch/", "GIF") | _pictures("stain/", "BMP")


def masks() -> Files:
    """Pictures with a mask each."""
    found = _pictures("images/")
    for number in range(COUNT):
        values = np.zeros((24, 32), np.uint8)
        values[4:14, 5 : 12 + number] = 255
        buffer = io.BytesIO()
        Image.fromarray(values).save(buffer, "PNG")
        found[f"masks/p{number}.png"] = buffer.getvalue()
    return found


MAKERS: tuple[Callable[[], Files], ...] = (yolo, coco, labelme, voc, sheet, folders, masks, lambda: yolo("WEBP"))


def _damage_bytes(chance: random.Random, data: bytes) -> bytes:
    if not data:
        return b"\xff"
    spoiled = bytearray(data)
    way = chance.randrange(5)
    place = chance.randrange(len(spoiled))
    if way == 0:
        return bytes(spoiled[:place])
    if way == 1:
        return bytes(spoiled[:place]) + chance.randbytes(chance.randrange(1, 40)) + bytes(spoiled[place:])
    if way == 2:
        del spoiled[place : place + chance.randrange(1, 30)]
        return bytes(spoiled)
    for _ in range(chance.randrange(1, 12)):
        spoiled[chance.randrange(len(spoiled))] = chance.choice([0, 255, chance.randrange(256)])
    return bytes(spoiled)


def _damage_value(chance: random.Random, value: Any) -> Any:
    """Change one place deep in a JSON value: another kind, an odd number, an item more or less."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(list(value))
        return {**value, key: _damage_value(chance, value[key])}
    if isinstance(value, list) and value and chance.random() < 0.8:
        place = chance.randrange(len(value))
        way = chance.random()
        if way < 0.1:
            return value[:place] + value[place + 1 :]
        if way < 0.2:
            return [*value, chance.choice(ODD_VALUES)]
        return [*value[:place], _damage_value(chance, value[place]), *value[place + 1 :]]
    return chance.choice(ODD_VALUES)


def _damage_text(chance: random.Random, data: bytes) -> bytes:
    words = data.decode("utf-8", "replace").replace("\n", " \n ").split(" ")
    words[chance.randrange(len(words))] = chance.choice(ODD_TEXTS)
    return " ".join(words).encode("utf-8", "surrogatepass")


def _damage(chance: random.Random, files: Files) -> None:
    name = chance.choice(sorted(files))
    way = chance.random()
    if way < 0.08:
        del files[name]
    elif way < 0.14:
        files[chance.choice(["x/" + name, name.upper(), name + ".png", "labels/" + name])] = files[name]
    elif name.endswith(".json") and way < 0.75:
        try:
            value = json.loads(files[name])
        except ValueError:
            return
        for _ in range(chance.randrange(1, 4)):
            value = _damage_value(chance, value)
        files[name] = json.dumps(value).encode("utf-8", "surrogatepass")
    elif name.endswith((".txt", ".csv", ".xml", ".yaml")) and way < 0.75:
        files[name] = _damage_text(chance, files[name])
    else:
        files[name] = _damage_bytes(chance, files[name])


def make_upload(number: int, folder: Path) -> Path:
    """Write upload `number` below `folder` and return its place: a folder, a zip or a tar."""
    chance = random.Random(number)
    files = dict(chance.choice(MAKERS)())
    for _ in range(chance.randrange(1, 5)):
        if files:
            _damage(chance, files)
    way = chance.random()
    if way < 0.7:
        for name, data in files.items():
            place = folder / "set" / name
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(data)
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                continue
        (folder / "set").mkdir(exist_ok=True)
        return folder / "set"
    buffer = io.BytesIO()
    if way < 0.85:
        with zipfile.ZipFile(buffer, "w", chance.choice([0, 8, 12, 14])) as packed:
            for name, data in files.items():
                packed.writestr(name, data)
        place = folder / "set.zip"
    else:
        kind = chance.choice(["", "gz", "bz2", "xz"])
        with tarfile.open(fileobj=buffer, mode=f"w:{kind}") as tar:
            for name, data in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
        place = folder / f"set.tar{'.' * bool(kind)}{kind}"
    whole = buffer.getvalue()
    place.write_bytes(_damage_bytes(chance, whole) if chance.random() < 0.6 else whole)
    return place
