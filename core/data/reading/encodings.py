"""Names and texts of other machines: Mac's taken-apart letters, Chinese and Japanese code pages without a mark."""

from __future__ import annotations

import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Sequence

UNICODE_PATH = 0x7075
"""The extra field in which Info-ZIP and 7-Zip repeat a name in UTF-8 (APPNOTE 4.6.9)."""
BETWEEN_LETTERS = re.compile(rb"[A-Za-z][\x80-\xff]{2}[A-Za-z]")


def composed(name: str) -> str:
    """Return a name with letters and their marks joined (NFC): Macs store `ü` as u and two dots, label files don't."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def decode_text(data: bytes) -> str:
    """Decode text that may carry a mark or be in an old encoding of Windows; never fails."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _decoded(data, code_page([data[:100_000]]))


def zip_names(entries: Sequence[zipfile.ZipInfo]) -> list[str]:
    """Return the names of all entries of one zip as their maker meant them.

    Names without the UTF-8 flag are, first that fits: what the Unicode extra field says, UTF-8, the Chinese or
    Japanese code page that fits all names of the archive, and the old DOS one (cp437) that the zip format states.
    """
    raw = [entry.filename.encode("cp437", "ignore") for entry in entries if not entry.flag_bits & 0x800]
    page = code_page([name for name in raw if not _is_utf8(name)])
    return [composed(_zip_name(entry, page)) for entry in entries]


def tar_name(name: str) -> str:
    """Return the name of a tar entry; one that is no UTF-8 is read in the code page it fits."""
    raw = name.encode("utf-8", "surrogateescape")
    return composed(name if _is_utf8(raw) else _decoded(raw, code_page([raw])))


def _decoded(data: bytes, page: str | None) -> str:
    """Decode by a code page; without one by that of Windows in the West, or by Latin-1 where a byte has no letter."""
    if page:
        return data.decode(page, errors="replace")
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _zip_name(entry: zipfile.ZipInfo, page: str | None) -> str:
    if entry.flag_bits & 0x800:
        return entry.filename
    try:
        raw = entry.filename.encode("cp437")
    except UnicodeEncodeError:
        return entry.filename
    said = _unicode_path(entry.extra, raw)
    if said is not None:
        return said
    if _is_utf8(raw):
        return raw.decode("utf-8")
    if page:
        # Backslashes are second bytes of some characters there, so they are told from separators after decoding.
        return raw.decode(page, errors="replace")
    return entry.filename


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    """Return the name of the Unicode extra field, None when there is none or it belongs to another name."""
    place = 0
    while place + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, place)
        content = extra[place + 4 : place + 4 + size]
        if kind == UNICODE_PATH and len(content) > 5 and struct.unpack_from("<I", content, 1)[0] == zlib.crc32(raw):
            try:
                return content[5:].decode("utf-8")
            except UnicodeDecodeError:
                return None
        place += 4 + size
    return None


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def code_page(texts: Sequence[bytes]) -> str | None:
    """Return the East Asian code page that all texts fit, None where one letter in a Western one is likelier.

    Chinese (GBK) writes each common character as two bytes, the first B0 to F7, the second A1 to FE. Japanese
    (Shift JIS) is told by its syllables, 82 9F to 82 F1 and 83 40 to 83 96.
    """
    high = [text for text in texts if not text.isascii()]
    if not high:
        return None
    pairs = [_pairs(text) for text in high]
    found = [pair for some in pairs for pair in some]
    inside_words = sum(len(BETWEEN_LETTERS.findall(text)) for text in high)  # GRÖßE is no Chinese
    if all(pairs) and all(0xA1 <= first <= 0xF7 and second >= 0xA1 for first, second in found):
        common = sum(first >= 0xB0 for first, _ in found)
        if common >= 2 and inside_words * 2 <= len(found):
            return "gb18030"
    try:
        decoded = "".join(text.decode("cp932") for text in high)
    except UnicodeDecodeError:
        return None
    wide = [letter for letter in decoded if ord(letter) > 0x7F]
    kana = sum("\u3041" <= letter <= "\u30fe" for letter in wide)
    han = sum("\u4e00" <= letter <= "\u9fff" for letter in wide)
    return "cp932" if kana and (kana + han) * 5 >= len(wide) * 4 else None


def _pairs(text: bytes) -> list[tuple[int, int]]:
    """Return the bytes above 7F two by two, [] when one of them stands alone."""
    found = []
    place = 0
    while place < len(text):
        if text[place] < 0x80:
            place += 1
            continue
        if place + 1 >= len(text) or text[place + 1] < 0x40:
            return []
        found.append((text[place], text[place + 1]))
        place += 2
    return found
