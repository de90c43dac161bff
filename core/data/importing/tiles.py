"""Cut the big pictures of a dataset into tiles, as a new dataset: small objects then keep their pixels in training.

A model looks at pictures scaled to a few hundred pixels; an object of 10 of 4,000 pixels is gone by then. Predicting
looks at the same tiles and joins what it finds (`core.delivery.predict.model.tiles`). As in Akyon et al. 2022 (SAHI,
arXiv 2202.06934): tiles overlap by a fifth, so that what is smaller than that is whole in one of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image

from core.data.dataset import SPLITS, Dataset, load_dataset
from core.data.findings.problems import make_finding
from core.data.importing.from_upload import import_dataset
from core.data.importing.settings import ImportSettings
from core.data.importing.uploads import Meter
from core.data.objects import LabelledImage, LabelledObject, enclosing_box, format_labels, outline_area, turned_box
from core.errors import InputError
from core.jobs import Report
from core.tasks import TASKS
from core.words import count, thousands
from core.workspace import Workspace

OVERLAP = 0.2
"""Share of a tile that its neighbour sees too, so that an object on a border is whole in one of them."""
LEAST_PART = 0.1
"""Share of an object's area that must lie in a tile for it to be labelled there (SAHI's default)."""
LEAST_PIXELS = 4.0
"""Width and height of a part in a tile, so that it is labelled there: thinner ones are not seen."""
SMALLEST, LARGEST = 64, 4096
MOST_TILES = 200_000
GROUP = r"([^/]+-\d+)__\d+_\d+_\d+\."
"""Finds in a tile's name what it belongs to: tiles of one picture or patient never lie in two parts."""


@dataclass(frozen=True)
class Tile:
    """One tile of a picture, in its pixels."""

    left: int
    top: int
    width: int
    height: int


def tiles_of(width: int, height: int, size: int) -> list[Tile]:
    """Return the tiles of `size` pixels that a picture is cut into; the last of a row ends where the picture does."""
    return [
        Tile(left, top, min(size, width), min(size, height))
        for top in _starts(height, size)
        for left in _starts(width, size)
    ]


def tile_count(dataset: Dataset, size: int) -> int:
    """Return how many tiles of `size` pixels the pictures of a dataset make, those without an object included."""
    sides = dataset.image_table()[["width", "height"]].to_numpy().tolist()
    return sum(len(tiles_of(width, height, size)) for width, height in sides)


def _starts(side: int, size: int) -> list[int]:
    step = size - round(size * OVERLAP)
    return [*range(0, max(0, side - size), step), max(0, side - size)]


def cut_into_tiles(workspace: Workspace, dataset_id: str, size: int, *, progress: Report | None = None) -> Dataset:
    """Cut a dataset's pictures into tiles of `size` pixels and return them as a new dataset; the old one stays.

    Parts and groups are kept: all tiles of a picture stay where it was. In train there are at most as many tiles
    without objects as tiles with some, drawn by lot; in val and test all are kept, as they come up in use. A picture no
    larger than a tile stays whole. Raises InputError for a task whose findings can't be joined from tiles, a dataset
    without labels or without a picture larger than a tile, a size out of SMALLEST to LARGEST, and more than MOST_TILES.
    """
    dataset = load_dataset(workspace, dataset_id)
    workspace.check_writable()
    _check(dataset, size)
    meter = Meter(progress)
    with workspace.staging("tiles") as stage:
        folder = stage / "tiles"
        shared = _write_tiles(dataset, size, folder, meter)
        settings = ImportSettings(task=dataset.task, group_by=GROUP, lock_test=dataset.test_locked)
        made = import_dataset(
            workspace, folder, settings=settings, name=f"{dataset.name}, tiles of {size}", progress=progress, tile=size
        )
    made.source = f"{dataset.name}, cut into tiles of {size} pixels"
    made.split_note = f"As in {dataset.name}: {dataset.split_note}" if dataset.split_note else made.split_note
    if shared:
        made.findings.append(make_finding("in-several-tiles", shared, []))
    made.save()
    return made


def _check(dataset: Dataset, size: int) -> None:
    if not TASKS[dataset.task].fits_tiles:
        able = ", ".join(name for name, task in TASKS.items() if task.fits_tiles)
        raise InputError(f"“{dataset.name}” is for the task {dataset.task}: only those for {able} are cut into tiles.")
    if not sum(dataset.instances.values()):
        raise InputError(
            f"Nothing in “{dataset.name}” is labelled yet. Label it first; labels drawn here count once a training has "
            "made a version of them."
        )
    if not SMALLEST <= size <= LARGEST:
        raise InputError(f"Tiles have {SMALLEST} to {LARGEST} pixels, not {size}.")
    table = dataset.image_table()
    sides = table[["width", "height"]].max(axis=1)
    if table.empty or int(sides.max()) <= size:
        raise InputError(
            f"No picture of “{dataset.name}” is larger than {size} pixels (the largest has "
            f"{0 if table.empty else int(sides.max())}): choose smaller tiles."
        )
    tiles = tile_count(dataset, size)
    if tiles > MOST_TILES:
        raise InputError(f"That would be {count(tiles, 'tile')}, over {thousands(MOST_TILES)}: choose larger ones.")


def _write_tiles(dataset: Dataset, size: int, folder: Path, meter: Meter) -> int:
    """Write the tiles of all pictures with their labels; return how many objects are labelled in several of them."""
    table = dataset.image_table()
    groups = {str(file): str(group) for file, group in zip(table["file"], table["group"], strict=True)}
    numbers: dict[str, int] = {}
    drawn = np.random.default_rng(0)
    folder.mkdir(parents=True)
    parts = [split for split in SPLITS if dataset.images.get(split)]
    content: dict[str, object] = {
        **{split: f"images/{split}" for split in parts},
        "names": dict(enumerate(dataset.classes)),
    }
    (folder / "data.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    done = shared = 0
    for split in parts:
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True)
        empty: list[Path] = []
        labelled = 0
        for picture in dataset.labelled(split):
            group = groups[picture.file] or picture.file
            number = numbers.setdefault(group, len(numbers))
            told = Path(group).stem if group == picture.file else group
            stem = f"{re.sub(r'[^A-Za-z0-9]+', '_', told)[:60]}-{number}"
            tiles_with: Counter[int] = Counter()
            for path, objects in _cut(dataset, picture, size, folder / "images" / split / f"{stem}__{done}"):
                tiles_with.update(objects.keys())
                text = format_labels(list(objects.values()), dataset.task)
                (folder / "labels" / split / f"{path.stem}.txt").write_text(text, encoding="utf-8")
                labelled += bool(objects)
                if not objects:
                    empty.append(path)
            done += 1
            shared += sum(times > 1 for times in tiles_with.values())
            meter("Cutting the pictures", done, len(table))
        if split == "train" and len(empty) > labelled:
            for index in drawn.permutation(len(empty))[labelled:]:
                empty[index].unlink()
                (folder / "labels" / split / f"{empty[index].stem}.txt").unlink()
    return shared


def _cut(
    dataset: Dataset, picture: LabelledImage, size: int, beginning: Path
) -> Iterator[tuple[Path, dict[int, LabelledObject]]]:
    """Write the tiles of a picture; give the file of each, whose name begins with `beginning`, and what lies in it.

    That is the part of each object by the object's number in the picture.
    """
    source = dataset.image_path(picture.file)
    suffix = ".jpg" if source.suffix.lower() in (".jpg", ".jpeg") else ".png"
    with Image.open(source) as image:
        image.load()
        for tile in tiles_of(picture.width, picture.height, size):
            path = beginning.with_name(f"{beginning.name}_{tile.left}_{tile.top}{suffix}")
            box = (tile.left, tile.top, tile.left + tile.width, tile.top + tile.height)
            image.crop(box).save(path, quality=95)
            parts = (in_tile(item, picture.width, picture.height, tile, dataset.task) for item in picture.objects)
            yield path, {number: part for number, part in enumerate(parts) if part is not None}


def in_tile(item: LabelledObject, width: int, height: int, tile: Tile, task: str) -> LabelledObject | None:
    """Return the part of an object that lies in a tile, in fractions of that; None where hardly any of it does.

    That is less than LEAST_PART of it, or a sliver thinner than LEAST_PIXELS of one that isn't as thin.
    `width` and `height`: of the picture, in pixels. Turned boxes (obb) get the smallest turned box around their part.
    """
    if item.polygon is not None:
        whole = item.polygon * (width, height)
    else:
        assert item.box is not None
        x, y, w, h = item.box[0] * width, item.box[1] * height, item.box[2] * width / 2, item.box[3] * height / 2
        whole = np.array([[x - w, y - h], [x + w, y - h], [x + w, y + h], [x - w, y + h]])
    whole = whole - (tile.left, tile.top)
    part = _clipped(whole, tile.width, tile.height)
    area = outline_area(part)
    if not area or area < LEAST_PART * outline_area(whole):
        return None
    if np.ptp(part, axis=0).min() < LEAST_PIXELS <= np.ptp(whole, axis=0).min():
        return None
    if TASKS[task].shape == "corners" and part is not whole:
        part = turned_box(part)
    part = np.clip(part / (tile.width, tile.height), 0, 1)
    polygon = part if item.polygon is not None else None
    return LabelledObject(item.class_id, enclosing_box(part), polygon=polygon)


def _clipped(points: NDArray[np.float64], width: float, height: float) -> NDArray[np.float64]:
    """Return the part of a polygon (n, 2) within (0, 0) to (width, height) (Sutherland and Hodgman 1974)."""
    for axis, limit, sign in ((0, 0.0, 1.0), (0, width, -1.0), (1, 0.0, 1.0), (1, height, -1.0)):
        inside = sign * (points[:, axis] - limit) >= 0
        if inside.all():
            continue
        kept: list[NDArray[np.float64]] = []
        for index, point in enumerate(points):
            before = points[index - 1]
            if inside[index] != inside[index - 1]:
                share = (limit - before[axis]) / (point[axis] - before[axis])
                kept.append(before + share * (point - before))
            if inside[index]:
                kept.append(point)
        points = np.array(kept).reshape(-1, 2)
        if not len(points):
            break
    return points
