"""What a model sees at its early, middle and late layers: the maps that make transfer learning visible.

A convolutional network looks for edges first, then for textures, then for parts and shapes (Zeiler and Fergus 2014,
Yosinski et al. 2014). Fine-tuning starts from filters that already know all that: the early ones hardly change, the
late ones bend to the new pictures. Channels keep their number in fine-tuning, so the same channel can be compared
before and after. Runs in the predictor's child; `stack_maps` and `likeness` need no model.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.delivery.predict.entry import LayerMaps
from core.errors import InputError
from core.evaluation.predict.predictor import Predictor
from core.tasks import TASKS
from core.ultralytics.networks import backbone_layers, head_sources, layers_in_use

STRIDES = {"early": 4, "middle": 8, "late": 16}
"""Pixels of the picture a dot of the map stands for, by depth; a depth that is missing takes the nearest there is."""
CHANNELS = 8
"""Maps shown of each layer: those that tell most about the picture."""
LEAST_SIDE = 640
"""Pixels the picture is scaled to at least: on smaller ones the maps are too coarse to see anything in them."""
MAP_SIDE = 160
"""Longer side of one shown map, in pixels."""


@contextmanager
def recorded(model: Any, wanted: list[int]) -> Iterator[dict[str, Any]]:
    """Record what these layers of a YOLO put out in the predictions made inside the `with` statement.

    Gives {"maps": {layer: (channels, h, w)}, "shape": (height, width) the first layer was fed}.
    """
    seen: dict[str, Any] = {"maps": {}, "shape": (0, 0)}
    layers = layers_in_use(model)

    def keep(index: int) -> Any:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            tensor = output[0] if isinstance(output, (tuple, list)) else output
            seen["maps"][index] = tensor[0].detach().float().cpu().numpy()

        return hook

    def shape(_module: Any, inputs: Any) -> None:
        seen["shape"] = tuple(inputs[0].shape[-2:])

    hooks = [layers[0].register_forward_pre_hook(shape)]
    hooks += [layers[index].register_forward_hook(keep(index)) for index in wanted]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def draw_heat(predictor: Predictor, picture: Path, imgsz: int, out: Path) -> None:
    """Write a JPEG of an RGB picture with an EigenCAM heat map over it (see core.evaluation.predict.explain)."""
    from core.evaluation.predict.explain import overlay

    image = _opened(picture)
    pixels = np.asarray(image)
    predictor.result(pixels, imgsz, 0.25)  # the layers are fused at the first pass
    layers = layers_in_use(predictor.model)
    sources = head_sources(layers)
    with recorded(predictor.model, sources) as seen:
        predictor.result(pixels, imgsz, 0.25)
    classify = TASKS[predictor.model.task].names_pictures
    maps = [seen["maps"][index] for index in sources]
    overlay(image, maps, seen["shape"], classify=classify).save(out, "JPEG", quality=88)


def layer_maps(predictor: Predictor, picture: Path, imgsz: int) -> list[LayerMaps]:
    """Return the maps of one early, one middle and one late layer for an RGB picture, looked at larger than trained.

    Grey borders the picture was padded with are cut off.
    """
    pixels = np.asarray(_opened(picture))
    imgsz = max(imgsz, LEAST_SIDE)
    predictor.result(pixels, imgsz, 0.25)
    layers = layers_in_use(predictor.model)
    backbone = list(range(min(backbone_layers(predictor.model.model), len(layers) - 1)))
    with recorded(predictor.model, backbone) as seen:
        predictor.result(pixels, imgsz, 0.25)
    height = seen["shape"][0]
    strides = {index: round(height / item.shape[1]) for index, item in seen["maps"].items() if item.ndim == 3}
    found: list[LayerMaps] = []
    for depth, index in choose_layers(strides).items():
        maps = seen["maps"][index]
        if not TASKS[predictor.model.task].names_pictures:
            maps = _without_border(maps, pixels.shape[:2])
        found.append(
            {
                "depth": depth,
                "layer": index,
                "module": type(layers[index]).__name__,
                "channels": maps.shape[0],
                "stride": strides[index],
                "shape": list(maps.shape),
                "maps": base64.b64encode(np.clip(maps, -6e4, 6e4).astype(np.float16).tobytes()).decode(),
            }
        )
    return found


def choose_layers(strides: dict[int, int]) -> dict[str, int]:
    """Return one layer number per depth: the last layer at its stride, or at the nearest stride there is."""
    if not strides:
        raise InputError("This model has no layers whose maps could be shown.")
    chosen = {}
    for depth, wanted in STRIDES.items():
        nearest = min(set(strides.values()), key=lambda stride: abs(np.log2(stride / wanted)))
        chosen[depth] = max(index for index, stride in strides.items() if stride == nearest)
    return chosen


def unpack_maps(layer: LayerMaps) -> NDArray[np.float32]:
    """Return the (channels, h, w) maps of an entry of `layer_maps`."""
    flat = np.frombuffer(base64.b64decode(layer["maps"]), dtype=np.float16)
    return flat.reshape(layer["shape"]).astype(np.float32)


def telling_channels(maps: NDArray[np.float32], count: int = CHANNELS) -> list[int]:
    """Return the numbers of the channels whose maps tell most, no two of them nearly the same.

    Measured by the spread of a map relative to the layer (its standard deviation); a map that correlates at 0.9 or
    more with one already taken is passed over.
    """
    flat = maps.reshape(maps.shape[0], -1)
    centred = flat - flat.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1)
    chosen: list[int] = []
    for index in np.argsort(-norms).tolist():
        if norms[index] <= 1e-6:
            break
        alike = [abs(float(centred[index] @ centred[other])) / (norms[index] * norms[other]) for other in chosen]
        if not alike or max(alike) < 0.9:
            chosen.append(int(index))
        if len(chosen) == count:
            break
    return chosen


def likeness(before: NDArray[np.float32], after: NDArray[np.float32]) -> float | None:
    """Return how alike the maps of the same channels are, 0 to 1; None when they can't be compared.

    Pearson's correlation of each channel's map before and after, averaged with the channel's energy as weight and
    cut off at 0.
    """
    if before.shape != after.shape:
        return None
    flat = [item.reshape(item.shape[0], -1) for item in (before, after)]
    first, second = (item - item.mean(axis=1, keepdims=True) for item in flat)
    norms = np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1)
    weight = norms[0] * norms[1]
    if float(weight.sum()) <= 1e-9:
        return None
    return max(0.0, float((first * second).sum() / weight.sum()))


def stack_maps(maps: NDArray[np.float32], channels: list[int], columns: int = 4, gap: int = 6) -> Image.Image:
    """Return the maps of these channels as one picture of tiles, dark where a channel is silent, bright where it fires.

    Each map is stretched from its 1st to its 99th percentile; the gaps are transparent.
    """
    from matplotlib import colormaps

    height, width = maps.shape[1:]
    scale = MAP_SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    rows = -(-len(channels) // columns)
    sheet = Image.new("RGBA", (columns * (size[0] + gap) - gap, max(1, rows * (size[1] + gap) - gap)))
    for place, channel in enumerate(channels):
        values = maps[channel]
        low, high = np.percentile(values, (1, 99))
        shown = np.clip((values - low) / max(float(high - low), 1e-6), 0, 1)
        coloured = (colormaps["viridis"](shown)[..., :3] * 255).astype(np.uint8)
        tile = Image.fromarray(coloured).resize(size, Image.Resampling.BICUBIC)
        sheet.paste(tile, ((place % columns) * (size[0] + gap), place // columns * (size[1] + gap)))
    return sheet


def as_png(picture: Image.Image) -> bytes:
    """Return a picture as PNG bytes."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _opened(picture: Path) -> Image.Image:
    from core.data.images.decoding import load_rgb
    from core.data.images.page import UnreadableImage

    try:
        return load_rgb(picture)
    except (UnreadableImage, OSError) as error:
        raise InputError(f"{picture.name} can't be read: {error}") from error


def _without_border(maps: NDArray[np.float32], picture: tuple[int, int]) -> NDArray[np.float32]:
    """Cut off the part of (channels, h, w) maps that stands for the grey border around a picture (h, w)."""
    height, width = maps.shape[1:]
    scale = min(height / picture[0], width / picture[1])
    inner = max(1, round(picture[0] * scale)), max(1, round(picture[1] * scale))
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    return maps[:, top : top + inner[0], left : left + inner[1]]
