"""The last look: the best model sees the validation pictures as it will be used, and the training pictures once.

The model is trained and kept by then: a look that fails is told as a warning and undoes nothing.
"""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.training.metric_names import figures_of_run
from core.training.records.events import EventWriter
from core.training.store import Run
from core.workspace import Workspace

SECONDS_BETWEEN = 0.5
"""How long a look at the pictures goes on before it says how far it is, at least."""


def last_look(workspace: Workspace, run: Run, told: dict[str, float], events: EventWriter) -> dict[str, float | None]:
    """Store what the best model says of the validation pictures, and what it saw in the training pictures.

    Returns the figures of that evaluation; where there are none, `told`: those of Ultralytics' validator.
    """
    from core.evaluation.evaluation import evaluate_run
    from core.evaluation.predict.pooled_features import feature_layers, learn_run, watched
    from core.evaluation.predict.predictions import best_weights
    from core.evaluation.predict.predictor import Predictor
    from core.evaluation.predicting import predict_in_process

    predictor, figures = Predictor(run.device), dict[str, float | None](told)
    validation: dict[str, NDArray[np.float32]] = {}
    say = _said(events, "Looking at the validation pictures")
    try:
        predictor.load(str(best_weights(run.folder)))
        with watched(predictor, feature_layers(predictor)) as seen:

            def keep(file: str, pixels: NDArray[np.uint8]) -> None:
                validation[file] = seen.features(pixels.shape[:2])

            predict_in_process(run.folder, "val", say, predictor=predictor, looked_at=keep)
        figures = figures_of_run(evaluate_run(workspace, run.id), told) or figures
    except Exception as error:
        traceback.print_exc()
        events.write("log", level="warning", message=f"Validation predictions could not be stored: {error}")
    try:
        say = _said(events, "Keeping what it saw, to know unlike pictures by")
        learn_run(run.folder, predictor, say, seen_before=validation)
    except Exception as error:  # it is tried again when the model is used
        traceback.print_exc()
        message = f"The training pictures could not be kept to compare new ones with: {error}"
        events.write("log", level="warning", message=message)
    return figures


def _said(events: EventWriter, message: str) -> Callable[[int, int], None]:
    """Return what tells the run's events how many of how many pictures a look has seen."""
    last = -math.inf

    def say(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS_BETWEEN or done == total:
            last = time.monotonic()
            events.write("look", message=message, done=done, total=total)

    say(0, 0)
    return say
