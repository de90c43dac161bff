"""JSON label files: told apart by their keys, each read once; what every reader of JSON asks of one."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from core.data.reading.encodings import decode_text
from core.data.reading.json_stream import LargeList, head_of, is_large, large_lists, places_of
from core.data.reading.tree import Tree
from core.errors import InputError

Kind = Literal[
    "coco", "coco-panoptic", "labelme", "createml", "labelstudio", "via", "supervisely", "darwin", "datumaro",
    "labelbox", "cityscapes", "other",
]  # fmt: skip


def json_files(tree: Tree, kind: Kind) -> list[str]:
    """Return the JSON files of a kind; what they are is remembered on the tree."""
    for name in tree.with_suffix(".json"):
        if name not in tree.kinds:
            path = tree.files[name]
            tree.kinds[name] = _kind_of_large(path) if is_large(path) else kind_of(tree.text(name))
    return [name for name, found in tree.kinds.items() if found == kind]


_OBJECTS: tuple[tuple[Kind, tuple[tuple[str, ...], ...]], ...] = (
    ("via", (("_via_img_metadata",), ("shape_attributes", "regions"), ("filename", "regions"), ("vid", "xy", "file"))),
    ("datumaro", (("items", "categories", "label_id"), ("items", "categories", "labels"))),
    ("labelbox", (("data_row", "projects"),)),
    ("cityscapes", (("imgHeight", "imgWidth", "objects"),)),
    ("supervisely", (("objects", "size", "tags"), ("objects", "size", "classTitle"))),
    ("darwin", (("annotations", "item", "slots"), ("annotations", "image", "bounding_box"),
                ("annotations", "image", "workview_url"))),
)  # fmt: skip
"""Kinds of a single object by keys that occur in it: any of these sets of keys, tried in this order."""


def kind_of(text: str) -> Kind:
    """Return the kind of a JSON text by the keys that occur in it; it need not be valid."""
    return _kind(text.lstrip()[:1], lambda key: f'"{key}"' in text)


def _kind_of_large(path: Path) -> Kind:
    """Return the same of a file that is not held as a whole."""

    @cache
    def occurs(key: str) -> bool:
        return any(True for _ in places_of(path, re.escape(f'"{key}"').encode()))

    return _kind(head_of(path).lstrip()[:1], occurs)


def _kind(first: str, occurs: Callable[[str], bool]) -> Kind:
    def has(*keys: str) -> bool:
        return all(map(occurs, keys))

    if first == "{":
        if has("shapes") and (has("imagePath") or has("imageHeight")):
            return "labelme"
        if has("images", "annotations", "segments_info"):
            return "coco-panoptic"
        if has("images", "annotations", "categories"):
            return "coco"
        return next((kind for kind, fits in _OBJECTS if any(has(*keys) for keys in fits)), "other")
    if first != "[":
        return "other"
    if has("External ID") or has("Labeled Data") or has("data_row", "projects"):
        return "labelbox"
    if has("data", "result") or has("original_width") or has("annotator", "image"):
        return "labelstudio"
    if (has("image") or has("imagefilename")) and (has("coordinates") or has("annotation") or has("annotations")):
        return "createml"
    return "other"


def load_json(tree: Tree, name: str, lists: tuple[str, ...] = ()) -> Any:
    """Parse a JSON file. Raises InputError naming the file and the line.

    Of a large one that holds an object with these `lists`, they alone are returned, to be read object by object.
    """
    if (noted := _NOTED.get()) is not None:
        noted.file = name
    if lists and is_large(tree.files[name]) and head_of(tree.files[name]).lstrip().startswith("{"):
        found = large_lists(tree.files[name], name, lists, _whole_characters)
        if found is not None:
            return found
    try:
        return json.loads(_whole_characters(tree.text(name)))
    except json.JSONDecodeError as error:
        raise InputError(
            f"{name} is not valid JSON (line {error.lineno}: {error.msg}): it may have been cut off. Export it again."
        ) from error
    except RecursionError as error:
        raise InputError(f"{name} is nested too deeply to be a label file.") from error
    except ValueError as error:  # Python reads no whole number of more than 4,300 digits
        raise InputError(f"{name} holds a number of thousands of digits, which no label is: mend it.") from error


_HALVES = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


def _whole_characters(text: str) -> str:
    """Return JSON text with halves of characters (lone surrogates), which no file name can hold, replaced."""
    if "\\ud" not in text and "\\uD" not in text:
        return text
    return _HALVES.sub(lambda found: found[0] if len(found[0]) == 12 else "\\ufffd", text)


def parse_json(data: bytes) -> Any:
    """Parse the bytes of a JSON file. Raises ValueError."""
    return json.loads(_whole_characters(decode_text(data)))


def load_json_lines(tree: Tree, name: str) -> list[dict[str, Any]]:
    """Return the objects of a file with one JSON object per line, or of one JSON list. Raises InputError."""
    text = tree.text(name)
    if text.lstrip().startswith("["):
        return entries({"all": load_json(tree, name)}, "all")
    found = []
    for place, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            item = json.loads(_whole_characters(line))
        except (ValueError, RecursionError) as error:
            raise InputError(f"{name}: line {place} is not valid JSON: it may have been cut off.") from error
        if isinstance(item, dict):
            found.append(item)
    return found


def first_line(tree: Tree, name: str) -> dict[str, Any]:
    """Return the object on the first line of a file of JSON lines, {} where there is none."""
    with tree.files[name].open("rb") as file:
        line = file.readline(4_000_000)
    try:
        content = parse_json(line)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def as_dict(value: object) -> dict[str, Any]:
    """Return a value that is a dictionary, {} for anything else."""
    return value if isinstance(value, dict) else {}


def each_entry(content: dict[str, Any], key: str) -> Iterable[dict[str, Any]]:
    """Give what `entries` returns; of a large file one by one, so that they are not held together."""
    value = content.get(key)
    if not isinstance(value, LargeList):
        return entries(content, key)
    return (item for item in value if isinstance(item, dict) or _note_stray(key, 1))


def _note_stray(key: str, number: int) -> bool:
    """Count items that are no objects; return False."""
    if (noted := _NOTED.get()) is not None:
        noted.found[noted.file, key] += number
    return False


def entries(content: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the dictionaries of a list field, [] when it is missing or of another kind.

    Items of another kind are counted for `strays`, under the file that was loaded last.
    """
    value = content.get(key)
    value = list(value) if isinstance(value, LargeList) else value
    if value is None:
        return []
    kept = [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
    wrong = len(value) - len(kept) if isinstance(value, list) else 1
    if wrong:
        _note_stray(key, wrong)
    return kept


@dataclass
class Strays:
    """Items of label files that were no objects where objects belong: (file, field) -> how many."""

    found: Counter[tuple[str, str]] = field(default_factory=Counter)
    file: str = ""


_NOTED: ContextVar[Strays | None] = ContextVar("strays", default=None)


@contextmanager
def strays() -> Iterator[Strays]:
    """Count what `entries` passes over within the block."""
    noted = Strays()
    token = _NOTED.set(noted)
    try:
        yield noted
    finally:
        _NOTED.reset(token)


def number(value: object) -> float:
    """Return a finite number, NaN for anything else."""
    try:
        result = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return result if math.isfinite(result) else math.nan
