"""What a reader had to choose: the readings that fit, the one it took and why, or the question it can't decide.

A reader asks with `tree.choices.ask(...)`. Where the user has answered, the answer counts; else the reader's own
`taken`; where it has none the import ends with the readings and the option to type, and the page asks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from core.errors import InputError

COLUMN = "column."
"""What the key of a choice among the columns of a sheet begins with; the command line has --column for these."""

NUMBERS = re.compile(r"\d+")
AS_BEFORE = "So it was chosen when"
"""How the reason for an answer of an earlier import begins."""


@dataclass(frozen=True)
class Option:
    """One reading that fits."""

    value: str
    """what is typed on the command line"""
    meaning: str
    """what it would mean, as a clause with its numbers: `2 classes: mono 25, poly 38`"""


@dataclass(frozen=True)
class Choice:
    """A question with the readings that fit."""

    key: str
    """what the command line calls it, such as `masks` or `column.label`"""
    question: str
    options: tuple[Option, ...]
    taken: str | None = None
    """the value read by; None while nobody has decided"""
    why: str = ""
    """why it was taken, a sentence; empty where the user chose"""
    number: tuple[float, float] | None = None
    """bounds where any number between them may be typed as well"""
    sample: tuple[tuple[str, ...], ...] = ()
    """first rows of what it is about, the heads first, where that is a sheet"""

    @property
    def meaning(self) -> str:
        """What the reading taken means, its value where that says it."""
        said = next((option.meaning for option in self.options if option.value == self.taken), "")
        return f"{self.taken}: {said}" if self.key.startswith(COLUMN) else said or str(self.taken)

    @property
    def kept(self) -> bool:
        """Whether it is worth keeping with the dataset: the user chose, or several readings fitted."""
        return self.taken is not None and (len(self.options) > 1 or not self.why)

    def option(self, value: str | None = None) -> str:
        """Return what to type on the command line for a value, that of the first reading by itself."""
        value = self.options[0].value if value is None else value
        flag, key = ("--column", self.key[len(COLUMN) :]) if self.key.startswith(COLUMN) else ("--choose", self.key)
        text = f"{key}={value}"
        return f'{flag} "{text}"' if any(letter in text for letter in " ;&|()<>*?$\\'\"") else f"{flag} {text}"

    def fits(self, value: str) -> bool:
        """Return whether a value is one of the readings, or a number where numbers may be typed."""
        if any(value == option.value for option in self.options):
            return True
        try:
            return self.number is not None and self.number[0] <= float(value) <= self.number[1]
        except ValueError:
            return False

    def record(self) -> dict[str, Any]:
        """Return it as plain data, with what to type for each reading."""
        plain = asdict(self)
        plain["options"] = [asdict(option) | {"type": self.option(option.value)} for option in self.options]
        return plain


class Undecided(InputError):
    """Several readings fit and nothing tells which is meant; `choice` is the question."""

    def __init__(self, choice: Choice, label: str = "") -> None:
        self.choice = choice
        lines = [f"{label + ': ' if label else ''}{choice.question} Say it by one of these:"]
        lines += [f"  {choice.option(option.value)}   {option.meaning}" for option in choice.options]
        super().__init__("\n".join(lines))


@dataclass(frozen=True)
class Earlier:
    """What the user chose when an upload of the same name was imported before."""

    question: str
    value: str
    options: frozenset[str]
    """the readings there were"""
    dataset: str
    """name of the set that was imported"""


@dataclass
class Choices:
    """The user's answers (`given`: key to value) and all that was asked so far, in order.

    An answer of `earlier` counts where there is no other, the same is asked, and the readings are the same or none is
    taken by itself; the choice says where it is from.
    """

    given: dict[str, str] = field(default_factory=dict)
    made: dict[str, Choice] = field(default_factory=dict)
    earlier: dict[str, Earlier] = field(default_factory=dict)

    def answer(self, key: str) -> str | None:
        """Return the user's answer to a question, that of an earlier import where there is none, else None."""
        return self.given.get(key) or (self.earlier[key].value if key in self.earlier else None)

    def ask(
        self,
        key: str,
        question: str,
        options: Sequence[Option],
        taken: str | None = None,
        why: str = "",
        *,
        number: tuple[float, float] | None = None,
        sample: Sequence[Sequence[str]] = (),
        meant: str | None = None,
    ) -> str:
        """Return the value to read by: the user's (`meant`, where it was typed in another spelling), else `taken`.

        A question asked again (of another file) is answered alike; the first wording is kept. Raises InputError for an
        answer that is no reading, Undecided when there is neither an answer nor `taken`.
        """
        rows = tuple(tuple(row) for row in sample)
        choice = Choice(key, question, tuple(options), taken, why, number, rows)
        answer = meant or self.given.get(key)
        told = self.earlier.get(key) if key not in self.given else None
        if told is not None:
            as_then = taken is None or told.options == {option.value for option in options}
            if as_then and _asks_the_same(told.question, question) and choice.fits(meant or told.value):
                so = f"{AS_BEFORE} “{told.dataset}” was imported."
                choice = Choice(key, question, tuple(options), meant or told.value, so, number, rows)
        elif answer is not None:
            if not choice.fits(answer):
                known = "; ".join(f"{choice.option(option.value)} ({option.meaning})" for option in choice.options)
                raise InputError(f"{choice.option(answer)}: “{answer}” is none of the readings: {known}.")
            choice = Choice(key, question, tuple(options), answer, "", number, rows)
        self.made.setdefault(key, choice)
        if choice.taken is None:
            raise Undecided(choice)
        return choice.taken

    def check_all_asked(self) -> None:
        """Raise InputError for an answer to something that nothing asked."""
        for key in self.given:
            if key not in self.made:
                asked = ", ".join(self.made) or "nothing"
                raise InputError(f"“{key}” is no choice of this upload; to choose there is: {asked}.")


def _asks_the_same(one: str, other: str) -> bool:
    """Return whether two questions differ in their numbers at most: an upload may hold more pictures than before."""
    return NUMBERS.sub("", one) == NUMBERS.sub("", other)
