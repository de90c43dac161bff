"""DICOM-SEG and RTSTRUCT as labels of their series: by what they refer to, and by where they lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from core.data.importing.from_upload import import_dataset
from core.errors import InputError
from tests.data.test_images import dicom

ROWS, COLUMNS, COUNT = 40, 60, 4
SPACING = (2.0, 0.5)
"""millimetres between rows, between columns"""
SERIES = "1.2.3.4"


def item(**values: object) -> Dataset:
    made = Dataset()
    for name, value in values.items():
        setattr(made, name, value)
    return made


def several(*items: Dataset) -> Sequence:
    return Sequence(items)


def position(number: int) -> list[float]:
    return [-15.0, -40.0, 5.0 * number]


def series(root: Path) -> None:
    root.mkdir(parents=True)
    for number in range(COUNT):
        values = np.random.default_rng(number).integers(0, 4000, (ROWS, COLUMNS)).astype(np.uint16)
        dicom(root / f"{number}.dcm", values, SOPInstanceUID=f"1.2.3.{number}", SeriesInstanceUID=SERIES,
              SOPClassUID="1.2.840.10008.5.1.4.1.1.2", ImagePositionPatient=position(number),
              ImageOrientationPatient=[1, 0, 0, 0, 1, 0], PixelSpacing=list(SPACING))  # fmt: skip


def save(path: Path, uid: str, **values: object) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = uid, "1.2.9.9"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    file.SOPClassUID, file.SOPInstanceUID, file.SeriesInstanceUID = uid, "1.2.9.9", "1.2.9"
    for name, value in values.items():
        setattr(file, name, value)
    pydicom.dcmwrite(path, file, enforce_file_format=True)


MASK = np.zeros((ROWS, COLUMNS), np.uint8)
MASK[10:20, 30:50] = 1
BOX = [30, 10, 50, 20]


def segmentation(path: Path, by: str, kind: str = "BINARY") -> None:
    """Segment 1 (liver) on slices 0 and 1, segment 2 (tumour) on slice 2."""
    frames = [(0, 1), (1, 1), (2, 2)]
    groups = []
    for slice_number, segment in frames:
        group = item(SegmentIdentificationSequence=several(item(ReferencedSegmentNumber=segment)))
        group.PlanePositionSequence = several(item(ImagePositionPatient=position(slice_number)))
        if by == "reference":
            source = item(ReferencedSOPClassUID="1.2", ReferencedSOPInstanceUID=f"1.2.3.{slice_number}")
            group.DerivationImageSequence = several(item(SourceImageSequence=several(source)))
        groups.append(group)
    shared = item(
        PlaneOrientationSequence=several(item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])),
        PixelMeasuresSequence=several(item(PixelSpacing=list(SPACING))),
    )
    labels = [item(SegmentNumber=n, SegmentLabel=label) for n, label in ((1, "liver"), (2, "tumour"))]
    if kind == "BINARY":
        data, bits = np.packbits(np.stack([MASK] * 3).ravel(), bitorder="little").tobytes(), 1
    elif kind == "FRACTIONAL":
        data, bits = (np.stack([MASK] * 3) * 200 + 20).astype(np.uint8).tobytes(), 8
    else:
        data, bits = np.stack([MASK * segment for _, segment in frames]).astype(np.uint8).tobytes(), 8
    save(path, "1.2.840.10008.5.1.4.1.1.66.4", Modality="SEG", Rows=ROWS, Columns=COLUMNS, NumberOfFrames=3,
         SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2", PixelRepresentation=0, BitsAllocated=bits,
         BitsStored=bits, HighBit=bits - 1, SegmentationType=kind, MaximumFractionalValue=255,
         SegmentSequence=several(*labels), SharedFunctionalGroupsSequence=several(shared),
         PerFrameFunctionalGroupsSequence=several(*groups), PixelData=data + b"\0" * (len(data) % 2),
         ReferencedSeriesSequence=several(item(SeriesInstanceUID=SERIES)))  # fmt: skip


def corners(image, place: int = 0) -> np.ndarray:
    x, y, w, h = image.objects[place].box
    return np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2]) * np.tile([COLUMNS, ROWS], 2)


def by_source(dataset) -> dict:
    table = dataset.image_table().set_index("file")["source"]
    return {Path(table[image.file]).stem: image for image in dataset.labelled()}


@pytest.mark.parametrize("by", ["reference", "place"])
@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_segments_become_outlines_on_their_slices(workspace, tmp_path, by, kind):
    series(tmp_path / "set")
    segmentation(tmp_path / "set" / "seg.dcm", by, kind)
    dataset = import_dataset(workspace, tmp_path / "set")
    assert (dataset.format, dataset.task, dataset.classes) == ("dicom-labels", "segment", ["liver", "tumour"])
    assert dataset.instances == {"liver": 2, "tumour": 1}
    images = by_source(dataset)
    assert {name: len(image.objects) for name, image in images.items()} == {"0": 1, "1": 1, "2": 1, "3": 0}
    assert np.abs(corners(images["0"]) - BOX).max() < 0.5
    assert not {"missing-label", "unreadable-image"} & {found.code for found in dataset.findings}
    assert dataset.image_table()["group"].nunique() == 1


def contour(number: int, box: list[int], by: str, kind: str = "CLOSED_PLANAR") -> Dataset:
    # the centre of the first pixel is where the slice begins
    left, top, right, bottom = (np.array(box) - 0.5) * np.tile([SPACING[1], SPACING[0]], 2)
    x, y, z = position(number)
    points = [(left, top), (right, top), (right, bottom), (left, bottom)]
    made = item(ContourGeometricType=kind, NumberOfContourPoints=4)
    made.ContourData = [value for across, down in points for value in (x + across, y + down, z)]
    if by == "reference":
        source = item(ReferencedSOPClassUID="1.2", ReferencedSOPInstanceUID=f"1.2.3.{number}")
        made.ContourImageSequence = several(source)
    return made


def structures(path: Path, contours: list[tuple[int, list[Dataset]]]) -> None:
    names = {1: "heart", 2: "lung"}
    regions = [item(ROINumber=number, ROIName=names[number]) for number, _ in contours]
    drawn = [item(ReferencedROINumber=number, ContourSequence=several(*found)) for number, found in contours]
    save(path, "1.2.840.10008.5.1.4.1.1.481.3", Modality="RTSTRUCT", StructureSetROISequence=several(*regions),
         ROIContourSequence=several(*drawn))  # fmt: skip


@pytest.mark.parametrize("by", ["reference", "place"])
def test_contours_become_outlines_in_pixels(workspace, tmp_path, by):
    series(tmp_path / "set")
    found = [(1, [contour(0, BOX, by), contour(2, BOX, by)]), (2, [contour(2, [2, 3, 12, 13], by)])]
    structures(tmp_path / "set" / "rt.dcm", found)
    dataset = import_dataset(workspace, tmp_path / "set")
    assert (dataset.task, dataset.classes, dataset.instances) == ("segment", ["heart", "lung"], {"heart": 2, "lung": 1})
    images = by_source(dataset)
    assert np.abs(corners(images["0"]) - BOX).max() < 0.5
    assert len(images["2"].objects) == 2
    assert images["1"].objects == images["3"].objects == []


def test_holes_points_and_lost_slices_are_said(workspace, tmp_path):
    series(tmp_path / "set")
    lost = contour(0, BOX, "place")
    lost.ContourData = [value + 500 for value in lost.ContourData]
    found = [(1, [contour(0, BOX, "place"), contour(0, [34, 12, 40, 16], "place"),
                  contour(1, BOX, "place", "OPEN_PLANAR"), lost])]  # fmt: skip
    structures(tmp_path / "set" / "rt.dcm", found)
    dataset = import_dataset(workspace, tmp_path / "set")
    codes = {found.code: found.count for found in dataset.findings}
    assert dataset.instances == {"heart": 1}
    assert (codes["hole-filled"], codes["other-shape"], codes["image-missing"]) == (1, 1, 1)


def test_frames_of_one_file_are_labelled_each(workspace, tmp_path):
    root = tmp_path / "set"
    root.mkdir()
    values = np.random.default_rng(0).integers(0, 4000, (COUNT, ROWS, COLUMNS)).astype(np.uint16)
    dicom(root / "ct.dcm", values, SOPInstanceUID="1.2.3.0", SeriesInstanceUID=SERIES,
          SOPClassUID="1.2.840.10008.5.1.4.1.1.2.1")  # fmt: skip
    file = pydicom.dcmread(root / "ct.dcm")
    file.SharedFunctionalGroupsSequence = several(
        item(PlaneOrientationSequence=several(item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])),
             PixelMeasuresSequence=several(item(PixelSpacing=list(SPACING))))
    )  # fmt: skip
    file.PerFrameFunctionalGroupsSequence = several(
        *(item(PlanePositionSequence=several(item(ImagePositionPatient=position(n)))) for n in range(COUNT))
    )
    file.save_as(root / "ct.dcm")
    segmentation(root / "seg.dcm", "place")
    dataset = import_dataset(workspace, root)
    assert sum(dataset.images.values()) == COUNT
    assert dataset.instances == {"liver": 2, "tumour": 1}
    table = dataset.image_table().set_index("source")["objects"]
    assert table.to_dict() == {"ct.dcm": 1, "ct.dcm#2": 1, "ct.dcm#3": 1, "ct.dcm#4": 0}


def test_a_series_nobody_drew_on_is_not_taken_for_empty(workspace, tmp_path):
    series(tmp_path / "set")
    segmentation(tmp_path / "set" / "seg.dcm", "reference")
    values = np.random.default_rng(9).integers(0, 4000, (ROWS, COLUMNS)).astype(np.uint16)
    dicom(tmp_path / "set" / "scout.dcm", values, SOPInstanceUID="1.2.8", SeriesInstanceUID="1.2.7",
          SOPClassUID="1.2.840.10008.5.1.4.1.1.2")  # fmt: skip
    codes = {found.code: found.count for found in import_dataset(workspace, tmp_path / "set").findings}
    assert codes["missing-label"] == 1


def test_a_damaged_label_object_is_named(workspace, tmp_path):
    series(tmp_path / "set")
    save(tmp_path / "set" / "seg.dcm", "1.2.840.10008.5.1.4.1.1.66.4", Modality="SEG")
    with pytest.raises(InputError, match=r"seg\.dcm"):
        import_dataset(workspace, tmp_path / "set")
    structures(tmp_path / "set" / "rt.dcm", [(1, [contour(0, BOX, "place")])])
    dataset = import_dataset(workspace, tmp_path / "set")
    assert dataset.instances == {"heart": 1}
    assert {found.code for found in dataset.findings} >= {"unreadable-label"}
