"""What the system refuses becomes a sentence; anything else stays a fault of our own."""

from __future__ import annotations

import errno

import pytest

from core.errors import of_the_system


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/w/a.png"), "/w/a.png"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "full"),
        (RuntimeError("write failed: No space left on device"), "full"),
        (OSError(errno.EROFS, "Read-only file system", "/w/b"), "can be read only (/w/b)"),
        (PermissionError(errno.EACCES, "Permission denied", "/w/c"), "/w/c"),
        (OSError(errno.ESTALE, "Stale file handle", "/w/d"), "does not answer (/w/d)"),
        (MemoryError(), "memory"),
    ],
)
def test_what_the_system_refuses_is_told_with_its_file(error: Exception, words: str) -> None:
    told = of_the_system(error)
    assert told is not None
    assert words in str(told)


@pytest.mark.parametrize("error", [ValueError("3"), KeyError("full"), FileNotFoundError(errno.ENOENT, "no", "x")])
def test_anything_else_is_not_explained_away(error: Exception) -> None:
    assert of_the_system(error) is None
