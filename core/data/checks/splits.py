"""Checks of the split: parts that are empty, copies and groups that straddle, parts that differ."""

from __future__ import annotations

from collections import Counter

import numpy as np

from core.data.checks.examined import Check, Examined
from core.data.dataset import SPLITS
from core.data.findings.problems import Problems
from core.data.leakage import Union
from core.data.splits import group_of
from core.tasks import TASKS

SMALL_VAL = 20
GROUP_PATTERN = (
    r"(?i)(?<![a-z])(?:patient|person|subject|case|board|panel|specimen|sample|slide|wafer|lot|pat|sub|part)[-_ ]?\d+"
)
"""Words before a number that name what must not straddle the split; the same text is what the fix groups by."""
LEAKS = (
    ("train", "val", "leak-across-splits"),
    ("train", "test", "leak-across-splits"),
    ("val", "test", "leak-val-test"),
)


def splits_filled(examined: Examined, problems: Problems) -> None:
    """Note empty parts and sets too small to train on."""
    images = examined.dataset.images
    total = sum(images.values())
    if total < 3:
        problems.note("too-few-images", count=total)
    for split in ("train", "val"):
        if not images.get(split) and total:
            problems.note("empty-split", split)
    if 0 < images.get("val", 0) < SMALL_VAL:
        problems.note("small-val", count=images["val"])


def classes_present(examined: Examined, problems: Problems) -> None:
    """Note classes that never occur in train, or never in val though they do elsewhere.

    A class that is in one picture only can't be in both, however the pictures are divided.
    """
    by_split = examined.dataset.instances_by_split
    rows, classes = examined.labels.row, examined.labels.class_id
    alone = {
        name
        for number, name in enumerate(examined.dataset.classes)
        if len(np.unique(rows[classes == number])) == 1 and examined.dataset.instances[name]
    }
    for name in sorted(alone):
        problems.note("class-in-one-picture", name)
    for split, code in (("train", "class-missing-in-train"), ("val", "class-missing-in-val")):
        if split not in by_split:
            continue
        for name, count in by_split[split].items():
            if not count and examined.dataset.instances[name]:
                problems.note(code, name, fix_helps=name not in alone)


def copy_sets(examined: Examined) -> list[list[int]]:
    """Return sets of rows of the image table, two at least, that show the same picture."""
    union = Union(len(examined.table))
    first: dict[str, int] = {}
    for row, digest in enumerate(examined.table["sha256"]):
        union.join(first.setdefault(digest, row), row)
    for one, other in examined.copies:
        union.join(one, other)
    sets: dict[int, list[int]] = {}
    for row in range(len(examined.table)):
        sets.setdefault(union.find(row), []).append(row)
    return [rows for rows in sets.values() if len(rows) > 1]


Said = dict[int, tuple[str, ...] | None]
"""What the labels say of a picture, by row; None where copies can't be compared by it."""


def said_of(rows: list[int], examined: Examined) -> Said:
    """Return what is said of pictures that show the same, so that copies labelled otherwise are told apart.

    The class where a picture has one. Else the rows of the label file, where files that are equal to the byte have
    different ones: in a mirrored or cropped copy objects rightly lie elsewhere.
    """
    named = TASKS[examined.dataset.task].names_pictures
    wanted, digests = set(rows), examined.table["sha256"].tolist()
    texts: dict[int, list[str]] = {row: [] for row in rows}
    for row, number, text in zip(
        examined.labels.row.tolist(), examined.labels.class_id.tolist(), examined.labels.text, strict=True
    ):
        if row in wanted:
            texts[row].append(examined.dataset.classes[number] if named else text)
    said = {row: tuple(sorted(texts[row])) for row in rows}
    if named:
        return dict(said)
    versions: dict[str, set[tuple[str, ...]]] = {}
    for row in rows:
        versions.setdefault(digests[row], set()).add(said[row])
    return {row: said[row] if len(versions[digests[row]]) > 1 else None for row in rows}


def kept_of(rows: list[int], said: Said) -> list[tuple[int, int]]:
    """Return (row, row that is kept for it) of pictures that show the same: the first of those that say the same.

    Of copies that are labelled otherwise each is kept: which is right is not to be told from here.
    """
    first: dict[tuple[str, ...] | None, int] = {}
    return [(row, first.setdefault(said[row], row)) for row in rows]


def copies(examined: Examined, problems: Problems) -> None:
    """Note pictures that show the same: across parts as leaks, within a part as copies, with other labels as such."""
    if examined.dataset.tile:
        return  # whole pictures were compared before they were cut; tiles of plain ground are alike, and no copies
    table = examined.table
    splits, sources, digests = table["split"].tolist(), table["source"].tolist(), table["sha256"].tolist()
    named = TASKS[examined.dataset.task].names_pictures
    sets = copy_sets(examined)
    said = said_of([row for rows in sets for row in rows], examined)
    for rows in sets:
        members: dict[str, list[int]] = {split: [row for row in rows if splits[row] == split] for split in SPLITS}
        for here, there, code in LEAKS:
            if members[here]:
                for row in members[there]:
                    problems.note(code, f"{sources[row]} ({there}) = {sources[members[here][0]]} ({here})")
        for one, other in _disagreements(rows, said, None if named else digests):
            told = [f"{sources[row]} ({', '.join(said[row] or ())})" if named else sources[row] for row in (one, other)]
            problems.note("copies-disagree", " = ".join(told))
        for same in members.values():
            seen: set[str] = set()
            for row, kept in kept_of(same, said):
                if row != kept:
                    code = "duplicate-image" if digests[row] in seen else "near-duplicate-image"
                    problems.note(code, f"{sources[row]} = {sources[kept]}")
                seen.add(digests[row])


def _disagreements(rows: list[int], said: Said, digests: list[str] | None) -> list[tuple[int, int]]:
    """Return the first picture of each further way in which copies are labelled, each with that of the first way.

    With `digests` copies are compared only where their files are equal.
    """
    ways: dict[str, dict[tuple[str, ...], int]] = {}
    for row in rows:
        if (words := said[row]) is not None:
            ways.setdefault(digests[row] if digests else "", {}).setdefault(words, row)
    firsts = [list(way.values()) for way in ways.values()]
    return [(other, first) for first, *others in firsts for other in others]


def straddling_groups(examined: Examined, problems: Problems) -> None:
    """Note groups (patients, parts) with pictures in more than one part."""
    table = examined.table[examined.table["group"].astype(str) != ""]
    for group, splits in table.groupby("group", sort=True)["split"]:
        found = sorted(set(splits))
        if len(found) > 1:
            problems.note("group-across-splits", f"{group}: {', '.join(found)}")


def numbered_groups(sources: list[str]) -> list[str]:
    """Return the patient or part that each file name names in words (person12), '' for none.

    All are '' unless at least five such names come with two pictures or more: a number alone is no group.
    """
    names = [group_of(source, GROUP_PATTERN) for source in sources]
    several = [name for name, number in Counter(names).items() if name and number > 1]
    return names if len(several) >= 5 else [""] * len(sources)


def groups_in_names(examined: Examined, problems: Problems) -> None:
    """Note patients or parts that file names name in words and that lie in more than one part; unless told already."""
    table = examined.table
    if (table["group"].astype(str) != "").any():
        return
    parts: dict[str, set[str]] = {}
    for name, split in zip(numbered_groups(table["source"].tolist()), table["split"].tolist(), strict=True):
        if name:
            parts.setdefault(name, set()).add(split)
    straddling = sorted(name for name, found in parts.items() if len(found) > 1)
    for name in straddling:
        problems.note("group-in-names", f"{name}: {', '.join(sorted(parts[name]))}", more=f"such as {straddling[0]}")


def splits_differ(examined: Examined, problems: Problems) -> None:
    """Note parts whose mean brightness or median picture size differs strongly from train's.

    Brightness: the means are more than one standard deviation (of single pictures) and 10 grey levels apart.
    Size: the median of the square root of the area differs by a factor of 1.5. Parts under 5 pictures are passed over.
    """
    table = examined.table
    train = table[table["split"] == "train"]
    if len(train) < 5:
        return
    side = (table["width"].astype(float) * table["height"].astype(float)) ** 0.5
    for split in ("val", "test"):
        part = table[table["split"] == split]
        if len(part) < 5:
            continue
        gap = float(part["brightness"].mean() - train["brightness"].mean())
        spread = float(np.sqrt((part["brightness"].var() + train["brightness"].var()) / 2))
        if abs(gap) > max(10.0, spread):
            problems.note(
                "brightness-shift",
                f"{split}: {part['brightness'].mean():.0f}, train: {train['brightness'].mean():.0f} of 255",
            )
        ratio = float(side[part.index].median() / side[train.index].median())
        if not 1 / 1.5 < ratio < 1.5:
            problems.note("size-shift", f"{split}: {ratio:.1f} times the size of train")


def brightness_tells_class(examined: Examined, problems: Problems) -> None:
    """Note classes (classify) whose pictures are apart from all others by mean brightness alone (AUC over 0.98)."""
    if not TASKS[examined.dataset.task].names_pictures:
        return
    brightness = examined.table["brightness"].to_numpy(dtype=float)
    classes = examined.labels.class_id
    ranks = np.argsort(np.argsort(brightness, kind="stable"), kind="stable") + 1.0
    for number, name in enumerate(examined.dataset.classes):
        inside = classes == number
        count, others = int(inside.sum()), int((~inside).sum())
        if count < 10 or others < 10:
            continue
        area = (float(ranks[inside].sum()) - count * (count + 1) / 2) / (count * others)
        if max(area, 1 - area) > 0.98:
            problems.note("brightness-tells-class", f"{name}: AUC {max(area, 1 - area):.2f}")


SPLIT_CHECKS: tuple[Check, ...] = (
    splits_filled,
    classes_present,
    copies,
    straddling_groups,
    groups_in_names,
    splits_differ,
    brightness_tells_class,
)
