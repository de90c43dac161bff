"""Fresh statistics for the batch norms of the averaged model before it is judged and kept.

While it learns, a batch norm keeps a slow average of what passes through it: by weights that have moved on, and of
collages with grey borders, which are not what will be seen. Judged by that, yolo11n on DeepPCB jumped between .05 and
.48 mAP50-95 from epoch to epoch. So they are counted anew by the averaged weights ("precise BN": Wu and Johnson 2021,
arXiv 2105.07576; averaged weights need it the more: Izmailov et al. 2018, arXiv 1803.05407): from whole training
pictures for as long as it learns from collages, and from the newest batches once it learns from whole pictures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from core.ultralytics.precision import Bf16Network
from core.ultralytics.trainers.distillation import student
from core.ultralytics.trainers.measuring import untouched

PICTURES = 32
"""Whole pictures looked at, evenly spread over the training part: one or two seconds on two cores at 320 px."""
AT_ONCE = 8


def settle_norms(trainer: Any, batches: Iterable[Any]) -> None:
    """Count the statistics of the averaged model's batch norms anew from batches of pictures, if there are any.

    `batches`: tensors (n, channels, height, width), 0 to 1. Norms of frozen layers stay as they came.
    """
    import torch

    average, live = student(trainer.ema.ema), dict(student(trainer.model).named_modules())
    norms = [
        module
        for name, module in average.named_modules()
        if isinstance(module, torch.nn.BatchNorm2d) and live[name].weight.requires_grad
    ]
    before = [(module.momentum, {name: value.clone() for name, value in module.named_buffers()}) for module in norms]
    for module in norms:
        module.reset_running_stats()
        module.momentum = None  # all batches count alike
        module.train()
    seen = 0
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=isinstance(live[""], Bf16Network)):
        for pictures in batches:
            average.predict(pictures)
            seen += 1
    for module, (momentum, buffers) in zip(norms, before, strict=True):
        module.momentum = momentum
        module.eval()
        if not seen:
            module.load_state_dict(buffers, strict=False)


def whole_pictures(trainer: Any) -> Iterator[Any]:
    """Yield batches of whole training pictures as the validation sees its own; none where they can't be had so."""
    import numpy as np
    import torch
    from ultralytics.data.augment import LetterBox

    dataset = trainer.train_loader.dataset
    if not hasattr(dataset, "load_image"):
        return  # classifiers look at crops
    fit = LetterBox((trainer.args.imgsz, trainer.args.imgsz), auto=True, stride=trainer.stride)
    few = min(PICTURES, len(dataset))
    shapes: dict[tuple[int, ...], list[Any]] = {}
    with untouched(dataset):
        for place in range(few):
            picture: Any = fit(image=dataset.load_image(place * len(dataset) // few)[0])
            picture = picture[..., None] if picture.ndim == 2 else picture
            shapes.setdefault(picture.shape, []).append(picture[..., ::-1].transpose(2, 0, 1))
    for alike in shapes.values():
        for start in range(0, len(alike), AT_ONCE):
            batch = torch.from_numpy(np.stack(alike[start : start + AT_ONCE])).to(trainer.device).float() / 255
            layout = torch.channels_last if getattr(trainer, "wants_channels_last", False) else torch.contiguous_format
            yield batch.contiguous(memory_format=layout)
