"""Public sets by name, from the list Ultralytics ships: downloaded on the user's word, read by Graft's own importer.

The list is read from `cfg/datasets/*.yaml` of the installed package, as text. Its `download:` entries may hold code:
only one that is a plain https address of a zip among the ultralytics/assets releases is taken, and nothing is ever run.
What arrives is treated like any upload: unpacked safely, its own yaml files dropped, its labels read and checked.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.data.importing.settings import ImportSettings
from core.data.reading.archives import extract
from core.errors import GraftError, InputError
from core.files.digests import file_sha256
from core.files.fetching import NotThere, Unreachable, fetch
from core.jobs import Progress, Report
from core.settings import load_settings, refuse_unless_allowed
from core.tasks import Task
from core.ultralytics.installed import dataset_descriptions
from core.workspace import Workspace

ADDRESS = re.compile(r"^https://github\.com/ultralytics/assets/releases/download/[\w.-]+/[\w.-]+\.zip$")
LARGEST = 500_000_000
"""Bytes above which a set is not offered: larger ones are research collections, not something to try out."""
OTHER_TASKS = ("depth", "nyu-depth", "cityscapes", "multispectral", "coco12-formats")
"""Parts of the names of sets for tasks and picture kinds Graft does not train."""
ABOUT = {
    "african-wildlife": "Buffaloes, elephants, rhinos and zebras in the wild",
    "brain-tumor": "MRI and CT slices of the brain, with and without a tumour",
    "carparts-seg": "Outlines of car parts, for damage and repair",
    "coco128": "128 everyday photographs, 80 kinds of things",
    "coco128-seg": "128 everyday photographs with outlines",
    "coco8": "Eight everyday photographs, to see that everything works",
    "coco8-grayscale": "Eight photographs without colour",
    "coco8-pose": "Eight photographs of people with 17 body points",
    "coco8-seg": "Eight photographs with outlines",
    "construction-ppe": "Helmets, vests and gloves on building sites, and people without them",
    "crack-seg": "Cracks in roads and walls, outlined",
    "dog-pose": "Dogs with 24 body points",
    "dota128": "128 aerial pictures, turned boxes",
    "dota8": "Eight aerial pictures, turned boxes",
    "hand-keypoints": "Hands with 21 points",
    "HomeObjects-3K": "Furniture and things in living rooms",
    "kitti": "Street scenes from a car",
    "medical-pills": "Pills on a tray, to count",
    "package-seg": "Parcels in a warehouse, outlined",
    "signature": "Signatures on documents",
    "tiger-pose": "A tiger with 12 body points",
}


@dataclass(frozen=True)
class PublicSet:
    """A public set that can be downloaded by name."""

    name: str
    about: str
    """what the pictures show, in words; empty when the list holds a set Graft has no words for"""
    task: Task
    address: str
    bytes: int
    """size of the download as the list tells it, 0 when it doesn't"""
    pictures: int
    """as the list tells, 0 when it doesn't"""
    classes: tuple[str, ...]
    keypoints: tuple[int, int] | None
    documentation: str


@cache
def public_sets() -> tuple[PublicSet, ...]:
    """Return the public sets of the installed Ultralytics version that Graft can train on, the smallest first."""
    found = []
    for name, text in dataset_descriptions().items():
        item = read_set(name, text)
        if item is not None and item.bytes <= LARGEST and not any(part in item.name for part in OTHER_TASKS):
            found.append(item)
    return tuple(sorted(found, key=lambda item: (item.bytes, item.name)))


def read_set(name: str, text: str) -> PublicSet | None:
    """Read one yaml of the list as plain data; None when its download is not one plain address of a zip."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    if not isinstance(content, dict) or not isinstance(content.get("names"), dict):
        return None
    address = content.get("download")
    if not isinstance(address, str) or not ADDRESS.match(address):
        return None
    size = re.search(r"downloads here \([^\d)]*([\d.]+)\s*(MB|GB)", text)
    document = re.search(r"^# Documentation: (https://docs\.ultralytics\.com/\S+)", text, re.MULTILINE)
    shape = content.get("kpt_shape")
    names = content["names"]
    return PublicSet(
        name,
        ABOUT.get(name, ""),
        _task(name, document[1] if document else "", shape),
        address,
        round(float(size[1]) * (1e9 if size[2] == "GB" else 1e6)) if size else 0,
        sum(_counts(text).values()),
        tuple(str(names[key]) for key in sorted(names)),
        (int(shape[0]), int(shape[1])) if isinstance(shape, list) and len(shape) == 2 else None,
        document[1] if document else "",
    )


def _counts(text: str) -> dict[str, int]:
    """Return the pictures of each folder the comments tell of; train and val are one folder in the smallest sets."""
    told = re.findall(r"^(?:train|val|test): *(\S+) *#.*?(\d+) images", text, re.MULTILINE)
    return {folder: int(number) for folder, number in told}


def _task(name: str, document: str, shape: Any) -> Task:
    if shape:
        return "pose"
    if name.endswith("-seg"):
        return "segment"
    return "obb" if "/obb/" in document else "detect"


def find_public_set(name: str) -> PublicSet | None:
    """Return the public set called `name` (capitals and .yaml don't matter), None when there is none."""
    wanted = name.lower().removesuffix(".yaml")
    return next((item for item in public_sets() if item.name.lower() == wanted), None)


def import_public_set(
    workspace: Workspace,
    name: str,
    *,
    settings: ImportSettings | None = None,
    title: str | None = None,
    progress: Report | None = None,
) -> Dataset:
    """Download a public set and import it; the download goes on where an earlier one stopped.

    Raises InputError when there is no such set or it can't be read, Unreachable without a network.
    """
    found = find_public_set(name)
    if found is None:
        known = ", ".join(item.name for item in public_sets())
        raise InputError(f"There is no public set “{name}”; there are {known}.")
    refuse_unless_allowed(load_settings(workspace).fetch_public_sets, "public sets")
    downloads = workspace.root / "downloads"
    downloads.mkdir(exist_ok=True)
    part = downloads / found.address.rpartition("/")[2]
    _download(found, part, progress)
    digest = file_sha256(part)
    with workspace.staging("public-set") as stage:
        try:
            extract(part, stage / found.name, workspace.free_bytes())
        except InputError as error:
            part.unlink()
            raise GraftError(f"{found.name} arrived damaged and was removed; download it again ({error})") from error
        root = _pictures_root(stage / found.name)
        for own in (stage / found.name).rglob("*.y*ml"):
            own.unlink()
        _write_yaml(root, found)
        dataset = import_dataset(workspace, root, settings=settings, name=title or found.name, progress=progress)
    part.unlink()
    dataset = dataset.model_copy(update={"source": f"public set {found.name}, {found.address}, SHA-256 {digest}"})
    dataset.save()
    return dataset


def _download(found: PublicSet, part: Path, progress: Report | None) -> None:
    begun, first = time.monotonic(), part.stat().st_size if part.exists() else 0

    def moved(done: int, total: int) -> None:
        passed, fresh = time.monotonic() - begun, done - first
        left = passed / fresh * (total - done) if fresh > 0 and passed > 0.5 and total else None
        if progress:
            progress(Progress("Downloading (kilobytes)", done // 1000, (total or found.bytes) // 1000, left))

    try:
        fetch(found.address, part, moved)
    except Unreachable as error:
        raise Unreachable(
            f"{error} Fetch {found.address} on another machine and bring in the zip, or try the sample set."
        ) from error
    except NotThere as error:
        raise NotThere(f"{error} The list is that of the installed Ultralytics; the set may have moved.") from error


def _pictures_root(folder: Path) -> Path:
    """Return the topmost folder that holds `images`; the archives have it at the top or one or two folders down."""
    for depth in ("", "*/", "*/*/"):
        for images in sorted(folder.glob(f"{depth}images")):
            if images.is_dir():
                return images.parent
    raise InputError(
        f"{folder.name} has no folder of pictures where Ultralytics' sets have it; bring the zip in yourself."
    )


def _write_yaml(root: Path, found: PublicSet) -> None:
    """Write the description the importer reads: the parts that are there, the class names, the body points."""
    parts = {part: f"images/{part}" for part in ("train", "val", "test") if (root / "images" / part).is_dir()}
    if not parts:  # coco128 has images/train2017 for both
        folders = sorted(folder.name for folder in (root / "images").iterdir() if folder.is_dir())
        parts = {"train": f"images/{folders[0]}" if len(folders) == 1 else "images"}
    content: dict[str, Any] = {"path": ".", **parts, "names": dict(enumerate(found.classes))}
    if found.keypoints:
        content["kpt_shape"] = list(found.keypoints)
    (root / "data.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
