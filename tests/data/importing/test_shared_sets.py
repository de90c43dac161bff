"""The real sets come in with the right counts."""

from __future__ import annotations

import pytest

from core.data.importing.from_upload import import_dataset

SETS = {
    "bccd": ("voc", "detect", {"train": 205, "val": 87, "test": 72}, {"RBC": 4153, "WBC": 372, "Platelets": 361}),
    "coco8": ("yolo", "detect", {"train": 4, "val": 4, "test": 0}, 30),
    "coco8-seg": ("yolo", "segment", {"train": 4, "val": 4, "test": 0}, 30),
    "coco8-pose": ("yolo", "pose", {"train": 4, "val": 4, "test": 0}, 21),
    "dota8-obb": ("yolo", "obb", {"train": 4, "val": 4, "test": 0}, 133),
    "coco_json_open": ("coco", "segment", 33, 243),
    "deeppcb_300": ("yolo", "detect", {"train": 200, "val": 100, "test": 0}, 2025),
    "wbc_masks_150": ("masks", "segment", 150, 338),
    "chest_xray_pneumonia_800": ("folder-per-class", "classify", 800, {"NORMAL": 400, "PNEUMONIA": 400}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_a_real_set(workspace, shared, name):
    layout, task, images, instances = SETS[name]
    dataset = import_dataset(workspace, shared / "data" / name)
    assert (dataset.format, dataset.task) == (layout, task)
    assert (dataset.images if isinstance(images, dict) else sum(dataset.images.values())) == images
    assert (dataset.instances if isinstance(instances, dict) else sum(dataset.instances.values())) == instances
    found = {item.code: item.count for item in dataset.findings}
    assert not dataset.errors
    if name == "bccd":
        assert found["zero-size-box"] == 2
    if name == "coco_json_open":
        assert len(dataset.classes) == 44
        assert found["crowd-left-out"] == 3
        assert found["unused-class-dropped"] == 36
    if name == "deeppcb_300":
        assert not {"leak-across-splits", "near-duplicate-image"} & set(found)
        assert dataset.classes == ["open", "short", "mousebite", "spur", "copper", "pin-hole"]
