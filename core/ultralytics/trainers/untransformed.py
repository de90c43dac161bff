"""A share of the training pictures as the model will see them in use: not scaled, moved or turned at random.

Stock Ultralytics (8.4.190) brings every training picture through one affine warp, which draws each pixel anew from its
neighbours, and leaves grey beside pictures it makes smaller. A picture in validation or in use has neither. Where fine
lines matter the network then answers to something it never saw: on black and white prints (DeepPCB, 640 scaled to 416
px) the figure fell and rose by .3 mAP50-95 from epoch to epoch, and a slight blur over the validation pictures alone
brought a trained model from .400 to .535.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = tuple[NDArray[np.float32], float]
"""What the warp goes by: a 3 by 3 matrix, and how much it scales."""


def leave_untransformed(dataset: Any, share: float) -> None:
    """Let a training dataset of Ultralytics leave a `share` (0 to 1) of its pictures, or collages, as they are.

    It holds when the transforms are built anew, too, as they are when collages end. Classifiers' datasets have no such
    warp and stay as they are.
    """
    if not hasattr(dataset, "build_transforms"):
        return
    dataset.build_transforms = partial(_built, dataset.build_transforms, share)
    _leave(dataset.transforms, share)


def _built(build: Callable[..., Any], share: float, hyp: Any = None) -> Any:
    transforms = build(hyp)
    _leave(transforms, share)
    return transforms


def _leave(transforms: Any, share: float) -> None:
    for item in getattr(transforms, "transforms", ()):
        if hasattr(item, "_compute_affine_matrix"):
            item._compute_affine_matrix = partial(_matrix, item._compute_affine_matrix, share)
        _leave(item, share)


def _matrix(drawn: Callable[..., Matrix], share: float, image: NDArray[Any], size: tuple[int, int]) -> Matrix:
    """Return the matrix of a warp, for a `share` of the calls one that moves whole pixels to the middle of `size`."""
    if random.random() >= share:  # noqa: S311  (as Ultralytics' own augmentation draws)
        return drawn(image, size)
    matrix = np.eye(3, dtype=np.float32)
    matrix[0, 2] = (size[0] - image.shape[1]) // 2
    matrix[1, 2] = (size[1] - image.shape[0]) // 2
    return matrix, 1.0
