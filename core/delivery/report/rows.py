"""The rows of the report's tables and what its galleries hold, as the template reads them: words and drawings."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True)
class Headline:
    """One figure of the first page."""

    title: str
    value: str
    words: str
    drawing: Markup


@dataclass(frozen=True)
class RateRow:
    """One rate of decisions about whole units."""

    title: str
    counted: str
    expected: str
    per_million: str
    definition: str


@dataclass(frozen=True)
class ReaderRow:
    """One class: what the readers have in common, the model and the first, the model and the second."""

    name: str
    cells: list[str]


@dataclass(frozen=True)
class ClassCount:
    """How often a class is labelled, in each part and as a share of the training part."""

    name: str
    colour: str
    counts: list[str]
    drawing: Markup


@dataclass(frozen=True)
class ClassRow:
    """One class of the evaluation."""

    name: str
    colour: str
    labelled: str
    found: str
    drawing: Markup
    words: str
    cells: list[str]


@dataclass(frozen=True)
class SliceRow:
    """One part of the objects."""

    name: str
    worse: bool
    labelled: str
    found: str
    drawing: Markup
    words: str


@dataclass(frozen=True)
class Chart:
    """A drawing and what it shows."""

    drawing: Markup
    words: str


@dataclass(frozen=True)
class Picture:
    """An example picture as base64 of a JPEG, with its words."""

    data: str
    words: str


@dataclass(frozen=True)
class Gallery:
    """Example pictures of one kind."""

    title: str
    pictures: list[Picture]
