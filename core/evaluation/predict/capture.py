"""Ultralytics' own validators, made to keep each picture's predictions, labels and matches: runs in the child only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.data.dataset import Dataset
from core.evaluation.predict.matching import IOU_THRESHOLDS, SIZES, match, match_in_range, nearest, to_bits
from core.evaluation.predict.predictions import PREDICTION_COLUMNS, SHAPE_COLUMNS
from core.tasks import TASKS

SHAPES_FROM = 0.01
"""Confidence from which a prediction's outline is kept for drawing."""
MOST_SHAPES = 100
"""Outlines kept a picture, the surest."""


def detect_validator(
    dataset: Dataset, captured: list[dict[str, Any]], say: Callable[[int, int], None] | None
) -> Callable[..., Any]:
    """Return the validator of the dataset's task that appends a dictionary a picture to `captured`."""
    from ultralytics.utils import ops

    base: Any = resolve_name(TASKS[dataset.task].validator)
    rotated, images = TASKS[dataset.task].is_rotated, (dataset.root / "images").resolve()

    class Capturing(base):  # type: ignore[misc]  # which validator it is follows from the task
        """Ultralytics' validator of the task, keeping each picture's predictions, labels and matches."""

        def match_predictions(self, pred_classes: Any, true_classes: Any, iou: Any, use_scipy: bool = False) -> Any:
            """Keep the overlaps: the last call a picture is by the task's own measure."""
            self.overlaps = iou.cpu().numpy().astype(float)
            return super().match_predictions(pred_classes, true_classes, iou, use_scipy)

        def _process_batch(self, preds: Any, batch: Any) -> Any:
            true_classes = batch["cls"].cpu().numpy().astype(int)
            classes = preds["cls"].cpu().numpy().astype(int)
            self.overlaps = np.zeros((len(true_classes), len(classes)))
            result = super()._process_batch(preds, batch)
            task_tp = result.get("tp_m", result.get("tp_p", result["tp"]))
            same, same_iou = nearest(self.overlaps, true_classes, classes, same=True)
            other, other_iou = nearest(self.overlaps, true_classes, classes, same=False)
            boxes, true_boxes = self._pixels(preds["bboxes"], batch), self._pixels(batch["bboxes"], batch)
            areas = self._areas(preds, boxes, batch), self._areas(batch, true_boxes, batch)
            captured.append(
                {
                    "file": Path(batch["im_file"]).resolve().relative_to(images).as_posix(),
                    "true_classes": true_classes,
                    "true_boxes": true_boxes,
                    "area": areas[1],
                    "class_id": classes,
                    "confidence": preds["conf"].cpu().numpy().astype(float),
                    "boxes": boxes,
                    "shapes": self._shapes(preds, batch),
                    **by_size(self.overlaps, true_classes, classes, areas[1], areas[0]),
                    "tp": to_bits(result["tp"]),
                    "task_tp": to_bits(task_tp),
                    "truth": match(self.overlaps, true_classes, classes, np.array([0.5]))[:, 0],
                    "same_truth": same,
                    "same_iou": same_iou,
                    "other_truth": other,
                    "other_iou": other_iou,
                }
            )
            if say is not None:
                say(len(captured), len(self.dataloader.dataset))
            return result

        def _pixels(self, boxes: Any, batch: Any) -> Any:
            if len(boxes) == 0:
                return np.zeros((0, 4))
            scaled: Any = ops.scale_boxes(
                batch["imgsz"], boxes.clone(), batch["ori_shape"], ratio_pad=batch["ratio_pad"], xywh=rotated
            )
            if rotated:
                corners: Any = ops.xywhr2xyxyxyxy(scaled)
                low, high = corners.amin(dim=1), corners.amax(dim=1)
                return np.hstack([low.cpu().numpy(), high.cpu().numpy()]).astype(float)
            return scaled[:, :4].cpu().numpy().astype(float)

        def _areas(self, items: Any, boxes: Any, batch: Any) -> Any:
            """Return areas in square pixels of the picture: of masks where there are some, else of boxes."""
            masks = items.get("masks")
            if masks is None:
                return (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
            side = batch["imgsz"][0] / masks.shape[1] / batch["ratio_pad"][0][0] if len(masks) else 1.0
            return masks.flatten(1).sum(dim=1).cpu().numpy().astype(float) * side**2

        def _shapes(self, preds: Any, batch: Any) -> list[Any]:
            """Return what is drawn of each of the surest predictions: (n, 2) points in pixels, None for a mere box."""
            count = min(int((preds["conf"] >= SHAPES_FROM).sum()), MOST_SHAPES)
            if rotated:
                scaled: Any = ops.scale_boxes(
                    batch["imgsz"],
                    preds["bboxes"][:count].clone(),
                    batch["ori_shape"],
                    ratio_pad=batch["ratio_pad"],
                    xywh=True,
                )
                return list(ops.xywhr2xyxyxyxy(scaled).cpu().numpy().astype(np.float32)) if count else []
            if "masks" in preds:
                factor = batch["imgsz"][0] / preds["masks"].shape[1] if count else 1.0
                outlines = [outline(mask) * factor for mask in preds["masks"][:count].cpu().numpy()]
                return [self._place(points, batch) for points in outlines]
            if "keypoints" in preds:
                return [
                    self._place(points[points[:, 2] >= 0.5] if points.shape[1] == 3 else points, batch)
                    for points in preds["keypoints"][:count].cpu().numpy()
                ]
            return []

        def _place(self, points: Any, batch: Any) -> Any:
            """Return (n, 2) points of the fed picture in pixels of the picture as it is."""
            (gain, *_), (left, top) = batch["ratio_pad"]
            moved = (points[:, :2] - np.array([left, top])) / gain
            height, width = batch["ori_shape"]
            return np.clip(moved, 0, [width, height]).astype(np.float32)

    return Capturing


def classify_validator(
    dataset: Dataset, captured: list[dict[str, Any]], say: Callable[[int, int], None] | None
) -> Callable[..., Any]:
    """Return the classification validator that appends a dictionary a picture to `captured`."""
    from ultralytics.data import build_dataloader
    from ultralytics.models.yolo.classify import ClassificationValidator

    images = (dataset.root / "images").resolve()

    class Capturing(ClassificationValidator):
        """Ultralytics' classification validator, keeping each picture's probabilities."""

        args: Any
        dataloader: Any
        device: Any
        names: Any

        def get_dataloader(self, dataset_path: Any, batch_size: int) -> Any:
            """Load in the order of the samples, so that each answer can be named by its picture."""
            samples: Any = self.build_dataset(dataset_path)
            return build_dataloader(samples, batch_size, self.args.workers, shuffle=False, rank=-1, device=self.device)

        def update_metrics(self, preds: Any, batch: Any) -> None:
            """Keep the probabilities in the order of the dataset's classes."""
            super().update_metrics(preds, batch)
            columns = [dataset.classes.index(self.names[index]) for index in range(len(self.names))]
            for row in preds.float().cpu().numpy():
                file = Path(self.dataloader.dataset.samples[len(captured)][0]).resolve().relative_to(images).as_posix()
                probabilities = np.zeros(len(dataset.classes))
                probabilities[columns] = row
                truth = dataset.classes.index(Path(file).parent.name)
                captured.append({"file": file, "probabilities": probabilities, "truth": truth})
            if say is not None:
                say(len(captured), len(self.dataloader.dataset))

    return Capturing


def by_size(
    overlaps: NDArray[np.float64],
    true_classes: NDArray[np.int64],
    classes: NDArray[np.int64],
    true_areas: NDArray[np.float64],
    areas: NDArray[np.float64],
) -> dict[str, NDArray[np.int64]]:
    """Return, for each of COCO's sizes, which predictions are right and which are passed over, as bits.

    As in `COCOeval.evaluateImg`: objects of other sizes are there but don't count; a prediction is passed over when it
    is matched to one of them, or to nothing and is itself of another size.
    """
    result = {}
    for name, (low, high) in SIZES.items():
        other = (true_areas < low) | (true_areas > high)
        matched = match_in_range(overlaps, true_classes, classes, other, IOU_THRESHOLDS)
        foreign = ((areas < low) | (areas > high))[:, None]
        apart = other[matched] if len(other) else np.zeros(matched.shape, dtype=bool)
        result[f"{name}_tp"] = to_bits((matched >= 0) & ~apart)
        result[f"{name}_ignored"] = to_bits(np.where(matched >= 0, apart, foreign))
    return result


def outline(mask: NDArray[Any]) -> NDArray[np.float32]:
    """Return the (n, 2) outline of the largest piece of an (h, w) mask, in its pixels; (0, 2) for an empty one."""
    import cv2

    pieces, _ = cv2.findContours((mask > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not pieces:
        return np.zeros((0, 2), dtype=np.float32)
    largest = max(pieces, key=cv2.contourArea)
    smooth = cv2.approxPolyDP(largest, 0.4, True).reshape(-1, 2).astype(np.float32)
    return smooth + 0.5


def make_tables(
    captured: list[dict[str, Any]], classification: bool, classes: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the tables of predictions, truth and shapes from what was captured picture by picture."""
    captured = sorted(captured, key=lambda item: item["file"])
    files = [item["file"] for item in captured]
    if classification:
        probabilities = np.array([item["probabilities"] for item in captured]).reshape(-1, classes)
        predictions = pd.DataFrame(probabilities, columns=[f"p{index}" for index in range(classes)])
        predictions.insert(0, "file", files)
        predictions.insert(1, "class_id", probabilities.argmax(axis=1))
        predictions.insert(2, "confidence", probabilities.max(axis=1))
        truth = pd.DataFrame({"file": files, "class_id": [item["truth"] for item in captured]})
        return predictions, truth, pd.DataFrame(columns=list(SHAPE_COLUMNS))
    counts = [len(item["class_id"]) for item in captured]
    boxes = np.vstack([item["boxes"] for item in captured] or [np.zeros((0, 4))])
    columns: dict[str, Any] = {"file": np.repeat(np.array(files, dtype=object), counts)}
    for name in PREDICTION_COLUMNS:
        if name in ("x1", "y1", "x2", "y2"):
            columns[name] = boxes[:, ("x1", "y1", "x2", "y2").index(name)]
        elif name != "file":
            columns[name] = np.concatenate([item[name] for item in captured] or [np.zeros(0)])
    true_counts = [len(item["true_classes"]) for item in captured]
    true_boxes = np.vstack([item["true_boxes"] for item in captured] or [np.zeros((0, 4))])
    truth = pd.DataFrame(
        {
            "file": np.repeat(np.array(files, dtype=object), true_counts),
            "object": np.concatenate([np.arange(count) for count in true_counts] or [np.zeros(0, dtype=int)]).astype(
                int
            ),
            "class_id": np.concatenate([item["true_classes"] for item in captured] or [np.zeros(0)]).astype(int),
            **{name: true_boxes[:, index] for index, name in enumerate(("x1", "y1", "x2", "y2"))},
            "area": np.concatenate([item["area"] for item in captured] or [np.zeros(0)]),
        }
    )
    starts = np.cumsum([0, *counts])
    drawn = [
        (item["file"], int(start) + number, points.ravel())
        for item, start in zip(captured, starts, strict=False)
        for number, points in enumerate(item["shapes"])
        if len(points)
    ]
    return pd.DataFrame(columns), truth, pd.DataFrame(drawn, columns=list(SHAPE_COLUMNS))
