"""Videos as moving pictures: opened, their frames one by one, upright, each with its own time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import Image

from core.errors import InputError

VIDEO_ENDINGS = frozenset([".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv"])

CONTAINERS = "mov,mp4,avi,matroska,webm,mpeg,mpegts,mpegvideo,asf,m4v"
"""Kinds of file that hold a video by themselves. FFmpeg also knows lists that name other files and addresses (concat,
HLS, DASH); in a stranger's file they would be opened in his stead."""


def is_video(name: str) -> bool:
    """Return whether a file is a video by its name."""
    return name.lower().endswith(tuple(VIDEO_ENDINGS))


@dataclass
class Video:
    """An open video; frames come in the order in which they are shown."""

    container: Any
    stream: Any
    rate: Fraction
    """frames per second, on average"""
    total: int | None
    """frames, as far as the file says it"""
    cut_short: bool = False
    """whether what was given by `frames` ends where the file is damaged"""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as the file states them."""
        return self.stream.codec_context.width, self.stream.codec_context.height

    def frames(self) -> Iterator[Any]:
        """Give the frames that can be decoded; a damaged end is the end. Raises av.FFmpegError where there is none."""
        import av

        seen = 0
        try:
            for frame in self.container.decode(self.stream):
                seen += 1
                yield frame
        except av.FFmpegError:
            if not seen:
                raise
            self.cut_short = True


def unreadable(source: Path, error: Exception) -> InputError:
    """Return what to say of a video that the libraries refuse."""
    reason = getattr(error, "strerror", None) or error
    return InputError(
        f"{source.name} can't be read as a video ({reason}). It may be damaged or was not copied completely: fetch it "
        "again, or save it as MP4 (H.264)."
    )


@contextmanager
def open_video(source: Path) -> Iterator[Video]:
    """Open a video file. Raises InputError for one that holds no video that can be read."""
    import av

    try:
        # the whole path: FFmpeg takes a name with a colon for an address
        options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}
        given: Any = av.open(str(source.resolve()), options=options)
    except (av.FFmpegError, OSError) as error:
        raise unreadable(source, error) from error
    with given:
        if not given.streams.video:
            raise InputError(f"{source.name} holds no moving pictures.")
        stream: Any = given.streams.video[0]
        stream.thread_type = "AUTO"
        rate = Fraction(stream.average_rate or stream.guessed_rate or 25).limit_denominator(1000)
        total = stream.frames or (int(given.duration / 1e6 * rate) if given.duration else None)
        yield Video(given, stream, rate, total)


def upright(frame: Any) -> Image.Image:
    """Return a frame as a picture, turned as the file says."""
    picture: Image.Image = frame.to_image()
    turn = int(getattr(frame, "rotation", 0) or 0)  # degrees against the clock, from the file's display matrix
    return picture.rotate(turn, expand=True) if turn else picture


class FrameTimes:
    """When each frame is shown: by its own time stamp, and after the one before it."""

    def __init__(self, video: Video) -> None:
        """Begin before the first frame of a video."""
        self.base = Fraction(video.stream.time_base or 1 / video.rate)
        self._step = max(1, round(1 / video.rate / self.base))
        self._first: int | None = None
        self._last: int | None = None

    @property
    def second(self) -> float:
        """When the present frame is shown, from the first one on."""
        return float((self._last or 0) * self.base)

    def next(self, frame: Any) -> int:
        """Go on to a frame; return its time in ticks of `base`, the first one's being 0.

        One without a stamp, or with one that doesn't come after the last, follows at the average distance.
        """
        if self._first is None:
            self._first = frame.pts or 0
        stamp = None if frame.pts is None else frame.pts - self._first
        if self._last is None:
            self._last = 0
        elif stamp is None or stamp <= self._last:
            self._last += self._step
        else:
            self._last = stamp
        return self._last
