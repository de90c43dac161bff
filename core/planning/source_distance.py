"""How far a set's pictures are from those a model was pre-trained on, measured in a child with its own backbone.

The pictures of the source are not needed: every batch-norm layer remembers mean and spread of each feature over them.
The distance of a layer is the root mean square, over its features, of the shift of the mean and of the change of the
spread, both in standard deviations of the source; that of a set is the median over the backbone's layers.

Measured (8 to 24 pictures, longer side 320 px): photographs like COCO's 0.31 to 0.34 with yolo26n, yolo11n and yolov8n,
aerial pictures 0.30 to 0.36, defects, circuit boards, blood cells and chest X-rays 0.42 to 0.59; with yolo11n-cls 0.24
to 0.28, 0.40, and 0.50 to 0.72.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.data.dataset import Dataset
from core.errors import GraftError
from core.jobs import Report
from core.models.weights import WeightsFile
from core.processes.children import answer, run_child
from core.ultralytics.checkpoints import read_network
from core.ultralytics.networks import backbone_layers, layers_of, run_layers
from core.ultralytics.offline import enter_isolation
from core.workspace import read_json, write_json_atomic

PICTURES = 48
"""Pictures looked at: the means of a layer move by a few hundredths beyond two dozen."""
SIDE = 320
FAR = 0.41
"""Distance from which a set counts as far from the source: between the two groups above."""
FILE = "source-distance.json"
MEASURING_SECONDS = 300
"""It takes about ten seconds with a nano model on two cores; the largest have fifty times its work."""


def known_distance(dataset: Dataset, weights: WeightsFile | None) -> float | None:
    """Return what was measured for these weights and this state of the dataset; None when nothing was."""
    value = read_json(dataset.root / FILE).get(_key(dataset, weights.sha256)) if weights else None
    return float(value) if isinstance(value, (int, float)) else None


def measure_distance(dataset: Dataset, weights: WeightsFile | None, model: str) -> float:
    """Measure in a child process (about ten seconds) and keep the answer with the dataset; `model` is for messages.

    Raises GraftError when the weights are not there or can't be used.
    """
    if weights is None:
        raise GraftError(f"The weights of {model} are not on this machine yet, so nothing can be measured with them.")
    table = dataset.image_table()
    files = list(table[table["split"] == "train"]["file"]) or list(table["file"])
    chosen = files[:: max(1, len(files) // PICTURES)][:PICTURES]
    measured = run_child(
        "core.planning.source_distance",
        {"weights": str(weights.path), "pictures": [str(dataset.image_path(file)) for file in chosen]},
        timeout=MEASURING_SECONDS,
        failure=f"The pictures could not be compared with what {model} knows",
    )
    value = float(measured["distance"])
    path = dataset.root / FILE
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    with suppress(OSError):  # a full or read-only disk: it is measured again the next time
        write_json_atomic(path, {**kept, _key(dataset, weights.sha256): round(value, 4)})
    return value


def _key(dataset: Dataset, digest: str) -> str:
    return f"{digest[:16]} {dataset.checksum[:16]} {dataset.images.get('train', 0)}"


def distance(weights: Path, pictures: list[Path]) -> float:
    """Return the distance of `pictures` from the source of a checkpoint. Raises GraftError when it can't be told."""
    import torch

    model = read_network(weights).float().eval()
    depth = backbone_layers(model)
    backbone = layers_of(model)[:depth]
    layers: list[Any] = [module for module in backbone.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    if not layers:
        raise GraftError("the checkpoint holds no batch-norm layers (it was exported or fused)")
    sums: dict[int, Any] = {}

    def add_moments(module: Any, inputs: Any) -> None:
        features = inputs[0]
        moments = torch.stack([features.mean((0, 2, 3)), features.square().mean((0, 2, 3))])
        sums[id(module)] = sums.get(id(module), 0) + moments

    for layer in layers:
        layer.register_forward_pre_hook(add_moments)
    seen = 0
    with torch.no_grad():
        for path in pictures:
            run_layers(model, 0, depth, {}, _tensor(path))
            seen += 1
    if not seen:
        raise GraftError("there are no pictures")
    values = []
    for layer in layers:
        mean, square = sums[id(layer)] / seen
        spread = (square - mean.square()).clamp(min=1e-6).sqrt()
        source = layer.running_var.clamp(min=1e-6).sqrt()
        shift, change = (mean - layer.running_mean) / source, spread / source - 1
        values.append(float((shift.square() + change.square()).mean().sqrt()))
    return float(torch.tensor(values).median())


def _tensor(path: Path) -> Any:
    import numpy as np
    import torch
    from PIL import Image

    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    ratio = SIDE / max(picture.size)
    size = [max(32, round(side * ratio / 32) * 32) for side in picture.size]
    pixels = np.array(picture.resize((size[0], size[1])))
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


def _work(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    enter_isolation()
    return {"distance": distance(Path(request["weights"]), [Path(picture) for picture in request["pictures"]])}


if __name__ == "__main__":
    answer(_work)
