"""Classes that stand in the names of pictures alone: crazing_12.bmp, cat.0.jpg, 004 (dent).png."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

FEWEST, MEAN, MOST = 2, 5, 200
"""Pictures each class has at least, and on average at least; classes at most."""
OF_CAMERAS = frozenset((
    "img", "image", "images", "imagen", "bild", "foto", "photo", "pic", "picture", "dsc", "dscn", "dscf", "dcim",
    "pxl", "mvimg", "pano", "burst", "wa", "whatsapp", "screenshot", "screen", "shot", "scan", "frame", "slice",
    "page", "file", "untitled", "unnamed", "download", "at", "am", "pm", "copy", "kopie", "of", "series",
    "capture", "snap", "sample", "train", "val", "valid", "test", "rgb", "orig", "original", "export", "output",
    "new", "neu",
))  # fmt: skip
"""Words that cameras, scanners and programs put into names: they tell nothing apart."""
_BETWEEN = re.compile(r"[\W_]+")
_NUMBER = re.compile(r"\d+(?:x\d+)?|(?=[a-f]*\d)[\da-f]{6,}")
_COUNTED = re.compile(r"^\d+|\d+$")


def classes_in_names(names: Sequence[str]) -> dict[str, str]:
    """Return name to class where all names are made of one of a few words and a number; {} where they are not.

    Words that stand in every name, those of cameras, and numbers tell nothing apart and are left out. `type2_01` is of
    the class type2 where that makes few classes, and `dent12` is of dent.
    """
    split = [[word for word in _BETWEEN.split(PurePosixPath(name).stem) if word] for name in names]
    for words in split, [[_COUNTED.sub("", word) for word in each] for each in split]:
        told = [[word for word in each if word and not _NUMBER.fullmatch(word.casefold())] for each in words]
        folded = [{word.casefold() for word in each} for each in told]
        nothing = OF_CAMERAS.union(set.intersection(*folded) if folded else set())
        called = [" ".join(word for word in each if word.casefold() not in nothing) for each in told]
        spelled = {name.casefold(): name for name in reversed(called)}  # as it is written first
        times = Counter(name.casefold() for name in called)
        enough = 2 <= len(times) <= MOST and min(times.values()) >= FEWEST and len(names) >= MEAN * len(times)
        if enough and "" not in times:
            return {name: spelled[said.casefold()] for name, said in zip(names, called, strict=True)}
    return {}
