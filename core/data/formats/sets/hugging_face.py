"""Hugging Face: metadata.jsonl beside pictures (imagefolder), and parquet or arrow files that hold the pictures."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from core.data.images.decoding import open_header
from core.data.images.page import UnreadableImage
from core.data.reading.choices import Option
from core.data.reading.json_labels import as_dict, first_line, load_json_lines, number
from core.data.reading.named_classes import NamedClasses, clean
from core.data.reading.source_dataset import SPLIT_NAMES, SourceDataset, SourceObject, split_of
from core.data.reading.tree import Tree
from core.errors import InputError
from core.tasks import Task

NAME = "hugging-face"
LAYOUT = "Hugging Face datasets (metadata.jsonl beside the pictures, or parquet files)"
FILE = ("file_name", "image", "img", "file", "filename", "path")
BOXES = ("bbox", "bboxes", "boxes", "box")
LABELS = ("category", "categories", "label", "labels", "category_id", "class", "classes", "name", "names", "class_id",
          "class_label", "type")  # fmt: skip
PICTURE_LABELS = ("label", "labels", "class", "category", "target", "fine_label", "diagnosis")
HOLDERS = ("objects", "annotations", "annotation", "faces", "object")
ENDINGS = {b"\xff\xd8": ".jpg", b"\x89P": ".png", b"BM": ".bmp", b"RI": ".webp", b"II": ".tif", b"MM": ".tif",
           b"GI": ".gif"}  # fmt: skip
BATCH = 64
MAX_PICTURE = 512 * 2**20


Box = tuple[str, str, list[float]]
"""picture, class, four numbers"""


@dataclass
class Source:
    """A file of rows, and what its columns are."""

    name: str
    features: dict[str, Any]
    image: str = ""
    """the column that holds the pictures"""


def detect(tree: Tree) -> float:
    """Return 0.95 for a metadata.jsonl whose rows name pictures, or a parquet file with a column of pictures."""
    lines = list(_lines(tree))
    if any(source.image for source in _tables(tree)):
        return 0.95
    known = {*BOXES, *HOLDERS, *PICTURE_LABELS}
    return 0.95 if any(known & set(first_line(tree, name)) for name in lines) else 0.15 if lines else 0.0


def _lines(tree: Tree) -> Iterator[str]:
    for name in tree.with_suffix(".jsonl", ".ndjson"):
        first = first_line(tree, name)
        key = next((key for key in FILE if isinstance(first.get(key), str)), "")
        if key and tree.find_picture(first[key], name) is not None:
            yield name


def _tables(tree: Tree) -> Iterator[Source]:
    import pyarrow

    for name in tree.with_suffix(".parquet", ".arrow"):
        try:
            schema = _schema(tree.files[name])
        except (pyarrow.ArrowException, OSError, ValueError):
            continue
        features = _features(schema)
        image = ""
        for column in schema:
            if (
                pyarrow.types.is_struct(column.type) and {"bytes", "path"} <= {field.name for field in column.type}
            ) or (pyarrow.types.is_binary(column.type) and column.name in FILE):
                image = image or column.name
        yield Source(name, features, image)


def _schema(path: Path) -> Any:
    import pyarrow
    import pyarrow.parquet

    if path.suffix.lower() == ".parquet":
        return pyarrow.parquet.read_schema(path)
    with pyarrow.memory_map(str(path)) as file:
        return pyarrow.ipc.open_stream(file).schema


def _features(schema: Any) -> dict[str, Any]:
    """Return what datasets wrote about the columns into the file."""
    try:
        said = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    except (ValueError, RecursionError):
        return {}
    return as_dict(as_dict(as_dict(said).get("info")).get("features"))


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read every file of rows: boxes in `objects`, or one label per picture. Raises InputError for neither."""
    named = NamedClasses(tree)
    boxes: list[Box] = []
    said: set[str] = set()
    names = _names_in_card(tree, named)
    for name in _lines(tree):
        named.used.add(name)
        for place, row in enumerate(load_json_lines(tree, name), start=1):
            key = next((key for key in FILE if isinstance(row.get(key), str)), "")
            picture = named.picture(str(row.get(key) or ""), name)
            if picture is not None:
                said |= _row(row, picture, names, f"{name} line {place}", named, boxes)
    for source in _tables(tree):
        named.used.add(source.name)
        if source.image:
            said |= _table(tree, source, names | _names_of(source.features), named, boxes)
    _add_boxes(boxes, named)
    if not any(named.objects.values()) and not named.whole:
        found = ", ".join(sorted(said)[:8]) or "no further columns"
        raise InputError(
            f"{tree.label} is a Hugging Face dataset without boxes or classes that can be read (its columns: {found}). "
            "Needed are objects with bbox and category, or a label for each picture."
        )
    labels = {label for items in named.objects.values() for label, _ in items} | set(named.whole.values())
    unnamed = sorted(label for label in labels if re.fullmatch(r"class_\d+", label))
    if unnamed:
        named.problems.note("no-class-names", ", ".join(unnamed[:20]), count=len(unnamed))
    return named.finish(NAME, task, rest=not named.whole)


def _table(tree: Tree, source: Source, names: dict[str, list[str]], named: NamedClasses, boxes: list[Box]) -> set[str]:
    import pyarrow

    said: set[str] = set()
    path = tree.files[source.name]
    stem = PurePosixPath(source.name).stem
    split = SPLIT_NAMES.get(stem.lower().split("-")[0]) or split_of(source.name)
    try:
        for number_of, row in enumerate(_rows_of(path, source.image)):
            content = row.pop(source.image)
            inner = as_dict(content).get("path") if isinstance(content, dict) else None
            base = PurePosixPath(str(inner or "").replace("\\", "/")).name or f"{stem}_{number_of:06d}"
            mark = as_dict(content).get("mark") if isinstance(content, dict) else None
            if PurePosixPath(base).suffix.lower() not in (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"):
                base += ENDINGS.get(bytes(mark or b"")[:2], ".png")
            picture = str(PurePosixPath(source.name).with_suffix("") / base)
            if picture in named.images:
                picture = str(PurePosixPath(picture).with_name(f"{number_of:06d}_{base}"))
            get = partial(_picture, path, source.image, number_of)
            named.embedded(picture, source.name, get, split=split)
            said |= _row(row, picture, names, f"{source.name} row {number_of + 1}", named, boxes)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{source.name} is damaged or was not copied completely ({str(error)[:120]}).") from error
    return said


def _rows_of(path: Path, image: str) -> Iterator[dict[str, Any]]:
    """Give the rows of a file; of the pictures only the name and the first bytes stay in memory."""
    for batch in _batches(path):
        for row in batch.to_pylist():
            content = row.get(image)
            data = content.get("bytes") if isinstance(content, dict) else content
            inner = content.get("path") if isinstance(content, dict) else None
            row[image] = {"path": inner, "mark": (data or b"")[:4]}
            yield row


def _batches(path: Path) -> Iterator[Any]:
    import pyarrow
    import pyarrow.parquet

    if path.suffix.lower() == ".parquet":
        with pyarrow.parquet.ParquetFile(path) as file:
            yield from file.iter_batches(BATCH)
        return
    with pyarrow.memory_map(str(path)) as file:
        for batch in pyarrow.ipc.open_stream(file):
            for start in range(0, batch.num_rows, BATCH):
                yield batch.slice(start, BATCH)


def _picture(path: Path, image: str, wanted: int) -> bytes:
    """Return the bytes of one picture of a file. Raises UnreadableImage."""
    import pyarrow
    import pyarrow.parquet

    try:
        if path.suffix.lower() == ".parquet":
            with pyarrow.parquet.ParquetFile(path) as file:
                before = 0
                for group in range(file.num_row_groups):
                    rows = file.metadata.row_group(group).num_rows
                    if wanted < before + rows:
                        column = _cached_group(path, group, image)
                        return _bytes(column[wanted - before].as_py())
                    before += rows
        else:
            before = 0
            for batch in _batches(path):
                if wanted < before + batch.num_rows:
                    return _bytes(batch.column(image)[wanted - before].as_py())
                before += batch.num_rows
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise UnreadableImage(str(error)[:120]) from error
    raise UnreadableImage("no such row")


_LAST: list[tuple[tuple[Path, int, str], Any]] = []
"""The column of pictures read last: pictures of one row group are asked for one after the other."""


def _cached_group(path: Path, group: int, image: str) -> Any:
    import pyarrow.parquet

    key = (path, group, image)
    for known, column in _LAST:
        if known == key:
            return column
    with pyarrow.parquet.ParquetFile(path) as file:
        column = file.read_row_group(group, columns=[image]).column(image)
    _LAST[:] = [(key, column)]
    return column


def _bytes(content: Any) -> bytes:
    data = content.get("bytes") if isinstance(content, dict) else content
    if not isinstance(data, bytes) or not data or len(data) > MAX_PICTURE:
        raise UnreadableImage("no picture in its row")
    return data


def _row(
    row: dict[str, Any], picture: str, names: dict[str, list[str]], where: str, named: NamedClasses, found: list[Box]
) -> set[str]:
    """Add the objects or the class of a row; return the columns there were."""
    width, height = number(row.get("width")), number(row.get("height"))
    image = named.images[picture]
    if image.declared is None and not math.isnan(width) and not math.isnan(height):
        image.declared = (int(width), int(height))
    holder = next((as_dict(row[key]) or row[key] for key in HOLDERS if isinstance(row.get(key), dict | list)), row)
    items = [as_dict(item) for item in holder] if isinstance(holder, list) else [holder]
    for item in items:
        boxes = next((item[key] for key in BOXES if isinstance(item.get(key), list)), None)
        if boxes is None:
            continue
        key = next((key for key in LABELS if item.get(key) is not None), "")
        several = bool(boxes) and isinstance(boxes[0], list)
        labels = item.get(key) if several else [item.get(key)]
        listed = boxes if several else [boxes] if boxes else []
        if isinstance(labels, list) and key and len(labels) != len(listed):
            named.problems.note("bad-row", f"{where}: {len(listed)} boxes and {len(labels)} labels")
            continue
        for place, box in enumerate(listed):
            label = labels[place] if isinstance(labels, list) and key else "object"
            values = [number(part) for part in box] if isinstance(box, list) else []
            if len(values) != 4 or any(map(math.isnan, values)):
                named.problems.note("bad-row", f"{where}: {str(box)[:60]}")
                continue
            found.append((picture, _word(label, names.get(key) or names.get("category") or []), values))
    if holder is row:
        key = next((key for key in PICTURE_LABELS if isinstance(row.get(key), str | int)), "")
        if key and not any(isinstance(row.get(box), list) for box in BOXES):
            named.classify(picture, _word(row[key], names.get(key) or []))
    return set(row)


def _add_boxes(boxes: list[Box], named: NamedClasses) -> None:
    """Add all boxes: corner and size in pixels, as the documentation has it, or two corners where only these fit."""
    if not boxes:
        return
    fractions = max(max(values) for _, _, values in boxes) <= 1.0
    as_corners = all(right > left and bottom > top for _, _, (left, top, right, bottom) in boxes)
    reading = "xywh"
    if as_corners:
        sizes = {picture: (1, 1) if fractions else _size(picture, named) for picture, _, _ in boxes}
        over = 0
        for picture, _, (left, top, width, height) in boxes:
            across, down = sizes[picture] or (math.inf, math.inf)
            over += left + width > across + 2 or top + height > down + 2
        fits = over * 20 <= len(boxes)
        reading = named.tree.choices.ask(
            "boxes",
            "What do the four numbers of a box mean?",
            [Option("xywh", "left, top, width, height"), Option("xyxy", "left, top, right, bottom")],
            "xywh" if fits else "xyxy",
            "Hugging Face's documentation has it so." if fits else f"As sizes, {over} boxes would leave their picture.",
        )
    for picture, label, values in boxes:
        left, top, right, bottom = values
        if reading == "xywh":
            right, bottom = left + max(right, 0.0), top + max(bottom, 0.0)
        if fractions:
            named.images[picture].unit = "fraction"
        row = ",".join(f"{value:g}" for value in values)
        named.add(picture, label, SourceObject(0, (left, top, right, bottom), row=row))


def _size(picture: str, named: NamedClasses) -> tuple[int, int] | None:
    """Return width and height of a picture, None where they are not known yet."""
    image = named.images[picture]
    if image.declared or image.inside is not None:
        return image.declared
    try:
        with open_header(image.path) as opened:
            return opened.size
    except (UnreadableImage, OSError):
        return None


def _word(label: Any, names: list[str]) -> str:
    if isinstance(label, int) and not isinstance(label, bool):
        return names[label] if 0 <= label < len(names) else f"class_{label}"
    return clean(label)


def _names_of(features: Any) -> dict[str, list[str]]:
    """Return column -> class names, at whatever depth a column of classes lies."""
    found: dict[str, list[str]] = {}

    def walk(value: Any, key: str, depth: int) -> None:
        if depth > 8:
            return
        if isinstance(value, dict):
            names = value.get("names")
            if isinstance(names, dict):
                names = list(names.values())
            if isinstance(names, list) and (
                value.get("_type") == "ClassLabel" or all(isinstance(n, str) for n in names)
            ):
                found[key] = [clean(name) for name in names]
                return
            for inner, content in value.items():
                passing = inner in ("feature", "sequence", "list", "dtype", "class_label", "struct", "_type")
                walk(content, key if passing else inner, depth + 1)
        elif isinstance(value, list):
            for content in value:
                walk(content, str(as_dict(content).get("name") or key), depth + 1)

    walk(features, "", 0)
    return found


def _names_in_card(tree: Tree, named: NamedClasses) -> dict[str, list[str]]:
    """Return the class names in the head of README.md (dataset_info)."""
    for name in tree.files:
        if PurePosixPath(name).name.lower() != "readme.md":
            continue
        text = tree.text(name)
        if not text.startswith("---"):
            continue
        named.used.add(name)
        try:
            head = (
                yaml.load(text[3:].partition("\n---")[0], Loader=yaml.SafeLoader) if "&" not in text[:200_000] else {}
            )
        except (yaml.YAMLError, ValueError, RecursionError):
            continue
        info = as_dict(head).get("dataset_info")
        return _names_of(as_dict(info[0] if isinstance(info, list) and info else info).get("features"))
    return {}
