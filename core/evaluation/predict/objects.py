"""The objects in one picture, labelled or found, in plain arrays, and how they overlap by the task's own measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.objects import LabelledImage, LabelledObject, outline_area, turned_box
from core.evaluation.predict.matching import box_iou
from core.tasks import TASKS

SHAPES_FROM = 0.01
"""Confidence from which a finding's outline is kept for drawing."""
MOST_SHAPES = 100
"""Outlines kept per picture, the surest."""
SEEN_POINT = 0.5
"""Confidence from which a key point is drawn."""
PERSON_SPREAD = (.26, .25, .25, .35, .35, .79, .79, .72, .72, .62, .62, 1.07, 1.07, .87, .87, .89, .89)  # fmt: skip
"""Ten times how far people disagree about each of COCO's 17 body points (cocodataset.org/#keypoints-eval)."""
BODY_SHARE = 0.53
"""Share of a person's box that the body fills, for the similarity of key points (as xtcocotools and Ultralytics)."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Objects:
    """`n` objects in one picture; of findings the surest come first. All in pixels of the picture."""

    classes: NDArray[np.int64]
    """(n,)"""
    boxes: Floats
    """(n, 4) x1, y1, x2, y2; of turned boxes the enclosing ones"""
    areas: Floats
    """(n,) of masks where there are some, else of boxes"""
    confidence: Floats = field(default_factory=lambda: np.zeros(0))
    """(n,) 0 to 1; of findings only"""
    corners: Floats | None = None
    """(n, 4, 2) of turned boxes"""
    points: Floats | None = None
    """(n, k, 3) key points: x, y and whether it is seen (labels: 0 unlabelled), or how sure"""
    masks: NDArray[np.uint8] | None = None
    """(n, h, w) 0 and 1, at the size the network was fed, its grey border included"""


def labelled_objects(image: LabelledImage, task: str, fed: tuple[int, int] | None = None) -> Objects:
    """Return the labels of a picture; the same label twice counts once, as in the training.

    `fed` is the height and width of the masks to draw (segment), those of the findings; None draws none.
    """
    items = _each_once(image.objects)
    size = np.array([image.width, image.height], dtype=float)
    centres = np.array([item.box for item in items], dtype=float).reshape(-1, 2, 2) * size
    boxes = np.hstack([centres[:, 0] - centres[:, 1] / 2, centres[:, 0] + centres[:, 1] / 2])
    boxes = np.clip(boxes, 0, np.tile(size, 2))
    outlines = [item.polygon * size for item in items if item.polygon is not None]
    turned, areas = TASKS[task].is_rotated, (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    if TASKS[task].has_polygons and not turned:
        areas = np.array([outline_area(outline) for outline in outlines])
    masks = None if fed is None else _drawn(outlines, image, fed)
    if masks is not None and fed is not None:
        areas = masks.sum(axis=(1, 2)) / placement((image.height, image.width), fed)[0].prod()
    points = [item.keypoints * [*size, 1.0] for item in items if item.keypoints is not None]
    return Objects(
        np.array([item.class_id for item in items], dtype=np.int64),
        boxes,
        areas,
        corners=np.array([turned_box(outline) for outline in outlines]).reshape(-1, 4, 2) if turned else None,
        points=np.array(points) if points else None,
        masks=masks,
    )


def found_objects(result: Any) -> Objects:
    """Return the findings of an Ultralytics result."""
    given = result.boxes if result.obb is None else result.obb
    boxes = _numbers(given.xyxy).reshape(-1, 4)
    masks = None if result.masks is None else result.masks.data.cpu().numpy().astype(np.uint8)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    if masks is not None:
        scale, _ = placement(result.orig_shape, masks.shape[1:])
        areas = masks.sum(axis=(1, 2)) / scale.prod()
    return Objects(
        _numbers(given.cls).astype(np.int64),
        boxes,
        areas,
        _numbers(given.conf),
        corners=None if result.obb is None else _numbers(given.xyxyxyxy).reshape(-1, 4, 2),
        points=None if result.keypoints is None else _numbers(result.keypoints.data),
        masks=masks,
    )


def overlaps(labels: Objects, found: Objects, task: str) -> Floats:
    """Return (labels, findings) by the measure of the task: IoU of boxes, masks or turned boxes, or OKS of points."""
    if not len(labels.classes) or not len(found.classes):
        return np.zeros((len(labels.classes), len(found.classes)))
    if labels.masks is not None and found.masks is not None:
        return mask_iou(labels.masks, found.masks)
    if labels.points is not None and found.points is not None and TASKS[task].has_keypoints:
        return point_similarity(labels.points, found.points, labels.areas)
    if labels.corners is not None and found.corners is not None:
        return turned_iou(labels.corners, found.corners)
    return box_iou(labels.boxes, found.boxes)


def mask_iou(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Floats:
    """Return the (m, n) overlaps of (m, h, w) and (n, h, w) masks of 0 and 1."""
    packed = [np.packbits(masks.reshape(len(masks), -1), axis=1) for masks in (first, second)]
    areas = [np.bitwise_count(bits).sum(axis=1, dtype=np.int64) for bits in packed]
    shared = np.array([np.bitwise_count(row & packed[1]).sum(axis=1, dtype=np.int64) for row in packed[0]])
    return np.asarray(shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1))


def point_similarity(labels: Floats, found: Floats, box_areas: Floats) -> Floats:
    """Return the (m, n) object key point similarity of (m, k, 3) labels and (n, k, 2 or 3) findings.

    As `pycocotools.cocoeval`; objects that are no people take the same spread for every point, as in Ultralytics.
    """
    count = labels.shape[1]
    spread = np.array(PERSON_SPREAD) / 10 if count == len(PERSON_SPREAD) else np.full(count, 1 / count)
    apart = ((labels[:, None, :, :2] - found[None, :, :, :2]) ** 2).sum(axis=3)
    errors = apart / ((2 * spread) ** 2 * (box_areas[:, None, None] * BODY_SHARE + 1e-7) * 2)
    seen = labels[:, None, :, 2] != 0
    return np.asarray((np.exp(-errors) * seen).sum(axis=2) / (seen.sum(axis=2) + 1e-7))


def turned_iou(first: Floats, second: Floats) -> Floats:
    """Return the (m, n) overlaps of turned boxes (m, 4, 2) and (n, 4, 2), as those of Gaussians (arXiv:2106.06072)."""
    (mine, a, b, c), (theirs, d, e, f) = (_gaussian(corners) for corners in (first, second))
    x, y = np.moveaxis(mine[:, None] - theirs[None], 2, 0)
    own = np.sqrt(np.clip(a * b - c**2, 0, None))[:, None] * np.sqrt(np.clip(d * e - f**2, 0, None))[None]
    p, q, r = a[:, None] + d[None], b[:, None] + e[None], c[:, None] + f[None]
    size = p * q - r**2 + 1e-7
    apart = (p * y**2 + q * x**2) / size / 4 - r * x * y / size / 2
    distance = np.clip(apart + np.log(size / (4 * own + 1e-7) + 1e-7) / 2, 1e-7, 100)
    return np.asarray(1 - np.sqrt(1 - np.exp(-distance) + 1e-7))


def placement(picture: Sequence[int], fed: Sequence[int]) -> tuple[Floats, Floats]:
    """Return the scale and the left upper corner (each x, y) of a picture (h, w) within what a network is fed (h, w).

    As Ultralytics' LetterBox and scale_boxes: each side rounded to whole pixels, the grey border halved.
    """
    scale = min(fed[0] / picture[0], fed[1] / picture[1])
    inner = [max(round(side * scale), 1) for side in picture[:2]]
    border = [round((whole - part) / 2 - 0.1) for whole, part in zip(fed, inner, strict=True)]
    scales = np.array([inner[1] / picture[1], inner[0] / picture[0]])
    return scales, np.array(border[::-1], dtype=float)


def drawn_shapes(found: Objects, picture: tuple[int, int]) -> list[NDArray[np.float32]]:
    """Return what is drawn of each of the surest findings: (k, 2) points in pixels; [] where boxes are all."""
    count = min(int((found.confidence >= SHAPES_FROM).sum()), MOST_SHAPES)
    if found.corners is not None:
        return list(found.corners[:count].astype(np.float32))
    if found.masks is not None:
        scale, corner = placement(picture, found.masks.shape[1:])
        outlines = [(_outline(mask) - corner) / scale for mask in found.masks[:count]]
        return [np.clip(points, 0, [picture[1], picture[0]]).astype(np.float32) for points in outlines]
    if found.points is not None:
        kept = [points[points[:, 2] >= SEEN_POINT] if points.shape[1] == 3 else points for points in found.points]
        return [points[:, :2].astype(np.float32) for points in kept[:count]]
    return []


def _numbers(values: Any) -> Floats:
    return np.asarray(values.cpu().numpy().astype(float))


def _each_once(items: list[LabelledObject]) -> list[LabelledObject]:
    kept: dict[tuple[object, ...], LabelledObject] = {}
    for item in items:
        if item.box is not None:
            parts = [part.tobytes() for part in (item.polygon, item.keypoints) if part is not None]
            kept.setdefault((item.class_id, item.box, *parts), item)
    return list(kept.values())


def _gaussian(corners: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the centres (n, 2) and the variances xx, yy and xy of uniform turned rectangles given by their corners."""
    centre = corners.mean(axis=1)
    one, other = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 1]
    xx, yy = ((one**2 + other**2) / 12).T
    return centre, xx, yy, (one.prod(axis=1) + other.prod(axis=1)) / 12


def _drawn(outlines: list[Floats], image: LabelledImage, fed: tuple[int, int]) -> NDArray[np.uint8]:
    """Return (n, h, w) masks of outlines in pixels, as Ultralytics draws those it learns from.

    Where labels overlap, the smaller one lies on top: a cell around its nucleus is a ring (its `overlap_mask`).
    """
    import cv2

    scale, corner = placement((image.height, image.width), fed)
    numbers = np.zeros(fed, dtype=np.int32)
    for index in np.argsort([-outline_area(outline) for outline in outlines], kind="stable").tolist():
        cv2.fillPoly(numbers, [(outlines[index] * scale + corner).astype(np.int32)], color=(index + 1,))
    masks: NDArray[np.uint8] = (numbers == np.arange(1, len(outlines) + 1)[:, None, None]).astype(np.uint8)
    return masks


def _outline(mask: NDArray[np.uint8]) -> Floats:
    """Return the (n, 2) outline of the largest piece of an (h, w) mask, in its pixels; (0, 2) for an empty one."""
    import cv2

    pieces, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not pieces:
        return np.zeros((0, 2))
    largest = max(pieces, key=cv2.contourArea)
    return cv2.approxPolyDP(largest, 0.8, True).reshape(-1, 2).astype(float) + 0.5
