"""Classification with pictures kept in memory at the size they are looked at, not at the size they came in.

Ultralytics 8.4.190 keeps a classifier's pictures whole and shrinks each anew every time it is shown: on X-rays of 1,300
pixels that takes longer than learning from them.

- Training: a random crop (RandomResizedCrop of torchvision) covers at least the area `1 - scale` of a picture at an
  aspect of 3:4 to 4:3, so its shorter side is at least sqrt(3/4 · (1 - scale)) of the picture's. A picture is kept at
  the size at which the smallest crop still has a pixel for each that the network sees.
- Validation: a picture is kept scaled and cropped as it is shown; doing it to the result once more changes nothing.
"""

from __future__ import annotations

import math
from multiprocessing.pool import ThreadPool
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.processes.cores import usable_cores

NARROWEST = 3 / 4
"""Aspect of the narrowest crop (torchvision's and Ultralytics' default)."""
LEAST_AREA = 0.08
"""A crop's least share of a picture, as in training on ImageNet, whatever the setting."""


def side_kept(imgsz: int, scale: float) -> int:
    """Return the shorter side, in pixels, at which training pictures lose nothing for crops of `imgsz` pixels.

    `scale` is Ultralytics' setting: crops cover between 1 - scale and all of a picture.
    """
    return math.ceil(imgsz / math.sqrt(NARROWEST * max(1 - scale, LEAST_AREA)))


def shrink(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return a picture (height, width, 3) with a shorter side of `side` pixels, one that is not larger as it is."""
    import cv2

    height, width = picture.shape[:2]
    share = side / min(height, width)
    if share >= 1:
        return picture
    size = (max(side, round(width * share)), max(side, round(height * share)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


class PicturesAtSize:
    """Mixed into a classification trainer's class: with `cache` in memory, pictures are kept as large as needed."""

    def build_dataset(self, img_path: str, mode: str = "train", batch: Any = None) -> Any:
        """Build Ultralytics' dataset and fill its cache."""
        wanted = self.args.cache
        if wanted is not True and str(wanted).lower() != "ram":
            return super().build_dataset(img_path, mode, batch)  # type: ignore[misc]
        self.args.cache = False
        try:
            dataset = super().build_dataset(img_path, mode, batch)  # type: ignore[misc]
        finally:
            self.args.cache = wanted
        from ultralytics.data.base import BaseDataset

        side = side_kept(self.args.imgsz, self.args.scale)
        first = dataset.torch_transforms.transforms[:2]  # validation: scale, crop

        def read(sample: Any) -> NDArray[np.uint8]:
            picture = dataset.imread(sample[0])
            return shrink(picture, side) if mode == "train" else as_shown(picture, first)

        with ThreadPool(usable_cores()) as pool:
            dataset.img_cache = BaseDataset._ImageCache(list(pool.imap(read, dataset.samples)))
        dataset.cache_ram = True
        return dataset

    def get_dataloader(self, dataset_path: str, batch_size: int = 16, rank: int = 0, mode: str = "train") -> Any:
        """Load validation pictures in the order of the samples, so that each answer can be named by its picture."""
        loader = super().get_dataloader(dataset_path, batch_size, rank, mode)  # type: ignore[misc]
        if mode == "train" or rank >= 0:
            return loader
        from ultralytics.data import build_dataloader

        return build_dataloader(
            loader.dataset, batch_size, self.args.workers, shuffle=False, rank=rank, device=self.device
        )

    args: Any
    device: Any


def as_shown(picture: NDArray[np.uint8], transforms: list[Any]) -> NDArray[np.uint8]:
    """Return a picture (height, width, 3; blue, green, red) after transforms of torchvision that take pictures."""
    from PIL import Image

    shown = Image.fromarray(np.ascontiguousarray(picture[:, :, ::-1]))
    for transform in transforms:
        shown = transform(shown)
    return np.ascontiguousarray(np.asarray(shown)[:, :, ::-1])
