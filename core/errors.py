"""The errors a user sees: each names the file, says what is wrong and what to do; and what becomes of any other."""

from __future__ import annotations

import errno
import secrets
import tempfile
import traceback
from datetime import datetime
from pathlib import Path

LOG = "unforeseen.log"
"""In the workspace: what happened that no sentence was written for."""


class GraftError(Exception):
    """Something went wrong that a sentence can explain; the command line exits with 1."""


class InputError(GraftError):
    """What the user gave can't be used; the command line exits with 2 and prints the one line.

    The message names the file or setting, says what is wrong with it and what to do about it.
    """


NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
NOT_ALLOWED = (errno.EROFS, errno.EACCES, errno.EPERM)
GONE_AWAY = (errno.EIO, errno.ENOTCONN, errno.ECONNABORTED, errno.ESTALE, errno.EHOSTDOWN, errno.ETIMEDOUT)
"""What a drive says that was pulled out, or whose server has gone for good."""


def of_the_system(error: BaseException) -> GraftError | None:
    """Return the sentence for what the system refused: no room, no permission, no memory; None for any other error."""
    if isinstance(error, MemoryError):
        return GraftError("There is not enough memory for this: close other programs, or take fewer or smaller files.")
    number = error.errno if isinstance(error, OSError) else None
    file = f" ({error.filename})" if isinstance(error, OSError) and error.filename else ""
    if number in NO_ROOM or "no space left on device" in str(error).lower():
        return GraftError(f"The disk is full{file}: free some space, then try again. What was begun is not kept.")
    if number == errno.EROFS:
        return GraftError(f"This place can be read only{file}: what is there can be looked at, nothing can be written.")
    if number in GONE_AWAY and file:
        return GraftError(f"The drive of a file does not answer{file}: connect it again, then try again.")
    if number in NOT_ALLOWED:
        return GraftError(f"The system does not allow this{file}: ask who owns it for the permission, or take another.")
    return None


def unforeseen(error: BaseException, folder: Path, doing: str) -> str:
    """Write an error that nobody foresaw to the log in `folder`; return the sentence for the user, with a reference."""
    reference = secrets.token_hex(4)
    when = datetime.now().astimezone().isoformat(timespec="seconds")
    text = f"--- {reference} {when} {doing}\n" + "".join(traceback.format_exception(error))
    for place in (folder, Path(tempfile.gettempdir())):
        try:
            with (place / LOG).open("a", encoding="utf-8", errors="replace") as file:
                file.write(text)
        except OSError:  # a full or read-only disk: the next place
            continue
        kept = f"; the details are in {place / LOG}"
        break
    else:
        kept = ""
    lines = str(error).strip().splitlines()
    what = f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
    return f"{doing} met something unforeseen ({what}), a fault of Graft: please report it as {reference}{kept}."
