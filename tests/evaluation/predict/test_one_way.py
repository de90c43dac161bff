"""A figure is of what the model says in use: evaluation and prediction see a picture alike, whatever is beside it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.data.importing.settings import ImportSettings
from core.data.objects import LabelledImage, LabelledObject, enclosing_box
from core.delivery.predict.model.answering import find_in, shortened
from core.errors import InputError
from core.evaluation.evaluation import evaluate_run
from core.evaluation.predict.objects import labelled_objects, mask_iou, placement
from core.evaluation.predict.predictions import predictions_path, shapes_path
from core.evaluation.predict.predictor import Predictor, pictures_in
from core.evaluation.predicting import predict_in_process
from core.workspace import Workspace
from tests.evaluation.conftest import make_run

SIZE = 160


def source_of(shared: Path, data: str, folder: Path) -> Path:
    """A copy of a set, its classes named as the checkpoints know them; `-16`: grey pictures of 16 bits."""
    source = folder / data
    shutil.copytree(shared / "data" / data.removesuffix("-16"), source)
    for path in source.glob("*.yaml"):
        path.unlink()
    pose, turned = data.endswith("pose"), data.endswith("obb")
    names = ["person"] if pose else [f"class {index}" for index in range(15 if turned else 80)]
    content = {"path": ".", "train": "images/train", "val": "images/val", "names": names}
    content |= {"kpt_shape": [17, 3]} if pose else {}
    (source / "data.yaml").write_text(json.dumps(content))
    if data.endswith("-16"):
        for path in sorted((source / "images").rglob("*.jpg")):
            grey = np.asarray(Image.open(path).convert("L")).astype(np.uint16) * 16 + 7
            Image.fromarray(grey).save(path.with_suffix(".png"))
            path.unlink()
    return source


def checkpoint(shared: Path, weights: str, folder: Path) -> Path:
    """A checkpoint of the shared folder, or one with random weights where a yaml's name is given."""
    if weights.endswith(".pt"):
        return shared / "weights" / weights
    from ultralytics import YOLO
    from ultralytics.nn.tasks import OBBModel

    model = YOLO(weights)
    of_fifteen = OBBModel(weights, nc=15, verbose=False)  # as many classes as the set has
    of_fifteen.args, of_fifteen.task = model.model.args, model.task
    model.model = of_fifteen
    for layer in model.model.model[-1].cv3:
        layer[-1].bias.data.fill_(-3)  # or nothing would be found with random weights
    model.save(folder / "random.pt")
    return folder / "random.pt"


@pytest.mark.parametrize(
    ("weights", "data"),
    [
        ("yolo11n.pt", "coco8"),
        ("yolo11n.pt", "coco8-16"),
        pytest.param("yolo11n-seg.pt", "coco8-seg", marks=pytest.mark.slow),
        pytest.param("yolo11n-pose.pt", "coco8-pose", marks=pytest.mark.slow),
        pytest.param("yolo11n-obb.yaml", "dota8-obb", marks=pytest.mark.slow),
    ],
)
def test_evaluation_and_prediction_agree_to_the_object(shared: Path, tmp_path: Path, weights: str, data: str) -> None:
    workspace = Workspace.open(tmp_path / "workspace")
    given = source_of(shared, data, tmp_path)
    dataset = import_dataset(workspace, given, settings=ImportSettings())
    folder = make_run(workspace, dataset.id, checkpoint(shared, weights, tmp_path), SIZE)
    whole = stored(folder)
    line = shortened(whole["confidence"].quantile(0.8))
    predictor = Predictor("cpu")
    predictor.load(str(folder / "train" / "weights" / "best.pt"))
    table = dataset.image_table()
    counted = 0
    for file, source in table.loc[table["split"] == "val", ["file", "source"]].itertuples(index=False):
        original = next(path for path in given.rglob(Path(source).name) if path.is_file())
        assert np.array_equal(next(pictures_in(original)), next(pictures_in(dataset.image_path(file))))
        found = find_in(predictor, next(pictures_in(original)), SIZE, line)["objects"]
        rows = whole[(whole["file"] == file) & (whole["confidence"] >= line)]
        assert [item["class_id"] for item in found] == rows["class_id"].tolist()
        assert [item["confidence"] for item in found] == [shortened(value) for value in rows["confidence"]]
        boxes = np.array([item["box"] for item in found]).reshape(-1, 4)
        assert np.abs(boxes - rows[["x1", "y1", "x2", "y2"]].to_numpy()).max(initial=0) < 0.01
        counted += len(found)
    table = evaluate_run(workspace, folder.name).at(line).pictures
    assert counted == table["hits"].sum() + table["false_alarms"].sum() > 3
    half = without_half(dataset)
    again = stored(folder)
    assert set(again["file"]) == set(half)
    columns = ["file", "class_id", "confidence", "x1", "y1", "x2", "y2", "task_tp"]
    kept = whole[whole["file"].isin(half)][columns].reset_index(drop=True)
    pd.testing.assert_frame_equal(again[columns].reset_index(drop=True), kept)
    assert shapes_path(folder, "val").is_file() == (data not in ("coco8", "coco8-16"))


def stored(folder: Path) -> pd.DataFrame:
    predict_in_process(folder, "val")
    return pd.read_parquet(predictions_path(folder, "val"))


def without_half(dataset: Dataset) -> list[str]:
    """Take every other validation picture out, turn the order of the rest around; return what is left."""
    table = dataset.image_table()
    val = table[table["split"] == "val"]
    left = val.iloc[::-2]
    pd.concat([table[table["split"] != "val"], left]).to_parquet(dataset.root / "images.parquet")
    dataset.images["val"] = len(left)
    dataset.save()
    return list(left["file"])


def test_a_model_of_more_classes_than_the_dataset_is_refused(shared: Path, tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "workspace")
    dataset = import_dataset(workspace, source_of(shared, "dota8-obb", tmp_path), settings=ImportSettings())
    folder = make_run(workspace, dataset.id, shared / "weights" / "yolo11n.pt", SIZE)
    with pytest.raises(InputError, match=r"80 classes.*15"):
        predict_in_process(folder, "val")
    assert not predictions_path(folder, "val").exists()


def test_a_confidence_is_cut_not_rounded() -> None:
    assert shortened(0.4729999) == 0.47299
    assert shortened(0.473) <= 0.473


def test_masks_overlap_as_their_pixels_do() -> None:
    random = np.random.default_rng(0)
    first, second = random.random((3, 21, 19)) < 0.4, random.random((4, 21, 19)) < 0.5
    found = mask_iou(first.astype(np.uint8), second.astype(np.uint8))
    for row in range(3):
        for column in range(4):
            shared = (first[row] & second[column]).sum() / (first[row] | second[column]).sum()
            assert found[row, column] == pytest.approx(shared)


def test_of_labels_that_overlap_the_smaller_lies_on_top() -> None:
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=float)
    cell, nucleus = 0.1 + 0.8 * corners, 0.4 + 0.2 * corners
    objects = [LabelledObject(index, enclosing_box(outline), outline) for index, outline in enumerate((nucleus, cell))]
    labels = labelled_objects(LabelledImage("val/a.png", 200, 100, [*objects, objects[0]]), "segment", (100, 200))
    assert labels.classes.tolist() == [0, 1], "a label given twice counts once"
    assert labels.masks is not None
    assert labels.masks[0, 50, 100] == 1
    assert labels.masks[1, 50, 100] == 0
    assert labels.masks[1, 15, 30] == 1
    assert labels.areas == pytest.approx([0.04 * 20_000, 0.6 * 20_000], rel=0.08)


def test_a_picture_lies_where_ultralytics_puts_it() -> None:
    from ultralytics.data.augment import LetterBox

    for height, width in ((427, 640), (243, 320), (999, 1000), (37, 512), (64, 64)):
        picture = np.full((height, width, 3), 200, np.uint8)
        fed = LetterBox(320, auto=True, stride=32)(image=picture)
        scale, (left, top) = placement((height, width), fed.shape[:2])
        rows, columns = np.nonzero((fed != 114).any(axis=2))
        assert (columns.min(), rows.min()) == (left, top)
        assert (columns.max() + 1 - left, rows.max() + 1 - top) == (round(width * scale[0]), round(height * scale[1]))
