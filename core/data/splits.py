"""Divide pictures into train, val and test: by ratio, balanced by class, groups kept together, the same everywhere."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import regex

from core.data.dataset import SPLITS, Split
from core.errors import InputError
from core.words import percent

PATTERN_SECONDS = 1.0
"""For one name; a sound pattern takes some millionths of a second."""
DEFAULT_RATIO = (0.8, 0.2, 0.0)


@dataclass(frozen=True)
class Item:
    """One picture to be placed: its name as the user knows it, the classes in it, the group it must stay with."""

    name: str
    classes: frozenset[int]
    group: str = ""


def parse_ratio(text: str) -> tuple[float, float, float]:
    """Read "70/20/10", "80/20" or "0.8/0.2" as shares of train, val and test that add up to 1. Raises InputError."""
    parts = re.split(r"[/:, ]+", text.strip())
    try:
        shares = [float(part.rstrip("%")) for part in parts]
    except ValueError:
        shares = []
    if len(shares) == 2:
        shares.append(0.0)
    valid = len(shares) == 3 and all(np.isfinite(shares)) and min(shares) >= 0 and shares[0] > 0 and shares[1] > 0
    total = sum(shares)
    if not valid or not (99 <= total <= 101 or 0.99 <= total <= 1.01):
        adds_up = " These don't add up to 100." if valid else ""
        raise InputError(
            f"“{text}” is not a split: give the shares of train, val and test in percent, such as 70/20/10 or 80/20."
            f"{adds_up}"
        )
    return shares[0] / total, shares[1] / total, shares[2] / total


def group_of(name: str, pattern: str) -> str:
    """Return the part of a picture's name that the regular expression finds: its first group, else the whole match.

    Raises InputError for a pattern that is not a regular expression.
    """
    try:
        match = regex.search(pattern, name, timeout=PATTERN_SECONDS)
    except (regex.error, OverflowError, RecursionError) as error:
        raise InputError(
            f"“{pattern}” is not a pattern ({error}). For names such as patient12_03.png use patient(\\d+)."
        ) from error
    except TimeoutError as error:
        raise InputError(
            f"“{pattern}” takes too long on {name[:80]}: it can match in too many ways. Write it without a repetition "
            "within a repetition, such as patient(\\d+)."
        ) from error
    if match is None:
        return ""
    return str(next((value for value in match.groups() if value), match.group(0)))


def divide(items: Sequence[Item], ratio: tuple[float, float, float] = DEFAULT_RATIO, seed: int = 0) -> list[Split]:
    """Place every item; returns one split per item.

    Iterative stratification (Sechidis, Tsoumakas, Vlahavas 2011) over units of pictures that share a group: the
    rarest class first, each unit to the part that lacks it most. Order and ties come from SHA-256 of seed and name,
    so that the result is the same on any machine. Pictures without any object are one more class of their own.
    """
    units: dict[str, list[int]] = {}
    for number, item in enumerate(items):
        units.setdefault(f"g:{item.group}" if item.group else f"i:{item.name}:{number}", []).append(number)
    keys = sorted(
        units, key=lambda key: hashlib.sha256(f"{seed}|{min(items[i].name for i in units[key])}".encode()).digest()
    )
    members = [units[key] for key in keys]
    classes = [_counts([items[number] for number in unit]) for unit in members]
    totals: dict[int, int] = {}
    for counts in classes:
        for label, count in counts.items():
            totals[label] = totals.get(label, 0) + count
    parts = [part for part in range(3) if ratio[part] > 0]
    want = {label: [ratio[part] * total for part in range(3)] for label, total in totals.items()}
    room = [ratio[part] * len(items) for part in range(3)]
    where: list[int] = [-1] * len(members)
    with_class: dict[int, list[int]] = {}
    for unit, counts in enumerate(classes):
        for label in counts:
            with_class.setdefault(label, []).append(unit)
    left = {label: len(found) for label, found in with_class.items()}
    while left:
        label = min(left, key=lambda key: (left[key], key))
        for unit in sorted(with_class[label], key=lambda unit: -len(members[unit])):
            if where[unit] >= 0:
                continue
            size = len(members[unit])
            best = max(parts, key=lambda part: (round(want[label][part], 9), round(room[part], 9), -part))
            where[unit] = best
            room[best] -= size
            for other, count in classes[unit].items():
                want[other][best] -= count
                left[other] = left.get(other, 1) - 1
        left = {key: count for key, count in left.items() if count > 0 and key != label}
    _fill_empty(where, members, parts)
    _spread_classes(where, members, classes, ratio, len(items))
    result: list[Split] = ["train"] * len(items)
    for numbers, part in zip(members, where, strict=True):
        for number in numbers:
            result[number] = SPLITS[part]
    return result


def _counts(items: list[Item]) -> dict[int, int]:
    """Return class -> number of pictures that hold it; -1 stands for pictures without objects."""
    counts: dict[int, int] = {}
    for item in items:
        for label in item.classes or (-1,):
            counts[label] = counts.get(label, 0) + 1
    return counts


def _fill_empty(where: list[int], members: list[list[int]], parts: list[int]) -> None:
    """Give a part that came out empty the smallest unit of the fullest part, while there are units enough."""
    for part in parts:
        if part in where or len(members) < 2:
            continue
        fullest = max(parts, key=lambda other: where.count(other))
        if where.count(fullest) < 2:
            continue
        candidates = [unit for unit, place in enumerate(where) if place == fullest]
        where[min(candidates, key=lambda unit: (len(members[unit]), -unit))] = part


def _spread_classes(
    where: list[int],
    members: list[list[int]],
    classes: list[dict[int, int]],
    ratio: tuple[float, float, float],
    total: int,
) -> None:
    """Move single units so that every class is in train, and in val as well where train can spare it."""
    held: list[dict[int, int]] = [{}, {}, {}]
    sizes = [0, 0, 0]

    def count(unit: int, part: int, step: int) -> None:
        sizes[part] += step * len(members[unit])
        for label in classes[unit]:
            held[part][label] = held[part].get(label, 0) + step

    for unit, part in enumerate(where):
        count(unit, part, 1)
    labels = sorted({label for counts in classes for label in counts})
    for target, sources in ((0, (1, 2)), (1, (0,))):
        if ratio[target] <= 0:
            continue
        for label in labels:
            if held[target].get(label):
                continue
            able = [
                unit
                for unit, part in enumerate(where)
                if part in sources
                and label in classes[unit]
                and sizes[part] > len(members[unit])
                and (target == 0 or all(held[0][other] > 1 for other in classes[unit]))
                and (target == 0 or sizes[1] + len(members[unit]) <= math.ceil(ratio[1] * total))
            ]
            if able:
                unit = min(able, key=lambda item: (len(members[item]), item))
                count(unit, where[unit], -1)
                where[unit] = target
                count(unit, target, 1)


@dataclass(frozen=True)
class SplitPlan:
    """Where every picture goes (None: left out) and the sentence that says where the split comes from."""

    places: list[Split | None]
    note: str


def plan(
    items: Sequence[Item],
    given: Sequence[str | None],
    *,
    ratio: tuple[float, float, float] | None,
    keep: bool = True,
    seed: int = 0,
) -> SplitPlan:
    """Decide the split of every picture from the source's own (`given`) and the wishes of the user.

    With a `ratio`, or `keep` False, all are divided anew. Else the source's split is kept where it is complete; a
    missing val is made from 20 % of train; a set without a split is divided 80/20.
    """
    have = {split for split in given if split}
    if ratio is not None or not keep:
        places = divide(items, ratio or DEFAULT_RATIO, seed)
        return SplitPlan(
            list(places), f"Split {ratio_words(ratio or DEFAULT_RATIO)}, made by Graft ({_how(items, seed)})."
        )
    if {"train", "val"} <= have:
        kept: list[Split | None] = [split if split in SPLITS else None for split in given]
        return SplitPlan(kept, "The split is the source's own.")
    if "test" in have and len(have) + (None in given) > 1:
        pool = [number for number, split in enumerate(given) if split != "test"]
        divided = dict(zip(pool, divide([items[number] for number in pool], DEFAULT_RATIO, seed), strict=True))
        places_test: list[Split | None] = [divided.get(number, "test") for number in range(len(items))]
        return SplitPlan(
            places_test,
            "Test is the source's own; it has no val, so 20 % of its other pictures were set aside as val "
            f"({_how(items, seed)}).",
        )
    places = divide(items, DEFAULT_RATIO, seed)
    return SplitPlan(
        list(places),
        f"The source has no complete split, so Graft made one: 80 % train, 20 % val ({_how(items, seed)}).",
    )


def ratio_words(ratio: tuple[float, float, float]) -> str:
    """Return shares as words: 80 % train, 20 % val."""
    return ", ".join(f"{percent(share)} {split}" for share, split in zip(ratio, SPLITS, strict=True) if share)


def ratio_text(ratio: tuple[float, float, float]) -> str:
    """Return shares as `parse_ratio` reads them."""
    return "/".join(f"{share * 100:.6f}" for share in ratio)


def _how(items: Sequence[Item], seed: int) -> str:
    grouped = ", groups and near-duplicates kept together" if any(item.group for item in items) else ""
    evenly = "balanced by class" if any(item.classes for item in items) else "at random"
    return f"{evenly}{grouped}, seed {seed}"
