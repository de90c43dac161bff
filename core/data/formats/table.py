"""A CSV or Excel sheet: a class per picture, boxes, or a column of 0 and 1 per class; asks where it is unclear."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import PurePosixPath

import numpy as np

from core.data.images.decoding import open_header
from core.data.images.page import UnreadableImage
from core.data.reading.choices import COLUMN, Choices, Undecided
from core.data.reading.json_labels import number
from core.data.reading.named_classes import NamedClasses, clean
from core.data.reading.shapes import mask_outlines
from core.data.reading.sheets.cells import (
    Grades,
    ask_several,
    box_kind,
    boxes_at_once,
    decimal,
    parted_by,
    runs_to_mask,
    settle_grades,
    to_corners,
)
from core.data.reading.sheets.columns import (
    EMPTY,
    LOOKED_AT,
    TRUE,
    Columns,
    look_at,
    numbers_in,
    plain,
    settle_label,
)
from core.data.reading.sheets.rows import Row, first_rows, read_rows
from core.data.reading.source_dataset import SPLIT_NAMES, SourceDataset, SourceObject, split_word
from core.data.reading.tree import Tree
from core.errors import InputError
from core.tasks import Task

NAME = "table"
LAYOUT = "a CSV or Excel sheet (file,label or file,class,xmin,ymin,xmax,ymax)"
RUN_LENGTHS = ("encodedpixels", "encodedpixel", "rle", "rlemask", "maskrle", "rles")
AT_ONCE = 10_000
"""Rows of boxes that are read at once."""
FEW = 0.05
"""Share of pictures with several classes up to which these are left out unasked."""


def detect(tree: Tree) -> float:
    """Return 0.85 when a sheet names pictures and says what the class is, 0.35 when that must be asked.

    0.02 where a sheet is there that names no picture: where nothing else is read, it is named in the refusal.
    """
    if not tree.pictures:
        return 0.0
    best = 0.0
    sheets = _sheets(tree)
    for name in sheets:
        try:
            rows = first_rows(tree, name, 200)
            columns = look_at(rows, _names_picture(tree, name), len(tree.pictures))
            if columns is None:
                continue
            settle_label(columns, rows, Choices(dict(tree.choices.given), earlier=tree.choices.earlier), name)
        except Undecided:
            best = max(best, 0.35)
        except InputError:
            best = max(best, 0.35 if any(key.startswith(COLUMN) for key in tree.choices.given) else 0.0)
        else:
            told = columns.label >= 0 or columns.flags or columns.box or _run_lengths(columns) >= 0
            best = max(best, 0.0 if not told else 0.85 if columns.sure or columns.box else 0.35)
    return max(best, 0.02 if sheets else 0.0)


def _sheets(tree: Tree) -> list[str]:
    found = tree.with_suffix(".csv", ".tsv", ".xlsx", ".xlsm")
    texts = [name for name in tree.with_suffix(".txt") if PurePosixPath(name).stem.lower() not in SPLIT_NAMES]
    if not found and len(texts) <= 5:  # one text per picture is YOLO's
        found = [name for name in texts if _is_sheet(tree, name)]
    return found


def _is_sheet(tree: Tree, name: str) -> bool:
    """Return whether a text file holds rows whose first cell is a file name with its ending."""
    rows = [row for row in first_rows(tree, name, 20) if len(row) > 1]
    named = [row for row in rows if "." in row[0] and tree.find_picture(row[0], name)]
    return len(named) * 2 > len(rows) > 0


def _names_picture(tree: Tree, name: str) -> Callable[[str], bool]:
    """Return what says whether a cell of a sheet names a picture of the upload."""
    return lambda cell: (
        bool(cell) and tree.find_picture(cell, name, split=SPLIT_NAMES.get(split_word(name))) is not None
    )


def _run_lengths(columns: Columns) -> int:
    return next((place for place, head in enumerate(columns.heads) if plain(head) in RUN_LENGTHS), -1)


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read every sheet that names pictures. Raises Undecided where a column may be this or that."""
    reading = _Reading(tree)
    for name in _sheets(tree):
        reading.sheet(name)
    if not reading.named.used:
        raise InputError(" ".join(reading.refused) or f"{tree.label}: none of its sheets can be used.")
    reading.settle_several()
    if reading.largest <= 1.0:
        for picture in reading.boxed:
            reading.named.images[picture].unit = "fraction"
    return reading.named.finish(NAME, task, rest=not reading.named.whole)


class _Reading:
    """What the sheets of an upload say so far."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.named = NamedClasses(tree)
        self.boxed: set[str] = set()
        self.largest = 0.0
        """the largest number of any box"""
        self.whole: dict[str, list[str]] = {}
        """picture -> its classes, where whole pictures are labelled"""
        self.contradicted: set[str] = set()
        self.refused: list[str] = []
        self.found: dict[tuple[str, str | None], str | None] = {}
        self.several = False
        self.parts = parted_by([])
        self.title = ""

    def sheet(self, name: str) -> None:
        """Read one sheet; one that names no picture is remembered for the refusal."""
        tree = self.tree
        rows = first_rows(tree, name, LOOKED_AT)
        columns = look_at(rows, _names_picture(tree, name), len(tree.pictures))
        if columns is None:
            heads = ", ".join((rows or [[]])[0][:8])
            self.refused.append(f"{name}: none of its columns ({heads}) names pictures of the upload.")
            return
        settle_label(columns, rows, tree.choices, name)
        runs = _run_lengths(columns)
        if columns.label < 0 and not columns.flags and not columns.box and runs < 0:
            heads = ", ".join(columns.heads[:8])
            self.refused.append(f"{name}: it names pictures, but none of its columns ({heads}) can be the class.")
            return
        self.named.used.add(name)
        self.title = self.title or name
        body = rows[columns.first :]
        if len(columns.box) == 1:
            columns.box_kind = box_kind(columns, body[:500], self._size, tree.choices, name)
        grades, renamed = None, self._names(columns, body, name)
        if columns.label >= 0 and not columns.box and runs < 0:
            values = (columns.cell(row, columns.label) for row in body)
            self.parts = parted_by(columns.cell(row, columns.label) for row in body)
            grades = settle_grades(values, tree.choices, f"{name}: the column “{columns.heads[columns.label]}”")
        split = SPLIT_NAMES.get(split_word(name))
        each = partial(self._row, columns=columns, name=name, split=split, grades=grades, renamed=renamed, runs=runs)
        lines = islice(enumerate(read_rows(tree, name), start=1), columns.first, None)
        if len(columns.box) == 4:
            settled: dict[tuple[str, str], list[tuple[str, SourceObject]]] = {}
            while lot := list(islice(lines, AT_ONCE)):
                self._box_rows(lot, columns, name, renamed, settled, each)
        else:
            for line, row in lines:
                each(row, line=line)
        if grades is not None and grades.cut is not None:
            self.named.classes = [grades.below, grades.above]

    def _names(self, columns: Columns, body: list[Row], name: str) -> dict[str, str]:
        """Return code -> name: from a sheet of two columns that names the codes, or the head where 1 means yes."""
        if columns.label < 0:
            return {}
        boxed = columns.box or [place for place in (_run_lengths(columns),) if place >= 0]
        codes = {
            columns.cell(row, columns.label)
            for row in body
            if not boxed or columns.cell(row, boxed[0]).lower() not in EMPTY
        } - {""}
        if boxed and codes and all(code.lower() in TRUE for code in codes) and columns.has_head:
            return dict.fromkeys(codes, columns.heads[columns.label])
        for other in _sheets(self.tree):
            if other == name or other in self.named.used or not codes:
                continue
            told = {row[0]: row[1] for row in first_rows(self.tree, other, 20_000) if len(row) == 2}
            if sum(code in told for code in codes) >= 0.8 * len(codes):
                self.named.used.add(other)
                return told
        return {}

    def _size(self, reference: str) -> tuple[int, int] | None:
        picture = self.tree.find_picture(reference) if reference else None
        if picture is None:
            return None
        try:
            with open_header(self.tree.files[picture]) as image:
                width, height = image.size
                return width, height
        except (UnreadableImage, OSError, ValueError):
            return None

    def _picture(self, reference: str, name: str, split: str | None) -> str | None:
        key = reference, split
        if key not in self.found:
            self.found[key] = self.named.picture(reference, name, None, split)
        elif self.found[key] is None:
            self.named.problems.note("image-missing", f"{name}: {reference or 'no picture named'}")
        return self.found[key]

    def _row(
        self,
        row: Row,
        columns: Columns,
        name: str,
        line: int,
        split: str | None,
        grades: Grades | None,
        renamed: dict[str, str],
        runs: int,
    ) -> None:
        cell = columns.cell
        picture = self._picture(cell(row, columns.file), name, self._part(row, columns, split))
        if picture is None:
            return
        image = self.named.images[picture]
        if columns.group >= 0 and not image.group:
            image.group = cell(row, columns.group)
        if columns.width >= 0 and image.declared is None:
            width, height = number(cell(row, columns.width)), number(cell(row, columns.height))
            image.declared = None if math.isnan(width) or math.isnan(height) else (int(width), int(height))
        label = cell(row, columns.label) if columns.label >= 0 else ""
        label = renamed.get(label, label)
        if columns.box:
            self._boxes(row, columns, picture, label, f"{name} row {line}")
        elif runs >= 0:
            self._runs(cell(row, runs), picture, label if columns.label >= 0 else "object", f"{name} row {line}")
        else:
            self._classify(row, columns, picture, label, grades, f"{name} row {line}")

    def _box_rows(
        self,
        lot: list[tuple[int, Row]],
        columns: Columns,
        name: str,
        renamed: dict[str, str],
        settled: dict[tuple[str, str], list[tuple[str, SourceObject]]],
        each: Callable[..., None],
    ) -> None:
        """Read many rows of boxes column by column; `each` reads one that is not plain, or the first of a picture.

        `settled` are the objects of the pictures whose first row was read, by the cells that name them.
        """
        cells = columns.cells([row for _, row in lot])
        four = [cells[place] for place in columns.box]
        corners = boxes_at_once(four, columns.box_kind)
        self.largest = max(self.largest, float(np.nanmax(corners, initial=0.0)))
        names: dict[str, str] = {}
        told = zip(
            lot,
            corners.tolist(),
            np.isfinite(corners.sum(axis=1)).tolist(),
            cells[columns.file],
            cells[columns.split],
            cells[columns.label],
            cells[columns.crowd],
            map(",".join, zip(*four, strict=True)),
            strict=True,
        )
        for (line, row), box, whole, file, split, label, crowd, text in told:
            if label not in names:
                names[label] = clean(renamed.get(label, label) if columns.label >= 0 else "object")
            objects = settled.get((file, split)) if whole and names[label] else None
            if objects is None or (crowd and crowd.lower() in TRUE):
                each(row, line=line)
                self._settle((file, split), row, columns, name, settled)
                continue
            objects.append((names[label], SourceObject(0, tuple(box), row=f"{name} row {line}: {text}")))

    def _settle(
        self, key: tuple[str, str], row: Row, columns: Columns, name: str,
        settled: dict[tuple[str, str], list[tuple[str, SourceObject]]],
    ) -> None:  # fmt: skip
        """Remember the objects of the picture of a row that was read, once its size and group are known."""
        picture = self.found.get((key[0], self._part(row, columns, SPLIT_NAMES.get(split_word(name)))))
        if picture is None or picture not in self.boxed:
            return
        image = self.named.images[picture]
        if (columns.group < 0 or image.group) and (columns.width < 0 or image.declared is not None):
            settled[key] = self.named.objects[picture]

    @staticmethod
    def _part(row: Row, columns: Columns, split: str | None) -> str | None:
        """Return the part of the split that a row names, else `split`."""
        return SPLIT_NAMES.get(columns.cell(row, columns.split).lower(), split) if columns.split >= 0 else split

    def _boxes(self, row: Row, columns: Columns, picture: str, label: str, where: str) -> None:
        problems = self.named.problems
        cells = [columns.cell(row, place) for place in columns.box]
        if all(text.lower() in EMPTY for text in cells):
            return  # a picture listed as having no object
        label = label if columns.label >= 0 else "object"
        values = numbers_in(cells[0]) if len(cells) == 1 else [decimal(text) for text in cells]
        if not values or len(values) % 4 or any(map(math.isnan, values)) or not clean(label):
            problems.note("bad-row", f"{where}: {','.join(cells)} {label}")
            return
        if columns.crowd >= 0 and columns.cell(row, columns.crowd).lower() in TRUE:
            problems.note("crowd-left-out", where)
            return
        self.boxed.add(picture)
        for start in range(0, len(values), 4):
            four = values[start : start + 4]
            box = to_corners(four, columns.box_kind)
            self.largest = max(self.largest, *box)
            text = f"{where}: " + ",".join(f"{value:g}" for value in four)
            self.named.add(picture, label, SourceObject(0, box, row=text))

    def _runs(self, cell: str, picture: str, label: str, where: str) -> None:
        if cell.lower() in EMPTY or cell == "-1":
            return  # nothing is marked on this one
        size = self.named.images[picture].declared or self._size(picture)
        try:
            if size is None or not clean(label):
                raise ValueError("no size or no class")
            outlines, holes, specks = mask_outlines(runs_to_mask(cell, *size))
        except ValueError as error:
            self.named.problems.note("bad-row", f"{where}: {error}")
            return
        self.named.images[picture].declared = size
        for code, number_of in (("hole-filled", holes), ("mask-specks", specks)):
            if number_of:
                self.named.problems.note(code, where, count=number_of)
        for outline in outlines:
            self.largest = max(self.largest, float(np.abs(outline).max()), 2.0)
            self.named.add(picture, label, SourceObject(0, polygon=outline, row=where))

    def _classify(
        self, row: Row, columns: Columns, picture: str, label: str, grades: Grades | None, where: str
    ) -> None:
        if columns.flags:
            labels = [columns.heads[place] for place in columns.flags if columns.cell(row, place).lower() in TRUE] or [
                "none"
            ]
        else:
            labels = [clean(part) for part in self.parts.split(label)]
            labels = [grades.name(part) if grades else part for part in labels if part]
        if not labels:
            self.named.problems.note("bad-row", f"{where}: no label")
            return
        self.several |= len(labels) > 1
        known = self.whole.setdefault(picture, labels)
        if known is not labels and set(labels) - set(known):
            self.contradicted.add(picture)
            self.whole[picture] = [*known, *(item for item in labels if item not in known)]

    def settle_several(self) -> None:
        """Give every picture its one class; what is to become of pictures with several is asked."""
        named = self.named
        many = {picture for picture, labels in self.whole.items() if len(set(labels)) > 1}
        way = ""
        few = len(many) <= FEW * len(self.whole)
        if many and (self.several or not few):
            way = ask_several(self.whole, many, self.title, few=few, choices=self.tree.choices)
        for picture, labels in self.whole.items():
            if way.startswith("has="):
                wanted = way.removeprefix("has=")
                named.classify(picture, wanted if wanted in labels else f"no {wanted}")
            elif way == "combination":
                named.classify(picture, " + ".join(sorted(set(labels))))
            elif way == "leave-out" and picture in many:
                named.problems.note("several-classes", f"{picture}: {', '.join(labels)}")
                named.used.add(picture)
                named.left_out.add(picture)
            else:
                for label in labels:
                    named.classify(picture, label)
