"""The pictures of the report: which ones speak for the model and which against it, drawn without their names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.data.dataset import Dataset
from core.data.palette import class_colour
from core.data.thumbnails import Mark, render
from core.evaluation.evaluation import Evaluation

EACH = 6
"""Pictures a gallery, at most."""
CROWDED = 12
"""From so many marks on, a picture gets no words, only signs: one should still see the picture."""
GALLERIES = {
    "missed": "Missed objects",
    "alarms": "False alarms and wrong classes",
    "hits": "Found as labelled",
    "wrong": "Named wrongly, the surest first",
    "unsure": "Named rightly, the least sure first",
    "right": "Named rightly",
}


@dataclass(frozen=True)
class Example:
    """A picture of a gallery with its words; `file` never reaches the report."""

    file: str
    gallery: str
    words: str


def choose_examples(evaluation: Evaluation, dataset: Dataset) -> list[Example]:
    """Return the pictures to show: mistakes as the evaluation ranks them, and as many without any."""
    table = dataset.image_table()
    part = table[table["split"] == evaluation.split]
    numbers = {str(file): place for place, file in enumerate(part["file"], start=1)}
    if evaluation.task == "classify":
        return _classified(evaluation, numbers)
    pictures = evaluation.pictures
    seen: set[str] = set()
    galleries = (
        ("hits", pictures[(pictures["hits"] > 0) & (pictures["misses"] + pictures["false_alarms"] == 0)]
         .sort_values("hits", ascending=False)),
        ("missed", pictures[pictures["misses"] > 0]),
        ("alarms", pictures[pictures["false_alarms"] > 0].sort_values("false_alarms", ascending=False)),
    )  # fmt: skip
    if galleries[0][1].empty:
        galleries = (("hits", pictures[pictures["hits"] > 0].sort_values("badness")), *galleries[1:])
    found = []
    for kind, rows in galleries:
        for row in rows[~rows["file"].isin(seen)].head(EACH).to_dict("records"):
            seen.add(row["file"])
            said = f"{row['hits']} of {row['objects']} found"
            alarms = row["false_alarms"]
            said += f", {alarms} false alarm{'' if alarms == 1 else 's'}" if alarms else ", no false alarm"
            found.append(Example(str(row["file"]), GALLERIES[kind], f"Picture {numbers[str(row['file'])]}: {said}"))
    return found


def _classified(evaluation: Evaluation, numbers: dict[str, int]) -> list[Example]:
    pictures = evaluation.pictures
    right = pictures[pictures["hits"] > 0]
    galleries = (
        ("right", right.sort_values("confidence", ascending=False)),
        ("wrong", pictures[pictures["misses"] > 0].sort_values("confidence", ascending=False)),
        ("unsure", right.sort_values("confidence")),
    )
    found: list[Example] = []
    seen: set[str] = set()
    for kind, rows in galleries:
        for row in rows[~rows["file"].isin(seen)].head(EACH).to_dict("records"):
            seen.add(row["file"])
            said = f"{row['prediction']}, {100 * row['confidence']:.0f} % sure"
            said += "" if row["truth"] == row["prediction"] else f"; labelled {row['truth']}"
            found.append(Example(str(row["file"]), GALLERIES[kind], f"Picture {numbers[str(row['file'])]}: {said}"))
    return found


def jpeg_of(example: Example, evaluation: Evaluation, dataset: Dataset, longest: int, quality: int) -> bytes | None:
    """Return the picture with labels solid and answers dashed, newly encoded; None when it is no longer readable."""
    path = dataset.image_path(example.file)
    try:
        return render(path, _marks(example.file, evaluation, dataset), longest, quality)
    except (OSError, ValueError):
        return None


def _marks(file: str, evaluation: Evaluation, dataset: Dataset) -> list[Mark]:
    table = dataset.image_table()
    row = table[table["file"] == file].iloc[0]
    width, height = max(1, int(row["width"])), max(1, int(row["height"]))
    drawn = evaluation.marks(Path(file).as_posix())
    crowded = len(drawn) > CROWDED
    marks = []
    for item in drawn:
        left, top, right, bottom = item["box"]
        corners = ((left, top), (right, top), (right, bottom), (left, bottom))
        outline = tuple((min(max(x / width, 0), 1), min(max(y / height, 0), 1)) for x, y in corners)
        colour = class_colour(evaluation.classes.index(item["class"]))
        if item["kind"] == "truth":
            missed = item["verdict"] == "missed"
            marks.append(
                Mark(
                    outline, (), colour, item["class"] if missed and not crowded else "", sign="miss" if missed else ""
                )
            )
        else:
            label = "" if crowded else f"{item['class']} {100 * item['confidence']:.0f} %"
            hit = item["verdict"] == "hit"
            marks.append(Mark(outline, (), colour, label, dashed=True, sign="" if hit else "false-alarm"))
    return marks
