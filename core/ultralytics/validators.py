"""Ultralytics' own validators, made to hand over what they know of each picture: predictions, labels, overlaps.

In child processes only. What is handed over is in pixels of the picture as it is, whatever the network was fed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.tasks import TASKS

SHAPES_FROM = 0.01
"""Confidence from which a prediction's outline is kept for drawing."""
MOST_SHAPES = 100
"""Outlines kept per picture, the surest."""

Tell = Callable[[int, int], None]
"""Is told how many pictures are done, and of how many."""


@dataclass(frozen=True)
class SeenObjects:
    """What a validator knows of the objects in one picture: `n` predictions, the surest first, and `m` labels."""

    file: Path
    """the picture"""
    true_classes: NDArray[np.int64]
    """(m,)"""
    true_boxes: NDArray[np.float64]
    """(m, 4) x1, y1, x2, y2 in pixels"""
    true_areas: NDArray[np.float64]
    """(m,) in square pixels, of masks where there are some, else of boxes"""
    classes: NDArray[np.int64]
    """(n,)"""
    confidence: NDArray[np.float64]
    """(n,) 0 to 1"""
    boxes: NDArray[np.float64]
    """(n, 4) x1, y1, x2, y2 in pixels"""
    areas: NDArray[np.float64]
    """(n,)"""
    shapes: list[NDArray[np.float32]]
    """what is drawn of the surest predictions: (k, 2) points in pixels; empty where boxes are all"""
    overlaps: NDArray[np.float64]
    """(m, n) by the task's own measure: IoU of boxes, masks or turned boxes, OKS of key points"""
    right: NDArray[np.bool_]
    """(n, 10) whether Ultralytics counts a prediction as right at IoU 0.50 to 0.95, by its box"""
    right_by_task: NDArray[np.bool_]
    """(n, 10) the same by the task's own measure"""


@dataclass(frozen=True)
class SeenPicture:
    """What a validator knows of one classified picture."""

    file: Path
    """the picture"""
    probabilities: NDArray[np.float32]
    """by class of the model"""
    names: dict[int, str]
    """the model's own names of its classes"""


@dataclass(frozen=True)
class SeenPixels:
    """What a validator knows of one picture whose every pixel has a class."""

    file: Path
    """the picture"""
    truth: NDArray[np.int64]
    """(h, w) labelled class ids at the size the network was fed, 255 where nothing is judged"""
    said: NDArray[np.int64]
    """(h, w) the answer at that size"""
    answer: NDArray[np.uint8]
    """(height, width) the answer at the size of the picture"""


def validator_of_objects(task: str, keep: Callable[[SeenObjects], None], tell: Tell | None) -> Callable[..., Any]:
    """Return the validator of a task that finds objects, handing each picture over."""
    from ultralytics.utils import ops

    base: Any = resolve_name(TASKS[task].validator)
    rotated = TASKS[task].is_rotated

    class HandingOver(base):  # type: ignore[misc]  # which validator it is follows from the task
        """Ultralytics' validator of the task, handing over each picture's predictions, labels and overlaps."""

        done = 0

        def match_predictions(self, pred_classes: Any, true_classes: Any, iou: Any, use_scipy: bool = False) -> Any:
            """Keep the overlaps: the last call for a picture is by the task's own measure."""
            self.overlaps = iou.cpu().numpy().astype(float)
            return super().match_predictions(pred_classes, true_classes, iou, use_scipy)

        def _process_batch(self, preds: Any, batch: Any) -> Any:
            true_classes = batch["cls"].cpu().numpy().astype(int)
            classes = preds["cls"].cpu().numpy().astype(int)
            self.overlaps = np.zeros((len(true_classes), len(classes)))
            result = super()._process_batch(preds, batch)
            boxes, true_boxes = self._pixels(preds["bboxes"], batch), self._pixels(batch["bboxes"], batch)
            keep(
                SeenObjects(
                    file=Path(batch["im_file"]),
                    true_classes=true_classes,
                    true_boxes=true_boxes,
                    true_areas=self._areas(batch, true_boxes, batch),
                    classes=classes,
                    confidence=preds["conf"].cpu().numpy().astype(float),
                    boxes=boxes,
                    areas=self._areas(preds, boxes, batch),
                    shapes=self._shapes(preds, batch),
                    overlaps=self.overlaps,
                    right=result["tp"],
                    right_by_task=result.get("tp_m", result.get("tp_p", result["tp"])),
                )
            )
            self.done += 1
            if tell is not None:
                tell(self.done, len(self.dataloader.dataset))
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
            """Return what is drawn of each of the surest predictions: (n, 2) points in pixels, [] for mere boxes."""
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
                outlines = [_outline(mask) * factor for mask in preds["masks"][:count].cpu().numpy()]
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

    return HandingOver


def validator_of_pictures(keep: Callable[[SeenPicture], None], tell: Tell | None) -> Callable[..., Any]:
    """Return the classification validator, handing each picture over."""
    from ultralytics.data import build_dataloader
    from ultralytics.models.yolo.classify import ClassificationValidator

    class HandingOver(ClassificationValidator):
        """Ultralytics' classification validator, handing over each picture's probabilities."""

        args: Any
        dataloader: Any
        device: Any
        names: Any
        done = 0

        def get_dataloader(self, dataset_path: Any, batch_size: int) -> Any:
            """Load in the order of the samples, so that each answer can be named by its picture."""
            samples: Any = self.build_dataset(dataset_path)
            return build_dataloader(samples, batch_size, self.args.workers, shuffle=False, rank=-1, device=self.device)

        def update_metrics(self, preds: Any, batch: Any) -> None:
            """Hand the probabilities over in the order of the samples."""
            super().update_metrics(preds, batch)
            for row in preds.float().cpu().numpy():
                keep(SeenPicture(Path(self.dataloader.dataset.samples[self.done][0]), row, self.names))
                self.done += 1
            if tell is not None:
                tell(self.done, len(self.dataloader.dataset))

    return HandingOver


def validator_of_pixels(task: str, keep: Callable[[SeenPixels], None], tell: Tell | None) -> Callable[..., Any]:
    """Return the validator of a task that gives every pixel its class, handing each picture over."""
    from ultralytics.utils import ops

    base: Any = resolve_name(TASKS[task].validator)

    class HandingOver(base):  # type: ignore[misc]  # which validator it is follows from the task
        """Ultralytics' validator of the task, handing over each picture's labels and answer."""

        done = 0

        def update_metrics(self, preds: Any, batch: Any) -> None:
            """Hand over what is counted; the answer once more without the padding, at the size of its picture."""
            super().update_metrics(preds, batch)
            for index, said in enumerate(preds):
                whole: Any = ops.scale_masks(
                    said[None, None].float(), batch["ori_shape"][index], batch["ratio_pad"][index], mode="nearest"
                )
                keep(
                    SeenPixels(
                        file=Path(batch["im_file"][index]),
                        truth=batch["semantic_mask"][index].cpu().numpy().astype(np.int64),
                        said=said.cpu().numpy().astype(np.int64),
                        answer=whole[0, 0].byte().cpu().numpy(),
                    )
                )
                self.done += 1
            if tell is not None:
                tell(self.done, len(self.dataloader.dataset))

    return HandingOver


def _outline(mask: NDArray[Any]) -> NDArray[np.float32]:
    """Return the (n, 2) outline of the largest piece of an (h, w) mask, in its pixels; (0, 2) for an empty one."""
    import cv2

    pieces, _ = cv2.findContours((mask > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not pieces:
        return np.zeros((0, 2), dtype=np.float32)
    largest = max(pieces, key=cv2.contourArea)
    smooth = cv2.approxPolyDP(largest, 0.4, True).reshape(-1, 2).astype(np.float32)
    return smooth + 0.5
