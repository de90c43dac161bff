"""Write the one small labelled set as further labelling tools do; `tests.data.writers` holds the truth and the rest."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from tests.data.writers import CLASSES, HEIGHT, WIDTH, Truth, pictures, put


def _via_regions(objects: list[tuple[str, int, int, int, int]]) -> list[dict[str, Any]]:
    return [
        {
            "shape_attributes": {"name": "rect", "x": left, "y": top, "width": right - left, "height": bottom - top},
            "region_attributes": {"defect": label},
        }
        for label, left, top, right, bottom in objects
    ]


def write_via(root: Path, known: Truth) -> None:
    pictures(root, known)
    content = {
        f"{stem}.png9": {"filename": f"{stem}.png", "size": 9, "regions": _via_regions(objects), "file_attributes": {}}
        for stem, objects in known.objects.items()
    }
    put(root / "via_project.json", {"_via_settings": {}, "_via_img_metadata": content, "_via_attributes": {}})


def write_via_csv(root: Path, known: Truth) -> None:
    pictures(root, known)
    with (root / "via_export_csv.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "file_size", "file_attributes", "region_count", "region_id",
                         "region_shape_attributes", "region_attributes"])  # fmt: skip
        for stem, objects in known.objects.items():
            for number, region in enumerate(_via_regions(objects)):
                shape, attributes = map(json.dumps, region.values())
                writer.writerow([f"{stem}.png", 9, "{}", len(objects), number, shape, attributes])


def write_via_3(root: Path, known: Truth) -> None:
    pictures(root, known)
    files = {str(number): {"fid": number, "fname": f"{stem}.png"} for number, stem in enumerate(known.objects, 1)}
    metadata = {
        f"{number}_{place}": {"vid": str(number), "flg": 0, "z": [], "av": {"1": str(CLASSES.index(label))},
                              "xy": [2, left, top, right - left, bottom - top]}
        for number, objects in enumerate(known.objects.values(), 1)
        for place, (label, left, top, right, bottom) in enumerate(objects)
    }  # fmt: skip
    attribute = {"1": {"aname": "class", "options": {str(n): name for n, name in enumerate(CLASSES)}}}
    view = {key: {"fid_list": [key]} for key in files}
    put(root / "via.json", {"attribute": attribute, "file": files, "view": view, "metadata": metadata})


def write_supervisely(root: Path, known: Truth) -> None:
    pictures(root / "ds0" / "img", known)
    put(root / "meta.json", {"classes": [{"title": name, "shape": "rectangle"} for name in CLASSES], "tags": []})
    for stem, objects in known.objects.items():
        found = [
            {"classTitle": label, "geometryType": "rectangle", "tags": [],
             "points": {"exterior": [[left, top], [right, bottom]], "interior": []}}
            for label, left, top, right, bottom in objects
        ]  # fmt: skip
        size = {"height": HEIGHT, "width": WIDTH}
        put(root / "ds0" / "ann" / f"{stem}.png.json", {"description": "", "tags": [], "size": size, "objects": found})


def write_darwin(root: Path, known: Truth) -> None:
    pictures(root / "images", known)
    for stem, objects in known.objects.items():
        found = [
            {"name": label, "bounding_box": {"x": left, "y": top, "w": right - left, "h": bottom - top}}
            for label, left, top, right, bottom in objects
        ]
        slot = {"slot_name": "0", "width": WIDTH, "height": HEIGHT, "source_files": [{"file_name": f"{stem}.png"}]}
        item = {"name": f"{stem}.png", "path": "/", "slots": [slot]}
        put(root / "releases" / f"{stem}.json", {"version": "2.0", "item": item, "annotations": found})


def write_datumaro(root: Path, known: Truth) -> None:
    pictures(root / "images" / "default", known)
    items = [
        {
            "id": stem,
            "annotations": [
                {"id": place, "type": "bbox", "label_id": CLASSES.index(label), "group": 0, "attributes": {},
                 "bbox": [left, top, right - left, bottom - top]}
                for place, (label, left, top, right, bottom) in enumerate(objects)
            ],
            "image": {"path": f"{stem}.png", "size": [HEIGHT, WIDTH]},
        }
        for stem, objects in known.objects.items()
    ]  # fmt: skip
    labels = {"labels": [{"name": name, "parent": "", "attributes": []} for name in CLASSES], "attributes": []}
    put(root / "annotations" / "default.json", {"info": {}, "categories": {"label": labels}, "items": items})


def write_labelbox(root: Path, known: Truth) -> None:
    pictures(root, known)
    lines = []
    for stem, objects in known.objects.items():
        found = [
            {"name": label, "bounding_box": {"left": left, "top": top, "width": right - left, "height": bottom - top}}
            for label, left, top, right, bottom in objects
        ]
        labels = [{"annotations": {"objects": found, "classifications": [], "relationships": []}}]
        row = {"id": stem, "external_id": f"{stem}.png", "row_data": f"https://storage.example/{stem}.png?key=1"}
        media = {"width": WIDTH, "height": HEIGHT, "asset_type": "image"}
        lines.append(json.dumps({"data_row": row, "media_attributes": media, "projects": {"p": {"labels": labels}}}))
    put(root / "export.ndjson", "\n".join(lines))


TOOL_WRITERS = {
    "via": write_via,
    "via-csv": write_via_csv,
    "via-3": write_via_3,
    "supervisely": write_supervisely,
    "darwin": write_darwin,
    "datumaro": write_datumaro,
    "labelbox": write_labelbox,
}
