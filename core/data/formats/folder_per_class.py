"""Pictures in one folder per class, with or without train, val and test folders around them."""

from __future__ import annotations

from pathlib import PurePosixPath

from core.data.findings.problems import Problems
from core.data.reading.masks.pairing import MASK_WORDS, PICTURE_WORDS, words_of
from core.data.reading.source_dataset import SPLIT_NAMES, SourceDataset, SourceImage, SourceObject, split_of
from core.data.reading.tree import Tree, folders_of, is_junk

NAME = "folder-per-class"
LAYOUT = "one folder per class, optionally inside train, val and test (classification)"
HOLDERS = frozenset(("images", "image", "imgs", "img", "jpegimages", "data", "pictures"))
"""Folders that stand around the class folders of a part: train/images/<class>."""
NOT_CLASSES = HOLDERS | {"labels", "masks"}


def detect(tree: Tree) -> float:
    """Return 0.4 when (nearly) every picture lies in a class folder and there are two at least, else 0."""
    placed = _placed(tree)
    classes = {folder for _, _, folder in placed}
    others = len(tree.pictures) - len(placed) - len(_unnamed_parts(tree, placed))
    if len(classes) < 2 or others > 0.25 * len(tree.pictures) or classes <= NOT_CLASSES or hold_masks(classes):
        return 0.0
    return 0.4


def hold_masks(folders: set[str]) -> bool:
    """Return whether folders are no classes: some are called as pictures are, the others as masks."""
    words = [set(words_of(folder)) for folder in folders]
    masks, pictures = ([bool(said & known) for said in words] for known in (MASK_WORDS, PICTURE_WORDS))
    return any(masks) and any(pictures) and all(map(any, zip(masks, pictures, strict=True)))


def _unnamed_parts(tree: Tree, placed: list[tuple[str, str | None, str]]) -> set[str]:
    """Return the pictures of a part without class folders (test/1.jpg) beside one that has them (train/dent/1.jpg)."""
    inside = {name for name, _, _ in placed}
    parts = {split for _, split, _ in placed if split}
    loose = {name for name in tree.pictures if name not in inside and split_of(name)}
    return {name for name in loose if split_of(name) not in parts} if parts else set()


def read(tree: Tree, task: str | None = None) -> SourceDataset:  # noqa: ARG001  the same call for all
    """Read the class of each picture from its folder; classes are sorted as torchvision's ImageFolder sorts them."""
    problems = Problems()
    placed = _placed(tree)
    classes = sorted({folder for _, _, folder in placed})
    index = {name: number for number, name in enumerate(classes)}
    images = [
        SourceImage(tree.files[name], name, split, [SourceObject(index[folder])]) for name, split, folder in placed
    ]
    inside = {name for name, _, _ in placed}
    unnamed = _unnamed_parts(tree, placed)
    for name in tree.pictures:
        if name not in inside:
            problems.note("missing-class" if name in unnamed else "not-in-split", name)
    for folder in _without_pictures(tree, placed, classes):
        problems.note("folder-without-pictures", folder)
    strays = set(tree.pictures) - inside
    return SourceDataset(NAME, "classify", classes, images, problems, dict(index), used=strays)


def _without_pictures(tree: Tree, placed: list[tuple[str, str | None, str]], classes: list[str]) -> list[str]:
    """Return the folders beside those of the classes that hold no picture: a class still to be filled, or forgotten."""
    top = len(_common_folders(tree.pictures))
    beside = set()
    for name, _, folder in placed:
        parts = name.split("/")[:-1]
        beside.add("/".join(parts[: parts.index(folder, top)]))
    return [
        folder
        for folder in sorted({*tree.folders, *tree.bare} - folders_of(tree.pictures))
        if folder.rpartition("/")[0] in beside and not _no_class(folder.rpartition("/")[2], classes)
    ]


def _no_class(name: str, classes: list[str]) -> bool:
    """Return whether a folder's name is no new class: known already, a part of the split, hidden, a system's own."""
    return name in classes or name.lower() in NOT_CLASSES | SPLIT_NAMES.keys() or name[0] in "._" or is_junk(name)


def _placed(tree: Tree) -> list[tuple[str, str | None, str]]:
    """Return (name, split, class folder) of each picture that lies in a class folder."""
    pictures = tree.pictures
    top = _common_folders(pictures)
    found = []
    for name in pictures:
        folders = list(PurePosixPath(name).parts[len(top) : -1])
        split = next((SPLIT_NAMES[part.lower()] for part in top[::-1] if part.lower() in SPLIT_NAMES), None)
        if folders and folders[0].lower() in SPLIT_NAMES:
            split = SPLIT_NAMES[folders.pop(0).lower()]
        elif len(folders) > 1 and folders[1].lower() in SPLIT_NAMES:
            split = SPLIT_NAMES[folders.pop(1).lower()]
        if len(folders) > 1 and folders[0].lower() in ("labels", "masks"):
            continue
        while len(folders) > 1 and folders[0].lower() in HOLDERS:
            folders.pop(0)  # train/images/dent
            if len(folders) > 1 and folders[0].lower() in SPLIT_NAMES:
                split = SPLIT_NAMES[folders.pop(0).lower()]  # images/train/dent, beside other folders
        if folders:
            found.append((name, split, folders[0]))
    return found


def _common_folders(names: list[str]) -> tuple[str, ...]:
    """Return the folders all names share."""
    if not names:
        return ()
    parts = [PurePosixPath(name).parts[:-1] for name in names]
    first, last = min(parts), max(parts)
    depth = 0
    while depth < min(len(first), len(last)) and first[depth] == last[depth]:
        depth += 1
    return first[:depth]
