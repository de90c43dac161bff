"""Names that a spreadsheet would run as a formula go out as text, in every CSV."""

from __future__ import annotations

import csv
import io
import subprocess
from pathlib import Path

import pytest

from core.files.csv_cells import PlainWriter, plain_cell

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", ["=1+1", "+x", "-cmd", "@sum", "\t=1", "  =1"])
def test_what_looks_like_a_formula_becomes_text(name: str) -> None:
    assert plain_cell(name) == f"'{name}"


@pytest.mark.parametrize("value", ["a.png", "-0.5", "+3", 4, -1.5, None, "", "a=b"])
def test_all_else_stays(value: object) -> None:
    assert plain_cell(value) == value


def test_a_table_is_plain_in_head_and_cells() -> None:
    text = io.StringIO()
    table = PlainWriter(text, ("=file", "found"))
    table.writeheader()
    table.writerows([{"=file": "=HYPERLINK(1)", "found": -2}])
    assert list(csv.reader(io.StringIO(text.getvalue()))) == [["'=file", "found"], ["'=HYPERLINK(1)", "-2"]]


def test_no_other_writer_of_csv_goes_round_it() -> None:
    """Every place that writes CSV names plain cells; the starter's curve holds numbers alone."""
    found = subprocess.run(
        ["grep", "-rlE", r"csv\.(Dict)?[wW]riter|to_csv\(|to_excel\(", "core", "pages"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    ).stdout.split()  # fmt: skip
    known = {"core/files/csv_cells.py", "core/models/starter/make.py"}
    sources = {name for name in found if name.endswith(".py")} - known
    assert [name for name in sources if "csv_cells" not in (ROOT / name).read_text(encoding="utf-8")] == []
