"""The libraries a training or a look at a model takes long to import, all at once: for core.processes.warm."""

from __future__ import annotations

import cv2  # noqa: F401
import numpy
import pandas  # noqa: F401
import pydantic  # noqa: F401
import scipy.optimize  # noqa: F401
import torch
import torchvision  # noqa: F401
import ultralytics.data.build
import ultralytics.engine.validator
import ultralytics.models.yolo
import ultralytics.nn.tasks  # noqa: F401

if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
    raise ImportError("the card was taken while libraries were imported: no child could use it")
numpy.random.rand()  # made now, seeded anew in each child
