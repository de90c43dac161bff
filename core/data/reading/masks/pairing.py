"""Which mask belongs to which picture: by their names, then by the longest path they share, never against a folder.

Names are compared without the words that only say what a file is (`images`, `ground_truth`, `_mask`). What is left of
two paths must not disagree: `ground_truth/scratch/000_mask.png` goes to `test/scratch/000.png`, never to
`train/good/000.png`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from core.data.reading.source_dataset import SPLIT_NAMES, split_of
from core.data.reading.tree import Tree, stem_of, suffix_of

MASK_WORDS = frozenset(
    ("mask", "masks", "label", "labels", "labelimgs", "labelimg", "gt", "gts", "groundtruth", "groundtruths", "truth",
     "segmentation", "segmentations", "seg", "segs", "segmentationclass", "segmentationclassraw", "segmentationobject",
     "annotation", "annotations", "annot", "annots", "anno", "target", "targets", "manual", "lbl", "lbls", "instance",
     "instances", "trainannot", "valannot", "testannot", "maskimages", "pixellabels", "pixellabeldata")
)  # fmt: skip
"""Words of a folder's name that say it holds masks."""
PICTURE_WORDS = frozenset(
    ("image", "images", "img", "imgs", "jpegimages", "picture", "pictures", "photo", "photos", "original", "originals",
     "raw", "input", "inputs", "rgb", "data")
)  # fmt: skip
"""Words of a folder's name that say it holds pictures."""
OBJECT_WORDS = frozenset(("segmentationobject", "instance", "instances"))
"""Words of a folder's name that say each value of its masks is one object."""
FILLERS = frozenset(("png", "jpg", "of", "the", "ground", "and", "1st", "2nd", "first", "second"))
SURE = r"(?:cp[ _\-]?)?masks?|gt(?:fine|coarse)?|groundtruth|ground[ _\-]?truth"
WEAK = r"labels?|label[ _\-]?ids|seg|segs|segmentations?|annotations?|anno|lbl|manual"
ENDING = re.compile(rf"[ _.\-](?:(?P<sure>{SURE})|{WEAK})(?:[ _\-]?(?:\d{{1,3}}|png))?$")
"""What a mask's name has behind that of its picture: `_mask`, `-gt`, ` mask`, `_mask_1`."""
BEGINNING = re.compile(rf"^(?:(?P<sure>{SURE})|{WEAK})(?:[ _.\-]|(?=\d))")
WHOLE = re.compile(rf"^(?:{SURE}|{WEAK})$")
PICTURE_ENDING = re.compile(r"[ _\-](?:image|img|sat|rgb|0000|training|test|leftimg8bit)$")
PICTURE_BEGINNING = re.compile(r"^(?:images?|imgs?)(?:[ _.\-]|(?=\d)|$)")
GOOD = frozenset(("good", "ok", "normal", "free", "nodefect", "defectfree", "okay", "healthy", "negative", "fine",
                  "gut", "io", "fehlerfrei", "normale", "bon", "bueno", "buono", "sain", "sano"))  # fmt: skip
"""Folders whose pictures show nothing to mark, so that no mask is missing."""
LOSSLESS = (".png", ".bmp", ".tif", ".tiff", ".gif", ".pgm", ".ppm")
LOSSY = (".jpg", ".jpeg")
MAX_TRIED = 200
"""Lots of files (one folder, one ending) that are opened to see whether they are masks."""


@dataclass(frozen=True)
class Place:
    """What a name says once the words that only tell its role are gone."""

    name: str
    stem: str
    folders: tuple[str, ...]
    """lower case, role words taken out"""
    role: str = ""
    """`mask`, `picture` or nothing"""
    objects: bool = False
    """each value of this mask is one object"""


@dataclass
class Pairing:
    """Every picture with its masks, and what could not be settled."""

    masks: dict[str, list[str]] = field(default_factory=dict)
    """picture -> its class masks; none for a picture without"""
    objects: dict[str, list[str]] = field(default_factory=dict)
    """picture -> masks in which each value is one object, beside its class masks"""
    kinds: dict[str, str] = field(default_factory=dict)
    """mask -> the folder that tells what its objects are (`ground_truth/scratch` -> scratch), as it is written"""
    told_by_folder: bool = False
    """those folders stand below the folder of masks, so they name what was marked"""
    nothing_marked: set[str] = field(default_factory=set)
    """pictures without a mask in a folder that says there is nothing to mark"""
    lone: list[str] = field(default_factory=list)
    """masks whose picture is not there"""
    disputed: list[str] = field(default_factory=list)
    """masks that fit several pictures equally well"""

    @property
    def used(self) -> set[str]:
        """All masks that have a picture."""
        return {mask for found in (self.masks, self.objects) for masks in found.values() for mask in masks}


def words_of(folder: str) -> list[str]:
    """Return the words of a folder's name: `trainMasks`, `train_masks` and `train-masks` are train, masks."""
    parted = re.sub(r"([a-z])([A-Z])", r"\1 \2", folder)
    words = [word for word in re.split(r"[^a-z0-9]+", parted.lower()) if word]
    joined = "".join(words)
    return [joined] if joined in MASK_WORDS | PICTURE_WORDS else words


def place_of(name: str, top: int = 0) -> Place:
    """Return what a picture's or mask's name says; the first `top` folders are common to all and say nothing."""
    role, objects, folders = _role_of(tuple(name.split("/")[top:-1]))
    suffix = suffix_of(name).lower()
    stem = stem_of(name).lower()
    if suffix not in LOSSLESS + LOSSY:
        role = "" if role == "mask" else role
    elif mark := ENDING.search(stem) or BEGINNING.search(stem) or WHOLE.search(stem):
        sure = mark.groupdict().get("sure") or (mark.re is WHOLE and role != "picture")
        if sure or role == "mask" or (not role and mark.re is ENDING):
            role = "mask"
            stem = stem[: mark.start()] + stem[mark.end() :]
            stem = ENDING.sub("", stem)  # _gtFine_labelIds says it twice
    if role == "mask":
        stem = stem.removesuffix("_l")  # CamVid
    stem = PICTURE_ENDING.sub("", PICTURE_BEGINNING.sub("", stem))
    return Place(name, stem, folders, role, objects)


@lru_cache(maxsize=4096)
def _role_of(parts: tuple[str, ...]) -> tuple[str, bool, tuple[str, ...]]:
    """Return what folders say: the role, whether masks in them number objects, and the folders without role words."""
    kept: list[str] = []
    role = ""
    objects = False
    for folder in reversed(parts):
        words = words_of(folder)
        masks, pictures = set(words) & MASK_WORDS, set(words) & PICTURE_WORDS
        rest = [word for word in words if word not in MASK_WORDS | PICTURE_WORDS | FILLERS]
        if len(words) > 1 and rest and not all(word in SPLIT_NAMES or word in ("tr", "ts") for word in rest):
            told = [word for word in rest if word not in SPLIT_NAMES]
            masks = masks if words[-1] in MASK_WORDS and len(told) <= 1 else set()
        if not role and (masks or pictures):
            role = "mask" if masks else "picture"
            objects = bool(masks & OBJECT_WORDS)
        kept += rest[::-1] if masks or pictures else [folder.lower()]
    return role, objects, tuple(reversed(kept))


class Look(Protocol):
    """What is in a file, as far as pairing asks."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""

    @property
    def few(self) -> bool:
        """Whether its values are few, as those of a mask are."""


def pair(tree: Tree, look: Callable[[str], Look | None]) -> Pairing:
    """Return which masks belong to which picture; `look` opens a file, None when it can't be read.

    Where no name tells the masks, files of the same name beside each other (`x.jpg`, `x.png`) or in folders of their
    own are opened: a lot of them that hold few values, beside pictures of the same size, are masks.
    """
    top = _common_depth(tree.pictures)
    places = [place_of(name, top) for name in tree.pictures]
    by_name = [place for place in places if place.role == "mask"]
    stems = {place.stem for place in places if place.role != "mask"}
    if sum(place.stem in stems for place in by_name) * 2 < max(1, len(by_name)):
        places = _by_content(places, look)
    return _pair(places, top)


def _pair(places: list[Place], top: int) -> Pairing:
    masks = [place for place in places if place.role == "mask"]
    pictures = [place for place in places if place.role != "mask"]
    by_stem: dict[str, list[Place]] = {}
    by_folder: dict[tuple[str, ...], list[Place]] = {}
    for picture in pictures:
        by_stem.setdefault(picture.stem, []).append(picture)
        by_folder.setdefault(picture.folders, []).append(picture)
    result = Pairing({picture.name: [] for picture in pictures})
    for mask in masks:
        candidates = by_stem.get(mask.stem, [])
        agreeing = [picture for picture in candidates if agree(mask.folders, picture.folders)]
        if not agreeing and not candidates and len(by_folder.get(mask.folders, [])) == 1 and mask.folders:
            agreeing = by_folder[mask.folders]  # a folder for each picture, with a mask for each of its objects
        if not agreeing:
            result.lone.append(mask.name)
            continue
        score = {picture.name: _shared(mask, picture) for picture in agreeing}
        best = max(score.values())
        nearest = [name for name, value in score.items() if value == best]
        if len(nearest) > 1:
            result.disputed.append(mask.name)
            continue
        (result.objects if mask.objects else result.masks).setdefault(nearest[0], []).append(mask.name)
    if not any(result.masks.values()):
        result.masks |= result.objects
        result.objects = {}
    _name_kinds(result, {place.name: place for place in masks}, top)
    for picture in pictures:
        folders = {"".join(words_of(folder)) for folder in picture.folders}
        if not result.masks[picture.name] and folders & GOOD:
            result.nothing_marked.add(picture.name)
    return result


def agree(mask: tuple[str, ...], picture: tuple[str, ...]) -> bool:
    """Return whether two paths can belong together: one holds all folders of the other, in order, splits apart.

    Both naming a split must name the same one.
    """
    splits = [[SPLIT_NAMES[folder] for folder in path if folder in SPLIT_NAMES] for path in (mask, picture)]
    if splits[0] and splits[1] and splits[0] != splits[1]:
        return False
    first, second = ([folder for folder in path if folder not in SPLIT_NAMES] for path in (mask, picture))
    short, long = sorted((first, second), key=len)
    rest = iter(long)
    return all(folder in rest for folder in short)


def _shared(mask: Place, picture: Place) -> tuple[int, int, int]:
    """Return how near two names are: folders in common, the same split, few folders that only one has."""
    common = sum((Counter(mask.folders) & Counter(picture.folders)).values())
    apart = len(mask.folders) + len(picture.folders) - 2 * common
    return common, int(split_of(mask.name) == split_of(picture.name)), -apart


def _name_kinds(result: Pairing, masks: dict[str, Place], top: int) -> None:
    """Find the folder that tells kinds of objects apart: the innermost one that says more than a role or a part."""
    told = 0
    for name in result.used:
        parts = name.split("/")[top:-1]
        kinds = [folder for folder in masks[name].folders if folder not in SPLIT_NAMES]
        if not kinds:
            continue
        at = max((place for place, part in enumerate(parts) if MASK_WORDS & set(words_of(part))), default=len(parts))
        own = next((part for part in reversed(parts) if part.lower() == kinds[-1]), "")
        result.kinds[name] = own or kinds[-1]
        if own:
            told += parts.index(own) > at  # masks/crack
        elif at < len(parts):
            told += words_of(parts[at])[-1] in MASK_WORDS  # crack_masks, not masks_machine
    result.told_by_folder = told > 0 and told * 2 >= len(result.used)


def _by_content(places: list[Place], look: Callable[[str], Look | None]) -> list[Place]:
    """Give files a role by what is in them: those that share a name with a picture and are masks as a lot."""
    groups: dict[tuple[str, str], dict[str, str]] = {}
    times: Counter[str] = Counter()
    for place in places:
        stem = stem_of(place.name).lower()
        lot = place.name.rpartition("/")[0] or ".", suffix_of(place.name).lower()
        groups.setdefault(lot, {})[stem] = place.name
        times[stem] += 1
    folders = {place.name: place.folders for place in places}
    masks: dict[str, tuple[str, ...]] = {}  # mask -> the folders of its picture
    tried = 0
    for key, others in groups.items():
        twins = sum(times[stem] > 1 for stem in others)
        if key[1] not in LOSSLESS or twins * 2 < len(others) or tried >= MAX_TRIED:
            continue
        tried += 1
        first = look(next(name for stem, name in others.items() if times[stem] > 1))
        if first is None or not first.few:
            continue
        for partner, pictures in sorted(groups.items(), key=lambda item: item[0][0] != key[0]):  # beside them first
            common = sorted(pictures.keys() & others.keys()) if partner != key and _may_pair(partner, key) else []
            if len(common) * 2 >= len(others) and _are_masks(pictures, others, common[:: len(common) // 4 or 1], look):
                masks |= {name: folders[pictures.get(stem, name)] for stem, name in others.items()}
                break
    if not masks:
        return places
    return [
        Place(
            place.name,
            stem_of(place.name).lower(),
            masks.get(place.name, place.folders),
            "mask" if place.name in masks else "picture",
        )
        for place in places
    ]


def _are_masks(
    pictures: dict[str, str], others: dict[str, str], stems: list[str], look: Callable[[str], Look | None]
) -> bool:
    """Return whether the others hold few values each, their pictures don't, and the sizes are the same."""
    for stem in stems:
        picture, other = look(pictures[stem]), look(others[stem])
        if picture is None or other is None or picture.few or not other.few or picture.size != other.size:
            return False
    return bool(stems)


def _may_pair(pictures: tuple[str, str], others: tuple[str, str]) -> bool:
    """Return whether a lot of files may be masks of another: in the same folder, or in one that differs in one name."""
    first, second = pictures[0].split("/"), others[0].split("/")
    return len(first) == len(second) and sum(one != other for one, other in zip(first, second, strict=True)) <= 1


def _common_depth(names: list[str]) -> int:
    """Return how many leading folders all names share."""
    paths = [name.split("/")[:-1] for name in names]
    if not paths:
        return 0
    first, last = min(paths), max(paths)
    depth = 0
    while depth < min(len(first), len(last)) and first[depth] == last[depth]:
        depth += 1
    return depth
