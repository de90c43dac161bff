"""A video with what a model finds drawn on it, in a format browsers play, and the counts over time.

annotated.mp4   H.264, or annotated.webm (VP9) where this PyAV brings no H.264 encoder; without sound
counts.csv      one line per frame that was looked at: second, frame, found, then one column per class

Both keep the frames' own times, which are not evenly spaced in what phones record.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.data.images.thumbnails import Mark, draw_marks
from core.data.images.video import FrameTimes, open_video, upright
from core.data.palette import class_colour
from core.delivery.predict.drawing import draw_on
from core.delivery.predict.entry import Entry, VideoSummary
from core.delivery.predict.model.answering import find_in
from core.delivery.predict.model.chosen_model import ChosenModel
from core.delivery.predict.results import counted, named_class
from core.errors import InputError
from core.evaluation.predict.predictor import Predictor
from core.files.csv_cells import plain_cell
from core.tasks import TASKS
from core.words import percent

LONGEST = 1280
"""Longer side of the annotated video at most, in pixels; the model sees the frames as they are."""
ENCODERS = (
    ("libx264", "annotated.mp4", {"crf": "23", "preset": "veryfast", "movflags": "+faststart"}),
    ("libvpx-vp9", "annotated.webm", {"crf": "34", "b": "0", "deadline": "realtime", "cpu-used": "8"}),
)
"""Encoder, file and options, the first that is there is used; both play in every browser of today."""


def annotate_video(
    predictor: Predictor,
    source: Path,
    folder: Path,
    model: ChosenModel,
    confidence: float,
    *,
    every: int = 1,
    tick: Callable[[int, int | None], bool] = lambda _done, _total: True,
) -> VideoSummary:
    """Look at every n-th frame of a video; write the annotated video and counts.csv to `folder`.

    `tick(done, total)` is told in frames and stops the work by returning False; what is written by then plays.
    Returns the file's name, frames, seconds, pictures per second, and by class the most at once and the frames with
    any. Raises InputError for a file that holds no video that can be read.
    """
    import av

    if TASKS[predictor.model.task].names_pixels:
        raise InputError("A model that gives every pixel its class can't look at a video here: give single pictures.")
    with open_video(source) as video:
        rate, total = video.rate, video.total
        encoder, name, options = _encoder()
        counter = _Counter(folder / "counts.csv", predictor.classes)
        times = FrameTimes(video)
        number = 0
        entry: Entry | None = None
        made: Any
        out: Any = None
        tick(0, total)
        try:
            with av.open(str(folder / name), "w") as made:
                for frame in video.frames():
                    picture, tick_of_frame = upright(frame), times.next(frame)
                    if entry is None or number % every == 0:
                        entry = _predict_frame(predictor, picture, model, confidence)
                        counter.add(number, times.second, entry, confidence)
                    shown = _shown(picture, entry, confidence, predictor)
                    if out is None:
                        out = made.add_stream(encoder, rate=rate, options=options)
                        out.width, out.height, out.pix_fmt = *shown.size, "yuv420p"
                        out.codec_context.time_base = times.base
                    elif shown.size != (out.width, out.height):
                        shown = shown.resize((out.width, out.height))
                    drawn = av.VideoFrame.from_image(shown)
                    drawn.pts, drawn.time_base = tick_of_frame, times.base
                    made.mux(out.encode(drawn))
                    number += 1
                    if not tick(number, max(total, number) if total else None):
                        break
                if out is not None:
                    made.mux(out.encode(None))
        except av.FFmpegError as error:
            raise InputError(f"{source.name} is damaged at frame {number + 1}: {error}") from error
        finally:
            counter.close()
    if number == 0:
        raise InputError(f"{source.name} holds no frame that can be read.")
    tick(number, number)
    return {
        "video": name,
        "frames": number,
        "looked_at": counter.rows,
        "seconds_long": number / float(rate),
        "rate": float(rate),
        "most_at_once": dict(counter.most),
        "frames_with": dict(counter.frames_with),
        "task": predictor.model.task,
    }


def _encoder() -> tuple[str, str, dict[str, str]]:
    import av

    for encoder, name, options in ENCODERS:
        if encoder in av.codecs_available:
            return encoder, name, options
    raise InputError("This installation of PyAV (av) can write neither H.264 nor VP9: install the av wheel from PyPI.")


def _predict_frame(predictor: Predictor, picture: Image.Image, model: ChosenModel, confidence: float) -> Entry:
    found = find_in(predictor, np.asarray(picture), model.imgsz, confidence, model.max_det)
    entry: Entry = {"file": "", "page": 1, "width": picture.width, "height": picture.height, "error": None, **found}
    return model.at_line(entry)


def _shown(picture: Image.Image, entry: Entry, confidence: float, predictor: Predictor) -> Image.Image:
    scale = min(1.0, LONGEST / max(picture.size))
    size = tuple(max(2, round(side * scale) // 2 * 2) for side in picture.size)  # H.264 wants even sides
    shown = picture.resize(size) if size != picture.size else picture.copy()  # type: ignore[arg-type]
    draw_on(shown, entry, confidence, TASKS[predictor.model.task].layers)
    best = named_class(entry)
    if best is not None:
        colour = class_colour(predictor.classes.index(best[0]))
        draw_marks(shown, [Mark(((0.0, 0.0),), (), colour, f"{best[0]} {percent(best[1])}")])
    return shown


class _Counter:
    """Writes counts.csv as the frames come."""

    def __init__(self, path: Path, classes: list[str]) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._table = csv.writer(self._file)
        self._classes = classes
        self._table.writerow(["second", "frame", "found", *map(plain_cell, classes)])
        self.rows = 0
        self.most: Counter[str] = Counter()
        self.frames_with: Counter[str] = Counter()

    def add(self, frame: int, second: float, entry: Entry, confidence: float) -> None:
        """Write one frame's counts; a classified frame counts 1 for the class it gets."""
        best = named_class(entry)
        names = [best[0]] if best is not None else [item["class"] for item in counted(entry, confidence)]
        counts = Counter(names)
        numbers = [counts.get(name, 0) for name in self._classes]
        self._table.writerow([round(second, 3), frame, sum(numbers), *numbers])
        self.rows += 1
        self.most |= counts
        self.frames_with.update(counts.keys())

    def close(self) -> None:
        """Close the file."""
        self._file.close()
