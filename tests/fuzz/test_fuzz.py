"""Damaged uploads by seed: imported, refused with a sentence, or left out with a finding; nothing else.

`make fuzz` tries 20,000; a number that once did harm is kept in HARMED with what it did.
"""

from __future__ import annotations

import pytest

from tests.fuzz.trying import try_all

HARMED: dict[int, str] = {
    3108: "SyntaxError of Pillow from a mask with a broken PNG chunk, while detecting",
    102871: "IndexError of zipfile from an entry without a name",
}
"""Seed -> what it did when it was found."""


@pytest.mark.slow
@pytest.mark.parametrize("first", [0, 100, 200])
def test_a_hundred_damaged_uploads_do_no_harm(first: int) -> None:
    outcomes, harms = try_all(range(first, first + 100))
    assert harms == {}
    assert outcomes["imported"] > 10, "so much damage that hardly any is read: the test sees too little"
    assert outcomes["refused"] > 10


@pytest.mark.parametrize("number", HARMED)
def test_what_once_did_harm_does_none(number: int) -> None:
    assert try_all(range(number, number + 1))[1] == {}
