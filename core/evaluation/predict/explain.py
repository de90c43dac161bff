"""Where a model looks: an EigenCAM heat map over one picture, made in a child process.

EigenCAM (Muhammad and Yeasin 2020) is the first principal component of the feature maps that feed the model's head:
one singular value decomposition per map, no gradients, no class. It shows what stands out to the model, not why it
chose a class.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.evaluation.predict.predictions import best_weights
from core.evaluation.predict.predictor import Predictor, pictures_in
from core.jobs import Report
from core.processes.children import answer, run_child
from core.tasks import TASKS
from core.ultralytics.networks import head_sources, layers_in_use

DRAWING_SECONDS = 180
"""One picture takes about five seconds, most of them until the model is loaded."""


def heat_map(run_folder: Path, picture: Path, imgsz: int) -> Path:
    """Return a JPEG of the picture with the heat map over it, made in a child and kept in the run's folder.

    Raises InputError for a run without a model, GraftError with the reason when there is none.
    """
    weights = best_weights(run_folder)
    key = hashlib.sha256(f"{picture} {weights.stat().st_mtime_ns} {imgsz}".encode()).hexdigest()[:20]
    out = run_folder / "evaluation" / "heat" / f"{key}.jpg"
    if out.is_file():
        return out
    out.parent.mkdir(parents=True, exist_ok=True)
    run_child(
        "core.evaluation.predict.explain",
        {"weights": str(weights), "picture": str(picture), "imgsz": imgsz, "out": str(out)},
        timeout=DRAWING_SECONDS,
        failure="The heat map could not be made",
    )
    return out


def principal_map(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the (h, w) projection of (channels, h, w) features on their first principal direction, 0 to 1.

    The sign of a singular vector is arbitrary: it is chosen so that strong activation is hot.
    """
    channels, height, width = features.shape
    flat = features.reshape(channels, -1).T.astype(float)
    centred = flat - flat.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    projected = centred @ directions[0]
    strength = np.linalg.norm(flat, axis=1)
    if np.dot(projected, strength - strength.mean()) < 0:
        projected = -projected
    low, high = projected.min(), projected.max()
    spread = high - low if high > low else 1.0
    result: NDArray[np.float64] = ((projected - low) / spread).reshape(height, width)
    return result


def _work(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    predictor = Predictor()
    predictor.load(request["weights"])
    pixels = next(pictures_in(Path(request["picture"])))
    layers = layers_in_use(predictor.model)
    seen: dict[str, Any] = {"maps": []}
    # remembers what goes in and what feeds the head
    layers[0].register_forward_pre_hook(lambda _module, inputs: seen.update(shape=inputs[0].shape[-2:], maps=[]))
    for index in head_sources(layers):
        layers[index].register_forward_hook(
            lambda _module, _inputs, output: seen["maps"].append(output[0].detach().float().cpu().numpy())
        )
    predictor.result(pixels, request["imgsz"], 0.25)
    image, classify = Image.fromarray(pixels), TASKS[predictor.model.task].names_pictures
    overlay(image, seen["maps"], seen["shape"], classify=classify).save(request["out"], quality=88)
    return {}


def overlay(
    image: Image.Image, features: list[NDArray[np.float32]], shape: tuple[int, int], *, classify: bool
) -> Image.Image:
    """Return an RGB picture with the mean principal map of `features`, each (channels, h, w), laid over it.

    `shape` is the height and width of what the model was fed: the picture with grey borders (letterbox), or, when it
    classifies, the middle square.
    """
    from matplotlib import colormaps

    height, width = (int(side) for side in shape)
    heat = np.mean([_resized(principal_map(item), width, height) for item in features], axis=0)
    shown = np.asarray(image, dtype=float)
    if classify:
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        part = _resized(heat, side, side)
        full = np.zeros((image.height, image.width))
        full[top : top + side, left : left + side] = part
    else:  # take away the grey borders of the letterbox
        scale = min(height / image.height, width / image.width)
        inner = round(image.height * scale), round(image.width * scale)
        top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
        full = _resized(heat[top : top + inner[0], left : left + inner[1]], image.width, image.height)
    colours = colormaps["inferno"](full)[..., :3] * 255
    share = (0.15 + 0.55 * full)[..., None]
    return Image.fromarray((shown * (1 - share) + colours * share).astype(np.uint8))


def _resized(heat: NDArray[np.floating], width: int, height: int) -> NDArray[np.float64]:
    resized = Image.fromarray(heat.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    result: NDArray[np.float64] = np.clip(np.asarray(resized, dtype=float), 0, 1)
    return result


if __name__ == "__main__":
    answer(_work)
