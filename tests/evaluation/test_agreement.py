"""The same predictions judged by Graft, by Ultralytics' validators and by faster-coco-eval: equal to 0.001."""

from __future__ import annotations

from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.evaluation.classification import classified
from core.evaluation.detection import Detector
from core.evaluation.figures.average_precision import average_precision_by_size
from core.evaluation.figures.intervals import draw
from core.evaluation.figures.metrics import coco_average_precision
from core.evaluation.predict.capture import by_size, make_tables, matched
from core.evaluation.predict.matching import box_iou, from_bits, match, nearest, to_bits
from core.evaluation.predict.objects import Objects
from core.evaluation.predict.prediction_arrays import PredictionArrays
from core.tasks import TASKS

CLASSES = ["pit", "scratch", "dent"]
SIDE = 320
PICTURES = 12
KEYPOINTS = 17


def scene(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return true boxes, their classes, predicted boxes, classes and falling confidences; boxes x1, y1, x2, y2."""
    count = int(random.integers(2, 9))
    corner, size = (
        random.uniform(0, 180, (count, 2)),
        random.choice([20, 50, 110], (count, 1)) * random.uniform(0.7, 1.25, (count, 2)),
    )
    truth = np.hstack([corner, corner + size])
    classes = random.integers(0, 3, count)
    kept = random.random(count) < 0.85
    near = truth[kept] + random.normal(0, 0.06, (int(kept.sum()), 4)) * np.tile(size[kept], 2)
    far_corner, far_size = random.uniform(0, 200, (3, 2)), random.uniform(10, 120, (3, 2))
    boxes = np.vstack([near, near[:2] + 3, np.hstack([far_corner, far_corner + far_size])])
    said = np.concatenate([classes[kept], classes[kept][:2], random.integers(0, 3, 3)])
    swapped = random.random(len(said)) < 0.1
    said[swapped] = (said[swapped] + 1) % 3
    confidence = random.uniform(0.02, 1, len(said))
    order = np.argsort(-confidence)
    return truth, classes, boxes[order], said[order], confidence[order]


def validated(task: str, tmp_path: Path) -> tuple[dict[str, float], PredictionArrays]:
    """Feed made-up predictions to Ultralytics' validator of the task; return its figures and Graft's matches."""
    import torch

    captured: list[dict[str, Any]] = []
    validator: Any = resolve_name(TASKS[task].validator)(args={"task": task, "plots": False}, save_dir=tmp_path)
    validator.device, validator.data = torch.device("cpu"), {"kpt_shape": [KEYPOINTS, 3]}
    validator.names = dict(enumerate(CLASSES))
    validator.nc, validator.seen, validator.end2end = len(CLASSES), 0, False
    validator.is_custom_json = validator.build_gdict = False
    validator.metrics.names = validator.names
    if task == "pose":
        from ultralytics.utils.metrics import OKS_SIGMA

        validator.sigma = OKS_SIGMA
    if task == "segment":
        from ultralytics.utils import ops

        validator.process = ops.process_mask
    random = np.random.default_rng(7)
    for number in range(PICTURES):
        truth, classes, boxes, said, confidence = scene(random)
        prediction = {
            "bboxes": torch.tensor(boxes, dtype=torch.float32), "conf": torch.tensor(confidence, dtype=torch.float32),
            "cls": torch.tensor(said, dtype=torch.float32),
        }  # fmt: skip
        labels = torch.tensor((truth[:, :2] + truth[:, 2:]) / 2), torch.tensor(truth[:, 2:] - truth[:, :2])
        batch: dict[str, Any] = {
            "img": torch.zeros(1, 3, SIDE, SIDE), "ori_shape": [(SIDE, SIDE)], "ratio_pad": [((1.0, 1.0), (0.0, 0.0))],
            "im_file": [str(tmp_path / "images" / "val" / f"{number:02}.jpg")],
            "batch_idx": torch.zeros(len(truth)), "cls": torch.tensor(classes, dtype=torch.float32)[:, None],
            "bboxes": torch.hstack(labels).float() / SIDE,
        }  # fmt: skip
        if task == "obb":
            turn = torch.tensor(random.uniform(0, 0.7, (len(truth), 1))).float()
            batch["bboxes"] = torch.hstack([batch["bboxes"], turn])
            middle, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
            turned = turn[random.integers(0, len(turn), len(boxes))].numpy()
            prediction["bboxes"] = torch.tensor(np.hstack([middle, size, turned]), dtype=torch.float32)
        if task == "pose":
            places = random.uniform(0, 1, (len(truth), KEYPOINTS, 2)) * (truth[:, None, 2:] - truth[:, None, :2])
            points = places + truth[:, None, :2]
            seen = np.full((len(truth), KEYPOINTS, 1), 2.0)
            batch["keypoints"] = torch.tensor(np.concatenate([points / SIDE, seen], axis=2)).float()
            near = box_iou(truth, boxes).argmax(axis=0)
            moved = points[near] + random.normal(0, 4, (len(boxes), KEYPOINTS, 2))
            prediction["keypoints"] = torch.tensor(
                np.concatenate([moved, np.ones((len(boxes), KEYPOINTS, 1))], axis=2)
            ).float()
        if task == "segment":
            validator.args.overlap_mask = False
            batch["masks"] = torch.tensor(np.stack([ellipse(box, SIDE // 4, 4) for box in truth])).float()
            prediction["masks"] = torch.tensor(np.stack([ellipse(box, SIDE // 4, 4) for box in boxes])).byte()
        captured.append(
            {"file": f"val/{number:02}.jpg", "shapes": [], **as_graft_matches(task, batch, prediction, truth)}
        )
        validator.update_metrics([prediction], batch)
    figures = validator.get_stats()
    predictions, labels_table, _ = make_tables(captured, False, len(CLASSES))
    images = [{"file": f"val/{number:02}.jpg", "width": SIDE, "height": SIDE} for number in range(PICTURES)]
    meta = {"task": task, "classes": CLASSES, "images": images}
    return figures, PredictionArrays(predictions, labels_table, meta)


def as_graft_matches(task: str, batch: dict[str, Any], prediction: dict[str, Any], truth: np.ndarray) -> dict[str, Any]:
    """Give the same labels and predictions to Graft's own matching; all in pixels."""
    import torch
    from ultralytics.utils.ops import xywhr2xyxyxyxy

    parts: dict[str, list[Any]] = {"boxes": [truth, prediction["bboxes"].numpy().astype(float)]}
    if task == "obb":
        turned = [batch["bboxes"] * torch.tensor([SIDE, SIDE, SIDE, SIDE, 1.0]), prediction["bboxes"]]
        parts["corners"] = [xywhr2xyxyxyxy(boxes).numpy().astype(float) for boxes in turned]
        parts["boxes"] = [np.hstack([item.min(axis=1), item.max(axis=1)]) for item in parts["corners"]]
    if task == "pose":
        scale = torch.tensor([SIDE, SIDE, 1.0])
        parts["points"] = [(batch["keypoints"] * scale).numpy(), prediction["keypoints"].numpy()]
    if task == "segment":
        parts["masks"] = [batch["masks"].numpy().astype(np.uint8), prediction["masks"].numpy()]
    classes = [batch["cls"][:, 0].numpy().astype(int), prediction["cls"].numpy().astype(int)]
    confidence = [np.zeros(0), prediction["conf"].numpy().astype(float)]
    labels, found = (
        Objects(
            classes[side],
            areas=(parts["boxes"][side][:, 2:] - parts["boxes"][side][:, :2]).prod(axis=1),
            confidence=confidence[side],
            **{name: values[side] for name, values in parts.items()},
        )
        for side in (0, 1)
    )
    return matched(labels, found, task)


def ellipse(box: np.ndarray, side: int, scale: int) -> np.ndarray:
    """Return the (side, side) mask of the ellipse in a box."""
    y, x = np.mgrid[:side, :side] * scale + scale / 2
    middle, half = (box[:2] + box[2:]) / 2, np.maximum((box[2:] - box[:2]) / 2, 1)
    return (((x - middle[0]) / half[0]) ** 2 + ((y - middle[1]) / half[1]) ** 2 <= 1).astype(np.uint8)


@pytest.mark.parametrize(
    ("task", "letter", "name"),
    [("detect", "B", ""), ("segment", "M", "mask "), ("pose", "P", "pose "), ("obb", "B", "rotated box ")],
)
def test_areas_are_those_of_ultralytics_validator(task: str, letter: str, name: str, tmp_path: Path) -> None:
    figures, arrays = validated(task, tmp_path)
    meta = {"task": task, "classes": CLASSES, "images": arrays.images.to_dict("records")}
    metrics = Detector(arrays.predictions, arrays.truth, meta).at(0.25).metrics
    assert 0.1 < figures[f"metrics/mAP50-95({letter})"] < 0.95
    for area in ("mAP50", "mAP50-95"):
        assert metrics[f"{name}{area}"].value == pytest.approx(figures[f"metrics/{area}({letter})"], abs=1e-3)
        if task in ("segment", "pose"):
            assert metrics[f"box {area}"].value == pytest.approx(figures[f"metrics/{area}(B)"], abs=1e-3)


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_areas_are_those_of_faster_coco_eval(kind: str) -> None:
    coco_eval = pytest.importorskip("faster_coco_eval")
    random = np.random.default_rng(3)
    images, annotations, results, rows, labels = [], [], [], [], []
    for number in range(1, PICTURES * 3):
        truth, classes, boxes, said, confidence = scene(random)
        images.append({"id": number, "width": SIDE, "height": SIDE})
        masks = [np.stack([ellipse(box, SIDE, 1) for box in group]) for group in (truth, boxes)]
        areas = [(group[:, 2:] - group[:, :2]).prod(axis=1) for group in (truth, boxes)]
        overlaps = box_iou(truth, boxes)
        if kind == "segm":
            flat = [group.reshape(len(group), -1).astype(float) for group in masks]
            areas = [group.sum(axis=1) for group in flat]
            shared = flat[0] @ flat[1].T
            overlaps = shared / np.maximum(areas[0][:, None] + areas[1][None, :] - shared, 1e-9)
        for index, box in enumerate(truth):
            annotations.append({"id": len(annotations) + 1, "image_id": number, "category_id": int(classes[index]) + 1,
                                "bbox": xywh(box), "area": float(areas[0][index]), "iscrowd": 0,
                                "segmentation": encoded(masks[0][index])})  # fmt: skip
            labels.append({"file": str(number), "object": index, "class_id": classes[index], "area": areas[0][index]})
        for index, box in enumerate(boxes):
            result = {"image_id": number, "category_id": int(said[index]) + 1, "score": float(confidence[index])}
            shape = {"bbox": xywh(box)} if kind == "bbox" else {"segmentation": encoded(masks[1][index])}
            results.append(result | shape)
        same, same_iou = nearest(overlaps, classes, said, same=True)
        matched = match(overlaps, classes, said)
        columns = {"tp": to_bits(matched >= 0), **by_size(overlaps, classes, said, areas[0], areas[1])}
        rows.append(pd.DataFrame({
            "file": str(number), "class_id": said, "confidence": confidence, "truth": matched[:, 0], "same_truth": same,
            "same_iou": same_iou, "other_truth": -1, "other_iou": 0.0, **columns}))  # fmt: skip
    dataset = {"images": images, "annotations": annotations,
               "categories": [{"id": index + 1, "name": name} for index, name in enumerate(CLASSES)]}  # fmt: skip
    known = coco_eval.COCO(dataset)
    judged = coco_eval.COCOeval_faster(known, known.loadRes(results), kind)
    judged.evaluate()
    judged.accumulate()
    judged.summarize()
    theirs = judged.stats
    files = [{"file": str(image["id"]), "width": SIDE, "height": SIDE} for image in images]
    meta = {"task": "detect", "classes": CLASSES, "images": files}
    arrays = PredictionArrays(pd.concat(rows, ignore_index=True), pd.DataFrame(labels), meta)
    areas = coco_areas(arrays)
    ours = {"mAP50": areas[0], "mAP75": areas[5], "mAP50-95": areas.mean()}
    by_area = average_precision_by_size(arrays, draw(len(files)), len(files))
    assert 0.1 < theirs[0] < 0.9
    for name, index in (("mAP50-95", 0), ("mAP50", 1), ("mAP75", 2)):
        assert ours[name] == pytest.approx(theirs[index], abs=1e-3)
    for name, index in (("AP small", 3), ("AP medium", 4), ("AP large", 5)):
        figure = by_area[name]
        assert figure.value == pytest.approx(theirs[index], abs=1e-3)
        assert figure.low < figure.value < figure.high


def coco_areas(arrays: PredictionArrays) -> np.ndarray:
    """Return COCO's average precision at each of the ten thresholds, mean over classes, from Graft's matches."""
    correct, table = from_bits(arrays.predictions["tp"].to_numpy(dtype=np.int64)), []
    for class_id in np.unique(arrays.true_class):
        hits = np.cumsum(correct[arrays.said == class_id], axis=0)
        said, labelled = np.arange(1, len(hits) + 1), (arrays.true_class == class_id).sum()
        table.append([coco_average_precision(column / labelled, column / said) for column in hits.T])
    return np.mean(table, axis=0)


def xywh(box: np.ndarray) -> list[float]:
    return [float(box[0]), float(box[1]), float(box[2] - box[0]), float(box[3] - box[1])]


def encoded(mask: np.ndarray) -> dict[str, Any]:
    """Return a mask as COCO's compressed run lengths."""
    from faster_coco_eval.core import mask as codec

    return codec.encode(np.asfortranarray(mask))


def test_top_one_and_top_five_are_those_of_ultralytics() -> None:
    import torch
    from ultralytics.utils.metrics import ClassifyMetrics

    random = np.random.default_rng(0)
    classes, pictures = [f"kind {index}" for index in range(9)], 60
    probabilities = random.dirichlet(np.full(9, 0.4), pictures)
    truth = np.where(random.random(pictures) < 0.5, probabilities.argmax(axis=1), random.integers(0, 9, pictures))
    theirs = ClassifyMetrics()
    theirs.process([torch.tensor(truth)], [torch.tensor(probabilities).argsort(dim=1, descending=True)[:, :5]])
    files = [f"val/{index}.jpg" for index in range(pictures)]
    predictions = pd.DataFrame(probabilities, columns=[f"p{index}" for index in range(9)])
    predictions = predictions.assign(file=files, class_id=probabilities.argmax(axis=1),
                                     confidence=probabilities.max(axis=1))  # fmt: skip
    meta = {"classes": classes, "images": [{"file": file} for file in files]}
    metrics = classified(predictions, pd.DataFrame({"file": files, "class_id": truth}), meta, []).metrics
    assert metrics["top1"].value == pytest.approx(theirs.top1, abs=1e-3)
    assert metrics["top5"].value == pytest.approx(theirs.top5, abs=1e-3)
    assert metrics["top1"].value < metrics["top5"].value
