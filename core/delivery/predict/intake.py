"""Pictures given for a try, made ready to be looked at and shown: unpacked, decoded, upright, 8 bit, one file per page.

What the model sees is then exactly what is on the screen. The originals are read only; copies lie in a folder of the
caller's and go with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from core.data.images.decoding import KEPT_FORMATS, decode, open_header
from core.data.images.page import UnreadableImage
from core.data.images.video import VIDEO_ENDINGS
from core.data.images.windows import Window
from core.data.reading.archives import extract, is_archive
from core.delivery.predict.predicting import Found, find_pictures
from core.errors import InputError

MOST = 48
"""Pictures that are looked at at once; more run in the background."""


@dataclass(frozen=True)
class Prepared:
    """One page of a picture, ready: an 8-bit, upright file every browser and Pillow can read."""

    path: Path
    name: str
    """as the user named it, with the page where there are several"""
    width: int
    height: int
    windowed: bool = False


@dataclass
class Intake:
    """What was given, sorted."""

    pictures: list[Prepared] = field(default_factory=list)
    waiting: list[Found] = field(default_factory=list)
    """all the picture files, when there are more than MOST: for a run in the background"""
    videos: list[Path] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    """name and reason of what can't be read"""


def take_in(sources: list[Path], folder: Path, window: str, free_bytes: int) -> Intake:
    """Sort and prepare what was given: pictures, folders, archives and videos; copies go below `folder`.

    `window` is how pictures of more than 8 bits are brought to 8. Raises InputError for a path that is not there or an
    archive that is refused; a picture that can't be read is named in `refused`.
    """
    intake = Intake()
    found: list[Found] = []
    for number, source in enumerate(sources):
        if source.is_file() and is_archive(source):
            inside = folder / f"unpacked-{number}"
            extract(source, inside, free_bytes)
            _sort(inside, intake, found)
        else:
            _sort(source, intake, found)
    if len(found) > MOST:
        intake.waiting = found
        return intake
    made = folder / "shown"
    made.mkdir(parents=True, exist_ok=True)
    for number, item in enumerate(found):
        _prepare(item, made / f"{number:04d}", window, intake)
    return intake


def _sort(source: Path, intake: Intake, found: list[Found]) -> None:
    if source.is_file():
        if source.suffix.lower() in VIDEO_ENDINGS:
            intake.videos.append(source)
        else:
            found.append(Found(source.resolve(), source.name))
        return
    if not source.is_dir():
        raise InputError(f"There is no file or folder {source}.")
    videos = [path for path in sorted(source.rglob("*")) if path.suffix.lower() in VIDEO_ENDINGS and path.is_file()]
    intake.videos += videos
    try:
        found += find_pictures([source])
    except InputError:
        if not videos:
            raise


def _prepare(item: Found, target: Path, window: str, intake: Intake) -> None:
    start = len(intake.pictures)
    try:
        for number, page in enumerate(decode(item.path, Window.parse(window)), 1):
            if len(intake.pictures) >= MOST:
                intake.refused.append((item.name, f"only its first {number - 1} pages are shown here"))
                break
            as_it_is = number == 1 and not page.changes and page.bits == 8 and _is_kept(item.path)
            path = item.path if as_it_is else target.with_name(f"{target.name}-{number}.png")
            if not as_it_is:
                page.image.convert("RGB").save(path, compress_level=1)
            intake.pictures.append(
                Prepared(path, f"{item.name}, page {number}", *page.image.size, windowed="windowed" in page.changes)
            )
    except (UnreadableImage, OSError, MemoryError) as error:
        intake.refused.append((item.name, f"can't be read: {error}"))
    if len(intake.pictures) - start == 1:  # a picture of one page needs no page number
        only = intake.pictures.pop()
        intake.pictures.append(Prepared(only.path, item.name, only.width, only.height, only.windowed))


def _is_kept(path: Path) -> bool:
    with open_header(path) as image:
        return image.format in KEPT_FORMATS and image.mode in ("RGB", "L") and getattr(image, "n_frames", 1) == 1
