"""What reading a stranger's file may raise, in one list, and the door where it becomes a sentence with its name."""

from __future__ import annotations

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import NO_ROOM, InputError

READING: tuple[type[Exception], ...] = (
    OSError,
    EOFError,
    ValueError,  # UnicodeError and numbers of thousands of digits among them
    OverflowError,
    RecursionError,
    MemoryError,
    NotImplementedError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
)
"""What the readers of archives, texts, tables and pictures raise on damaged or hostile bytes. Anything else is a
fault of our own, and is told as one (core/errors.py)."""


def readable(text: str) -> str:
    """Return a name or text that any file can be written with: no bytes that are no UTF-8, no halves of characters."""
    if all("\udc80" <= letter <= "\udcff" or not "\ud800" <= letter <= "\udfff" for letter in text):
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return text.encode("utf-8", "replace").decode()


@contextmanager
def reading(label: str) -> Iterator[None]:
    """Turn what reading may raise into an InputError that names `label`."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise InputError(
            f"{readable(label)} holds a name or text that is not in the encoding it states "
            f"(“{bytes(error.object)[:80].decode('utf-8', 'replace')}”). Rename it, or make the file again."
        ) from error
    except READING as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise InputError("The disk of the workspace is full: free some space and try again.") from error
        raise InputError(
            f"{readable(label)} can't be read ({said(error)}). It may be damaged or was not copied completely: make or "
            "fetch it again, or leave it out."
        ) from error


def said(error: BaseException) -> str:
    """Return what an error says in one short line."""
    lines = readable(str(error)).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]
