"""What single cells hold: boxes as four numbers in one cell, run lengths, grades, names of codes."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.data.reading.choices import Choices, Option
from core.data.reading.json_labels import number
from core.data.reading.sheets.columns import EMPTY, MAY_PART, PARTS, Columns, numbers_in
from core.data.reading.sheets.rows import Row
from core.words import count

MAX_GRADES = 20
"""Numbers beyond this are measured values, not grades that can be classes."""


def decimal(text: str) -> float:
    """Return a number written with a point or a comma, NaN for anything else."""
    return number(text.replace(",", ".")) if text else math.nan


def box_kind(
    columns: Columns, rows: list[Row], size_of: Callable[[str], tuple[int, int] | None], choices: Choices, name: str
) -> str:
    """Return whether the numbers of one box column are corners or left, top, width and height.

    Numbers that can be one only decide; where both fit it is recorded what was taken. `size_of` gives the size of the
    picture that a cell names.
    """
    corners = sizes = True
    looked = 0
    for row in rows:
        numbers = numbers_in(columns.cell(row, columns.box[0]))
        size = _declared(columns, row)
        if size is None and looked < 50:
            size, looked = size_of(columns.cell(row, columns.file)), looked + 1
        for left, top, third, fourth in zip(*[iter(numbers)] * 4, strict=False):
            corners &= third > left and fourth > top
            if size is not None and max(left, top, third, fourth) > 1:
                sizes &= left + third <= size[0] + 1 and top + fourth <= size[1] + 1
            elif max(left, top, third, fourth) <= 1:
                sizes &= left + third <= 1.001 and top + fourth <= 1.001
    if corners != sizes:
        return "corners" if corners else "size"
    head = columns.heads[columns.box[0]]
    options = [Option("size", "left, top, width, height"), Option("corners", "left, top, right, bottom")]
    why = "Sheets with all of a box in one column mostly write it so (as COCO does)."
    return choices.ask("box", f"{name}: what are the four numbers of “{head}”?", options, "size", why, sample=rows[:3])


def _declared(columns: Columns, row: Row) -> tuple[int, int] | None:
    width, height = (number(columns.cell(row, place)) for place in (columns.width, columns.height))
    return None if math.isnan(width) or math.isnan(height) else (int(width), int(height))


def to_corners(values: list[float], kind: str) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom of four numbers of a kind: corners, size or centre."""
    first, second, third, fourth = values
    if kind == "size":
        return first, second, first + max(third, 0.0), second + max(fourth, 0.0)
    if kind == "centre":
        return first - third / 2, second - fourth / 2, first + third / 2, second + fourth / 2
    return first, second, third, fourth


def boxes_at_once(cells: Sequence[Sequence[str]], kind: str) -> NDArray[np.float64]:
    """Return (n, 4) corners of boxes whose four columns are `cells`, as `to_corners`; NaN where a cell is no number."""
    first, second, third, fourth = map(_numbers, cells)
    if kind == "size":
        third, fourth = first + np.maximum(third, 0.0), second + np.maximum(fourth, 0.0)
    elif kind == "centre":
        left, top, right, bottom = first - third / 2, second - fourth / 2, first + third / 2, second + fourth / 2
        first, second, third, fourth = left, top, right, bottom
    return np.stack([first, second, third, fourth], axis=1)


def _numbers(texts: Sequence[str]) -> NDArray[np.float64]:
    try:
        return np.array(texts, dtype=np.float64)
    except ValueError:
        return np.array([number(text) for text in texts])


def runs_to_mask(cell: str, width: int, height: int) -> NDArray[np.bool_]:
    """Return the mask of `start length start length ...`, counted from 1 down the columns. Raises ValueError."""
    numbers = [int(text) for text in cell.split()]
    if len(numbers) % 2 or not numbers:
        raise ValueError("an odd number of run lengths")
    flat = np.zeros(width * height, bool)
    for start, length in zip(numbers[::2], numbers[1::2], strict=True):
        if start < 1 or length < 0 or start - 1 + length > flat.size:
            raise ValueError("run lengths beyond the picture")
        flat[start - 1 : start - 1 + length] = True
    return flat.reshape(width, height).T


def parted_by(cells: Iterable[str]) -> re.Pattern[str]:
    """Return what stands between several classes in the cells of a column.

    A sign that names may hold as well counts where the names it would make are known: all of them stand alone in other
    cells, or (comma) one of them does in half of the cells.
    """
    values = {cell for cell in cells if math.isnan(decimal(cell))}  # 0,33 is one number
    signs = PARTS
    for sign in MAY_PART:
        several = [{part.strip() for part in value.split(sign)} - {""} for value in values if sign in value]
        alone = {value for value in values if sign not in value}
        known = [parts <= alone or (sign == "," and bool(parts & alone)) for parts in several if len(parts) > 1]
        if known and (all(known) or (sign == "," and sum(known) * 2 >= len(known))):
            signs += sign
    return re.compile(f"[{re.escape(signs)}]")


@dataclass(frozen=True)
class Grades:
    """How a column of numbers becomes classes: as they are, or cut at a value."""

    cut: float | None = None

    def name(self, text: str) -> str:
        """Return the class of a cell; text that is no number stays."""
        value = decimal(text)
        if math.isnan(value):
            return text
        if self.cut is None:
            return f"{value:g}"
        return self.below if value < self.cut else self.above

    @property
    def below(self) -> str:
        """Name of the class under the cut."""
        return f"below {self.cut:g}"

    @property
    def above(self) -> str:
        """Name of the class from the cut on."""
        return f"{self.cut:g} and more"


def settle_grades(values: Iterable[str], choices: Choices, what: str) -> Grades | None:
    """Return how numbers become classes, None where the column holds names or whole numbers alone.

    Asks where there are too many to be classes.
    """
    texts = [text for text in values if text.lower() not in EMPTY]
    numbers = np.array([decimal(text) for text in texts])
    if not len(numbers) or np.isnan(numbers).any():
        return None
    levels = np.unique(numbers)
    if len(levels) < 3 or (
        len(levels) <= MAX_GRADES and (levels == np.rint(levels)).all() and not choices.answer("grades")
    ):
        return None
    middle = float(levels[(len(levels) - 1) // 2] + levels[len(levels) // 2]) / 2 if len(levels) <= MAX_GRADES else 0.0
    if len(levels) > MAX_GRADES:
        middle = 0.5 if levels[0] >= 0 and levels[-1] <= 1 else float(np.median(numbers))
    middle = float(f"{middle:.3g}")
    low = int((numbers < middle).sum())
    options = [
        Option(
            f"{middle:g}",
            f"2 classes, cut at {middle:g}: below {low}, from there on {len(numbers) - low}; any number may be typed",
        )
    ]
    taken: str | None = None
    why = ""
    if len(levels) <= MAX_GRADES:
        named = ", ".join(f"{level:g}" for level in levels)
        options.insert(0, Option("classes", f"{count(len(levels), 'class')} in their order: {named}"))
        taken, why = "classes", "They are few, so each can be a class."
    bounds = float(levels[0]), float(levels[-1])
    answer = choices.ask(
        "grades", f"{what} holds numbers: are they classes, or is there a limit?", options, taken, why, number=bounds
    )
    return Grades() if answer == "classes" else Grades(float(answer))


def ask_several(whole: dict[str, list[str]], many: set[str], title: str, *, few: bool, choices: Choices) -> str:
    """Return what is to become of the pictures (`many`) with several classes: `leave-out`, `combination`, `has=NAME`.

    `whole` is picture -> its classes; where they are `few` they are left out unasked.
    """
    total = len(whole)
    counts = Counter(label for labels in whole.values() for label in set(labels))
    combined = {" + ".join(sorted(set(labels))) for labels in whole.values()}
    options = [
        Option("leave-out", f"the {count(len(many), 'picture')} with several are left out, {total - len(many)} stay"),
        Option("combination", f"every combination is a class of its own: {count(len(combined), 'class')}"),
        *(
            Option(f"has={name}", f"2 classes: {name} ({number_of}) and all others ({total - number_of})")
            for name, number_of in counts.most_common(20)
        ),
    ]
    return choices.ask(
        "several",
        f"{title}: {len(many)} of {count(total, 'picture')} have several classes, and Graft learns one class per "
        "picture: which is meant?",
        options,
        "leave-out" if few else None,
        "They are few." if few else "",
    )
