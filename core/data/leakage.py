"""Find pictures that are copies of one another: exact, mirrored, turned, recompressed or cropped a little.

Three sieves, each finer: the perceptual hash of all eight orientations (all pairs), the 32 x 32 thumbnails under a
set of small crops (candidates), and the two pictures themselves at 128 x 128, aligned and compared without their
slow shading (what is left). FINE_CORRELATION decides in the end; the other thresholds only keep pairs from that look.
Pictures that share a frame (core/data/frames.py) are compared without it, from the second sieve on.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.data.frames import (
    FINE,
    OWN_CORRELATION,
    FineFrames,
    Frames,
    Load,
    crop_warp,
    crops,
    details_of,
    find_frames,
    framed_pairs,
    laid_over,
    orient,
    orientations,
    unit,
    warped,
    without,
)
from core.data.images.fingerprints import THUMB, perceptual_hash
from core.data.images.reduced import open_reduced

HASH_DISTANCE = 18
"""Bits of 64 that may differ. A copy cropped by 2 % on every side was at most 16 away (300 DeepPCB pictures)."""
THUMB_CORRELATION = 0.72
"""After the best of the small crops; copies of fine line work (DeepPCB) cropped on every side were at 0.80 and more."""
FINE_CORRELATION = 0.72
"""Mirrored, cropped and recompressed copies were at 0.73 and more (DeepPCB, BCCD, chest X-rays, the sample set);
different chest X-rays, which are much alike, at 0.69 and less."""
NOISE = 1.0
"""Variance of the details, in grey levels squared, under which a block shows nothing but grain and JPEG traces."""
JPEG_TRACES = 0.5
"""Variance that recompression adds to the details at quality 60; it is no difference between two pictures."""
MAX_CANDIDATES = 1_000_000
COARSE = 16
"""Side of the thumbnails that tell which pairs can't correlate."""
HASHES_AT_ONCE = 250_000
"""Pairs of hashes compared at once: with what is made of them they stay in a core's cache."""
FRAMED_CORRELATION = 0.5
"""Of thumbnails of one frame, without it."""
PLAIN_CORRELATION = 0.5
"""Of the thumbnails as they are; copies cropped by 2 % on every side were at 0.61 and more (DeepPCB)."""
THUMB_LOOKS = 8_000
"""Pairs whose thumbnails are compared under crops at most, the most alike first, plus one for every picture."""
BATCH = 32
ASTRAY = 0.3
"""Below it an alignment has led nowhere and is begun again without the crop; no copy ended between it and 0.72."""
ALIGNING = ((3, 0.5), (10, 0.75), (15, -1.0))
"""Steps of an alignment, and the correlation under which it is given up after them.

359 copies (chest X-rays, blood cells, DeepPCB, the sample set, drawn ones) were at 0.89 and more after three; of other
alignments eight in ten are given up.
"""
CLOSE_COMPARISONS = 1_000
"""Pairs that are compared in full at most, the likeliest first, plus one for every five pictures."""


def candidate_pairs(
    hashes: Sequence[NDArray[np.uint64]], frame: NDArray[np.int64], limit: int = HASH_DISTANCE
) -> NDArray[np.int64]:
    """Return (m, 3) rows i, j, orientation of j, with i < j, whose hashes differ in at most `limit` bits.

    Pairs of one frame (-1 is none) are left out. When there are more than MAX_CANDIDATES (a film, or nearly blank
    pictures) the limit is lowered bit by bit.
    """
    plain = hashes[0]
    found: list[NDArray[np.int64]] = []
    rows = max(1, HASHES_AT_ONCE // max(1, len(plain)))
    total = 0

    def near(start: int, turn: int) -> NDArray[np.int64]:
        distance = np.bitwise_count(plain[start : start + rows, None] ^ hashes[turn][None, start:])
        one, two = np.divmod(np.flatnonzero(distance.ravel() <= limit), distance.shape[1])
        later = (two > one) & ((frame[one + start] < 0) | (frame[one + start] != frame[two + start]))
        one, two = one[later], two[later]
        return np.stack([one + start, two + start, np.full_like(one, turn), distance[one, two]], axis=1)

    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for start in range(0, len(plain), rows):
            # In order, block by block: where the limit is lowered must not depend on the machine.
            parts = list(pool.map(near, [start] * len(hashes), range(len(hashes))))
            found += [part for part in parts if len(part)]
            total += sum(map(len, parts))
            while total > MAX_CANDIDATES and limit > 0:
                limit -= 1
                found = [part[part[:, 3] <= limit] for part in found]
                total = sum(map(len, found))
    if not found:
        return np.zeros((0, 3), dtype=np.int64)
    return np.concatenate(found)[:, :3]


def thumb_correlation(first: NDArray[Any], second: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return, for (m, 32, 32) pairs, the best correlation (-1 to 1) when either is cropped by 0 to 4 %, and by which.

    Crops are numbered as `crop_warp` reads them.
    """
    plain_first, plain_second = unit(first), unit(second)
    best = np.full(len(first), -1.0, dtype=np.float32)
    which = np.zeros(len(first), dtype=np.int64)
    for number, (rows, columns) in enumerate(crops(THUMB).astype(np.float32)):
        for side, (cropped, plain) in enumerate(((first, plain_second), (second, plain_first))):
            warped = unit(rows @ cropped.astype(np.float32) @ columns.T)
            score = np.einsum("ij,ij->i", warped, plain)
            which[score > best] = 2 * number + side
            best = np.maximum(best, score)
    return best, which


def same_picture(
    first: NDArray[np.float32], second: NDArray[np.float32], crop: int = 0, frame: NDArray[np.float32] | None = None
) -> bool:
    """Return whether two 128 x 128 grey pictures show the same, after alignment and without slow shading.

    `crop` is the crop of `crop_warp` to start from; `frame` is what the first shares with many, as from FineFrames.
    Alignment is an affine one (Evangelidis and Psarakis 2008, cv2.findTransformECC) of the details: by the shading,
    two pictures of plain material drift apart.
    """
    import cv2

    details, others = details_of(first), details_of(second)
    best, nearest = -1.0, second
    for start in dict.fromkeys((crop, 0)):
        try:
            warp = _aligned(details, others, start)
        except cv2.error:
            continue
        moved = warped(second, warp)
        likeness = _likeness(first, details, moved)
        if likeness > best:
            best, nearest = likeness, moved
        if best >= ASTRAY:
            break
    if frame is None or best < FINE_CORRELATION:
        return best >= FINE_CORRELATION
    return _likeness(first, details, nearest, laid_over(frame, details)) >= OWN_CORRELATION


def _aligned(details: NDArray[np.float32], others: NDArray[np.float32], start: int) -> NDArray[np.float32]:
    """Return the affine map that lays the second details over the first, begun from a crop; the crop where none does.

    Raises cv2.error where an alignment runs out of the picture.
    """
    import cv2

    warp: Any = crop_warp(start)
    done = 0
    for steps, lowest in ALIGNING:
        stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, steps - done, 1e-4)
        reached, warp = cv2.findTransformECC(details, others, warp, cv2.MOTION_AFFINE, stop, None, 1)  # type: ignore[call-overload]
        if reached < lowest:
            return crop_warp(start)
        done = steps
    # Along the only line of a plain picture an alignment drifts: the crop itself is left.
    return warp if _is_crop(warp) else crop_warp(start)


def _likeness(
    first: NDArray[np.float32],
    details: NDArray[np.float32],
    moved: NDArray[np.float32],
    frame: NDArray[np.float32] | None = None,
) -> float:
    """Return a low quantile of the correlation over blocks that show more than noise.

    Low, so that the same scene with another object in it does not count as a copy. Pictures as plain as paper are
    compared level by level, and by their grain as a whole. With `frame` it is of what is left of both without it.
    """
    edge, size = 8, 28
    others = details_of(moved)
    take = None if frame is None else without(frame)
    scores, weights, sums = [], [], np.zeros(3)
    for top in range(edge, FINE - edge - size + 1, size):
        for left in range(edge, FINE - edge - size + 1, size):
            if take is None:
                block = slice(top, top + size), slice(left, left + size)
                a, b = details[block].ravel(), others[block].ravel()
                a, b = a - a.mean(), b - b.mean()
            else:
                a, b = take(top, left, size, [details, others])
            energy = float(max(a @ a, b @ b))
            scores.append(min(1.0, float(a @ b) / max(energy - JPEG_TRACES * size * size, 1e-6)))
            weights.append(energy)
            sums += a @ b, a @ a, b @ b
    scores_array, weights_array = np.array(scores), np.array(weights)
    shown = weights_array > max(0.05 * float(np.median(weights_array)), NOISE * size * size)
    if shown.sum() < 4:
        grain = sums[0] / max(np.sqrt(sums[1] * sums[2]), 1e-6)
        return float(max(1.0 - np.abs(first - moved).mean() / 4.0, grain))
    return float(np.quantile(scores_array[shown], 0.2))


def _is_crop(warp: NDArray[np.float32]) -> bool:
    """Return whether one picture lies wholly in the other: two views that each show more at one side are no copies."""
    size, slack = FINE - 1, 0.015 * FINE
    if abs(float(np.linalg.det(warp[:, :2])) - 1) > 0.25:
        return False
    corners = np.array([[0, 0, 1], [size, 0, 1], [size, size, 1], [0, size, 1]], dtype=float)
    square = np.vstack([warp.astype(float), [0, 0, 1]])
    for matrix in (square, np.linalg.inv(square)):
        moved = corners @ matrix[:2].T
        if moved.min() >= -slack and moved.max() <= size + slack:
            return True
    return False


def load_fine(path: Path) -> NDArray[np.uint8]:
    """Return a picture as 128 x 128 grey levels, proportions not kept; one that can't be opened is blank."""
    try:
        grey = open_reduced(path, 2 * FINE, "L").resize((FINE, FINE), Image.Resampling.BOX)
    except OSError:  # read before and damaged since, or at this size: a copy of nothing
        return np.zeros((FINE, FINE), dtype=np.uint8)
    return np.asarray(grey, dtype=np.uint8)


def near_duplicates(thumbs: NDArray[np.uint8], load: Load) -> list[tuple[int, int]]:
    """Return the pairs (i, j) of pictures that show the same, i < j, sorted; byte-equal ones should be one entry.

    `thumbs` is (n, 32, 32); `load(i)` gives picture i as 128 x 128 grey levels and is called for close calls only.
    Pairs that follow from others already found (i ~ j, j ~ k) are not looked at again.
    """
    if len(thumbs) < 2:
        return []
    frames = find_frames(thumbs)
    pairs = candidate_pairs([perceptual_hash(turned) for turned in orientations(thumbs)], frames.frame)
    pairs = _most_alike(pairs, thumbs, THUMB_LOOKS + len(thumbs))
    pairs = np.hstack([pairs, np.zeros((len(pairs), 1), dtype=np.int64)])[:, [0, 1, 3, 2]]
    scores, cuts = _under_crops(pairs, thumbs)
    likely = scores >= THUMB_CORRELATION
    cached = lru_cache(maxsize=2048)(load)
    framed, own_scores = framed_pairs(thumbs, frames, cached, FRAMED_CORRELATION, THUMB_LOOKS + len(thumbs))
    pairs, scores = np.concatenate([pairs[likely], framed]), np.concatenate([scores[likely], own_scores])
    cuts = np.concatenate([cuts[likely], _under_crops(framed, thumbs)[1]])
    order = np.argsort(-scores, kind="stable")
    return _compare_closely(pairs[order], cuts[order], len(thumbs), cached, frames)


def _under_crops(pairs: NDArray[np.int64], thumbs: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the best correlation of each pair's thumbnails under small crops, and the crop that gave it."""
    scores = np.full(len(pairs), -1.0, dtype=np.float32)
    crops = np.zeros(len(pairs), dtype=np.int64)
    for start in range(0, len(pairs), 1000):
        part = pairs[start : start + 1000]
        first, second = (
            np.stack([orient(thumbs[item], int(turn)) for item, turn in part[:, [side, side + 2]]]).astype(np.float32)
            for side in (0, 1)
        )
        scores[start : start + 1000], crops[start : start + 1000] = thumb_correlation(first, second)
    return scores, crops


def _compare_closely(
    pairs: NDArray[np.int64], crops: NDArray[np.int64], count: int, load: Load, frames: Frames
) -> list[tuple[int, int]]:
    """Return the pairs that show the same; the likeliest come first, a batch at a time on all cores.

    A batch has the same size on every machine: what is looked at must not depend on the number of cores.
    """
    left = CLOSE_COMPARISONS + count // 5
    joined = Union(count)
    shared = FineFrames(frames, load)
    found = []

    def alike(candidate: tuple[list[int], int]) -> bool:
        (i, j, turn, other_turn), crop = candidate
        one, other = (orient(load(k), t).astype(np.float32) for k, t in ((i, turn), (j, other_turn)))
        return same_picture(one, other, crop, shared.of(i, j))

    queue = list(zip(pairs.tolist(), crops.tolist(), strict=True))
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for start in range(0, len(queue), BATCH):
            batch = [
                pair for pair in queue[start : start + BATCH] if joined.find(pair[0][0]) != joined.find(pair[0][1])
            ]
            batch = batch[:left]
            for ((i, j, _, _), _), same in zip(batch, pool.map(alike, batch), strict=True):
                left -= not same  # a hit costs nothing: a set full of copies is looked through to the end
                if same and joined.find(i) != joined.find(j):
                    joined.join(i, j)
                    found.append((min(i, j), max(i, j)))
            if left <= 0:
                break
    return sorted(found)


def _most_alike(pairs: NDArray[np.int64], thumbs: NDArray[np.uint8], count: int) -> NDArray[np.int64]:
    """Return at most `count` pairs whose thumbnails, as they are, correlate best and by PLAIN_CORRELATION at least."""
    scores = np.full(len(pairs), -1.0, dtype=np.float32)
    coarse, rest = _coarse(thumbs)
    for turn, (turned, other) in enumerate(zip(orientations(thumbs), orientations(coarse), strict=True)):
        chosen = np.flatnonzero(pairs[:, 2] == turn)
        for start in range(0, len(chosen), 5_000):
            part = chosen[start : start + 5_000]
            one, two = pairs[part, 0], pairs[part, 1]
            most = np.einsum("ijk,ijk->i", coarse[one], other[two]) + rest[one] * rest[two]
            chosen[start : start + 5_000][most < PLAIN_CORRELATION - 1e-3] = -1
        chosen = chosen[chosen >= 0]
        for start in range(0, len(chosen), 2_000):
            part = chosen[start : start + 2_000]
            first, second = unit(thumbs[pairs[part, 0]]), unit(turned[pairs[part, 1]])
            scores[part] = np.einsum("ij,ij->i", first, second)
    best = np.argsort(-scores, kind="stable")[:count]
    return pairs[np.sort(best[scores[best] >= PLAIN_CORRELATION])]


def _coarse(thumbs: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return thumbnails of length 1 as (n, 16, 16) means, and the length of what these leave out.

    Two thumbnails correlate by what their means do, plus at most the product of what these leave out.
    """
    coarse = np.empty((len(thumbs), COARSE, COARSE), dtype=np.float32)
    side = THUMB // COARSE
    for start in range(0, len(thumbs), 1_000):
        part = unit(thumbs[start : start + 1_000]).reshape(-1, COARSE, side, COARSE, side)
        coarse[start : start + 1_000] = part.mean(axis=(2, 4)) * side
    return coarse, np.sqrt(np.maximum(0.0, 1.0 - np.einsum("ijk,ijk->i", coarse, coarse)))


class Union:
    """Sets of numbers that grow together (union-find)."""

    def __init__(self, count: int) -> None:
        self.parent = list(range(count))

    def find(self, item: int) -> int:
        """Return the number that stands for the set of `item`."""
        while self.parent[item] != item:
            self.parent[item] = self.parent[self.parent[item]]
            item = self.parent[item]
        return item

    def join(self, one: int, other: int) -> None:
        """Make the two sets one; the smaller number stands for it."""
        first, second = sorted((self.find(one), self.find(other)))
        self.parent[second] = first


def find_copies(pictures: dict[str, tuple[NDArray[np.uint8], Path]]) -> list[tuple[str, str]]:
    """Return the pairs of digests whose pictures show the same; `pictures` is digest -> (thumbnail, file)."""
    digests = sorted(pictures)
    if len(digests) < 2:
        return []
    stack = np.stack([pictures[digest][0] for digest in digests])
    pairs = near_duplicates(stack, lambda number: load_fine(pictures[digests[number]][1]))
    return [(digests[one], digests[other]) for one, other in pairs]


def together(digests: Sequence[str], groups: Sequence[str], copies: Sequence[tuple[str, str]]) -> list[str]:
    """Return one group key per picture, '' for none: copies and near-copies share one, joined with the given groups.

    `copies` are pairs of digests whose pictures show the same.
    """
    union = Union(len(digests))
    seen: dict[str, int] = {}
    for number, (digest, group) in enumerate(zip(digests, groups, strict=True)):
        for key in (f"d:{digest}", f"g:{group}" if group else f"d:{digest}"):
            union.join(number, seen.setdefault(key, number))
    for one, other in copies:
        if f"d:{one}" in seen and f"d:{other}" in seen:
            union.join(seen[f"d:{one}"], seen[f"d:{other}"])
    sets: dict[int, int] = {}
    for number in range(len(digests)):
        sets[union.find(number)] = sets.get(union.find(number), 0) + 1
    return [
        f"set-{union.find(number)}" if sets[union.find(number)] > 1 else groups[number]
        for number in range(len(digests))
    ]
