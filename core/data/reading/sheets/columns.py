"""What each column of a sheet is: by its head where that is known, else by what stands in it; asks where unclear."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from core.data.reading.choices import COLUMN, Choices, Option
from core.data.reading.json_labels import number
from core.data.reading.sheets.rows import Row
from core.data.reading.source_dataset import SPLIT_NAMES
from core.errors import InputError
from core.words import count

FILE = ("file", "filename", "image", "imagepath", "path", "filepath", "img", "imageid", "imagename", "imageindex",
        "picture", "name", "id", "dateiname", "imagefile", "imgpath", "imgname", "fname", "relativepath",
        "imagefilename", "photo", "bild")  # fmt: skip
LABEL = ("label", "class", "classname", "category", "labels", "diagnosis", "dx", "classlabel", "labelname",
         "findinglabels", "findinglabel", "target", "categoryname", "classes", "klasse", "tags", "species", "breed",
         "defect", "defecttype", "disease", "befund", "diagnose", "fehlerart", "fehler", "verdict",
         "classid", "categoryid", "labelid")  # fmt: skip
"""Heads that say: this is the class."""
MAYBE = ("type", "annotation", "annotations", "grade", "name", "kind", "quality", "result", "status", "severity",
         "probability", "attribute", "level", "score", "rating", "finding", "findings", "condition",
         "state")  # fmt: skip
"""Heads that may be the class, or tell something else of the picture."""
SPLIT = ("split", "set", "subset", "part", "partition", "dataset", "fold", "usage")
GROUP = ("patient", "patientid", "group", "groupid", "case", "caseid", "subject", "subjectid", "lesionid", "studyid",
         "studyinstanceuid", "participant", "participantid", "serial", "serialnumber", "lot", "specimen")  # fmt: skip
HELPERS = re.compile(
    r"(is)?(occluded|truncated|difficult|groupof|depiction|inside|crowd|verified|synthetic|augmented|iscrowd)"
    r"|confidence|conf|source|url|link|license|licence|width|height|w|h|imgwidth|imgheight|imagewidth|imageheight|area"
    r"|index|idx|no|nr|row|unnamed.*|date|time|timestamp|age|patientage|sex|gender|patientgender|view|viewposition"
    r"|followup|author|annotator|rater|reader|worker|comment|comments|note|notes|remark|rotation|angle|size|filesize|md5"
    r"|sha256|hash|camera|device|pixelspacing.*|originalimage.*|xclick.*|boxid|objectid|annotationid|regionid|trackid"
    r"|alter|geschlecht|datum|bemerkung|domain|country|development_?stage|operator|bediener|inspector|machine|frame|framenumber|instanceid|depth|channels|format|modality|dxtype"
)
"""Heads that tell of the picture or of the labelling, never what is to be learned."""
CORNERS = (("xmin", "ymin", "xmax", "ymax"), ("x1", "y1", "x2", "y2"), ("left", "top", "right", "bottom"),
           ("bboxx1", "bboxy1", "bboxx2", "bboxy2"), ("x0", "y0", "x1", "y1"), ("xtl", "ytl", "xbr", "ybr"),
           ("bboxxmin", "bboxymin", "bboxxmax", "bboxymax"), ("startx", "starty", "endx", "endy"),
           ("minx", "miny", "maxx", "maxy"), ("boxx1", "boxy1", "boxx2", "boxy2"),
           ("roix1", "roiy1", "roix2", "roiy2"))  # fmt: skip
SIZES = (("x", "y", "w", "h"), ("x", "y", "width", "height"), ("left", "top", "width", "height"),
         ("bboxx", "bboxy", "bboxwidth", "bboxheight"), ("bboxx", "bboxy", "bboxw", "bboxh"),
         ("xmin", "ymin", "w", "h"),
         ("bboxx", "y", "w", "h"), ("xmin", "ymin", "width", "height"), ("boxx", "boxy", "boxw", "boxh"),
         ("bbx", "bby", "bbw", "bbh"))  # fmt: skip
CENTRES = (("xcenter", "ycenter", "width", "height"), ("xcentre", "ycentre", "width", "height"),
           ("centerx", "centery", "width", "height"), ("xcenter", "ycenter", "w", "h"), ("cx", "cy", "w", "h"),
           ("xc", "yc", "w", "h"), ("cx", "cy", "width", "height"))  # fmt: skip
BOX = ("bbox", "box", "boxes", "bboxes", "boundingbox", "boundingboxes", "bndbox", "coordinates", "boxesstring",
       "bboxstring", "bboxesstring", "boxstring", "rect", "rectangle")  # fmt: skip
EMPTY = ("", "nan", "none", "null", "na", "n/a", "-", "[]", "no_box", "nobox", "no box")
LOOKED_AT = 5_000
"""Rows by which columns are judged."""
MAX_CLASSES = 200
FLAGS = ("0", "1", "0.0", "1.0", "", "true", "false", "yes", "no")
TRUE = ("1", "1.0", "true", "yes")
PARTS = "|;"
"""What stands between several classes in one cell, and never within one."""
MAY_PART = ",+/& "
"""What may stand between them or within one: `rust, crack` where `rust` is a class by itself."""


def plain(head: str) -> str:
    """Return a head without case, blanks and signs: `Image Index`, `image_index` and `imageIndex` are one."""
    return re.sub(r"[^a-z0-9äöüß]", "", head.lower())


@dataclass
class Columns:
    """Which column is what; -1 where there is none."""

    heads: Row
    has_head: bool
    file: int
    label: int = -1
    split: int = -1
    group: int = -1
    box: list[int] = field(default_factory=list)
    """four columns, or one that holds four numbers"""
    box_kind: str = ""
    """corners, size or centre; empty where one column holds the box and its kind is judged by its numbers"""
    width: int = -1
    height: int = -1
    crowd: int = -1
    flags: list[int] = field(default_factory=list)
    """columns of 0 and 1 that are classes"""
    first: int = 0
    """rows before the first one that holds values: the heads, and a title above them"""
    sure: bool = False
    """heads say what the class is, or there are boxes"""

    @property
    def several(self) -> bool:
        """Whether a row may name several classes."""
        return bool(self.flags)

    def cell(self, row: Row, place: int) -> str:
        """Return a cell, '' where there is none."""
        return row[place] if 0 <= place < len(row) else ""

    def cells(self, rows: list[Row]) -> list[Sequence[str]]:
        """Return the cells of many rows, column by column; '' where there is none, and in one more at the end (-1)."""
        width = len(self.heads)
        if min(map(len, rows)) < width:
            rows = [row + [""] * (width - len(row)) for row in rows]
        return [*[*zip(*rows, strict=False)][:width], [""] * len(rows)]


def look_at(rows: list[Row], is_picture: Callable[[str], bool], pictures: int) -> Columns | None:
    """Return which column names the pictures and what the known heads say, None where no column names pictures.

    `rows` are the first of the sheet, `pictures` is how many the upload holds: a few whole numbers that happen to be
    names of pictures as well (a list of classes beside 0.jpg, 1.jpg ...) are no names of pictures.
    """
    if not rows:
        return None
    width = max(map(len, rows[:50]))
    title = int(len(rows) > 2 and sum(map(bool, rows[0])) == 1 < sum(map(bool, rows[1])))
    rows = rows[title:]
    body = rows[1:101] or rows
    shares = [_share(body, place, is_picture) for place in range(width)]
    known = {plain(head): place for place, head in reversed(list(enumerate(rows[0])))}
    by_head = next((known[name] for name in FILE if name in known and shares[known[name]] >= 0.5), None)
    by_content = max(range(width), key=lambda place: (shares[place], _distinct(body, place), -place), default=0)
    file = by_head if by_head is not None else by_content
    if shares[file] < 0.5:
        return None
    named = {row[file] for row in rows[1:] if len(row) > file}
    if named and all(cell.isdigit() for cell in named):
        told = by_head is not None or re.search(
            r"id|im|file|scan|slide|case|^(no|nr|num|number)$", plain(rows[0][file])
        )
        if not told or (len(rows) < 100 and len(named) * 2 < pictures):
            return None
    headless = is_picture(rows[0][file]) if file < len(rows[0]) else False
    if headless and plain(rows[0][file]) in FILE and not any(_is_number(cell) for cell in rows[0]):
        headless = False  # a picture called image.png does not make the head "image" a row
    heads = ([] if headless else rows[0]) + [""] * width
    heads = [heads[place] or f"column {place + 1}" for place in range(width)]
    found = Columns(heads, not headless, file, first=title + int(not headless))
    if headless:
        if width == 6 and all(_is_number(cell) or not cell for row in body for cell in row[1:5]) and file == 0:
            found.box, found.box_kind, found.label, found.sure = [1, 2, 3, 4], "corners", 5, True
        elif width == 2:
            found.label, found.sure = 1 - file, True
        return found
    _by_heads(found, rows)
    return found


def _by_heads(found: Columns, rows: list[Row]) -> None:
    names = [plain(head) for head in found.heads]
    places = {name: place for place, name in reversed(list(enumerate(names))) if name}

    def place_of(wanted: tuple[str, ...]) -> int:
        return next((places[name] for name in wanted if name in places and places[name] != found.file), -1)

    split = place_of(SPLIT)
    if split >= 0:
        words = [row[split].lower() for row in rows[1:] if len(row) > split and row[split]]
        if words and sum(word in SPLIT_NAMES for word in words) >= 0.8 * len(words):
            found.split = split
    found.group = place_of(GROUP)
    for kind, sets in (("corners", CORNERS), ("size", SIZES), ("centre", CENTRES)):
        for four in sets:
            if not found.box and all(name in places for name in four):
                found.box, found.box_kind = [places[name] for name in four], kind
    single = place_of(BOX)
    if not found.box and single >= 0 and _holds_boxes(rows, single):
        found.box = [single]
    for name, wanted in (
        ("width", ("width", "imgwidth", "imagewidth")),
        ("height", ("height", "imgheight", "imageheight")),
    ):
        place = place_of(wanted)
        if place not in found.box:
            setattr(found, name, place)
    found.crowd = place_of(("isgroupof", "iscrowd", "groupof"))


def _holds_boxes(rows: list[Row], place: int) -> bool:
    cells = [row[place] for row in rows[1:200] if len(row) > place and row[place].lower() not in EMPTY]
    return bool(cells) and sum(
        len(numbers_in(cell)) % 4 == 0 and bool(numbers_in(cell)) for cell in cells
    ) >= 0.8 * len(cells)


def numbers_in(cell: str) -> list[float]:
    """Return the numbers of a cell such as `[834.0, 222.0, 56.0, 36.0]`."""
    return [float(text) for text in re.findall(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", cell)]


@dataclass(frozen=True)
class Candidate:
    """A column that may be the class."""

    place: int
    head: str
    values: Counter[str]
    known: int
    """2 where its head says so, 1 where it may, 0 where it says nothing"""

    def meaning(self, rows: int) -> str:
        """Say in a clause what it would mean."""
        told = ", ".join(f"{value} {number}" for value, number in sorted(self.values.items())[:6])
        more = " ..." if len(self.values) > 6 else ""
        seen = "" if sum(self.values.values()) < rows or rows < LOOKED_AT - 1 else f" in the first {rows} rows"
        return f"{count(len(self.values), 'class')}{seen}: {told}{more}"


def candidates(columns: Columns, rows: list[Row]) -> list[Candidate]:
    """Return the columns that may be the class, the likeliest first."""
    taken = {columns.file, columns.split, columns.group, columns.width, columns.height, columns.crowd, *columns.box}
    body = rows[columns.first :]
    found = []
    for place, head in enumerate(columns.heads):
        name = plain(head)
        if place in taken or (
            columns.has_head and (HELPERS.fullmatch(name) or (name.startswith(("is", "has")) and columns.box))
        ):
            continue
        values: Counter[str] = Counter(row[place] for row in body if len(row) > place and row[place])
        known = 2 if name in LABEL else 1 if name in MAYBE else 0
        total = sum(values.values())
        if not values or any(value[:1] in "{[" for value in values):
            continue
        many = len(values) > MAX_CLASSES or (len(values) > 20 and len(values) * 2 > total)
        if not known and len(values) == total >= 5:
            continue  # a value of its own in every row names or measures, it is no class
        measured = known and _are_numbers(values) and len(values) > 1
        if known < 2 and not measured and (many or len(values) < 2 or max(map(len, values)) > 60):
            continue
        found.append(Candidate(place, head, values, known))
    return sorted(found, key=lambda item: (-item.known, item.place))


def settle_label(columns: Columns, rows: list[Row], choices: Choices, name: str) -> None:
    """Find the column that is the class, or the columns of 0 and 1 that are; asks where several may be.

    Raises Undecided where nothing tells, InputError for a column that is not there.
    """
    _chosen_columns(columns, choices, name)
    key = f"{COLUMN}label"
    if columns.label >= 0 and choices.answer(key) is None:
        return
    found = candidates(columns, rows)
    flags = [item for item in found if item.known < 2 and all(value.lower() in FLAGS for value in item.values)]
    strong = _one_of_twins([item for item in found if item.known == 2], rows)
    body = rows[columns.first :]
    options = [Option(item.head, item.meaning(len(body))) for item in found]
    taken: str | None = None
    why = ""
    if len(flags) >= 2 and not strong and not columns.box:
        one_each = all(sum(columns.cell(row, item.place).lower() in TRUE for item in flags) == 1 for row in body)
        others = [item for item in found if item not in flags and item.known]
        told = ", ".join(
            f"{item.head} {sum(n for v, n in item.values.items() if v.lower() in TRUE)}" for item in flags[:6]
        )
        options.insert(
            0, Option(ONE_PER_COLUMN, f"every column of 0 and 1 is a class: {told}{' ...' if len(flags) > 6 else ''}")
        )
        if not others:
            taken, why = ONE_PER_COLUMN, "Nothing else in the sheet can be the class."
        columns.sure = one_each and not others
    elif len(strong) == 1:
        taken, why, columns.sure = strong[0].head, f"Its head, “{strong[0].head}”, says so.", True
    elif not strong and len(found) == 1 and found[0].known:
        taken, why, columns.sure = found[0].head, "No other column can be the class.", True
    if columns.box:
        if not strong:
            options.append(Option(NONE, "one class, “object”, for every box"))
        columns.sure = True
        if not found:
            taken, why = NONE, "No column can be the class."
    if not options:
        return
    answer = taken
    if len(options) > 1 or taken is None or choices.answer(key):
        question = f"{name}: which column is the class?"
        if not columns.has_head:
            question = f"{name} has no line of heads: which of its columns is the class?"
        wanted = _head_like(columns, choices.answer(key))
        offered = {option.value for option in options}
        if wanted is not None and wanted not in offered:
            options.append(Option(wanted, "as it stands there"))
        sample = [columns.heads, *body[:5]]
        answer = choices.ask(key, question, options, taken, why, sample=sample, meant=wanted)
    if answer == ONE_PER_COLUMN:
        columns.flags = [item.place for item in flags]
    elif answer is not None and answer != NONE:
        columns.label = columns.heads.index(answer)


ONE_PER_COLUMN = "each-column"
NONE = "none"


def _head_like(columns: Columns, wanted: str | None) -> str | None:
    """Return the head that a user means, in its own spelling; a special value as it is."""
    if wanted is None or wanted in (ONE_PER_COLUMN, NONE):
        return wanted
    exact = [head for head in columns.heads if head == wanted] or [
        head for head in columns.heads if plain(head) == plain(wanted)
    ]
    if exact:
        return exact[0]
    if wanted.isdigit() and 1 <= int(wanted) <= len(columns.heads):
        return columns.heads[int(wanted) - 1]
    raise InputError(f"There is no column “{wanted}”; there are {', '.join(head for head in columns.heads if head)}.")


def _chosen_columns(columns: Columns, choices: Choices, name: str) -> None:
    """Take over what the user says of file, split and group."""
    for meaning in ("file", "split", "group"):
        key = f"{COLUMN}{meaning}"
        if choices.answer(key) is None:
            continue
        head = _head_like(columns, choices.answer(key)) or ""
        options = [
            Option(item, "as it stands there") for item in dict.fromkeys([*columns.heads, choices.given[key]]) if item
        ]
        choices.ask(key, f"{name}: which column is the {meaning}?", options)
        setattr(columns, meaning, -1 if head == NONE else columns.heads.index(head))


def _one_of_twins(found: list[Candidate], rows: list[Row]) -> list[Candidate]:
    """Of columns that say the same (`class_id` 3, `class` dent) keep the one in words."""
    if len(found) < 2:
        return found
    first = found[0]
    for other in found[1:]:
        pairs = {(row[first.place], row[other.place]) for row in rows if len(row) > max(first.place, other.place)}
        if len(pairs) > len(first.values) + 1 or len(pairs) > len(other.values) + 1:
            return found
    return [min(found, key=lambda item: _are_numbers(item.values))]


def _are_numbers(values: Counter[str]) -> bool:
    return all(_is_number(value.replace(",", ".")) for value in values)


def _is_number(text: str) -> bool:
    return not math.isnan(number(text))


def _share(body: list[Row], place: int, is_picture: Callable[[str], bool]) -> float:
    cells = [row[place] for row in body if len(row) > place and row[place]]
    return sum(map(is_picture, cells)) / len(cells) if len(cells) * 2 >= len(body) else 0.0


def _distinct(body: list[Row], place: int) -> int:
    return len({row[place] for row in body if len(row) > place})
