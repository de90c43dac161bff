"""The one way of looking at a picture: evaluation, prediction, tiles, videos and the check of exports all go by it.

A picture is decoded to 8 bits, upright, without transparency (`pictures_in`). Then, alone, never in a batch whose other
pictures would decide how it is padded, it is scaled to `imgsz` by its longer side, padded with grey to whole strides,
shown to the network, and what overlaps too much is left out, with at most `max_det` findings kept (`Predictor.result`).
Models are loaded weights-only; in child processes only.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.data.images.decoding import decode
from core.data.images.windows import Window
from core.errors import InputError
from core.evaluation.predict.predictions import NMS_IOU
from core.processes.cores import SharedCores
from core.spec import USUAL_MAX_DET
from core.tasks import TASKS
from core.ultralytics.networks import input_channels
from core.ultralytics.offline import enter_isolation

PLAIN_OPEN = Image.open
"""Pillow's own, as long as Ultralytics is not imported: its replacement blames a missing HEIC package for every picture
that is damaged."""


class Predictor:
    """One model, kept ready; asking for another one lets go of the first."""

    def __init__(self, device: str = "auto") -> None:
        """Look on `device`: auto, cpu, mps, or a GPU's number (of several, the first)."""
        self.device = "" if device == "auto" else device.split(",")[0]
        self.model: Any = None
        self.key: tuple[str, int, int] | None = None
        self.classes: list[str] = []
        self.channels = 3
        self.cores: SharedCores | None = None

    def _share_cores(self, *_callback: Any) -> None:
        """Let torch work with the cores others leave free; Ultralytics chooses a number by itself with each device."""
        if self.cores is None:
            self.cores = SharedCores()
        self.cores.adapt()
        self.cores.use()

    def load(self, weights: str) -> None:
        """Hold the model of a checkpoint, loaded weights-only. Raises InputError when it is refused."""
        try:
            stat = Path(weights).stat()
        except OSError as error:
            raise InputError(f"{Path(weights).name} is not there any more.") from error
        key = (weights, stat.st_mtime_ns, stat.st_size)
        if key == self.key:
            return
        self.model = self.key = None
        gc.collect()
        enter_isolation()
        from core.models.checkpoint import describe_checkpoint

        try:
            described = describe_checkpoint(Path(weights))  # refuses with a reason; nothing of the file is run
        except (InputError, OSError) as error:
            raise InputError(f"{Path(weights).name} is refused: {error}") from error
        if described["task"] not in TASKS:
            known = ", ".join(TASKS)
            raise InputError(f"{Path(weights).name} is for the task {described['task']}; known here are {known}.")
        from ultralytics import YOLO

        Image.open = PLAIN_OPEN
        self.model = YOLO(weights)
        self.model.add_callback("on_predict_start", self._share_cores)
        self.channels = input_channels(self.model.model)
        self.classes = described["classes"]
        self.key = key

    @property
    def imgsz(self) -> int:
        """The size the checkpoint itself was trained at, in pixels."""
        size = self.model.overrides.get("imgsz", 640)
        return int(max(size) if isinstance(size, (list, tuple)) else size)

    def result(
        self, image: NDArray[np.uint8], imgsz: int | None, confidence: float, max_det: int = USUAL_MAX_DET
    ) -> Any:
        """Return Ultralytics' result for one RGB picture (h, w, 3): findings above `confidence`, `max_det` at most."""
        return look(
            self.model, image, imgsz or self.imgsz, confidence, max_det, grey=self.channels == 1, device=self.device
        )

    def run_until(self, image: NDArray[np.uint8], imgsz: int | None, layer: int) -> None:
        """Show one RGB picture (h, w, 3) to the layers up to `layer` as `result` does, and to none after it."""
        look(
            self.model, image, imgsz or self.imgsz, 0.9, 1, grey=self.channels == 1, device=self.device, embed=[layer]
        )  # fmt: skip


def look(
    model: Any,
    image: NDArray[np.uint8],
    imgsz: int,
    confidence: float,
    max_det: int,
    *,
    grey: bool = False,
    **options: Any,
) -> Any:
    """Return the result of an Ultralytics `YOLO`, of a checkpoint or an export, for one RGB picture (h, w, 3).

    `grey` for networks of one channel; `options` go to its `predict`.
    """
    if grey:
        given = np.ascontiguousarray(image.mean(axis=2, keepdims=True).astype(np.uint8))
    else:
        given = np.ascontiguousarray(image[:, :, ::-1])  # Ultralytics takes arrays as blue, green, red
    answer: list[Any] = model.predict(
        given, batch=1, conf=confidence, iou=NMS_IOU, max_det=max_det, imgsz=imgsz, verbose=False, **options
    )
    return answer[0]


def pictures_in(path: Path, window: str = "auto") -> Iterator[NDArray[np.uint8]]:
    """Give every page of a picture file as RGB (h, w, 3), upright, transparency laid on white.

    More than 8 bits are brought to 8 by `window`, as Window.parse reads it. Raises UnreadableImage with the reason.
    """
    for page in decode(path, Window.parse(window)):
        yield np.asarray(page.image.convert("RGB"))
