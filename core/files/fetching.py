"""Fetch one file the user asked for: with progress, going on where it stopped, trying again, never half a file.

`urllib` follows the proxy settings of the environment (HTTPS_PROXY, NO_PROXY).
"""

from __future__ import annotations

import errno
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from pathlib import Path

from core.errors import GraftError

Moved = Callable[[int, int], None]
"""Called with the bytes that are there and the bytes of the whole file (0 when the server doesn't say)."""
BLOCK = 1 << 18
TIMEOUT = 30.0
"""Seconds without a byte after which a connection is given up and made again."""
FIRST_WAIT = 0.5
"""Seconds before the second attempt; doubled for each further one."""


class Unreachable(GraftError):
    """The site could not be reached: there is no network, or a firewall in between."""


class NotThere(GraftError):
    """The site answered, and does not have the file."""


def fetch(url: str, part: Path, progress: Moved | None = None, attempts: int = 4) -> None:
    """Fetch `url` into the file `part`, going on where one stopped; given up after `attempts` without a byte.

    A part of a file that has changed on the server meanwhile (another ETag or length) is thrown away first. Raises
    Unreachable when no attempt got through, NotThere when the server refuses (4xx), GraftError when the disk is full.
    """
    name = url.rsplit("/", 1)[-1]
    failures = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            _fetch_once(url, part, progress)
            return
        except urllib.error.HTTPError as error:
            if 400 <= error.code < 500 and error.code not in (408, 429):
                raise NotThere(f"{_site(url)} does not have {name} (it answered {error.code}).") from error
            reason: object = f"the server answered {error.code}"
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise GraftError(f"{name} does not fit on the disk: free some space and go on.") from error
            reason = getattr(error, "reason", None) or error
        grown = part.exists() and part.stat().st_size > before  # a poor line that gets on is not given up
        failures = 1 if grown else failures + 1
        if failures >= attempts:
            raise Unreachable(f"{name} could not be downloaded: {_site(url)} can't be reached ({reason}).")
        time.sleep(FIRST_WAIT * 2 ** (failures - 1))


def _fetch_once(url: str, part: Path, progress: Moved | None) -> None:
    mark = part.with_name(part.name + ".etag")
    done = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "Graft"}
    if done:
        headers["Range"] = f"bytes={done}-"
        if mark.exists():
            headers["If-Range"] = mark.read_text(encoding="utf-8")
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code != 416:  # 416: nothing after what is there
            raise
        if _length_in_range(error.headers) == done:
            return
        part.unlink()
        raise OSError("what was there did not belong to this file") from error
    with answer:
        if done and answer.status != 206:
            done = 0  # the server starts anew
        total = done + int(answer.headers.get("Content-Length") or 0)
        if etag := answer.headers.get("ETag"):
            mark.write_text(etag, encoding="utf-8")
        if progress:
            progress(done, total)
        with part.open("ab" if done else "wb") as file:
            while block := answer.read(BLOCK):
                file.write(block)
                done += len(block)
                if progress:
                    progress(done, total)
    if total and done < total:
        raise OSError(f"only {done} of {total} bytes arrived")
    mark.unlink(missing_ok=True)


def _length_in_range(headers: Message) -> int:
    """Return the length a 416 answer names in `Content-Range: bytes */LENGTH`, -1 when it names none."""
    length = (headers.get("Content-Range") or "").rpartition("/")[2]
    return int(length) if length.isdigit() else -1


def _site(url: str) -> str:
    return url.split("/")[2].rpartition("@")[2]
