"""NIfTI: slices along the axis that was picked, turned as radiologists look, with the label volume as outlines."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from core.data.images.decoding import decode
from core.data.images.page import UnreadableImage
from core.data.images.windows import Window
from core.data.importing.from_upload import import_dataset
from core.data.importing.settings import ImportSettings
from core.data.importing.understanding import understand
from core.data.objects import read_mask
from core.errors import InputError
from tests.data.writers import put

SHAPE = (24, 30, 12)
"""x to the right, y to the front, z to the head"""


def write(path: Path, values: np.ndarray, affine: np.ndarray | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4) if affine is None else affine), path)


def case(number: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A volume with a bright block at the patient's right, front and head, and its labels."""
    values = np.random.default_rng(number).integers(-1000, -900, SHAPE).astype(np.int16)
    labels = np.zeros(SHAPE, np.uint8)
    labels[16:22, 20:28, 7:11] = 1
    labels[2:6, 3:8, 2:4] = 2
    values[labels == 1] = 200
    values[labels == 2] = 60
    return values, labels


def nnunet(root: Path, count: int = 3, ending: str = ".nii.gz", channel: str = "_0000") -> Path:
    for number in range(count):
        values, labels = case(number)
        write(root / "imagesTr" / f"liver_{number:03d}{channel}{ending}", values)
        write(root / "labelsTr" / f"liver_{number:03d}{ending}", labels)
    put(root / "dataset.json", {"labels": {"background": 0, "liver": 1, "tumour": 2}, "file_ending": ending})
    return root


def codes(dataset) -> dict[str, int]:
    return {item.code: item.count for item in dataset.findings}


@pytest.mark.parametrize(("ending", "channel"), [(".nii.gz", "_0000"), (".nii", "_0000"), (".nii.gz", "")])
def test_slices_with_their_labels(workspace, tmp_path, ending, channel):
    dataset = import_dataset(workspace, nnunet(tmp_path / "set", ending=ending, channel=channel))
    assert (dataset.format, dataset.task, dataset.classes) == ("nifti", "segment", ["liver", "tumour"])
    assert sum(dataset.images.values()) == 3 * SHAPE[2]
    assert dataset.instances == {"liver": 3 * 4, "tumour": 3 * 2}
    table = dataset.image_table()
    assert table.groupby("group")["split"].nunique().max() == 1
    assert set(table["group"]) == {f"liver_{n:03d}{channel}" for n in range(3)}
    assert "nested-archive" not in codes(dataset)


AXES = {"axial": (12, (24, 30)), "coronal": (30, (24, 12)), "sagittal": (24, (30, 12))}


@pytest.mark.parametrize("axis", AXES)
def test_outlines_lie_on_what_they_label(workspace, tmp_path, axis):
    count, size = AXES[axis]
    root = nnunet(tmp_path / "set", 2)
    dataset = import_dataset(workspace, root, settings=ImportSettings(choices={"axis": axis}, window="-1000,200"))
    assert sum(dataset.images.values()) == 2 * count
    seen = 0
    for image in dataset.labelled():
        assert (image.width, image.height) == size
        values = np.asarray(Image.open(dataset.image_path(image.file)).convert("L"))
        inside = np.zeros(values.shape, bool)
        for item in image.objects:
            x, y, w, h = item.box
            left, top = round((x - w / 2) * image.width), round((y - h / 2) * image.height)
            inside[top : top + round(h * image.height), left : left + round(w * image.width)] = True
            seen += 1
        assert (inside == (values > 100)).all()
    assert seen


def test_head_and_front_are_up_and_the_right_is_left(tmp_path):
    values, _ = case()
    write(tmp_path / "a.nii.gz", values)
    axial, coronal, sagittal = (
        np.asarray(list(decode(tmp_path / "a.nii.gz", Window.parse("0,255"), axis=axis))[place].image)
        for axis, place in (("axial", 8), ("coronal", 24), ("sagittal", 18))
    )
    assert axial[:15, :12].max() == 200
    assert axial[15:, 12:].max() == 0
    assert coronal[:6, :12].max() == 200
    assert sagittal[:6, :15].max() == 200  # the front at the left


@pytest.mark.parametrize("flips", [(-1, -1, 1), (1, 1, -1), (-1, 1, 1)])
def test_a_volume_stored_in_another_order_shows_the_same(tmp_path, flips):
    values, _ = case()
    write(tmp_path / "a.nii.gz", values)
    affine = np.diag([*flips, 1.0])
    turned = values[:: flips[0], :: flips[1], :: flips[2]]
    write(tmp_path / "b.nii.gz", np.ascontiguousarray(turned), affine)
    write(tmp_path / "c.nii.gz", np.ascontiguousarray(values.transpose(2, 0, 1)), np.eye(4)[:, [2, 0, 1, 3]])
    one, *others = ([np.asarray(page.image) for page in decode(tmp_path / f"{name}.nii.gz")] for name in "abc")
    for other in others:
        assert len(one) == len(other)
        assert all((a == b).all() for a, b in zip(one, other, strict=True))


def test_labels_in_another_order_than_their_volume(workspace, tmp_path):
    root = nnunet(tmp_path / "set")
    _, labels = case()
    write(root / "labelsTr" / "liver_000.nii.gz", np.ascontiguousarray(labels[::-1]), np.diag([-1.0, 1, 1, 1]))
    assert import_dataset(workspace, root).checksum == import_dataset(workspace, nnunet(tmp_path / "plain")).checksum


def test_scaled_values_and_a_window_in_hounsfield_units(tmp_path):
    values, _ = case()
    image = nibabel.Nifti1Image(((values + 1024) * 2).astype(np.int16), np.eye(4))
    image.header.set_slope_inter(0.5, -1024)
    nibabel.save(image, tmp_path / "a.nii")
    page = list(decode(tmp_path / "a.nii", Window.parse("soft-tissue")))[8]
    assert np.asarray(page.image).max() == round((200 + 160) / 400 * 255)
    assert "window-not-hounsfield" not in page.changes


def test_the_axis_is_a_choice_in_reach(workspace, tmp_path):
    choice = {choice.key: choice for choice in understand(workspace, nnunet(tmp_path / "set")).choices}["axis"]
    assert choice.taken == "axial"
    assert [option.value for option in choice.options] == list(AXES)


def test_what_is_understood_counts_slices(workspace, tmp_path):
    understood = understand(workspace, nnunet(tmp_path / "set"))
    assert sum(understood.images.values()) == 3 * SHAPE[2]
    assert understood.objects == {"liver": 12, "tumour": 6}


def test_decathlon_names_and_pictures_without_labels(workspace, tmp_path):
    root = nnunet(tmp_path / "set")
    put(root / "dataset.json", {"labels": {"0": "background", "1": "pancreas", "2": "cancer"}})
    write(root / "imagesTs" / "liver_009_0000.nii.gz", case(9)[0])
    write(root / "labelsTr" / "liver_077.nii.gz", case(9)[1])
    dataset = import_dataset(workspace, root)
    assert dataset.classes == ["pancreas", "cancer"]
    found = codes(dataset)
    assert (found["volume-without-label"], found["image-missing"]) == (1, 1)
    assert sum(dataset.images.values()) == 3 * SHAPE[2]


@pytest.mark.parametrize("layout", ["brats", "beside", "masks", "kits", "lits", "bids"])
def test_other_ways_to_lay_pairs_out(workspace, tmp_path, layout):
    root = tmp_path / "set"
    for number in range(3):
        values, labels = case(number)
        if layout == "brats":
            for kind in ("flair", "t1", "t1ce"):
                write(root / f"BraTS_{number:03d}" / f"BraTS_{number:03d}_{kind}.nii.gz", values)
            write(root / f"BraTS_{number:03d}" / f"BraTS_{number:03d}_seg.nii.gz", labels)
        elif layout == "beside":
            write(root / f"p{number}.nii", values)
            write(root / f"p{number}_mask.nii", labels)
        elif layout == "kits":
            write(root / f"case_{number:05d}" / "imaging.nii.gz", values)
            write(root / f"case_{number:05d}" / "segmentation.nii.gz", labels)
        elif layout == "lits":
            write(root / f"volume-{number}.nii", values)
            write(root / f"segmentation-{number}.nii", labels)
        elif layout == "bids":
            write(root / f"sub-0{number}" / "anat" / f"sub-0{number}_T1w.nii.gz", values)
            where = root / "derivatives" / f"sub-0{number}" / "anat"
            write(where / f"sub-0{number}_label-lesion_mask.nii.gz", labels)
        else:
            write(root / "images" / f"p{number}.nii.gz", values)
            write(root / "masks" / f"p{number}.nii.gz", labels)
    dataset = import_dataset(workspace, root)
    assert dataset.instances == {"level 1": 12, "level 2": 6}
    assert codes(dataset).get("volumes-left-out", 0) == (6 if layout == "brats" else 0)


def test_a_volume_of_several_channels(workspace, tmp_path):
    root = nnunet(tmp_path / "set")
    values, _ = case(1)
    write(root / "imagesTr" / "liver_001_0000.nii.gz", np.stack([values, values * 0], axis=-1))
    dataset = import_dataset(workspace, root)
    assert sum(dataset.images.values()) == 3 * SHAPE[2]
    assert codes(dataset)["volumes-left-out"] >= 1


def test_every_pixel_its_class(workspace, tmp_path):
    root = nnunet(tmp_path / "set", 2)
    dataset = import_dataset(workspace, root, settings=ImportSettings(task="semantic"))
    assert dataset.classes == ["background", "liver", "tumour"]
    sizes = np.zeros(3, int)
    for image in dataset.labelled():
        sizes += np.bincount(read_mask(dataset.label_path(image.file)).ravel(), minlength=3)[:3]
    _, labels = case()
    assert sizes.tolist() == (2 * np.bincount(labels.ravel(), minlength=3)).tolist()


def test_volumes_alone_can_be_looked_at(workspace, tmp_path):
    for number in range(2):
        write(tmp_path / "set" / f"{number}.nii.gz", case(number)[0])
    dataset = import_dataset(workspace, tmp_path / "set")
    assert (dataset.format, sum(dataset.images.values())) == ("nifti", 2 * SHAPE[2])
    assert "no-labels" in codes(dataset)


def empty(root: Path) -> None:
    (root / "labelsTr" / "liver_001.nii.gz").write_bytes(gzip.compress((348).to_bytes(4, "little") + bytes(400)))


def cut(root: Path) -> None:
    path = root / "labelsTr" / "liver_001.nii.gz"
    path.write_bytes(path.read_bytes()[:-40])


def text(root: Path) -> None:
    (root / "labelsTr" / "liver_001.nii.gz").write_text("hello")


def other_size(root: Path) -> None:
    write(root / "labelsTr" / "liver_001.nii.gz", np.ones((5, 5, 5), np.uint8))


def probabilities(root: Path) -> None:
    write(root / "labelsTr" / "liver_001.nii.gz", np.random.default_rng(0).random(SHAPE).astype(np.float32))


@pytest.mark.parametrize("damage", [empty, cut, text, other_size, probabilities])
def test_a_damaged_label_volume_is_named(workspace, tmp_path, damage):
    root = nnunet(tmp_path / "set")
    damage(root)
    found = {item.code: item for item in import_dataset(workspace, root).findings}
    assert found["unreadable-label"].count == 1
    assert "liver_001" in found["unreadable-label"].examples[0]
    assert str(tmp_path) not in json.dumps([item.message + str(item.examples) for item in found.values()])


def test_none_that_can_be_read_is_refused_by_name(workspace, tmp_path):
    root = nnunet(tmp_path / "set", 2)
    for path in root.rglob("*.nii.gz"):
        path.write_bytes(gzip.compress((348).to_bytes(4, "little") + bytes(400)))
    with pytest.raises(InputError, match="NIfTI"):
        import_dataset(workspace, root)


def test_a_header_that_claims_too_much_is_not_believed(tmp_path):
    write(tmp_path / "a.nii", case()[0])
    data = bytearray((tmp_path / "a.nii").read_bytes())
    data[42:48] = (30_000).to_bytes(2, "little") * 3
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(data))
    with pytest.raises(UnreadableImage, match="more than"):
        list(decode(tmp_path / "a.nii.gz"))
