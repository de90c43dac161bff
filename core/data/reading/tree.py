"""The files of an upload, whatever it came in: names as the user knows them, places where they lie now."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from core.data.reading.choices import Choices
from core.data.reading.door import readable
from core.data.reading.encodings import composed, decode_text
from core.data.reading.source_dataset import split_of
from core.errors import InputError
from core.words import megabytes

PICTURE_SUFFIXES = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".bmp",
        ".dib",
        ".tif",
        ".tiff",
        ".webp",
        ".gif",
        ".heic",
        ".heif",
        ".avif",
        ".dcm",
        ".dicom",
        ".ima",
        ".jp2",
        ".ppm",
        ".pgm",
    ]
)
VOLUME_SUFFIXES = (".nii", ".nii.gz")
"""NIfTI volumes, of which each slice becomes a picture."""
DOCUMENT_STEMS = ("readme", "license", "licence", "source", "notice", "copying", "authors", "citation", "changelog")
MAX_TEXT_BYTES = 640 * 2**20
"""No label file is larger than this; the one of COCO train2017, 118,000 pictures, has 450 MB."""


def is_junk(name: str) -> bool:
    """Return whether an entry is what operating systems leave in archives and folders, never the user's data."""
    parts = name.split("/")
    last = parts[-1]
    return (
        any(part in ("__MACOSX", ".git", ".ipynb_checkpoints", "@eaDir", "$RECYCLE.BIN") for part in parts)
        or last.startswith("._")
        or last.lower() in (".ds_store", "thumbs.db", "desktop.ini", ".gitkeep", ".gitignore", ".gitattributes")
        or last.lower().endswith((".cache", "~", ".part", ".tmp"))
    )


@dataclass
class Tree:
    """The files of one upload, junk left out and counted.

    `files` maps each name (forward slashes, relative, letters composed) to its place on disk, in sorted order.
    """

    files: dict[str, Path]
    junk: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    """symbolic links that lead out of the folder: not followed"""
    label: str = "upload"
    kinds: dict[str, str] = field(default_factory=dict)
    """what kind of labels each JSON file holds, as far as it was looked at"""
    choices: Choices = field(default_factory=Choices)
    """what the user chose where several readings fit, and what was asked"""
    groups: dict[str, str] = field(default_factory=dict)
    """what pictures belong together, by their names, where it is known before they are read: frames of one video"""
    noted: list[tuple[str, str, int]] = field(default_factory=list)
    """findings made before reading: code, example, how many"""
    bare: list[str] = field(default_factory=list)
    """folders in which there is nothing at all, no folder either"""
    _by_suffix: dict[tuple[str, ...], list[str]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def pictures(self) -> list[str]:
        """Names of the files that are pictures by their suffix (DICOM also by its magic bytes), sorted."""
        return [name for name in self.files if self.is_picture(name)]

    def is_picture(self, name: str) -> bool:
        """Return whether a file is a picture: by suffix, or by the DICOM mark when it has no suffix."""
        suffix = suffix_of(name).lower()
        if suffix in PICTURE_SUFFIXES or name.lower().endswith(VOLUME_SUFFIXES):
            return True
        if suffix and not suffix[1:].isdigit():
            return False
        if stem_of(name).lower().startswith(DOCUMENT_STEMS):
            return False
        return has_dicom_mark(self.files[name])

    def with_suffix(self, *suffixes: str) -> list[str]:
        """Return the names that end in one of the (lower-case) suffixes, documents such as README.txt left out."""
        if suffixes not in self._by_suffix:  # every format asks, of tens of thousands of files
            self._by_suffix[suffixes] = [
                name
                for name in self.files
                if name.lower().endswith(suffixes) and not stem_of(name).lower().startswith(DOCUMENT_STEMS)
            ]
        return list(self._by_suffix[suffixes])

    @cached_property
    def texts_of_pictures(self) -> list[str]:
        """Names of the .txt files that are called like a picture, in whatever folder."""
        return [name for name in self.with_suffix(".txt") if stem_of(name).lower() in self.pictures_by_stem]

    @cached_property
    def folders(self) -> set[str]:
        """All folder names, with their parents, '' for the top."""
        return folders_of(self.files)

    @cached_property
    def by_lower_name(self) -> dict[str, str]:
        """Lower-case name -> name, for label files that differ in case only."""
        return {name.lower(): name for name in self.files}

    @cached_property
    def basenames(self) -> set[str]:
        """Lower-case names of all files without their folders."""
        return {name.rsplit("/", 1)[-1] for name in self.by_lower_name}

    @cached_property
    def pictures_by_basename(self) -> dict[str, list[str]]:
        """Lower-case base name -> the pictures that have it."""
        found: dict[str, list[str]] = {}
        for name in self.pictures:
            found.setdefault(name.rsplit("/", 1)[-1].lower(), []).append(name)
        return found

    @cached_property
    def pictures_by_stem(self) -> dict[str, list[str]]:
        """Lower-case base name without its suffix -> the pictures that have it."""
        found: dict[str, list[str]] = {}
        for name in self.pictures:
            found.setdefault(stem_of(name).lower(), []).append(name)
        return found

    def find_picture(
        self, reference: str, beside: str = "", *, split: str | None = None, among: Container[str] | None = None
    ) -> str | None:
        """Find the picture a label file refers to, whose path may come from another machine.

        Of the pictures with the same base name (those `among`, where that is given) the one that shares the longest
        tail of folders wins; then the one in the part (`split`, else the one the path of the file `beside` names);
        then the one nearest to `beside`. A reference without suffix is matched by stem. None when nothing matches, or
        when several match equally well and none is nearer.
        """
        parts = composed(reference).replace("\\", "/").split("/")
        base = parts[-1].lower()
        candidates = self._named(self.pictures_by_basename, base, among) or self._named(
            self.pictures_by_stem, base, among
        )
        if not candidates and "." in base:
            candidates = self._named(self.pictures_by_stem, base.rpartition(".")[0], among)
        if len(candidates) <= 1:
            return candidates[0] if candidates else None
        wanted = [part.lower() for part in parts[:-1]]
        near = beside.lower().split("/")[:-1]
        stem = stem_of(beside).lower()
        part_wanted = split or split_of(beside)

        def score(name: str) -> tuple[int, bool, int, int, bool]:
            folders = name.lower().split("/")[:-1]
            of_part = part_wanted is not None and split_of(name) == part_wanted
            return (
                _common_tail(folders, wanted),
                of_part,
                _common_head(folders, near),
                _common_tail(folders, near),
                stem in folders,
            )

        ranked = sorted(((score(name), name) for name in candidates), reverse=True)
        if ranked[0][0] == ranked[1][0]:
            return None
        return ranked[0][1]

    @staticmethod
    def _named(by_name: dict[str, list[str]], key: str, among: Container[str] | None) -> list[str]:
        names = by_name.get(key, [])
        return names if among is None else [name for name in names if name in among]

    def text(self, name: str) -> str:
        """Return a text file's content: UTF-8 or UTF-16, else the old code page it fits (see `decode_text`).

        Raises InputError when the file is over MAX_TEXT_BYTES.
        """
        path = self.files[name]
        size = path.stat().st_size
        if size > MAX_TEXT_BYTES:
            raise InputError(f"{name} is {megabytes(size)} of text, more than a label file can sensibly be.")
        return decode_text(path.read_bytes())


def stem_of(name: str) -> str:
    """Return the base name without suffix, as PurePosixPath tells it but ten times as fast: names are many."""
    base = name[name.rfind("/") + 1 :]
    return base[: len(base) - len(suffix_of(base))]


def suffix_of(name: str) -> str:
    """Return the suffix with its dot, '' where there is none, as PurePosixPath tells it."""
    base = name[name.rfind("/") + 1 :]
    dot = base.rfind(".")
    return base[dot:] if 0 < dot < len(base) - 1 else ""


def has_dicom_mark(path: Path) -> bool:
    """Return whether the file carries `DICM` at byte 128."""
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def read_folder(folder: Path, prefix: str = "") -> Tree:
    """List a folder on this machine; links that lead out of it are not followed, they are counted."""
    root = folder.resolve()
    files: dict[str, Path] = {}
    junk: list[str] = []
    links: list[str] = []
    bare: list[str] = []
    for place, folders, names in os.walk(root, followlinks=False):
        folders.sort()
        if not folders and not names and place != str(root):
            bare.append(composed(readable(prefix + Path(place).relative_to(root).as_posix())))
        links += [
            prefix + (Path(place) / name).relative_to(root).as_posix() for name in folders if _is_link(place, name)
        ]
        for name in sorted(names):
            path = Path(place) / name
            own = readable(prefix + path.relative_to(root).as_posix())
            relative = composed(own) if composed(own) not in files else own
            if is_junk(relative):
                junk.append(relative)
            elif path.is_symlink() and not _leads_within(path, root):
                links.append(relative)
            elif path.is_file():
                files[relative] = path
    return Tree(dict(sorted(files.items())), junk, links, folder.name, bare=bare)


def _leads_within(link: Path, root: Path) -> bool:
    """Return whether a link leads to something in the folder; one that leads to itself leads nowhere."""
    try:
        return link.resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):
        return False


def merge_trees(trees: list[Tree]) -> Tree:
    """Lay several uploads over each other; where names clash each upload keeps its own top folder."""
    if len(trees) == 1:
        return trees[0]
    names = [set(tree.files) for tree in trees]
    clash = any(names[i] & names[j] for i in range(len(names)) for j in range(i))
    files: dict[str, Path] = {}
    bare: list[str] = []
    for number, tree in enumerate(trees):
        top = f"{tree.label}/" if [other.label for other in trees].count(tree.label) == 1 else f"{tree.label}_{number}/"
        files.update({(top + name if clash else name): path for name, path in tree.files.items()})
        bare += [top + name if clash else name for name in tree.bare]
    return Tree(
        dict(sorted(files.items())),
        [name for tree in trees for name in tree.junk],
        [name for tree in trees for name in tree.links],
        " + ".join(tree.label for tree in trees),
        bare=bare,
    )


def folders_of(names: Iterable[str]) -> set[str]:
    """Return the folders that files lie in, with their parents, '' for the top."""
    found = {""}
    for name in names:
        parts = name.split("/")[:-1]
        found.update("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
    return found


def nothing_in(folders: Iterable[str], files: Iterable[str]) -> list[str]:
    """Return those of the folders that an archive names in which there is neither a file nor a folder."""
    named = {folder for folder in folders if folder}
    filled = {name.rpartition("/")[0] for name in (*files, *named)}
    return sorted(named - filled)


def _is_link(place: str, name: str) -> bool:
    return (Path(place) / name).is_symlink()


def _common_tail(first: list[str], second: list[str]) -> int:
    return _common_head(first[::-1], second[::-1])


def _common_head(first: list[str], second: list[str]) -> int:
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count
