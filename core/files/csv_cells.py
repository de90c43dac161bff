"""CSV that goes out: names of files and classes that a spreadsheet would take for a formula stay text.

Excel, LibreOffice and Google Sheets run what begins with = + - @, a tab or a line break (OWASP, “CSV Injection”). A
quote before it is what they themselves write for text.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")


def plain_cell(value: Any) -> Any:
    """Return a cell as it may go out: text that begins like a formula gets a quote before it; numbers stay."""
    if not isinstance(value, str) or not value.lstrip(" ").startswith(RISKY):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


class PlainWriter:
    """Writes rows of named cells as a csv.DictWriter does, head and cells plain."""

    def __init__(self, file: IO[str], fields: Sequence[str]) -> None:
        self._table = csv.writer(file)
        self._fields = fields

    def writeheader(self) -> None:
        """Write the head."""
        self._table.writerow([plain_cell(name) for name in self._fields])

    def writerow(self, row: Mapping[str, Any]) -> None:
        """Write one row; a field it lacks is left empty. Raises ValueError for one that no column has."""
        if unknown := set(row) - set(self._fields):
            raise ValueError(f"no column for {sorted(unknown)}")
        self._table.writerow([plain_cell(row.get(name, "")) for name in self._fields])

    def writerows(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write several rows."""
        for row in rows:
            self.writerow(row)
