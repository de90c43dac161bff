"""What a model's backbone says of whole pictures: the mean of each channel at its four coarsest strides.

Early layers see light, contrast and sharpness, late ones shapes and things (Yosinski et al. 2014), so both kinds of
unlikeness show. In the predictor's child and the training worker only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.dataset import Dataset
from core.data.images.decoding import load_rgb
from core.data.images.page import UnreadableImage
from core.errors import GraftError
from core.evaluation.predict.novelty import (
    FEWEST_TRAINING,
    FEWEST_VALIDATION,
    TrainingFeatures,
    features_path,
    fit,
    load_features,
    save_features,
)
from core.evaluation.predict.predictions import best_weights, present_dataset
from core.evaluation.predict.predictor import Predictor
from core.files.digests import file_sha256
from core.spec import read_spec
from core.tasks import TASKS
from core.ultralytics.networks import backbone_layers, layers_in_use

DEPTHS = 4
"""Strides taken, the coarsest; of each the last layer."""
SMALL = 256
"""Pixels at which the layers are looked through: every stride gives maps of another size."""
MOST_TRAINING, MOST_VALIDATION = 500, 200
"""Pictures looked at, drawn at random where there are more: more hardly move the distances, and cost time."""


class Watched:
    """What the watched layers put out in the last prediction."""

    def __init__(self, *, padded: bool) -> None:
        self.maps: dict[int, Any] = {}
        self.padded = padded
        """whether pictures are fed with grey borders, which don't count"""

    def features(self, picture: tuple[int, ...]) -> NDArray[np.float32]:
        """Return the mean of each channel, (features,), over what stands for a picture of this height and width."""
        means = []
        for index in sorted(self.maps):
            maps = self.maps[index][0]
            if self.padded:
                rows, columns = _inside(maps.shape[1:], picture)
                maps = maps[:, rows, columns]
            means.append(maps.float().mean(dim=(1, 2)).cpu().numpy())
        return np.concatenate(means)


def _inside(maps: tuple[int, ...], picture: tuple[int, ...]) -> tuple[slice, slice]:
    """Return rows and columns of a (height, width) map that stand for the picture, not the border around it."""
    scale = min(maps[0] / picture[0], maps[1] / picture[1])
    sides = [max(1, round(side * scale)) for side in picture]
    starts = [(whole - side) // 2 for whole, side in zip(maps, sides, strict=True)]
    return slice(starts[0], starts[0] + sides[0]), slice(starts[1], starts[1] + sides[1])


@contextmanager
def watched(predictor: Predictor, layers: Iterable[int]) -> Iterator[Watched]:
    """Watch these layers in the predictions made inside the `with` statement."""
    if predictor.model.predictor is None:  # the layers are fused, and thereby others, at the first prediction
        predictor.result(np.full((64, 64, 3), 114, np.uint8), None, 0.9)
    seen = Watched(padded=not TASKS[predictor.model.task].names_pictures)
    there = layers_in_use(predictor.model)

    def keep(index: int) -> Callable[[Any, Any, Any], None]:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            seen.maps[index] = output.detach()

        return hook

    hooks = [there[index].register_forward_hook(keep(index)) for index in layers]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def feature_layers(predictor: Predictor) -> dict[int, int]:
    """Return the last layer of the backbone at each of its coarsest strides: {number: channels}."""
    network = predictor.model.model
    layers = range(min(backbone_layers(network), len(network.model) - 1))
    with watched(predictor, layers) as seen:
        predictor.result(np.full((64, 64, 3), 114, np.uint8), SMALL, 0.9)
    last = {maps.shape[-1]: index for index, maps in seen.maps.items()}
    chosen = sorted(last[side] for side in sorted(last)[:DEPTHS])
    return {index: int(seen.maps[index].shape[1]) for index in chosen}


def features_of(
    predictor: Predictor, image: NDArray[np.uint8], imgsz: int | None, layers: Collection[int]
) -> NDArray[np.float32]:
    """Return the (features,) of an RGB picture (h, w, 3); no layer after those is run."""
    with watched(predictor, layers) as seen:
        predictor.run_until(image, imgsz, max(layers))
    return seen.features(image.shape[:2])


def learn(
    predictor: Predictor,
    dataset: Dataset,
    imgsz: int,
    weights_sha256: str,
    say: Callable[[int, int], None] | None = None,
    seen_before: Mapping[str, NDArray[np.float32]] | None = None,
) -> TrainingFeatures | None:
    """Return what new pictures are compared with, from the training and validation pictures of a dataset.

    `seen_before`: features of its pictures, by file, that are at hand; the others are looked at. `say(done, total)` is
    told in pictures. None where there are too few validation pictures to set a limit on. Raises
    GraftError for a picture that is gone.
    """
    table = dataset.image_table()
    parts = [table.loc[table["split"] == split, "file"] for split in ("train", "val")]
    if len(parts[0]) < FEWEST_TRAINING or len(parts[1]) < FEWEST_VALIDATION:
        return None
    chosen = [
        part.sample(min(len(part), most), random_state=0).tolist()
        for part, most in zip(parts, (MOST_TRAINING, MOST_VALIDATION), strict=True)
    ]
    layers = feature_layers(predictor)
    done, total = 0, len(chosen[0]) + len(chosen[1])
    seen: list[list[NDArray[np.float32]]] = [[], []]
    for files, kept in zip(chosen, seen, strict=True):
        for file in files:
            features = (seen_before or {}).get(file)
            if features is None:
                try:
                    image = np.asarray(load_rgb(dataset.image_path(file)))
                except (UnreadableImage, OSError) as error:
                    raise GraftError(f"{dataset.image_path(file)} can't be read any more: {error}") from error
                features = features_of(predictor, image, imgsz, layers)
            kept.append(features)
            done += 1
            if say is not None:
                say(done, total)
    return fit(np.stack(seen[0]), np.stack(seen[1]), layers, weights_sha256)


def learn_run(
    run_folder: Path,
    predictor: Predictor,
    say: Callable[[int, int], None] | None = None,
    seen_before: Mapping[str, NDArray[np.float32]] | None = None,
) -> TrainingFeatures | None:
    """Return what new pictures are compared with for a run's best model; its pictures are looked at once, then kept.

    `seen_before`: as `learn` takes it, from the same weights. None where the dataset is gone or has too few validation
    pictures.
    """
    weights, path = best_weights(run_folder), features_path(run_folder)
    digest = file_sha256(weights)
    features = load_features(path, digest)
    dataset = present_dataset(run_folder)
    if features is not None or dataset is None or dataset.images.get("val", 0) < FEWEST_VALIDATION:
        return features
    predictor.load(str(weights))
    features = learn(predictor, dataset, read_spec(run_folder).imgsz, digest, say, seen_before)
    if features is not None:
        try:
            save_features(features, path)
        except OSError as error:
            raise GraftError(f"{path} can't be written: {error.strerror}") from error
    return features
