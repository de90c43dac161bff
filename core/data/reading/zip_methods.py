"""Undo the compressions that zip archives come with, Deflate64 of Windows Explorer (folders over 2 GB) among them."""

from __future__ import annotations

import copy
import io
import struct
import zipfile
import zlib
from typing import IO, Any

from core.errors import InputError

DEFLATE64 = 9
OWN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
NAMES = {1: "Shrink", 6: "Implode", 9: "Deflate64", 19: "LZ77", 20: "Zstandard", 93: "Zstandard", 95: "xz", 96: "JPEG",
         97: "WavPack", 98: "PPMd", 99: "AES encryption"}  # fmt: skip
STEP = 1024
"""Packed bytes that are fed at once: Deflate64 grows up to 30,000-fold, so that these give 30 MB at most."""


def check_methods(archive: str, entries: list[zipfile.ZipInfo]) -> None:
    """Raise InputError, naming the compression, when an archive uses one that can't be undone here."""
    for entry in entries:
        if entry.compress_type not in (*OWN, DEFLATE64):
            name = NAMES.get(entry.compress_type, f"number {entry.compress_type}")
            raise InputError(
                f"{archive} is packed with a compression that can't be undone here ({name}: “{entry.filename[:120]}”). "
                "Pack the folder again as an ordinary zip (Deflate), or unpack it yourself and name the folder."
            )


def open_entry(packed: zipfile.ZipFile, entry: zipfile.ZipInfo, *, as_deflate: bool = False) -> IO[bytes]:
    """Open an entry for reading from its start. Raises BadZipFile where it is damaged.

    `as_deflate` takes Deflate64 for plain Deflate: there are packers that write the one and state the other.
    """
    if entry.compress_type != DEFLATE64:
        return packed.open(entry)
    if as_deflate:
        plain = copy.copy(entry)
        plain.compress_type = zipfile.ZIP_DEFLATED
        return packed.open(plain)
    raw = packed.fp
    assert raw is not None
    raw.seek(entry.header_offset)
    head = raw.read(30)
    if len(head) < 30 or head[:4] != b"PK\x03\x04":
        raise zipfile.BadZipFile(f"no header of “{entry.filename[:120]}”")
    name, extra = struct.unpack_from("<HH", head, 26)
    raw.seek(entry.header_offset + 30 + name + extra)
    return io.BufferedReader(_Deflate64(raw, entry))


class _Deflate64(io.RawIOBase):
    """The content of one Deflate64 entry, undone as it is read; its checksum is looked at where it ends."""

    def __init__(self, raw: Any, entry: zipfile.ZipInfo) -> None:
        import inflate64

        self._raw, self._entry = raw, entry
        self._left = entry.compress_size
        self._inflater = inflate64.Inflater()
        self._ready = b""
        self._sum = self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and self._left and not self._inflater.eof:
            data = self._raw.read(min(STEP, self._left))
            if not data:
                raise zipfile.BadZipFile(f"“{self._entry.filename[:120]}” ends in the middle")
            self._left -= len(data)
            try:
                self._ready = self._inflater.inflate(data)
            except (ValueError, RuntimeError, MemoryError) as error:
                raise zipfile.BadZipFile(f"“{self._entry.filename[:120]}”: {error}") from error
        part = self._ready[: len(buffer)]
        self._ready = self._ready[len(part) :]
        buffer[: len(part)] = part
        self._sum = zlib.crc32(part, self._sum)
        self._given += len(part)
        if not part and (self._sum != self._entry.CRC or self._given != self._entry.file_size):
            raise zipfile.BadZipFile(f"the checksum of “{self._entry.filename[:120]}” is wrong")
        return len(part)
