"""A CSV or Excel sheet: `file,label`, `file,class,xmin,ymin,xmax,ymax`, or one column per class with 0 and 1."""

from __future__ import annotations

import csv
import io
import math
import zipfile

from core.data.reading.json_labels import number
from core.data.reading.named_classes import NamedClasses, clean
from core.data.reading.source_dataset import SPLIT_NAMES, SourceDataset, SourceObject
from core.data.reading.tree import Tree
from core.errors import InputError
from core.tasks import Task

NAME = "table"
LAYOUT = "a CSV or Excel sheet (file,label or file,class,xmin,ymin,xmax,ymax)"
MAX_SHEET_BYTES = 400 * 2**20

FILE = ("file", "filename", "file_name", "image", "image_path", "imagepath", "path", "filepath", "file_path", "img",
        "image_id", "imageid", "image_name", "imagename", "image id", "picture", "name", "id", "dateiname")  # fmt: skip
LABEL = ("label", "class", "class_name", "classname", "category", "target", "labels", "diagnosis", "dx", "type",
         "class label", "klasse", "annotation")  # fmt: skip
SPLIT = ("split", "set", "subset", "part", "partition", "dataset")
GROUP = ("patient", "patient_id", "patientid", "group", "case", "case_id", "subject", "subject_id")
CORNERS = (("xmin", "ymin", "xmax", "ymax"), ("x_min", "y_min", "x_max", "y_max"), ("x1", "y1", "x2", "y2"),
           ("left", "top", "right", "bottom"), ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2"))  # fmt: skip
SIZES = (("x", "y", "w", "h"), ("x", "y", "width", "height"), ("left", "top", "width", "height"),
         ("bbox_x", "bbox_y", "bbox_width", "bbox_height"), ("xmin", "ymin", "w", "h"))  # fmt: skip


def detect(tree: Tree) -> float:
    """Return 0.85 when a sheet has usable columns and at least half of its first rows name pictures of the upload."""
    return 0.85 if any(_usable(tree, name) for name in _sheets(tree)) else 0.0


def _sheets(tree: Tree) -> list[str]:
    return tree.with_suffix(".csv", ".tsv", ".xlsx", ".xlsm")


def _usable(tree: Tree, name: str) -> bool:
    try:
        rows = read_sheet(tree, name, limit=200)
    except InputError:
        return False
    columns = _columns(rows)
    if columns is None or not tree.pictures:
        return False
    body = rows[columns["_first"] :][:100]
    hits = sum(tree.find_picture(row[columns["file"]], name) is not None for row in body if len(row) > columns["file"])
    return hits * 2 >= max(1, len(body))


def read_sheet(tree: Tree, name: str, limit: int | None = None) -> list[list[str]]:
    """Return the rows of a sheet as text. Raises InputError for a damaged or bomb-like workbook."""
    if name.lower().endswith((".xlsx", ".xlsm")):
        return _read_workbook(tree, name, limit)
    text = tree.text(name)
    try:
        dialect = csv.Sniffer().sniff(text[:20_000], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    rows = []
    try:
        for row in csv.reader(io.StringIO(text.replace("\0", "")), dialect):
            if any(cell.strip() for cell in row):
                rows.append([cell.strip() for cell in row])
            if limit and len(rows) >= limit:
                break
    except csv.Error as error:
        raise InputError(f"{name} can't be read as a table ({error}): save it again as CSV with UTF-8.") from error
    return rows


def _read_workbook(tree: Tree, name: str, limit: int | None) -> list[list[str]]:
    try:
        with zipfile.ZipFile(tree.files[name]) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > MAX_SHEET_BYTES:
                raise InputError(f"{name} unpacks to more than 400 MB: save the sheet as CSV.")
        import openpyxl

        book = openpyxl.load_workbook(tree.files[name], read_only=True, data_only=True)
        rows = []
        for row in book.worksheets[0].iter_rows(values_only=True, max_row=limit):
            cells = ["" if cell is None else str(cell).strip() for cell in row]
            if any(cells):
                rows.append(cells)
        book.close()
    except InputError:
        raise
    except Exception as error:  # openpyxl raises many kinds on damaged workbooks
        raise InputError(f"{name} can't be read as an Excel workbook: save it again, or as CSV.") from error
    return rows


def _columns(rows: list[list[str]]) -> dict[str, int] | None:
    """Return the meaning of the columns by their heads (or by their form when there are none), None when unclear."""
    if not rows:
        return None
    heads = [cell.strip().lower().lstrip("#") for cell in rows[0]]
    found: dict[str, int] = {}

    def find_column(meaning: str, names: tuple[str, ...]) -> None:
        for name in names:
            taken = {place for key, place in found.items() if not key.startswith("_")}
            if name in heads and heads.index(name) not in taken:
                found[meaning] = heads.index(name)
                return

    find_column("file", FILE)
    if "file" in found:
        found["_first"] = 1
        for key, names in (("label", LABEL), ("split", SPLIT), ("group", GROUP)):
            find_column(key, names)
        for kind, sets in (("corners", CORNERS), ("size", SIZES)):
            for four in sets:
                if all(name in heads for name in four) and "box0" not in found:
                    found.update({f"box{place}": heads.index(name) for place, name in enumerate(four)})
                    found["_" + kind] = 1
        if "_corners" in found and "width" in heads and "height" in heads:
            found["width"], found["height"] = heads.index("width"), heads.index("height")
        return found if "label" in found or _one_hot(rows, found) else None
    if len(rows[0]) == 6 and all(_is_number(cell) or not cell for cell in rows[0][1:5]):
        return {"file": 0, "box0": 1, "box1": 2, "box2": 3, "box3": 4, "label": 5, "_corners": 1, "_first": 0}
    if len(rows[0]) == 2 and "." in rows[0][0]:
        return {"file": 0, "label": 1, "_first": 0}
    return None


def _is_number(text: str) -> bool:
    return not math.isnan(number(text))


def _one_hot(rows: list[list[str]], columns: dict[str, int]) -> list[int]:
    """Return the columns that hold only 0 and 1 with one 1 per row, [] when the sheet is not of that kind."""
    taken = {place for key, place in columns.items() if not key.startswith("_")}
    body = [row for row in rows[1:200] if len(row) == len(rows[0])]
    flags = [
        place
        for place in range(len(rows[0]))
        if place not in taken and body and all(row[place] in ("0", "1", "0.0", "1.0", "") for row in body)
    ]
    if len(flags) < 2 or any(sum(row[place] in ("1", "1.0") for place in flags) != 1 for row in body):
        return []
    return flags


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read every usable sheet."""
    named = NamedClasses(tree)
    boxes: list[tuple[str, str, list[float], str]] = []
    for name in _sheets(tree):
        if not _usable(tree, name):
            continue
        named.used.add(name)
        rows = read_sheet(tree, name)
        columns = _columns(rows) or {}
        flags = [] if "label" in columns else _one_hot(rows, columns)
        for line, row in enumerate(rows[columns["_first"] :], start=columns["_first"] + 1):
            _row(row, columns, flags, rows[0], f"{name} row {line}", name, named, boxes)
    _add_boxes(named, boxes)
    return named.finish(NAME, task, rest=not named.whole)


def _row(
    row: list[str],
    columns: dict[str, int],
    flags: list[int],
    heads: list[str],
    where: str,
    name: str,
    named: NamedClasses,
    boxes: list[tuple[str, str, list[float], str]],
) -> None:
    def cell(key: str) -> str:
        place = columns.get(key, -1)
        return row[place] if 0 <= place < len(row) else ""

    size = number(cell("width")), number(cell("height"))
    declared = None if any(map(math.isnan, size)) else (int(size[0]), int(size[1]))
    picture = named.picture(cell("file"), name, declared, SPLIT_NAMES.get(cell("split").lower()))
    if picture is None:
        return
    named.images[picture].group = named.images[picture].group or cell("group")
    label = cell("label")
    if flags:
        label = next((heads[place] for place in flags if place < len(row) and row[place] in ("1", "1.0")), "")
    if "box0" not in columns:
        if clean(label):
            named.classify(picture, label)
        else:
            named.problems.note("bad-row", f"{where}: no label")
        return
    cells = [cell(f"box{place}") for place in range(4)]
    if not any(cells):
        return  # a picture listed as having no object
    values = [number(text.replace(",", ".")) for text in cells]
    if any(map(math.isnan, values)) or not clean(label):
        named.problems.note("bad-row", f"{where}: {','.join(cells)} {label}")
        return
    if "_size" in columns:
        values[2:] = [values[0] + max(values[2], 0.0), values[1] + max(values[3], 0.0)]
    boxes.append((picture, label, values, where))


def _add_boxes(named: NamedClasses, boxes: list[tuple[str, str, list[float], str]]) -> None:
    """Add boxes; when no number of the whole sheet exceeds 1 they are fractions of the picture."""
    fractions = bool(boxes) and max(max(values) for _, _, values, _ in boxes) <= 1.0
    for picture, label, values, where in boxes:
        if fractions:
            named.images[picture].unit = "fraction"
        row = f"{where}: " + ",".join(f"{value:g}" for value in values)
        named.add(picture, label, SourceObject(0, (values[0], values[1], values[2], values[3]), row=row))
