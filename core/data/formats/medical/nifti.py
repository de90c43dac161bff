"""NIfTI volumes with label volumes: nnU-Net, Medical Segmentation Decathlon, BraTS and pairs of files like these.

Every slice along the axis that the user picks is a picture; each value of the label volume but 0 is a class.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from core.data.findings.problems import Problems
from core.data.images.nifti import AXES, Volume, is_nifti, open_volume
from core.data.images.page import MAX_PAGES, UnreadableImage
from core.data.reading.choices import Option
from core.data.reading.json_labels import as_dict, load_json
from core.data.reading.named_classes import clean, unique_names
from core.data.reading.shapes import mask_outlines
from core.data.reading.source_dataset import SourceDataset, SourceImage, SourceObject, split_of
from core.data.reading.tree import Tree
from core.errors import InputError
from core.tasks import TASKS, Task

NAME = "nifti"
LAYOUT = "NIfTI volumes with label volumes (nnU-Net, Medical Segmentation Decathlon, BraTS)"
LABEL_FOLDERS = ("labelstr", "labelsts", "labelsval", "labels", "labels_tr", "masks", "mask", "segmentations",
                 "segmentation", "seg", "gt", "groundtruth", "label", "annotations")  # fmt: skip
LABEL_WORD = r"(segmentations?|seg|masks?|labels?|gt|groundtruth|roi|lesions?|manual)"
LABEL_NAME = re.compile(rf"^{LABEL_WORD}[-_]?(?=\d|$)|[-_]{LABEL_WORD}$|^{LABEL_WORD}[-_]")
"""What says in a file name that a volume holds labels: x_seg, segmentation-3, mask."""
PICTURE_NAME = re.compile(r"^(volume|imaging|image|img|scan|ct|mr|orig)[-_]?(?=\d|$)|[-_](image|img|volume|scan|orig)$")
CHANNEL = re.compile(r"_\d{4}$")
"""What nnU-Net puts behind the name of a case: the number of the channel."""
MAX_CLASSES = 512


@dataclass
class Case:
    """One volume, the label volume that belongs to it, and further volumes of the same case."""

    picture: str
    label: str | None
    others: list[str]
    split: str | None = None


def detect(tree: Tree) -> float:
    """Return 0.96 when volumes have label volumes, 0.2 for volumes alone."""
    volumes = [name for name in tree.files if is_nifti(name)]
    if not volumes:
        return 0.0
    return 0.96 if any(case.label for case in cases(tree)) else 0.2


def stem_of(name: str) -> str:
    """Return the name of a volume without folders and suffix, in lower case."""
    base = name.rsplit("/", 1)[-1].lower()
    return base.removesuffix(".gz").removesuffix(".nii")


def cases(tree: Tree) -> list[Case]:
    """Return the volumes with the label volumes that belong to them, by case."""
    volumes = [name for name in tree.files if is_nifti(name)]
    labels = [name for name in volumes if _is_label(name)]
    pictures = [name for name in volumes if name not in set(labels)]
    by_case: dict[tuple[str, str | None], list[str]] = {}
    keys = {label: (_case_of_label(label), split_of(label)) for label in labels}
    label_of: dict[str, str] = {}
    for name in pictures:
        label = _label_of(name, keys)
        if label is not None:
            label_of[name] = label
            by_case.setdefault((label, None), []).append(name)
        else:
            by_case.setdefault((CHANNEL.sub("", name.removesuffix(".gz").removesuffix(".nii")), ""), []).append(name)
    found = []
    for names in by_case.values():
        first, *others = sorted(names)
        found.append(Case(first, label_of.get(first), others, _part(first)))
    return sorted(found, key=lambda case: case.picture)


def _part(name: str) -> str | None:
    folders = name.lower().split("/")[:-1]
    return "test" if any(part in ("imagests", "labelsts") for part in folders) else split_of(name)


def _is_label(name: str) -> bool:
    folders = [part.lower() for part in name.split("/")[:-1]]
    return any(part in LABEL_FOLDERS for part in folders) or LABEL_NAME.search(stem_of(name)) is not None


def _case_of_label(label: str) -> str:
    return LABEL_NAME.sub("", stem_of(label))


def _label_of(name: str, keys: dict[str, tuple[str, str | None]]) -> str | None:
    """Return the label volume of a volume: of the same case name, nearest by folders; None where none fits."""
    stem = stem_of(name)
    folder = name.rpartition("/")[0]
    names = {stem, CHANNEL.sub("", stem), PICTURE_NAME.sub("", stem)}
    fitting = [label for label, (case, _) in keys.items() if case and case in names]
    if not fitting:  # BraTS: x_t1, x_flair and x_seg lie in the folder of the case; KiTS: imaging and segmentation
        fitting = [
            label
            for label, (case, _) in keys.items()
            if label.rpartition("/")[0] == folder and (not case or stem.startswith((f"{case}_", f"{case}-")))
        ]
    if not fitting and (subject := re.match(r"sub-[a-z0-9]+", stem)):  # BIDS: sub-01_T1w, sub-01_label-lesion_mask
        fitting = [label for label in keys if re.match(rf"{subject[0]}(_|$)", stem_of(label))]
    return max(fitting, key=lambda label: _shared(label, name)) if fitting else None


def _shared(one: str, other: str) -> tuple[int, int]:
    mine, theirs = PurePosixPath(one.lower()).parts[:-1], PurePosixPath(other.lower()).parts[:-1]
    head = next((n for n, pair in enumerate(zip(mine, theirs, strict=False)) if pair[0] != pair[1]), 99)
    ends = {part[-2:] for part in mine} & {part[-2:] for part in theirs}  # imagesTr goes with labelsTr
    return head, len(ends)


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read every slice of the volumes that have a label volume; where none has, the volumes alone."""
    problems = Problems()
    used = {name for name in tree.files if is_nifti(name)}
    names = _names(tree, used)
    found = cases(tree)
    axis = tree.choices.ask(
        "axis",
        "Along which axis are the volumes cut into pictures?",
        [Option("axial", "seen from the feet, from bottom to top"), Option("coronal", "seen from the front"),
         Option("sagittal", "seen from the side")],
        AXES[0],
        "Most volumes are taken and read in axial slices.",
    )  # fmt: skip
    labelled = [case for case in found if case.label]
    if labelled:
        for case in found:
            if not case.label:
                problems.note("volume-without-label", case.picture)
    for case in found:
        for other in case.others:
            problems.note("volumes-left-out", f"{other} (used: {case.picture})")
    paired = {case.label for case in labelled}
    for name in used:
        if _is_label(name) and name not in paired:
            problems.note("image-missing", name)
    semantic = task is not None and TASKS[task].has_masks
    levels: set[int] = set()
    images: list[SourceImage] = []
    failed: list[str] = []
    for case in labelled or found:
        image = SourceImage(tree.files[case.picture], case.picture, case.split, unit="pixel", axis=axis)
        image.group = PurePosixPath(case.picture).name.split(".")[0]
        image.labelled = case.label is not None
        try:
            if case.label is not None:
                _label(tree, image, case.label, axis, levels, problems, semantic=semantic)
            images.append(image)
        except UnreadableImage as error:
            failed.append(f"{case.label}: {error}")
            problems.note("unreadable-label", failed[-1])
    if labelled and not images:
        raise InputError(f"None of the {len(labelled)} NIfTI label volumes can be read (first: {failed[0]}).")
    ordered = sorted(levels)
    if len(ordered) > MAX_CLASSES:
        raise InputError(
            f"The label volumes hold {len(ordered)} values, as pictures do: name the labels' folder labelsTr or labels."
        )
    classes = [
        names.get(level) or ("object" if ordered == [1] and not names else f"level {level}") for level in ordered
    ]
    index = {level: place + semantic for place, level in enumerate(ordered)}
    for image in images:
        for item in image.all_objects:
            item.class_id = index[item.class_id]
        if semantic:
            label = next(case.label for case in labelled if case.picture == image.name)
            image.page_pixels = partial(_pixels, tree, str(label), axis, index)
    classes = unique_names((["background"] if semantic else []) + classes)
    chosen: Task = "semantic" if semantic else "detect" if task == "detect" or not labelled else "segment"
    mapping = {name: place for place, name in enumerate(classes)}
    return SourceDataset(NAME, chosen, classes, images, problems, mapping, used=used)


def _label(
    tree: Tree,
    image: SourceImage,
    label: str,
    axis: str,
    levels: set[int],
    problems: Problems,
    *,
    semantic: bool,
) -> None:
    """Outline the regions of every slice of a label volume. Raises UnreadableImage."""
    volume = open_volume(tree.files[label])
    values = _integers(volume)
    expected = open_volume_shape(tree, image.name)
    if volume.shape != expected:
        raise UnreadableImage(f"{volume.shape} voxels, but {image.name} has {expected}")
    whole = Volume(values)
    image.by_page = {}
    image.page_count = min(whole.count(axis), MAX_PAGES)
    for number in range(image.page_count):
        cut = np.ascontiguousarray(whole.cut(axis, number))
        objects = []
        for level in (int(value) for value in np.unique(cut) if value):
            levels.add(level)
            outlines, holes, specks = mask_outlines(cut == level)
            if not semantic:
                if holes:
                    problems.note("hole-filled", f"{label}: slice {number + 1}", count=holes)
                if specks:
                    problems.note("mask-specks", f"{label}: slice {number + 1}", count=specks)
            objects += [SourceObject(level, polygon=outline, row=f"slice {number + 1}") for outline in outlines]
        if objects:
            image.by_page[number] = objects


def open_volume_shape(tree: Tree, name: str) -> tuple[int, int, int]:
    """Return the voxels of a volume along the patient's axes. Raises UnreadableImage."""
    from core.data.images.nifti import size_of

    x, y, z = size_of(tree.files[name])[:3]
    return x, y, z


def _integers(volume: Volume) -> NDArray[np.int64]:
    values = volume.values
    if values.ndim != 3:
        raise UnreadableImage("a label volume in colour")
    if (volume.slope, volume.intercept) != (1.0, 0.0) or values.dtype.kind == "f":
        real = values.astype(np.float64) * volume.slope + volume.intercept
        values = np.rint(np.nan_to_num(real))
        if np.abs(real - values).max(initial=0) > 1e-3:
            raise UnreadableImage("a label volume with values that are no whole numbers (probabilities?)")
    return values.astype(np.int64)


def _pixels(tree: Tree, label: str, axis: str, index: dict[int, int], page: int) -> NDArray[np.uint8]:
    """Return the class of every pixel of a slice, 0 for background."""
    cut = Volume(_integers(open_volume(tree.files[label]))).cut(axis, page)
    result = np.zeros(cut.shape, dtype=np.uint8)
    for level, place in index.items():
        result[cut == level] = place
    return result


def _names(tree: Tree, used: set[str]) -> dict[int, str]:
    """Return value -> class name from dataset.json: nnU-Net writes name: value, the Decathlon value: name."""
    for name in tree.with_suffix(".json"):
        if PurePosixPath(name).name.lower() != "dataset.json":
            continue
        try:
            labels = as_dict(as_dict(load_json(tree, name)).get("labels"))
        except InputError:
            continue
        used.add(name)
        found = {}
        for key, value in labels.items():
            if isinstance(value, int) and not isinstance(value, bool):
                found[value] = clean(key)
            elif isinstance(value, str) and key.lstrip("-").isdecimal():
                found[int(key)] = clean(value)
        return {level: text for level, text in found.items() if level and text}
    return {}
