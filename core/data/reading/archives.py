"""Unpack what people upload without trusting any of it: paths, links, sizes and ratios are checked first."""

from __future__ import annotations

import os
import stat
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from typing import IO

from core.data.reading.door import reading
from core.data.reading.encodings import tar_name, zip_names
from core.data.reading.tree import Tree, is_junk, nothing_in
from core.data.reading.zip_methods import DEFLATE64, check_methods, open_entry
from core.errors import InputError
from core.words import count, megabytes, thousands

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
FOREIGN_ARCHIVES = (".rar", ".7z", ".tar.zst", ".lzh", ".gz", ".bz2", ".xz")
"""Archives that are not opened: there is no well-kept reader for them, or they hold a single file."""
MAX_TOTAL_BYTES = 200 * 2**30
"""Unpacked size of one archive; the free disk space is the second bound."""
MAX_RATIO = 300
"""Unpacked to packed bytes. Pictures stay under 20 and label text under 60; a bomb is above 1,000."""
RATIO_FREE_BYTES = 64 * 2**20
"""The ratio is not looked at below this size: a blank BMP compresses 1,000 to 1 and harms nobody."""
MAX_ENTRIES = 2_000_000
CHUNK = 1 << 20

Tick = Callable[[int, int], None]


def is_archive(path: Path) -> bool:
    """Return whether a file is an archive by its name."""
    return path.name.lower().endswith(ARCHIVE_SUFFIXES)


def extract(archive: Path, target: Path, free_bytes: int, tick: Tick | None = None) -> Tree:
    """Unpack a zip or tar archive into the folder `target` and return its files, junk counted and left out.

    `tick(done, total)` is called with bytes. Raises InputError, naming the entry, for a path that climbs out, an
    absolute path, a link, a device, an encrypted or damaged archive, too high a ratio, or more than fits on disk.
    """
    target.mkdir(parents=True, exist_ok=True)
    limit = min(MAX_TOTAL_BYTES, max(0, free_bytes - 512 * 2**20))
    with reading(archive.name):
        if zipfile.is_zipfile(archive):
            return _extract_zip(archive, target, limit, tick or _silent)
        if tarfile.is_tarfile(archive):
            return _extract_tar(archive, target, limit, tick or _silent)
    raise InputError(
        f"{archive.name} is not a zip or tar archive that can be opened: it may not have been copied "
        "whole. Fetch it again, or pack the folder as a zip file."
    )


def _silent(done: int, total: int) -> None:
    """Report nothing."""


def _safe_name(archive: Path, name: str) -> str:
    """Return the entry's relative name with forward slashes; raises InputError when it would leave the folder."""
    clean = name.replace("\\", "/")
    parts = clean.split("/")
    if clean.startswith("/") or (len(clean) > 1 and clean[1] == ":") or ".." in parts or "\0" in clean:
        raise InputError(
            f"{archive.name} holds an entry that would be written outside its folder (“{name[:120]}”). "
            "It was refused as a whole: pack the pictures and labels again, without such paths."
        )
    kept = [part for part in parts if part not in ("", ".")]
    for part in kept:
        if len(part.encode("utf-8", "surrogatepass")) > 255:
            raise InputError(f"{archive.name} holds a file name longer than 255 bytes (“{part[:60]}…”): shorten it.")
    return "/".join(kept)


def _check_total(archive: Path, total: int, limit: int, entries: int) -> None:
    if entries > MAX_ENTRIES:
        raise InputError(
            f"{archive.name} lists {count(entries, 'file')}; {thousands(MAX_ENTRIES)} at most can be imported at once."
        )
    if total > limit:
        raise InputError(
            f"{archive.name} unpacks to {megabytes(total)}, more than the {megabytes(limit)} that can be used "
            "here. Free disk space, or import it in parts."
        )
    packed = max(1, archive.stat().st_size)
    if total > RATIO_FREE_BYTES and total / packed > MAX_RATIO:
        raise InputError(
            f"{archive.name} would grow {thousands(total // packed)}-fold when unpacked, as a zip bomb does. It was "
            "refused; if it is genuine, unpack it yourself and name the folder."
        )


def _extract_zip(archive: Path, target: Path, limit: int, tick: Tick) -> Tree:
    files: dict[str, Path] = {}
    folded: set[str] = set()
    junk: list[str] = []
    with zipfile.ZipFile(archive) as packed:
        entries = packed.infolist()
        if not all(entry.filename for entry in entries):
            raise InputError(f"{archive.name} holds an entry without a name: it is damaged. Pack it again.")
        names = [_safe_name(archive, name) for name in zip_names(entries)]
        for entry in entries:
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise InputError(_link_message(archive, entry.filename))
            if entry.flag_bits & 0x1:
                raise InputError(f"{archive.name} is protected by a password. Unpack it yourself and name the folder.")
        check_methods(archive.name, [entry for entry in entries if not entry.is_dir()])
        total = sum(entry.file_size for entry in entries)
        _check_total(archive, total, limit, len(entries))
        # Entries that overlap in the archive are how the worst bombs are built.
        spans = sorted((entry.header_offset, entry.compress_size) for entry in entries)
        if any(start + size > after for (start, size), (after, _) in pairwise(spans)):
            raise InputError(f"{archive.name} has entries that overlap, as a zip bomb does. It was refused.")
    folders = [name for entry, name in zip(entries, names, strict=True) if entry.is_dir()]
    for entry, name in zip(entries, names, strict=True):
        if entry.is_dir() or not name:
            continue
        if is_junk(name):
            junk.append(name)
            continue
        files[name] = _place(archive, target, name, files, folded)
    _make_folders(files.values())
    kept = [(entry, name) for entry, name in zip(entries, names, strict=True) if name in files and not entry.is_dir()]
    _unzip_all(archive, kept, files, tick)
    bare = nothing_in(folders, (*files, *junk))
    return Tree(dict(sorted(files.items())), junk, label=_stem(archive), bare=bare)


def _unzip_all(archive: Path, entries: list[tuple[zipfile.ZipInfo, str]], files: dict[str, Path], tick: Tick) -> None:
    """Write the entries with one thread per core: inflating leaves Python's lock free.

    They share one handle, because opening one reads the whole list again; Deflate64 is read beside it.
    """
    workers = min(4, os.cpu_count() or 1)
    total = sum(entry.file_size for entry, _ in entries)
    done = [0] * workers
    stop = threading.Event()
    own_handles = any(entry.compress_type == DEFLATE64 for entry, _ in entries)

    def work(number: int) -> None:
        with zipfile.ZipFile(archive) if own_handles else nullcontext(shared) as packed:
            for entry, name in entries[number::workers]:
                if stop.is_set():
                    return
                try:
                    with open_entry(packed, entry) as source:
                        done[number] += _write(archive, source, files[name], entry.file_size)
                except (zipfile.BadZipFile, InputError):
                    if entry.compress_type != DEFLATE64:
                        raise
                    with open_entry(packed, entry, as_deflate=True) as source:
                        done[number] += _write(archive, source, files[name], entry.file_size)

    with zipfile.ZipFile(archive) as shared, ThreadPoolExecutor(workers) as pool:
        running = [pool.submit(work, number) for number in range(workers)]
        try:
            while True:
                finished, waiting = wait(running, timeout=0.1, return_when=FIRST_EXCEPTION)
                for future in finished:
                    future.result()
                tick(sum(done), total)
                if not waiting:
                    return
        except BaseException:
            stop.set()
            raise


def _extract_tar(archive: Path, target: Path, limit: int, tick: Tick) -> Tree:
    files: dict[str, Path] = {}
    folded: set[str] = set()
    junk: list[str] = []
    folders: list[str] = []
    size = archive.stat().st_size
    done = entries = 0
    with archive.open("rb") as raw, tarfile.open(fileobj=raw, mode="r:*") as packed:
        for entry in packed:
            entries += 1
            packed.members = []  # type: ignore[attr-defined]  # a million headers need not stay in memory
            name = _safe_name(archive, tar_name(entry.name))
            if entry.isdir():
                folders.append(name)
                continue
            if not entry.isfile():
                raise InputError(_link_message(archive, entry.name))
            done += entry.size
            _check_total(archive, done, limit, entries)
            if is_junk(name):
                junk.append(name)
                continue
            place = _place(archive, target, name, files, folded)
            _make_folders([place])
            source = packed.extractfile(entry)
            assert source is not None
            with source:
                _write(archive, source, place, entry.size)
            files[name] = place
            tick(min(raw.tell(), size), size)
    bare = nothing_in(folders, (*files, *junk))
    return Tree(dict(sorted(files.items())), junk, label=_stem(archive), bare=bare)


def _link_message(archive: Path, name: str) -> str:
    return (
        f"{archive.name} holds a link or device (“{name[:120]}”) instead of a file. It was refused as a whole: "
        "pack the real files."
    )


def _place(archive: Path, target: Path, name: str, files: dict[str, Path], folded: set[str]) -> Path:
    """Return where an entry is written; a second entry of the same name, up to case, is refused."""
    if name in files:
        raise InputError(f"{archive.name} holds two entries called “{name[:120]}”: pack it again.")
    if name.casefold() in folded and not _tells_case(target):
        raise InputError(f"{archive.name} holds two entries called “{name[:120]}” up to case: rename one.")
    folded.add(name.casefold())
    return target / name


def _tells_case(folder: Path) -> bool:
    """Return whether the disk tells upper from lower case."""
    probe = folder / ".case"
    probe.touch()
    try:
        return not (folder / ".CASE").exists()
    finally:
        probe.unlink()


def _make_folders(places: Iterable[Path]) -> None:
    """Create the folders of all places, each once. Raises InputError where a file is in the way of a folder."""
    for folder in sorted({place.parent for place in places}):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise InputError(_file_and_folder(folder)) from error


def _file_and_folder(place: Path) -> str:
    return f"The archive uses “{place.name}” both as a file and as a folder: pack it again."


def _write(archive: Path, source: IO[bytes], place: Path, expected: int) -> int:
    """Write one entry, stopping as soon as it is larger than its header says; return the number of bytes."""
    written = 0
    if place.is_dir():
        raise InputError(_file_and_folder(place))
    with place.open("wb") as file:
        while chunk := source.read(CHUNK):
            written += len(chunk)
            if written > expected:
                raise InputError(f"{archive.name}: “{place.name}” is larger than the archive says. It was refused.")
            file.write(chunk)
    return written


def _stem(archive: Path) -> str:
    lower = archive.name.lower()
    for suffix in sorted(ARCHIVE_SUFFIXES, key=len, reverse=True):
        if lower.endswith(suffix):
            return archive.name[: -len(suffix)] or "archive"
    return archive.stem
