"""What the values of masks are called: CVAT's labelmap.txt, Roboflow's _classes.csv, colour tables, JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from core.data.reading.tree import Tree

BACKGROUND = frozenset(("background", "bg", "_background_", "__background__", "back ground", "backgrounds"))
VOID = frozenset(
    ("void", "ignore", "ignored", "ignore_label", "unlabeled", "unlabelled", "unlabelled_", "__ignore__", "_void_",
     "unknown_pixels", "not labeled")
)  # fmt: skip
VALUE_HEADS = (
    "pixel value",
    "pixel_value",
    "pixelvalue",
    "value",
    "gray",
    "grey",
    "index",
    "id",
    "label_id",
    "class_id",
)
NAME_HEADS = ("class", "name", "label", "class name", "class_name", "category", "label_name", "classes")
COLOUR_HEADS = (("r", "g", "b"), ("red", "green", "blue"))
LISTS = ("classes.txt", "labels.txt", "class_names.txt", "classnames.txt", "label_names.txt", "names.txt")


@dataclass
class ValueNames:
    """Names by value; colours as 0xRRGGBB. Empty where the upload names nothing."""

    names: dict[int, str] = field(default_factory=dict)
    colours: bool = False
    source: str = ""
    """the file that says so"""
    used: set[str] = field(default_factory=set)

    @property
    def background(self) -> set[int]:
        """Values that mean nothing is there."""
        return {value for value, name in self.names.items() if name.lower() in BACKGROUND}

    @property
    def void(self) -> set[int]:
        """Values whose pixels are not judged."""
        return {value for value, name in self.names.items() if name.lower() in VOID}


def read_names(tree: Tree) -> ValueNames:
    """Return the names of the first file that tells them, nearest to the top; copies in other folders are used up."""
    found = ValueNames()
    for name in sorted(tree.with_suffix(".txt", ".csv", ".json"), key=lambda item: (item.count("/"), item)):
        if tree.files[name].stat().st_size > 200_000:
            continue
        told = names_in(tree.text(name), PurePosixPath(name).name.lower())
        if not told.names:
            continue
        if not found.names:
            found = ValueNames(told.names, told.colours, name)
        if told.names == found.names:
            found.used.add(name)
    return found


def names_in(text: str, name: str) -> ValueNames:
    """Return the names that one file tells, none where it is of another kind."""
    if name.endswith(".json"):
        return ValueNames(_from_json(text))
    if name.endswith(".csv"):
        return _from_table(text)
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines or len(lines) > 1000:
        return ValueNames()
    for pattern in (
        r"^(?P<name>[^:]+):(?P<rgb>\d+,\d+,\d+)(?::.*)?$",
        r"^(?P<rgb>\d+[ ,\t]+\d+[ ,\t]+\d+)[ ,\t]+(?P<name>\S.*)$",
    ):
        rows = [re.match(pattern, line) for line in lines]
        if all(rows):
            told = {_packed(re.split(r"[ ,\t]+", row["rgb"])): row["name"].strip() for row in rows if row}
            return ValueNames(told, colours=True)
    rows = [re.match(r"^(?P<value>\d+)\s*[:=,\t ]\s*(?P<name>[^\d\W].*)$", line) for line in lines]
    if all(rows):
        return ValueNames({int(row["value"]): row["name"].strip() for row in rows if row})
    if name in LISTS and all(re.search(r"[^\W\d]", line) for line in lines):
        first = 0 if lines[0].lower() in BACKGROUND | VOID else 1
        return ValueNames(dict(enumerate(lines, start=first)))
    return ValueNames()


def _packed(parts: list[str]) -> int:
    red, green, blue = (int(part) for part in parts)
    return red << 16 | green << 8 | blue


def _from_table(text: str) -> ValueNames:
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text.replace("\0", ""))) if any(row)]
    if len(rows) < 2 or len(rows) > 1000:
        return ValueNames()
    heads = [head.lower() for head in rows[0]]
    name = next((heads.index(head) for head in NAME_HEADS if head in heads), None)
    if name is None:
        return ValueNames()
    try:
        for colours in COLOUR_HEADS:
            if all(head in heads for head in colours):
                at = [heads.index(head) for head in colours]
                return ValueNames({_packed([row[place] for place in at]): row[name] for row in rows[1:]}, colours=True)
        value = next((heads.index(head) for head in VALUE_HEADS if head in heads and heads.index(head) != name), None)
        if value is not None:
            return ValueNames({int(row[value]): row[name] for row in rows[1:]})
    except (ValueError, IndexError):
        pass
    return ValueNames()


def _from_json(text: str) -> dict[int, str]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if isinstance(content, dict) and isinstance(content.get("labels"), dict):
        content = content["labels"]
    if not isinstance(content, dict) or not content or len(content) > 1000:
        return {}
    told = {}
    for key, value in content.items():
        number, name = (key, value) if str(key).isdigit() else (value, key)
        if isinstance(name, dict) or not str(number).isdigit() or not isinstance(name, str):
            return {}
        told[int(number)] = name
    return told
