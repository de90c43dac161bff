"""What many pictures of a set have in common: the frame of solar cells, the layout of a board, the grid of a tray.

Two pictures of different cells are alike by their frame alone. So where a frame is found, it is taken out of both
before they are compared: of the thumbnails to find candidates, of the 128 x 128 pictures to decide. A frame is the mean
of pictures whose thumbnails correlate; a set may have several (products, views), and most sets have none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

FRAME_CORRELATION = 0.75
"""Thumbnails whose mean becomes a frame correlate by at least this, without their shading. Drawn cells, boards and
trays do by 0.8 to 0.98; chest X-rays and centred blood cells by 0.7 at most, and are told apart without any of this."""
MEMBER_CORRELATION = 0.4
"""A picture has the frame that its thumbnail correlates with best, by this at least: a large defect hides much."""
SMALLEST_FRAME = 16
"""Pictures a frame is the mean of at least; fewer may be copies of one another."""
SMALLEST_SHARE = 0.15
"""The same as a share of the set."""
MOST_FRAMES = 6
SAMPLED = 400
"""Thumbnails in which frames are looked for."""
MOST_OPENED = 3_000
"""Pictures of one frame that are opened to find candidates; of more, the thumbnails must do."""
FINE_SAMPLED = 40
"""Pictures that make the frame at 128 x 128."""
FINE = 128
"""Side of the grey pictures that are compared closely."""
OWN_CORRELATION = 0.5
"""Two pictures show the same when what is left of them correlates by at least this, in the same blocks and at the same
quantile as without a frame. Different drawn cells, boards and trays were mostly at 0.1 and less, copies at 0.6 and more
(`python -m bench.false_copies` counts both)."""

SPANS = ((0.0, 1.0), (0.01, 0.99), (0.02, 0.98), (0.02, 1.0), (0.0, 0.98))
"""What a small crop leaves of a side; a crop is a span of the rows and one of the columns."""

Picture = NDArray[np.float32]
Load = Callable[[int], NDArray[np.uint8]]


def orientations(stack: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Give an (n, h, h) stack in its eight orientations: four turns, each plain and mirrored."""
    for turns in range(4):
        turned = np.rot90(stack, turns, axes=(1, 2))
        yield turned
        yield turned[:, :, ::-1]


def orient(picture: NDArray[Any], turn: int) -> NDArray[Any]:
    """Return one picture in orientation `turn` of `orientations`."""
    turned = np.rot90(picture, turn // 2)
    return np.ascontiguousarray(turned[:, ::-1] if turn % 2 else turned)


def crop_warp(number: int) -> NDArray[np.float32]:
    """Return the (2, 3) warp, from pixels of the first 128 x 128 picture to the second's, of a crop of SPANS."""
    warp = np.zeros((2, 3), dtype=np.float32)
    crop, second_is_larger = divmod(number, 2)
    rows, columns = divmod(crop, len(SPANS))
    for axis, span in enumerate((columns, rows)):
        low, high = SPANS[span]
        scale, shift = high - low, FINE * low + 0.5 * (high - low) - 0.5
        if not second_is_larger:
            scale, shift = 1 / scale, (0.5 - FINE * low) / scale - 0.5
        warp[axis, axis], warp[axis, 2] = scale, shift
    return warp


def warped(picture: NDArray[np.float32], warp: Any) -> NDArray[np.float32]:
    """Return a picture brought into the place of the one it was aligned to."""
    import cv2

    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(picture, warp, (FINE, FINE), flags=flags, borderMode=cv2.BORDER_REPLICATE))


def details_of(picture: Picture) -> Picture:
    """Return a 128 x 128 picture lightly smoothed, without its slow shading."""
    import cv2

    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.0) - cv2.GaussianBlur(picture, (0, 0), 8.0))


def unit(stack: NDArray[Any]) -> NDArray[np.float32]:
    """Return (n, ...) as (n, size) rows of mean 0 and length 1."""
    flat = stack.reshape(len(stack), -1).astype(np.float32)
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.sqrt(np.einsum("ij,ij->i", flat, flat))[:, None]
    return np.asarray(flat / (length + 1e-6), dtype=np.float32)


@cache
def crops(side: int, back: bool = False) -> NDArray[np.float64]:
    """Return (c, 2, side, side) resampling matrices: rows and columns of a picture cropped by 0 to 4 %.

    With `back` those that lay a cropped picture where it lay before; what was cut off is 0.
    """
    matrices = []
    for low, high in SPANS:
        place = (np.arange(side) + 0.5) / side
        place = (((place - low) / (high - low)) if back else low + place * (high - low)) * side - 0.5
        first = np.clip(np.floor(place).astype(int), 0, side - 1)
        second = np.clip(first + 1, 0, side - 1)
        share = np.clip(place - first, 0, 1)
        matrix = np.zeros((side, side))
        matrix[np.arange(side), first] += 1 - share
        matrix[np.arange(side), second] += share
        matrix[(place < -0.5) | (place > side - 0.5)] = 0.0
        matrices.append(matrix)
    return np.array([(rows, columns) for rows in matrices for columns in matrices])


@dataclass(frozen=True)
class Frames:
    """The frames of a set at 32 x 32, and which picture has which, in which orientation."""

    means: NDArray[np.float32]
    """(k, 32, 32)"""
    frame: NDArray[np.int64]
    """(n,) the frame of each picture, -1 for none"""
    turn: NDArray[np.int64]
    """(n,) the orientation in which the picture has its frame"""


def find_frames(thumbs: NDArray[np.uint8]) -> Frames:
    """Return the frames that the (n, 32, 32) thumbnails of a set share; none (k = 0) for most sets."""
    count = len(thumbs)
    none = np.full(count, -1, dtype=np.int64)
    means = _means(_lines(thumbs[np.unique(np.linspace(0, count - 1, min(count, SAMPLED)).astype(int))]))
    if not len(means):
        return Frames(np.zeros((0, *thumbs.shape[1:]), np.float32), none, np.zeros(count, dtype=np.int64))
    lines = _lines(thumbs)
    scores = np.empty((len(means), 8, count), dtype=np.float32)
    rows = unit(means)
    for start in range(0, count, 1000):
        for turn, turned in enumerate(orientations(lines[start : start + 1000])):
            scores[:, turn, start : start + 1000] = rows @ unit(turned).T
    best = scores.reshape(-1, count).argmax(axis=0)
    fits = scores.reshape(-1, count).max(axis=0) >= MEMBER_CORRELATION
    return Frames(means, np.where(fits, best // 8, -1), best % 8)


def _lines(thumbs: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return thumbnails without their slow shading, which is no frame: many lenses and lamps have the same."""
    import cv2

    stack = thumbs.astype(np.float32)
    return np.stack([picture - cv2.GaussianBlur(picture, (0, 0), 3.0) for picture in stack])


def _means(thumbs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take the largest set of thumbnails that correlate with one, its mean, and so on with the others."""
    rows = unit(thumbs)
    alike = rows @ rows.T >= FRAME_CORRELATION
    left = np.ones(len(thumbs), dtype=bool)
    found: list[NDArray[np.float32]] = []
    while len(found) < MOST_FRAMES:
        sizes = np.where(left, (alike & left).sum(axis=1), 0)
        leader = int(sizes.argmax())
        if sizes[leader] < max(SMALLEST_FRAME, SMALLEST_SHARE * len(thumbs)):
            break
        members = alike[leader] & left
        found.append(thumbs[members].mean(axis=0))
        left &= ~members
    return np.array(found, dtype=np.float32)


def framed_pairs(
    thumbs: NDArray[np.uint8], frames: Frames, load: Load, least: float, most: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return (m, 4) rows i, j, turn of i, turn of j of pictures that correlate by `least` without their frame.

    With it by how much they do. The best `most` for each frame, the most alike first.
    """
    found = [np.zeros((0, 4), dtype=np.int64)]
    alike = [np.zeros(0, dtype=np.float32)]
    for number in range(len(frames.means)):
        members = np.flatnonzero(frames.frame == number)
        if len(members) < 2:
            continue
        upright = _upright(members, frames, thumbs, load)
        own = _bases(upright[:: -(-len(upright) // SAMPLED)].mean(axis=0))
        plain = _left_over(upright, own)
        scores: list[NDArray[np.float32]] = []
        pairs: list[NDArray[np.int64]] = []
        floor = least
        for turn, turned in enumerate(orientations(upright)):
            other = _left_over(turned, own)
            for start in range(0, len(members), 500):
                block = plain[start : start + 500] @ other.T
                one, two = np.nonzero(block >= floor)
                keep = one + start < two
                one, two = one[keep], two[keep]
                scores.append(block[one, two])
                pairs.append(np.stack([one + start, two, np.full_like(one, turn)], axis=1))
            score, pair = np.concatenate(scores), np.concatenate(pairs)
            order = np.argsort(-score, kind="stable")[:most]
            scores, pairs = [score[order]], [pair[order]]
            floor = max(least, float(score[order[-1]])) if len(order) == most else least
        one, two, turns = pairs[0].T
        i, j = members[one], members[two]
        found.append(np.stack([i, j, frames.turn[i], _TURNED[frames.turn[j], turns]], axis=1))
        alike += scores
    return np.concatenate(found), np.concatenate(alike)


def _upright(members: NDArray[np.int64], frames: Frames, thumbs: NDArray[np.uint8], load: Load) -> NDArray[np.float32]:
    """Return the pictures of a frame, in its orientation, at 64 x 64; at 32 x 32 where they are too many to open."""
    if len(members) > MOST_OPENED:
        return np.stack([orient(thumbs[item], int(frames.turn[item])) for item in members]).astype(np.float32)

    def half(item: int) -> Picture:
        picture = orient(load(item), int(frames.turn[item])).astype(np.float32)
        return np.asarray(picture.reshape(64, 2, 64, 2).mean(axis=(1, 3)))

    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        return np.stack(list(pool.map(half, members.tolist())))


def _bases(mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (c, size, 6) orthonormal bases, one for each small crop of a frame: a level, the frame, and its slopes.

    The slopes, plain and growing from the middle outward, are what a move by part of a pixel adds to the frame.
    """
    place = np.linspace(-1, 1, mean.shape[0], dtype=np.float32)
    found = []
    for rows, columns in crops(mean.shape[0]).astype(np.float32):
        cut = rows @ mean @ columns.T
        down, along = np.gradient(cut)
        parts = [np.ones_like(cut), cut, down, along, down * place[:, None], along * place[None, :]]
        found.append(np.linalg.qr(np.stack([part.ravel() for part in parts], axis=1))[0])
    return np.asarray(found, dtype=np.float32)


def _left_over(stack: NDArray[Any], bases: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (n, size) rows of length 1: each picture without the frame as it is cropped there, at half its size.

    Brought back to the place it has in the uncropped frame, and with what stands out far (a chip that is missing) held
    down, so that it does not make two pictures alike by itself.
    """
    flat = stack.reshape(len(stack), -1).astype(np.float32)
    best = np.stack([np.square(flat @ basis).sum(axis=1) for basis in bases]).argmax(axis=0)
    side = stack.shape[1]
    for number in np.unique(best):
        chosen = best == number
        left = flat[chosen] - (flat[chosen] @ bases[number]) @ bases[number].T
        rows, columns = crops(side, back=True)[number].astype(np.float32)
        flat[chosen] = (rows @ left.reshape(-1, side, side) @ columns.T).reshape(len(left), -1)
    pooled = flat.reshape(len(stack), side // 2, 2, side // 2, 2).mean(axis=(2, 4)).reshape(len(stack), -1)
    usual = 1.5 * np.median(np.abs(pooled), axis=1, keepdims=True) + 1e-6
    return unit(np.tanh(pooled / usual))


def _turns_after() -> NDArray[np.int64]:
    """Return (8, 8): [a, b] is the orientation that is b after a."""
    probe = np.arange(9).reshape(3, 3)
    known = [orient(probe, turn).tolist() for turn in range(8)]
    return np.array([[known.index(orient(orient(probe, a), b).tolist()) for b in range(8)] for a in range(8)])


_TURNED = _turns_after()


class FineFrames:
    """The frames of a set at 128 x 128, made when the first pair asks for one."""

    def __init__(self, frames: Frames, load: Load) -> None:
        self._frames = frames
        self._load = load
        self._mean = cache(self._make)

    def of(self, one: int, two: int) -> Picture | None:
        """Return the details of the frame that two pictures share, (25, 128, 128), as it looks under every small crop.

        None when they share none.
        """
        number = int(self._frames.frame[one])
        if number < 0 or number != self._frames.frame[two]:
            return None
        return self._mean(number)

    def _make(self, number: int) -> Picture:
        members = np.flatnonzero(self._frames.frame == number)
        chosen = members[np.unique(np.linspace(0, len(members) - 1, min(len(members), FINE_SAMPLED)).astype(int))]
        total: Any = 0.0
        for item in chosen:
            total = total + orient(self._load(int(item)), int(self._frames.turn[item])).astype(np.float32)
        mean = np.asarray(total / len(chosen), dtype=np.float32)
        # Cropped first: what is cut off no longer tells in the details beside the cut.
        return np.stack([details_of(warped(mean, crop_warp(2 * number + 1))) for number in range(len(SPANS) ** 2)])


def laid_over(frame: NDArray[np.float32], details: Picture) -> Picture:
    """Return a frame, as from FineFrames.of, where it lies in a picture, as `details_of`."""
    import cv2

    nearest = frame[int((unit(frame) @ unit(details[None])[0]).argmax())]
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-5)
    warp: Any = np.eye(2, 3, dtype=np.float32)
    try:
        _, warp = cv2.findTransformECC(details, nearest, warp, cv2.MOTION_AFFINE, stop, None, 1)  # type: ignore[call-overload]
    except cv2.error:
        return np.asarray(nearest)
    return warped(nearest, warp)


def without(frame: Picture) -> Callable[[int, int, int, list[Picture]], list[NDArray[np.float32]]]:
    """Return what takes a frame out of blocks: (top, left, side, pictures) -> the blocks, flat, without it.

    With the frame go its slopes and its curvature: what a move by part of a pixel and another sharpness leave of it.
    """
    import cv2

    down, along = np.gradient(frame)
    parts = np.stack([np.ones_like(frame), frame, down, along, cv2.Laplacian(frame, cv2.CV_32F)])

    def take(top: int, left: int, side: int, pictures: list[Picture]) -> list[NDArray[np.float32]]:
        block = parts[:, top : top + side, left : left + side].reshape(len(parts), -1).T
        basis = np.linalg.qr(block / (np.linalg.norm(block, axis=0) + 1e-6))[0]
        flat = [picture[top : top + side, left : left + side].ravel() for picture in pictures]
        return [np.asarray(item - basis @ (basis.T @ item), dtype=np.float32) for item in flat]

    return take
