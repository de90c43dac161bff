"""What was found, written as it comes: one line per picture, one per object, and COCO JSON at the end.

    pictures.csv   a line for every picture, the unreadable ones with the reason; with its distance from the pictures
                   the model learned from (1 is the limit), where it is known what those were
    objects.csv    a line for every object found
    masks/         of models that give every pixel its class: a PNG of class ids per picture, named after it
    coco.json      the objects in COCO's layout (cocodataset.org/#format-results), category ids from 1, with `score`

Nothing is kept in memory: the two lists of the COCO file are written side by side and joined at the end.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from core.delivery.predict.entry import Entry, FoundObject, ObjectRow, PictureRow
from core.delivery.predict.model.unlike import is_unlike
from core.files.csv_cells import PlainWriter
from core.words import count, percent, thousands

PICTURE_FIELDS = ("file", "page", "width", "height", "found", "classes", "confidence", "error")
UNLIKE_FIELDS = ("distance", "unlike")
"""Of pictures.csv as well, where there are training pictures to compare with."""
OBJECT_FIELDS = ("file", "page", "class", "class_id", "confidence", "x1", "y1", "x2", "y2")


def counted(entry: Entry, confidence: float = 0.0) -> list[FoundObject]:
    """Return the objects of an entry whose confidence reaches the line (0 to 1)."""
    return [item for item in entry["objects"] if item["confidence"] >= confidence]


def at_limit(entry: Entry, confidence: float = 0.0) -> bool:
    """Say whether as many findings reach the line as are kept of a picture at most: there may be more in it."""
    return "max_det" in entry and len(counted(entry, confidence)) >= entry["max_det"]


def limit_words(max_det: int, pictures: int) -> str:
    """Say that the limit of findings was reached, and what to do."""
    return (
        f"{thousands(max_det)} findings in {count(pictures, 'picture')}, as many as are kept at most: there may be "
        f"more; look in tiles, or train with a higher limit, such as --set max_det={2 * max_det}"
    )


def named_class(entry: Entry) -> tuple[str, float] | None:
    """Return the class a classified picture gets and its probability (0 to 1), None for other entries.

    It is the likeliest, but for a model whose line looks for one of two classes: there it may be under one half.
    """
    probabilities = entry.get("probabilities")
    if not probabilities:
        return None
    name = entry.get("named") or max(probabilities, key=probabilities.__getitem__)
    return name, probabilities[name]


def entry_words(entry: Entry, confidence: float = 0.0) -> str:
    """Say in a few words what was found in a picture."""
    if entry["error"]:
        return str(entry["error"])
    best = named_class(entry)
    if best is not None:
        by_line = best[1] < max(entry.get("probabilities", {}).values())
        return f"{best[0]} ({percent(best[1])}{', by the line' if by_line else ''})"
    if "shares" in entry:
        return ", ".join(f"{name} {percent(share)}" for name, share in entry["shares"].items() if share)
    limit = " (as many as are kept at most: there may be more)" if at_limit(entry, confidence) else ""
    return (class_counts(entry, confidence) or "nothing found") + limit


def class_counts(entry: Entry, confidence: float = 0.0) -> str:
    """Say how many of each class reach the line; "" for none."""
    counts = Counter(item["class"] for item in counted(entry, confidence))
    return ", ".join(f"{number} {name}" for name, number in counts.items())


def picture_row(entry: Entry, confidence: float = 0.0) -> PictureRow:
    """Return the line of pictures.csv for an entry."""
    row: PictureRow = {
        "file": entry["file"],
        "page": entry["page"],
        "width": entry["width"],
        "height": entry["height"],
        "error": entry["error"],
        "found": "",
        "classes": "",
        "confidence": "",
    }
    if "distance" in entry:
        row |= {"distance": entry["distance"], "unlike": "yes" if is_unlike(entry) else "no"}
    best = named_class(entry)
    if best is not None:
        return row | {"classes": best[0], "confidence": best[1]}
    if "shares" in entry:
        return row | {"classes": entry_words(entry)}
    found = counted(entry, confidence)
    return row | {
        "found": "" if entry["error"] else len(found),
        "classes": "" if entry["error"] else class_counts(entry, confidence),
        "confidence": max((item["confidence"] for item in found), default=""),
    }


def object_rows(entry: Entry, confidence: float = 0.0) -> list[ObjectRow]:
    """Return the lines of objects.csv for an entry; boxes in pixels of the picture."""
    return [
        {
            "file": entry["file"],
            "page": entry["page"],
            "class": item["class"],
            "class_id": item["class_id"],
            "confidence": item["confidence"],
            "x1": item["box"][0],
            "y1": item["box"][1],
            "x2": item["box"][2],
            "y2": item["box"][3],
        }
        for item in counted(entry, confidence)
    ]


class ResultWriter:
    """Writes the entries of many pictures into a folder, in bounded memory; use it in a `with` statement.

    >>> with ResultWriter(Path("out"), classes=["scratch", "pit"]) as writer:
    ...     writer.add(entry)

    With `distances`, pictures.csv says how far each picture lies from those the model learned from.
    """

    def __init__(self, folder: Path, classes: list[str], *, distances: bool = False) -> None:
        self.folder = folder
        self.classes = classes
        self.picture_fields = PICTURE_FIELDS + (UNLIKE_FIELDS if distances else ())
        self.pictures = self.objects = self.unreadable = self.unlike = self.annotated = 0
        self.by_class: Counter[str] = Counter()

    def __enter__(self) -> ResultWriter:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._files: list[IO[str]] = []
        self._picture_table = self._table("pictures.csv", self.picture_fields)
        self._object_table = self._table("objects.csv", OBJECT_FIELDS)
        self._images = self._open(".coco-images.part")
        self._annotations = self._open(".coco-annotations.part")
        return self

    def add(self, entry: Entry) -> None:
        """Write one picture's entry (see core.delivery.predict.model.answering), with all the objects it holds."""
        self.pictures += 1
        self.unlike += is_unlike(entry)
        self._picture_table.writerow(picture_row(entry))
        if entry["error"]:
            self.unreadable += 1
            return
        image = {"id": self.pictures, "file_name": entry["file"], "width": entry["width"], "height": entry["height"]}
        self._images.write(("," if self.pictures - self.unreadable > 1 else "") + json.dumps(image))
        for row in object_rows(entry):
            self._object_table.writerow(row)
        best = named_class(entry)
        if best is not None:
            self.by_class[best[0]] += 1
            self._annotate({"category_id": self.classes.index(best[0]) + 1, "score": best[1]})
        self.by_class.update(name for name, share in entry.get("shares", {}).items() if share)
        if "mask" in entry:
            page = f"_p{entry['page']}" if entry["page"] > 1 else ""
            target = self.folder / "masks" / f"{entry['file']}{page}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(base64.b64decode(entry["mask"]))
        self.objects += len(entry["objects"])
        for item in entry["objects"]:
            self.by_class[item["class"]] += 1
            self._annotate(coco_annotation(item))

    def flush(self) -> None:
        """Bring what was written so far to the disk, so that a crash or a look from outside finds whole lines."""
        for file in self._files:
            file.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for file in self._files:
                file.close()
            if not isinstance(error, OSError):
                self._join_coco()
                return
        except OSError:
            self._mark_unfinished()
            raise
        self._mark_unfinished()

    def _mark_unfinished(self) -> None:
        """Let no table that a full disk cut off be taken for a whole one."""
        for file in self._files:
            with suppress(OSError):
                file.close()
        for part in self.folder.glob(".coco*.part"):
            part.unlink(missing_ok=True)
        for name in ("pictures.csv", "objects.csv"):
            os.replace(self.folder / name, self.folder / f"unfinished-{name}")

    def _annotate(self, annotation: dict[str, Any]) -> None:
        self.annotated += 1
        row = {"id": self.annotated, "image_id": self.pictures, **annotation}
        self._annotations.write(("," if self.annotated > 1 else "") + json.dumps(row))

    def _table(self, name: str, fields: tuple[str, ...]) -> PlainWriter:
        table = PlainWriter(self._open(name), fields)
        table.writeheader()
        return table

    def _open(self, name: str) -> IO[str]:
        file = (self.folder / name).open("w", encoding="utf-8", newline="")
        self._files.append(file)
        return file

    def _join_coco(self) -> None:
        part = self.folder / ".coco.json.part"
        categories = [{"id": number, "name": name} for number, name in enumerate(self.classes, 1)]
        with part.open("w", encoding="utf-8") as out:
            out.write('{"info":{"description":"what a model found"},"categories":' + json.dumps(categories))
            for name in ("images", "annotations"):
                source = self.folder / f".coco-{name}.part"
                out.write(f',"{name}":[')
                with source.open(encoding="utf-8") as lines:
                    shutil.copyfileobj(lines, out)
                out.write("]")
                source.unlink()
            out.write("}\n")
        os.replace(part, self.folder / "coco.json")


def coco_annotation(item: FoundObject) -> dict[str, Any]:
    """Return one object as COCO says it: x, y, width, height; outlines as one flat list of corners."""
    left, top, right, bottom = item["box"]
    annotation: dict[str, Any] = {
        "category_id": item["class_id"] + 1,
        "bbox": [left, top, round(right - left, 2), round(bottom - top, 2)],
        "area": round((right - left) * (bottom - top), 2),
        "iscrowd": 0,
        "score": item["confidence"],
    }
    outline = item.get("polygon") or item.get("corners")
    if outline:
        annotation["segmentation"] = [[value for point in outline for value in point]]
        annotation["area"] = round(_area(outline), 2)
    if "keypoints" in item:
        points = [(*point[:2], 2 if len(point) < 3 or point[2] >= 0.5 else 0) for point in item["keypoints"]]
        annotation["keypoints"] = [value for point in points for value in point]
        annotation["num_keypoints"] = sum(point[2] > 0 for point in points)
    return annotation


def _area(outline: list[list[float]]) -> float:
    """Return the area of a polygon by the shoelace formula, in square pixels."""
    following = outline[1:] + outline[:1]
    return abs(sum(x * v - u * y for (x, y), (u, v) in zip(outline, following, strict=True))) / 2
