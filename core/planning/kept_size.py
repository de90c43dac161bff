"""How large a classifier's pictures are kept in memory: at the size they are shown, not at the size they came in."""

from __future__ import annotations

import math

NARROWEST = 3 / 4
"""Aspect of the narrowest crop (torchvision's and Ultralytics' default)."""


LEAST_AREA = 0.08
"""A crop's least share of a picture, as in training on ImageNet, whatever the setting."""


def side_kept(imgsz: int, scale: float) -> int:
    """Return the shorter side, in pixels, at which training pictures lose nothing for crops of `imgsz` pixels.

    `scale` is Ultralytics' setting: crops cover between 1 - scale and all of a picture.
    """
    return math.ceil(imgsz / math.sqrt(NARROWEST * max(1 - scale, LEAST_AREA)))
