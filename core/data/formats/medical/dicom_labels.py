"""DICOM objects that label a series: segmentations (DICOM-SEG) and structure sets (RTSTRUCT)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.data.findings.problems import Problems
from core.data.images.decoding import is_dicom
from core.data.images.dicom import check_inflated, read_dicom
from core.data.images.page import MAX_PAGES, check_size
from core.data.reading.named_classes import clean, unique_names
from core.data.reading.shapes import mask_outlines
from core.data.reading.source_dataset import Points, SourceDataset, SourceImage, SourceObject, split_of
from core.data.reading.tree import PICTURE_SUFFIXES, Tree, suffix_of
from core.errors import InputError
from core.tasks import Task

NAME = "dicom-labels"
LAYOUT = "DICOM series with a DICOM-SEG or RTSTRUCT object"
SEGMENTATION = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
STRUCTURES = "1.2.840.10008.5.1.4.1.1.481.3"
DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
KIND = "dicom "
"""What `Tree.kinds` remembers of a DICOM file: this and its SOP class."""
NEAR = 0.5
"""Millimetres by which a contour or a frame may lie beside its slice."""


@dataclass
class Slice:
    """Where one frame of the pictures lies in the patient."""

    picture: str
    frame: int
    series: str
    position: Points | None = None
    """x, y, z of the centre of its first pixel, in millimetres"""
    axes: Points | None = None
    """(2, 3) directions along its rows and down its columns"""
    spacing: tuple[float, float] = (1.0, 1.0)
    """millimetres between rows, between columns"""

    def to_pixels(self, points: Points) -> Points | None:
        """Return (n, 3) points of the patient as (n, 2) columns and rows, None when the slice has no place."""
        if self.position is None or self.axes is None:
            return None
        flat = (points - self.position) @ self.axes.T
        # The centre of the first pixel is half a pixel inside the edge from which labels count.
        pixels: Points = flat / np.array([self.spacing[1], self.spacing[0]]) + 0.5
        return pixels

    def height(self, point: Points) -> float:
        """Return how far a point of the patient lies above the slice, in millimetres."""
        if self.position is None or self.axes is None:
            return np.inf
        return float(np.dot(point - self.position, np.cross(self.axes[0], self.axes[1])))


@dataclass
class Series:
    """The pictures of an upload by the numbers that DICOM gives them."""

    images: dict[str, SourceImage] = field(default_factory=dict)
    slices: dict[tuple[str, int], Slice] = field(default_factory=dict)
    """(SOP instance, frame from 1) -> slice"""
    by_series: dict[str, list[Slice]] = field(default_factory=dict)

    def at(self, point: Points, series: set[str]) -> Slice | None:
        """Return the slice of some series that lies nearest to a point, None where none is near."""
        places = [place for uid in series or self.by_series for place in self.by_series.get(uid, [])]
        best = min(places, key=lambda place: abs(place.height(point)), default=None)
        return best if best is not None and abs(best.height(point)) <= NEAR else None


def detect(tree: Tree) -> float:
    """Return 0.97 when a segmentation or a structure set lies beside other DICOM pictures."""
    labels, pictures = _sorted(tree)
    return 0.97 if labels and pictures else 0.0


def _sorted(tree: Tree) -> tuple[list[str], list[str]]:
    """Return the DICOM files that are labels, and those that may be pictures."""
    labels: list[str] = []
    pictures: list[str] = []
    for name in tree.pictures:
        suffix = suffix_of(name).lower()
        may_be = suffix in DICOM_SUFFIXES or suffix not in PICTURE_SUFFIXES  # without one it is known by its mark
        if name not in tree.kinds and may_be and is_dicom(tree.files[name]):
            tree.kinds[name] = KIND + _class_of(tree, name)
        if not tree.kinds.get(name, "").startswith(KIND):
            continue
        uid = tree.kinds[name].removeprefix(KIND)
        (labels if uid in (*SEGMENTATION, STRUCTURES) else pictures).append(name)
    return labels, pictures


def _class_of(tree: Tree, name: str) -> str:
    import pydicom

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check_inflated(tree.files[name])
            return str(pydicom.dcmread(tree.files[name], specific_tags=["SOPClassUID"], force=False).get("SOPClassUID"))
    except Exception:  # pydicom raises many kinds on hostile bytes; what is wrong is found when it is decoded
        return ""


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read the slices and the regions of each label object; classes in the order of their names."""
    problems = Problems()
    labels, names = _sorted(tree)
    used = set(labels)
    series = _series(tree, names)
    found: list[tuple[str, Slice, SourceObject]] = []
    failed = ""
    for name in labels:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                file = read_dicom(tree.files[name])
                segmentation = str(file.get("SOPClassUID")) in SEGMENTATION
                found += (_segments if segmentation else _structures)(file, name, series, problems)
        except Exception as error:  # so does it here; the object is named
            failed = f"{name}: {' '.join(str(error).split())[:150] or type(error).__name__}"
            problems.note("unreadable-label", failed)
    if not found and failed:
        raise InputError(f"None of the DICOM label objects can be read (first: {failed}).")
    classes = sorted({label for label, _, _ in found})
    for label, place, item in found:
        item.class_id = classes.index(label)
        image = series.images[place.picture]
        image.by_page = image.by_page if image.by_page is not None else {}
        image.by_page.setdefault(place.frame - 1, []).append(item)
    images = list(series.images.values())
    touched = {place.series for _, place, _ in found}
    by_name = {place.picture: place.series for place in series.slices.values()}
    for image in images:
        # A slice of a labelled series on which nothing is drawn has nothing on it; other series were not looked at.
        image.labelled = by_name.get(image.name) in touched
        if image.labelled and image.by_page is None:
            image.by_page = {}
    others = [SourceImage(tree.files[name], name, split_of(name), labelled=False)
              for name in tree.pictures if name not in used and name not in series.images]  # fmt: skip
    clean_names = unique_names(classes)
    chosen: Task = "detect" if task == "detect" else "segment"
    mapping = {name: place for place, name in enumerate(classes)}
    return SourceDataset(NAME, chosen, clean_names, images + others, problems, mapping, used=used)


def _series(tree: Tree, names: list[str]) -> Series:
    """Return the pictures with the place of each of their frames."""
    result = Series()
    for name in names:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                file = read_dicom(tree.files[name], header_only=True)
                if "Rows" not in file:
                    continue
                uid, series = str(file.get("SOPInstanceUID", name)), str(file.get("SeriesInstanceUID", ""))
                frames = min(int(file.get("NumberOfFrames", 1) or 1), MAX_PAGES)
                places = [_place(file, name, number, series) for number in range(1, frames + 1)]
        except Exception:  # noqa: S112  what is wrong with a picture is found when it is decoded
            continue
        image = SourceImage(tree.files[name], name, split_of(name), unit="pixel", page_count=frames)
        image.group = series
        result.images[name] = image
        for place in places:
            result.slices[uid, place.frame] = place
            result.by_series.setdefault(series, []).append(place)
    numbers: dict[str, str] = {}
    for image in result.images.values():  # the numbers themselves are identity
        image.group = numbers.setdefault(image.group, f"series {len(numbers) + 1}") if image.group else ""
    return result


def _place(file: Any, name: str, frame: int, series: str) -> Slice:
    result = Slice(name, frame, series)
    groups = [file]
    shared, single = file.get("SharedFunctionalGroupsSequence"), file.get("PerFrameFunctionalGroupsSequence")
    groups += [shared[0]] if shared else []
    groups += [single[frame - 1]] if single and frame <= len(single) else []
    for group in groups:
        for holder in (group, *(group[key][0] for key in ("PlanePositionSequence", "PlaneOrientationSequence",
                                                         "PixelMeasuresSequence") if group.get(key))):  # fmt: skip
            if holder.get("ImagePositionPatient"):
                result.position = np.array([float(value) for value in holder.ImagePositionPatient])
            if holder.get("ImageOrientationPatient"):
                result.axes = np.array([float(value) for value in holder.ImageOrientationPatient]).reshape(2, 3)
            if holder.get("PixelSpacing"):
                down, across = (float(value) for value in holder.PixelSpacing)
                result.spacing = (down or 1.0, across or 1.0)
    return result


Found = list[tuple[str, Slice, SourceObject]]


def _segments(file: Any, name: str, series: Series, problems: Problems) -> Found:
    """Return the regions of a segmentation, frame by frame."""
    from pydicom.pixels import iter_pixels

    rows, columns, frames = int(file.Rows), int(file.Columns), int(file.get("NumberOfFrames", 1) or 1)
    check_size(columns, rows, len(file.PixelData) * 8)
    labels = {
        int(item.SegmentNumber): clean(item.get("SegmentLabel")) or f"segment {item.SegmentNumber}"
        for item in file.SegmentSequence
    }
    kind = str(file.get("SegmentationType", "BINARY")).upper()
    is_map = kind == "LABELMAP"
    half = float(file.get("MaximumFractionalValue", 255) or 255) / 2 if kind == "FRACTIONAL" else 0.5
    wanted = _series_of(file)
    found: Found = []
    shared = file.get("SharedFunctionalGroupsSequence")
    for number, values in enumerate(iter_pixels(file, indices=range(frames))):
        group = file.PerFrameFunctionalGroupsSequence[number]
        groups = [group, *(shared or [])[:1]]
        where = f"{name}: frame {number + 1}"
        place = _source(groups, _place(file, name, number + 1, ""), series, wanted)
        if place is None:
            if np.any(values):
                problems.note("image-missing", where)
            continue
        size = series.images[place.picture]
        size.declared = (columns, rows)
        if is_map:
            masks = {int(level): values == level for level in np.unique(values) if level}
        else:
            segment = int(_item(groups, "SegmentIdentificationSequence").ReferencedSegmentNumber)
            masks = {segment: values >= half}
        for level, mask in masks.items():
            outlines, holes, specks = mask_outlines(np.asarray(mask, dtype=bool))
            if holes:
                problems.note("hole-filled", where, count=holes)
            if specks:
                problems.note("mask-specks", where, count=specks)
            label = labels.get(level, f"segment {level}")
            found += [(label, place, SourceObject(0, polygon=outline, row=where)) for outline in outlines]
    return found


def _item(groups: list[Any], key: str) -> Any:
    return next(group[key][0] for group in groups if group.get(key))


def _series_of(file: Any) -> set[str]:
    return {str(item.SeriesInstanceUID) for item in file.get("ReferencedSeriesSequence", []) or []}


def _source(groups: list[Any], own: Slice, series: Series, wanted: set[str]) -> Slice | None:
    """Return the slice that a frame of a segmentation was drawn on: as it says, else the one in the same plane."""
    for group in groups:
        for derivation in group.get("DerivationImageSequence", []) or []:
            for source in derivation.get("SourceImageSequence", []) or []:
                listed = source.get("ReferencedFrameNumber")
                numbers = listed if hasattr(listed, "__iter__") else [listed or 1]
                for number in numbers:
                    place = series.slices.get((str(source.get("ReferencedSOPInstanceUID")), int(number)))
                    if place is not None:
                        return place
    if own.position is None:
        return None
    place = series.at(own.position, wanted & set(series.by_series))
    if place is None or own.axes is None or place.axes is None or np.abs(own.axes - place.axes).max() > 1e-3:
        return None
    return place if np.abs(np.asarray(place.position) - own.position).max() <= NEAR else None


def _structures(file: Any, name: str, series: Series, problems: Problems) -> Found:
    """Return the closed contours of a structure set as outlines in pixels."""
    labels = {int(item.ROINumber): clean(item.get("ROIName")) for item in file.get("StructureSetROISequence", []) or []}
    found: Found = []
    for region in file.get("ROIContourSequence", []) or []:
        number = int(region.get("ReferencedROINumber", 0) or 0)
        label = labels.get(number) or f"region {number}"
        inside: dict[tuple[str, int], list[Points]] = {}
        for contour in region.get("ContourSequence", []) or []:
            kind = str(contour.get("ContourGeometricType", "CLOSED_PLANAR"))
            points = np.array([float(value) for value in contour.ContourData]).reshape(-1, 3)
            if not kind.startswith("CLOSED") or len(points) < 3:
                problems.note("other-shape", f"{name}: {kind.lower().replace('_', ' ')} {label}")
                continue
            place = _drawn_on(contour, points, series)
            outline = place.to_pixels(points) if place is not None else None
            if place is None or outline is None:
                problems.note("image-missing", f"{name}: contour of {label}")
                continue
            inside.setdefault((place.picture, place.frame), []).append(outline)
            found.append((label, place, SourceObject(0, polygon=outline, row=f"contour of {len(points)} points")))
        holes = {id(hole) for outlines in inside.values() for hole in _holes(outlines)}
        if holes:
            problems.note("hole-filled", f"{name}: {label}", count=len(holes))
            found = [entry for entry in found if id(entry[2].polygon) not in holes]
    return found


def _drawn_on(contour: Any, points: Points, series: Series) -> Slice | None:
    for item in contour.get("ContourImageSequence", []) or []:
        frame = item.get("ReferencedFrameNumber")
        frame = int(frame[0] if hasattr(frame, "__iter__") else frame or 1)
        place = series.slices.get((str(item.get("ReferencedSOPInstanceUID")), frame))
        if place is not None:
            return place
    return series.at(points.mean(axis=0), set())


def _holes(outlines: list[Points]) -> list[Points]:
    """Return the outlines that lie within another of the same region: holes in it."""
    import cv2

    result = []
    for place, inner in enumerate(outlines):
        for other, outer in enumerate(outlines):
            shape = outer.astype(np.float32).reshape(-1, 1, 2)
            if other != place and all(cv2.pointPolygonTest(shape, (float(x), float(y)), False) > 0 for x, y in inner):
                result.append(inner)
                break
    return result
