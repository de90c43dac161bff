"""Large JSON files, read piece by piece: which keys stand in one, and its lists object by object, never as a whole.

A file of 360 MB takes twice that as text, and several times that as dictionaries.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import InputError

LARGE = 16 * 2**20
"""Bytes from which a file is read piece by piece."""
STEP = 4 * 2**20
LONGEST = 200
"""Letters of a key with the signs and blanks around it, at most."""
BLANK, COMMA = re.compile(r"\s*"), re.compile(r"\s*,?\s*")


def _past(what: re.Pattern[str], text: str, place: int) -> int:
    """Return the place behind what may stand there."""
    found = what.match(text, place)
    return found.end() if found else place


def is_large(path: Path) -> bool:
    """Return whether a file is to be read piece by piece: large, and in UTF-8 as all JSON should be."""
    if path.stat().st_size < LARGE:
        return False
    with path.open("rb") as file:
        return file.read(2) not in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def head_of(path: Path) -> str:
    """Return the first letters of a file."""
    with path.open("rb") as file:
        return file.read(1000).decode("utf-8-sig", "replace")


def places_of(path: Path, pattern: bytes) -> Iterator[int]:
    """Give where each match of a pattern (LONGEST bytes at most) ends in a file."""
    wanted = re.compile(pattern)
    kept, start, last = b"", 0, -1
    with path.open("rb") as file:
        while chunk := file.read(STEP):
            text = kept + chunk
            for found in wanted.finditer(text):
                if start + found.end() > last:
                    last = start + found.end()
                    yield last
            kept = text[-LONGEST:]
            start += len(text) - len(kept)


@dataclass(frozen=True)
class LargeList:
    """The items of a list in a large JSON file, parsed as they are asked for, each time anew."""

    path: Path
    name: str
    """as the user named the file"""
    start: int
    """the byte behind the list's bracket"""
    mend: Callable[[str], str] = str
    """what is done to the text before it is parsed"""

    def __iter__(self) -> Iterator[Any]:
        decoder = codecs.getincrementaldecoder("utf-8")()
        parse = json.JSONDecoder().raw_decode
        text, place, ended = "", 0, False
        with self.path.open("rb") as file:
            file.seek(self.start)
            while True:
                place = _past(BLANK, text, place)
                if text[place : place + 1] == "]":
                    return
                try:
                    item, after = parse(text, _past(COMMA, text, place))
                except json.JSONDecodeError as error:
                    item, after = error, len(text)
                except (RecursionError, ValueError) as error:
                    raise InputError(f"{self.name} holds what no label is ({error}): mend it.") from error
                if after < len(text):
                    yield item
                    place = after
                    continue
                if ended:
                    raise InputError(
                        f"{self.name} is not valid JSON ({item}): it may have been cut off. Export it again."
                    )
                chunk = file.read(max(STEP, len(text) - place))
                ended = not chunk
                text = text[place:] + self.mend(self._decoded(decoder, chunk, ended))
                place = 0

    def _decoded(self, decoder: codecs.IncrementalDecoder, chunk: bytes, ended: bool) -> str:
        try:
            return decoder.decode(chunk, ended)
        except UnicodeDecodeError as error:
            raise InputError(f"{self.name} is not in UTF-8, which JSON must be: save it again.") from error


def large_lists(path: Path, name: str, keys: tuple[str, ...], mend: Callable[[str], str]) -> dict[str, Any] | None:
    """Return the lists under keys of a large file that each stand there once; None where one does not."""
    found = {}
    for key in keys:
        places = list(places_of(path, rb'"' + key.encode() + rb'"\s{0,80}:\s{0,80}\['))
        if len(places) != 1:
            return None
        found[key] = LargeList(path, name, places[0], mend)
    return found
