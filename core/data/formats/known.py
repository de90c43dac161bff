"""Layouts that are known by name and not read: what an upload seems to be, and how to bring it in all the same."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from core.data.formats.folder_per_class import hold_masks
from core.data.reading.json_labels import first_line, load_json, number
from core.data.reading.json_stream import is_large
from core.data.reading.tree import Tree
from core.errors import InputError


@dataclass(frozen=True)
class Known:
    """A layout by a mark of its files, and what to do with it."""

    name: str
    suffixes: tuple[str, ...] = ()
    pattern: str = ""
    """a regular expression that a whole lower-case name matches"""
    marks: tuple[bytes, ...] = ()
    """how the file begins; none: any way"""
    at: int = 0
    """byte at which the mark stands"""
    advice: str = "Export the set as COCO JSON or YOLO, or as one folder per class."
    alone: bool = False
    """says nothing of a set where pictures lie beside it: a stray video, somebody's weights"""


VOC_OR_COCO = "Export it as COCO JSON, Pascal VOC or YOLO."
PLAIN_PICTURES = "Save the pictures as PNG or TIFF, and their labels as COCO JSON, YOLO or masks."
KNOWN: tuple[Known, ...] = (
    Known("TFRecord (TensorFlow)", (".tfrecord", ".tfrecords"), r".*\.tfrecords?(-\d+-of-\d+)?(\.gz)?"),
    Known("TFRecord (TensorFlow)", (".record",), r".*\.record(-\d+-of-\d+)?"),
    Known("a TensorFlow dataset (TFDS)", pattern=r"(.*/)?(dataset_info|features)\.json$|.*\.array_record.*"),
    Known("an LMDB database", pattern=r"(.*/)?(data|lock)\.mdb"),
    Known("MXNet RecordIO", (".rec",), advice=VOC_OR_COCO),
    Known("HDF5", (".h5", ".hdf5", ".hdf"), marks=(b"\x89HDF",), advice=PLAIN_PICTURES),
    Known("a MATLAB file", (".mat",), advice=PLAIN_PICTURES),
    Known("NumPy arrays (MedMNIST and others)", (".npy", ".npz"), advice=PLAIN_PICTURES),
    Known("a pickle, which would run code when opened (CIFAR and others)", (".pkl", ".pickle", ".p"),
          advice=PLAIN_PICTURES),
    Known("CIFAR batches", pattern=r"(.*/)?(data_batch_\d|test_batch|batches\.meta)(\.bin)?", advice=PLAIN_PICTURES),
    Known("MNIST's IDX files", pattern=r"(.*/)?.*-idx[13]-ubyte(\.gz)?", advice=PLAIN_PICTURES),
    Known("a PyTorch file", (".pth", ".pt", ".beton"), advice=PLAIN_PICTURES, alone=True),
    Known("nuScenes", pattern=r"(.*/)?v1\.0-\w+/(sample|sample_annotation|ego_pose)\.json", advice=VOC_OR_COCO),
    Known("MOTChallenge", pattern=r"(.*/)?gt/gt\.txt", advice=VOC_OR_COCO),
    Known("WIDER FACE", pattern=r"(.*/)?wider_face_(train|val)_bbx_gt\.txt", advice=VOC_OR_COCO),
    Known("CelebA", pattern=r"(.*/)?list_(attr|bbox|landmarks.*)_celeba\.txt"),
    Known("Oxford-IIIT Pet", pattern=r"(.*/)?annotations/(trimaps/.*|trainval\.txt)"),
    Known("CUB-200", pattern=r"(.*/)?(bounding_boxes|image_class_labels)\.txt"),
    Known("SageMaker Ground Truth", (".manifest",), advice=VOC_OR_COCO),
    Known("QuPath or other GeoJSON", (".geojson",), advice="Export label images or COCO JSON from QuPath."),
    Known("ImageJ regions", (".roi",), advice="Save masks from ImageJ (Edit, Selection, Create Mask)."),
    Known("MetaImage volumes", (".mha", ".mhd"), advice="Save the volumes as NIfTI (.nii.gz)."),
    Known("NRRD volumes", (".nrrd", ".nhdr", ".seg.nrrd"), advice="Save the volumes as NIfTI (.nii.gz)."),
    Known("Analyze volumes", pattern=r".*\.(hdr|img)", advice="Save the volumes as NIfTI (.nii.gz).",
          alone=True),
    Known("MGH volumes (FreeSurfer)", (".mgz", ".mgh"), advice="Save the volumes as NIfTI (.nii.gz)."),
    Known("a whole-slide scan", (".svs", ".ndpi", ".mrxs", ".scn", ".bif", ".vsi"),
          advice="Cut it into tiles with QuPath or libvips, as PNG or TIFF.", alone=True),
    Known("a microscope's own file", (".czi", ".lif", ".nd2", ".oib", ".oif", ".lsm", ".ims"),
          advice="Save the pictures as TIFF with the microscope's program or with ImageJ.", alone=True),
    Known("raw files of a camera", (".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf"),
          advice="Save the pictures as JPEG, PNG or TIFF.", alone=True),
    Known("a point cloud", (".pcd", ".las", ".laz", ".ply"), advice="Graft learns from pictures alone.", alone=True),
    Known("a video", (".mp4", ".avi", ".mov", ".mkv", ".webm"),
          advice="Give it without the other files: its frames become pictures.", alone=True),
    Known("a PDF", (".pdf",), advice="Save its pages or figures as PNG.", alone=True),
    Known("a PSD of Photoshop", (".psd", ".xcf"), advice="Save the pictures as PNG or TIFF.", alone=True),
    Known("DICOMDIR, the list of a DICOM medium", pattern=r"(.*/)?dicomdir", advice="Add the files it lists.",
          alone=True),
)  # fmt: skip


def name_layout(tree: Tree) -> str:
    """Return a sentence on what an upload seems to be, '' for nothing known; it names the file it goes by."""
    for known in KNOWN:
        for name in tree.files if not (known.alone and tree.pictures) else ():
            if _fits(tree, known, name):
                return f"{name} makes it {known.name}, which is not read. {known.advice}"
    for told in _BY_CONTENT:
        sentence = told(tree)
        if sentence:
            return sentence
    return ""


def _fits(tree: Tree, known: Known, name: str) -> bool:
    lower = name.lower()
    by_suffix = bool(known.suffixes) and lower.endswith(known.suffixes)
    if not by_suffix and not (known.pattern and re.fullmatch(known.pattern, lower)):
        return False
    if not known.marks:
        return True
    with tree.files[name].open("rb") as file:
        return file.read(known.at + 16)[known.at :].startswith(known.marks)


def _json_lines(tree: Tree) -> str:
    for name in tree.with_suffix(".jsonl", ".ndjson"):
        first = first_line(tree, name)
        if not first:
            return f"{name} is a file of JSON lines whose first line can't be read: it may have been cut off."
        if "source-ref" in first:
            return f"{name} makes it SageMaker Ground Truth, which is not read. {VOC_OR_COCO}"
        if "imageGcsUri" in first or "dataItemResourceLabels" in first:
            return f"{name} makes it Google Vertex AI, which is not read. {VOC_OR_COCO}"
        if "spans" in first or "_input_hash" in first:
            return f"{name} makes it Prodigy, which is not read. {VOC_OR_COCO}"
        keys = ", ".join(list(first)[:8])
        return (
            f"{name} is a file of JSON lines (its keys: {keys}) that names no picture of this upload. "
            "Needed is a file_name in each line, beside the pictures."
        )
    return ""


def _web_dataset(tree: Tree) -> str:
    inner = [name for name in tree.files if name.lower().endswith(".cls")]
    if inner:
        return f"{inner[0]} makes it WebDataset, which is not read. Lay the pictures into one folder per class."
    return ""


def _json(tree: Tree) -> str:
    """Name tools whose JSON is known by a key of theirs."""
    signs = {
        '"attributes"': ('"timeofday"', "BDD100K"),
        '"frames"': ('"openlabel"', "OpenLABEL"),
        '"version"': ('"visualobjecttaggingtool"', "VoTT"),
        '"assets"': ('"asset"', "VoTT (Microsoft)"),
        '"image_data"': ('"hasty"', "Hasty"),
        '"label_classes"': ('"export_format_version"', "Hasty"),
        '"annotation_queries"': ('"encord"', "Encord"),
        '"object_hash"': ('"label_rows"', "Encord"),
        '"data_hash"': ('"data_units"', "Encord"),
    }
    for name in tree.with_suffix(".json", ".vott"):
        with tree.files[name].open("rb") as file:
            head = file.read(200_000).decode("utf-8", "replace").lower()
        for first, (second, tool) in signs.items():
            if first in head and second in head:
                return f"{name} makes it an export of {tool}, which is not read. {VOC_OR_COCO}"
    return ""


def _damaged_json(tree: Tree) -> str:
    """Name a JSON file that is not whole, where nothing else says what the upload is."""
    for name in tree.with_suffix(".json")[:20]:
        if not is_large(tree.files[name]):
            try:
                load_json(tree, name)
            except InputError as error:
                return str(error)
    return ""


def _rows_of_others(tree: Tree) -> str:
    """Name texts that lie as YOLO's do and hold something else: names for numbers, or pixels."""
    for name in tree.texts_of_pictures[:20]:
        row = next((line for line in tree.text(name).splitlines() if line.strip()), "").replace(",", " ").split()
        numbers = [number(part) for part in row[1:5]]
        if len(row) < 5 or any(map(math.isnan, numbers)):
            continue
        if math.isnan(number(row[0])):
            return (
                f"{name} begins its rows with a name (“{row[0][:40]}”), where YOLO has the number of a class. Put the "
                "numbers there and the names into classes.txt, one per line, or export COCO JSON."
            )
        if max(numbers) > 2:
            return (
                f"{name} holds a box in pixels ({' '.join(row[1:5])}), where YOLO has fractions of the picture, and "
                "nothing says whether they are corners or a centre. Divide them, or export COCO JSON or Pascal VOC."
            )
    return ""


def _masks_apart(tree: Tree) -> str:
    """Name folders of pictures and masks whose names don't say which belong together."""
    folders = {name.split("/")[-2] for name in tree.pictures if "/" in name}
    if hold_masks(folders):
        told = ", ".join(sorted(folders)[:6])
        return (
            f"The folders ({told}) seem to hold pictures and masks, but the names of the files don't say which mask "
            "belongs to which picture, or the masks hold more than a few values. Call each mask as its picture is "
            "called, and save it with one value for each class."
        )
    return ""


_BY_CONTENT: tuple[Callable[[Tree], str], ...] = (
    _json,
    _json_lines,
    _web_dataset,
    _rows_of_others,
    _damaged_json,
    _masks_apart,
)
