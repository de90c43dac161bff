"""How a copy of a picture may look: turned, mirrored, recompressed, cropped a little, resized, or several of these."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image, ImageOps

Change = Callable[[Image.Image], Image.Image]


def recompressed(quality: int) -> Change:
    """Through JPEG at `quality`."""

    def change(image: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")

    return change


def cropped(left: float, top: float, right: float, bottom: float) -> Change:
    """Without these shares of the four sides."""

    def change(image: Image.Image) -> Image.Image:
        x, y = image.size
        return image.crop((round(left * x), round(top * y), round((1 - right) * x), round((1 - bottom) * y)))

    return change


def resized(factor: float) -> Change:
    """To `factor` times its width and height."""
    return lambda image: image.resize((round(factor * image.width), round(factor * image.height)))


DISGUISES: dict[str, Change] = {
    "mirrored": ImageOps.mirror,
    "flipped": ImageOps.flip,
    "turned by 180": lambda image: ImageOps.flip(ImageOps.mirror(image)),
    "turned by 90": lambda image: image.rotate(90, expand=True),
    "JPEG 60": recompressed(60),
    "JPEG 75": recompressed(75),
    "JPEG 90": recompressed(90),
    "cropped all round": cropped(0.02, 0.02, 0.02, 0.02),
    "cropped left and top": cropped(0.02, 0.02, 0, 0),
    "cropped top and bottom": cropped(0, 0.02, 0, 0.02),
    "half the size": resized(0.5),
    "mirrored, cropped, JPEG 60": lambda image: recompressed(60)(
        ImageOps.mirror(cropped(0.02, 0.02, 0.02, 0.02)(image))
    ),
}
