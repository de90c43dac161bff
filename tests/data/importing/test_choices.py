"""Where several readings fit: the user's answer counts, a reader may take one with a reason, else the import asks."""

from __future__ import annotations

import pytest

from core.data.reading.choices import Choices, Option, Undecided
from core.errors import InputError

AXES = [Option("axial", "60 slices"), Option("coronal", "128 slices")]


def test_what_the_reader_takes_counts_until_the_user_says_otherwise() -> None:
    free, told = Choices(), Choices({"axis": "coronal"})
    assert free.ask("axis", "Which way?", AXES, "axial", "Most are cut so.") == "axial"
    assert told.ask("axis", "Which way?", AXES, "axial", "Most are cut so.") == "coronal"
    assert free.made["axis"].why
    assert not told.made["axis"].why


def test_what_nobody_decided_is_asked_with_every_reading_and_what_to_type() -> None:
    choices = Choices()
    with pytest.raises(Undecided) as raised:
        choices.ask("column.label", "Which column is the class?", [Option("dx", "2 classes"), Option("a b", "3")])
    text = str(raised.value)
    assert "--column label=dx" in text
    assert '--column "label=a b"' in text
    assert choices.made["column.label"].taken is None


def test_an_answer_that_fits_nothing_is_refused_with_those_that_do() -> None:
    with pytest.raises(InputError, match="--choose axis=axial"):
        Choices({"axis": "sideways"}).ask("axis", "Which way?", AXES, "axial")
    asked = Choices({"axsi": "axial"})
    asked.ask("axis", "Which way?", AXES, "axial")
    with pytest.raises(InputError, match="axis"):
        asked.check_all_asked()


@pytest.mark.parametrize(("answer", "fits"), [("0.4", True), ("classes", True), ("1.2", False), ("half", False)])
def test_a_number_between_its_bounds_may_be_typed_where_numbers_are_asked(answer: str, fits: bool) -> None:
    choices, options = Choices({"grades": answer}), [Option("classes", "4 classes"), Option("0.5", "2 classes")]
    if fits:
        assert choices.ask("grades", "Cut?", options, number=(0, 1)) == answer
    else:
        with pytest.raises(InputError):
            choices.ask("grades", "Cut?", options, number=(0, 1))
