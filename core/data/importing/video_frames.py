"""Frames of a video as pictures of a dataset: evenly spread, near-copies left out, neighbours kept in one part.

A picture is called after its video and its time in it, clip_002m05.200s.jpg, and has a group: its video, or, where a
video comes alone, the stretch of it, so that it can be divided at all. Between two stretches a frame is left out.
"""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.data.images.budget import PICTURES
from core.data.images.page import TooLarge, UnreadableImage, check_size
from core.data.images.video import FrameTimes, Video, is_video, open_video, unreadable, upright
from core.data.importing.settings import ImportSettings
from core.data.leakage import load_fine, same_picture
from core.data.reading.tree import Tree, stem_of
from core.errors import InputError
from core.words import duration, megabytes, milliseconds
from core.workspace import read_json, write_json_atomic

STRETCHES = 10
"""Stretches of a video that comes alone, each a group of its own; fewer where each would hold under FEWEST frames."""
FEWEST = 4
BLOCK = 8
"""Side of the blocks of a 128 x 128 picture in which a change is looked for."""
CHANGED = 12.0
"""Grey levels by which the mean of a block must differ to tell that something has come, gone or moved."""
SHIFTS = range(-2, 3)
"""Pixels of 128 by which a hand that holds the camera may have moved it."""
LEFT_FREE = 512 * 2**20
"""Bytes of the workspace's disk that frames never take."""
NAME = re.compile(r"^(?P<video>.+)_(?P<minutes>\d{3,})m(?P<seconds>\d{2}\.\d{3})s$")

Tick = Callable[[int, int], None]


@dataclass
class Frames:
    """What was taken of one video."""

    paths: dict[str, Path] = field(default_factory=dict)
    """name of the picture -> where it lies, in the order of time"""
    groups: dict[str, str] = field(default_factory=dict)
    copies: int = 0
    """near-copies that were left out"""
    step: float = 0.0
    """seconds between two that were looked at"""
    cut_short: bool = False


def frame_time(name: str) -> tuple[str, float] | None:
    """Return the video and the second that a picture's name tells, None for one that is no frame."""
    found = NAME.match(PurePosixPath(name).stem)
    return (found["video"], int(found["minutes"]) * 60 + float(found["seconds"])) if found else None


def take_frames(
    source: Path, name: str, folder: Path, settings: ImportSettings, *, alone: bool, room: int, tick: Tick
) -> Frames:
    """Write frames of a video into `folder`, as JPEG, and return them.

    One every `frame_seconds`; where that is more than `most_frames`, every second one is dropped, again and again.
    `name` is what the user calls the video, `alone` says that no other comes with it, `room` how many bytes may be
    written, `tick(done, total)` is told in frames. Raises InputError for a video that can't be read or is too large.
    """
    folder.mkdir(parents=True)
    with open_video(source) as video:
        kept, step, length = _written(video, source, folder, settings, room, tick)
    if not kept:
        raise InputError(f"{source.name} holds no frame that can be read.")
    fresh = _without_copies(kept)
    stretches = max(1, min(STRETCHES, len(fresh) // FEWEST)) if alone else 1
    stem = name.removesuffix(PurePosixPath(name).suffix)
    made = Frames(copies=len(kept) - len(fresh), step=step, cut_short=video.cut_short)
    before = 0
    for second, path in fresh:
        stretch = min(int(second / max(length, 1e-6) * stretches), stretches - 1)
        if stretch != before:  # left out, so that no neighbours come into two parts
            before = stretch
            path.unlink()
            continue
        whole, thousandths = divmod(round(second * 1000), 1000)
        moment = f"{whole // 60:03d}m{whole % 60:02d}.{thousandths:03d}"  # names in order of time
        own = f"{stem}_{moment}s.jpg"
        made.paths[own] = path
        made.groups[own] = f"{name}, stretch {stretch + 1}" if stretches > 1 else name
    return made


def _written(
    video: Video, source: Path, folder: Path, settings: ImportSettings, room: int, tick: Tick
) -> tuple[list[tuple[float, Path]], float, float]:
    """Write every so many seconds a frame; return them by time, the seconds between, and the time of the last frame."""
    import av

    try:
        check_size(*video.size, source.stat().st_size)
    except TooLarge as error:
        raise InputError(f"{source.name} claims frames of {error}: that is too large to open safely.") from error
    times, step = FrameTimes(video), settings.frame_seconds
    half = 0.5 / float(video.rate)
    kept: list[tuple[float, Path]] = []
    taken, number = 0, 0
    try:
        for number, frame in enumerate(video.frames(), 1):
            times.next(frame)
            if number % 25 == 1:
                tick(number, max(number, video.total or 0))
            if kept and times.second < kept[-1][0] + step - half:
                continue
            path = folder / f"{number:08d}.jpg"
            with PICTURES.room(frame.width, frame.height, 8):
                taken += _save(upright(frame), path)
            if taken > room:
                raise InputError(
                    f"The frames of {source.name} take more than the {megabytes(room)} there is room for: take fewer, "
                    "or free some space."
                )
            kept.append((times.second, path))
            if len(kept) > settings.most_frames:
                for _, dropped in kept[1::2]:
                    taken -= dropped.stat().st_size
                    dropped.unlink()
                kept, step = kept[::2], step * 2
    except UnreadableImage as error:
        raise InputError(f"{source.name}: its frames of {error}") from error
    except av.FFmpegError as error:
        raise unreadable(source, error) from error
    tick(number, number)
    return kept, step, times.second


def _save(picture: Image.Image, path: Path) -> int:
    buffer = io.BytesIO()  # to a file, Pillow says “encoder error” on a full disk
    picture.save(buffer, "JPEG", quality=95, subsampling=0)
    return path.write_bytes(buffer.getvalue())


def _without_copies(kept: list[tuple[float, Path]]) -> list[tuple[float, Path]]:
    """Return the frames that show something else than the last one returned; the others are removed."""
    fresh, last = kept[:1], load_fine(kept[0][1])
    for second, path in kept[1:]:
        fine = load_fine(path)
        if is_near_copy(last, fine):
            path.unlink()
            continue
        fresh.append((second, path))
        last = fine
    return fresh


def is_near_copy(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> bool:
    """Return whether two frames, 128 x 128 grey levels, show the same and nothing small has come, gone or moved.

    `same_picture` alone overlooks a small thing in front of a still background, which is what films of belts show.
    """
    one, two = first.astype(np.float32), second.astype(np.float32)
    return _most_changed(one, two) < CHANGED and same_picture(one, two)


def _most_changed(one: NDArray[np.float32], two: NDArray[np.float32]) -> float:
    """Return by how many grey levels the block that changed most differs, however the camera was shaken a little."""
    side, edge = one.shape[0], max(SHIFTS)

    def blocks(picture: NDArray[np.float32]) -> NDArray[np.float32]:
        cut = (len(picture) // BLOCK) * BLOCK
        mean: NDArray[np.float32] = picture[:cut, :cut].reshape(cut // BLOCK, BLOCK, -1, BLOCK).mean(axis=(1, 3))
        return mean

    still = blocks(one[edge : side - edge, edge : side - edge])
    moved = [
        blocks(two[edge + down : side - edge + down, edge + right : side - edge + right])
        for down in SHIFTS
        for right in SHIFTS
    ]
    difference = np.stack([item - still for item in moved])
    difference -= np.median(difference, axis=(1, 2), keepdims=True)  # a lamp or a shutter changes all alike
    return float(np.abs(difference).min(axis=0).max())


def with_frames(tree: Tree, named: set[Path], stage: Path, settings: ImportSettings, room: int, tick: Tick) -> Tree:
    """Return the files of an upload with pictures in the place of its videos.

    Frames are taken of videos that were `named` one by one, and of all where there is no picture beside them. They are
    written below `stage`, and taken from there the next time while the settings are the same. `room` and `tick` as for
    `take_frames`. Raises InputError when there is nothing else and no video can be read.
    """
    videos = [name for name, path in tree.files.items() if is_video(name) and (path in named or not tree.pictures)]
    if not videos:
        return tree
    asked = [videos, settings.frame_seconds, settings.most_frames]
    listing, folder = stage / "frames.json", stage / "frames"
    told = read_json(listing)
    if told.get("asked") != asked:
        shutil.rmtree(folder, ignore_errors=True)
        told = {"asked": asked, **_of_all(tree, videos, folder, settings, room, tick)}
        write_json_atomic(listing, told, durable=False)
    files = {name: path for name, path in tree.files.items() if name not in videos}
    files |= {name: folder / place for name, place in told["files"].items()}
    noted = [(code, example, number) for code, example, number in told["noted"]]
    return replace(tree, files=dict(sorted(files.items())), groups=told["groups"], noted=noted)


def _of_all(
    tree: Tree, videos: list[str], folder: Path, settings: ImportSettings, room: int, tick: Tick
) -> dict[str, Any]:
    files: dict[str, str] = {}
    groups: dict[str, str] = {}
    noted: list[tuple[str, str, int]] = []
    refused: list[InputError] = []
    for number, name in enumerate(videos):
        own = folder / str(number)
        stems = [other for other in videos if stem_of(other) == stem_of(name)]
        shown = name if len(stems) == 1 else f"{name.replace('.', '-')}.{number}"
        try:
            made = take_frames(tree.files[name], shown, own, settings, alone=len(videos) == 1, room=room, tick=tick)
        except InputError as error:
            refused.append(error)
            noted.append(("video-unreadable", str(error), 1))
            shutil.rmtree(own, ignore_errors=True)
            continue
        room -= sum(path.stat().st_size for path in made.paths.values())
        files |= {picture: path.relative_to(folder).as_posix() for picture, path in made.paths.items()}
        groups |= {picture: group if len(stems) == 1 else name for picture, group in made.groups.items()}
        every = duration(made.step) if made.step == int(made.step) else milliseconds(made.step * 1000)
        noted.append(("video-frames", f"{name}: one every {every}, {len(made.paths)} taken", len(made.paths)))
        if made.copies:
            noted.append(("video-copies", f"{name}: {made.copies}", made.copies))
        if made.cut_short:
            noted.append(("video-cut-short", name, 1))
    if len(refused) == len(videos) == len(tree.files):
        raise refused[0]
    return {"files": files, "groups": groups, "noted": noted}
