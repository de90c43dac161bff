"""The rows of a CSV, text or Excel sheet as text, one by one."""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Iterator
from itertools import islice

from core.data.reading.tree import Tree
from core.errors import InputError

MAX_SHEET_BYTES = 400 * 2**20
WORKBOOKS = (".xlsx", ".xlsm")
DELIMITERS = ",;\t|"
Row = list[str]


def read_rows(tree: Tree, name: str) -> Iterator[Row]:
    """Yield the rows of a sheet, cells stripped, empty rows left out. Raises InputError for a damaged one."""
    if name.lower().endswith(WORKBOOKS):
        yield from _workbook_rows(tree, name)
        return
    text = tree.text(name)
    if "\0" in text:
        text = text.replace("\0", "")
    delimiter = _delimiter(text[:20_000])
    if not delimiter:
        for line in text.splitlines():
            if line.strip():
                yield re.split(r"\s+", line.strip())
        return
    try:
        for row in csv.reader(_lines(text), delimiter=delimiter, skipinitialspace=True):
            cells = list(map(str.strip, row))
            if any(cells):
                yield cells
    except csv.Error as error:
        raise InputError(f"{name} can't be read as a table ({error}): save it again as CSV with UTF-8.") from error


def _lines(text: str) -> Iterator[str]:
    """Give the lines of a text with their ends; io.StringIO would hold it again, with four bytes for each letter."""
    start = 0
    while end := text.find("\n", start) + 1:
        yield text[start:end]
        start = end
    if start < len(text):
        yield text[start:]


def first_rows(tree: Tree, name: str, number: int) -> list[Row]:
    """Return the first rows of a sheet. Raises InputError for a damaged one."""
    return list(islice(read_rows(tree, name), number))


def _delimiter(text: str) -> str:
    """Return the sign that parts all lines into equally many cells, '' where only white space does."""
    lines = [line for line in text.splitlines() if line.strip()][:50]
    if len(text) >= 20_000 and len(lines) > 1:
        lines = lines[:-1] or lines  # the last one may be cut
    best, most = "", 0.0
    for sign in DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=sign) if row]
        except csv.Error:
            continue
        usual = max(set(widths), key=widths.count, default=1)
        share = widths.count(usual) / max(1, len(widths))
        if usual > 1 and share + usual / 1000 > most:
            best, most = sign, share + usual / 1000
    if best:
        return best
    widths = [len(line.split()) for line in lines]
    return "" if lines and min(widths) > 1 and len(set(widths)) == 1 else ","


def _workbook_rows(tree: Tree, name: str) -> Iterator[Row]:
    try:
        with zipfile.ZipFile(tree.files[name]) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > MAX_SHEET_BYTES:
                raise InputError(f"{name} unpacks to more than 400 MB: save the sheet as CSV.")
        import openpyxl

        book = openpyxl.load_workbook(tree.files[name], read_only=True, data_only=True)
        for row in book.worksheets[0].iter_rows(values_only=True):
            cells = ["" if cell is None else str(cell).strip() for cell in row]
            if any(cells):
                yield cells
        book.close()
    except InputError:
        raise
    except Exception as error:  # openpyxl raises many kinds on damaged workbooks
        raise InputError(f"{name} can't be read as an Excel workbook: save it again, or as CSV.") from error
