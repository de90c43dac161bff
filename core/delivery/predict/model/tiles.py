"""Big pictures in tiles: each tile is looked at in full size, what neighbouring tiles both found is counted once.

The cutting and joining is supervision's InferenceSlicer (github.com/roboflow/supervision). Runs in the predictor's
child; supervision itself imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.importing.tiles import OVERLAP, tiles_of
from core.delivery.predict.entry import FoundIn, FoundObject
from core.tasks import TASKS

SAME_IOU = 0.5
"""Findings of one class in two tiles that overlap at least this much are one object."""
EDGE = 1.5
"""Pixels from the border of a tile within which a finding may go on in the next one."""
PART = 0.5
"""Share of such a finding that must lie in a whole one to be a part of it."""
MUCH_LARGER = 1.5
"""Tiles are worth it from this many times the size the model looks at."""

Look = Callable[[NDArray[np.uint8]], Any]
"""Asks a model: an RGB picture -> Ultralytics' result (`Predictor.result`)."""


def covered_parts(boxes: NDArray[np.float64], classes: NDArray[np.int64], cut: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which boxes (n, 4) end at the border of their tile and lie in a whole one of their class, by PART or more.

    A neighbouring tile shows the same object whole: the part of it is no finding of its own.
    """
    covered = np.zeros(len(boxes), dtype=bool)
    for index in np.flatnonzero(cut):  # one by one: thousands of findings against thousands would not fit into memory
        box, whole = boxes[index], boxes[~cut & (classes == classes[index])]
        shared = np.minimum(box[2:], whole[:, 2:]) - np.maximum(box[:2], whole[:, :2])
        least = PART * (box[2:] - box[:2]).prod()
        covered[index] = (np.clip(shared, 0, None).prod(axis=1) >= least).any()
    return covered


def is_worth_tiling(width: int, height: int, imgsz: int, task: str, tile: int | None = None) -> bool:
    """Say whether a picture is so large that scaling it down to `imgsz` pixels loses detail tiles would keep.

    For a model that learned from tiles of `tile` pixels every larger picture is.
    """
    return TASKS[task].fits_tiles and max(width, height) >= (tile + 1 if tile else MUCH_LARGER * imgsz)


def tile_count(width: int, height: int, size: int) -> int:
    """Return how many tiles of `size` pixels a picture is cut into."""
    return len(tiles_of(width, height, size))


def find_in_tiles(look: Look, names: dict[int, str], image: NDArray[np.uint8], size: int, max_det: int) -> FoundIn:
    """Return what is found in an RGB picture (h, w, 3) cut into tiles of `size` pixels; boxes in its pixels.

    `max_det` findings at most are kept of each tile.
    """
    import supervision as sv

    at_limit = False

    def predict_tile(tile: NDArray[np.uint8]) -> Any:
        nonlocal at_limit
        found = sv.Detections.from_ultralytics(look(tile))
        at_limit = at_limit or len(found) >= max_det
        ends = np.array([tile.shape[1], tile.shape[0]]) - EDGE
        found.data["cut"] = np.asarray(((found.xyxy[:, :2] < EDGE) | (found.xyxy[:, 2:] > ends)).any(axis=1))
        return found

    overlap = round(size * OVERLAP)
    slicer = sv.InferenceSlicer(
        predict_tile,
        slice_wh=size,
        overlap_wh=overlap,
        overlap_filter=sv.OverlapFilter.NONE,
        compact_masks=True,
    )
    found: Any = slicer(image)
    if len(found):
        found = found[~covered_parts(found.xyxy, found.class_id, found.data["cut"])].with_nms(SAME_IOU)
    objects = []
    for index in range(len(found)):
        item: FoundObject = {
            "class": names[int(found.class_id[index])],
            "class_id": int(found.class_id[index]),
            "confidence": round(float(found.confidence[index]), 5),
            "box": np.round(found.xyxy[index].astype(float), 2).tolist(),
        }
        if "xyxyxyxy" in found.data:
            corners = np.asarray(found.data["xyxyxyxy"][index], dtype=float).reshape(4, 2)
            item["corners"] = np.round(corners, 2).tolist()
        if found.mask is not None:
            outlines = sv.mask_to_polygons(np.asarray(found.mask[index]))
            if outlines:
                item["polygon"] = max(outlines, key=len).astype(float).tolist()
        objects.append(item)
    objects.sort(key=lambda item: -item["confidence"])
    return {"objects": objects, "max_det": max_det} if at_limit else {"objects": objects}
