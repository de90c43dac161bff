"""Write one small labelled set in every layout that Graft reads; the truth is the same for all of them."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 64, 48
CLASSES = ["dent", "scratch"]


@dataclass
class Truth:
    """Pictures by stem -> [(class, left, top, right, bottom)] in pixels."""

    objects: dict[str, list[tuple[str, int, int, int, int]]] = field(default_factory=dict)


def truth(count: int = 6, seed: int = 0) -> Truth:
    rng = np.random.default_rng(seed)
    result = Truth()
    for number in range(count):
        objects = []
        for _ in range(int(rng.integers(1, 4))):
            left, top = int(rng.integers(0, 40)), int(rng.integers(0, 30))
            right, bottom = left + int(rng.integers(5, WIDTH - left)), top + int(rng.integers(5, HEIGHT - top))
            objects.append((CLASSES[int(rng.integers(0, 2))], left, top, right, bottom))
        result.objects[f"part_{number:02d}"] = objects
    result.objects["part_00"][0] = ("dent", *result.objects["part_00"][0][1:])
    result.objects["part_01"][0] = ("scratch", *result.objects["part_01"][0][1:])
    return result


def picture(path: Path, seed: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(values).resize(size, Image.Resampling.BICUBIC).save(path)


def pictures(folder: Path, known: Truth, suffix: str = ".png") -> None:
    for number, stem in enumerate(known.objects):
        picture(folder / f"{stem}{suffix}", number)


def put(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def _row(label: str, left: float, top: float, right: float, bottom: float) -> str:
    values = (left + right) / 2 / WIDTH, (top + bottom) / 2 / HEIGHT, (right - left) / WIDTH, (bottom - top) / HEIGHT
    return f"{CLASSES.index(label)} " + " ".join(f"{value:.6f}" for value in values)


def write_yolo(root: Path, known: Truth) -> None:
    pictures(root / "images", known)
    for stem, objects in known.objects.items():
        put(root / "labels" / f"{stem}.txt", "\n".join(_row(*item) for item in objects) + "\n")
    put(root / "data.yaml", f"train: images\nval: images_val\nnames: {CLASSES}\n")


def write_beside(root: Path, known: Truth) -> None:
    pictures(root, known)
    for stem, objects in known.objects.items():
        put(root / f"{stem}.txt", "\n".join(_row(*item) for item in objects) + "\n")
    put(root / "classes.txt", "\n".join(CLASSES))


def write_coco(root: Path, known: Truth) -> None:
    pictures(root / "images", known)
    ids = {"dent": 7, "scratch": 90}
    images, annotations = [], []
    for number, (stem, objects) in enumerate(known.objects.items(), start=100):
        images.append({"id": number, "file_name": f"{stem}.png", "width": WIDTH, "height": HEIGHT})
        for label, left, top, right, bottom in objects:
            box = [left, top, right - left, bottom - top]
            annotations.append(
                {"id": len(annotations) + 1, "image_id": number, "category_id": ids[label], "bbox": box, "iscrowd": 0}
            )
    categories = [{"id": value, "name": key} for key, value in ids.items()]
    put(root / "annotations.json", {"images": images, "annotations": annotations, "categories": categories})


def write_voc(root: Path, known: Truth) -> None:
    pictures(root / "JPEGImages", known, ".jpg")
    for stem, objects in known.objects.items():
        rows = "".join(
            f"<object><name>{label}</name><bndbox><xmin>{left}</xmin><ymin>{top}</ymin><xmax>{right}</xmax>"
            f"<ymax>{bottom}</ymax></bndbox></object>"
            for label, left, top, right, bottom in objects
        )
        size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height><depth>3</depth></size>"
        put(
            root / "Annotations" / f"{stem}.xml",
            f"<annotation><filename>{stem}.jpg</filename>{size}{rows}</annotation>",
        )


def write_labelme(root: Path, known: Truth) -> None:
    pictures(root, known)
    for stem, objects in known.objects.items():
        shapes = [
            {"label": label, "points": [[left, top], [right, bottom]], "shape_type": "rectangle"}
            for label, left, top, right, bottom in objects
        ]
        put(
            root / f"{stem}.json",
            {"shapes": shapes, "imagePath": f"{stem}.png", "imageWidth": WIDTH, "imageHeight": HEIGHT},
        )


def write_cvat(root: Path, known: Truth) -> None:
    pictures(root / "images", known)
    images = "".join(
        f'<image id="{number}" name="{stem}.png" width="{WIDTH}" height="{HEIGHT}">'
        + "".join(
            f'<box label="{label}" xtl="{left}" ytl="{top}" xbr="{right}" ybr="{bottom}"/>'
            for label, left, top, right, bottom in objects
        )
        + "</image>"
        for number, (stem, objects) in enumerate(known.objects.items())
    )
    labels = "".join(f"<label><name>{name}</name></label>" for name in CLASSES)
    put(
        root / "annotations.xml",
        f"<annotations><version>1.1</version><meta><task><labels>{labels}</labels></task></meta>{images}</annotations>",
    )


def write_createml(root: Path, known: Truth) -> None:
    pictures(root, known)
    content = [
        {
            "image": f"{stem}.png",
            "annotations": [
                {
                    "label": label,
                    "coordinates": {
                        "x": (left + right) / 2,
                        "y": (top + bottom) / 2,
                        "width": right - left,
                        "height": bottom - top,
                    },
                }
                for label, left, top, right, bottom in objects
            ],
        }
        for stem, objects in known.objects.items()
    ]
    put(root / "_annotations.createml.json", content)


def write_labelstudio(root: Path, known: Truth) -> None:
    pictures(root / "images", known)
    content = []
    for stem, objects in known.objects.items():
        results = [
            {
                "type": "rectanglelabels",
                "original_width": WIDTH,
                "original_height": HEIGHT,
                "value": {
                    "x": 100 * left / WIDTH,
                    "y": 100 * top / HEIGHT,
                    "width": 100 * (right - left) / WIDTH,
                    "height": 100 * (bottom - top) / HEIGHT,
                    "rotation": 0,
                    "rectanglelabels": [label],
                },
            }
            for label, left, top, right, bottom in objects
        ]
        image = f"/data/upload/1/0a1b2c3d-{stem}.png"
        content.append({"id": len(content), "data": {"image": image}, "annotations": [{"result": results}]})
    put(root / "export.json", content)


def table_rows(known: Truth) -> list[list[object]]:
    rows: list[list[object]] = [["filename", "class", "xmin", "ymin", "xmax", "ymax"]]
    return rows + [[f"{stem}.png", *item] for stem, objects in known.objects.items() for item in objects]


def write_csv(root: Path, known: Truth) -> None:
    pictures(root / "pictures", known)
    with (root / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(table_rows(known))


def write_excel(root: Path, known: Truth) -> None:
    import openpyxl

    pictures(root / "pictures", known)
    book = openpyxl.Workbook()
    for row in table_rows(known):
        book.active.append(row)
    book.save(root / "labels.xlsx")


WRITERS = {
    "yolo": write_yolo,
    "yolo-beside": write_beside,
    "coco": write_coco,
    "voc": write_voc,
    "labelme": write_labelme,
    "cvat": write_cvat,
    "createml": write_createml,
    "labelstudio": write_labelstudio,
    "csv": write_csv,
    "excel": write_excel,
}
